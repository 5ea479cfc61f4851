"""RT15 as a property: whatever happens on a shift, in whatever order, the books are right."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ivr.agents.callback import PAUSE
from ivr.agents.events import (
    Accepted,
    AgentCallEnded,
    AgentChanged,
    AgentState,
    CallbackChanged,
    CallbackDeclined,
    CallbackPromised,
    CallerJoined,
    CallerLeft,
    CallHeld,
    CallRetrieved,
    CancelOutside,
    CustomerAnswered,
    CustomerNotReached,
    JoinCall,
    LoggedOn,
    OfferCall,
    OfferFailed,
    OfferPlace,
    OutsideAnswered,
    OutsideFailed,
    PhoneAnswered,
    PlaceTaken,
    QueueClosed,
    QueueOpened,
    QueueRule,
    Rejected,
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
    WrapUpFinished,
)
from ivr.agents.floor import Floor
from ivr.config import AgentSettings, RoutingSettings
from ivr.errors import LocalProtocolError

SKILLS = {"a": ("general:2",), "b": ("general", "billing"), "c": ("emergency", "billing"), "d": ()}
QUEUES = {
    "emergency": QueueRule(
        "emergency",
        frozenset({"emergency"}),
        100,
        12.0,
        spill=(Spill(20.0, "any_agent"), Spill(45.0, "tel:+1")),
    ),
    "billing": QueueRule("billing", frozenset({"billing"}), 40, 20.0, longest=90.0),
    "general": QueueRule("general", frozenset({"general"}), 30, 20.0),
    "together": QueueRule("together", frozenset({"general"}), 35, 15.0, longest=300.0, strategy="ring_all"),
}
CALLERS = ("", "+1", "+2")
agents = st.sampled_from(sorted(SKILLS))
TALKING = (AgentState.IN_CALL, AgentState.ON_HOLD)


class ShiftMachine(RuleBasedStateMachine):
    """An executor that believes only the commands, kept beside the floor."""

    pauses = 10.0
    unstaffed = 0.0
    serve_at_close = True

    def __init__(self) -> None:
        super().__init__()
        people = [AgentSettings(id=name, skills=skills) for name, skills in SKILLS.items()]
        routing = RoutingSettings(
            wrap_up=self.pauses,
            after_reject=self.pauses,
            after_missed=self.pauses,
            unstaffed=self.unstaffed,
            serve_at_close=self.serve_at_close,
        )
        self.floor = Floor(people, list(QUEUES.values()), routing)
        self.now = 100.0
        self.joined: dict[str, tuple[str, float]] = {}
        self.ended: dict[str, str] = {}
        self.offered: dict[str, str] = {}
        self.talking: dict[str, str] = {}
        self.outside: set[str] = set()
        self.callbacks: dict[str, int] = {}
        """Calls made in vain, by ticket of a promise that is open."""
        self.rung: dict[str, float] = {}
        """Customers being rung, until when."""
        self.on_line: dict[str, float] = {}
        """Since when a caller is on the line: a customer since he answered."""
        self.asked: set[str] = set()
        self.closed: set[str] = set()
        self.shown = dict.fromkeys(SKILLS, AgentState.OFF)
        self.any_ticket = 0

    # --- the executor -----------------------------------------------------------------------------------

    def run(self, commands) -> None:
        for command in commands:
            match command:
                case OfferCall(agent=agent, ticket=ticket, until=until):
                    assert agent not in self.offered, "second offer to one agent"
                    assert agent not in self.talking, "offer to somebody who talks"
                    if self.joined[ticket][0] != "together":
                        assert ticket not in self.offered.values(), "second offer of one ticket"
                    assert ticket in self.on_line, "an agent for nobody"
                    assert ticket in self.joined
                    assert ticket not in self.ended
                    assert until > self.now
                    assert self.shown[agent] is AgentState.OFFERED, "saved and told before rung"
                    self.offered[agent] = ticket
                case WithdrawOffer(agent=agent, ticket=ticket):
                    assert self.offered.pop(agent) == ticket
                case JoinCall(agent=agent, ticket=ticket):
                    assert self.offered.pop(agent) == ticket
                    self.talking[agent] = ticket
                case TicketEnded(ticket=ticket, outcome=outcome, waited=waited):
                    assert ticket not in self.ended, "a ticket ended twice"
                    assert waited == self.now - self.joined[ticket][1]
                    assert ticket not in self.outside or outcome == "answered"
                    assert ticket not in self.offered.values(), "an agent's telephone rings on"
                    assert outcome in ("answered", "abandoned", "overflow", "callback", "closed", "unreached")
                    tries = self.callbacks.pop(ticket, None)
                    assert outcome != "unreached" or tries == 2, "given up before the third try"
                    self.rung.pop(ticket, None)
                    self.on_line.pop(ticket, None)
                    self.outside.discard(ticket)
                    self.ended[ticket] = outcome
                case RingOutside(ticket=ticket):
                    assert ticket not in self.outside
                    assert ticket not in self.ended
                    self.outside.add(ticket)
                case CancelOutside(ticket=ticket):
                    self.outside.remove(ticket)
                case RingCustomer(ticket=ticket, until=until):
                    assert ticket in self.callbacks
                    assert ticket not in self.rung, "rung twice at once"
                    assert self.joined[ticket][0] not in self.closed, "rung out of hours"
                    self.rung[ticket] = until
                case StopCustomer(ticket=ticket):
                    assert self.rung[ticket] <= self.now
                case CallbackChanged(ticket=ticket, tries=tries, not_before=not_before):
                    assert tries == self.callbacks.get(ticket, -1) + 1
                    assert tries == 0 or not_before == self.now + PAUSE
                    self.callbacks[ticket] = tries
                    self.rung.pop(ticket, None)
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

    def tells(self, event) -> None:
        try:
            commands = self.floor.handle(event, self.now)
        except LocalProtocolError:
            assert isinstance(event, WorkmodeChosen)
            assert self.shown[event.agent] is AgentState.OFF
            return
        self.run(commands)

    def a_ticket(self, data, of) -> str:
        return data.draw(st.sampled_from(sorted(of) or ["nobody"]))

    # --- what may happen --------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.0, 10.0, 20.0, 45.0, 120.0, 2000.0]))
    def time_passes(self, seconds) -> None:
        end = self.now + seconds
        while (deadline := self.floor.deadline) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.run(self.floor.expire(self.now))
            again = self.floor.deadline
            assert again is None or again > self.now, "the floor wants to be woken in the past"
        self.now = end

    @rule(seconds=st.sampled_from([5.0, 60.0]))
    def nobody_looks_at_the_clock(self, seconds) -> None:
        self.now += seconds

    @rule(agent=agents)
    def logs_on_and_goes_ready(self, agent) -> None:
        self.tells(LoggedOn(agent))
        self.tells(WorkmodeChosen(agent, 2))

    @rule(agent=agents)
    def logs_on(self, agent) -> None:
        self.tells(LoggedOn(agent))

    @rule(agent=agents, workmode=st.sampled_from([1, 2, 2, 3, 1001]))
    def chooses(self, agent, workmode) -> None:
        self.tells(WorkmodeChosen(agent, workmode))

    @rule(agent=agents)
    def loses_the_screen(self, agent) -> None:
        self.tells(ScreenLost(agent))

    @rule(
        queue=st.sampled_from(sorted(QUEUES)),
        priority_raise=st.sampled_from([0, 0, 20, 100]),
        caller=st.sampled_from(CALLERS),
        announce=st.sampled_from([0.0, 90.0]),
        returned=st.booleans(),
    )
    def joins(self, queue, priority_raise, caller, announce, returned) -> None:
        ticket = self.a_new_ticket(queue, self.now)
        self.on_line[ticket] = self.now
        self.tells(CallerJoined(ticket, queue, priority_raise, None, caller, returned, announce, resume=True))

    def a_new_ticket(self, queue, joined) -> str:
        self.any_ticket += 1
        ticket = f"t{self.any_ticket}"
        self.joined[ticket] = (queue, joined)
        return ticket

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def takes_a_lost_place(self, data) -> None:
        ticket = data.draw(st.sampled_from(sorted(self.asked)))
        queue, before = self.joined[ticket]
        self.tells(PlaceTaken(ticket))
        waited = self.floor.waiting_time(ticket, self.now)
        if waited is not None:
            assert self.now - waited <= before, "younger than before"
            self.joined[ticket] = (queue, self.now - waited)

    @precondition(lambda self: self.joined)
    @rule(data=st.data(), queue=st.sampled_from(sorted(QUEUES)))
    def is_promised_a_call(self, data, queue) -> None:
        """Of a caller who waits, or of one long gone: the place counts only if it was given up just now."""
        of = data.draw(
            st.sampled_from(sorted(set(self.joined) - set(self.callbacks) - set(self.talking.values()) or [""]))
        )
        waiting = of in self.on_line and of not in self.ended
        ticket = self.a_new_ticket(queue, self.now)
        commands = self.floor.handle(CallbackPromised(ticket, queue, "+3", of), self.now)
        age = self.floor.waiting_time(ticket, self.now)
        assert age is not None
        assert not waiting or age == self.now - self.joined[of][1], "the place was lost"
        self.joined[ticket] = (queue, self.now - age)
        self.run(commands)
        assert not waiting or self.ended[of] == "callback"

    @precondition(lambda self: self.rung)
    @rule(
        data=st.data(),
        kind=st.sampled_from([CustomerAnswered, CustomerAnswered, CustomerNotReached, CallbackDeclined]),
    )
    def the_customer(self, data, kind) -> None:
        ticket = data.draw(st.sampled_from(sorted(self.rung)))
        if self.rung[ticket] <= self.now:
            return  # too late; time_passes tells
        if kind is CustomerAnswered:
            self.rung.pop(ticket)
            self.on_line[ticket] = self.now
        self.tells(kind(ticket))

    @rule(queue=st.sampled_from(sorted(QUEUES)), opens=st.booleans())
    def opening_hours(self, queue, opens) -> None:
        (self.closed.discard if opens else self.closed.add)(queue)
        self.tells(QueueOpened(queue) if opens else QueueClosed(queue))

    @precondition(lambda self: self.joined)
    @rule(data=st.data())
    def leaves(self, data) -> None:
        ticket = self.a_ticket(data, self.joined)
        self.talking = {agent: t for agent, t in self.talking.items() if t != ticket}
        self.tells(CallerLeft(ticket))

    @precondition(lambda self: self.offered)
    @rule(data=st.data(), kind=st.sampled_from([Accepted, PhoneAnswered, PhoneAnswered, Rejected]))
    def answers_an_offer(self, data, kind) -> None:
        agent = data.draw(st.sampled_from(sorted(self.offered)))
        self.tells(kind(agent, self.offered[agent]))

    @precondition(lambda self: self.offered)
    @rule(data=st.data(), why=st.sampled_from(["phone", "screen"]))
    def an_offer_fails(self, data, why) -> None:
        agent = data.draw(st.sampled_from(sorted(self.offered)))
        self.tells(OfferFailed(agent, self.offered[agent], why))

    @rule(agent=agents, kind=st.sampled_from([Accepted, PhoneAnswered, Rejected, CallHeld]), data=st.data())
    def says_something_out_of_place(self, agent, kind, data) -> None:
        ticket = self.a_ticket(data, self.joined)
        if ticket not in (self.offered.get(agent), self.talking.get(agent)):
            self.tells(kind(agent, ticket))

    @precondition(lambda self: self.talking)
    @rule(data=st.data(), kind=st.sampled_from([CallHeld, CallRetrieved, AgentCallEnded, AgentCallEnded]))
    def something_in_a_call(self, data, kind) -> None:
        agent = data.draw(st.sampled_from(sorted(self.talking)))
        ticket = self.talking[agent]
        if kind is AgentCallEnded:
            del self.talking[agent]
        self.tells(kind(agent, ticket))

    @rule(agent=agents)
    def finishes_wrap_up(self, agent) -> None:
        self.tells(WrapUpFinished(agent))

    @precondition(lambda self: self.joined)
    @rule(data=st.data(), kind=st.sampled_from([OutsideAnswered, OutsideFailed]))
    def something_outside(self, data, kind) -> None:
        ticket = self.a_ticket(data, self.outside or self.joined)
        ringing = ticket in self.outside
        if kind is OutsideFailed:
            self.outside.discard(ticket)
        self.tells(kind(ticket))
        assert not ringing or kind is OutsideFailed or self.ended[ticket] == "answered"

    # --- what must hold ---------------------------------------------------------------------------------

    @invariant()
    def the_floor_and_its_executor_agree(self) -> None:
        for view in self.floor.agents():
            assert view.state is self.shown[view.id], "a change was not told"
            assert (view.state is AgentState.OFFERED) == (view.id in self.offered)
            assert (view.state in TALKING) == (view.id in self.talking)
            if view.state is AgentState.OFFERED:
                assert view.ticket == self.offered[view.id]
            if view.state in TALKING:
                assert view.ticket == self.talking[view.id]

    @invariant()
    def one_owner_per_ticket(self) -> None:
        assert len(self.talking) == len(set(self.talking.values()))
        assert not set(self.offered.values()) & set(self.talking.values())
        single = [ticket for ticket in self.offered.values() if self.joined[ticket][0] != "together"]
        assert len(single) == len(set(single))

    @invariant()
    def states_add_up(self) -> None:
        waiting = set(self.joined) - set(self.ended)
        assert sum(self.floor.queue_length(name) for name in QUEUES) == len(waiting & set(self.on_line))
        assert {one.ticket for one in self.floor.callbacks()} == set(self.callbacks)
        for ticket, (_, joined) in self.joined.items():
            expected = self.now - joined if ticket in waiting else None
            assert self.floor.waiting_time(ticket, self.now) == expected
        for name in QUEUES:
            places = sorted(self.floor.position(t) for t in waiting if self.joined[t][0] == name)
            assert places == list(range(1, len(places) + 1))

    @invariant()
    def nobody_waits_while_somebody_could_take_the_call(self) -> None:
        if self.floor.deadline is not None and self.floor.deadline <= self.now:
            return  # time has passed that the floor was not told of
        free = [v for v in self.floor.agents() if v.state is AgentState.AVAILABLE]
        for ticket in set(self.on_line) - set(self.offered.values()) - set(self.ended):
            queue, since = self.joined[ticket][0], self.on_line[ticket]
            for view in free:
                second = view.id == "a" and QUEUES[queue].skills == {"general"} and self.now - since < 60.0
                fits = QUEUES[queue].skills <= view.skills and not second
                assert not fits, f"{ticket} waits while {view.id} is free"
                assert queue != "emergency" or self.now - since < 20.0
            lesser = [
                v
                for v in self.floor.agents()
                if v.state is AgentState.OFFERED and self.joined[self.offered[v.id]][0] != "emergency"
            ]
            if queue == "emergency":
                assert not [v for v in lesser if "emergency" in v.skills], "a lesser call rings (RT4)"

    @invariant()
    def only_available_people_with_a_screen_are_rung(self) -> None:
        for view in self.floor.agents():
            if view.state in (AgentState.AVAILABLE, AgentState.OFFERED):
                assert view.screen

    @invariant()
    def the_figures_add_up(self) -> None:
        figures = self.floor.figures()
        outcomes = ("answered", "abandoned", "overflow", "callback", "closed", "unreached")
        for name in QUEUES:
            one = figures.get(name)
            counted = {outcome: getattr(one, outcome) if one else 0 for outcome in outcomes}
            found = [
                self.ended[ticket]
                for ticket, (queue, _) in self.joined.items()
                if queue == name and ticket in self.ended
            ]
            assert counted == {outcome: found.count(outcome) for outcome in outcomes}
            assert (one.joined if one else 0) == sum(queue == name for queue, _ in self.joined.values())

    def teardown(self) -> None:
        for agent in list(SKILLS):
            self.tells(ScreenLost(agent))
        for ticket in self.joined:
            self.talking = {agent: t for agent, t in self.talking.items() if t != ticket}
            self.tells(CallerLeft(ticket))
        self.time_passes(100.0)
        assert set(self.ended) == set(self.joined), "every ticket ends exactly once"
        assert self.floor.deadline is None, "timers of nothing"


class ShiftWithoutPauses(ShiftMachine):
    """Wrap-up and both pauses off: everybody comes back at once."""

    pauses = 0.0


class ShiftWithoutPatience(ShiftMachine):
    """Callers nobody can help, and those who wait when the queue closes, are told so."""

    unstaffed = 10.0
    serve_at_close = False


TestShiftWithoutPatience = ShiftWithoutPatience.TestCase
TestShiftWithoutPatience.settings = settings(max_examples=20, stateful_step_count=40, deadline=None)
TestShift = ShiftMachine.TestCase
TestShift.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
TestShiftWithoutPauses = ShiftWithoutPauses.TestCase
TestShiftWithoutPauses.settings = settings(max_examples=20, stateful_step_count=40, deadline=None)
