"""A telephone system that only remembers, a callback server that behaves as told, and both on free ports."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from ivr.config.settings import IciSettings
from ivr.ici import attached_data, envelope, items
from ivr.ici.capabilities import capabilities_of
from ivr.ici.client import EventSender
from ivr.ici.dialect import Dialect, load
from ivr.ici.endpoint import IciEndpoint
from ivr.ici.switchboard import (
    IciEvent,
    IciRefusal,
    PhoneCallItem,
    QueueView,
    UserView,
)

DOCUMENT = attached_data.build("SAP-IC", {"ACCOUNT": "4000000002", "REASON": "BILL"})


def make_item(id: str = "call-1", status: Any = "alerting", sequence: int = 1, **changes: Any) -> PhoneCallItem:
    values: dict[str, Any] = {
        "direction": "inbound",
        "remote_numbers": ("+15550100",),
        "called_number": "8000",
        "queue_id": "general",
        "attached_data": DOCUMENT,
        "started_at": datetime(2026, 3, 4, 5, 6, 7, 890000, tzinfo=UTC),
        "capabilities": capabilities_of(status),
    }
    return PhoneCallItem(id=id, status=status, sequence=sequence, **{**values, **changes})


class FakeSwitchboard:
    """Keeps the state of agents and items, and notes what was asked of it."""

    def __init__(self) -> None:
        self.passwords = {"desk1": "", "desk2": "", "guarded": "s3cret:ä"}
        self.views = {
            user: UserView(user, user.title(), 1, "", None, "Logged Off", ("general",), "")
            for user in self.passwords
        }
        self.calls: list[tuple[str, ...]] = []
        self.kept: list[tuple[str, str, str, str]] = []
        self.monitors: list[tuple[str, str, str]] = []
        self.live: dict[str, PhoneCallItem] = {}
        self.owners: dict[str, str] = {}
        self.refuse: IciRefusal | None = None
        self.on_log_on: Callable[[str], None] = lambda user: None

    def give(self, user: str, item: PhoneCallItem) -> None:
        self.live[item.id] = item
        self.owners[item.id] = user

    def has_user(self, user: str) -> bool:
        return user in self.passwords

    def users(self) -> list[str]:
        return list(self.views)

    def password_of(self, user: str) -> str:
        return self.passwords[user]

    def user(self, user: str) -> UserView:
        return self.views[user]

    def queues(self) -> list[QueueView]:
        return [QueueView("general", "General", 2, 61.7), QueueView("billing", "Bills & payments", 0, 0.0)]

    def workmodes(self, user: str) -> list[tuple[int, str]]:
        return [(2, ""), (3, "Pause"), (1001, "Training")]

    def item(self, item_id: str) -> PhoneCallItem | None:
        return self.live.get(item_id)

    def owner(self, item_id: str) -> str:
        return self.owners.get(item_id, "")

    def items(self, user: str) -> list[PhoneCallItem]:
        return [item for item in self.live.values() if self.owners[item.id] == user]

    def _note(self, *call: str) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.calls.append(call)

    async def log_on(self, user: str, workcenter: str) -> None:
        self._note("log_on", user, workcenter)
        self.views[user] = dataclasses.replace(
            self.views[user], workmode=3, presence="Available", workcenter_id=workcenter
        )
        self.on_log_on(user)

    async def keep_screen(self, user: str, app_url: str, app_id: str, workcenter: str) -> None:
        self.kept.append((user, app_url, app_id, workcenter))

    async def keep_monitor(self, user: str, app_url: str, app_id: str) -> None:
        self.monitors.append((user, app_url, app_id))

    async def log_off(self, user: str, cause: str) -> None:
        self._note("log_off", user, cause)

    async def screen_lost(self, user: str) -> None:
        self._note("screen_lost", user)

    async def set_workmode(self, user: str, workmode: int) -> None:
        self._note("set_workmode", user, str(workmode))
        self.views[user] = dataclasses.replace(self.views[user], workmode=workmode)

    async def set_queues(self, user: str, queues: list[str]) -> None:
        self._note("set_queues", user, *queues)
        self.views[user] = dataclasses.replace(self.views[user], queues=tuple(queues))

    async def accept(self, user: str, item_id: str) -> None:
        self._note("accept", user, item_id)

    async def reject(self, user: str, item_id: str) -> None:
        self._note("reject", user, item_id)

    async def drop(self, user: str, item_id: str) -> None:
        self._note("drop", user, item_id)

    async def hold(self, user: str, item_id: str) -> None:
        self._note("hold", user, item_id)

    async def unhold(self, user: str, item_id: str) -> None:
        self._note("unhold", user, item_id)

    async def reroute(self, user: str, item_id: str, queue: str) -> None:
        self._note("reroute", user, item_id, queue)

    async def mute(self, user: str, item_id: str, *, on: bool) -> None:
        self._note("mute" if on else "unmute", user, item_id)

    async def blind_transfer(self, user: str, item_id: str, destination: str) -> None:
        self._note("blind_transfer", user, item_id, destination)

    async def consult(self, user: str, item_id: str, destination: str) -> str:
        self._note("consult", user, item_id, destination)
        return f"{item_id}-c1"

    async def dial(self, user: str, destination: str, document: str) -> str:
        self._note("dial", user, destination)
        return "dialled-1"

    async def toggle(self, user: str, item_id: str, other_id: str) -> None:
        self._note("toggle", user, item_id, other_id)

    async def warm_transfer(self, user: str, item_id: str, consult_item_id: str) -> None:
        self._note("warm_transfer", user, item_id, consult_item_id)

    async def conference(self, user: str, item_id: str, consult_item_id: str) -> None:
        self._note("conference", user, item_id, consult_item_id)

    async def send_dtmf(self, user: str, item_id: str, digits: str) -> None:
        self._note("send_dtmf", user, item_id, digits)

    async def set_attached_data(self, user: str, item_id: str, document: str) -> None:
        self._note("set_attached_data", user, item_id)
        self.live[item_id] = dataclasses.replace(self.live[item_id], attached_data=document)


class Callback:
    """A CRM that writes down what it is told and answers as `behave` says."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.heard: list[tuple[str, list[str], IciEvent]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.posts = 0
        self.asked: dict[str, str] = {}
        """The headers of the newest post."""
        self.url = ""
        self.behave: Callable[[int], Awaitable[web.Response | None]] = self._answer
        """Called with the number of the post; None for the ordinary answer."""
        self._news = asyncio.Event()

    async def _answer(self, number: int) -> web.Response | None:
        return None

    async def receive(self, request: web.Request) -> web.Response:
        raw = await request.read()
        self.posts += 1
        self.asked = dict(request.headers)
        self._news.set()
        special = await self.behave(self.posts)
        if special is None:
            self._understand(request, raw)
        self._news.set()
        service = self.dialect.services["IciEvent"]
        operation = service.operations["userChanged"]
        body = envelope.answer(
            self.dialect, operation, {"response": "ok"}, name="event", namespace=service.namespace
        )
        return special or web.Response(body=body, content_type="text/xml", charset="utf-8")

    def _understand(self, request: web.Request, raw: bytes) -> None:
        message = envelope.parse_message(raw, self.dialect)
        operation = self.dialect.services["IciEvent"].find(message.name)
        assert operation is not None, f"no event of {self.dialect.name} is called {message.name}"
        values = message.values(operation, self.dialect)
        self.heard.append(
            (message.user, values["appIds"], items.parse_event(operation.name, values, self.dialect))
        )
        self.headers.append(dict(request.headers))
        self.bodies.append(raw)

    @property
    def events(self) -> list[IciEvent]:
        return [event for _, _, event in self.heard]

    async def until(self, condition: Callable[[Callback], bool]) -> None:
        """Wait until the condition holds, looking after every post."""
        async with asyncio.timeout(5):
            while not condition(self):
                self._news.clear()
                await self._news.wait()


Site = Callable[[web.Application], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Site]:
    """Start an application on a free port of loopback; gives its base address."""
    runners: list[web.AppRunner] = []

    async def start(app: web.Application) -> str:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
def dialect_name() -> str:
    """Modules that tell scenarios override it, and run under every dialect that is shipped."""
    return "default"


@pytest.fixture
def dialect(dialect_name: str) -> Dialect:
    return load(dialect_name)


@pytest.fixture
def settings(dialect_name: str) -> IciSettings:
    return IciSettings(post_timeout=0.5, dialect=dialect_name)


@pytest.fixture
def switchboard() -> FakeSwitchboard:
    return FakeSwitchboard()


@pytest.fixture
def lost() -> list[str]:
    """Users whose screens the sender gave up."""
    return []


@pytest.fixture
async def sender(
    settings: IciSettings, dialect: Dialect, lost: list[str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[EventSender]:
    monkeypatch.setattr("ivr.ici.client.RETRY_AFTER", (0.01, 0.02))
    sender = EventSender(settings, dialect, lost.append)
    yield sender
    await sender.close()


@pytest.fixture
async def callback(dialect: Dialect, serve: Site) -> Callback:
    crm = Callback(dialect)
    app = web.Application()
    app.router.add_post("/event", crm.receive)
    crm.url = f"{await serve(app)}/event"
    return crm


@pytest.fixture
async def endpoint(switchboard: FakeSwitchboard, sender: EventSender, settings: IciSettings) -> IciEndpoint:
    return IciEndpoint(switchboard, sender, settings)


@pytest.fixture
async def base(endpoint: IciEndpoint, serve: Site) -> str:
    """Base address of a running endpoint."""
    app = web.Application()
    endpoint.add_to(app)
    return f"{await serve(app)}/ici"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def item() -> Callable[..., PhoneCallItem]:
    return make_item
