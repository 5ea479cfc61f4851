from __future__ import annotations

from pathlib import Path

import pytest

from ivr.errors import IvrError
from ivr.speech.engines.vosk_model import look_at


def make_model(folder: Path, conf: str = "--sample-frequency=16000\n", *graph: str) -> Path:
    for name in ("am/final.mdl", "conf/mfcc.conf", *(f"graph/{file}" for file in graph or ("HCLr.fst", "Gr.fst"))):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(conf if name.endswith("conf") else "x")
    return folder


@pytest.mark.parametrize(("conf", "rate"), [("--sample-frequency=8000", 8000), ("--use-energy=false", 16000)])
def test_the_rate_is_the_one_in_the_models_own_settings(tmp_path: Path, conf: str, rate: int) -> None:
    assert look_at(make_model(tmp_path, conf)).rate == rate


def test_a_fixed_graph_is_told_from_one_that_takes_grammars(tmp_path: Path) -> None:
    assert look_at(make_model(tmp_path / "a")).takes_grammars
    assert not look_at(make_model(tmp_path / "b", "", "HCLG.fst")).takes_grammars


def test_a_folder_around_the_model_is_told_from_the_model(tmp_path: Path) -> None:
    make_model(tmp_path / "vosk-model-small")
    with pytest.raises(IvrError, match=r"did you mean .*/vosk-model-small"):
        look_at(tmp_path)


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        ("am/final.mdl", "am/final.mdl missing"),
        ("conf/mfcc.conf", "conf/mfcc.conf missing"),
        ("graph/Gr.fst", "no graph"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, spoil: str, found: str) -> None:
    (make_model(tmp_path) / spoil).unlink()
    with pytest.raises(IvrError, match=found):
        look_at(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(IvrError, match="nowhere is no folder"):
        look_at(tmp_path / "nowhere")


def test_an_impossible_rate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IvrError, match="44 Hz"):
        look_at(make_model(tmp_path, "--sample-frequency=44"))
