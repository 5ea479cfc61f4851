"""The agent's desk: ICI on one side, a terminal on the other, the model between them."""

from __future__ import annotations

import asyncio
import logging
import random
import signal
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ivr.clock import Clock, SystemClock
from ivr.console.desk_commands import KEYS_WITH_WORDS, NAMES
from ivr.console.desk_events import (
    Do,
    Happened,
    Leave,
    LogOnAgain,
    LookUp,
    Output,
    PopUp,
    Say,
)
from ivr.console.desk_keys import Keyboard
from ivr.console.desk_line import Prompt
from ivr.console.desk_model import DeskModel
from ivr.console.desk_requests import request
from ivr.console.desk_screen import Screen
from ivr.console.desk_words import presence_words
from ivr.errors import IvrError, StoreError
from ivr.ici.crm_client import CrmClient
from ivr.ici.switchboard import IciEvent, IciRefusal
from ivr.net.resolve import resolve
from ivr.net.routes import local_address_towards
from ivr.store.contracts import Customer

HEARTBEAT = 2.0
"""Seconds between pings; shorter than a restart of the engine, so that none goes unnoticed."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between attempts to log on again: doubled each time, with a random spread of a quarter."""
REFRESH = 1.0
"""Seconds between two looks at the clock, for the countdown."""
LAST_REQUESTS = 3.0
"""Seconds that requests made before quitting may take."""
logger = logging.getLogger(__name__)

FindCustomer = Callable[[str], Awaitable[Customer | None]]
"""From an account to its record. Raises StoreError."""
FindContacts = Callable[[str], Awaitable[list[dict[str, Any]]]]
"""From an account to its last contact records, newest first. Raises StoreError."""


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """Who sits at this desk, and where the engine is."""

    user: str
    url: str
    """Base address of the ICI, such as ``http://127.0.0.1:8080/ici``."""
    phone: str = ""
    """SIP address of the agent's telephone; empty for the one of the engine's settings."""
    password: str = ""
    dialect: str = "default"
    """How the engine's ICI spells things."""
    auto: bool = False
    wrap_up: float = 0.0
    """Seconds, if known."""
    colleagues: tuple[str, ...] = ()
    """Ids of the other agents, as far as they are known here: their presence is shown when one is to be called."""

    def __repr__(self) -> str:
        return f"DeskSettings(user={self.user!r}, url={self.url!r}, phone={self.phone!r}, auto={self.auto})"


class Desk:
    """Runs until the person quits, the engine ends it, or a signal comes."""

    def __init__(
        self,
        settings: DeskSettings,
        screen: Screen,
        *,
        find_customer: FindCustomer | None = None,
        find_contacts: FindContacts | None = None,
        clock: Clock | None = None,
        pause: float = FIRST_PAUSE,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self._settings = settings
        self._screen = screen
        self._find_customer = find_customer
        self._find_contacts = find_contacts
        self._clock = clock or SystemClock()
        self._pause = pause
        self._heartbeat = heartbeat
        self._model = DeskModel(settings.user, auto=settings.auto, wrap_up=settings.wrap_up)
        self._inbox: asyncio.Queue[Callable[[], list[Output]]] = asyncio.Queue()
        self._requests: asyncio.Queue[Do] = asyncio.Queue()
        self._client: CrmClient | None = None
        self._keyboard: Keyboard | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._early: list[IciEvent] | None = None
        """Events that overtake the answer to the log-on they follow from."""
        self._returning = False
        self._leaving = False

    async def run(self, *, keyboard: bool = True, signals: bool = True) -> None:
        """Raises IvrError when the first log-on is impossible."""
        try:
            self._client = await self._make_client()
            await self._client.start()
            await self._log_on(self._client)
            if keyboard:
                self._keyboard = Keyboard(
                    self.type, self._input_ended, with_words=KEYS_WITH_WORDS, on_words=self._offer_words
                )
                self._keyboard.open()
                self._model.asks_to_quit = self._keyboard.single_keys
            if signals:
                for number in _signals():
                    asyncio.get_running_loop().add_signal_handler(number, self.leave)
            for work in (self._carry_out(), self._watch_engine(), self._watch_clock()):
                self._spawn(work)
            await self._work()
        finally:
            await self._close()

    def type(self, line: str) -> None:
        """Hand in a line, as if a person had typed it."""
        self._inbox.put_nowait(lambda: self._model.command(line))

    def leave(self) -> None:
        """Log off and end."""
        self._inbox.put_nowait(lambda: [Leave()])

    # --- the one loop that speaks to the model ----------------------------------------------------------

    async def _work(self) -> None:
        while not self._leaving:
            for output in (await self._inbox.get())():
                self._do(output)
            if not self._leaving:
                self._show_status()

    def _do(self, output: Output) -> None:
        match output:
            case Happened():
                self._screen.happened(output)
            case Say():
                self._screen.say(output)
            case PopUp():
                self._screen.pop_up(output)
            case LookUp():
                self._spawn(self._look_up(output))
            case Do():
                self._requests.put_nowait(output)
            case LogOnAgain():
                if not self._returning:
                    self._returning = True
                    self._spawn(self._return())
            case Leave():
                self._leaving = True

    def _show_status(self) -> None:
        if self._keyboard is not None and self._keyboard.single_keys:
            question, line = self._keyboard.asked
            state = self._model.line(self._clock.monotonic())
            self._screen.status(Prompt(state, question, line))

    def _on_event(self, event: IciEvent) -> None:
        if self._early is not None:
            self._early.append(event)
        else:
            self._inbox.put_nowait(lambda: self._model.handle(event, self._clock.monotonic()))

    def _input_ended(self) -> None:
        if not self._settings.auto:
            self.leave()

    async def _look_up(self, wanted: LookUp) -> None:
        if self._find_customer is None:
            return
        try:
            customer = await self._find_customer(wanted.account)
            contacts = await self._find_contacts(wanted.account) if self._find_contacts else []
        except StoreError as error:
            message = f"The customer's record cannot be read: {error}"
            self._inbox.put_nowait(lambda: [Say(message, "trouble")])
            return
        self._screen.customer(customer, wanted.account, wanted.proved, contacts)

    def _offer_words(self, key: str) -> None:
        """A key after which somebody is named: say who is there, and let Tab complete it."""
        keyboard, named = self._keyboard, NAMES.get(key)
        if keyboard is None or named is None:
            return
        queues = self._model.queues
        keyboard.candidates = queues if named == "queue" else [f"queue:{name}" for name in queues]
        if named != "queue" and self._settings.colleagues:
            self._spawn(self._tell_presence(keyboard))

    async def _tell_presence(self, keyboard: Keyboard) -> None:
        assert self._client is not None
        try:
            words = await self._client.get_presence(list(self._settings.colleagues))
        except IvrError as error:
            logger.debug("presence_unknown user=%s cause=%s", self._settings.user, error)
            return
        there = [user for user, word in words.items() if word == "Available"]
        keyboard.candidates = [*there, *keyboard.candidates]
        self._inbox.put_nowait(lambda: [Say(presence_words(words))])

    # --- requests ---------------------------------------------------------------------------------------

    async def _carry_out(self) -> None:
        """One request after the other, in the order of asking."""
        while True:
            wanted = await self._requests.get()
            try:
                await self._request(wanted)
            except IvrError as error:
                self._failed(wanted, error)
            finally:
                self._requests.task_done()

    async def _request(self, wanted: Do) -> None:
        assert self._client is not None
        try:
            await request(self._client, wanted)
        except IciRefusal as refusal:
            if wanted.version and refusal.code != "ICI-NOT-SUBSCRIBED":
                await self._read_again(wanted.item)
            raise
        if wanted.version:
            await self._read_again(wanted.item, taken=True)

    async def _read_again(self, item: str, *, taken: bool = False) -> None:
        """The document as it is now: whoever writes it is not told of his own change."""
        assert self._client is not None
        newest = await self._client.get_properties(item)
        self._inbox.put_nowait(lambda: self._model.read_again(newest, taken=taken))

    def _failed(self, wanted: Do, error: IvrError) -> None:
        if isinstance(error, IciRefusal) and error.code == "ICI-NOT-SUBSCRIBED":
            self._lost("it does not know this desk any more")
        elif isinstance(error, IciRefusal) or self._returning:
            self._inbox.put_nowait(lambda: self._model.failed(wanted.operation, wanted.item, error))
        else:
            self._lost(str(error))

    # --- the connection ---------------------------------------------------------------------------------

    async def _make_client(self) -> CrmClient:
        settings = self._settings
        return CrmClient(
            settings.url,
            settings.user,
            password=settings.password,
            dialect=settings.dialect,
            callback_host=await _callback_host(settings.url),
            on_event=self._on_event,
        )

    async def _watch_engine(self) -> None:
        assert self._client is not None
        while True:
            await asyncio.sleep(self._heartbeat)
            if self._returning:
                continue
            try:
                await self._client.ping()
            except IvrError as error:
                self._lost(str(error))

    def _lost(self, why: str) -> None:
        if not self._returning:
            self._returning = True
            self._inbox.put_nowait(lambda: self._model.lost(why))
            self._spawn(self._return())

    async def _log_on(self, client: CrmClient) -> None:
        self._early = []
        try:
            await client.subscribe(self._settings.phone)
            self._inbox.put_nowait(lambda: self._model.logged_on(self._settings.phone))
        finally:
            early, self._early = self._early, None
        for event in early:
            self._on_event(event)

    async def _return(self) -> None:
        """Log on again, with longer and longer pauses, until the engine takes it or refuses it for good."""
        assert self._client is not None
        pause = self._pause
        while True:
            await asyncio.sleep(pause * random.uniform(1.0, 1.25))
            try:
                await self._log_on(self._client)
            except IciRefusal as refusal:
                if not refusal.server:
                    self._give_up(refusal)
                    return
            except IvrError as failure:
                logger.debug("desk_log_on_failed user=%s cause=%s", self._settings.user, failure)
            else:
                self._returning = False
                return
            pause = min(pause * 2, LONGEST_PAUSE)

    def _give_up(self, refusal: IciRefusal) -> None:
        self._inbox.put_nowait(lambda: [*self._model.failed("log on again", "", refusal), Leave()])

    # --- time and end -----------------------------------------------------------------------------------

    async def _watch_clock(self) -> None:
        while True:
            now, deadline = self._clock.monotonic(), self._model.deadline
            await asyncio.sleep(REFRESH if deadline is None else min(REFRESH, max(0.05, deadline - now)))
            self._inbox.put_nowait(lambda: self._model.expire(self._clock.monotonic()))

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:

            def raise_it() -> list[Output]:
                raise error

            self._inbox.put_nowait(raise_it)

    async def _close(self) -> None:
        """Let what was asked for be asked, then log off and give the terminal back."""
        try:
            if self._leaving and not self._returning:
                await asyncio.wait([self._spawn(self._requests.join())], timeout=LAST_REQUESTS)
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            if self._client is not None:
                await self._client.close()
        finally:
            if self._keyboard is not None:
                self._screen.status(None)
                self._keyboard.close()


def _signals() -> list[signal.Signals]:
    """Those that mean "end"; one that is ignored, as `nohup` does with SIGHUP, stays so."""
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    return [number for number in wanted if signal.getsignal(number) is not signal.SIG_IGN]


async def _callback_host(url: str) -> str:
    """The address of this machine that the engine can post events to."""
    host = urlsplit(url).hostname
    if not host:
        raise IvrError(f"{url!r} is no address; write one like http://127.0.0.1:8080/ici")
    try:
        return local_address_towards(await resolve(host))
    except OSError as error:
        raise IvrError(f"the host {host} of {url} cannot be found: {error}; check the name") from error
