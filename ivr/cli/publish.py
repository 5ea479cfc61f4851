"""`ivr publish`, `ivr versions`, `ivr rollback`: which version of a menu callers get."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ivr.call.clips import clips_of
from ivr.cli.customers import BAD_INPUT, Config, Json
from ivr.cli.tables import cell, complain, console, plain, print_json, table
from ivr.cli.which_menu import not_another_here
from ivr.config import Settings, load_settings, settings_file
from ivr.engine.publishing import publish as publish_menu
from ivr.engine.publishing import roll_back
from ivr.engine.shelf import Swap, menu_name, shelf_of
from ivr.engine.voices import voice_mistakes
from ivr.errors import IvrError, MenuError, Problem, ProblemsError
from ivr.menu.model import Menu
from ivr.speech.engines.library import DiskClipLibrary
from ivr.speech.engines.pyttsx3_voice import Pyttsx3Voice
from ivr.testing.call_file import read_tests, test_files
from ivr.testing.text_runner import run_test

MenuArgument = Annotated[
    str | None, typer.Argument(help="A menu's name or file; else the default menu.", show_default=False)
]


def publish(menu: MenuArgument = None, as_json: Json = False, config: Config = None) -> None:
    """Check a draft, render its prompts, run its tests, and make it live for the next caller.

    Tests are tests/NAME/*.yaml beside the menu. Calls that go on keep the version they began with. Any mistake
    ends with code 2 and leaves the live version as it is.
    """
    settings = _settings(config, menu)
    out = Console(stderr=True)
    first = not shelf_of(settings).folder.is_dir()

    async def render(loaded: Menu) -> int:
        return await _render(settings, loaded, out)

    def tests(loaded: Menu) -> tuple[int, list[Problem]]:
        return run_tests(settings, loaded)

    def stage(name: str) -> None:
        if out.is_terminal:
            out.print(f"{name} …", style="dim")

    try:
        done = asyncio.run(publish_menu(settings, menu or "", render=render, tests=tests, on_stage=stage))
    except ProblemsError as error:
        for problem in error.problems:
            complain(str(problem))
        count = len(error.problems)
        complain(
            f"not published: {count} mistake{'s' if count != 1 else ''}; callers still get what was live before"
        )
        raise typer.Exit(BAD_INPUT) from None
    if as_json:
        notes = [str(remark) for remark in done.remarks]
        facts = {
            "rendered": done.rendered,
            "tests": done.tests,
            "changes": done.changes,
            "remarks": notes,
            "already": done.already,
        }
        print_json({**_facts(done.swap), **facts})
        return
    for remark in done.remarks:
        print(plain(f"note: {remark}"))
    for sentence in done.changes:
        print(plain(sentence))
    if first:
        print(f"Versions are kept in {plain(shelf_of(settings).folder.resolve())}, which was made now.")
    if done.already:
        since = f"since {done.swap.when[:19].replace('T', ' ')} UTC, by {done.swap.who}"
        print(plain(f"Nothing changed: {done.swap.menu} {done.swap.version} is live already, {since}."))
        return
    tested = f"{done.tests} test{'s' if done.tests != 1 else ''} passed" if done.tests else "it has no tests"
    print(f"{done.swap.menu} {done.swap.version} is live: {tested}, {done.rendered} prompts rendered.")


def versions(menu: MenuArgument = None, as_json: Json = False, config: Config = None) -> None:
    """Who made which version live, and when; newest first. The live one is marked."""
    settings = _settings(config, menu)
    shelf, name = shelf_of(settings), menu_name(settings, menu or "")
    swaps = [swap for swap in reversed(shelf.swaps()) if swap.menu == name]
    if as_json:
        print_json([{**_facts(swap), "live": number == 0} for number, swap in enumerate(swaps)])
        return
    if not swaps:
        print(f"No version of {name} was published yet; callers get the draft in {settings.menu.folder}.")
        return
    shown = table("", "version", "when (UTC)", "what", "who", "instead of")
    for number, swap in enumerate(swaps):
        when = datetime.fromisoformat(swap.when).strftime("%Y-%m-%d %H:%M:%S")
        row = (
            "live" if number == 0 else "",
            swap.version,
            when,
            swap.action,
            swap.who,
            swap.before or "the draft",
        )
        shown.add_row(*map(cell, row))
    console().print(shown)


def rollback(
    version: Annotated[
        str, typer.Argument(metavar="[VERSION]", help="The version, or how it begins; else the one before.")
    ] = "",
    menu: Annotated[str, typer.Option("--menu", "-m", help="A menu's name; else the default menu.")] = "",
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Make an earlier version live again. Calls that go on keep theirs; drafts are not touched."""
    swap, changes = roll_back(_settings(config, menu), version, menu)
    if as_json:
        print_json({**_facts(swap), "changes": changes})
        return
    for sentence in changes:
        print(plain(sentence))
    print(f"{swap.menu} {swap.version} is live again.")


def _settings(config: Path | None, menu: str | None) -> Settings:
    """The settings, once it is plain whose versions are meant.

    Raises IvrError where only the sample of the package was found, or another menu of that name lies here.
    """
    file = settings_file(config)
    settings = load_settings(config)
    not_another_here(menu or settings.menu.default, settings)
    if file.is_sample and not settings.var.is_dir():
        raise IvrError(
            f"there is no ivr.toml in {Path.cwd()} or above it, so it cannot be told whose menu is meant; "
            "go to the folder that has it, name it with --config, or begin one with ivr init"
        )
    if file.home != Path():
        complain(f"the settings are {file.path}, the versions are in {shelf_of(settings).folder}")
    return settings


def run_tests(settings: Settings, menu: Menu) -> tuple[int, list[Problem]]:
    """The menu's tests as text: how many, and what failed."""
    path = Path(menu.path)
    problems: list[Problem] = []
    count = 0
    for file in test_files(path.parent, path.stem):
        tests, mistakes = read_tests(file)
        problems += mistakes
        for test in tests:
            if "text" in test.levels:
                count += 1
                problems += run_test(menu, test, currency=settings.store.currency).problems
    return count, problems


async def _render(settings: Settings, menu: Menu, out: Console) -> int:
    clips = clips_of(menu, settings.menu.audio, currency=settings.store.currency)
    voice = Pyttsx3Voice()
    library = DiskClipLibrary(settings.var / "prompts", voice, settings.speech.rate)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        await voice.start()
        if mistakes := await asyncio.to_thread(voice_mistakes, menu, voice):
            raise MenuError(mistakes)
        with Progress(*columns, console=out, transient=True) as progress:
            task = progress.add_task("Prompts", total=len(clips))
            report = await library.build(clips, lambda done, of: progress.update(task, completed=done, total=of))
            return report.rendered + report.recorded
    finally:
        await library.stop()
        await voice.stop()


def _facts(swap: Swap) -> dict[str, str]:
    return {name: getattr(swap, name) for name in Swap.__dataclass_fields__}
