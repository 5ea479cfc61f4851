"""Which menu callers get while the engine runs: follows the pointer of the shelf, and drafts at each save.

A draft is for whoever dials ``draft`` and for nobody else, also where nothing was published yet: what a save
brings has passed no test of the menu, and callers with an emergency are not the ones to try it.

The pointer is looked at once a second (`LOOK_EVERY`): nothing has to be signalled, and a publisher on another
machine with the same disk is noticed too. Loading happens in a thread; a menu that cannot be used is told of
once and changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from ivr.call.exchange import Exchange
from ivr.config import Settings
from ivr.engine.shelf import menu_name, shelf_of
from ivr.errors import IvrError, Problem, ProblemsError
from ivr.menu.load import check_menu, load_menu, menu_file
from ivr.menu.model import Menu

LOOK_EVERY = 1.0
"""Seconds between two looks."""
Prepare = Callable[[Menu], Awaitable[None]]
"""Makes ready what a menu needs before its first call: prompts, connectors."""
Tell = Callable[[str], None]
logger = logging.getLogger(__name__)
Signature = tuple[tuple[str, int, int], ...]
"""Of all files of a draft: name, time of the last change in nanoseconds, octets."""


def tell_nobody(message: str) -> None:
    """Where nobody reads along."""


class LiveMenu:
    """Keeps an exchange on the live version; with `watch` also on the draft."""

    def __init__(
        self,
        settings: Settings,
        exchange: Exchange,
        prepare: Prepare,
        *,
        watch: bool = False,
        tell: Tell = tell_nobody,
    ) -> None:
        """`tell` gets what a person at the terminal should read."""
        self._settings = settings
        self._exchange = exchange
        self._prepare = prepare
        self._watch = watch
        self._tell = tell
        self._name = menu_name(settings)
        self._refused = ""
        """Version, or fault of the pointer, that was told of."""
        self._drafted: Signature = ()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except Exception as error:  # last line of defence: the watch must outlive whatever it finds
                logger.exception("menu_watch_failed error=%s", type(error).__name__)
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Take over what has changed since the last look."""
        await self._look_at_pointer()
        if self._watch:
            await self._look_at_draft()

    # --- the live version -----------------------------------------------------------------------------------

    async def _look_at_pointer(self) -> None:
        shelf = shelf_of(self._settings)
        try:
            swap = await asyncio.to_thread(shelf.live, self._name)
        except IvrError as error:
            self._refuse(str(error), error)
            return
        if swap is None:
            return
        if swap.version == self._exchange.menu.version:
            self._refused = ""
        elif swap.version != self._refused:
            try:
                await self._use(await asyncio.to_thread(shelf.load, swap.version, self._name))
            except IvrError as error:
                self._refuse(swap.version, error)
            else:
                self._refused = ""
                self._tell(f"{self._name} {swap.version} is live now ({swap.action} by {swap.who}).")

    def _refuse(self, what: str, error: IvrError) -> None:
        if what != self._refused:
            self._refused = what
            logger.error("menu_not_taken error=%s", error)
            self._tell(f"What was published cannot be used, callers get what was live before: {error}")

    async def _use(self, menu: Menu) -> None:
        await self._prepare(menu)
        before = self._exchange.menu.version
        self._exchange.use_menu(menu)
        logger.info("menu_live menu=%s version=%s before=%s", menu.name, menu.version, before)

    # --- the draft ------------------------------------------------------------------------------------------

    async def _look_at_draft(self) -> None:
        signature = await asyncio.to_thread(_signature, self._settings)
        if signature == self._drafted:
            return
        first, self._drafted = not self._drafted, signature
        menu, problems = await asyncio.to_thread(self._load_draft)
        if menu is not None and not problems:
            try:
                await self._prepare(menu)
            except ProblemsError as error:
                problems = error.problems
            except IvrError as error:
                problems = [Problem(menu.path, str(error))]
        if menu is None or problems:
            self._tell_problems(problems)
            return
        if not first or self._exchange.draft is None:
            logger.info("draft_taken menu=%s version=%s", menu.name, menu.version)
            self._tell(f"The draft {menu.version} is clean; dial `draft` to try it.")
        self._exchange.draft = menu

    def _load_draft(self) -> tuple[Menu | None, list[Problem]]:
        wanted, folder = self._settings.menu.default, self._settings.menu.folder
        problems = check_menu(wanted, folder, recogniser_languages=frozenset(self._settings.speech.models))
        if problems:
            return None, problems
        try:
            return load_menu(wanted, folder), []
        except ProblemsError as error:  # it was saved again between the two
            return None, error.problems

    def _tell_problems(self, problems: list[Problem]) -> None:
        kept = "the draft before it is kept" if self._exchange.draft is not None else "no draft is served"
        logger.warning("draft_refused problems=%d", len(problems))
        for problem in problems:
            self._tell(str(problem))
        count = len(problems)
        self._tell(f"The draft has {count} mistake{'s' if count != 1 else ''}; {kept}.")


def _signature(settings: Settings) -> Signature:
    """Of everything a draft can be made of."""
    home = menu_file(settings.menu.default, settings.menu.folder).parent
    found = []
    for path in sorted([*home.glob("*.yaml"), *home.glob("prompts/*.yaml")], key=Path.as_posix):
        try:
            status = path.stat()
        except OSError:
            continue
        found.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(found)
