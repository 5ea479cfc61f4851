"""Texts with holes for values, as ``connectors.yaml`` has them: ``accounts/{account}/balance``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

HOLE = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)(?::([a-z]+))?\}|[{}]")
KINDS = ("text", "number", "truth")
"""What may stand after the colon where a template is a value by itself: how JSON shall have it."""


def holes(template: str) -> Iterator[tuple[str, str]]:
    """Name and kind of every hole, in order. Raises ValueError, fit to be shown, for braces that are no hole."""
    for found in HOLE.finditer(template):
        if found.group() in ("{{", "}}"):
            continue
        if found.group(1) is None:
            raise ValueError(f"has a brace that is no value at character {found.start() + 1}; write {{name}}")
        if found.group(2) and found.group(2) not in KINDS:
            raise ValueError(f"{found.group()} is no kind of value; there are {', '.join(KINDS)}")
        yield found.group(1), found.group(2) or ""


def names(template: str) -> frozenset[str]:
    """The values a template needs; none where it is written wrong."""
    try:
        return frozenset(name for name, _ in holes(template))
    except ValueError:
        return frozenset()


def filled(template: str, value: Callable[[str], str]) -> str:
    """The template with `value` of each name in its place."""

    def one(found: re.Match[str]) -> str:
        return value(found.group(1)) if found.group(1) else found.group()[0]

    return HOLE.sub(one, template)
