"""What every command has in common: help that a terminal of 80 columns shows well, and mistakes in one line."""

from __future__ import annotations

from itertools import pairwise

import pytest
import typer
from typer.testing import CliRunner

from ivr.cli import main as entry


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
