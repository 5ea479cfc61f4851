"""`ivr prompts import`: a voice talent's recordings, checked, cut, levelled and put in their places."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ivr.cli.customers import BAD_INPUT, Config, Json
from ivr.cli.prompt_stock import Stock
from ivr.cli.prompts_todo import MenuName
from ivr.cli.tables import cell, complain, console, print_json, table
from ivr.config import shipped
from ivr.errors import IvrError, Problem
from ivr.menu.events import Piece
from ivr.speech.engines.recordings import keep_recording
from ivr.speech.recording import Prepared, prepared
from ivr.speech.sound import LEVEL

_NUMBERED = re.compile(r"^[0-9]{1,4}[ ._-]+(?=[a-z])", re.IGNORECASE)
"""``012_main.head``: studios number their files."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One file that fits a prompt."""

    file: Path
    piece: Piece
    made: Prepared


def import_(
    folder: Annotated[Path, typer.Argument(help="Folder with the WAV files.", show_default=False)],
    language: Annotated[
        str | None,
        typer.Option("--language", "-l", help="Their language; else folders in it named en, es, …"),
    ] = None,
    menu: MenuName = None,
    check_only: Annotated[bool, typer.Option("--check", help="Only say what would be done.")] = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Take in recordings: WAV files of any rate, width and channels, named as the sheet of `script` says.

    Silence is cut, the active speech level is set to -20 dBov, the level of the synthetic voice, and the file is
    put into audio/LANGUAGE with its text beside it. What is clipped, silent, too short, or named like no prompt
    is refused with its reason; everything else is taken. Exit code 2 when something was refused.
    """
    stock = Stock(menu, config)
    if not folder.is_dir():
        raise IvrError(f"{folder} is no folder; name the one with the WAV files")
    if stock.settings.menu.audio == shipped("audio"):
        where = f"recordings would go into the package itself ({stock.settings.menu.audio})"
        raise IvrError(f"{where}; make a folder audio here, or name one with menu.audio in ivr.toml")
    problems: list[Problem] = []
    wanted = _wanted(stock, folder, language, problems)
    taken = _prepare(wanted, problems)
    if not check_only:
        for one in taken:
            recording = stock.clip(one.piece).recording
            assert recording is not None
            keep_recording(recording, one.made.sound, one.piece.text)
    if as_json:
        print_json({"taken": [_facts(one) for one in taken], "refused": [str(problem) for problem in problems]})
    else:
        _show(taken, problems, check_only)
    if problems:
        raise typer.Exit(BAD_INPUT)


def _wanted(stock: Stock, folder: Path, language: str | None, problems: list[Problem]) -> list[tuple[Path, Piece]]:
    """Files with the pieces they are named for; of several for one piece none."""
    known = {code: _names(stock, code) for code in stock.languages}
    if language and language not in known:
        raise IvrError(f"the menu does not speak {language!r}; it speaks {', '.join(known)}")
    found: dict[tuple[str, str], list[Path]] = {}
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() == ".wav")
    if not files:
        raise IvrError(f"{folder} has no WAV files; export the recordings as WAV, 16-bit PCM")
    for file in files:
        parts = file.relative_to(folder).with_suffix("").parts
        code = language or (parts[0] if parts[0] in known else folder.resolve().name)
        if code not in known:
            message = f"is of no language; add --language with one of {', '.join(known)}"
            problems.append(Problem(str(file), message))
            continue
        name = _name("/".join(parts[1:] if parts[0] == code else parts), known[code])
        if name in known[code]:
            found.setdefault((code, name), []).append(file)
        else:
            near = get_close_matches(name, known[code], 1, 0.6)
            hint = f"did you mean {near[0]}?" if near else "`ivr prompts script` lists the names"
            problems.append(Problem(str(file), f"is named like no prompt of this menu; {hint}"))
    for (_, name), several in list(found.items()):
        if len(several) > 1:
            others = ", ".join(str(other) for other in several[1:])
            problems.append(Problem(str(several[0]), f"is {name}, and so is {others}; keep the better one"))
    return [(files[0], known[code][name]) for (code, name), files in found.items() if len(files) == 1]


def _names(stock: Stock, code: str) -> dict[str, Piece]:
    return {
        piece.recording.removesuffix(".wav"): piece
        for piece in stock.pieces()
        if piece.recording and piece.language == code
    }


def _name(written: str, known: dict[str, Piece]) -> str:
    """Without a studio's numbers, and in lower case where that makes it known."""
    for name in (written, written.rpartition("/")[2]):
        for tried in (name, _NUMBERED.sub("", name), _NUMBERED.sub("", name).lower()):
            if tried in known:
                return tried
    return _NUMBERED.sub("", written.rpartition("/")[2]).lower()


def _prepare(wanted: list[tuple[Path, Piece]], problems: list[Problem]) -> list[Taken]:
    taken = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        for file, piece in progress.track(wanted, description="Recordings"):
            try:
                taken.append(Taken(file, piece, prepared(file.read_bytes(), piece.text)))
            except IvrError as error:
                problems.append(Problem(str(file), str(error)))
            except OSError as error:
                problems.append(Problem(str(file), f"cannot be read: {error.strerror or error}"))
    return taken


def _facts(one: Taken) -> dict[str, object]:
    was, now = one.made.was, one.made.now
    return {
        "file": str(one.file),
        "recording": f"{one.piece.language}/{one.piece.recording}",
        "text": one.piece.text,
        "seconds": round(now.seconds, 2),
        "level_before": round(was.level, 1),
        "level": round(now.level, 1),
        "cut_before": round(was.before, 2),
        "cut_after": round(was.after, 2),
        "notes": list(one.made.notes),
    }


def _show(taken: list[Taken], problems: list[Problem], check_only: bool) -> None:
    shown = table("recording", "s", "level", "cut", "listen to", right=("s", "level", "cut"))
    for one in taken:
        was, now = one.made.was, one.made.now
        shown.add_row(
            cell(f"{one.piece.language}/{one.piece.recording}"),
            f"{now.seconds:.1f}",
            f"{was.level:.0f} → {now.level:.0f}",
            f"{was.before:.1f} + {was.after:.1f}",
            cell("; ".join(one.made.notes)),
        )
    if taken:
        console().print(shown)
    for problem in problems:
        complain(str(problem))
    sys.stderr.flush()
    verb = "would be taken in" if check_only else "taken in"
    refused = f", {len(problems)} refused" if problems else ""
    print(
        f"{len(taken)} {verb}{refused}. Levels in dBov of active speech, set to {LEVEL:g}; silence cut in seconds."
    )
