"""AG1 to AG18: the inner agent machine, seen from the floor."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.agents.events import (
    Accepted,
    AgentChanged,
    AgentState,
    CallerLeft,
    CallHeld,
    CallRetrieved,
    CancelOutside,
    JoinCall,
    LoggedOn,
    OfferCall,
    OfferFailed,
    PhoneAnswered,
    Presence,
    ScreenFound,
    ScreenLost,
    TicketEnded,
    WithdrawOffer,
    WorkmodeChosen,
    WrapUpFinished,
)
from ivr.agents.saved import saved
from ivr.errors import LocalProtocolError


def test_ag1_no_call_is_offered_before_ready(open_shift):
    shift = open_shift(ann=["general"])
    shift.joins("t1")
    commands = shift.does(LoggedOn("ann"))
    assert commands == [
        AgentChanged("ann", AgentState.NOT_READY, "logon", 3, None, Presence.AVAILABLE, None),
    ]
    assert shift.waits(60.0) == []
    assert shift.offers(shift.does(WorkmodeChosen("ann", 2))) == [("ann", "t1")]


def test_ag2_the_idle_clock_starts_at_ready_and_a_second_ready_does_not_restart_it(open_shift):
    shift = open_shift(ann=["general"])
    shift.does(LoggedOn("ann"))
    shift.waits(30.0)
    shift.does(WorkmodeChosen("ann", 2))
    assert shift.agent("ann").idle_since == 1030.0
    shift.waits(5.0)
    assert shift.does(WorkmodeChosen("ann", 2)) == []
    assert shift.agent("ann").idle_since == 1030.0


@pytest.mark.parametrize(("workmode", "reason"), [(3, ""), (1001, "1001"), (1047, "1047")])
def test_ag3_not_ready_stores_the_reason_and_stops_offers(open_shift, workmode, reason):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    commands = shift.does(WorkmodeChosen("ann", workmode))
    assert commands == [
        AgentChanged("ann", AgentState.NOT_READY, reason, workmode, None, Presence.AVAILABLE, None),
    ]
    assert shift.offers(shift.joins("t1")) == []


def test_ag4_logging_off_when_idle_is_at_once(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    commands = shift.does(WorkmodeChosen("ann", 1))
    assert commands == [AgentChanged("ann", AgentState.OFF, "", 1, None, Presence.LOGGED_OFF, None)]


def test_ag4_logging_off_in_a_call_finishes_the_call_and_the_wrap_up(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.answers("ann")
    commands = shift.does(WorkmodeChosen("ann", 1))
    assert commands == [AgentChanged("ann", AgentState.IN_CALL, "", 2, 1, Presence.BUSY, "t1")]
    shift.waits(30.0)
    assert shift.state("ann") is AgentState.IN_CALL
    shift.call_ends("ann")
    assert shift.state("ann") is AgentState.WRAP_UP
    assert shift.changes(shift.waits(9.99)) == []
    assert shift.changes(shift.waits(0.01)) == [("ann", AgentState.OFF, "")]


def test_ag5_an_agent_who_is_being_rung_gets_no_second_call(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    assert shift.joins("t1") == [
        AgentChanged("ann", AgentState.OFFERED, "", 2, None, Presence.BUSY, "t1"),
        OfferCall("ann", "t1", until=1021.0),
    ]
    assert shift.joins("t2") == []


def test_ag6_accept_then_answer_joins_once_at_the_answer(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.waits(2.0)
    assert shift.accepts("ann") == []
    assert shift.agent("ann").accepted
    assert shift.state("ann") is AgentState.OFFERED
    assert shift.answers("ann") == [
        JoinCall("ann", "t1"),
        TicketEnded("t1", "answered", 2.0, "ann"),
        AgentChanged("ann", AgentState.IN_CALL, "", 2, None, Presence.BUSY, "t1"),
    ]


def test_ag6_answer_then_accept_joins_once_at_the_answer(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    assert JoinCall("ann", "t1") in shift.answers("ann")
    assert shift.does(Accepted("ann", "t1")) == []
    assert shift.does(PhoneAnswered("ann", "t1")) == []
    assert shift.state("ann") is AgentState.IN_CALL


def test_ag7_a_rejected_caller_goes_to_the_next_agent_with_place_and_age(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1")
    shift.waits(4.0)
    assert shift.rejects("ann") == [
        WithdrawOffer("ann", "t1", "rejected"),
        AgentChanged("bob", AgentState.OFFERED, "", 2, None, Presence.BUSY, "t1"),
        OfferCall("bob", "t1", until=shift.now + 20.0),
        AgentChanged("ann", AgentState.NOT_READY, "rejected", 3, None, Presence.AVAILABLE, None),
    ]
    assert shift.floor.waiting_time("t1", shift.now) == 4.0


def test_ag7_who_rejected_is_available_again_after_the_pause_and_last_in_line(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1")
    shift.rejects("ann")
    shift.answers("bob")
    assert shift.changes(shift.waits(9.99)) == []
    assert shift.changes(shift.waits(0.01)) == [("ann", AgentState.AVAILABLE, "")]
    assert shift.agent("ann").idle_since == shift.now


def test_ag7_ready_ends_the_pause_at_once_and_not_ready_ends_it_for_good(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1")
    shift.rejects("ann")
    assert shift.changes(shift.does(WorkmodeChosen("ann", 2))) == [("ann", AgentState.AVAILABLE, "")]
    shift.rejects("bob")
    shift.does(WorkmodeChosen("bob", 3))
    shift.waits(15.0)
    assert shift.state("bob") is AgentState.NOT_READY


def test_ag7_without_a_pause_a_rejection_leaves_the_agent_available(open_shift):
    shift = open_shift(routing={"after_reject": 0.0}, ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1")
    assert shift.offers(shift.rejects("ann")) == [("bob", "t1")]
    assert shift.state("ann") is AgentState.AVAILABLE


def test_ag8_a_missed_call_goes_on_and_the_agent_returns_after_the_pause(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1")
    assert shift.waits(19.99) == []
    assert shift.waits(0.01) == [
        WithdrawOffer("ann", "t1", "missed"),
        AgentChanged("bob", AgentState.OFFERED, "", 2, None, Presence.BUSY, "t1"),
        OfferCall("bob", "t1", until=shift.now + 20.0),
        AgentChanged("ann", AgentState.MISSED, "", 3, None, Presence.AVAILABLE, None),
    ]
    shift.answers("bob")
    assert shift.changes(shift.waits(10.0)) == [("ann", AgentState.AVAILABLE, "")]


def test_ag8_an_accept_on_the_screen_alone_does_not_stop_the_ring_time(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.accepts("ann")
    assert WithdrawOffer("ann", "t1", "missed") in shift.waits(20.0)
    assert shift.state("ann") is AgentState.MISSED


def miss_a_call(shift, ticket):
    shift.joins(ticket)
    shift.waits(20.0)
    shift.does(CallerLeft(ticket))


def test_ag8_the_second_miss_within_half_an_hour_is_not_ready(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    miss_a_call(shift, "t1")
    shift.waits(1700.0)
    assert shift.state("ann") is AgentState.AVAILABLE
    miss_a_call(shift, "t2")
    assert (shift.state("ann"), shift.agent("ann").reason) == (AgentState.NOT_READY, "missed")
    shift.waits(3600.0)
    assert shift.state("ann") is AgentState.NOT_READY


def test_ag8_a_miss_after_half_an_hour_is_a_first_one_again(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    miss_a_call(shift, "t1")
    shift.waits(1781.0)
    miss_a_call(shift, "t2")
    assert shift.state("ann") is AgentState.MISSED


def test_ag9_a_caller_who_hangs_up_frees_the_agent_whose_idle_time_goes_on(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.waits(3.0)
    assert shift.does(CallerLeft("t1")) == [
        WithdrawOffer("ann", "t1", "abandoned"),
        TicketEnded("t1", "abandoned", 3.0),
        AgentChanged("ann", AgentState.AVAILABLE, "", 2, None, Presence.AVAILABLE, None),
    ]
    assert shift.agent("ann").idle_since == 1000.0
    assert shift.does(PhoneAnswered("ann", "t1")) == []


def test_ag10_not_ready_while_ringing_waits_for_the_offers_end(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    assert shift.does(WorkmodeChosen("ann", 1002)) == [
        AgentChanged("ann", AgentState.OFFERED, "", 2, 1002, Presence.BUSY, "t1"),
    ]
    shift.does(CallerLeft("t1"))
    assert (shift.state("ann"), shift.agent("ann").workmode) == (AgentState.NOT_READY, 1002)
    assert shift.agent("ann").next_workmode is None


@pytest.mark.parametrize("end", ["reject", "miss"])
def test_ag10_the_wish_beats_the_pause_after_a_rejected_or_missed_call(open_shift, end):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.does(WorkmodeChosen("ann", 3))
    _ = shift.rejects("ann") if end == "reject" else shift.waits(20.0)
    assert (shift.state("ann"), shift.agent("ann").reason) == (AgentState.NOT_READY, "")
    shift.waits(60.0)
    assert shift.state("ann") is AgentState.NOT_READY


def test_ag10_a_wish_while_ringing_survives_the_call_and_its_wrap_up(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.does(WorkmodeChosen("ann", 3))
    shift.answers("ann")
    shift.call_ends("ann")
    assert (shift.state("ann"), shift.agent("ann").next_workmode) == (AgentState.WRAP_UP, 3)
    shift.waits(10.0)
    assert shift.state("ann") is AgentState.NOT_READY


def test_a_reserved_agent_who_logs_off_is_off_and_the_caller_goes_on(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1")
    commands = shift.does(WorkmodeChosen("ann", 1))
    assert commands[0] == WithdrawOffer("ann", "t1", "rejected")
    assert shift.offers(commands) == [("bob", "t1")]
    assert shift.state("ann") is AgentState.OFF
    assert shift.waits(10.0) == []


def test_ag11_hold_and_retrieve(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    assert shift.does(CallHeld("ann", "t1")) == []
    shift.answers("ann")
    assert shift.changes(shift.does(CallHeld("ann", "t1"))) == [("ann", AgentState.ON_HOLD, "")]
    assert shift.agent("ann").presence is Presence.BUSY
    assert shift.does(CallHeld("ann", "other")) == []
    assert shift.changes(shift.does(CallRetrieved("ann", "t1"))) == [("ann", AgentState.IN_CALL, "")]


def test_ag12_a_call_is_followed_by_wrap_up_even_from_hold(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.answers("ann")
    shift.does(CallHeld("ann", "t1"))
    assert shift.call_ends("ann") == [
        AgentChanged("ann", AgentState.WRAP_UP, "", 2, None, Presence.AVAILABLE, "t1"),
    ]


def test_ag12_without_wrap_up_the_agent_is_available_and_gets_the_next_caller_in_the_same_pass(open_shift):
    shift = open_shift(routing={"wrap_up": 0.0}, ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.answers("ann")
    shift.joins("t2")
    commands = shift.call_ends("ann")
    assert commands == [
        AgentChanged("ann", AgentState.OFFERED, "", 2, None, Presence.BUSY, "t2"),
        OfferCall("ann", "t2", until=shift.now + 20.0),
    ]


def test_ag13_the_wrap_up_timer_is_neither_early_nor_lost(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.answers("ann")
    shift.call_ends("ann")
    shift.joins("t2")
    assert shift.waits(9.999) == []
    assert shift.offers(shift.waits(0.001)) == [("ann", "t2")]


def test_ag13_ready_and_finish_both_leave_wrap_up_at_once(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    for number, event in enumerate((WorkmodeChosen("ann", 2), WrapUpFinished("ann"))):
        shift.joins(f"t{number}")
        shift.answers("ann")
        shift.call_ends("ann")
        assert shift.changes(shift.does(event)) == [("ann", AgentState.AVAILABLE, "")]
    assert shift.does(WrapUpFinished("ann")) == []


def test_ag13_wrap_up_can_be_begun_anew_and_ends_by_itself_all_the_same(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.answers("ann")
    shift.call_ends("ann")
    shift.waits(8.0)
    shift.does(WorkmodeChosen("ann", 4))
    shift.waits(9.9)
    assert shift.state("ann") is AgentState.WRAP_UP
    shift.waits(0.2)
    assert shift.state("ann") is AgentState.AVAILABLE
    with pytest.raises(LocalProtocolError, match="ann is available; wrap-up follows a call"):
        shift.does(WorkmodeChosen("ann", 4))


def test_ag12_wrap_up_that_is_asked_for_comes_where_the_settings_have_none(open_shift):
    shift = open_shift(routing={"wrap_up": 0.0}, ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.answers("ann")
    shift.does(WorkmodeChosen("ann", 4))
    shift.call_ends("ann")
    assert shift.state("ann") is AgentState.WRAP_UP
    shift.waits(20.0)
    shift.does(WorkmodeChosen("ann", 4))
    shift.waits(29.9)
    assert shift.state("ann") is AgentState.WRAP_UP
    shift.waits(0.2)
    assert shift.state("ann") is AgentState.AVAILABLE
    shift.joins("t2")
    shift.answers("ann")
    shift.call_ends("ann")
    assert shift.state("ann") is AgentState.AVAILABLE, "nobody asked this time"


def test_ag14_not_ready_during_wrap_up_is_applied_and_no_timer_undoes_it(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.answers("ann")
    shift.call_ends("ann")
    assert shift.changes(shift.does(WorkmodeChosen("ann", 1001))) == [("ann", AgentState.NOT_READY, "1001")]
    assert shift.waits(60.0) == []


def test_ag14_finishing_wrap_up_takes_the_wish_of_the_call(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.answers("ann")
    shift.does(WorkmodeChosen("ann", 1003))
    shift.call_ends("ann")
    assert shift.changes(shift.does(WrapUpFinished("ann"))) == [("ann", AgentState.NOT_READY, "1003")]


def test_ag16_a_lost_screen_stops_offers_and_returns_to_the_same_state(open_shift):
    shift = open_shift(routing={"voice_only": False}, ann=["general"])
    shift.ready("ann")
    assert shift.does(ScreenLost("ann")) == [
        AgentChanged("ann", AgentState.NOT_READY, "screen_lost", 3, 2, Presence.BUSY, None),
    ]
    assert shift.joins("t1") == []
    assert shift.does(ScreenLost("ann")) == []
    assert shift.offers(shift.does(LoggedOn("ann"))) == [("ann", "t1")]


def test_ag16_a_screen_that_is_found_again_is_no_log_on(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.does(LoggedOn("ann"))
    shift.does(WorkmodeChosen("ann", 1))
    assert shift.does(ScreenFound("ann")) == []
    assert shift.state("ann") is AgentState.OFF, "who logged off is logged on by nobody else"
    shift.ready("bob")
    shift.joins("t1")
    shift.answers("bob")
    shift.does(WorkmodeChosen("bob", 1))
    shift.does(ScreenLost("bob"))
    shift.does(ScreenFound("bob"))
    shift.call_ends("bob")
    shift.waits(10.0)
    assert shift.state("bob") is AgentState.OFF, "the wish to log off was forgotten"


def test_ag16_what_an_agent_will_be_once_found_is_known_before(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.does(ScreenLost("ann"))
    expected = shift.floor.agent_if_found("ann")
    assert shift.agent("ann").reason == "screen_lost", "a question changes nothing"
    shift.does(ScreenFound("ann"))
    assert shift.agent("ann") == expected
    assert expected.presence is Presence.AVAILABLE


@pytest.mark.parametrize(("workmode", "reason"), [(3, ""), (1001, "1001")])
def test_ag16_a_lost_screen_returns_to_not_ready_with_its_reason(open_shift, workmode, reason):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.does(WorkmodeChosen("ann", workmode))
    shift.does(ScreenLost("ann"))
    assert shift.agent("ann").reason == "screen_lost"
    shift.does(LoggedOn("ann"))
    assert (shift.state("ann"), shift.agent("ann").reason) == (AgentState.NOT_READY, reason)
    assert shift.agent("ann").workmode == workmode


def test_ag16_a_screen_lost_before_the_first_ready_returns_to_the_log_on(open_shift):
    shift = open_shift(ann=["general"])
    shift.does(LoggedOn("ann"))
    shift.does(ScreenLost("ann"))
    shift.does(LoggedOn("ann"))
    assert shift.agent("ann").reason == "logon"


def test_ag16_a_wish_without_a_screen_is_remembered_for_its_return(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.does(ScreenLost("ann"))
    shift.does(WorkmodeChosen("ann", 1005))
    assert shift.agent("ann").reason == "screen_lost"
    shift.does(LoggedOn("ann"))
    assert shift.agent("ann").reason == "1005"


def test_ag16_a_screen_lost_in_a_call_leaves_the_call_and_its_wrap_up_alone(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.answers("ann")
    assert shift.does(ScreenLost("ann")) == []
    assert (shift.state("ann"), shift.agent("ann").presence) == (AgentState.IN_CALL, Presence.BUSY)
    shift.call_ends("ann")
    assert shift.changes(shift.waits(10.0)) == [("ann", AgentState.NOT_READY, "screen_lost")]
    assert shift.changes(shift.does(LoggedOn("ann"))) == [("ann", AgentState.AVAILABLE, "")]


def test_ag16_a_reserved_agent_without_a_screen_loses_the_offer(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1")
    commands = shift.does(ScreenLost("ann"))
    assert commands[0] == WithdrawOffer("ann", "t1", "failed")
    assert shift.offers(commands) == [("bob", "t1")]
    assert shift.agent("ann").reason == "screen_lost"


def test_h3_a_screen_that_refuses_the_event_counts_as_lost(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1")
    assert shift.offers(shift.does(OfferFailed("ann", "t1", "screen"))) == [("bob", "t1")]
    assert shift.agent("ann").reason == "screen_lost"
    shift.does(LoggedOn("ann"))
    assert shift.state("ann") is AgentState.AVAILABLE


def test_ag17_a_telephone_that_cannot_be_reached_is_not_ready_until_the_agent_says_so(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann", "bob")
    shift.joins("t1")
    commands = shift.does(OfferFailed("ann", "t1", "phone"))
    assert commands[0] == WithdrawOffer("ann", "t1", "failed")
    assert shift.offers(commands) == [("bob", "t1")]
    assert (shift.state("ann"), shift.agent("ann").reason) == (AgentState.NOT_READY, "phone_lost")
    shift.waits(10.0)
    shift.does(LoggedOn("ann"))
    assert shift.state("ann") is AgentState.NOT_READY
    shift.does(WorkmodeChosen("ann", 2))
    assert shift.state("ann") is AgentState.AVAILABLE


def test_ag18_after_a_restart_nobody_is_stuck(open_shift):
    before = open_shift(ann=["general"], bob=["general"], cat=["general"], dan=["general"], eve=["general"])
    before.ready("ann", "bob", "cat")
    before.does(LoggedOn("dan"))
    before.does(WorkmodeChosen("dan", 1001))
    before.joins("t1")
    before.joins("t2")
    before.answers("bob")
    before.does(WorkmodeChosen("bob", 3))
    kept = {c.agent: saved(c) for c in before.all if isinstance(c, AgentChanged)}

    after = open_shift(ann=["general"], bob=["general"], cat=["general"], dan=["general"], eve=["general"])
    changes = after.changes(after.floor.restore(kept, after.now))
    assert changes == [
        ("ann", AgentState.AVAILABLE, ""),
        ("bob", AgentState.WRAP_UP, ""),
        ("cat", AgentState.AVAILABLE, ""),
        ("dan", AgentState.NOT_READY, "1001"),
    ]
    assert after.state("eve") is AgentState.OFF
    assert after.changes(after.waits(10.0)) == [("bob", AgentState.NOT_READY, "")]
    assert after.offers(after.joins("t3")) == [("ann", "t3")]


def test_ag18_a_lost_screen_is_still_lost_after_a_restart_and_returns_to_the_same_state(open_shift):
    before = open_shift(ann=["general"])
    before.ready("ann")
    (change,) = before.does(ScreenLost("ann"))
    after = open_shift(routing={"voice_only": False}, ann=["general"])
    after.floor.restore({"ann": saved(change)}, after.now)
    assert after.joins("t1") == []
    assert after.offers(after.does(LoggedOn("ann"))) == [("ann", "t1")]


@pytest.mark.parametrize("state", ["missed", "rejected"])
def test_ag18_a_pause_begins_anew_after_a_restart(open_shift, state):
    before = open_shift(ann=["general"])
    before.ready("ann")
    before.joins("t1")
    _ = before.waits(20.0) if state == "missed" else before.rejects("ann")
    change = [c for c in before.all if isinstance(c, AgentChanged)][-1]
    after = open_shift(ann=["general"])
    after.floor.restore({"ann": saved(change)}, after.now)
    assert after.waits(9.99) == []
    assert after.changes(after.waits(0.01)) == [("ann", AgentState.AVAILABLE, "")]


@pytest.mark.parametrize(
    "document",
    [{}, {"state": "asleep"}, {"state": None}, {"state": "in_call", "next_workmode": 7}, {"state": ["x"]}],
)
def test_ag18_a_state_that_cannot_be_read_is_logged_off(open_shift, document):
    shift = open_shift(ann=["general"])
    assert shift.floor.restore({"ann": document, "gone": {"state": "available"}}, shift.now) == []
    assert shift.state("ann") is AgentState.OFF


def test_h8_an_agent_who_logs_off_in_a_call_and_on_again_stays(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.answers("ann")
    shift.does(WorkmodeChosen("ann", 1))
    shift.does(LoggedOn("ann"))
    assert shift.agent("ann").next_workmode == 3
    shift.call_ends("ann")
    shift.waits(10.0)
    assert shift.state("ann") is AgentState.NOT_READY


def test_h22_logging_on_again_with_a_live_screen_changes_nothing(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    assert shift.does(LoggedOn("ann")) == []
    assert shift.state("ann") is AgentState.AVAILABLE


@pytest.mark.parametrize("workmode", [0, 5, 999, -1])
def test_a_work_mode_that_does_not_exist_is_refused_and_changes_nothing(open_shift, workmode):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    with pytest.raises(LocalProtocolError, match=f"work mode {workmode} does not exist"):
        shift.does(WorkmodeChosen("ann", workmode))
    assert shift.state("ann") is AgentState.AVAILABLE


def test_a_work_mode_of_somebody_logged_off_is_refused(open_shift):
    shift = open_shift(ann=["general"])
    with pytest.raises(LocalProtocolError, match="ann is not logged on"):
        shift.does(WorkmodeChosen("ann", 2))
    assert shift.does(WorkmodeChosen("ann", 1)) == []


def test_unknown_agents_and_queues_are_named(open_shift):
    shift = open_shift(ann=["general"])
    with pytest.raises(LocalProtocolError, match="no agent 'zoe'; known are ann"):
        shift.does(LoggedOn("zoe"))
    with pytest.raises(LocalProtocolError, match="no queue 'sales'; known are emergency, outages"):
        shift.joins("t1", "sales")


def test_a_caller_who_left_after_the_join_frees_the_agent_too(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.answers("ann")
    assert shift.changes(shift.does(CallerLeft("t1"))) == [("ann", AgentState.WRAP_UP, "")]
    assert CancelOutside("t1") not in shift.all


def test_saved_states_are_plain_values():
    change = AgentChanged("ann", AgentState.IN_CALL, "", 2, 3, Presence.BUSY, "t1")
    assert saved(change) == {
        "state": "in_call",
        "reason": "",
        "workmode": 2,
        "next_workmode": 3,
        "presence": "Busy",
        "ticket": "t1",
        "left": [],
    }
    assert saved(replace(change, next_workmode=None))["next_workmode"] is None
