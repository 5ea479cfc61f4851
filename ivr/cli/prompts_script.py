"""`ivr prompts script`: the sheet a voice talent reads from."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from ivr.cli.customers import Config
from ivr.cli.prompt_stock import Stock
from ivr.cli.prompts_todo import Language, MenuName
from ivr.errors import IvrError
from ivr.menu.events import Piece
from ivr.menu.prompt_sheet import SheetLine, as_csv, as_html, as_text
from ivr.menu.prompt_uses import prompt_uses
from ivr.menu.prompts import wordings
from ivr.menu.template import Hole

FORMATS = {".html": "html", ".htm": "html", ".csv": "csv", ".txt": "text"}


def script(
    menu: MenuName = None,
    language: Language = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write: .html to print, .csv for a spreadsheet, .txt."),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also what is recorded already.")] = False,
    values: Annotated[bool, typer.Option("--values", help="Digits, cents and other values, too.")] = False,
    config: Config = None,
) -> None:
    """A sheet to read prompts from: every text to be recorded, its file name, who says it where, and empty boxes.

    Without --output it is printed as plain text. Recordings made for the present text are left out.
    """
    stock = Stock(menu, config)
    if language and language not in stock.languages:
        raise IvrError(f"the menu does not speak {language!r}; it speaks {', '.join(stock.languages)}")
    lines = [line for line in _lines(stock, all_, values) if language in (None, line.language)]
    title = f"{stock.menu.title or stock.menu.name}: prompts to record"
    kind = FORMATS.get(output.suffix.lower()) if output else "text"
    if kind is None:
        raise IvrError(f"cannot tell the format of {output}; name a file that ends with .html, .csv or .txt")
    written = {"html": as_html, "text": as_text}[kind](title, lines) if kind != "csv" else as_csv(lines)
    if output is None:
        print(written)
        return
    try:
        output.write_text(written, encoding="utf-8", newline="")
    except OSError as error:
        raise IvrError(f"cannot write {output}: {error.strerror or error}") from error
    print(f"{output}: {len(lines)} to record.", file=sys.stderr)


def _lines(stock: Stock, all_: bool, values: bool) -> Iterator[SheetLine]:
    uses = prompt_uses(stock.menu)
    for language in stock.menu.languages:
        seen: set[str] = set()
        for prompt in language.book.prompts.values():
            for variant, parts in wordings(language.book, prompt):
                whole = _whole(parts, variant)
                for at, part in enumerate(parts):
                    if not isinstance(part, Piece) or not part.recording or part.recording in seen:
                        continue
                    line = stock.line(part)
                    if line.state == "recorded" and not all_:
                        continue
                    seen.add(part.recording)
                    yield SheetLine(
                        language=language.code,
                        file=part.recording,
                        text=part.text,
                        goes_on=_goes_on(part.text) and _value_next(parts[at + 1 :]),
                        follows=_begins_inside(parts[:at]),
                        where=tuple(uses.get(prompt.id, ())),
                        whole=whole if len(parts) > 1 or variant else "",
                        old_text=line.old_text or "" if line.state == "changed" else "",
                    )
    yield from _others(stock, uses, all_, values)


def _others(stock: Stock, uses: dict[str, list[str]], all_: bool, values: bool) -> Iterator[SheetLine]:
    """What is said in the voice of another language, and values."""
    home = {language.code: language.book.prompts for language in stock.menu.languages}
    for piece in stock.pieces():
        line = stock.line(piece)
        if not piece.recording or (line.state == "recorded" and not all_):
            continue
        old = line.old_text or "" if line.state == "changed" else ""
        if not piece.prompt and values:
            stays_up = piece.text.endswith(",")
            yield SheetLine(piece.language, piece.recording, piece.text, stays_up, False, ("a value",), "", old)
        elif piece.prompt and piece.recording == f"{piece.prompt}.also.wav" and piece.language in home:
            where = tuple(uses.get(piece.prompt, ()))
            yield SheetLine(piece.language, piece.recording, piece.text, False, False, where, "", old)


def _goes_on(text: str) -> bool:
    return text.rstrip()[-1:] not in ".!?…"


def _begins_inside(before: list[Piece | Hole]) -> bool:
    """Whether a value goes before, with no more than a comma between."""
    if before and isinstance(before[-1], Piece) and before[-1].text in tuple(",;:–—"):
        before = before[:-1]
    return bool(before) and isinstance(before[-1], Hole)


def _value_next(parts: list[Piece | Hole]) -> bool:
    return bool(parts) and isinstance(parts[0], Hole)


def _whole(parts: list[Piece | Hole], variant: str) -> str:
    """The text put together again. A rest has no space before it."""
    text = ""
    for part in parts:
        said = str(part).replace("{key:key}", "{key}") if isinstance(part, Hole) else part.text
        text += said if not text or not any(sign.isalnum() for sign in said) else f" {said}"
    return f"{text} ({variant})" if variant else text
