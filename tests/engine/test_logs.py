"""Log lines and where they go."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator

import pytest
from rich.console import Console
from rich.progress import Progress

from ivr.config import LogSettings
from ivr.engine.logs import set_up_logs


@pytest.fixture
def logs() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    set_up_logs(LogSettings())
    yield logging.getLogger("ivr.test")
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def test_lines_go_to_standard_error(logs: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    logs.info("listening sip=%s", "127.0.0.1:5060\nforged")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(r"INFO ivr.test listening sip=127.0.0.1:5060\x0aforged")


def test_lines_stand_above_a_progress_bar(logs: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written beside the bar they would be glued to it."""
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    console = Console(file=screen, force_terminal=True, width=200)
    with Progress(console=console, auto_refresh=False) as progress:
        progress.add_task("Prompts", total=10)
        progress.refresh()
        logs.info("store_made customers=34")
    (line,) = [line for line in screen.getvalue().splitlines() if "store_made" in line]
    assert "Prompts" not in line
