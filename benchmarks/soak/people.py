"""Agents and callers who do as they please, and remember what the engine has acknowledged."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable
from dataclasses import dataclass, field

from benchmarks.soak.site import DESKS, Site, until
from ivr.errors import IvrError
from ivr.ici.attached_data import build
from ivr.ici.switchboard import IciRefusal, PhoneCallChanged, PhoneCallItem
from ivr.testing.crm_peer import CrmPeer, CrmScreen
from ivr.testing.phone import Answering, PhoneCall, ScriptedPhone

READY, NOT_READY, LUNCH, OFF = 2, 3, 1001, 1
PROMISED, SILENCED = "callbacks promised", "media workers killed"
"""What is counted under this name."""


@dataclass(slots=True)
class Acknowledged:
    """What one agent was told, and may rely on; two values while a question had no answer when the engine died."""

    workmodes: set[int] = field(default_factory=lambda: {OFF})
    left: set[bool] = field(default_factory=lambda: {False})
    """Whether he signed off from the queue."""


class Agent:
    """A person with a desktop and a telephone."""

    def __init__(self, name: str, crm: CrmPeer, dice: random.Random, counts: dict[str, int]) -> None:
        self.name = name
        self.crm = crm
        self.dice = dice
        self.counts = counts
        self.known = Acknowledged()
        self.phone = ScriptedPhone(name, answering=Answering(after=0.05), tcp=False)
        self.notes: dict[str, list[str]] = {}
        """Acknowledged notes by item."""
        self._numbers = itertools.count(1)
        self._shown_since = 0
        """The first event of this log-on: a desktop that logs off and on again shows nothing of before."""

    @property
    def screen(self) -> CrmScreen | None:
        return self.crm.screens.get(self.name)

    def live(self) -> list[PhoneCallItem]:
        """The calls his screen shows, each as it was told last."""
        newest: dict[str, PhoneCallItem] = {}
        events = self.screen.events[self._shown_since :] if self.screen else []
        for item in (event.item for event in events if isinstance(event, PhoneCallChanged)):
            if item.id not in newest or item.sequence >= newest[item.id].sequence:
                newest[item.id] = item
        return [item for item in newest.values() if item.status != "ended"]

    # --- what he may rely on -----------------------------------------------------------------------------------

    async def choose(self, workmode: int) -> bool:
        """Log on or off, or take another work mode; True once that is acknowledged."""
        before = set(self.known.workmodes)
        self.known.workmodes = before | {workmode, *({NOT_READY} if OFF in before else ())}
        try:
            if OFF in before and workmode != OFF:
                self.known.left |= {False}  # a new log-on is for all his queues
                await self._log_on()
                self.known.workmodes, self.known.left = {NOT_READY}, {False}
                self.counts["log-ons"] += 1
                return workmode == NOT_READY or await self.choose(workmode)
            assert self.screen is not None
            if workmode == OFF:
                await self.screen.client.unsubscribe()
            else:
                await self.screen.client.set_workmode(workmode)
        except IciRefusal:
            self.known.workmodes = before
            return False
        except IvrError:
            return False
        self.known.workmodes = {workmode}
        self.counts["work modes"] += 1
        return True

    async def _log_on(self) -> None:
        if (screen := self.screen) is None:
            await self.crm.log_on(self.name, self.phone.uri)
        else:
            self._shown_since = len(screen.events)
            await screen.log_on_again(self.phone.uri)

    async def sign(self, *, on: bool) -> None:
        """On to the queue, or off from it."""
        before = set(self.known.left)
        self.known.left = before | {not on}
        try:
            assert self.screen is not None
            await self.screen.client.set_queues(DESKS[self.name] if on else [])
        except IciRefusal:
            self.known.left = before
        except IvrError:
            pass
        else:
            self.known.left = {not on}
            self.counts["sign-ons"] += 1

    async def note(self, item: PhoneCallItem) -> None:
        assert self.screen is not None
        text = f"{self.name} note {next(self._numbers)}"
        document = build("IVR/CONTACT", {"NOTE": text})
        if await self._try(self.screen.client.set_attached_data(item.id, document)):
            self.notes.setdefault(item.id, []).append(text)
            self.counts["notes"] += 1

    async def _try(self, operation: Awaitable[object]) -> bool:
        """Whether it was acknowledged; refusals are part of life, for calls end meanwhile."""
        try:
            await operation
        except IvrError:
            return False
        self.counts["operations"] += 1
        return True

    # --- a day's work ------------------------------------------------------------------------------------------

    async def work(self) -> None:
        while True:
            await asyncio.sleep(self.dice.uniform(0.02, 0.25))
            calls = self.live()
            if calls and OFF not in self.known.workmodes:
                await self._deal_with(self.dice.choice(calls), calls)
            elif self.dice.random() < 0.4:
                await self._do_something()

    async def _do_something(self) -> None:
        if OFF in self.known.workmodes or self.screen is None:
            await self.choose(READY)
        elif self.dice.random() < 0.25:
            await self.sign(on=True in self.known.left)
        else:
            await self.choose(self.dice.choice((READY, READY, READY, NOT_READY, LUNCH, OFF)))

    async def _deal_with(self, item: PhoneCallItem, calls: list[PhoneCallItem]) -> None:
        assert self.screen is not None
        client = self.screen.client
        others = [name for name in DESKS if name != self.name]
        if len(calls) > 1 and "warmTransfer" in item.capabilities:
            first, second = sorted(calls[:2], key=lambda one: one.direction == "outbound")
            act = self.dice.choice((client.toggle, client.warm_transfer, client.conference))
            await self._try(act(first.id, second.id))
        elif item.status == "alerting":
            await self._try(client.accept(item.id) if self.dice.random() < 0.9 else client.reject(item.id))
        elif item.status == "held" and "unhold" in item.capabilities:
            await self._try(client.unhold(item.id))
        elif item.status in ("connected", "conferenced"):
            match self.dice.randrange(8):
                case 0:
                    await self._try(client.hold(item.id))
                case 1 | 2 if item.direction == "inbound":  # his own share in the call, or a colleague's question
                    await self.note(item)
                case 3:
                    to = self.dice.choice((*others, "queue:general"))
                    await self._try(client.blind_transfer(item.id, to))
                case 4:
                    await self._try(client.consult(item.id, self.dice.choice(others)))
                case 5:
                    await self._try(client.drop(item.id))
                case 6:
                    await self.choose(self.dice.choice((NOT_READY, LUNCH, READY)))


class Callers:
    """Customers: most want a person, some a callback."""

    def __init__(self, site: Site, crm: CrmPeer, dice: random.Random, counts: dict[str, int]) -> None:
        self.promised: set[str] = set()
        """Numbers that were told they would be called."""
        self.counts = counts
        self._site = site
        self._crm = crm
        self._dice = dice
        self._numbers = itertools.count(1000)
        self._phones: list[ScriptedPhone] = []
        self._talking: set[asyncio.Task[None]] = set()

    async def come(self) -> None:
        while True:
            if len(self._talking) < 4:
                task = asyncio.create_task(self._visit(self._dice.choice("11123")))
                self._talking.add(task)
                task.add_done_callback(self._talking.discard)
            await asyncio.sleep(self._dice.uniform(0.05, 0.5))

    async def dial(self, number: str = "") -> tuple[PhoneCall, str]:
        number = number or f"+1555{next(self._numbers):04d}"
        phone = ScriptedPhone(number, tcp=False)
        await phone.start()
        self._phones.append(phone)
        call = await phone.dial(self._site.uri, wait=False)
        async with asyncio.timeout(10):
            await call.decided()
        return call, number

    async def _visit(self, key: str) -> None:
        stays, silenced = self._dice.uniform(0.3, 3.0), self.counts.get(SILENCED, 0)
        try:
            call, number = await self.dial()
            if not call.answered:
                return
            self.counts["calls"] += 1
            await call.press(key)
            async with asyncio.timeout(stays if key == "1" else 20):
                await call.ended()
        except (TimeoutError, IvrError):
            return
        if silenced != self.counts.get(SILENCED, 0):
            return  # a call that had only just begun is hung up when its sound dies: nothing was promised
        if key != "1" and call.ended_by == "remote" and not self.has_met_somebody(number):
            self.promised.add(number)
            self.counts[PROMISED] += 1

    def has_met_somebody(self, number: str) -> bool:
        shown = (item for screen in self._crm.screens.values() for item in screen.items)
        return any(number in item.remote_numbers for item in shown)

    async def go(self) -> None:
        """Everybody puts the receiver down, whether or not anybody hears that."""
        for task in list(self._talking):
            task.cancel()
        if self._talking:
            await asyncio.wait(self._talking)
        phones, self._phones = self._phones, []
        for phone in phones:
            await phone.stop()


async def met(agents: list[Agent], number: str) -> PhoneCallItem:
    """The item by which somebody talks with the caller."""

    def found() -> PhoneCallItem | None:
        items = (item for agent in agents for item in agent.live())
        return next((one for one in items if one.status == "connected" and number in one.remote_numbers), None)

    item: PhoneCallItem = await until(found)
    return item
