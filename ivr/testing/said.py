"""Words for sound: what prompts say and how long that takes, and values as people type them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from ivr.menu import events as menu_events

LETTERS_A_SECOND = 14.0
"""How fast prompts are spoken: about 165 words a minute."""


def spoken(command: menu_events.PlayPrompt) -> float:
    """Seconds it takes to say something, by its letters."""
    return max(0.2, sum(len(piece.text) for piece in command.pieces) / LETTERS_A_SECOND)


def words(pieces: Sequence[menu_events.Piece]) -> str:
    """What pieces say; secret ones as bullets."""
    said = ""
    for piece in pieces:
        text = "•••" if piece.secret else piece.text
        said += text if not said or (not text[:1].isalnum() and text[:1] not in "•¿¡“") else f" {text}"
    return said


def value_of(text: str) -> object:
    """A value somebody typed: a day, an amount, true or false, or text."""
    if text in ("true", "false"):
        return text == "true"
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        pass
    whole, _, cents = text.lstrip("-").partition(".")
    if whole.isdigit() and len(cents) == 2 and cents.isdigit():
        return Decimal(text)
    return text
