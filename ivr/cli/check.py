"""``ivr check``: settings and menus, looked through without opening a port."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from ivr.cli.which_menu import not_another_here
from ivr.config import Settings, load_settings
from ivr.engine.outside_lines import outside_lines
from ivr.engine.remarks import environment, hearing, recording, signalling, staffing, unheard, unreadable
from ivr.engine.voices import voice_mistakes
from ivr.errors import IvrError, MenuError, Problem, SettingsError
from ivr.ici import dialect
from ivr.menu.check_report import Silenced
from ivr.menu.load import check_menu, load_menu, menu_file, menu_names, menu_remarks, silenced_proofs
from ivr.menu.model import Menu
from ivr.speech.engines.pyttsx3_voice import Pyttsx3Voice
from ivr.testing.call_file import read_tests, test_files
from ivr.testing.call_names import unknown_names

MISTAKES = 2
"""Exit code when there are mistakes."""


def check(
    menu: Annotated[
        str | None,
        typer.Argument(help="One menu: its name in the menu folder, or a file. Without it, all menus."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Settings file; else IVR_CONFIG, else ivr.toml."),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON object for programs: `mistakes`, `silenced`, `remarks`."),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show, too, what `allow:` has silenced, and why.")
    ] = False,
) -> None:
    """Check the settings, the menus and their tests, and print every mistake with its line and its remedy.

    A line that begins with `note:` is no mistake, but look whether it is meant. Opens no port and changes nothing.
    Exit code 0: no mistakes; 2: there are some.
    """
    try:
        settings = load_settings(config)
    except SettingsError as error:
        problems = [*error.problems, *(check_menu(menu, Path("menus")) if menu and _is_file(menu) else [])]
        _report(problems, [], [], as_json=as_json)
        raise typer.Exit(MISTAKES) from None
    menus = [menu] if menu is not None else menu_names(settings.menu.folder)
    for name in menus or [settings.menu.default]:
        not_another_here(name, settings)
    problems = _menu_problems(settings, menus, named=menu is not None)
    loaded = [] if problems else [one for name in menus for one in _loaded(name, settings.menu.folder)]
    lines = outside_lines(settings, loaded)
    problems += [*_not_there(settings, loaded), *lines.mistakes, *_in_tests(loaded)]
    remarks = _remarks(settings, menus, loaded) + lines.remarks
    silenced: list[Silenced] = []
    if as_json or verbose:
        for name in menus:
            silenced += silenced_proofs(name, settings.menu.folder)
    if problems or as_json or silenced or remarks:
        _report(problems, list(dict.fromkeys(silenced)), remarks, as_json=as_json)
    if problems:
        raise typer.Exit(MISTAKES)
    if as_json:
        return
    what = "menu" if len(menus) == 1 else "menus"
    typer.echo(
        f"checked {settings.source or 'the default settings'} and the {what} {', '.join(menus)}: no mistakes"
    )


def _is_file(menu: str) -> bool:
    """Whether a menu can be found without the settings."""
    return menu_file(menu, Path("menus")) == Path(menu)


def _menu_problems(settings: Settings, menus: list[str], *, named: bool) -> list[Problem]:
    folder, default = settings.menu.folder, settings.menu.default
    heard = frozenset(settings.speech.models)
    problems = [] if named else _no_default(settings, menus)
    for name in menus:
        problems += check_menu(name, folder, recogniser_languages=heard)
    if not named and default not in menus and menu_file(default, folder).is_file():
        problems += check_menu(default, folder, recogniser_languages=heard)
    return list(dict.fromkeys(problems))


def _in_tests(menus: list[Menu]) -> list[Problem]:
    """Mistakes in the test files beside the menus: a misspelt key would be a test of something else."""
    found: list[Problem] = []
    for menu in menus:
        path = Path(menu.path)
        for file in test_files(path.parent, path.stem):
            tests, mistakes = read_tests(file)
            found += mistakes
            found += [problem for test in tests for problem in unknown_names(menu, test)]
    return list(dict.fromkeys(found))


def _not_there(settings: Settings, menus: list[Menu]) -> list[Problem]:
    """What settings and menus name that this installation lacks: a dialect of ICI, voices, recordings that can be
    played."""
    problems = []
    try:
        dialect.load(settings.ici.dialect)
    except IvrError as error:
        message = str(error).removeprefix("ici.dialect is ")
        problems.append(Problem(str(settings.source or "settings"), message, where="ici.dialect"))
    problems += unreadable(settings, menus)
    return problems + (asyncio.run(_voices(menus)) if menus else [])


def _remarks(settings: Settings, menus: list[str], loaded: list[Menu]) -> list[Problem]:
    """What is no mistake, and may not be meant."""
    found = [remark for name in menus for remark in menu_remarks(name, settings.menu.folder)]
    found += [
        *signalling(settings),
        *hearing(settings),
        *staffing(settings, loaded),
        *recording(settings, loaded),
        *environment(loaded),
        *unheard(settings, loaded),
    ]
    return list(dict.fromkeys(found))


def _loaded(name: str, folder: Path) -> list[Menu]:
    """None for a menu that only other menus run: it is spoken by their voices."""
    try:
        return [load_menu(name, folder)]
    except MenuError:
        return []


async def _voices(menus: list[Menu]) -> list[Problem]:
    voice = Pyttsx3Voice()
    try:
        await voice.start()
        return [problem for menu in menus for problem in voice_mistakes(menu, voice)]
    except IvrError as error:
        return [Problem("speech", str(error))]
    finally:
        await voice.stop()


def _no_default(settings: Settings, menus: list[str]) -> list[Problem]:
    folder, default = settings.menu.folder, settings.menu.default
    if not folder.is_dir():
        message = f"{str(folder)!r} is no folder; name the one that holds the menus"
        return [Problem(str(settings.source or "settings"), message, where="menu.folder")]
    if default in menus or menu_file(default, folder).is_file():
        return []
    known = f"there are {', '.join(menus)}" if menus else f"there are no menus in {folder}"
    message = f"{default!r} is no menu in {folder}; {known}"
    return [Problem(str(settings.source or "settings"), message, where="menu.default")]


def _report(problems: list[Problem], silenced: list[Silenced], remarks: list[Problem], *, as_json: bool) -> None:
    if as_json:
        found = {
            "mistakes": [dataclasses.asdict(problem) for problem in problems],
            "silenced": [dataclasses.asdict(one) for one in silenced],
            "remarks": [dataclasses.asdict(remark) for remark in remarks],
        }
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    for problem in problems:
        typer.echo(str(problem))
    for remark in remarks:
        typer.echo(f"note: {remark}")
    for one in silenced:
        typer.echo(f"{one.problem}: silenced: {one.why}")
    if problems:
        typer.echo(f"{len(problems)} mistake{'s' if len(problems) != 1 else ''}")
