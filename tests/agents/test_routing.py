"""RT1 to RT15: who gets whom, and what becomes of those who wait."""

from __future__ import annotations

import pytest

from ivr.agents.events import (
    Accepted,
    AgentChanged,
    AgentState,
    CallerJoined,
    CallerLeft,
    CallerSent,
    CancelOutside,
    JoinCall,
    LoggedOn,
    OfferCall,
    OfferFailed,
    OutsideAnswered,
    OutsideFailed,
    PhoneAnswered,
    Presence,
    QueueRule,
    Rejected,
    RingOutside,
    ScreenLost,
    Spill,
    TicketEnded,
    TicketWidened,
    WithdrawOffer,
    WorkmodeChosen,
)
from ivr.agents.floor import Floor
from ivr.agents.ticket import OUTSIDE_PAUSE
from ivr.config import AgentSettings, RoutingSettings
from ivr.errors import LocalProtocolError

OUTSIDE = "tel:+15550000911"


def busy(shift, agent, ticket, queue="general"):
    """Put one agent into a call."""
    shift.joins(ticket, queue)
    shift.answers(agent)


def test_rt1_three_callers_and_three_agents_ring_in_one_pass(open_shift):
    shift = open_shift(ann=["general"], bob=["general"], cat=["general"])
    for agent in ("ann", "bob", "cat"):
        shift.does(LoggedOn(agent))
    shift.ready("ann")
    busy(shift, "ann", "t0")
    for ticket in ("t1", "t2", "t3"):
        shift.joins(ticket)
    assert shift.offers(shift.does(WorkmodeChosen("bob", 2))) == [("bob", "t1")]
    assert shift.offers(shift.does(WorkmodeChosen("cat", 2))) == [("cat", "t2")]
    # all three free at the same instant: one expire() matches all
    floor = Floor(
        [shift.agent(name) for name in ("ann", "bob", "cat")],
        [QueueRule("general", frozenset({"general"}), 30, 20.0)],
        RoutingSettings(),
    )
    for ticket in ("t1", "t2", "t3"):
        floor.handle(CallerJoined(ticket, "general"), 0.0)
    saved = {name: {"state": "available"} for name in ("ann", "bob", "cat")}
    assert shift.offers(floor.restore(saved, 5.0)) == [("ann", "t1"), ("bob", "t2"), ("cat", "t3")]


def test_a_skill_must_be_there_and_of_several_all(open_shift):
    shift = open_shift(ann=["general"], bob=["billing"], cat=["billing", "outages", "general"])
    shift.ready("ann", "bob", "cat")
    assert shift.offers(shift.joins("t1", "experts")) == [("cat", "t1")]
    assert shift.offers(shift.joins("t2", "outages")) == []
    assert shift.offers(shift.joins("t3", "billing")) == [("bob", "t3")]


def test_the_longest_idle_agent_is_chosen_and_of_equals_the_lower_id(open_shift):
    shift = open_shift(bob=["general"], ann=["general"], cat=["general"])
    shift.ready("cat")
    for agent in ("bob", "ann"):
        shift.does(LoggedOn(agent))
        shift.does(WorkmodeChosen(agent, 2))
    offers = [offer for ticket in ("t1", "t2", "t3") for offer in shift.offers(shift.joins(ticket))]
    assert offers == [("cat", "t1"), ("ann", "t2"), ("bob", "t3")]


def test_rt2_a_higher_priority_goes_first_even_against_ten_minutes(open_shift):
    shift = open_shift(ann=["billing", "outages"])
    shift.joins("old", "billing")
    shift.waits(600.0)
    shift.joins("new", "outages")
    assert shift.offers(shift.ready("ann"))[:1] == [("ann", "new")]


def test_rt2_age_counts_a_point_a_minute(open_shift):
    shift = open_shift(ann=["general", "billing"])
    shift.joins("general", "general")
    shift.waits(599.0)
    shift.joins("billing", "billing")
    assert shift.floor.position("general") == 1
    assert shift.offers(shift.ready("ann"))[:1] == [("ann", "billing")]
    shift.does(CallerLeft("billing"))
    shift.does(CallerLeft("general"))
    shift.does(WorkmodeChosen("ann", 3))
    shift.joins("general2", "general")
    shift.waits(601.0)
    shift.joins("billing2", "billing")
    assert shift.offers(shift.does(WorkmodeChosen("ann", 2))) == [("ann", "general2")]


@pytest.mark.parametrize("newer_waits", [0.0, 60.0, 1740.0, 36000.0])
def test_rt2_at_the_cap_the_old_caller_goes_before_any_newer_one_of_the_band(newer_waits):
    floor = Floor(
        [type("P", (), {"id": "ann", "skills": ("a", "b")})()],
        [QueueRule("forty", frozenset({"a"}), 40, 20.0), QueueRule("seventy", frozenset({"b"}), 70, 20.0)],
        RoutingSettings(unstaffed=0.0),
    )
    floor.handle(CallerJoined("old", "forty"), 0.0)
    floor.handle(CallerJoined("new", "seventy"), 59 * 60.0)
    now = 59 * 60.0 + newer_waits
    floor.handle(LoggedOn("ann"), now)
    commands = floor.handle(WorkmodeChosen("ann", 2), now)
    assert OfferCall("ann", "old", now + 20.0) in commands


@pytest.mark.parametrize(("minutes", "first"), [(50, "new"), (58.9, "new"), (59, "old"), (120, "old")])
def test_rt2_age_is_capped_so_that_the_old_caller_draws_level_at_last(open_shift, minutes, first):
    shift = open_shift(ann=["billing", "outages"])
    start = shift.now
    shift.floor.use_queues(
        [
            QueueRule("forty", frozenset({"billing"}), 40, 20.0),
            QueueRule("seventy", frozenset({"outages"}), 70, 20.0),
        ]
    )
    shift.joins("old", "forty")
    shift.waits(20 * 60.0)
    shift.joins("new", "seventy")
    shift.waits(start + minutes * 60.0 - shift.now)
    assert shift.offers(shift.ready("ann"))[:1] == [("ann", first)]


def test_neither_age_nor_a_raise_reaches_the_emergency_band(open_shift):
    shift = open_shift(ann=["emergency", "outages"])
    shift.joins("old", "outages", priority_raise=100)
    shift.waits(7200.0)
    shift.joins("urgent", "emergency")
    assert shift.offers(shift.ready("ann"))[:1] == [("ann", "urgent")]


def test_a_raise_lifts_a_caller_above_his_queue(open_shift):
    shift = open_shift(ann=["billing"])
    shift.joins("first", "billing")
    shift.joins("unknown_outcome", "billing", priority_raise=20)
    assert shift.floor.position("unknown_outcome") == 1
    assert shift.floor.position("first") == 2
    assert shift.offers(shift.ready("ann"))[:1] == [("ann", "unknown_outcome")]


def test_rt3_an_emergency_goes_to_any_agent_after_twenty_seconds(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    assert shift.offers(shift.joins("urgent", "emergency")) == []
    assert shift.waits(19.99) == []
    assert shift.offers(shift.waits(0.01)) == [("ann", "urgent")]


def test_rt3_an_emergency_rings_outside_after_forty_five_seconds(open_shift):
    shift = open_shift(ann=["general"])
    shift.joins("urgent", "emergency")
    assert shift.waits(44.99) == [TicketWidened("urgent", "any_agent")]
    assert shift.waits(0.01) == [RingOutside("urgent", OUTSIDE)]
    assert shift.waits(600.0) == []
    assert shift.does(OutsideAnswered("urgent")) == [TicketEnded("urgent", "answered", 645.0)]
    assert shift.floor.deadline is None


def test_an_agent_who_answers_first_stops_the_outside_line(open_shift):
    shift = open_shift(ann=["general"])
    shift.joins("urgent", "emergency")
    shift.waits(45.0)
    shift.does(LoggedOn("ann"))
    assert shift.offers(shift.does(WorkmodeChosen("ann", 2))) == [("ann", "urgent")]
    assert shift.answers("ann")[:3] == [
        JoinCall("ann", "urgent"),
        CancelOutside("urgent"),
        TicketEnded("urgent", "answered", 45.0, "ann"),
    ]
    assert shift.does(OutsideAnswered("urgent")) == []
    assert shift.does(OutsideFailed("urgent")) == []


def test_an_outside_line_that_answers_first_stops_the_agents_telephone(open_shift):
    shift = open_shift(ann=["general"])
    shift.joins("urgent", "emergency")
    shift.waits(45.0)
    shift.ready("ann")
    assert shift.does(OutsideAnswered("urgent")) == [
        WithdrawOffer("ann", "urgent", "overtaken"),
        TicketEnded("urgent", "answered", 46.0),
        AgentChanged("ann", AgentState.AVAILABLE, "", 2, None, Presence.AVAILABLE, None),
    ]


def test_an_outside_line_that_fails_is_tried_again_while_the_caller_waits_for_somebody_at_work(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("other", "general")
    shift.answers("ann")
    shift.joins("urgent", "emergency")
    shift.waits(45.0)
    assert shift.does(OutsideFailed("urgent")) == []
    assert shift.waits(OUTSIDE_PAUSE - 0.01) == []
    assert shift.waits(0.01) == [RingOutside("urgent", OUTSIDE)]


@pytest.mark.parametrize("lunch", [False, True])
def test_when_the_outside_line_fails_and_nobody_is_at_work_the_caller_is_told(open_shift, lunch):
    """The `busy` exit says whom to dial in an emergency; music would not."""
    shift = open_shift(ann=["general"])
    if lunch:
        shift.ready("ann")
        shift.does(WorkmodeChosen("ann", 3))
    shift.joins("urgent", "emergency")
    shift.waits(45.0)
    ended = shift.does(OutsideFailed("urgent"))
    assert [(command.ticket, command.outcome) for command in ended] == [("urgent", "overflow")]


def test_several_outside_lines_are_tried_in_turn():
    rule = QueueRule("q", frozenset({"x"}), 100, 20.0, spill=(Spill(60.0, "tel:+2"), Spill(45.0, "tel:+1")))
    floor = Floor([AgentSettings("ann", skills=("x",))], [rule], RoutingSettings())
    for event in (LoggedOn("ann"), WorkmodeChosen("ann", 2), CallerJoined("o", "q"), PhoneAnswered("ann", "o")):
        floor.handle(event, 0.0)
    floor.handle(CallerJoined("t", "q"), 0.0)
    assert floor.deadline == 45.0
    assert floor.expire(45.0) == [RingOutside("t", "tel:+1")]
    assert floor.handle(OutsideFailed("t"), 50.0) == []
    assert floor.deadline == 60.0
    assert floor.expire(60.0) == [RingOutside("t", "tel:+2")]
    floor.handle(OutsideFailed("t"), 70.0)
    assert floor.expire(70.0 + OUTSIDE_PAUSE) == [RingOutside("t", "tel:+1")]
    assert floor.handle(OutsideFailed("t"), 101.0) == [RingOutside("t", "tel:+2")]


def test_a_caller_who_hangs_up_stops_the_outside_line(open_shift):
    shift = open_shift(ann=["general"])
    shift.joins("urgent", "emergency")
    shift.waits(45.0)
    assert shift.does(CallerLeft("urgent")) == [
        CancelOutside("urgent"),
        TicketEnded("urgent", "abandoned", 45.0),
    ]


def test_rt4_an_emergency_takes_over_a_telephone_that_rings_for_less(open_shift):
    shift = open_shift(ann=["emergency", "billing"], bob=["billing"])
    shift.ready("ann")
    shift.joins("bill1", "billing")
    shift.waits(5.0)
    shift.joins("bill2", "billing")
    now = shift.now
    assert shift.joins("urgent", "emergency") == [
        WithdrawOffer("ann", "bill1", "overtaken"),
        AgentChanged("ann", AgentState.OFFERED, "", 2, None, Presence.BUSY, "urgent"),
        OfferCall("ann", "urgent", until=now + 12.0),
    ]
    assert shift.floor.position("bill1") == 1
    assert shift.floor.waiting_time("bill1", now) == 5.0
    assert shift.offers(shift.ready("bob")) == [("bob", "bill1")]


def test_rt4_the_overtaken_caller_gets_another_free_agent_in_the_same_pass(open_shift):
    shift = open_shift(ann=["emergency", "billing"], bob=["billing"])
    shift.ready("ann", "bob")
    shift.joins("bill1", "billing")
    assert shift.offers(shift.joins("urgent", "emergency")) == [("ann", "urgent"), ("bob", "bill1")]


def test_rt4_of_two_ringing_agents_the_one_not_yet_accepted_is_taken(open_shift):
    shift = open_shift(ann=["emergency", "billing"], bob=["emergency", "billing"])
    shift.ready("ann", "bob")
    shift.joins("bill1", "billing")
    shift.joins("bill2", "billing")
    shift.accepts("bob")
    assert shift.offers(shift.joins("urgent", "emergency")) == [("ann", "urgent")]
    shift.answers("ann")
    assert shift.offers(shift.joins("urgent2", "emergency")) == [("bob", "urgent2")]


def test_rt4_the_accept_of_the_lesser_call_does_not_count_for_the_emergency(open_shift):
    shift = open_shift(ann=["emergency", "billing"])
    shift.ready("ann")
    shift.joins("bill1", "billing")
    shift.accepts("ann")
    assert shift.offers(shift.joins("urgent", "emergency")) == [("ann", "urgent")]
    assert not shift.agent("ann").accepted


def test_rt4_conversations_and_other_emergencies_are_never_interrupted(open_shift):
    shift = open_shift(ann=["emergency", "billing"], bob=["emergency", "billing"])
    shift.ready("ann", "bob")
    busy(shift, "ann", "bill1", "billing")
    assert shift.offers(shift.joins("urgent1", "emergency")) == [("bob", "urgent1")]
    assert shift.joins("urgent2", "emergency") == []
    assert shift.ticket("bob") == "urgent1"


def test_rt4_an_ordinary_call_takes_over_nobody(open_shift):
    shift = open_shift(ann=["general", "outages"])
    shift.ready("ann")
    shift.joins("t1", "general")
    assert shift.joins("t2", "outages") == []


def test_rt6_late_events_of_an_offer_that_ended_change_nothing(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1")
    shift.waits(20.0)
    assert shift.ticket("bob") == "t1"
    assert shift.does(PhoneAnswered("ann", "t1")) == []
    assert JoinCall("bob", "t1") in shift.answers("bob")
    assert shift.state("ann") is AgentState.MISSED


def test_rt6_an_answer_at_the_very_end_of_the_lease_wins_over_the_timer(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.now = shift.floor.deadline
    commands = shift.answers("ann")
    assert JoinCall("ann", "t1") in commands
    assert not [c for c in commands if isinstance(c, WithdrawOffer)]


@pytest.mark.parametrize(
    ("preempted", "why"),
    [
        (OfferFailed("ann", "t1", "phone"), "failed"),
        (OfferFailed("ann", "t1", "screen"), "failed"),
        (ScreenLost("ann"), "failed"),
        (WorkmodeChosen("ann", 1), "rejected"),
        (Rejected("ann", "t1"), "rejected"),
        (CallerJoined("urgent", "emergency"), "overtaken"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
)
def test_rt6_whoever_loses_the_last_agent_is_back_at_the_front_in_the_same_step(open_shift, preempted, why):
    """Chosen for t1, and gone before the telephone rang. No time passes: the floor answers within one event."""
    shift = open_shift(
        routing={"voice_only": False}, ann=["general", "emergency"], bob=["general"], cid=["general"]
    )
    shift.ready("ann")
    for ticket in ("t1", "t2", "t3"):
        shift.joins(ticket)
        shift.waits(1.0)
    assert shift.ticket("ann") == "t1"
    commands = shift.does(preempted)
    assert [c for c in commands if isinstance(c, WithdrawOffer)] == [WithdrawOffer("ann", "t1", why)]
    assert not [c for c in commands if isinstance(c, (JoinCall, TicketEnded))]
    assert [ticket for _, ticket in shift.offers(commands)] == (["urgent"] if why == "overtaken" else [])
    assert [shift.floor.position(ticket) for ticket in ("t1", "t2", "t3")] == [1, 2, 3]
    assert [shift.floor.waiting_time(ticket, shift.now) for ticket in ("t1", "t2", "t3")] == [3.0, 2.0, 1.0]
    for late in (PhoneAnswered("ann", "t1"), Accepted("ann", "t1"), OfferFailed("ann", "t1", "phone")):
        assert shift.does(late) == [], "the offer is gone"
    assert shift.offers(shift.ready("bob", "cid")) == [("bob", "t1"), ("cid", "t2")]


def test_rt6_two_callers_and_one_agent_in_one_moment_have_exactly_one_winner(open_shift):
    shift = open_shift(ann=["general", "outages"])
    shift.ready("ann")
    offers = shift.offers(shift.joins("t1", "general") + shift.joins("t2", "outages"))
    assert offers == [("ann", "t1")], "t2 is more urgent, and a moment late"
    assert shift.offers(shift.does(CallerSent("t3", ("ann",), "general"))) == []
    assert shift.floor.queue_length("general") == 2
    commands = shift.rejects("ann")
    assert shift.offers(commands + shift.waits(10.0)) == [("ann", "t2")]


def test_rt6_a_ticket_in_use_cannot_join_again(open_shift):
    shift = open_shift(ann=["general"])
    shift.joins("t1")
    with pytest.raises(LocalProtocolError, match="ticket t1 is in use"):
        shift.joins("t1")
    shift.ready("ann")
    shift.answers("ann")
    with pytest.raises(LocalProtocolError, match="ticket t1 is in use"):
        shift.joins("t1", "billing")
    shift.call_ends("ann")
    shift.joins("t1")
    assert shift.floor.queue_length("general") == 1


def test_rt13_the_longest_wait_is_an_overflow(open_shift):
    shift = open_shift(ann=["billing"])
    shift.joins("t1", "billing")
    assert shift.waits(1199.9) == []
    (end,) = shift.ends(shift.waits(0.1))
    assert end[:2] == ("t1", "overflow")
    assert end[2] == pytest.approx(1200.0)
    assert shift.floor.deadline is None


def test_rt13_a_caller_an_agent_is_being_rung_for_is_not_thrown_out_meanwhile(open_shift):
    shift = open_shift(ann=["billing"])
    shift.joins("t1", "billing")
    shift.waits(1195.0)
    shift.ready("ann")
    shift.waits(10.0)
    assert shift.ends(shift.answers("ann")) == [("t1", "answered", 1206.0, "ann")]


def test_rt13_when_that_offer_fails_the_caller_is_told_and_not_offered_again(open_shift):
    shift = open_shift(ann=["billing"], bob=["billing"])
    shift.joins("t1", "billing")
    shift.waits(1195.0)
    shift.ready("ann", "bob")
    shift.waits(8.0)
    commands = shift.rejects("ann")
    assert shift.ends(commands) == [("t1", "overflow", 1205.0, "")]
    assert shift.offers(commands) == []


def test_rt14_a_caller_who_waited_before_keeps_the_age(open_shift):
    shift = open_shift(ann=["general"])
    shift.waits(400.0)
    shift.joins("t1")
    shift.joins("t2", joined=shift.now - 300.0)
    assert shift.floor.waiting_time("t2", shift.now) == 300.0
    assert shift.floor.position("t2") == 1
    assert shift.offers(shift.ready("ann"))[:1] == [("ann", "t2")]


def test_a_time_of_joining_in_the_future_counts_as_now(open_shift):
    shift = open_shift(ann=["general"])
    shift.joins("t1", joined=shift.now + 500.0)
    assert shift.floor.waiting_time("t1", shift.now) == 0.0


def test_the_queues_figures(open_shift):
    shift = open_shift(ann=["general"])
    assert shift.floor.longest_wait("general", shift.now) == 0.0
    shift.joins("t1")
    shift.waits(30.0)
    shift.joins("t2")
    shift.joins("b1", "billing")
    shift.waits(10.0)
    assert shift.floor.queue_length("general") == 2
    assert shift.floor.longest_wait("general", shift.now) == 40.0
    assert [shift.floor.position(t) for t in ("t1", "t2", "b1", "gone")] == [1, 2, 1, None]
    shift.ready("ann")
    assert shift.floor.queue_length("general") == 2
    shift.answers("ann")
    assert shift.floor.queue_length("general") == 1
    assert shift.floor.position("t2") == 1
    assert shift.floor.waiting_time("t1", shift.now) is None


def test_rt8_a_queue_is_staffed_while_somebody_with_the_skills_is_logged_on(open_shift):
    shift = open_shift(ann=["general"], bob=["billing"])
    assert not shift.floor.staffed("general")
    shift.does(LoggedOn("bob"))
    assert not shift.floor.staffed("general")
    shift.ready("ann")
    busy(shift, "ann", "t1")
    assert shift.floor.staffed("general")
    shift.call_ends("ann")
    shift.does(WorkmodeChosen("ann", 1))
    assert not shift.floor.staffed("general")


def test_new_rules_are_for_new_callers(open_shift):
    shift = open_shift(ann=["general"])
    shift.joins("t1")
    shift.floor.use_queues([QueueRule("general", frozenset({"fluent"}), 30, 20.0)])
    shift.joins("t2")
    assert shift.offers(shift.ready("ann")) == [("ann", "t1")]
    shift.answers("ann")
    shift.call_ends("ann")
    assert shift.offers(shift.waits(10.0)) == []


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (QueueRule("q", frozenset(), 30, 0.0), "queue q rings for 0 s"),
        (QueueRule("q", frozenset(), 101, 20.0), "priority 101"),
        (QueueRule("q", frozenset(), -1, 20.0), "priority -1"),
    ],
)
def test_a_queue_that_could_not_work_is_refused(rule, found):
    with pytest.raises(LocalProtocolError, match=found):
        Floor([], [rule], RoutingSettings())
