"""Tables and texts for a terminal. What strangers wrote is shown, never obeyed."""

from __future__ import annotations

import json
import sys
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPED_WIDTH = 200
"""Columns when the output goes to a file or another program: wide enough that nothing is folded."""
ROOMY = 130
"""Columns from which a table may have everything; below it has what a person looks for first."""


def console() -> Console:
    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False)


def plain(value: object) -> str:
    """One line without control characters: a SIP header must not be able to steer somebody's terminal."""
    text = "" if value is None else str(value)
    text = text.encode("utf-8", "replace").decode()
    return "".join(character if character.isprintable() else "�" for character in text)


def cell(value: object) -> Text:
    """Text as it is; square brackets in it are no markup."""
    return Text(plain(value))


def short(value: object) -> Text:
    """As `cell`, on one line whatever the width: its end is cut where there is no room."""
    return Text(plain(value), no_wrap=True, overflow="ellipsis")


def table(*columns: str, right: tuple[str, ...] = (), whole: tuple[str, ...] = (), title: str = "") -> Table:
    """Columns in `whole` are never folded: what stands there is for copying."""
    made = Table(box=None, pad_edge=False, header_style="bold", title=title or None, title_justify="left")
    for name in columns:
        justify: Literal["left", "right"] = "right" if name in right else "left"
        made.add_column(name, justify=justify, overflow="fold", no_wrap=name in whole)
    return made


def print_json(document: Any) -> None:
    """Machine output: one JSON document on standard output."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write("\n")


def complain(message: str) -> None:
    """One line on standard error."""
    print(f"ivr: {message}", file=sys.stderr)
