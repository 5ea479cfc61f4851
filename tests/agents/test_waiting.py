"""RT8, RT9, RT14, RT16, RT17: what those who wait are told, and what is counted of them."""

from __future__ import annotations

import pytest

from ivr.agents.announcing import wait_range
from ivr.agents.events import (
    AgentState,
    CallerLeft,
    QueueClosed,
    QueueOpened,
    RingOutside,
    ScreenLost,
    TellWaiting,
    TicketEnded,
    WorkmodeChosen,
)
from ivr.agents.figures import QueueFigures


def told(commands):
    return [(c.position, c.least, c.most) for c in commands if isinstance(c, TellWaiting)]


def test_rt8_when_all_agents_log_off_callers_hear_the_truth_within_ten_seconds(open_shift):
    shift = open_shift(routing={"unstaffed": 10.0}, ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.answers("ann")
    shift.joins("t2")
    shift.waits(300.0)
    shift.does(WorkmodeChosen("ann", 1))
    assert shift.ends(shift.waits(60.0)) == [], "she still talks, and wraps up"
    shift.call_ends("ann")
    shift.waits(10.0)
    assert shift.state("ann") is AgentState.OFF
    assert shift.waits(9.9) == []
    (ended,) = [c for c in shift.waits(0.1) if isinstance(c, TicketEnded)]
    assert (ended.ticket, ended.outcome, ended.why) == ("t2", "overflow", "unstaffed")


def test_rt8_who_comes_back_in_time_keeps_the_callers(open_shift):
    shift = open_shift(routing={"unstaffed": 10.0}, ann=["general"])
    shift.joins("t1")
    shift.waits(9.0)
    shift.ready("ann")
    assert shift.ticket("ann") == "t1"


def test_rt8_somebody_not_ready_is_there_all_the_same(open_shift):
    shift = open_shift(routing={"unstaffed": 10.0}, ann=["general"])
    shift.ready("ann")
    shift.does(WorkmodeChosen("ann", 1001))
    shift.joins("t1")
    assert shift.ends(shift.waits(600.0)) == []
    shift.does(ScreenLost("ann"))
    assert shift.ends(shift.waits(10.0))[0][:2] == ("t1", "overflow")


def test_rt8_an_emergency_nobody_is_there_for_gets_its_outside_line_at_once(open_shift):
    shift = open_shift(routing={"unstaffed": 10.0}, ann=["general"])
    shift.joins("urgent", "emergency")
    assert shift.waits(9.9) == []
    assert shift.waits(0.1) == [RingOutside("urgent", "tel:+15550000911")]


def test_rt8_an_emergency_somebody_may_come_to_waits_for_its_outside_line(open_shift):
    shift = open_shift(routing={"unstaffed": 10.0}, ann=["general"])
    shift.ready("ann")
    shift.does(WorkmodeChosen("ann", 1001))
    shift.joins("urgent", "emergency")
    assert [c for c in shift.waits(44.9) if isinstance(c, RingOutside)] == []
    assert [c for c in shift.waits(0.2) if isinstance(c, RingOutside)] == [
        RingOutside("urgent", "tel:+15550000911")
    ]


def test_rt8_without_patience_an_outside_line_waits_for_its_time(open_shift):
    shift = open_shift(routing={"unstaffed": 0.0}, ann=["general"])
    shift.joins("urgent", "emergency")
    assert [c for c in shift.waits(44.9) if isinstance(c, RingOutside)] == []
    assert RingOutside("urgent", "tel:+15550000911") in shift.waits(0.1)


@pytest.mark.parametrize(("served", "outcome"), [(True, []), (False, [("t1", "closed")])])
def test_rt9_who_waits_when_the_queue_closes_is_served_or_told_as_the_setting_says(open_shift, served, outcome):
    shift = open_shift(routing={"serve_at_close": served}, ann=["general", "emergency"])
    shift.joins("t1")
    shift.joins("urgent", "emergency")
    ended = shift.ends(shift.does(QueueClosed("general"))) + shift.ends(shift.does(QueueClosed("emergency")))
    assert [end[:2] for end in ended] == outcome
    shift.does(QueueOpened("general"))
    shift.ready("ann")
    assert shift.ticket("ann") == "urgent"


def test_rt14_a_caller_sent_back_goes_before_others_of_the_priority_and_not_before_higher_ones(
    open_shift,
):
    shift = open_shift(ann=["billing", "outages"])
    shift.joins("old", "billing")
    shift.waits(300.0)
    shift.joins("back", "billing", joined=shift.now - 60.0, returned=True)
    shift.joins("urgent", "outages")
    assert [shift.floor.position(ticket) for ticket in ("back", "old")] == [1, 2]
    assert shift.floor.waiting_time("back", shift.now) == 60.0
    assert shift.offers(shift.ready("ann")) == [("ann", "urgent")]
    shift.answers("ann")
    shift.call_ends("ann")
    assert shift.offers(shift.waits(10.0)) == [("ann", "back")]


# --- announcements ----------------------------------------------------------------------------------


def worked(shift, agent="ann", calls=5, talk=170.0):
    """So many calls of talk and ten seconds of wrap-up: three minutes each by default."""
    shift.ready(agent)
    for number in range(calls):
        shift.joins(f"w{number}")
        shift.answers(agent)
        shift.waits(talk)
        shift.call_ends(agent)
        shift.waits(10.0)


def test_rt16_place_and_range_are_told_at_entry_and_every_ninety_seconds(open_shift):
    shift = open_shift(ann=["general"])
    worked(shift)
    shift.joins("t0")
    shift.answers("ann")
    assert told(shift.joins("t1", announce=90.0)) == [(1, 1, 6)]
    assert told(shift.joins("t2", announce=90.0)) == [(2, 2, 11)]
    assert told(shift.waits(89.9)) == []
    assert told(shift.waits(0.1)) == [(1, 1, 6), (2, 2, 11)]


def test_rt16_nothing_is_said_to_somebody_an_agent_is_being_rung_for(open_shift):
    shift = open_shift(ann=["general"])
    shift.joins("t1", announce=90.0)
    shift.waits(80.0)
    shift.ready("ann")
    assert shift.ticket("ann") == "t1"
    assert told(shift.waits(18.0)) == []
    shift.rejects("ann")
    assert told(shift.all) == [(1, None, None)] * 2, "at entry, and again as soon as nobody rings for him"


def test_rt16_who_is_rung_for_at_once_is_told_nothing(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    assert told(shift.joins("t1", announce=90.0)) == []


def test_rt16_the_place_moves_up_with_the_queue(open_shift):
    shift = open_shift(ann=["general"])
    shift.joins("t1")
    shift.joins("t2", announce=90.0)
    shift.does(CallerLeft("t1"))
    assert told(shift.waits(90.0)) == [(1, None, None)]


def test_rt8_nobody_is_told_a_range_while_nobody_is_at_work(open_shift):
    shift = open_shift(ann=["general"])
    worked(shift)
    shift.does(WorkmodeChosen("ann", 3))
    assert told(shift.joins("t1", announce=90.0)) == [(1, None, None)]


@pytest.mark.parametrize(
    ("ahead", "agents", "handling", "found"),
    [
        (0, 1, 180.0, (1, 6)),
        (0, 3, 180.0, (1, 2)),
        (8, 3, 180.0, (6, 12)),
        (0, 1, 20.0, (1, 1)),
        (40, 1, 300.0, None),
        (3, 0, 180.0, None),
        (3, 5, None, None),
    ],
    ids=["one", "three", "queue", "soon", "more than an hour", "nobody", "not known"],
)
def test_rt16_ranges_are_whole_minutes_rounded_up_or_nothing(ahead, agents, handling, found):
    assert wait_range(ahead, agents, handling) == found


# --- figures ----------------------------------------------------------------------------------------


def test_rt17_both_service_levels(open_shift):
    shift = open_shift(ann=["general"])
    for number, wait in enumerate((5.0, 19.0, 21.0)):
        shift.joins(f"a{number}")
        shift.waits(wait)
        shift.ready("ann")
        shift.answers("ann")
        shift.call_ends("ann")
        shift.does(WorkmodeChosen("ann", 3))
    for number, wait in enumerate((4.0, 60.0)):
        shift.joins(f"b{number}")
        shift.waits(wait)
        shift.does(CallerLeft(f"b{number}"))
    figures = shift.floor.figures()["general"]
    assert (figures.joined, figures.answered, figures.in_time, figures.abandoned, figures.early) == (5, 3, 2, 2, 1)
    assert figures.service_level == pytest.approx(100 * 2 / 3)
    assert figures.service_level_2 == pytest.approx(100 * 3 / 5)
    assert figures.mean_wait == pytest.approx(47.0 / 3, abs=2.0)


def test_rt13_an_overflow_counts_as_overflow_and_not_as_abandoned(open_shift):
    shift = open_shift(ann=["billing"])
    shift.joins("t1", "billing")
    shift.waits(1200.0)
    figures = shift.floor.figures()["billing"]
    assert (figures.overflow, figures.abandoned, figures.service_level, figures.service_level_2) == (
        1,
        0,
        None,
        None,
    )


def test_rt17_the_figures_of_a_day_go_on_after_a_restart(open_shift):
    shift = open_shift(ann=["general"])
    shift.joins("t1")
    shift.does(CallerLeft("t1"))
    kept = {name: one.document() for name, one in shift.floor.figures().items()}
    again = open_shift(ann=["general"])
    again.floor.begin_figures(kept)
    again.joins("t2")
    again.does(CallerLeft("t2"))
    assert again.floor.figures()["general"].abandoned == 2


def test_longest_waits_are_compared_and_not_added():
    figures = QueueFigures(longest=30.0)
    figures.add({"longest": 20.0, "answered": 3, "strange": 7})
    assert (figures.longest, figures.answered) == (30.0, 3)


def test_occupancy_is_the_share_of_the_time_at_work_that_went_into_calls(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    assert shift.floor.occupancy("ann", shift.now) is None
    shift.ready("ann")  # one second available
    shift.waits(39.0)
    shift.joins("t1")
    shift.answers("ann")
    shift.waits(50.0)
    shift.call_ends("ann")
    shift.waits(10.0)
    shift.does(WorkmodeChosen("ann", 3))
    shift.waits(1000.0)
    assert shift.floor.occupancy("ann", shift.now) == pytest.approx(60.0)
