"""A whole engine on loopback with ports of its own, and the people around it."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ivr.config import (
    AgentSettings,
    HostPort,
    HttpSettings,
    IciSettings,
    MediaSettings,
    MenuSettings,
    RoutingSettings,
    Settings,
    SipSettings,
    SpeechSettings,
    StoreSettings,
    shipped,
)
from ivr.engine.engine import Engine, Listening
from ivr.ici.crm_client import CrmClient
from ivr.ici.switchboard import IciEvent, ItemAttachedDataChanged, PhoneCallChanged, PhoneCallItem, UserChanged
from ivr.media.g711 import Samples
from ivr.media.wav import read_wav
from ivr.speech.contracts import Clip
from ivr.store.sqlite import SqliteStore
from ivr.testing.phone import Answering, ScriptedPhone

_ranges = itertools.count(75 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")))
"""Number of the RTP ports of the next house; test processes beside each other are half the numbers apart."""
SKILLS = {"desk1": ("general", "billing"), "desk2": ("general", "outages"), "desk3": ("emergency", "general")}


class Desk:
    """An agent: a desktop that speaks ICI, and a telephone."""

    def __init__(
        self,
        name: str,
        url: str,
        phone: ScriptedPhone,
        *,
        password: str = "",
        workcenter: str | None = None,
        dialect: str = "default",
    ) -> None:
        """`workcenter` is what the log-on names as telephone; the telephone's own address by default."""
        self.name = name
        self.phone = phone
        self._workcenter = phone.uri if workcenter is None else workcenter
        self.events: list[IciEvent] = []
        self._changed = asyncio.Condition()
        self.client = CrmClient(url, name, password=password, dialect=dialect, on_event=self._on_event)
        self.on_alerting: Callable[[PhoneCallItem], None] | None = None

    def _on_event(self, event: IciEvent) -> None:
        self.events.append(event)
        if isinstance(event, PhoneCallChanged) and event.item.status == "alerting" and self.on_alerting:
            self.on_alerting(event.item)
        asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def log_on(self, *, ready: bool = True) -> None:
        await self.client.start()
        await self.client.subscribe(self._workcenter)
        if ready:
            await self.client.set_workmode(2)

    @property
    def items(self) -> list[PhoneCallItem]:
        return [event.item for event in self.events if isinstance(event, PhoneCallChanged)]

    @property
    def statuses(self) -> list[str]:
        return [item.status for item in self.items]

    async def item(self, status: str, *, within: float = 10.0, after: int = 0) -> PhoneCallItem:
        """The first item event with this status, behind the first `after` of them."""

        def found() -> PhoneCallItem | None:
            return next((item for item in self.items[after:] if item.status == status), None)

        return await self._when(found, within)

    async def workmode(self, text: str, *, within: float = 10.0) -> UserChanged:
        def found() -> UserChanged | None:
            events = [event for event in self.events if isinstance(event, UserChanged)]
            return events[-1] if events and events[-1].user.workmode_text == text else None

        return await self._when(found, within)

    async def ends(self, item_id: str, *statuses: str, within: float = 10.0) -> PhoneCallItem:
        """The newest event of an item, once the last of its events have these statuses."""

        def found() -> PhoneCallItem | None:
            mine = [item for item in self.items if item.id == item_id]
            last = tuple(item.status for item in mine[-len(statuses) :])
            return mine[-1] if last == statuses else None

        newest: PhoneCallItem = await self._when(found, within)
        return newest

    async def data(self, *, within: float = 10.0) -> ItemAttachedDataChanged:
        """The first news of attached data that somebody else wrote."""

        def found() -> ItemAttachedDataChanged | None:
            return next((event for event in self.events if isinstance(event, ItemAttachedDataChanged)), None)

        told: ItemAttachedDataChanged = await self._when(found, within)
        return told

    async def _when(self, found: Callable[[], Any], within: float) -> Any:
        async with asyncio.timeout(within), self._changed:
            while (value := found()) is None:
                await self._changed.wait()
            return value

    async def close(self) -> None:
        await self.client.close()
        await self.phone.stop()


class House:
    """One engine with everything real but the people."""

    def __init__(self, var: Path, prompts: Path, **changes: Any) -> None:
        first = 30000 + 200 * (next(_ranges) % 150)
        var.mkdir(parents=True, exist_ok=True)
        if not (var / "prompts").exists():
            (var / "prompts").symlink_to(prompts, target_is_directory=True)
        defaults: dict[str, Any] = {
            "sip": SipSettings(listen=HostPort("127.0.0.1", 0)),
            "media": MediaSettings(ports=(first, first + 199)),
            "http": HttpSettings(listen=HostPort("127.0.0.1", 0)),
            "ici": IciSettings(),
            "routing": RoutingSettings(wrap_up=0.2, after_reject=0.2, after_missed=0.2),
            "store": StoreSettings(path=var / "ivr.db"),
            "menu": MenuSettings(folder=shipped("menus"), audio=shipped("audio")),
            "speech": SpeechSettings(),
            "agents": tuple(AgentSettings(name, name.title(), skills) for name, skills in SKILLS.items()),
            "var": var,
        }
        self.settings = Settings(**(defaults | changes))
        self.engine = Engine(self.settings)
        self.listening: Listening | None = None
        self._phones: list[ScriptedPhone] = []
        self._desks: list[Desk] = []

    async def start(self) -> None:
        """The sample customers are made once a run: hashing their PINs takes seconds, as it should."""
        made = self.settings.var / "prompts" / "sample-store.db"
        path = self.settings.store.path
        if not path.exists() and not made.exists():
            store = await SqliteStore.open(path)
            await store.close()
            shutil.copy(path, half := made.with_suffix(f".{os.getpid()}"))
            half.rename(made)  # whole at once: another test process may look for it now
        elif not path.exists():
            shutil.copy(made, path)
        self.listening = await self.engine.start()

    async def stop(self) -> None:
        for desk in self._desks:
            await desk.close()
        for phone in self._phones:
            await phone.stop()
        await self.engine.stop()

    @property
    def uri(self) -> str:
        assert self.listening is not None
        return f"sip:ivr@127.0.0.1:{self.listening.sip.port}"

    @property
    def ici_url(self) -> str:
        assert self.listening is not None
        return f"http://127.0.0.1:{self.listening.http.port}/ici"

    @property
    def store(self) -> Any:
        assert self.engine.exchange is not None
        return self.engine.exchange.rooms.store

    async def phone(self, user: str = "softphone", answering: Answering | None = None) -> ScriptedPhone:
        phone = ScriptedPhone(user, answering=answering)
        await phone.start()
        self._phones.append(phone)
        return phone

    async def desk(self, name: str = "desk1", *, answering: Answering | None = None, ready: bool = True) -> Desk:
        phone = ScriptedPhone(name, answering=answering or Answering(after=0.2))
        await phone.start()
        desk = Desk(name, self.ici_url, phone, dialect=self.settings.ici.dialect)
        self._desks.append(desk)
        await desk.log_on(ready=ready)
        return desk

    async def record(self, *, within: float = 5.0) -> dict[str, Any]:
        """The newest record of a visit that has ended."""
        async with asyncio.timeout(within):
            while (record := await self.store.call("last")) is None:
                await asyncio.sleep(0.02)
        return dict(record)

    async def clip(self, text: str, *, language: str = "en") -> Samples:
        """The sound of a text that has been said, from the library."""
        assert self.engine.exchange is not None
        voice = self.engine.exchange.menu.language(language).voice
        return read_wav(await self.engine.exchange.rooms.library.file(Clip(language, voice, text)))
