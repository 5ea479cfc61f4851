"""A day on the floor in virtual time: thousands of callers, people with telephones, and what goes wrong.

The real `Floor` decides; everything around it is played here, with a seed, so a day replays alike every time.
What is kept is what an engine would have on disk, and after a restart there is nothing else. Beside the floor
runs an account of its own that believes only commands; where the two differ, `complaints` says so.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ivr.agents import events as floor
from ivr.agents.floor import Floor
from ivr.agents.saved import restored_callback, saved, saved_callback
from ivr.config import AgentSettings, RoutingSettings
from ivr.errors import LocalProtocolError
from ivr.testing.day_report import DayReport

CURVE = (3, 5, 8, 10, 11, 11, 10, 9, 8, 8, 9, 10, 10, 9, 8, 7, 6, 5, 4, 4, 3, 3, 2, 2)
"""Callers per half hour, relative to each other: a utility's weekday, with a hump before noon and one after."""
HALF_HOUR = 1800.0
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
LOOKED_AT_EVERY = 7
"""Every so many events it is looked whether somebody waits in vain: looking at all costs more than the day."""


@dataclass(frozen=True, slots=True)
class Faults:
    """How often, of a hundred offers, calls or agents' hours, something goes wrong."""

    phone_silent: float = 3.0
    rejected: float = 1.0
    phone_dead: float = 0.3
    screen_dead: float = 0.5
    logs_off_while_rung: float = 0.3
    redials: float = 20.0
    """Of those who gave up."""
    restarts: int = 1
    """Times the engine is killed."""


@dataclass(frozen=True, slots=True)
class DayPlan:
    """What kind of day it is."""

    calls: int = 1500
    opens: float = 8.0
    """Hours after midnight; the curve begins here."""
    talk: float = 180.0
    """Mean seconds of a conversation."""
    patience: float = 240.0
    """Mean seconds until a caller gives up."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """Weight of each queue; those not named have 1, emergencies 0.02."""
    curve: tuple[float, ...] = CURVE
    faults: Faults = Faults()
    seed: int = 1


@dataclass(slots=True)
class _Caller:
    queue: str
    number: str
    joined: float
    patience: float
    told: tuple[float, int] | None = None
    """When a range was told last, and its upper end in minutes."""


class Day:
    """Plays one day; `run` returns what a supervisor wants to know of it."""

    def __init__(
        self,
        plan: DayPlan,
        agents: Sequence[AgentSettings],
        queues: Sequence[floor.QueueRule],
        routing: RoutingSettings,
        *,
        killed_before: int | None = None,
    ) -> None:
        """With `killed_before` the engine dies just before it carries out that command, counted from 0."""
        self.plan, self._agents, self._queues, self._routing = plan, agents, queues, routing
        self._random = random.Random(plan.seed)
        self._killed_before = killed_before
        self._floor = Floor(agents, queues, routing)
        self._numbers = itertools.count(1)
        self._order = itertools.count()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._dead = False
        self.now = plan.opens * 3600.0 - HALF_HOUR
        self.end = (plan.opens + len(plan.curve) / 2) * 3600.0
        self.commands = 0
        self.complaints: list[str] = []
        self.report = DayReport(plan.opens * 3600.0, len(plan.curve), routing.answer_within)
        self.states: dict[str, dict[str, Any]] = {}
        """On disk: agents' states."""
        self.promises: dict[str, dict[str, Any]] = {}
        """On disk: callbacks."""
        self.promised: set[str] = set()
        self.ended: dict[str, str] = {}
        self._callers: dict[str, _Caller] = {}
        self._offered: dict[str, str] = {}
        self._talking: dict[str, str] = {}
        self._steps = 0

    # --- the day ----------------------------------------------------------------------------------------

    def run(self) -> DayReport:
        for number, agent in enumerate(self._agents):
            self._at(self.now + number * 20.0 % HALF_HOUR, lambda id=agent.id: self._begins_work(id))  # type: ignore[misc]
            lunch = self.end - (self.end - self.now) * self._random.uniform(0.4, 0.7)
            self._at(lunch, lambda id=agent.id: self._lunch(id))  # type: ignore[misc]
            self._at(self.end + HALF_HOUR, lambda id=agent.id: self._wishes(id, floor.WORKMODE_LOGGED_OFF))  # type: ignore[misc]
        for at in self._arrivals():
            self._at(at, self._arrives)
        for _ in range(self.plan.faults.restarts):
            self._at(self._random.uniform(self.now + HALF_HOUR, self.end), self._killed)
        for at in range(int(self.now), int(self.end + HALF_HOUR), 300):
            self._at(float(at), self._look_at_the_clock)
        self._play_until(self.end + 4 * HALF_HOUR)
        self._close()
        return self.report

    def _play_until(self, end: float) -> None:
        while True:
            deadline = self._floor.deadline
            next_at = self._agenda[0][0] if self._agenda else end
            if min(next_at, end if deadline is None else deadline) >= end:
                return
            if deadline is not None and deadline <= next_at:
                self.now = max(self.now, deadline)
                self._carry_out(self._floor.expire(self.now))
            else:
                self.now, _, action = heapq.heappop(self._agenda)
                action()

    def _close(self) -> None:
        """Whatever is still open when everybody has gone home is a fault of the floor."""
        for view in self._floor.agents():
            # who had gone home when the engine was killed is known to be without a screen, which is right
            if view.state is not floor.AgentState.OFF and view.reason != "screen_lost":
                self.complaints.append(f"{view.id} is {view.state} at the end of the day")
        open_calls = sorted(set(self._callers) - self.promised)
        if open_calls:
            self.complaints.append(f"{len(open_calls)} callers never got an answer, such as {open_calls[0]}")
        known = {one.ticket for one in self._floor.callbacks()}
        for ticket in self.promised - set(self.ended):
            if ticket not in known:
                self.complaints.append(f"callback {ticket} is forgotten")
        self.report.close(self._floor, self._agents, self.now)

    def _at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (when, next(self._order), action))

    def _in(self, least: float, most: float, action: Callable[[], None]) -> None:
        self._at(self.now + self._random.uniform(least, most), action)

    def _happens(self, percent: float) -> bool:
        return self._random.random() * 100.0 < percent

    def _arrivals(self) -> Iterable[float]:
        slots = range(len(self.plan.curve))
        for slot in self._random.choices(slots, self.plan.curve, k=self.plan.calls):
            yield self.plan.opens * 3600.0 + (slot + self._random.random()) * HALF_HOUR

    # --- callers ----------------------------------------------------------------------------------------

    def _arrives(self) -> None:
        weights = [self.plan.shares.get(q.name, 0.02 if q.emergency else 1.0) for q in self._queues]
        (queue,) = self._random.choices(self._queues, weights)
        self._joins(queue.name, f"+1555{self._random.randrange(10**6):06}")

    def _joins(self, queue: str, number: str) -> None:
        ticket = f"t{next(self._numbers)}"
        self._callers[ticket] = _Caller(queue, number, self.now, self._random.expovariate(1 / self.plan.patience))
        self.report.joined(queue, self.now)
        self._tells(floor.CallerJoined(ticket, queue, caller=number, announce=90.0, resume=True))
        self._waits(ticket)

    def _waits(self, ticket: str) -> None:
        if caller := self._callers.get(ticket):
            self._at(self.now + caller.patience, lambda: self._gives_up(ticket))

    def _gives_up(self, ticket: str) -> None:
        caller = self._callers.get(ticket)
        if caller is None or ticket in self._talking.values():
            return
        if self._happens(25.0) and ticket not in self.promised:
            self._wants_a_call(ticket, caller)
            return
        self._tells(floor.CallerLeft(ticket))
        if self._happens(self.plan.faults.redials):
            self._in(20.0, 240.0, lambda: self._joins(caller.queue, caller.number))

    def _wants_a_call(self, of: str, caller: _Caller) -> None:
        ticket = f"c{next(self._numbers)}"
        self.promised.add(ticket)
        self.report.promised += 1
        self._callers[ticket] = _Caller(caller.queue, caller.number, caller.joined, 3600.0)
        self._tells(floor.CallbackPromised(ticket, caller.queue, caller.number, of))

    def _customer_is_rung(self, ticket: str, until: float) -> None:
        chance = self._random.random()
        if chance < 0.7:
            self._in(8.0, 25.0, lambda: self._tells(floor.CustomerAnswered(ticket)))
        elif chance < 0.9:
            self._in(20.0, 40.0, lambda: self._tells(floor.CustomerNotReached(ticket)))
        elif chance < 0.95:
            self._in(10.0, 20.0, lambda: self._tells(floor.CallbackDeclined(ticket)))

    # --- agents -----------------------------------------------------------------------------------------

    def _begins_work(self, agent: str) -> None:
        if self._has_gone_home():
            return
        self._tells(floor.LoggedOn(agent))
        self._wishes(agent, floor.WORKMODE_READY)

    def _wishes(self, agent: str, workmode: int) -> None:
        off = self._floor.agent(agent).state is floor.AgentState.OFF
        if not (off and workmode != floor.WORKMODE_LOGGED_OFF):
            self._tells(floor.WorkmodeChosen(agent, workmode))

    def _lunch(self, agent: str) -> None:
        self._wishes(agent, 1001)
        self._in(1500.0, 2100.0, lambda: self._wishes(agent, floor.WORKMODE_READY))

    def _has_gone_home(self) -> bool:
        return self.now >= self.end + HALF_HOUR

    def _is_rung(self, agent: str, ticket: str) -> None:
        faults = self.plan.faults
        if self._happens(faults.phone_silent):
            return
        if self._happens(faults.rejected):
            self._in(1.0, 6.0, lambda: self._tells(floor.Rejected(agent, ticket)))
        elif self._happens(faults.phone_dead):
            self._in(4.0, 4.1, lambda: self._tells(floor.OfferFailed(agent, ticket, "phone")))
        elif self._happens(faults.screen_dead):
            self._in(0.1, 3.0, lambda: self._tells(floor.OfferFailed(agent, ticket, "screen")))
        elif self._happens(faults.logs_off_while_rung):
            self._in(1.0, 4.0, lambda: self._wishes(agent, floor.WORKMODE_LOGGED_OFF))
            self._in(240.0, 600.0, lambda: self._begins_work(agent))
        else:
            self._in(1.5, 7.0, lambda: self._tells(floor.PhoneAnswered(agent, ticket)))

    def _talks(self, agent: str, ticket: str) -> None:
        seconds = self._random.lognormvariate(0.0, 0.6) * self.plan.talk / 1.197  # the mean of that is 1.197
        caller = self._callers[ticket]

        def parts() -> None:
            if self._talking.get(agent) == ticket:
                del self._talking[agent]
                self.report.talked(caller.queue, caller.joined, seconds)
                self._tells(floor.AgentCallEnded(agent, ticket))

        self._at(self.now + seconds, parts)

    def _comes_back(self, change: floor.AgentChanged) -> None:
        """A person notices sooner or later what the state says."""
        if self._has_gone_home() or change.state is not floor.AgentState.NOT_READY:
            return
        if change.reason == "screen_lost":
            self._in(20.0, 90.0, lambda: self._tells(floor.LoggedOn(change.agent)))
        elif change.reason in ("phone_lost", "missed"):
            self._in(60.0, 240.0, lambda: self._wishes(change.agent, floor.WORKMODE_READY))

    # --- the engine -------------------------------------------------------------------------------------

    def _tells(self, event: floor.Event) -> None:
        try:
            self._carry_out(self._floor.handle(event, self.now))
        except LocalProtocolError as error:
            self.complaints.append(f"{type(event).__name__} was refused: {error}")

    def _carry_out(self, commands: Sequence[floor.Command]) -> None:
        for command in commands:
            if self.commands == self._killed_before:
                self.commands += 1
                self._killed()
                return
            self.commands += 1
            self._do(command)
        self._steps += 1
        if self._steps % LOOKED_AT_EVERY == 0:
            self._look_for_idle_hands()

    def _do(self, command: floor.Command) -> None:
        match command:
            case floor.AgentChanged():
                self.states[command.agent] = saved(command)
                self._comes_back(command)
            case floor.CallbackChanged():
                self.promises[command.ticket] = saved_callback(command, self.now, self._utc())
            case floor.OfferCall(agent=agent, ticket=ticket):
                self._check(agent not in self._offered, f"{agent} is rung twice at once")
                self._check(agent not in self._talking, f"{agent} is rung while he talks")
                self._check(ticket in self._callers, f"{agent} is rung for nobody")
                self._offered[agent] = ticket
                self._is_rung(agent, ticket)
            case floor.WithdrawOffer(agent=agent, ticket=ticket):
                self._check(self._offered.pop(agent, "") == ticket, f"{agent} loses what he had not")
            case floor.JoinCall(agent=agent, ticket=ticket):
                self._check(self._offered.pop(agent, "") == ticket, f"{agent} gets what he was not offered")
                self._check(ticket not in self._talking.values(), f"{ticket} has two owners")
                self._talking[agent] = ticket
                self._talks(agent, ticket)
            case floor.TicketEnded():
                self._ended(command)
            case floor.TellWaiting(ticket=ticket, most=most):
                if most is not None and (caller := self._callers.get(ticket)):
                    caller.told = (self.now, most)
            case floor.OfferPlace(ticket=ticket):
                if self._happens(80.0):
                    self._in(2.0, 6.0, lambda: self._tells(floor.PlaceTaken(ticket)))
            case floor.RingCustomer(ticket=ticket, until=until):
                self._customer_is_rung(ticket, until)
            case floor.RingOutside(ticket=ticket):
                failed = self._happens(30.0)
                kind = floor.OutsideFailed if failed else floor.OutsideAnswered
                self._in(3.0, 15.0, lambda: self._tells(kind(ticket)))

    def _ended(self, command: floor.TicketEnded) -> None:
        self._check(command.ticket not in self.ended, f"{command.ticket} ended twice")
        self.ended[command.ticket] = command.outcome
        self.promises.pop(command.ticket, None)
        caller = self._callers.pop(command.ticket, None)
        if caller is None:
            return
        told = None
        if caller.told is not None and command.outcome == "answered":
            told = self.now - caller.told[0] <= caller.told[1] * 60.0
        called_back = command.ticket in self.promised
        self.report.ended(caller.queue, caller.joined, command.outcome, command.waited, told, called_back)
        if command.outcome == "overflow" and self._happens(50.0):
            self._in(5.0, 40.0, lambda: self._wants_a_call(command.ticket, caller))

    def _killed(self) -> None:
        """Everything that is not on disk is gone; whoever was cut off may dial again."""
        waiting = [caller for ticket, caller in self._callers.items() if ticket not in self.promised]
        self.report.restarted(len(waiting), len(self._talking))
        for caller in waiting:
            if self._happens(60.0):
                self._in(10.0, 120.0, lambda who=caller: self._joins(who.queue, who.number))  # type: ignore[misc]
        self._callers = {t: c for t, c in self._callers.items() if t in self.promised and t in self.promises}
        self._offered.clear()
        self._talking.clear()
        self._floor = Floor(self._agents, self._queues, self._routing)
        kept = {ticket: dict(document) for ticket, document in self.promises.items()}
        callbacks = [
            restored_callback(ticket, document, self.now, self._utc()) for ticket, document in kept.items()
        ]
        self.promised &= kept.keys() | self.ended.keys()
        states = {agent: dict(state) for agent, state in self.states.items()}
        self._carry_out(self._floor.restore(states, self.now, [one for one in callbacks if one is not None]))
        for agent in self._agents:
            if self._floor.agent(agent.id).state is not floor.AgentState.OFF:
                self._tells(floor.ScreenLost(agent.id))

    def _utc(self) -> datetime:
        return MIDNIGHT + timedelta(seconds=self.now)

    # --- looking ----------------------------------------------------------------------------------------

    def _look_for_idle_hands(self) -> None:
        """RT15: nobody waits while an agent who fits is free, once the reach has widened."""
        free = [v.skills for v in self._floor.agents() if v.state is floor.AgentState.AVAILABLE]
        if not free:
            return
        skills = {queue.name: queue.skills for queue in self._queues}
        rung = set(self._offered.values()) | set(self._talking.values())
        for ticket, caller in self._callers.items():
            if ticket in rung or ticket in self.promised or self.now - caller.joined < 2 * self._routing.widen:
                continue
            fits = any(skills[caller.queue] <= one for one in free)
            self._check(not fits, f"{ticket} waits for {caller.queue} while somebody is free")

    def _look_at_the_clock(self) -> None:
        views = self._floor.agents()
        self._check(
            sum(view.state in (floor.AgentState.IN_CALL, floor.AgentState.ON_HOLD) for view in views)
            == len(self._talking),
            "somebody talks to nobody",
        )
        at_work = sum(view.state not in (floor.AgentState.OFF, floor.AgentState.NOT_READY) for view in views)
        self.report.looked(self.now, at_work, len(self._talking))

    def _check(self, held: bool, complaint: str) -> None:
        if not held:
            self.complaints.append(f"{self._utc():%H:%M:%S} {complaint}")
