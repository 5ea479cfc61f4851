"""A house for all scenarios in one dialect, in which they are played beside each other."""

from __future__ import annotations

import asyncio
import contextlib
import time
import traceback
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from call.scenarios.ledger import Row
from call.scenarios.menu import write_menu
from call.scenarios.people import Telephone, until
from call.scenarios.scene import PLAYS, Scene
from house import House

from ivr.call.exchange import Exchange
from ivr.call.visit import Visit
from ivr.config import AgentSettings, HostPort, IciSettings, RoutingSettings, SipSettings
from ivr.media.wav import read_wav
from ivr.testing.crm_peer import CrmPeer

AT_ONCE = 8
"""Scenarios beside each other at most: their telephones are half a core's work."""
ON_TIME = 0.06
"""Seconds a wake-up may be late while another scenario is begun: on a machine that is busier, fewer are beside
each other, for telephones that are late are not heard."""
NO_LONGER = 2.0
"""Seconds the next one waits for that."""
BEGUN_FIRST = (
    "desktop_is_silent",
    "desktop_is_slow",
    "warm_transfer",
    "conference",
    "no_answer",
    "dial_colleague",
)
"""Those that last longest: nobody shall wait for them alone at the end."""
LONGEST = 60.0
"""Seconds one may take."""
FIRST = 10
"""Number of the first scenario: all have two digits."""
BY_BUTTON = 600.0
"""Seconds of wrap-up, and of the pause after a refused or missed call: agents end them by the button, so that no
table depends on time."""
TRACE = "ici.trace"
NOBODY_ANSWERS = "no_answer"
"""The scenario whose telephones do not ring long."""


@dataclass(slots=True)
class Played:
    """What became of a scenario."""

    sections: dict[str, list[Row]] = field(default_factory=dict)
    error: BaseException | None = None
    seconds: float = 0.0


class Stage:
    """The house, its CRM, and the gateway to numbers outside."""

    def __init__(self, dialect: str, folder: Path, prompts: Path) -> None:
        self.dialect = dialect
        self._folder = folder
        self._prompts = prompts
        self._numbers = {name: FIRST + at for at, name in enumerate(PLAYS)}
        self._stack = AsyncExitStack()
        self.gateway = Telephone("gateway")
        self.left: dict[str, list[str]] = {}
        """What was still there when all had been played."""
        self.house: House
        self.crm: CrmPeer

    async def __aenter__(self) -> Self:
        await self.gateway.start()
        self._stack.push_async_callback(self.gateway.stop)
        dial = ("tel:+1555", "sip:outside@127.0.0.1")
        sip = SipSettings(listen=HostPort("127.0.0.1", 0), dial=dial, gateway=self.gateway.uri)
        self.house = House(
            self._folder / "var",
            self._prompts,
            sip=sip,
            menu=write_menu(self._folder / "menus", self._numbers, short_ring=NOBODY_ANSWERS),
            agents=tuple(self._agents()),
            ici=IciSettings(
                dialect=self.dialect,
                trace=self._folder / TRACE,
                trace_values=True,
                pop_wait=1.0,
                post_timeout=2.5,
            ),
            routing=RoutingSettings(
                wrap_up=BY_BUTTON, after_reject=BY_BUTTON, after_missed=BY_BUTTON, unstaffed=0
            ),
        )
        self._stack.push_async_callback(self.house.stop)
        await self.house.start()
        self.crm = await self._stack.enter_async_context(CrmPeer(self.house.ici_url, dialect=self.dialect))
        self.music = read_wav(self.exchange.rooms.music)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _agents(self) -> Iterable[AgentSettings]:
        for name, number in self._numbers.items():
            for one, skills in (("ann", (name,)), ("bob", (name,)), ("cyd", (f"{name}_second",))):
                yield AgentSettings(f"{one}{number}", one.title(), skills)

    @property
    def exchange(self) -> Exchange:
        """All calls of the engine."""
        assert self.house.engine.exchange is not None
        return self.house.engine.exchange

    def visits(self) -> list[Visit]:
        """Callers who are there now."""
        return list(self.exchange.visits.values())

    async def play(self, names: Iterable[str]) -> dict[str, Played]:
        """Each by itself, some beside each other."""
        room, door = asyncio.Semaphore(AT_ONCE), asyncio.Lock()

        async def one(name: str) -> tuple[str, Played]:
            async with room:
                async with door:
                    await _machine_keeps_up()
                return name, await self._play(name)

        found = dict(await asyncio.gather(*map(one, sorted(names, key=lambda name: name not in BEGUN_FIRST))))
        await self._look_round()
        return found

    async def _look_round(self) -> None:
        """Nobody and nothing may be left once everybody has gone."""
        exchange = self.exchange

        def left() -> dict[str, list[str]]:
            rooms = {
                "visits": exchange.visits,
                "legs": exchange.legs,
                "handoffs": exchange.handoffs,
                "consultations": exchange.consultations,
            }
            return {name: list(found) for name, found in rooms.items() if found}

        with contextlib.suppress(AssertionError):
            await until(lambda: not left(), "the house is empty")
        self.left = left()

    async def _play(self, name: str) -> Played:
        scene, played, began = Scene(self, name, self._numbers[name]), Played(), time.monotonic()
        try:
            async with asyncio.timeout(LONGEST):
                await PLAYS[name].play(scene)
        except (Exception, asyncio.CancelledError) as error:
            played.error = error
            traceback.clear_frames(error.__traceback__)
        played.sections = {owner: list(rows) for owner, rows in scene.sections().items()}
        played.seconds = time.monotonic() - began
        await scene.close()
        return played


async def _machine_keeps_up() -> None:
    """Until ten wake-ups in a row came on time, or that takes too long."""
    loop = asyncio.get_running_loop()
    began, on_time = loop.time(), 0
    while on_time < 10 and loop.time() - began < NO_LONGER:
        due = loop.time() + 0.02
        await asyncio.sleep(0.02)
        on_time = on_time + 1 if loop.time() - due < ON_TIME else 0


@dataclass(slots=True)
class Evening:
    """What became of all scenarios that were played in one house."""

    played: dict[str, Played]
    left: dict[str, list[str]]
    """What was still in the engine when everybody had gone."""
    trace: str
    """Every message of ICI."""


def play(dialect: str, names: Iterable[str], folder: Path, prompts: Path) -> Evening:
    """All of them in one house, from start to stop."""

    async def all_of_them() -> tuple[dict[str, Played], dict[str, list[str]]]:
        async with Stage(dialect, folder, prompts) as stage:
            return await stage.play(names), stage.left

    played, left = asyncio.run(all_of_them())
    return Evening(played, left, (folder / TRACE).read_text("utf-8"))
