"""Everything a prompt can sound like, wording by wording, for those who measure it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.menu.events import Piece
from ivr.menu.prompt_book import PromptBook
from ivr.menu.prompts import wordings
from ivr.menu.template import Hole

VALUE = 1.5
"""Seconds a value is counted with: an amount or a day in words."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One of the texts of a prompt."""

    prompt: str
    variant: str
    """``when_zero amount_due``; empty for the usual one."""
    pieces: tuple[Piece, ...]
    """Its fixed stretches."""
    values: int
    """How many values it says."""


def all_wordings(book: PromptBook) -> Iterator[Wording]:
    for prompt in book.prompts.values():
        for variant, parts in wordings(book, prompt):
            pieces = tuple(part for part in parts if isinstance(part, Piece))
            yield Wording(prompt.id, variant, pieces, sum(isinstance(part, Hole) for part in parts))
