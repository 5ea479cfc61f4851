"""The books of a shift: what a house that believes only the floor's commands knows, and what must hold in it.

It is the executor of every command, beside the floor and without a look inside. Whoever drives it says first what
happened on his side (a caller is on the line, two have parted), then `tells` the floor.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from ivr.agents.callback import PAUSE
from ivr.agents.events import (
    AgentChanged,
    AgentState,
    CallbackChanged,
    CancelOutside,
    Command,
    Event,
    JoinCall,
    OfferCall,
    OfferPlace,
    PhoneChanged,
    QueueRule,
    RingCustomer,
    RingOutside,
    ScreenLost,
    Spill,
    StopCustomer,
    TellWaiting,
    TicketEnded,
    TicketWidened,
    WithdrawOffer,
    WorkmodeChosen,
)
from ivr.agents.floor import Floor
from ivr.agents.overview import AT_WORK
from ivr.agents.saved import SavedCallback, saved
from ivr.agents.views import AgentView
from ivr.config import AgentSettings, RoutingSettings
from ivr.errors import LocalProtocolError

SKILLS = {"a": ("general:2",), "b": ("general", "billing"), "c": ("emergency", "billing"), "d": ()}
QUEUES = {
    "emergency": QueueRule(
        "emergency",
        frozenset({"emergency"}),
        100,
        12.0,
        spill=(Spill(20.0, "any_agent"), Spill(45.0, "tel:+1"), Spill(50.0, "tel:+2")),
    ),
    "billing": QueueRule(
        "billing", frozenset({"billing"}), 40, 20.0, longest=90.0, spill=(Spill(30.0, "tel:+3"),)
    ),
    "general": QueueRule("general", frozenset({"general"}), 30, 20.0),
    "together": QueueRule("together", frozenset({"general"}), 35, 15.0, longest=300.0, strategy="ring_all"),
}
TALKING = (AgentState.IN_CALL, AgentState.ON_HOLD)
OUTCOMES = ("answered", "abandoned", "overflow", "callback", "closed", "unreached")
"""``failed`` is the end of a call that was for somebody alone; no queue counts it."""


class Books:
    """One floor and everything that was told of it, in virtual time."""

    def __init__(self, routing: RoutingSettings, kinds: set[type]) -> None:
        """`kinds` takes the types of all events and commands that go through."""
        self.routing = routing
        self.kinds = kinds
        self.now = 100.0
        self.any_ticket = 0
        self.closed: set[str] = set()
        self._open()

    def _open(self) -> None:
        people = [AgentSettings(id=name, skills=skills) for name, skills in SKILLS.items()]
        self.floor = Floor(people, list(QUEUES.values()), self.routing)
        self.queue: dict[str, str] = {}
        """Of every ticket: the queue it waits in, or would; empty for none."""
        self.joined: dict[str, float] = {}
        """Since when its age counts."""
        self.counted = dict.fromkeys(QUEUES, 0)
        """Callers by queue, in this life of the floor."""
        self.ended: dict[str, str] = {}
        self.offered: dict[str, str] = {}
        self.talking: dict[str, str] = {}
        self.outside: set[str] = set()
        self.callbacks: dict[str, SavedCallback] = {}
        """Promises that are open, as they were told last."""
        self.rung: dict[str, float] = {}
        """Customers being rung, until when."""
        self.on_line: dict[str, float] = {}
        """Since when a caller is on the line: a customer since he answered."""
        self.sent: dict[str, set[str]] = {}
        """Agents whom a caller is for alone and who have not been asked yet."""
        self.asked: set[str] = set()
        self.callers: dict[str, str] = {}
        self.shown = dict.fromkeys(SKILLS, AgentState.OFF)
        self.saved: dict[str, str] = {}
        """Agents on disk."""
        self.phones = dict.fromkeys(SKILLS, True)
        self.left: dict[str, frozenset[str]] = dict.fromkeys(SKILLS, frozenset())

    # --- what the house says --------------------------------------------------------------------------------

    def new_ticket(self, queue: str, joined: float, caller: str = "") -> str:
        self.any_ticket += 1
        ticket = f"t{self.any_ticket}"
        self.queue[ticket], self.joined[ticket], self.callers[ticket] = queue, joined, caller
        if queue:
            self.counted[queue] += 1
        return ticket

    def moves(self, ticket: str, queue: str) -> None:
        """The ticket waits in another queue; one that another life has counted was none of the old one's."""
        if before := self.queue[ticket]:
            self.counted[before] = max(0, self.counted[before] - 1)
        self.counted[queue] += 1
        self.queue[ticket] = queue
        self.sent.pop(ticket, None)

    def tells(self, event: Event) -> None:
        self.kinds.add(type(event))
        try:
            commands = self.floor.handle(event, self.now)
        except LocalProtocolError:
            assert isinstance(event, WorkmodeChosen)
            assert self.shown[event.agent] is AgentState.OFF
            return
        self.carry_out(commands)

    def lets_time_pass(self, seconds: float) -> None:
        """The floor is woken exactly when it asks to be."""
        end = self.now + seconds
        while (deadline := self.floor.deadline) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.carry_out(self.floor.expire(self.now))
            again = self.floor.deadline
            assert again is None or again > self.now, "the floor wants to be woken in the past"
        self.now = end

    def is_killed_and_starts(self, listening: Iterable[str]) -> None:
        """All calls are gone; agents and promises are read from disk (AG18)."""
        states = {agent: json.loads(document) for agent, document in self.saved.items()}
        promises, lost = list(self.callbacks.values()), set(self.on_line) - set(self.callbacks)
        before, queues, phones, asked = self.joined, self.queue, self.phones, self.callers
        on_disk = self.saved
        self._open()
        self.saved, self.phones = on_disk, dict.fromkeys(SKILLS, True)
        for promise in promises:
            self.queue[promise.ticket], self.joined[promise.ticket] = promise.queue, promise.joined
            self.callers[promise.ticket] = promise.caller
            self.callbacks[promise.ticket] = promise
        self.closed.clear()
        self.carry_out(self.floor.restore(states, self.now, promises))
        for ticket in sorted(lost):
            if queues[ticket]:
                self.floor.remember_place(ticket, asked[ticket], queues[ticket], before[ticket], self.now)
        for agent in SKILLS:
            assert self.shown[agent] not in (*TALKING, AgentState.OFFERED), "a call that is gone holds an agent"
            if agent not in listening:
                self.carry_out(self.floor.handle(ScreenLost(agent), self.now))
            if not phones[agent]:
                self.says_telephone(agent, False)

    def says_telephone(self, agent: str, reachable: bool) -> None:
        self.phones[agent] = reachable
        self.tells(PhoneChanged(agent, reachable))

    # --- what the floor says --------------------------------------------------------------------------------

    def carry_out(self, commands: Iterable[Command]) -> None:
        for command in commands:
            self.kinds.add(type(command))
            match command:
                case OfferCall():
                    self._offer(command)
                case WithdrawOffer(agent=agent, ticket=ticket):
                    assert self.offered.pop(agent) == ticket
                    self.sent.get(ticket, set()).discard(agent)
                case JoinCall(agent=agent, ticket=ticket):
                    assert self.offered.pop(agent) == ticket
                    assert ticket not in self.talking.values(), "two owners of one call"
                    self.talking[agent] = ticket
                case TicketEnded():
                    self._end(command)
                case RingOutside(ticket=ticket, to=to):
                    assert ticket not in self.outside
                    assert ticket not in self.ended
                    assert to in {spill.to for spill in QUEUES[self.queue[ticket]].spill}, "another queue's line"
                    self.outside.add(ticket)
                case CancelOutside(ticket=ticket):
                    self.outside.remove(ticket)
                case RingCustomer(ticket=ticket, until=until):
                    assert ticket in self.callbacks
                    assert ticket not in self.rung, "rung twice at once"
                    assert self.queue[ticket] not in self.closed, "rung out of hours"
                    self.rung[ticket] = until
                case StopCustomer(ticket=ticket):
                    assert self.rung[ticket] <= self.now
                case CallbackChanged():
                    self._keep(command)
                case TellWaiting(ticket=ticket, position=position, least=least, most=most):
                    assert ticket not in self.offered.values(), "talked to while an agent is being rung"
                    assert position == self.floor.position(ticket)
                    assert (least is None) == (most is None)
                    assert least is None or 1 <= least <= most
                case TicketWidened(ticket=ticket):
                    assert ticket in self.on_line
                case OfferPlace(ticket=ticket):
                    self.asked.add(ticket)
                case AgentChanged(agent=agent, state=state):
                    self.shown[agent] = state
                    self.saved[agent] = json.dumps(saved(command))
                    self.left[agent] = command.left

    def _offer(self, offer: OfferCall) -> None:
        agent, ticket = offer.agent, offer.ticket
        queue, sent = self.queue[ticket], self.sent.get(ticket, set())
        if sent and agent not in sent:  # nobody of them was there, or took the call
            assert queue, "a call for others alone"
            sent.clear()
        assert agent not in self.offered, "second offer to one agent"
        assert agent not in self.talking, "offer to somebody who talks"
        assert ticket not in self.talking.values(), "a caller with an agent is offered to another"
        if queue != "together":
            assert ticket not in self.offered.values(), "second offer of one ticket"
        assert ticket in self.on_line, "an agent for nobody"
        assert ticket not in self.ended
        assert offer.until > self.now
        assert self.shown[agent] is AgentState.OFFERED, "saved and told before rung"
        assert self.phones[agent], "a telephone is rung that is nowhere"
        if not sent and queue != "emergency":
            assert queue not in self.left[agent], "signed off from this queue"
        views = {view.id: view for view in self.floor.agents()}
        if not views[agent].screen:
            assert self.routing.voice_only and queue, "somebody without a screen is rung"
            seeing = [v.id for v in views.values() if v.screen and v.state in AT_WORK and self._is_for(queue, v)]
            assert not seeing, "by voice alone, while somebody at work has a desktop"
        self.offered[agent] = ticket

    def _sees(self, ticket: str, view: AgentView) -> bool:
        """Whether a desktop would show this caller by and by; an emergency waits for nobody who is asked later."""
        queue = self.queue[ticket]
        anybody = queue == "emergency" and self.now - self.on_line[ticket] >= 20.0
        return (anybody or self._is_for(queue, view)) and view.screen and view.state in AT_WORK

    def _is_for(self, queue: str, view: AgentView) -> bool:
        return QUEUES[queue].skills <= view.skills and queue not in view.left

    def _end(self, end: TicketEnded) -> None:
        ticket = end.ticket
        assert ticket not in self.ended, "a ticket ended twice"
        assert end.waited == self.now - self.joined[ticket]
        assert ticket not in self.outside or end.outcome == "answered"
        assert ticket not in self.offered.values(), "an agent's telephone rings on"
        assert end.outcome in (OUTCOMES if self.queue[ticket] else ("answered", "abandoned", "failed"))
        assert (self.talking.get(end.agent) == ticket) if end.agent else ticket not in self.talking.values()
        promise = self.callbacks.pop(ticket, None)
        assert end.outcome != "unreached" or (promise and promise.tries == 2), "given up before the third try"
        self.rung.pop(ticket, None)
        self.on_line.pop(ticket, None)
        self.outside.discard(ticket)
        self.ended[ticket] = end.outcome

    def _keep(self, change: CallbackChanged) -> None:
        before = self.callbacks.get(change.ticket)
        moved = before is not None and (before.tries, before.not_before) == (change.tries, change.not_before)
        assert moved or change.tries == (before.tries + 1 if before else 0)
        assert moved or change.tries == 0 or change.not_before == self.now + PAUSE
        assert before is None or (before.number, before.joined) == (change.number, change.joined), "lost its place"
        self.callbacks[change.ticket] = SavedCallback(
            ticket=change.ticket,
            queue=change.queue,
            caller=change.caller,
            number=change.number,
            joined=change.joined,
            tries=change.tries,
            not_before=change.not_before,
        )
        self.rung.pop(change.ticket, None)

    # --- what must hold -------------------------------------------------------------------------------------

    def agree_with_the_floor(self) -> None:
        """Every agent is what was told last, and nobody is in a state that nothing was told of."""
        for view in self.floor.agents():
            assert view.state is self.shown[view.id], "a change was not told"
            assert (view.state is AgentState.OFFERED) == (view.id in self.offered)
            assert (view.state in TALKING) == (view.id in self.talking)
            if view.state is AgentState.OFFERED:
                assert view.ticket == self.offered[view.id]
            if view.state in TALKING:
                assert view.ticket == self.talking[view.id]
            if view.state is AgentState.AVAILABLE:
                assert view.screen, "free without a screen"

    def have_one_owner_per_call(self) -> None:
        assert len(self.talking) == len(set(self.talking.values()))
        assert not set(self.offered.values()) & set(self.talking.values())
        single = [ticket for ticket in self.offered.values() if self.queue[ticket] != "together"]
        assert len(single) == len(set(single))

    def add_up(self) -> None:
        waiting = set(self.joined) - set(self.ended)
        queued = {ticket for ticket in waiting & set(self.on_line) if self.queue[ticket]}
        assert sum(self.floor.queue_length(name) for name in QUEUES) == len(queued)
        assert {one.ticket for one in self.floor.callbacks()} == set(self.callbacks)
        for ticket, joined in self.joined.items():
            expected = self.now - joined if ticket in waiting else None
            assert self.floor.waiting_time(ticket, self.now) == expected
        figures = self.floor.figures()
        for name in QUEUES:
            places = sorted(self.floor.position(t) for t in waiting if self.queue[t] == name)
            assert places == list(range(1, len(places) + 1))
            one = figures.get(name)
            here = [ticket for ticket, queue in self.queue.items() if queue == name]
            counted = {outcome: getattr(one, outcome) if one else 0 for outcome in OUTCOMES}
            found = [self.ended[ticket] for ticket in here if ticket in self.ended]
            assert counted == {outcome: found.count(outcome) for outcome in OUTCOMES}
            assert (one.joined if one else 0) == self.counted[name]

    def keep_nobody_waiting_for_who_is_free(self) -> None:
        if self.floor.deadline is not None and self.floor.deadline <= self.now:
            return  # time has passed that the floor was not told of
        views = self.floor.agents()
        free = [v for v in views if v.state is AgentState.AVAILABLE and v.phone]
        by_voice = [v for v in views if self.routing.voice_only and v.reason == "screen_lost" and v.phone]
        for ticket in set(self.on_line) - set(self.offered.values()) - set(self.ended):
            queue, since = self.queue[ticket], self.on_line[ticket]
            assert queue, f"{ticket} waits for nobody"
            for view in free:
                second = view.id == "a" and QUEUES[queue].skills == {"general"} and self.now - since < 60.0
                fits = QUEUES[queue].skills <= view.skills and not second
                assert not fits or queue in view.left, f"{ticket} waits while {view.id} is free"
                assert queue != "emergency" or self.now - since < 20.0
            for view in by_voice:
                seen = any(self._sees(ticket, v) for v in views)
                lost = view.next_workmode == 2 and self._is_for(queue, view)
                second = view.id == "a" and self.now - since < 60.0
                assert seen or second or not lost, f"{ticket} waits while {view.id} could take it by voice"
            if queue == "emergency":
                assert not [v for v in views if self._rings_for_less(v.id)], "a lesser call rings (RT4)"

    def _rings_for_less(self, agent: str) -> bool:
        ticket = self.offered.get(agent)
        if ticket is None or "emergency" not in SKILLS[agent] or not self.phones[agent]:
            return False
        return self.queue[ticket] != "emergency" and agent not in self.sent.get(ticket, set())
