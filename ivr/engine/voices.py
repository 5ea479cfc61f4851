"""Voices a menu asks for and the synthesiser lacks: one mistake a language, at its line."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ivr.errors import IvrError, Problem
from ivr.menu.model import Menu
from ivr.menu.schema import find
from ivr.menu.source import decode, read


class Voices(Protocol):
    """A synthesiser that knows its voices."""

    def check_voice(self, voice: str) -> str:
        """Raises IvrError for a voice that does not exist."""


def voice_mistakes(menu: Menu, voices: Voices) -> list[Problem]:
    """Empty when every language can be spoken. Reads the menu's file again for the places."""
    problems = []
    for number, language in enumerate(menu.languages):
        if not language.voice:
            continue
        try:
            voices.check_voice(language.voice)
        except IvrError as error:
            problems.append(_problem(menu, number, str(error)))
    return problems


def _problem(menu: Menu, number: int, message: str) -> Problem:
    path = menu.files[0] if menu.files else menu.name
    line = column = 0
    try:
        text, _ = decode(Path(path).read_bytes(), path)
        node = find(read(text, path)[0], ["languages", number, "voice"])
        line, column = node.line, node.column
    except OSError:
        pass  # the message is worth more than its place
    return Problem(path, message, line, column, f"languages[{number + 1}].voice")
