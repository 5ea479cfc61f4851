from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from ivr.cli.prompts import prompts_app
from ivr.speech.wav import decode_wav, encode_wav

MENU = """\
ivr: 1
name: little
start: hello
languages:
  - {code: en, voice: VOICE, prompts: prompts/en.yaml}
  - {code: es, voice: roa/es-419, prompts: prompts/es.yaml}
defaults: {on_fault: hello}
steps:
  hello: {type: say, say: greet.hello, go: END}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a menu of one prompt in two languages, and the settings that name it."""
    (tmp_path / "menus" / "prompts").mkdir(parents=True)
    (tmp_path / "menus" / "little.yaml").write_text(MENU.replace("VOICE", "gmw/en-us"))
    for language, text in (("en", "Hello and welcome."), ("es", "Hola y bienvenidos.")):
        prompts = f"prompts: {language}\ngreet.hello: {json.dumps(text)}\n"
        (tmp_path / "menus" / "prompts" / f"{language}.yaml").write_text(prompts)
    (tmp_path / "ivr.toml").write_text('[menu]\nfolder = "menus"\ndefault = "little"\naudio = "audio"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IVR_CONFIG", "ivr.toml")
    return tmp_path


def prompts(*arguments: str) -> Result:
    return CliRunner().invoke(prompts_app, arguments, catch_exceptions=False)


def listed(*more: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = json.loads(prompts("list", "--json", *more).stdout)
    return lines


def record(shop: Path, data: bytes) -> None:
    (shop / "audio" / "en").mkdir(parents=True, exist_ok=True)
    (shop / "audio" / "en" / "greet.hello.wav").write_bytes(data)


def tone() -> bytes:
    return encode_wav((9000 * np.sin(np.arange(16000) / 9)).astype("<i2").tobytes(), 16000)


def test_a_build_renders_what_is_missing_and_the_next_nothing(shop: Path) -> None:
    assert [line["state"] for line in listed()] == ["missing", "missing"]
    assert "2 rendered, 0 already there, 0 recordings" in prompts("build").stdout
    assert [line["state"] for line in listed()] == ["synthesised", "synthesised"]
    again = json.loads(prompts("build", "--json").stdout)
    assert (again["menu"], again["rendered"], again["cached"]) == ("little", 0, 2)
    sounds = [decode_wav(file.read_bytes()) for file in (shop / "var" / "prompts").glob("s-*.wav")]
    assert [sound.rate for sound in sounds] == [8000, 8000]
    assert min(sound.seconds for sound in sounds) > 0.8


def test_a_list_says_what_is_said_and_how(shop: Path) -> None:
    record(shop, tone())
    lines = listed("--menu", "menus/little.yaml")
    assert [(line["id"], line["language"], line["text"], line["state"]) for line in lines] == [
        ("greet.hello", "en", "Hello and welcome.", "recorded"),
        ("greet.hello", "es", "Hola y bienvenidos.", "missing"),
    ]
    shown = prompts("list").stdout
    assert "Hola y bienvenidos." in shown
    assert "1 missing, 1 recorded." in shown


def test_a_recording_is_converted_and_counted(shop: Path) -> None:
    record(shop, tone())
    assert "1 rendered, 0 already there, 1 recordings converted" in prompts("build").stdout


def test_a_recording_that_is_no_wav_file_is_named_and_the_rest_is_rendered(shop: Path) -> None:
    record(shop, b"OggS, not what its name says")
    assert [line["state"] for line in listed()] == ["unreadable", "missing"]
    result = prompts("build")
    assert result.exit_code == 2
    assert "audio/en/greet.hello.wav: not a WAV file" in result.stderr
    assert [line["state"] for line in listed()] == ["unreadable", "synthesised"]


def test_an_unknown_voice_is_named_with_similar_ones(shop: Path) -> None:
    (shop / "menus" / "little.yaml").write_text(MENU.replace("VOICE", "gmw/en-uk"))
    result = prompts("build")
    assert result.exit_code == 2
    assert "no voice 'gmw/en-uk'; similar: " in result.stderr
    assert "gmw/en-us" in result.stderr
