"""Posting events to agents' screens: in order, at least once, and never waiting for a dead one for long."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import random
import ssl
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import aiohttp

from ivr.config.settings import IciSettings
from ivr.errors import RemoteProtocolError
from ivr.ici import envelope, items
from ivr.ici.client_http import (
    ANSWER_LIMIT,
    ANSWERING,
    authorisation,
    describe_failure,
    describe_status,
    in_words,
    read_capped,
)
from ivr.ici.dialect import Dialect, Operation
from ivr.ici.endpoint_trace import IciTrace
from ivr.ici.lane import Entry, Lane, take
from ivr.ici.subscriptions import Subscription, Subscriptions
from ivr.ici.switchboard import (
    IciEvent,
    IciRefusal,
    ItemAttachedDataChanged,
    PhoneCallChanged,
    SubscriptionEnded,
    UserChanged,
)

log = logging.getLogger(__name__)

RETRY_AFTER: Final = (0.1, 0.3)
"""Seconds before the second and the third attempt; then the screen is lost (H3)."""
SPREAD: Final = 1.5
"""Pauses are longer by a random factor up to this, so that screens behind one address do not come all at once."""
SHORT_ANSWER: Final = 2048
ANSWERS_KEPT: Final = 64
"""Answers to events, and octets of one, that are remembered so as not to be read again."""

Screen = Lane["asyncio.Future[bool]"]
"""The events that wait for one agent's screen."""


class EventSender:
    """Tells agents' screens what happens.

    Use it on the thread of the event loop. `on_lost` is called with a user whose screen has not taken an event
    in three attempts; the subscription is over by then.
    """

    def __init__(
        self,
        settings: IciSettings,
        dialect: Dialect,
        on_lost: Callable[[str], object],
        *,
        tls: ssl.SSLContext | None = None,
        trace: IciTrace | None = None,
        on_unreachable: Callable[[Subscription, str], object] = lambda subscription, failure: None,
    ) -> None:
        """`trace` gets every event that is posted. `on_unreachable` is told of each lost screen, and empty, or why
        not even that could be told to it: a `HostFailure` when it may be found again once its host is well.

        `tls`: whom to believe behind https callbacks, and what to show them; the system's authorities else."""
        self._tls = tls
        self._trace = trace
        self._settings = settings
        self._dialect = dialect
        self._on_lost = on_lost
        self._on_unreachable = on_unreachable
        self._subscriptions = Subscriptions()
        self._screens: dict[str, Screen] = {}
        self._replaced: dict[Screen, Screen] = {}
        self._alarmed: set[str] = set()
        """Hosts that are known to be in trouble: one alarm for all screens behind one (H10)."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._batches = itertools.count(1)
        self._session: aiohttp.ClientSession | None = None
        self._read_before: set[tuple[str, str, bytes]] = set()
        """Answers of callbacks that were in order: operation, charset, octets."""

    # --- events ----------------------------------------------------------------------------------

    def publish(self, user: str, event: IciEvent) -> asyncio.Future[bool]:
        """Tell the user's screen. True once it has acknowledged, False if it was given up or there is none."""
        return self.publish_all([user], event)[user]

    def publish_all(self, users: Iterable[str], event: IciEvent) -> dict[str, asyncio.Future[bool]]:
        """Tell several users; those behind one callback URL in one post, as far as their order allows."""
        loop = asyncio.get_running_loop()
        batch = next(self._batches)
        told: dict[str, asyncio.Future[bool]] = {}
        screens: list[Screen] = []
        for user in dict.fromkeys(users):
            told[user] = acknowledged = loop.create_future()
            screen = self._screens.get(user)
            if screen is None:
                acknowledged.set_result(False)
            elif screen.full:
                acknowledged.set_result(False)
                what = "too many events wait for it"
                remedy = "check that the other side is not overloaded: it answers too slowly"
                self._lose(screen, in_words(screen.subscription.app_url, "queueing", what, remedy), batch)
            else:
                screens.append(screen)
                dropped = screen.put(Entry(event, loop.time(), batch, [acknowledged], screens))
                if dropped:
                    log.debug("ici_coalesced user=%s dropped=%d", user, dropped)
        for user in told:
            if current := self._screens.get(user):
                self._pump(current)
        return told

    async def ask(self, subscription: Subscription, event: IciEvent) -> str:
        """Post an event to who has no subscription now, once: empty when it was taken, else why not."""
        failure = await self._post(event, [subscription])
        log.info("ici_asked user=%s outcome=%r", subscription.user, failure or "there")
        if not failure:
            self._alarmed.discard(urlsplit(subscription.app_url).netloc)
        return failure

    # --- subscriptions ---------------------------------------------------------------------------

    def users(self) -> list[str]:
        """Those who have one."""
        return self._subscriptions.users()

    def subscriptions(self) -> list[Subscription]:
        """Those that count."""
        return [screen.subscription for screen in self._screens.values()]

    def subscription_of(self, user: str) -> Subscription | None:
        """The one that counts, or None."""
        return self._subscriptions.of(user)

    def open(self, subscription: Subscription) -> Screen:
        """Begin a subscription: events gather until `release` or `abandon`. An older one goes on until then."""
        user = subscription.user
        screen: Screen = Lane(subscription, held=True)
        if older := self._screens.get(user):
            self._replaced[screen] = older
        self._subscriptions.add(subscription)
        self._screens[user] = screen
        return screen

    def release(self, screen: Screen, snapshots: Iterable[IciEvent], *, told: Iterable[IciEvent] = ()) -> None:
        """The answer to `subscribe` is written: send the snapshots, then what has gathered; end the older one.

        What is `told` was posted before by `ask`, and is not posted again while it is the newest that is known."""
        older = self._replaced.pop(screen, None)
        if older is not None:
            renewed = older.subscription.key == screen.subscription.key
            ended = SubscriptionEnded("superseded", "User logged on elsewhere")
            self._close(older, None if renewed else ended)
        if screen.closed:
            return
        now = asyncio.get_running_loop().time()
        screen.put_first([Entry(event, now, next(self._batches)) for event in snapshots])
        for entry in screen.leave_out(told):
            _tell(entry, True)
        screen.held = False
        self._pump(screen)

    def abandon(self, screen: Screen) -> None:
        """The log-on was refused: as if `open` had never been called."""
        older = self._replaced.pop(screen, None)
        user = screen.subscription.user
        current = self._screens.get(user) is screen
        self._close(screen, None)
        if current and older is not None and not older.closed:
            self._subscriptions.add(older.subscription)
            self._screens[user] = older

    def end(
        self, user: str, reason: Literal["superseded", "unsubscribed", "shutdown", "logged_off"], description: str
    ) -> bool:
        """End the user's subscription and tell its callback, best effort; False if there was none."""
        screen = self._screens.get(user)
        if screen is None:
            return False
        self._close(screen, SubscriptionEnded(reason, description))
        return True

    async def close(self) -> None:
        """End all subscriptions, with notice as far as the callbacks take it within the time of one post."""
        for user in self._subscriptions.users():
            self.end(user, "shutdown", "The telephone system is stopping")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.post_timeout):
                while self._tasks:  # a post that is under way is followed by the farewell, in a task of its own
                    await asyncio.wait(set(self._tasks))
        late = set(self._tasks)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _close(self, screen: Screen, farewell: SubscriptionEnded | None) -> None:
        """Nothing more goes to this screen but the farewell, after the post that is under way, and before it the
        last word on its agent and on calls that are over: a screen that logs off must not go on showing a call
        that it was offered, or somebody who is logged on."""
        if screen.closed:
            return
        screen.closed = True
        user = screen.subscription.user
        if self._subscriptions.remove(screen.subscription):
            del self._screens[user]
        hears = farewell is not None and farewell.reason != "unreachable"
        for entry in screen.take_all():
            if hears and _is_last_word(entry.event):
                screen.waiting.append(entry)
            else:
                _tell(entry, False)
        if farewell is not None:
            log.info("ici_subscription_ended user=%s reason=%s", user, farewell.reason)
            screen.waiting.append(Entry(farewell, asyncio.get_running_loop().time(), next(self._batches)))
            self._take_leave(screen)

    def _lose(self, screen: Screen, failure: str, number: int) -> None:
        """`number`: that of the event that it did not take, by which the log is searched."""
        user = screen.subscription.user
        counted = self._screens.get(user) is screen
        self._close(screen, SubscriptionEnded("unreachable", "The screen did not take its events"))
        if counted:
            host = urlsplit(screen.subscription.app_url).netloc
            level = logging.INFO if host in self._alarmed else logging.WARNING
            self._alarmed.add(host)
            log.log(level, "ici_screen_lost id=%d user=%s cause=%r", number, user, failure)
            self._on_lost(user)

    # --- posting ---------------------------------------------------------------------------------

    def _pump(self, screen: Screen) -> None:
        if screen.closed:
            self._take_leave(screen)
        elif screen.ready:
            self._spawn(self._deliver(take(screen)))

    def _take_leave(self, screen: Screen) -> None:
        if screen.waiting and not screen.busy:
            screen.busy = True
            self._spawn(self._say_farewell(screen))

    async def _say_farewell(self, screen: Screen) -> None:
        while screen.waiting:
            entry = screen.waiting.popleft()
            failure = await self._post(entry.event, [screen.subscription])
            _tell(entry, not failure)
            outcome = "delivered" if not failure else f"not delivered, which does no harm: {failure}"
            log.info("ici_farewell id=%d user=%s outcome=%r", entry.batch, screen.subscription.user, outcome)
            if isinstance(entry.event, SubscriptionEnded) and entry.event.reason == "unreachable":
                self._on_unreachable(screen.subscription, failure)
        screen.busy = False

    async def _deliver(self, taken: list[tuple[Screen, Entry[asyncio.Future[bool]]]]) -> None:
        screens = [screen for screen, _ in taken]
        entry = taken[0][1]
        failure = await self._attempt(entry, screens, tries=1 if len(taken) > 1 else 1 + len(RETRY_AFTER))
        if failure and len(taken) > 1:
            for pair in taken:
                self._spawn(self._deliver([pair]))
            return
        for screen, entry in taken:
            screen.busy = False
            _tell(entry, not failure)
            if failure:
                self._lose(screen, failure, entry.batch)
            else:
                self._alarmed.discard(urlsplit(screen.subscription.app_url).netloc)
            self._pump(screen)

    async def _attempt(self, entry: Entry[asyncio.Future[bool]], screens: list[Screen], *, tries: int) -> str:
        """Post the event; empty, or why the last try failed."""
        loop = asyncio.get_running_loop()
        event, began = entry.event, loop.time()
        failure = ""
        for attempt in range(tries):
            if attempt:
                await asyncio.sleep(RETRY_AFTER[attempt - 1] * random.uniform(1.0, SPREAD))
                if all(screen.closed for screen in screens):
                    break
            failure = await self._post(event, [screen.subscription for screen in screens])
            log.info(
                "ici_event id=%d user=%s event=%s item=%s attempt=%d outcome=%r ms=%.1f",
                entry.batch,
                ",".join(screen.subscription.user for screen in screens),
                type(event).__name__,
                _item(event),
                attempt + 1,
                failure or "ok",
                1000 * (loop.time() - began),
            )
            if not failure:
                break
        return failure

    async def _post(self, event: IciEvent, subscriptions: list[Subscription]) -> str:
        """One attempt; empty, or why it failed."""
        url = subscriptions[0].app_url
        app_ids = list(dict.fromkeys(subscription.app_id for subscription in subscriptions))
        name, values = items.event_message(event, app_ids, self._dialect)
        service = self._dialect.services["IciEvent"]
        operation = service.operations[name]
        body = envelope.request(self._dialect, service, operation, values, user=subscriptions[0].user)
        headers = {
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"{self._dialect.action(service, operation)}"',
            **authorisation(url, self._settings.logins),
        }
        try:
            async with self._http().post(url, data=body, headers=headers, allow_redirects=False) as response:
                raw = await read_capped(response.content, ANSWER_LIMIT)
                if self._trace is not None:
                    users = ",".join(one.user for one in subscriptions)
                    self._trace.note("out", users, f"IciEvent.{name}", body, raw or b"")
                if raw is None:
                    long = f"the answer is longer than {ANSWER_LIMIT} octets"
                    return in_words(url, ANSWERING, long, "check what is at this address; ok is enough")
                if raw and response.status in (200, 500):
                    self._check_answer(raw, operation, response.charset or "")
                if response.ok and response.status < 300:
                    return ""
                return describe_status(url, response.status, response.headers.get("Location", ""))
        except IciRefusal as refusal:
            what = f"fault {refusal.code}: {refusal}"
            return in_words(url, ANSWERING, what, "check the log of the other side, and ici.dialect")
        except RemoteProtocolError as mistake:
            return in_words(url, ANSWERING, str(mistake), "check that this address is that of its event service")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as failure:
            return describe_failure(url, failure)

    def _check_answer(self, raw: bytes, operation: Operation, charset: str) -> None:
        """Raises `IciRefusal` for a fault, RemoteProtocolError for what is no SOAP. A callback says the same to
        nearly every event: what was read once need not be read again."""
        known = (operation.name, charset, raw)
        if known in self._read_before:
            return
        envelope.parse_answer(raw, self._dialect, operation, charset=charset)
        if len(raw) <= SHORT_ANSWER and len(self._read_before) < ANSWERS_KEPT:
            self._read_before.add(known)

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._settings.post_timeout),
                connector=aiohttp.TCPConnector(limit=0, limit_per_host=0, ssl=self._tls or True),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _tell(entry: Entry[asyncio.Future[bool]], acknowledged: bool) -> None:
    for waiter in entry.waiters:
        if not waiter.done():
            waiter.set_result(acknowledged)


def _is_last_word(event: IciEvent) -> bool:
    return isinstance(event, UserChanged) or (isinstance(event, PhoneCallChanged) and event.item.status == "ended")


def _item(event: IciEvent) -> str:
    match event:
        case PhoneCallChanged(item):
            return f"{item.id}/{item.status}/{item.sequence}"
        case ItemAttachedDataChanged(item_id, _):
            return item_id
        case _:
            return "-"
