"""An engine that only remembers, a screen that keeps what it shows, and items as ICI tells of them."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from ivr.config.settings import IciSettings
from ivr.ici import attached_data
from ivr.ici.capabilities import capabilities_of
from ivr.ici.client import EventSender
from ivr.ici.dialect import load
from ivr.ici.endpoint import IciEndpoint
from ivr.ici.switchboard import IciEvent, IciRefusal, PhoneCallChanged, PhoneCallItem, UserChanged, UserView

PROVED = {"ACCOUNT": "4000000002", "PROVED": "pin", "REASON": "ASKED_FOR_AGENT", "TOPIC": "balance"}
CLAIMED = {**PROVED, "PROVED": "no"}


def make_item(status: Any = "alerting", id: str = "c1", sequence: int = 1, **changes: Any) -> PhoneCallItem:
    fields = changes.pop("fields", PROVED)
    values: dict[str, Any] = {
        "direction": "inbound",
        "remote_numbers": ("+15550100",),
        "called_number": "8000",
        "queue_id": "general",
        "attached_data": attached_data.build("SAP-IC", fields),
        "started_at": datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
        "capabilities": capabilities_of(status),
    }
    return PhoneCallItem(id=id, status=status, sequence=sequence, **{**values, **changes})


def make_user(workmode: int = 3, text: str = "", **changes: Any) -> UserView:
    texts = {1: "Logged off", 2: "Ready", 3: "Not ready"}
    view = UserView(
        "desk1", "", workmode, text or texts.get(workmode, f"Reason {workmode}"), None, "Available", (), ""
    )
    return dataclasses.replace(view, **changes)


class FakeEngine:
    """The real ICI endpoint over a telephone system that notes what it is asked."""

    def __init__(self) -> None:
        self.passwords = {"desk1": "", "guarded": "s3cret"}
        self.views = {user: dataclasses.replace(make_user(1), id=user) for user in self.passwords}
        self.calls: list[tuple[str, ...]] = []
        self.live: dict[str, PhoneCallItem] = {}
        self.refuse: IciRefusal | None = None
        self.port = 0
        self.sender: EventSender | None = None
        self._runner: web.AppRunner | None = None
        self._news = asyncio.Condition()

    # --- life -------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen, on the port of the last time if there was one."""
        settings = IciSettings(post_timeout=1.0)
        self.sender = EventSender(settings, load("default"), lambda user: None)
        app = web.Application()
        IciEndpoint(self, self.sender, settings).add_to(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Say good-bye to the desks."""
        if self.sender is not None:
            await self.sender.close()
            self.sender = None
        await self.crash()

    async def crash(self) -> None:
        """Be gone without a word; subscriptions are forgotten."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/ici"

    # --- a test's hands ---------------------------------------------------------------------------------

    def tell(self, event: IciEvent, user: str = "desk1") -> asyncio.Future[bool]:
        assert self.sender is not None
        if isinstance(event, PhoneCallChanged):
            self.live[event.item.id] = event.item
        return self.sender.publish(user, event)

    def call(self, status: Any, **changes: Any) -> asyncio.Future[bool]:
        return self.tell(PhoneCallChanged(make_item(status, **changes)))

    async def asked(self, *call: str, times: int = 1) -> None:
        """Wait until this was asked so many times."""
        async with asyncio.timeout(10), self._news:
            while self.calls.count(call) < times:
                await self._news.wait()

    # --- Switchboard ------------------------------------------------------------------------------------

    def has_user(self, user: str) -> bool:
        return user in self.passwords

    def password_of(self, user: str) -> str:
        return self.passwords[user]

    def user(self, user: str) -> UserView:
        return self.views[user]

    def queues(self) -> list[Any]:
        return []

    def workmodes(self, user: str) -> list[tuple[int, str]]:
        return [(1001, "Training")]

    def item(self, item_id: str) -> PhoneCallItem | None:
        return self.live.get(item_id)

    def owner(self, item_id: str) -> str:
        return "desk1" if item_id in self.live else ""

    def items(self, user: str) -> list[PhoneCallItem]:
        return [item for item in self.live.values() if item.status != "ended"]

    async def _note(self, *call: str) -> None:
        if self.refuse is not None:
            raise self.refuse
        async with self._news:
            self.calls.append(call)
            self._news.notify_all()

    async def log_on(self, user: str, workcenter: str) -> None:
        self.views[user] = dataclasses.replace(make_user(3), id=user, workcenter_id=workcenter)
        await self._note("log_on", user, workcenter)

    async def keep_screen(self, user: str, app_url: str, app_id: str, workcenter: str) -> None:
        """Nothing here outlives its process."""

    async def keep_monitor(self, user: str, app_url: str, app_id: str) -> None:
        """Nor does this."""

    async def log_off(self, user: str, cause: str) -> None:
        await self._note("log_off", user, cause)

    async def screen_lost(self, user: str) -> None:
        await self._note("screen_lost", user)

    async def set_workmode(self, user: str, workmode: int) -> None:
        await self._note("set_workmode", user, str(workmode))
        self.views[user] = dataclasses.replace(make_user(workmode), id=user)
        self.tell(UserChanged(self.views[user]), user)

    async def set_queues(self, user: str, queues: list[str]) -> None:
        await self._note("set_queues", user)

    async def accept(self, user: str, item_id: str) -> None:
        await self._note("accept", user, item_id)

    async def reject(self, user: str, item_id: str) -> None:
        await self._note("reject", user, item_id)

    async def drop(self, user: str, item_id: str) -> None:
        await self._note("drop", user, item_id)

    async def hold(self, user: str, item_id: str) -> None:
        await self._note("hold", user, item_id)

    async def unhold(self, user: str, item_id: str) -> None:
        await self._note("unhold", user, item_id)

    async def reroute(self, user: str, item_id: str, queue: str) -> None:
        await self._note("reroute", user, item_id, queue)

    async def mute(self, user: str, item_id: str, *, on: bool) -> None:
        await self._note("mute" if on else "unmute", user, item_id)

    async def blind_transfer(self, user: str, item_id: str, destination: str) -> None:
        await self._note("blind_transfer", user, item_id, destination)

    async def consult(self, user: str, item_id: str, destination: str) -> str:
        await self._note("consult", user, item_id, destination)
        return f"{item_id}-c1"

    async def dial(self, user: str, destination: str, document: str) -> str:
        await self._note("dial", user, destination)
        return "dialled-1"

    async def toggle(self, user: str, item_id: str, other_id: str) -> None:
        await self._note("toggle", user, item_id, other_id)

    async def warm_transfer(self, user: str, item_id: str, consult_item_id: str) -> None:
        await self._note("warm_transfer", user, item_id, consult_item_id)

    async def conference(self, user: str, item_id: str, consult_item_id: str) -> None:
        await self._note("conference", user, item_id, consult_item_id)

    async def send_dtmf(self, user: str, item_id: str, digits: str) -> None:
        await self._note("send_dtmf", user, item_id)

    async def set_attached_data(self, user: str, item_id: str, document: str) -> None:
        await self._note("set_attached_data", user, item_id)


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    made = FakeEngine()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def item() -> Callable[..., PhoneCallItem]:
    return make_item


@pytest.fixture
def user() -> Callable[..., UserView]:
    return make_user
