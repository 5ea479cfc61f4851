"""A prompt's text with places for values: ``You owe {amount_due:money}.``"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ivr.errors import IvrError
from ivr.menu.values import formatters

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_HOLE = re.compile(r"([a-z][a-z0-9_]*)(?::([a-z]+))?")
_LEADING = " \t\r\n,.;:!?)"
"""What a stretch between two values may begin with and no voice can say by itself."""


@dataclass(frozen=True, slots=True)
class Words:
    """A stretch that is always the same."""

    text: str


@dataclass(frozen=True, slots=True)
class Hole:
    """A place for a value."""

    name: str
    formatter: str
    """One of `formatters()`; empty to say the value by its type."""

    def __str__(self) -> str:
        return f"{{{self.name}:{self.formatter}}}" if self.formatter else f"{{{self.name}}}"


Part = Words | Hole


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
            raise IvrError(f"a single {token.group()} at character {token.start() + 1}; write {token.group() * 2}")
        else:
            parts += _words(words)
            parts.append(_hole(token.group(1)))
            words = ""
    return tuple(parts + _words(words + text[at:]))


def _words(text: str) -> list[Part]:
    spoken = " ".join(text.split()).lstrip(_LEADING)
    return [Words(spoken)] if any(sign.isalnum() for sign in spoken) else []


def _hole(inside: str) -> Hole:
    match = _HOLE.fullmatch(inside.strip())
    if match is None:
        raise IvrError(f"{{{inside}}} is no value; write {{name}} or {{name:formatter}}, in lower case")
    name, formatter = match.group(1), match.group(2) or ""
    if formatter and formatter not in formatters():
        raise IvrError(f"{{{inside}}} has no known formatter; there are {', '.join(formatters())}")
    return Hole(name, formatter or ("key" if name == "key" else ""))
