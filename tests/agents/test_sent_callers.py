"""Callers who are sent to one agent, consultations, and calls that change hands."""

from __future__ import annotations

import pytest

from ivr.agents.events import (
    AgentCallEnded,
    AgentState,
    CallerLeft,
    CallerMoved,
    CallerSent,
    CallTaken,
    CancelOutside,
    JoinCall,
    LoggedOn,
    OfferFailed,
    OutsideFailed,
    RingOutside,
    ScreenLost,
    WithdrawOffer,
    WorkmodeChosen,
)
from ivr.errors import LocalProtocolError


def test_a_caller_who_is_sent_to_somebody_is_offered_to_nobody_else(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    assert shift.offers(shift.does(CallerSent("t1", ("bob",), "general"))) == [("bob", "t1")]
    assert JoinCall("bob", "t1") in shift.answers("bob")
    assert shift.state("ann") is AgentState.AVAILABLE


def test_whoever_does_not_take_a_sent_caller_is_passed_over_and_then_the_queue_goes_on(open_shift):
    shift = open_shift(ann=["general"], bob=["general"], cid=["general"])
    shift.ready("cid", "bob", "ann")
    shift.does(CallerSent("t1", ("bob", "ann"), "general", joined=shift.now - 60.0))
    assert shift.offers(shift.rejects("bob")) == [("ann", "t1")]
    assert shift.offers(shift.does(OfferFailed("ann", "t1", "phone"))) == [("cid", "t1")]
    assert shift.ends(shift.answers("cid")) == [("t1", "answered", 60.0, "cid")]


def test_who_is_talking_or_gone_is_passed_over_at_once(open_shift):
    shift = open_shift(ann=["general"], bob=["billing"], cid=["general"])
    shift.ready("ann", "cid")
    shift.joins("t0")
    shift.answers("ann")
    assert shift.offers(shift.does(CallerSent("t1", ("ann", "bob"), "general"))) == [("cid", "t1")]


def test_a_consultation_that_nobody_takes_ends_and_does_not_wait(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1")
    shift.answers("ann")
    shift.does(CallerSent("c1", ("bob",), ring=15.0))
    commands = shift.waits(15.0)
    assert WithdrawOffer("bob", "c1", "missed") in commands
    assert shift.ends(commands) == [("c1", "failed", 15.0, "")]
    assert shift.state("ann") is AgentState.IN_CALL


def test_ag8_a_colleague_who_calls_in_vain_is_missed_and_takes_nobody_off_his_queues(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("bob")
    for ticket in ("d1", "d2"):  # twice within half an hour
        shift.does(CallerSent(ticket, ("bob",), ring=30.0))
        shift.waits(30.0)
        assert shift.state("bob") is AgentState.MISSED
        shift.waits(10.0)
        assert shift.state("bob") is AgentState.AVAILABLE
    for ticket, then in (("t1", AgentState.MISSED), ("t2", AgentState.NOT_READY)):
        shift.does(CallerSent(ticket, ("bob",), "general"))
        shift.waits(20.0)
        assert shift.state("bob") is then, "only a queue's callers count"
        shift.does(CallerLeft(ticket))
        shift.waits(10.0)
        shift.does(CallerSent(f"{ticket}-d", ("bob",), ring=30.0))
        shift.waits(40.0)


def test_a_consultation_with_somebody_in_a_call_fails_at_once(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1")
    shift.joins("t2")
    shift.answers("ann")
    shift.answers("bob")
    assert shift.ends(shift.does(CallerSent("c1", ("bob",)))) == [("c1", "failed", 0.0, "")]


def test_giving_up_a_consultation_stops_the_colleagues_telephone_and_keeps_the_idle_time(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("bob", "ann")
    since = shift.agent("bob").idle_since
    shift.does(CallerSent("c1", ("bob",)))
    commands = shift.does(CallerLeft("c1"))
    assert WithdrawOffer("bob", "c1", "abandoned") in commands
    assert (shift.state("bob"), shift.agent("bob").idle_since) == (AgentState.AVAILABLE, since)


@pytest.mark.parametrize("workmode", [3, 1001])
def test_somebody_not_ready_may_be_consulted_and_is_not_ready_again_afterwards(open_shift, workmode):
    shift = open_shift(routing={"wrap_up": 0.0}, ann=["general"])
    shift.ready("ann")
    shift.does(WorkmodeChosen("ann", workmode))
    assert shift.offers(shift.does(CallerSent("c1", ("ann",)))) == [("ann", "c1")]
    assert shift.agent("ann").workmode == workmode, "shown as ready while it rings"
    shift.answers("ann")
    assert shift.agent("ann").workmode == workmode, "shown as ready while they talk"
    shift.call_ends("ann")
    assert (shift.state("ann"), shift.agent("ann").workmode) == (AgentState.NOT_READY, workmode)


def test_somebody_not_ready_who_refuses_stays_not_ready(open_shift):
    shift = open_shift(ann=["general"])
    shift.does(LoggedOn("ann"))
    shift.does(CallerSent("c1", ("ann",)))
    shift.rejects("ann")
    shift.joins("t1")
    assert shift.offers(shift.waits(60.0)) == []
    assert shift.state("ann") is AgentState.NOT_READY


def test_an_emergency_does_not_take_over_a_telephone_that_rings_for_one_agent_alone(open_shift):
    shift = open_shift(ann=["emergency"])
    shift.does(LoggedOn("ann"))
    shift.does(CallerSent("c1", ("ann",)))
    assert shift.offers(shift.joins("e1", "emergency")) == []
    assert shift.ticket("ann") == "c1"


def test_ag15_a_call_for_this_agent_alone_interrupts_wrap_up_which_then_goes_on(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.answers("ann")
    shift.call_ends("ann")
    shift.waits(4.0)
    assert shift.offers(shift.does(CallerSent("t2", ("ann",), "general"))) == [("ann", "t2")]
    shift.does(CallerLeft("t2"))
    assert (shift.state("ann"), shift.ticket("ann")) == (AgentState.WRAP_UP, "t1")
    shift.waits(5.9)
    assert shift.state("ann") is AgentState.WRAP_UP
    shift.waits(0.2)
    assert shift.state("ann") is AgentState.AVAILABLE


def test_ag12_a_call_from_no_queue_is_followed_by_wrap_up_only_if_that_is_asked_for(open_shift):
    shift = open_shift(ann=["general"])
    shift.does(LoggedOn("ann"))
    shift.does(WorkmodeChosen("ann", 1001))
    for number, asked in enumerate((False, True, False)):
        shift.does(CallerSent(f"c{number}", ("ann",)))
        shift.answers("ann")
        before = shift.agent("ann")
        assert (before.workmode, before.next_workmode) == (1001, 1001), "who is not ready is shown as ready"
        if asked:
            shift.does(WorkmodeChosen("ann", 4))
        shift.call_ends("ann")
        assert shift.state("ann") is (AgentState.WRAP_UP if asked else AgentState.NOT_READY)
        shift.waits(10.1)
        assert (shift.state("ann"), shift.agent("ann").workmode) == (AgentState.NOT_READY, 1001)


def test_ag15_a_call_from_no_queue_leaves_the_rest_of_the_wrap_up_it_interrupted(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.answers("ann")
    shift.call_ends("ann")
    shift.waits(4.0)
    shift.does(CallerSent("c1", ("ann",)))
    shift.answers("ann")
    shift.waits(60.0)
    shift.call_ends("ann")
    assert (shift.state("ann"), shift.ticket("ann")) == (AgentState.WRAP_UP, "t1")
    shift.waits(5.9)
    assert shift.state("ann") is AgentState.WRAP_UP
    shift.waits(0.2)
    assert shift.state("ann") is AgentState.AVAILABLE


def test_a_call_that_is_taken_over_has_one_owner_before_and_after(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1")
    shift.answers("ann")
    shift.does(CallerSent("c1", ("bob",)))
    shift.answers("bob")
    shift.does(CallTaken("t1", "ann", "bob"))
    assert (shift.state("ann"), shift.state("bob")) == (AgentState.WRAP_UP, AgentState.IN_CALL)
    assert shift.ticket("bob") == "t1"
    shift.does(AgentCallEnded("ann", "t1"))  # late: the call is bob's
    assert shift.state("bob") is AgentState.IN_CALL
    shift.does(AgentCallEnded("bob", "t1"))
    assert shift.state("bob") is AgentState.WRAP_UP


def test_a_call_can_only_be_taken_from_its_owner_and_by_somebody_who_talks(open_shift):
    shift = open_shift(ann=["general"], bob=["general"], cid=["general"])
    shift.ready("ann", "bob", "cid")
    shift.joins("t1")
    shift.answers("ann")
    assert shift.does(CallTaken("t1", "ann", "bob")) == []
    assert shift.does(CallTaken("t1", "cid", "ann")) == []
    assert shift.ticket("ann") == "t1"


def test_a_caller_who_is_moved_keeps_the_age_and_is_not_offered_to_the_same_agent_at_once(open_shift):
    shift = open_shift(ann=["general", "billing"], bob=["billing"])
    shift.ready("ann", "bob")
    shift.joins("t1")
    shift.waits(5.0)
    assert shift.offers(shift.does(CallerMoved("ann", "t1", "billing"))) == [("bob", "t1")]
    assert shift.ends(shift.answers("bob")) == [("t1", "answered", 5.0, "bob")]


def test_a_screen_that_is_lost_during_a_consultation_keeps_the_call(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1")
    shift.answers("ann")
    shift.does(CallerSent("c1", ("bob",)))
    shift.answers("bob")
    shift.does(ScreenLost("bob"))
    assert shift.state("bob") is AgentState.IN_CALL


def test_sending_to_nobody_known_changes_nothing(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    with pytest.raises(LocalProtocolError, match="no agent 'zoe'"):
        shift.does(CallerSent("c1", ("zoe",)))
    assert shift.offers(shift.joins("c1")) == [("ann", "c1")]


def test_a_caller_who_is_moved_counts_in_the_new_queue_alone(open_shift):
    shift = open_shift(ann=["general", "billing"])
    shift.ready("ann")
    shift.joins("t1")
    shift.does(CallerMoved("ann", "t1", "billing"))
    shift.does(CallerLeft("t1"))
    figures = shift.floor.figures()
    assert (figures["general"].joined, figures["general"].abandoned) == (0, 0)
    assert (figures["billing"].joined, figures["billing"].abandoned) == (1, 1)


def test_who_joined_yesterday_and_is_moved_today_leaves_no_count_below_nought(open_shift):
    shift = open_shift(ann=["general", "billing"])
    shift.joins("t1")
    shift.floor.begin_figures()  # midnight
    shift.ready("ann")
    shift.does(CallerMoved("ann", "t1", "billing"))
    figures = shift.floor.figures()
    assert (figures["general"].joined, figures["billing"].joined) == (0, 1)


def test_the_old_queues_outside_line_stops_ringing_for_a_caller_who_is_moved(open_shift):
    shift = open_shift(ann=["emergency"])
    shift.joins("e1", "emergency")
    assert RingOutside("e1", "tel:+15550000911") in shift.waits(45.0)
    shift.ready("ann")
    assert CancelOutside("e1") in shift.does(CallerMoved("ann", "e1", "billing"))
    shift.does(OutsideFailed("e1"))  # late, and billing has no such line
    assert shift.floor.waiting_time("e1", shift.now) == 46.0


def test_who_waited_long_elsewhere_is_not_sent_away_by_the_longest_wait_of_the_new_queue(open_shift):
    """`billing` lets nobody wait for more than 1200 s; the age counts for the place alone."""
    shift = open_shift(ann=["billing"])
    shift.does(CallerSent("t1", ("ann",), "billing", joined=shift.now - 1500.0))
    shift.joins("t2", "billing", joined=shift.now - 1500.0)
    assert shift.ends(shift.waits(1199.0)) == []
    assert shift.ends(shift.waits(1.0)) == [("t1", "overflow", 2700.0, ""), ("t2", "overflow", 2700.0, "")]


def test_nobody_with_a_queues_caller_takes_another_call_and_nobody_takes_his_own(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1")
    shift.joins("t2")
    shift.answers("ann")
    shift.answers("bob")
    assert shift.does(CallTaken("t1", "ann", "bob")) == []
    assert shift.does(CallTaken("t1", "ann", "ann")) == []
    assert (shift.ticket("ann"), shift.ticket("bob")) == ("t1", "t2")
    assert shift.state("ann") is AgentState.IN_CALL


def test_an_outside_line_that_is_due_rings_as_soon_as_a_sent_caller_is_anybodys(open_shift):
    shift = open_shift(ann=["emergency"], bob=["emergency"])
    shift.ready("ann")
    shift.does(CallerSent("e1", ("ann", "bob"), "emergency", joined=shift.now - 60.0))
    assert RingOutside("e1", "tel:+15550000911") in shift.rejects("ann")
