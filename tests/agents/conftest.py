"""A shift: a floor of agents and callers, told as a story in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from ivr.agents.events import (
    Accepted,
    AgentCallEnded,
    AgentChanged,
    AgentState,
    CallerJoined,
    Command,
    Event,
    LoggedOn,
    OfferCall,
    PhoneAnswered,
    QueueRule,
    Rejected,
    Spill,
    TicketEnded,
    WorkmodeChosen,
)
from ivr.agents.floor import Floor
from ivr.agents.views import AgentView
from ivr.config import AgentSettings, RoutingSettings

QUEUES = (
    QueueRule(
        "emergency",
        frozenset({"emergency"}),
        priority=100,
        ring=12.0,
        spill=(Spill(20.0, "any_agent"), Spill(45.0, "tel:+15550000911")),
    ),
    QueueRule("outages", frozenset({"outages"}), priority=70, ring=20.0),
    QueueRule("billing", frozenset({"billing"}), priority=40, ring=20.0, longest=1200.0),
    QueueRule("general", frozenset({"general"}), priority=30, ring=20.0, longest=1200.0),
    QueueRule("experts", frozenset({"billing", "outages"}), priority=30, ring=20.0),
)


class Shift:
    """Drives a Floor; `now` moves only when told to."""

    def __init__(self, people: dict[str, Iterable[str]], strict: bool, **routing: float) -> None:
        agents = [AgentSettings(id=name, skills=tuple(skills)) for name, skills in people.items()]
        settings = replace(
            RoutingSettings(wrap_up=10.0, after_reject=10.0, after_missed=10.0, unstaffed=0.0), **routing
        )
        self.floor = Floor(agents, QUEUES, settings, strict_presence=strict)
        self.now = 1000.0
        self.all: list[Command] = []

    def does(self, event: Event) -> list[Command]:
        commands = self.floor.handle(event, self.now)
        self.all += commands
        return commands

    def waits(self, seconds: float) -> list[Command]:
        """Let time pass, waking the floor exactly when it asks to be woken."""
        end, commands = self.now + seconds, []
        while (deadline := self.floor.deadline) is not None and deadline <= end:
            assert deadline > self.now, "the floor wants to be woken in the past"
            self.now = deadline
            commands += self.floor.expire(self.now)
        self.now = end
        self.all += commands
        return commands

    def ready(self, *agents: str) -> list[Command]:
        """Log on and go ready, one second apart, so that the first named has been idle longest."""
        commands = []
        for agent in agents:
            commands += self.does(LoggedOn(agent))
            commands += self.does(WorkmodeChosen(agent, 2))
            commands += self.waits(1.0)
        return commands

    def joins(self, ticket: str, queue: str = "general", **more: Any) -> list[Command]:
        return self.does(CallerJoined(ticket, queue, **more))

    def answers(self, agent: str) -> list[Command]:
        return self.does(PhoneAnswered(agent, self.ticket(agent)))

    def accepts(self, agent: str) -> list[Command]:
        return self.does(Accepted(agent, self.ticket(agent)))

    def rejects(self, agent: str) -> list[Command]:
        return self.does(Rejected(agent, self.ticket(agent)))

    def call_ends(self, agent: str) -> list[Command]:
        return self.does(AgentCallEnded(agent, self.ticket(agent)))

    def ticket(self, agent: str) -> str:
        ticket = self.floor.agent(agent).ticket
        assert ticket is not None, f"{agent} has no call"
        return ticket

    def agent(self, agent: str) -> AgentView:
        return self.floor.agent(agent)

    def state(self, agent: str) -> AgentState:
        return self.floor.agent(agent).state

    def offers(self, commands: list[Command]) -> list[tuple[str, str]]:
        return [(c.agent, c.ticket) for c in commands if isinstance(c, OfferCall)]

    def changes(self, commands: list[Command]) -> list[tuple[str, AgentState, str]]:
        return [(c.agent, c.state, c.reason) for c in commands if isinstance(c, AgentChanged)]

    def ends(self, commands: list[Command]) -> list[tuple[str, str, float, str]]:
        return [(c.ticket, c.outcome, c.waited, c.agent) for c in commands if isinstance(c, TicketEnded)]


@pytest.fixture
def open_shift() -> Callable[..., Shift]:
    """``open_shift(ann=["general"], bob=["billing"])``; keyword ``routing`` overrides settings."""

    def make(routing: dict[str, float] | None = None, strict: bool = False, **people: Iterable[str]) -> Shift:
        return Shift(people, strict, **(routing or {}))

    return make
