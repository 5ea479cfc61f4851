"""One scenario as it is played: its people, its steps, and the tables of its desktops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from call.scenarios.ledger import Ledger, Row
from call.scenarios.people import Agent, Caller, Telephone, until
from call.scenarios.voices import Voice, hear_each_other, heard_nothing_of, hears_clip

from ivr.call.visit import Visit
from ivr.ici.attached_data import read
from ivr.ici.switchboard import PhoneCallItem
from ivr.testing.crm_peer import CrmPeer

if TYPE_CHECKING:
    from call.scenarios.stage import Stage

Play = Callable[["Scene"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A play and what it is about."""

    name: str
    title: str
    play: Play


PLAYS: dict[str, Scenario] = {}


def scenario(title: str) -> Callable[[Play], Play]:
    """Registers a play under the name of its function."""

    def register(play: Play) -> Play:
        name = play.__name__  # type: ignore[attr-defined]
        assert name not in PLAYS
        PLAYS[name] = Scenario(name, title, play)
        return play

    return register


class Scene:
    """What the play of a scenario works with. Agents are `ann`, `bob` and `cyd`: ann and bob serve its first
    queue, cyd the second one."""

    def __init__(self, stage: Stage, name: str, number: int) -> None:
        self.stage = stage
        self.name = name
        self.number = number
        self.agents: list[Agent] = []
        self.visit: Visit
        self.record: dict[str, Any] = {}
        self._stack = AsyncExitStack()
        self._names = {self.user(one): one for one in ("ann", "bob", "cyd")}
        self._names |= {name: "first", f"{name}_second": "second", self.caller_number: "caller"}

    async def close(self) -> None:
        await self._stack.aclose()

    # --- names --------------------------------------------------------------------------------------------

    def user(self, name: str) -> str:
        """The id with which that person logs on."""
        return f"{name}{self.number}"

    @property
    def caller_number(self) -> str:
        return f"+155502{self.number}"

    @property
    def second_queue(self) -> str:
        return f"{self.name}_second"

    def _word(self, text: str) -> str:
        head, colon, tail = text.partition(":")
        if colon and head in ("queue", "menu"):
            return f"{head}:{self._names.get(tail, tail)}"
        return self._names.get(text, text)

    def sections(self) -> dict[str, list[Row]]:
        """The tables of the desktops."""
        return {agent.ledger.owner: agent.ledger.rows for agent in self.agents}

    # --- people -------------------------------------------------------------------------------------------

    async def agent(self, name: str, *, ready: bool = True, crm: CrmPeer | None = None) -> Agent:
        """Logs on, and is ready or not; by a CRM of his own, or that of everybody."""
        phone = Telephone(self.user(name))
        await phone.start()
        self._stack.push_async_callback(phone.stop)
        return await self.desktop(name, phone, name, ready=ready, crm=crm)

    async def desktop(
        self,
        name: str,
        phone: Telephone,
        owner: str,
        *,
        ready: bool = True,
        crm: CrmPeer | None = None,
        told: str = "Not ready",
    ) -> Agent:
        """Another desktop of somebody who has a telephone; `owner` is what its table is called, `told` the state
        that it shows first."""
        agent = Agent(name, self.user(name), phone, Ledger(owner, self._word), self.step)
        agent.publisher = self.stage.exchange.rooms.publisher
        agent.ledger.asked("subscribe")

        agent.screen = await (crm or self.stage.crm).log_on(agent.user, phone.uri, on_event=agent.take)
        self.agents.append(agent)
        await agent.is_told(told)
        if ready:
            await agent.is_ready()
        return agent

    async def crm(self) -> CrmPeer:
        """A CRM whose callback address is of this scenario alone."""
        peer = CrmPeer(self.stage.house.ici_url, dialect=self.stage.dialect)
        return await self._stack.enter_async_context(peer)

    async def caller(self) -> Caller:
        """Dials in and keys the number of the scenario."""
        phone = Telephone(self.caller_number)
        await phone.start()
        self._stack.push_async_callback(phone.stop)
        call = await phone.dial(self.stage.house.uri)
        assert call.answered, f"{call.status} {call.phrase}"
        await call.wait_for_sound(20)
        await self.step(f"the caller asks for the {self._word(self.name)} queue")
        self.visit = self.visit_of(self.caller_number)
        await call.press(str(self.number))
        return Caller("caller", self.caller_number, call, self.step)

    async def answers(self, phone: Telephone) -> Voice:
        """Somebody outside picks up."""
        await phone.rings()
        await self.step("the number outside answers")
        return Voice("outside", await phone.pick_up(), of=self.number)

    async def outside(self) -> Telephone:
        """Somebody with a listed number, which is `phone.uri`."""
        phone = Telephone("outside")
        await phone.start()
        self._names[phone.uri] = "outside"
        self._stack.push_async_callback(phone.stop)
        return phone

    def visit_of(self, number: str) -> Visit:
        """The one that has this caller in its record."""
        return next(one for one in self.stage.visits() if one.record.caller == number)

    def state(self, agent: Agent) -> tuple[str, str]:
        """What the floor has of an agent: state and reason."""
        found = self.stage.exchange.agents.agent(agent.user)
        return str(found.state), found.reason

    def offers(self) -> list[tuple[str, str]]:
        """Of the record: who was asked, and what became of it."""
        handoff = self.record["handoff"]
        return [(self._word(offer["agent"]), offer["outcome"]) for offer in handoff["offers"]]

    async def taken_by(self, agent: Agent) -> PhoneCallItem:
        """The waiting caller is offered to the agent, who accepts on the screen and picks up."""
        item = await agent.sees("alerting")
        await agent.asks("accept", item.id)
        await agent.picks_up()
        return await agent.sees("connected", item.id)

    # --- steps --------------------------------------------------------------------------------------------

    async def step(self, text: str) -> None:
        """Something of the scenario happens now, with all desktops told what was before."""
        for agent in self.agents:
            await agent.settled()
        for agent in self.agents:
            agent.ledger.step(text)

    async def talk(self, *people: Agent | Caller | Voice) -> None:
        """They hear each other, whoever was heard before."""
        voices = [one if isinstance(one, Voice) else one.voice for one in people]
        names = [one.name for one in voices]
        await self.step(f"{', '.join(names[:-1])} and {names[-1]} talk")
        await hear_each_other(*voices)

    async def music_for(self, person: Agent | Caller) -> None:
        await self.step(f"{person.name} hears music")
        await hears_clip(person.voice, self.stage.music, "music")

    @staticmethod
    def kept_from(hearer: Agent | Caller, speaker: Agent | Caller, mark: int) -> None:
        """Since that sample the one has not heard the other."""
        heard_nothing_of(hearer.voice, speaker.voice, mark)

    async def over(self, *ready_again: Agent, incidents: tuple[str, ...] = ()) -> None:
        """The record is there, with just these incidents; agents end their wrap-up by the button."""
        for agent in ready_again:
            await agent.is_told("Wrap-up")
            await agent.is_ready()
        await until(lambda: self.visit.over, "the visit ends")
        await self._wait_for_record()
        found = [one["what"] for one in self.record["incidents"]]
        assert len(found) == len(incidents), found
        for expected, what in zip(incidents, found, strict=True):
            assert expected in self._translated(what), what
        for agent in self.agents:
            await agent.settled()

    async def _wait_for_record(self) -> None:
        for _ in range(400):
            record = await self.stage.house.store.call(self.visit.id)
            if record is not None and record["ended"]:
                self.record = record
                return
            await asyncio.sleep(0.05)
        raise AssertionError("the visit has no record")

    def _translated(self, text: str) -> str:
        for word, name in self._names.items():
            text = text.replace(word, name)
        return text

    def blocks(self, document: str) -> dict[str, dict[str, str]]:
        """Attached data by application."""
        return {name: dict(fields) for name, fields in read(document).items()}
