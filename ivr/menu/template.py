"""A prompt's text with places for values: ``You owe {amount_due:money}.``"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ivr.errors import IvrError
from ivr.menu.schema import meant
from ivr.menu.values import formatters

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_HOLE = re.compile(r"([a-z][a-z0-9_]*)(?::([a-z]+))?")
_LEADING = re.compile(r"[^\w]*")
"""What a stretch after a value may begin with and no voice can say: ``. It is due …``"""
_RESTS = ".!?…:;,–—"
"""Signs that ask for a rest."""


@dataclass(frozen=True, slots=True)
class Words:
    """A stretch that is always the same."""

    text: str


@dataclass(frozen=True, slots=True)
class Pause:
    """A rest after a value, by its sign. On its own, so that a recording of what follows does not lose it."""

    sign: str


@dataclass(frozen=True, slots=True)
class Hole:
    """A place for a value."""

    name: str
    formatter: str
    """One of `formatters()`; empty to say the value by its type."""

    def __str__(self) -> str:
        return f"{{{self.name}:{self.formatter}}}" if self.formatter else f"{{{self.name}}}"


Part = Words | Pause | Hole


@lru_cache(maxsize=4096)
def parse(text: str) -> tuple[Part, ...]:
    """The parts of a prompt's text, in order; each is one stretch of sound, a value perhaps several.

    ``{{`` and ``}}`` stand for the braces themselves. A variable called ``key`` needs no formatter. Raises
    IvrError for a brace too many or too few and for an unknown formatter.
    """
    parts: list[Part] = []
    words, at = "", 0
    for token in _TOKEN.finditer(text):
        words += text[at : token.start()]
        at = token.end()
        if token.group() in ("{{", "}}"):
            words += token.group()[0]
        elif token.group(1) is None:
            raise IvrError(_lone_brace(token.group(), token.start() + 1))
        else:
            parts += _words(words, after_value=bool(parts))
            parts.append(_hole(token.group(1)))
            words = ""
    return tuple(parts + _words(words + text[at:], after_value=bool(parts)))


def faults(text: str) -> list[str]:
    """Every mistake for which `parse` would raise."""
    found, opened = [], False
    for token in _TOKEN.finditer(text):
        if token.group() in ("{", "}"):
            if token.group() == "{" or not opened:  # a } after a lone { was meant for it
                found.append(_lone_brace(token.group(), token.start() + 1))
            opened = token.group() == "{"
        elif token.group(1) is not None:
            try:
                _hole(token.group(1))
            except IvrError as error:
                found.append(str(error))
    return found


def _lone_brace(sign: str, at: int) -> str:
    if sign == "{":
        return f"has a {{ at character {at} that is not closed; write }} behind the value, or {{{{ for a brace"
    return f"has a }} at character {at} without its {{; write {{ before the value, or }}}} for a brace"


def _words(text: str, *, after_value: bool) -> list[Part]:
    """A rest where the text after a value begins with one, and what can be said."""
    spoken = " ".join(text.split())
    parts: list[Part] = []
    leading = _LEADING.match(spoken)
    if after_value and leading is not None:
        signs = [sign for sign in leading.group() if sign in _RESTS]
        parts += [Pause(signs[0])] if signs else []
        kept = leading.group()[-1:] if leading.group()[-1:] in "¿¡" else ""
        spoken = kept + spoken[leading.end() :]
    return parts + ([Words(spoken)] if any(sign.isalnum() for sign in spoken) else [])


def _hole(inside: str) -> Hole:
    match = _HOLE.fullmatch(inside.strip())
    if match is None:
        raise IvrError(f"{{{inside}}} is no value; write {{name}} or {{name:formatter}}, in lower case")
    name, formatter = match.group(1), match.group(2) or ""
    if formatter and formatter not in formatters():
        raise IvrError(f"{{{inside}}} has no known formatter{meant(formatter, formatters())}")
    return Hole(name, formatter or ("key" if name == "key" else ""))
