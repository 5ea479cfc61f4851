"""RT15 as a property: whatever happens on a shift, in whatever order, the books are right.

``IVR_FLOOR_STEPS=20000`` takes that many steps instead of the few thousand that every run of the tests takes, and
other ones each time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, get_args

import pytest
from agents.books import QUEUES, SKILLS, TALKING, Books
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ivr.agents.events import (
    Accepted,
    AgentCallEnded,
    AgentState,
    CallbackDeclined,
    CallbackPromised,
    CallerJoined,
    CallerLeft,
    CallerMoved,
    CallerSent,
    CallHeld,
    CallRetrieved,
    CallTaken,
    Command,
    CustomerAnswered,
    CustomerNotReached,
    Event,
    LoggedOn,
    OfferFailed,
    OutsideAnswered,
    OutsideFailed,
    PhoneAnswered,
    PlaceTaken,
    QueueClosed,
    QueueOpened,
    QueuesLeft,
    Rejected,
    ScreenFound,
    ScreenLost,
    WorkmodeChosen,
    WrapUpFinished,
)
from ivr.config import RoutingSettings

CALLERS = ("", "+1", "+2")
agents = st.sampled_from(sorted(SKILLS))
queues = st.sampled_from(sorted(QUEUES))
DEEP = int(os.environ.get("IVR_FLOOR_STEPS", "0"))
STEPS = 50


class ShiftMachine(RuleBasedStateMachine):
    """What may happen, in any order."""

    routing = RoutingSettings(wrap_up=10.0, after_reject=10.0, after_missed=10.0, unstaffed=0.0)
    kinds: set[type]

    def __init__(self) -> None:
        super().__init__()
        self.books = Books(self.routing, self.kinds)
        self.kills = 0

    def one_of(self, data: Any, these: Iterable[str]) -> str:
        return str(data.draw(st.sampled_from(sorted(these) or ["nobody"])))

    # --- time and the house ---------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.0, 10.0, 20.0, 45.0, 120.0, 2000.0]))
    def time_passes(self, seconds: float) -> None:
        self.books.lets_time_pass(seconds)

    @rule(seconds=st.sampled_from([5.0, 60.0]))
    def nobody_looks_at_the_clock(self, seconds: float) -> None:
        self.books.now += seconds

    @rule(queue=queues, opens=st.booleans())
    def opening_hours(self, queue: str, opens: bool) -> None:
        (self.books.closed.discard if opens else self.books.closed.add)(queue)
        self.books.tells(QueueOpened(queue) if opens else QueueClosed(queue))

    @initialize(ready=st.sets(agents))
    def the_shift_begins(self, ready: set[str]) -> None:
        for agent in sorted(ready):
            self.logs_on_and_goes_ready(agent)

    @precondition(lambda self: self.books.any_ticket >= 5 * (1 + self.kills))
    @rule(listening=st.sets(agents))
    def the_engine_is_killed(self, listening: set[str]) -> None:
        self.kills += 1
        self.books.is_killed_and_starts(listening)

    # --- agents ---------------------------------------------------------------------------------------------

    @rule(agent=agents)
    def logs_on_and_goes_ready(self, agent: str) -> None:
        self.books.tells(LoggedOn(agent))
        self.books.tells(WorkmodeChosen(agent, 2))

    @rule(agent=agents)
    def logs_on(self, agent: str) -> None:
        self.books.tells(LoggedOn(agent))

    @rule(agent=agents, workmode=st.sampled_from([1, 2, 2, 3, 1001]))
    def chooses(self, agent: str, workmode: int) -> None:
        self.books.tells(WorkmodeChosen(agent, workmode))

    @rule(agent=agents)
    def a_supervisor_logs_off(self, agent: str) -> None:
        """Work mode and desktop go in one moment, whatever the agent is at."""
        if self.books.shown[agent] is not AgentState.OFF:
            self.books.tells(WorkmodeChosen(agent, 1))
            self.books.tells(ScreenLost(agent))
            assert self.books.shown[agent] not in (AgentState.AVAILABLE, AgentState.OFFERED)

    @rule(agent=agents)
    def loses_the_screen(self, agent: str) -> None:
        self.books.tells(ScreenLost(agent))

    @rule(agent=agents)
    def has_the_screen_again(self, agent: str) -> None:
        before = self.books.shown[agent]
        self.books.tells(ScreenFound(agent))
        assert (before is AgentState.OFF) == (self.books.shown[agent] is AgentState.OFF), "nobody logged on or off"

    @rule(agent=agents, left=st.sets(queues, max_size=2))
    def signs_off_from(self, agent: str, left: set[str]) -> None:
        self.books.tells(QueuesLeft(agent, frozenset(left)))

    @rule(agent=agents, reachable=st.sampled_from([True, True, False]))
    def a_telephone(self, agent: str, reachable: bool) -> None:
        self.books.says_telephone(agent, reachable)

    @rule(agent=agents)
    def finishes_wrap_up(self, agent: str) -> None:
        self.books.tells(WrapUpFinished(agent))

    # --- callers --------------------------------------------------------------------------------------------

    @rule(
        queue=queues,
        priority_raise=st.sampled_from([0, 0, 20, 100]),
        caller=st.sampled_from(CALLERS),
        announce=st.sampled_from([0.0, 90.0]),
        returned=st.booleans(),
    )
    def joins(self, queue: str, priority_raise: int, caller: str, announce: float, returned: bool) -> None:
        books = self.books
        ticket = books.new_ticket(queue, books.now, caller)
        books.on_line[ticket] = books.now
        books.tells(CallerJoined(ticket, queue, priority_raise, None, caller, returned, announce, resume=True))

    @rule(
        to=st.lists(agents, min_size=1, max_size=3),
        queue=st.one_of(st.just(""), queues),
        ago=st.sampled_from([0.0, 0.0, 70.0, 200.0]),
    )
    def is_sent(self, to: list[str], queue: str, ago: float) -> None:
        """A transfer, the way back from one, a consultation, a call an agent dialled."""
        books = self.books
        ticket = books.new_ticket(queue, books.now - ago)
        books.on_line[ticket], books.sent[ticket] = books.now - ago, set(to)
        books.tells(CallerSent(ticket, tuple(to), queue, ring=15.0, joined=books.now - ago))
        assert queue or ticket in books.offered.values() or books.ended[ticket] == "failed"

    @precondition(lambda self: self.books.offered)
    @rule(data=st.data(), queue=queues)
    def is_moved(self, data: Any, queue: str) -> None:
        """An agent reroutes what rings at his desk. He is the last to be asked again."""
        books = self.books
        agent = self.one_of(data, books.offered)
        ticket = books.offered[agent]
        books.moves(ticket, queue)
        books.tells(CallerMoved(agent, ticket, queue))
        assert books.offered.get(agent) != ticket or not self.routing.after_reject

    @rule(data=st.data())
    def takes_a_lost_place(self, data: Any) -> None:
        books = self.books
        if not books.asked:
            self.joins("general", 0, "+1", 0.0, False)
            self.hangs_up(f"t{books.any_ticket}")
            self.joins("general", 0, "+1", 0.0, False)
        ticket = self.one_of(data, books.asked)
        books.tells(PlaceTaken(ticket))
        waited = books.floor.waiting_time(ticket, books.now)
        if waited is not None:
            assert books.now - waited <= books.joined[ticket], "younger than before"
            books.joined[ticket] = books.now - waited

    @precondition(lambda self: self.books.joined)
    @rule(data=st.data())
    def leaves(self, data: Any) -> None:
        self.hangs_up(self.one_of(data, self.books.joined))

    def hangs_up(self, ticket: str) -> None:
        books = self.books
        books.talking = {agent: t for agent, t in books.talking.items() if t != ticket}
        books.tells(CallerLeft(ticket))

    @precondition(lambda self: self.books.joined)
    @rule(data=st.data(), kind=st.sampled_from([OutsideAnswered, OutsideFailed, OutsideFailed]))
    def something_outside(self, data: Any, kind: Any) -> None:
        books = self.books
        ticket = self.one_of(data, books.outside or books.joined)
        ringing = ticket in books.outside
        if kind is OutsideFailed:
            books.outside.discard(ticket)
        books.tells(kind(ticket))
        assert not ringing or kind is OutsideFailed or books.ended[ticket] == "answered"

    # --- callbacks ------------------------------------------------------------------------------------------

    @rule(data=st.data(), queue=queues)
    def is_promised_a_call(self, data: Any, queue: str) -> None:
        """Of a caller who waits, or of one long gone: the place counts only if it was given up just now."""
        books = self.books
        in_queue = {ticket for ticket, name in books.queue.items() if name}
        of = data.draw(
            st.sampled_from(sorted(in_queue - set(books.callbacks) - set(books.talking.values()) or [""]))
        )
        waiting = of in books.on_line and of not in books.ended
        ticket = books.new_ticket(queue, books.now, "+3")
        books.kinds.add(CallbackPromised)
        commands = books.floor.handle(CallbackPromised(ticket, queue, "+3", of), books.now)
        age = books.floor.waiting_time(ticket, books.now)
        assert age is not None
        assert not waiting or age == books.now - books.joined[of], "the place was lost"
        books.joined[ticket] = books.now - age
        books.carry_out(commands)
        assert not waiting or books.ended[of] == "callback"

    @rule(
        data=st.data(),
        kind=st.sampled_from([CustomerAnswered, CustomerAnswered, CustomerNotReached, CallbackDeclined]),
    )
    def the_customer(self, data: Any, kind: Any) -> None:
        books = self.books
        if not books.rung:
            self.is_promised_a_call(data, "billing")
        in_time = {ticket for ticket, until in books.rung.items() if until > books.now}
        if not in_time:
            return  # nobody is free, or it is too late and time_passes tells
        ticket = self.one_of(data, in_time)
        if kind is CustomerAnswered:
            books.rung.pop(ticket)
            books.on_line[ticket] = books.now
        books.tells(kind(ticket))

    # --- offers and calls -----------------------------------------------------------------------------------

    @precondition(lambda self: self.books.offered)
    @rule(data=st.data(), kind=st.sampled_from([Accepted, PhoneAnswered, PhoneAnswered, PhoneAnswered, Rejected]))
    def answers_an_offer(self, data: Any, kind: Any) -> None:
        agent = self.one_of(data, self.books.offered)
        self.books.tells(kind(agent, self.books.offered[agent]))

    @precondition(lambda self: self.books.offered)
    @rule(data=st.data())
    def all_answer_in_one_moment(self, data: Any) -> None:
        """RT7: whoever is rung for a caller picks up before anybody has been told of the other."""
        books = self.books
        ticket = books.offered[self.one_of(data, books.offered)]
        rung = data.draw(st.permutations([agent for agent, t in books.offered.items() if t == ticket]))
        for agent in rung:
            books.tells(PhoneAnswered(agent, ticket))
        assert books.talking[rung[0]] == ticket
        assert all(books.shown[late] not in TALKING for late in rung[1:])

    @precondition(lambda self: self.books.offered)
    @rule(data=st.data(), why=st.sampled_from(["phone", "screen"]))
    def an_offer_fails(self, data: Any, why: Any) -> None:
        agent = self.one_of(data, self.books.offered)
        self.books.tells(OfferFailed(agent, self.books.offered[agent], why))

    @precondition(lambda self: self.books.talking)
    @rule(data=st.data(), retrieves=st.booleans())
    def holds(self, data: Any, retrieves: bool) -> None:
        agent = self.one_of(data, self.books.talking)
        self.books.tells(CallHeld(agent, self.books.talking[agent]))
        if retrieves:
            self.books.tells(CallRetrieved(agent, self.books.talking[agent]))

    @precondition(lambda self: self.books.talking)
    @rule(data=st.data())
    def a_call_ends(self, data: Any) -> None:
        agent = self.one_of(data, self.books.talking)
        self.books.tells(AgentCallEnded(agent, self.books.talking.pop(agent)))

    @precondition(lambda self: self.books.talking)
    @rule(data=st.data(), to=agents, answered=st.booleans())
    def consults(self, data: Any, to: str, answered: bool) -> None:
        """A colleague is rung for whoever talks; when he answers, he may take the call over."""
        books = self.books
        asker = self.one_of(data, books.talking)
        customer = books.talking[asker]
        self.is_sent([to], "", 0.0)
        if answered and to in books.offered:
            books.tells(PhoneAnswered(to, books.offered[to]))
        if books.queue.get(books.talking.get(to, ""), "?") == "" and to != asker:
            books.talking[to] = customer
            del books.talking[asker]
        books.tells(CallTaken(customer, asker, to))  # nothing happens where nobody was there to take it
        assert customer in books.talking.values(), "a caller without an owner"

    @rule(
        agent=agents,
        kind=st.sampled_from([Accepted, PhoneAnswered, Rejected, CallHeld, CallerMoved, CallTaken, OfferFailed]),
        data=st.data(),
    )
    def says_something_out_of_place(self, agent: str, kind: Any, data: Any) -> None:
        books = self.books
        ticket = self.one_of(data, books.joined)
        if ticket in (books.offered.get(agent), books.talking.get(agent)):
            return
        before = dict(books.offered), dict(books.talking), dict(books.queue)
        if kind is CallerMoved:
            books.tells(CallerMoved(agent, ticket, "general"))
        elif kind is CallTaken:
            books.tells(CallTaken(ticket, agent, self.one_of(data, SKILLS)))
        elif kind is OfferFailed:
            books.tells(OfferFailed(agent, ticket, "phone"))
        else:
            books.tells(kind(agent, ticket))
        assert before[1] == books.talking

    # --- what must hold -------------------------------------------------------------------------------------

    @invariant()
    def the_floor_and_its_executor_agree(self) -> None:
        self.books.agree_with_the_floor()

    @invariant()
    def one_owner_per_call(self) -> None:
        self.books.have_one_owner_per_call()

    @invariant()
    def states_and_figures_add_up(self) -> None:
        self.books.add_up()

    @invariant()
    def nobody_waits_while_somebody_could_take_the_call(self) -> None:
        self.books.keep_nobody_waiting_for_who_is_free()

    def teardown(self) -> None:
        books = self.books
        for agent in SKILLS:
            books.tells(ScreenLost(agent))
        for ticket in list(books.joined):
            self.hangs_up(ticket)
        books.lets_time_pass(100.0)
        assert set(books.ended) == set(books.joined), "every ticket ends exactly once"
        assert books.floor.deadline is None, "timers of nothing"


PLAIN = ShiftMachine.routing
SHIFTS = {
    "as it is set": (PLAIN, 60),
    "everybody comes back at once": (
        RoutingSettings(wrap_up=0.0, after_reject=0.0, after_missed=0.0, unstaffed=0.0, voice_only=False),
        25,
    ),
    "callers nobody can help, and those who wait at closing time, are told so": (
        RoutingSettings(wrap_up=10.0, after_reject=10.0, after_missed=10.0, unstaffed=10.0, serve_at_close=False),
        25,
    ),
}
"""Settings, and how many shifts are worked under them."""


EVERYTHING = {*get_args(Event), *get_args(Command)}


@pytest.mark.parametrize("name", SHIFTS)
def test_the_books_are_right_whatever_happens(name: str) -> None:
    """And nothing that the floor knows was left out: where chance did, some shifts more are worked."""
    wanted, shifts = SHIFTS[name]
    seen: set[type] = set()

    class Shift(ShiftMachine):
        routing, kinds = wanted, seen

    work(Shift, max(shifts, DEEP // STEPS // len(SHIFTS)), repeatable=not DEEP)
    more = 10 if wanted is PLAIN else 0
    while more and not seen >= EVERYTHING:
        work(Shift, shifts // 2, repeatable=False)
        more -= 1
    missing = sorted(kind.__name__ for kind in EVERYTHING - seen)
    assert wanted is not PLAIN or not missing, f"nothing was tried with {missing}"


def work(shift: type[ShiftMachine], shifts: int, *, repeatable: bool) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        shift,
        settings=settings(
            max_examples=shifts,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=repeatable,
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
