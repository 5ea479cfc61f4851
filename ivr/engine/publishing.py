"""Publishing a draft: parse, check, render, test, copy, swap. The live version is touched by the last only.

draft ─ check ─▶ prompts ─▶ tests ─▶ shelf ─▶ pointer      any mistake ends it before the shelf,
                                                           with all mistakes that could be found by then
"""

from __future__ import annotations

import asyncio
import getpass
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ivr.clock import Clock, SystemClock
from ivr.config import Settings
from ivr.engine.outside_lines import outside_lines
from ivr.engine.remarks import environment, staffing
from ivr.engine.shelf import Shelf, Swap, menu_name, shelf_of, stamp
from ivr.errors import IvrError, MenuError, Problem, ProblemsError
from ivr.menu.check_emergency import lost
from ivr.menu.diff import differences
from ivr.menu.load import check_menu, load_menu, menu_remarks
from ivr.menu.model import Menu

Render = Callable[[Menu], Awaitable[int]]
"""Renders what is missing and says how many that were; raises ProblemsError for what cannot be."""
Tests = Callable[[Menu], tuple[int, list[Problem]]]
"""Runs the menu's tests: how many there are, and everything that failed."""
Stage = Callable[[str], None]
logger = logging.getLogger(__name__)


class PublishError(ProblemsError):
    """A draft that did not become a version. The live one is untouched."""


@dataclass(frozen=True, slots=True)
class Published:
    swap: Swap
    changes: list[str]
    """What changes for callers, in sentences."""
    rendered: int
    tests: int
    remarks: list[Problem] = field(default_factory=list)
    """What is no mistake, and may not be meant."""
    already: bool = False
    """It was live before, by `swap`: nothing has changed."""


async def publish(
    settings: Settings,
    name: str = "",
    *,
    render: Render,
    tests: Tests,
    who: str = "",
    clock: Clock | None = None,
    on_stage: Stage = lambda stage: None,
) -> Published:
    """Make the draft of that name (else the default menu's) live.

    Raises PublishError with every mistake of the draft, its prompts and its tests; nothing has changed then.
    """
    on_stage("checking")
    menu = await asyncio.to_thread(_checked, settings, name)
    problems: list[Problem] = []
    shelf, stem = shelf_of(settings), menu_name(settings, name)
    before = await asyncio.to_thread(_live, shelf, stem)
    if before is not None and (gone := list(lost(before, menu))):
        raise PublishError(gone)
    on_stage("rendering prompts")
    rendered = 0
    try:
        rendered = await render(menu)
    except ProblemsError as error:
        problems += error.problems
    on_stage("running tests")
    count, failed = await asyncio.to_thread(tests, menu)
    problems += failed + outside_lines(settings, [menu]).mistakes
    if problems:
        raise PublishError(problems)
    on_stage("copying")
    try:
        version = await asyncio.to_thread(shelf.put, menu)
    except MenuError as error:
        raise PublishError(error.problems) from error
    now = (clock or SystemClock()).utc()
    swap = await asyncio.to_thread(shelf.swap, stem, version, action="publish", who=who or whoami(), when=now)
    logger.info("published menu=%s version=%s who=%s", stem, version, swap.who)
    changes = differences(before, menu) if before else []
    remarks = await asyncio.to_thread(_remarks, settings, name, menu)
    return Published(swap, changes, rendered, count, remarks, already=swap.when != stamp(now))


def roll_back(
    settings: Settings, version: str = "", name: str = "", *, who: str = "", clock: Clock | None = None
) -> tuple[Swap, list[str]]:
    """Make an earlier version live again: the one named, else the one before. Its files are read first.

    Another step back leads further back, never to what was just taken back. Raises IvrError when there is none or
    it is live already, MenuError for a version that is no longer whole.
    """
    shelf, stem = shelf_of(settings), menu_name(settings, name)
    wanted = shelf.find(version) if version else _one_back(shelf, stem)
    menu = shelf.load(wanted, stem)
    before = _live(shelf, stem)
    now = (clock or SystemClock()).utc()
    swap = shelf.swap(stem, wanted, action="rollback", who=who or whoami(), when=now)
    if swap.when != stamp(now):
        raise IvrError(f"{wanted} is live already, since {swap.when[:19]} UTC by {swap.who}; nothing has changed")
    logger.info("rolled_back menu=%s version=%s who=%s", stem, wanted, swap.who)
    return swap, differences(before, menu) if before else []


def _one_back(shelf: Shelf, stem: str) -> str:
    live = shelf.live(stem)
    if live is None:
        raise IvrError(f"no version of {stem} was ever published; there is nothing to go back to")
    line = shelf.line(stem)
    if len(line) > 1:
        return line[-2]
    others = dict.fromkeys(swap.version for swap in reversed(shelf.swaps()) if swap.menu == stem)
    others.pop(live.version, None)
    taken_back = f"; taken back were {', '.join(others)}: name one to bring it back, ivr rollback VERSION"
    raise IvrError(
        f"{live.version} is the first version of {stem}; there is none before it{taken_back if others else ''}"
    )


def whoami() -> str:
    """``user@host`` of whoever types; the number where the user has no name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _checked(settings: Settings, name: str) -> Menu:
    wanted, folder = name or settings.menu.default, settings.menu.folder
    problems = check_menu(wanted, folder, recogniser_languages=frozenset(settings.speech.models))
    if problems:
        raise PublishError(problems)
    return load_menu(wanted, folder)


def _remarks(settings: Settings, name: str, menu: Menu) -> list[Problem]:
    found = menu_remarks(name or settings.menu.default, settings.menu.folder)
    found += outside_lines(settings, [menu]).remarks
    return [*found, *staffing(settings, [menu]), *environment([menu])]


def _live(shelf: Shelf, stem: str) -> Menu | None:
    """What is live, to compare with; None if nothing is, or it cannot be read (which publishing mends)."""
    try:
        swap = shelf.live(stem)
        return shelf.load(swap.version, stem) if swap else None
    except IvrError:
        return None
