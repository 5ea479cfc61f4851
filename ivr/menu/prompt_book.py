"""The prompts of one language as they are in its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from ivr.menu.values import is_before, is_empty, is_negative, is_zero

Condition = Literal["when_negative", "when_zero", "when_empty", "when_past"]
CONDITIONS: tuple[Condition, ...] = ("when_negative", "when_zero", "when_empty", "when_past")


@dataclass(frozen=True, slots=True)
class Variant:
    """Another wording, said while a value is below zero, zero, empty, or a day gone by."""

    condition: Condition
    variable: str
    text: str

    def fits(self, values: Mapping[str, object], today: date | None) -> bool:
        """Without `today`, no day is gone by."""
        value = values.get(self.variable)
        match self.condition:
            case "when_empty":
                return is_empty(value)
            case "when_zero":
                return is_zero(value)
            case "when_negative":
                return is_negative(value)
            case "when_past":
                return today is not None and is_before(value, today)


@dataclass(frozen=True, slots=True)
class PromptText:
    """One entry of a prompt file."""

    id: str
    line: int
    text: str
    audio: tuple[str, ...]
    """Recordings for the parts in order, values as they are written in the text; empty: by name."""
    variables: tuple[str, ...]
    """Every value it may say or asks about, in all its variants, in order of appearance."""
    variants: tuple[Variant, ...] = ()
    """In the order of the file: the first that fits is said instead of `text`."""
    also: tuple[tuple[str, str], ...] = ()
    """Language and text, said after it in that language's voice: "Para español, presione 2"."""

    @property
    def may_be_empty(self) -> frozenset[str]:
        """Values it has a wording without."""
        return frozenset(v.variable for v in self.variants if v.condition == "when_empty")


@dataclass(frozen=True, slots=True)
class PromptBook:
    """All prompts of one language."""

    language: str
    path: str
    prompts: Mapping[str, PromptText]
    spoilt: Mapping[str, PromptText] = field(default_factory=dict)
    """Entries with a mistake, which is told: never said, and nothing of them is known but their values."""
    whole: bool = True
    """False where the file could not be read to its end: what is not here may stand there."""
