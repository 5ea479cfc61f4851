"""SAP CRM for tests: many agents behind one callback address, and everything that goes wrong there.

    async with CrmPeer("http://127.0.0.1:8080/ici") as crm:
        screen = await crm.log_on("desk1", "sip:desk1@127.0.0.1:5070")
        await screen.client.set_workmode(2)
        item = await screen.item("alerting")

`crm.mode` says how the address answers; `crm.stop_listening()` refuses connections until `listen_again()`;
`screen.heartbeat_lost()` is a browser that died: at the next call CRM refuses it and logs the agent off (ICI.md
6.2). Everything that was posted is in `crm.posts`, with the application ids it was for.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self, TypeVar

from aiohttp import web

from ivr.ici import envelope, items
from ivr.ici.client_http import ANSWER_LIMIT, read_capped
from ivr.ici.crm_client import CALLBACK_PATH, CrmClient
from ivr.ici.dialect import OK, Dialect, load
from ivr.ici.switchboard import (
    IciEvent,
    IciRefusal,
    PhoneCallChanged,
    PhoneCallItem,
    SubscriptionEnded,
    UserChanged,
    UserView,
)

T = TypeVar("T")


class Mode(StrEnum):
    """How the callback address answers."""

    ANSWERS = "answers"
    SLOW = "slow"
    """After `CrmPeer.delay` seconds."""
    SILENT = "silent"
    """Takes the event and never answers."""
    FAULTS = "faults"
    """With the fault of a CRM that does not understand."""
    BREAKS = "breaks"
    """HTTP 503."""
    UNAUTHORISED = "unauthorised"
    """HTTP 401, as an old session of SAP does."""


@dataclass(frozen=True, slots=True)
class Post:
    """One event as it was posted."""

    user: str
    """Of the SOAP header."""
    app_ids: tuple[str, ...]
    event: IciEvent
    at: float
    """Monotonic seconds."""
    answered: Mode


class CrmScreen:
    """One agent's screen."""

    def __init__(
        self, peer: CrmPeer, user: str, password: str, on_event: Callable[[IciEvent], None] | None = None
    ) -> None:
        self.peer = peer
        self.user = user
        self.events: list[IciEvent] = []
        self._heed = on_event
        self._dead = False
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self.client = CrmClient(
            peer.ici,
            user,
            password=password,
            dialect=peer.dialect,
            app_url=peer.url,
            tls=peer.tls,
            on_event=self._on_event,
        )

    def heartbeat_lost(self) -> None:
        """The browser is dead and nobody has noticed yet."""
        self._dead = True

    async def log_on_again(self, workcenter: str = "") -> None:
        """As after a reload of the browser: with a new application id."""
        self._dead = False
        await self.client.subscribe(workcenter)

    @property
    def items(self) -> list[PhoneCallItem]:
        return [event.item for event in self.events if isinstance(event, PhoneCallChanged)]

    @property
    def views(self) -> list[UserView]:
        return [event.user for event in self.events if isinstance(event, UserChanged)]

    @property
    def ends(self) -> list[SubscriptionEnded]:
        return [event for event in self.events if isinstance(event, SubscriptionEnded)]

    async def item(self, status: str, *, within: float = 10.0) -> PhoneCallItem:
        """The first item that has, or gets, this status."""
        return await self.until(lambda: next((one for one in self.items if one.status == status), None), within)

    async def workmode(self, workmode: int, *, within: float = 10.0) -> UserView:
        """When the agent's newest state has this work mode."""

        def found() -> UserView | None:
            return self.views[-1] if self.views and self.views[-1].workmode == workmode else None

        return await self.until(found, within)

    async def ended(self, *, within: float = 10.0) -> SubscriptionEnded:
        """When the subscription is over."""
        return await self.until(lambda: self.ends[-1] if self.ends else None, within)

    async def until(self, found: Callable[[], T | None], within: float) -> T:
        """What `found` gives once it is not None, looked at after each event. Raises TimeoutError."""
        async with asyncio.timeout(within), self._changed:
            while (value := found()) is None:
                await self._changed.wait()
            return value

    def _on_event(self, event: IciEvent) -> None:
        self.events.append(event)
        if self._heed is not None:
            self._heed(event)
        self._spawn(self._tell())
        if self._dead and isinstance(event, PhoneCallChanged) and event.item.status == "alerting":
            self._spawn(self._give_up(event.item.id))

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _give_up(self, item_id: str) -> None:
        await self.client.reject(item_id)
        await self.client.unsubscribe()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class CrmPeer:
    """The CRM's application server."""

    def __init__(
        self,
        ici: str,
        *,
        dialect: str | Dialect = "default",
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`ici`: base address of the engine's ICI, such as ``http://127.0.0.1:8080/ici``; `tls` for https."""
        self.ici = ici
        self.tls = tls
        self.dialect = dialect if isinstance(dialect, Dialect) else load(dialect)
        self.mode = Mode.ANSWERS
        self.modes: dict[str, Mode] = {}
        """Of single users, by the name of the SOAP header; `mode` for all others."""
        self.delay = 1.0
        """Seconds that a slow answer takes."""
        self.posts: list[Post] = []
        self.screens: dict[str, CrmScreen] = {}
        self.url = ""
        self._host = host
        self._port = 0
        self._runner: web.AppRunner | None = None
        self._stopped = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.listen_again()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopped.set()
        for screen in self.screens.values():
            await screen.client.close()
        await self.stop_listening()

    async def log_on(
        self,
        user: str,
        workcenter: str = "",
        *,
        password: str = "",
        on_event: Callable[[IciEvent], None] | None = None,
    ) -> CrmScreen:
        """A screen that is subscribed; not ready yet. `on_event` is called with each event it takes."""
        screen = CrmScreen(self, user, password, on_event)
        await screen.client.start()
        self.screens[user] = screen  # not before: one that was given up half-way could never log on again
        await screen.client.subscribe(workcenter)
        return screen

    async def listen_again(self) -> None:
        """At the same address as before."""
        app = web.Application()
        app.router.add_post(CALLBACK_PATH, self._receive)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{self._port}{CALLBACK_PATH}"

    async def stop_listening(self) -> None:
        """Connections are refused from now on."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        raw = await read_capped(request.content, ANSWER_LIMIT)
        try:
            message = envelope.parse_message(raw or b"", self.dialect, charset=request.charset or "")
            operation = self.dialect.services["IciEvent"].find(message.name)
            if operation is None:
                raise IciRefusal("ICI-NOT-SUPPORTED", f"cannot understand the ICI event {message.name[:40]!r}")
            values = message.values(operation, self.dialect, lenient=True)
            event = items.parse_event(operation.name, values, self.dialect)
        except IciRefusal as refusal:
            return _xml(500, envelope.fault(refusal))
        mode = self.modes.get(message.user, self.mode)
        self.posts.append(Post(message.user, tuple(values["appIds"]), event, time.monotonic(), mode))
        if mode in (Mode.ANSWERS, Mode.SLOW):
            for screen in self.screens.values():
                screen.client.take(values["appIds"], event)
        if refused := await self._refuse(mode):
            return refused
        answer = envelope.answer(
            self.dialect, operation, {OK: "ok"}, name=message.name, namespace=message.namespace
        )
        return _xml(200, answer)

    async def _refuse(self, mode: Mode) -> web.Response | None:
        match mode:
            case Mode.SLOW:
                await asyncio.sleep(self.delay)
            case Mode.SILENT:
                await self._stopped.wait()
            case Mode.FAULTS:
                return _xml(500, envelope.fault(IciRefusal("CM_ICI_CCS 008", "cannot understand ICI event")))
            case Mode.BREAKS:
                return web.Response(status=503)
            case Mode.UNAUTHORISED:
                return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="SAP"'})
        return None


def _xml(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type=envelope.CONTENT_TYPE, charset="utf-8")
