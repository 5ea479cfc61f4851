"""`ivr prompts`: what callers will hear, rendered before they call."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ivr.call.clips import clips_of
from ivr.cli.customers import BAD_INPUT, Config, Json
from ivr.cli.prompt_stock import Line, Stock
from ivr.cli.prompts_import import import_
from ivr.cli.prompts_script import script
from ivr.cli.prompts_todo import MenuName, todo
from ivr.cli.tables import cell, complain, console, print_json, table
from ivr.config import Settings, load_settings
from ivr.errors import ProblemsError
from ivr.menu.load import load_menu
from ivr.speech.contracts import Clip
from ivr.speech.engines.library import BuildReport, DiskClipLibrary
from ivr.speech.engines.voice_pool import VoicePool

prompts_app = typer.Typer(
    no_args_is_help=True, help="The prompts callers hear: record them, render them, list them."
)
prompts_app.command("todo")(todo)
prompts_app.command("script")(script)
prompts_app.command("import")(import_)


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
def list_(
    menu: MenuName = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Measure length, level and silence.")] = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Every prompt of a menu in every language: its text, and whether it is recorded, synthesised or missing.

    With -v also what it measures: seconds, level of the active speech in dBov (-20 is right), highest peak in
    dBFS, and the silence before and after in seconds.
    """
    lines = list(Stock(menu, config).lines())
    if as_json:
        print_json([_facts(line, verbose) for line in lines])
        return
    meters = ("s", "level", "peak", "before", "after") if verbose else ()
    shown = table("id", "language", "text", "sound", *meters, right=meters)
    for line in lines:
        text = line.text if any(sign.isalnum() for sign in line.text) else "(a rest)"
        row = [cell(line.id or "(value)"), cell(line.language), cell(text), cell(line.state)]
        shown.add_row(*row, *(_meters(line) if verbose else ()))
    console().print(shown)
    states = [line.state for line in lines]
    print(", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(sorted(states))) + ".")


def _facts(line: Line, verbose: bool) -> dict[str, object]:
    facts: dict[str, object] = {
        name: getattr(line, name) for name in ("id", "language", "text", "state", "recording")
    }
    meter = line.measured() if verbose else None
    if meter:
        figures = {"seconds": 2, "level": 1, "peak": 1, "before": 2, "after": 2}
        facts |= {name: _finite(round(getattr(meter, name), places)) for name, places in figures.items()}
    return facts


def _finite(figure: float) -> float | None:
    """JSON has no infinity; silence has no level."""
    return figure if abs(figure) != float("inf") else None


def _meters(line: Line) -> tuple[str, ...]:
    meter = line.measured()
    if meter is None:
        return ("",) * 5
    level, peak = (
        "silent" if figure == float("-inf") else f"{figure:.0f}" for figure in (meter.level, meter.peak)
    )
    return f"{meter.seconds:.1f}", level, peak, f"{meter.before:.2f}", f"{meter.after:.2f}"


async def _build(settings: Settings, clips: list[Clip]) -> BuildReport:
    voice = VoicePool()
    library = DiskClipLibrary(settings.var / "prompts", voice, settings.speech.rate)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("Prompts", total=len(clips))
            return await library.build(
                clips,
                lambda done, of: progress.update(task, completed=done, total=of),
                at_once=len(voice.voices),
            )
    finally:
        await library.stop()
        await voice.stop()
