"""What every command has in common: help that a terminal of 80 columns shows well, and mistakes in one line."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ivr.cli import main as entry
from ivr.config import shipped


def commands(group: typer.Typer, *path: str) -> list[list[str]]:
    found = [[*path, str(one.name or one.callback.__name__.strip("_"))] for one in group.registered_commands]  # type: ignore[union-attr]
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        found += commands(inner.typer_instance, *path, str(inner.name))
    return found


@pytest.mark.parametrize("command", commands(entry.app), ids=" ".join)
def test_the_help_of_a_command_is_folded_once(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = CliRunner().invoke(entry.app, [*command, "--help"]).stdout
    text = shown.split("╭")[0].splitlines()
    for line, following in pairwise(text):
        if line.strip() and following.strip():
            assert len(line.rstrip()) + len(following.split()[0]) >= 77, f"broken early: {line!r}"


def test_recordings_that_cannot_be_read_are_one_line_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(shipped("menus"), tmp_path / "menus")
    (tmp_path / "audio" / "en").mkdir(parents=True)
    for name in ("main.head", "greet.name"):
        (tmp_path / "audio" / "en" / f"{name}.wav").write_text("no sound")
    (tmp_path / "ivr.toml").write_text('[sip]\nlisten = "127.0.0.1:0"\n[http]\nlisten = "127.0.0.1:0"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["ivr", "serve"])
    with pytest.raises(SystemExit) as end:
        entry.main()
    assert end.value.code == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ivr: ")]
    assert "greet.name.wav" in line
    assert line.endswith("(and 1 more; `ivr prompts build` names them all)")
