"""Who relies on the engine without a call: a supervisor who watches the figures, a telephone that registers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from benchmarks.soak.site import SUPERVISOR, TELEPHONE, Site
from ivr.call.signalling import Signalling
from ivr.clock import SystemClock
from ivr.errors import IvrError
from ivr.ici.switchboard import MonitorDataChanged
from ivr.sip.credentials import Credentials
from ivr.sip.events import Flow, Output, RegistrationAnswered, UserAgentSettings
from ivr.sip.registration import Line
from ivr.sip.user_agent import UserAgent
from ivr.testing.crm_peer import CrmPeer
from ivr.testing.ici_probe import Probe

APP_ID = "SUPERVISOR"


class Supervisor:
    """Subscribes to the figures now and then, and sometimes takes that back."""

    def __init__(self, site: Site, crm: CrmPeer, dice: random.Random, counts: dict[str, int]) -> None:
        self.watching: set[bool] = {False}
        """What was acknowledged; both while a question had no answer when the engine died."""
        self._site, self._crm, self._dice, self._counts = site, crm, dice, counts

    @property
    def figures(self) -> int:
        """How many times he was told them."""
        posts = self._crm.posts
        return sum(isinstance(one.event, MonitorDataChanged) and APP_ID in one.app_ids for one in posts)

    async def work(self) -> None:
        async with Probe(self._site.ici, self._crm.dialect, SUPERVISOR) as probe:
            while True:
                await asyncio.sleep(self._dice.uniform(0.1, 0.8))
                await self._ask(probe, on=self._dice.random() < 0.7)

    async def _ask(self, probe: Probe, *, on: bool) -> None:
        values = {"appUrl": self._crm.url, "appId": APP_ID, "userId": SUPERVISOR}
        before = set(self.watching)
        self.watching = before | {on}
        try:
            reply = await probe.call("IciMonitor", "subscribeMonitor" if on else "unsubscribeMonitor", values)
        except IvrError:
            return
        if reply.problem:
            return  # the engine died while it answered
        self.watching = {on}
        self._counts["monitor subscriptions"] += reply.fault is None


class Telephone:
    """Registers with another contact each time, and remembers which of them were acknowledged."""

    def __init__(self, site: Site, dice: random.Random, counts: dict[str, int]) -> None:
        self.bound: set[str] = set()
        """Contacts that were acknowledged and not asked about since."""
        self._tried: list[str] = []
        """All contacts, each with the first request for it."""
        self._site, self._dice, self._counts = site, dice, counts
        self._answers: asyncio.Queue[int] = asyncio.Queue()

    async def work(self) -> None:
        settings = UserAgentSettings(product="telephone")
        signalling = Signalling(UserAgent(settings), SystemClock(), self._on_event)
        self._answers = asyncio.Queue()
        try:
            await signalling.bind("127.0.0.1", 0, tcp=False)
            flow = signalling.flow_to(("127.0.0.1", self._site.sip))
            while True:
                await asyncio.sleep(self._dice.uniform(0.05, 0.4))
                await self._register(signalling, flow)
        finally:
            await signalling.close()

    async def _register(self, signalling: Signalling, flow: Flow) -> None:
        contact = f"sip:{TELEPHONE}@{flow.local[0]}:{flow.local[1]}"
        line = Line("", TELEPHONE, f"sip:127.0.0.1:{self._site.sip}", Credentials(TELEPHONE, TELEPHONE))
        self.bound.discard(contact)
        if contact not in self._tried:
            self._tried.append(contact)
        signalling.register(line, flow, expires=3600)
        if await self._answers.get() == 200:
            self.bound.add(contact)
            self._counts["registrations"] += 1

    def _on_event(self, event: Output) -> None:
        if isinstance(event, RegistrationAnswered):
            self._answers.put_nowait(event.status)

    def lost(self, kept: Sequence[str]) -> list[str]:
        """Contacts that were acknowledged and are not on disk. The registrar keeps ten of a user: those before the
        last eight that were asked for may be gone, whether or not these were acknowledged."""
        newest = [contact for contact in self._tried[-8:] if contact in self.bound]
        return [contact for contact in newest if contact.partition("@")[2] not in " ".join(kept)]
