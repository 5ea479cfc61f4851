"""Whom a caller gets: strategies (one suite for all), skill levels, the last agent, RT5 and RT7."""

from __future__ import annotations

import itertools

import pytest

from ivr.agents.events import (
    AgentState,
    CallerJoined,
    CallerLeft,
    CallerSent,
    CallTaken,
    JoinCall,
    LoggedOn,
    OfferCall,
    PhoneAnswered,
    QueueRule,
    Spill,
    TicketEnded,
    TicketWidened,
    WithdrawOffer,
    WorkmodeChosen,
)
from ivr.agents.floor import Floor
from ivr.agents.reach import reaches
from ivr.agents.strategy import STRATEGIES, Candidate, Strategy
from ivr.config import AgentSettings, RoutingSettings
from ivr.errors import LocalProtocolError

CANDIDATES = (
    Candidate("ann", level=2, idle_since=10.0, calls=5),
    Candidate("bob", level=1, idle_since=30.0, calls=9),
    Candidate("cid", level=1, idle_since=20.0, calls=9),
    Candidate("dee", level=3, idle_since=40.0, calls=1),
    Candidate("eve", level=3, idle_since=40.0, calls=1),
)
FIRST = {"best_skill": "cid", "longest_idle": "ann", "fewest_calls": "dee", "ring_all": "cid"}


@pytest.fixture(params=sorted(STRATEGIES))
def strategy(request) -> Strategy:
    return STRATEGIES[request.param]


def test_a_strategy_is_found_by_its_own_name(strategy):
    assert STRATEGIES[strategy.name] is strategy


def test_a_strategy_chooses_what_it_is_called_after(strategy):
    assert min(CANDIDATES, key=strategy.order).id == FIRST[strategy.name]


def test_a_strategy_does_not_care_in_which_order_it_sees_people(strategy):
    orders = {tuple(c.id for c in sorted(some, key=strategy.order)) for some in itertools.permutations(CANDIDATES)}
    assert len(orders) == 1


def test_a_strategy_asks_first_who_spoke_with_the_caller_last(strategy):
    last = Candidate("zoe", level=9, idle_since=99.0, calls=99, last=True)
    assert min((*CANDIDATES, last), key=strategy.order) is last


def test_under_every_strategy_a_free_agent_is_rung_at_once_and_every_caller_gets_somebody(strategy, open_shift):
    shift = open_shift(routing={"strategy": strategy.name}, ann=["general:2"], bob=["general"], cid=["billing"])
    shift.ready("ann", "bob", "cid")
    rung = {agent for ticket in ("t1", "t2") for agent, _ in shift.offers(shift.joins(ticket))}
    answered = [shift.answers(agent) for agent in sorted(rung)]
    shift.waits(61.0)
    while waiting := [a for a in ("ann", "bob") if shift.state(a) is AgentState.OFFERED]:
        answered.append(shift.answers(waiting[0]))
    talking = {shift.ticket(agent): agent for agent in ("ann", "bob")}
    assert set(talking) == {"t1", "t2"}, "both callers have exactly one agent"
    assert shift.state("cid") is AgentState.AVAILABLE


def test_a_queue_may_have_its_own_strategy():
    people = [AgentSettings("ann", skills=("x:2", "y:2")), AgentSettings("bob", skills=("x", "y"))]
    rules = [
        QueueRule("x", frozenset("x"), 30, 20.0, strategy="longest_idle"),
        QueueRule("y", frozenset("y"), 30, 20.0),
    ]
    floor = Floor(people, rules, RoutingSettings(widen=0.0))

    for now, event in enumerate(
        (LoggedOn("ann"), WorkmodeChosen("ann", 2), LoggedOn("bob"), WorkmodeChosen("bob", 2))
    ):
        floor.handle(event, float(now))
    assert OfferCall("ann", "t1", 30.0) in floor.handle(CallerJoined("t1", "x"), 10.0)
    floor.handle(CallerLeft("t1"), 11.0)
    assert OfferCall("bob", "t2", 40.0) in floor.handle(CallerJoined("t2", "y"), 20.0)


def test_a_strategy_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(LocalProtocolError, match=r"queue q has strategy 'dice'; known are best_skill"):
        Floor([], [QueueRule("q", frozenset(), 30, 20.0, strategy="dice")], RoutingSettings())


# --- the last agent ---------------------------------------------------------------------------------


def spoke_before(shift, agent="bob"):
    shift.ready(agent)
    shift.joins("before", caller="+15550100")
    shift.answers(agent)
    shift.call_ends(agent)
    shift.waits(11.0)


def test_the_last_agent_is_asked_first_when_free(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    spoke_before(shift)
    shift.ready("ann")
    shift.waits(100.0)
    shift.joins("other", caller="+15550199")
    assert shift.ticket("bob") == "other", "the longest idle otherwise"
    shift.answers("bob")
    shift.call_ends("bob")
    shift.waits(10.0)
    assert shift.offers(shift.joins("again", caller="+15550100")) == [("bob", "again")]


def both_free_again(shift, longest_idle):
    """Everybody has finished, and `longest_idle` has waited longest."""
    for agent in ("ann", "bob"):
        if shift.state(agent) in (AgentState.IN_CALL, AgentState.ON_HOLD):
            shift.call_ends(agent)
    shift.waits(30.0)
    other = "bob" if longest_idle == "ann" else "ann"
    shift.does(WorkmodeChosen(other, 3))
    shift.does(WorkmodeChosen(other, 2))
    shift.waits(5.0)


def test_who_took_the_caller_over_in_a_warm_transfer_is_the_last_agent(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1", caller="+15550100")
    shift.answers("ann")
    shift.does(CallerSent("t1-c1", ("bob",)))
    shift.answers("bob")
    shift.does(CallTaken("t1", "ann", "bob", "+15550100"))
    both_free_again(shift, longest_idle="ann")
    assert shift.offers(shift.joins("again", caller="+15550100")) == [("bob", "again")]


def test_who_got_the_caller_by_a_blind_transfer_is_the_last_agent(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1", caller="+15550100")
    shift.answers("ann")
    shift.call_ends("ann")
    shift.does(CallerSent("t2", ("bob", "ann"), "general", "+15550100"))
    shift.answers("bob")
    both_free_again(shift, longest_idle="ann")
    assert shift.offers(shift.joins("again", caller="+15550100")) == [("bob", "again")]


def test_who_was_only_asked_about_a_caller_is_not_the_last_agent(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1", caller="+15550100")
    shift.answers("ann")
    shift.does(CallerSent("t1-c1", ("bob",)))
    shift.answers("bob")
    both_free_again(shift, longest_idle="bob")
    assert shift.offers(shift.joins("again", caller="+15550100")) == [("ann", "again")]


def test_the_last_agent_is_not_waited_for_when_busy(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    spoke_before(shift)
    shift.joins("other")
    shift.answers("bob")
    shift.ready("ann")
    assert shift.offers(shift.joins("again", caller="+15550100")) == [("ann", "again")]


@pytest.mark.parametrize(("hours", "first"), [(23.9, "bob"), (24.1, "ann")])
def test_the_last_agent_is_remembered_for_a_day(open_shift, hours, first):
    shift = open_shift(ann=["general"], bob=["general"])
    spoke_before(shift)
    shift.does(WorkmodeChosen("bob", 3))
    shift.ready("ann")
    shift.does(WorkmodeChosen("bob", 2))
    shift.waits(hours * 3600.0)
    assert shift.offers(shift.joins("again", caller="+15550100")) == [(first, "again")]


def test_a_caller_without_a_number_has_no_last_agent(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("bob")
    shift.joins("before", caller="")
    shift.answers("bob")
    shift.call_ends("bob")
    shift.waits(10.0)
    shift.does(WorkmodeChosen("bob", 3))
    shift.ready("ann")
    shift.does(WorkmodeChosen("bob", 2))
    assert shift.offers(shift.joins("again", caller="")) == [("ann", "again")]


# --- levels and widening ----------------------------------------------------------------------------


def widened(commands):
    return [(c.ticket, c.to) for c in commands if isinstance(c, TicketWidened)]


def test_rt5_after_a_minute_the_next_level_and_after_two_anybody_of_the_group(open_shift):
    shift = open_shift(
        ann=["billing", "outages"], bob=["billing:2", "outages"], cid=["billing:3", "outages:3"], dee=["outages"],
        eve=["general"],
    )  # fmt: skip
    shift.ready("ann", "bob", "cid", "dee", "eve")
    shift.joins("busy", "experts")
    shift.answers("ann")
    assert shift.offers(shift.joins("t1", "experts")) == []
    assert shift.waits(59.9) == []
    commands = shift.waits(0.1)
    assert widened(commands) == [("t1", "level 2")]
    assert shift.offers(commands) == [("bob", "t1")]
    shift.answers("bob")
    shift.joins("t2", "experts")
    assert widened(shift.waits(119.9)) == [("t2", "level 2")]
    commands = shift.waits(0.1)
    assert widened(commands) == [("t2", "group")]
    assert shift.offers(commands) == [("cid", "t2")], "who has all the skills before who has one"
    assert shift.offers(shift.rejects("cid")) == [("dee", "t2")]
    assert shift.state("eve") is AgentState.AVAILABLE


def test_rt5_where_nobody_has_the_first_level_nobody_waits_for_it(open_shift):
    shift = open_shift(ann=["billing:2"], bob=["billing:3"])
    shift.ready("ann", "bob")
    assert shift.offers(shift.joins("t1", "billing")) == [("ann", "t1")]


def test_rt5_an_emergency_asks_all_levels_at_once(open_shift):
    shift = open_shift(ann=["emergency:9"])
    shift.ready("ann")
    assert shift.offers(shift.joins("t1", "emergency")) == [("ann", "t1")]


def test_rt5_widening_that_reaches_nobody_new_is_not_told(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.answers("ann")
    shift.joins("t2")
    assert widened(shift.waits(600.0)) == []


def test_a_spill_may_name_another_queue_whose_people_help():
    rules = {
        "a": QueueRule("a", frozenset("x"), 30, 20.0, spill=(Spill(40.0, "b"),)),
        "b": QueueRule("b", frozenset("y"), 30, 20.0),
    }
    people = {"ann": {"x": 1}, "bob": {"y": 2}}
    found = reaches(rules["a"], people, rules, 60.0)
    assert [(one.after, one.to, sorted(one.agents)) for one in found] == [
        (0.0, "", ["ann"]),
        (40.0, "queue b", ["ann", "bob"]),
    ]


# --- everybody is rung ------------------------------------------------------------------------------


def test_rt7_of_two_who_answer_at_once_one_has_the_caller_and_the_other_is_free_again(open_shift):
    shift = open_shift(routing={"strategy": "ring_all"}, ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    since = shift.agent("bob").idle_since
    assert shift.offers(shift.joins("t1")) == [("ann", "t1"), ("bob", "t1")]
    commands = shift.does(PhoneAnswered("ann", "t1"))
    assert [c for c in commands if isinstance(c, (JoinCall, WithdrawOffer, TicketEnded))] == [
        WithdrawOffer("bob", "t1", "taken"),
        JoinCall("ann", "t1"),
        TicketEnded("t1", "answered", 0.0, "ann"),
    ]
    assert shift.does(PhoneAnswered("bob", "t1")) == []
    assert (shift.state("bob"), shift.agent("bob").idle_since) == (AgentState.AVAILABLE, since)
    assert shift.floor.figures()["general"].answered == 1, "one count only"


def test_rt7_nobody_rings_for_one_caller_who_is_needed_for_another(open_shift):
    shift = open_shift(routing={"strategy": "ring_all"}, ann=["general"], bob=["general"], cid=["general"])
    shift.joins("t1")
    shift.joins("t2")
    shift.ready("ann")
    assert shift.ticket("ann") == "t1"
    shift.ready("bob", "cid")
    assert [shift.ticket(agent) for agent in ("ann", "bob", "cid")] == ["t1", "t2", "t1"]


def test_rt7_whoever_does_not_answer_leaves_the_others_ringing(open_shift):
    shift = open_shift(routing={"strategy": "ring_all"}, ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1")
    shift.rejects("ann")
    assert shift.ticket("bob") == "t1"
    assert shift.ends(shift.answers("bob")) == [("t1", "answered", 0.0, "bob")]


def test_rt4_an_emergency_takes_one_of_several_ringing_agents_and_the_caller_keeps_the_other(open_shift):
    shift = open_shift(routing={"strategy": "ring_all"}, ann=["general", "emergency"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1")
    assert shift.offers(shift.joins("urgent", "emergency")) == [("ann", "urgent")]
    assert shift.ticket("bob") == "t1"
