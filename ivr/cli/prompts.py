"""`ivr prompts`: what callers will hear, rendered before they call."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ivr.call.clips import clip_of, clips_of
from ivr.cli.customers import BAD_INPUT, Config, Json
from ivr.cli.tables import cell, complain, console, print_json, table
from ivr.config import Settings, load_settings
from ivr.errors import IvrError, ProblemsError
from ivr.menu.events import Piece
from ivr.menu.load import load_menu
from ivr.menu.model import Menu
from ivr.menu.prompts import all_pieces
from ivr.speech.contracts import Clip
from ivr.speech.engines.library import BuildReport, DiskClipLibrary
from ivr.speech.engines.pyttsx3_voice import Pyttsx3Voice
from ivr.speech.wav import decode_wav

prompts_app = typer.Typer(no_args_is_help=True, help="The prompts callers hear: render them, list them.")

MenuName = Annotated[
    str | None,
    typer.Option("--menu", "-m", help="A menu's name or file; else the default menu.", show_default=False),
]


@dataclass(frozen=True, slots=True)
class Line:
    """One sound of a menu, for the list."""

    id: str
    """Prompt id; empty for values such as digits and cents."""
    language: str
    text: str
    state: str
    """recorded, unreadable (a recording that is no WAV file), synthesised, or missing."""
    recording: Path | None
    """Where a recording is looked for."""


@prompts_app.command("build")
def build(menu: MenuName = None, as_json: Json = False, config: Config = None) -> None:
    """Render every prompt that is not there yet, so that no caller waits for one.

    A file audio/LANGUAGE/PROMPT.wav is used instead of the synthetic voice. Exit code 2 when a recording
    cannot be read or a voice is unknown; everything else is rendered all the same.
    """
    settings = load_settings(config)
    loaded = load_menu(menu or settings.menu.default, settings.menu.folder)
    clips = clips_of(loaded, settings.menu.audio, currency=settings.store.currency)
    try:
        report = asyncio.run(_build(settings, clips))
    except ProblemsError as error:
        for problem in error.problems:
            complain(str(problem))
        raise typer.Exit(BAD_INPUT) from None
    if as_json:
        counts = {"rendered": report.rendered, "cached": report.cached, "recorded": report.recorded}
        print_json({"menu": loaded.name, **counts, "seconds": round(report.seconds, 3)})
        return
    counted = f"{report.rendered} rendered, {report.cached} already there, {report.recorded} recordings converted"
    print(f"{loaded.name}: {len(clips)} prompts: {counted}, in {report.seconds:.1f} s.")


@prompts_app.command("list")
def list_(menu: MenuName = None, as_json: Json = False, config: Config = None) -> None:
    """Every prompt of a menu in every language: its text, and whether it is recorded, synthesised or missing."""
    settings = load_settings(config)
    loaded = load_menu(menu or settings.menu.default, settings.menu.folder)
    lines = _lines(settings, loaded)
    if as_json:
        fields = ("id", "language", "text", "state", "recording")
        print_json([{name: getattr(line, name) for name in fields} for line in lines])
        return
    shown = table("id", "language", "text", "sound")
    for line in lines:
        shown.add_row(cell(line.id or "(value)"), cell(line.language), cell(line.text), cell(line.state))
    console().print(shown)
    states = [line.state for line in lines]
    print(", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(sorted(states))) + ".")


async def _build(settings: Settings, clips: list[Clip]) -> BuildReport:
    voice = Pyttsx3Voice()
    library = _library(settings, voice)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("Prompts", total=len(clips))
            return await library.build(clips, lambda done, of: progress.update(task, completed=done, total=of))
    finally:
        await library.stop()
        await voice.stop()


def _library(settings: Settings, voice: Pyttsx3Voice) -> DiskClipLibrary:
    return DiskClipLibrary(settings.var / "prompts", voice, settings.speech.rate)


def _lines(settings: Settings, menu: Menu) -> list[Line]:
    library = _library(settings, Pyttsx3Voice())
    pieces = (
        piece for known in menu.languages for piece in all_pieces(known.book, currency=settings.store.currency)
    )
    return [_line(piece, clip_of(piece, menu, settings.menu.audio), library) for piece in pieces]


def _line(piece: Piece, clip: Clip, library: DiskClipLibrary) -> Line:
    state = "synthesised" if library.cached(clip) else "missing"
    if clip.recording and clip.recording.is_file():
        state = _recording_state(clip.recording)
    return Line(piece.prompt, piece.language, piece.text, state, clip.recording)


def _recording_state(recording: Path) -> str:
    try:
        decode_wav(recording.read_bytes())
    except (IvrError, OSError):
        return "unreadable"
    return "recorded"
