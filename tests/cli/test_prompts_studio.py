"""From the sheet to the voice talent and back: script, import, todo."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from ivr.cli.prompts import prompts_app
from ivr.speech.wav import decode_wav

spec = importlib.util.spec_from_file_location("wavs", Path(__file__).parents[1] / "speech" / "test_recording.py")
assert spec is not None
assert spec.loader is not None
wavs: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(wavs)

MENU = """\
ivr: 1
name: little
title: The little line
start: hello
languages:
  - {code: en, prompts: prompts/en.yaml}
  - {code: es, prompts: prompts/es.yaml}
defaults: {on_fault: hello}
data: {balance: {needs: [phone], gives: [amount_due], limit: 2s}}
steps:
  hello: {type: lookup, use: balance, meanwhile: wait.moment, ok: tell, not_found: tell_none, down: tell_none}
  tell: {type: say, say: tell.due, go: END}
  tell_none: {type: say, say: tell.none, go: END}
"""
EN = """\
prompts: en
wait.moment: {text: "One moment.", also: {es: "Un momento."}}
tell.due: {text: "You owe {amount_due:money}, pay <now>.", when_zero: {amount_due: "Nothing is due."}}
tell.none: {text: "There is no bill.", audio: [no_bill.wav]}
"""
ES = """\
prompts: es
wait.moment: Espere.
tell.due: {text: "Usted debe {amount_due:money}.", when_zero: {amount_due: "No debe nada."}}
tell.none: "No hay factura."
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "menus" / "prompts").mkdir(parents=True)
    (tmp_path / "menus" / "little.yaml").write_text(MENU)
    (tmp_path / "menus" / "prompts" / "en.yaml").write_text(EN)
    (tmp_path / "menus" / "prompts" / "es.yaml").write_text(ES)
    (tmp_path / "ivr.toml").write_text('[menu]\ndefault = "little"\naudio = "audio"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IVR_CONFIG", raising=False)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(prompts_app, [*arguments])


def todo(*arguments: str) -> list[tuple[str, str, str]]:
    result = run("todo", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return [(task["language"], task["what"], task["id"]) for task in json.loads(result.stdout)]


def deliver(folder: Path, name: str, data: bytes | None = None) -> None:
    path = folder / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wavs.wav(wavs.talk(16000), 16000) if data is None else data)


ALL_EN = ["wait.moment", "tell.due.1", "tell.due.2", "tell.due.when_zero.amount_due", "no_bill"]


def test_the_sheet_names_every_recording_its_text_and_where_it_is_said(shop: Path) -> None:
    assert run("script", "-o", "sheet.csv").exit_code == 0
    rows = list(csv.DictReader(io.StringIO((shop / "sheet.csv").read_text("utf-8-sig"))))
    english = {row["file"]: row for row in rows if row["language"] == "en"}
    assert list(english) == [f"{name}.wav" for name in ALL_EN]
    owe = english["tell.due.1.wav"]
    assert owe["text"] == "You owe"
    assert owe["how"] == "a value follows: keep the voice up at the end"
    assert owe["whole prompt"] == "You owe {amount_due:money}, pay <now>."
    assert owe["where"] == "tell (say)"
    assert english["tell.due.2.wav"]["text"] == "pay <now>."
    assert english["tell.due.2.wav"]["how"] == "a value goes before: begin in the middle of the sentence"
    assert english["wait.moment.wav"]["where"] == "hello (lookup), while the look-up takes its time"
    assert english["wait.moment.wav"]["how"] == ""
    other_voice = [row for row in rows if row["file"] == "wait.moment.also.wav"]
    assert [(row["language"], row["text"]) for row in other_voice] == [("es", "Un momento.")]


class Page(HTMLParser):
    """What is on a page, and whether its tags fit together."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.boxes = self.rows = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta",):
            self.open.append(tag)
        self.boxes += dict(attrs).get("class") == "box"
        self.rows += tag == "tr"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_printed_sheet_has_two_empty_boxes_a_line_and_shows_signs_as_they_are(shop: Path) -> None:
    assert run("script", "-o", "sheet.html", "-l", "en").exit_code == 0
    written = (shop / "sheet.html").read_text()
    page = Page()
    page.feed(written)
    assert page.open == []
    assert (page.rows, page.boxes) == (1 + len(ALL_EN), 2 * len(ALL_EN))
    assert "pay <now>." in page.text
    assert "http" not in written, "it needs nothing from outside"


def test_a_line_for_the_printer_is_never_wider_than_the_paper(shop: Path) -> None:
    lines = run("script").stdout.splitlines()
    assert max(map(len, lines)) <= 78
    assert any(line.startswith("[ ]   1  wait.moment.wav  (en)") for line in lines)


def test_an_unknown_language_or_format_is_told_with_the_known_ones(shop: Path) -> None:
    assert "it speaks en, es" in str(run("script", "-l", "fr").exception)
    assert ".html, .csv or .txt" in str(run("script", "-o", "sheet.pdf").exception)


def test_recordings_are_taken_in_and_nothing_is_left_to_do(shop: Path) -> None:
    assert {what for _, what, _ in todo("-l", "en")} == {"unrecorded"}
    for name in ALL_EN:
        deliver(shop / "studio", name)
    result = run("import", "studio", "-l", "en", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert [one["level"] for one in report["taken"]] == [-20.0] * 5
    assert all(one["cut_before"] > 0.6 for one in report["taken"])
    assert todo("-l", "en") == []
    assert decode_wav((shop / "audio" / "en" / "no_bill.wav").read_bytes()).rate == 16000
    assert (shop / "audio" / "en" / "tell.due.1.txt").read_text() == "You owe\n"
    assert "wait.moment.wav" not in run("script", "-l", "en").stdout.replace("also", "")
    assert "wait.moment.wav" in run("script", "-l", "en", "--all").stdout


def test_a_text_that_was_changed_is_to_be_recorded_again(shop: Path) -> None:
    deliver(shop / "studio" / "en", "wait.moment")
    assert run("import", "studio").exit_code == 0
    path = shop / "menus" / "prompts" / "en.yaml"
    path.write_text(path.read_text().replace("One moment.", "One moment please."))
    assert ("en", "changed", "wait.moment") in todo()
    assert todo()[0][1] == "changed", "what is wrong on the line comes before what is only not recorded"
    assert "recorded now with other words: One moment." in run("script", "-l", "en").stdout
    path.write_text(path.read_text().replace("One moment please.", "One  moment."))
    assert ("en", "changed", "wait.moment") not in todo()


def test_a_recording_put_there_by_hand_is_to_be_checked(shop: Path) -> None:
    deliver(shop / "audio" / "en", "wait.moment")
    deliver(shop / "audio" / "en", "no_bill", b"not a wav")
    assert todo("-l", "en")[:2] == [("en", "unreadable", "no_bill"), ("en", "unchecked", "wait.moment")]


def test_a_prompt_that_takes_too_long_to_listen_to_is_told_with_its_limit(shop: Path) -> None:
    assert todo("--longest", "60") == todo()
    result = run("todo", "--longest", "2")
    assert "too long" in result.stdout
    assert "at most 2, split or shorten it" in result.stdout


def test_a_prompt_one_language_lacks_is_missing_though_the_menu_cannot_be_loaded(shop: Path) -> None:
    path = shop / "menus" / "prompts" / "es.yaml"
    path.write_text(path.read_text().replace('tell.none: "No hay factura."\n', ""))
    assert todo() == [("es", "missing", "tell.none")]
    assert "`ivr check` names them all" in run("todo").stdout
    path.write_text(path.read_text() + 'tell.none: "No {amount_due:monney}"\n')
    assert todo() == [("es", "missing", "tell.none")]


def test_what_does_not_fit_is_refused_with_its_reason_and_the_rest_is_taken(shop: Path) -> None:
    studio = shop / "studio"
    deliver(studio, "en/wait.moment")
    deliver(studio, "en/tel.due.1")
    deliver(studio, "en/no_bill", wavs.wav(np.clip(wavs.talk(8000, size=1.6), -1, 1), 8000))
    deliver(studio, "en/017 Tell.Due.2")
    deliver(studio, "es/tell.none")
    deliver(studio, "es/take2/tell.none")
    result = run("import", "studio")
    assert result.exit_code == 2
    assert (
        "studio/en/tel.due.1.wav: is named like no prompt of this menu; did you mean tell.due.1?" in result.output
    )
    assert "studio/en/no_bill.wav: is clipped in" in result.output
    assert "is tell.none, and so is studio/es/tell.none.wav; keep the better one" in result.output
    assert "2 taken in, 3 refused." in result.output
    found = sorted(path.name for path in (shop / "audio").rglob("*.wav"))
    assert found == ["tell.due.2.wav", "wait.moment.wav"]


def test_a_look_first_writes_nothing(shop: Path) -> None:
    deliver(shop / "studio" / "en", "wait.moment")
    assert "1 would be taken in." in run("import", "studio", "--check").stdout
    assert not (shop / "audio").exists()


def test_a_folder_without_recordings_or_language_is_told(shop: Path) -> None:
    (shop / "empty").mkdir()
    assert "has no WAV files" in str(run("import", "empty").exception)
    assert "is no folder" in str(run("import", "nowhere").exception)
    deliver(shop / "studio", "wait.moment")
    result = run("import", "studio")
    assert result.exit_code == 2
    assert "is of no language; add --language with one of en, es" in result.output


def test_recordings_never_go_into_the_package_itself(shop: Path) -> None:
    (shop / "ivr.toml").write_text('[menu]\ndefault = "little"\n')
    deliver(shop / "studio" / "en", "wait.moment")
    assert "make a folder audio here, or name one with menu.audio" in str(run("import", "studio").exception)


def test_list_measures_what_is_heard(shop: Path) -> None:
    deliver(shop / "studio" / "en", "wait.moment")
    run("import", "studio")
    rows = {
        row["id"]: row
        for row in json.loads(
            run(
                "list",
                "-v",
                "--json",
            ).stdout
        )
        if row["language"] == "en"
    }
    assert rows["wait.moment"]["level"] == pytest.approx(-20, abs=0.2)
    assert 0.2 < rows["wait.moment"]["after"] < 0.5
    assert "level" not in rows["tell.none"]
    head, line = run("list", "-v").stdout.splitlines()[:2]
    assert head.split() == ["id", "language", "text", "sound", "s", "level", "peak", "before", "after"]
    assert "-20" in line
