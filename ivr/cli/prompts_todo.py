"""`ivr prompts todo`: what is still to be written, recorded or shortened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ivr.cli.customers import Config, Json
from ivr.cli.prompt_stock import Line, Stock
from ivr.cli.tables import cell, console, print_json, table
from ivr.config import load_settings
from ivr.errors import MenuError
from ivr.menu.load import menu_file
from ivr.menu.prompt_gaps import gaps
from ivr.menu.prompt_lengths import VALUE, all_wordings

ORDER = ("missing", "unreadable", "changed", "too long", "unchecked", "unrecorded")
"""What hurts callers most comes first."""
LONGEST = 20.0
"""Seconds of one prompt after which callers have forgotten how it began; a menu of five choices takes about 15."""

MenuName = Annotated[
    str | None,
    typer.Option("--menu", "-m", help="A menu's name or file; else the default menu.", show_default=False),
]
Language = Annotated[
    str | None, typer.Option("--language", "-l", help="One language only, such as en.", show_default=False)
]


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do."""

    language: str
    what: str
    """missing, changed, unreadable, too long, unrecorded or unchecked."""
    id: str
    text: str
    why: str


def todo(
    menu: MenuName = None,
    language: Language = None,
    longest: Annotated[float, typer.Option(help="Seconds from which a prompt counts as too long.")] = LONGEST,
    values: Annotated[bool, typer.Option("--values", help="Digits, cents and other values, too.")] = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """What is to be done for the prompts of a menu, language by language.

    missing: a language has no such prompt. changed: recorded for another text. unreadable: no WAV file.
    too long: more than 20 s to listen to. unrecorded: the synthetic voice says it. unchecked: recorded, but
    nobody knows for which text, as it was not taken in by `ivr prompts import`.
    """
    try:
        tasks = list(_tasks(Stock(menu, config), longest, values))
        broken = False
    except MenuError:
        tasks, broken = _missing(menu, config), True
    tasks = [task for task in tasks if language in (None, task.language)]
    tasks.sort(key=lambda task: ORDER.index(task.what))
    if as_json:
        print_json(
            [{name: getattr(task, name) for name in ("language", "what", "id", "text", "why")} for task in tasks]
        )
        return
    for code in sorted({task.language for task in tasks}):
        shown = table("what", "prompt", "text", "why", title=f"{code}:")
        for task in (task for task in tasks if task.language == code):
            shown.add_row(cell(task.what), cell(task.id), cell(task.text), cell(task.why))
        console().print(shown)
    counts = Counter(task.what for task in tasks)
    print((", ".join(f"{count} {what}" for what, count in counts.items()) or "nothing to do") + ".")
    if broken:
        print("The menu has mistakes, so that recordings were not looked at; `ivr check` names them all.")


def _tasks(stock: Stock, longest: float, values: bool) -> Iterator[Task]:
    lines = list(stock.lines())
    mixed = {line.language for line in lines if line.recorded and not line.id}
    for line in lines:
        if line.recording is None or not any(sign.isalnum() for sign in line.text):
            continue
        name = str(line.recording.relative_to(stock.settings.menu.audio / line.language))[:-4]
        if line.id or line.recorded or values or line.language in mixed:
            yield from _recording(line, name)
    yield from _too_long(stock, longest)


def _recording(line: Line, name: str) -> Iterator[Task]:
    match line.state:
        case "changed":
            yield Task(line.language, "changed", name, line.text, f"the recording says: {line.old_text}")
        case "unreadable":
            yield Task(line.language, "unreadable", name, line.text, "no WAV file; save it as WAV, 16-bit PCM")
        case "recorded" if line.old_text is None:
            yield Task(line.language, "unchecked", name, line.text, "listen to it, or take it in with import")
        case "synthesised" | "missing":
            yield Task(line.language, "unrecorded", name, line.text, "the synthetic voice says it")


def _too_long(stock: Stock, longest: float) -> Iterator[Task]:
    for language in stock.menu.languages:
        for wording in all_wordings(language.book):
            seconds = sum(stock.line(piece).seconds() for piece in wording.pieces) + VALUE * wording.values
            if seconds > longest:
                text = " … ".join(piece.text for piece in wording.pieces)
                name = f"{wording.prompt} {wording.variant}".strip()
                why = f"takes {seconds:.0f} s; at most {longest:g}, split or shorten it"
                yield Task(language.code, "too long", name, text, why)


def _missing(menu: str | None, config: Path | None) -> list[Task]:
    """What a translator has to add before the menu can be loaded. Raises the menu's mistakes if it is not that."""
    settings = load_settings(config)
    found = gaps(menu_file(menu or settings.menu.default, settings.menu.folder))
    if not found:
        Stock(menu, config)
    return [Task(gap.language, "missing", gap.id, gap.text, f"write it into {gap.path}") for gap in found]
