"""H3, H10: SAP is down, and callers still reach who was ready, by voice alone, unless the house says no."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ivr.agents.events import AgentState, LoggedOn, OfferFailed, ScreenLost, WorkmodeChosen

Open = Callable[..., Any]
POLICY = {"unstaffed": 10.0}


def test_h10_callers_go_to_who_was_ready_when_no_desktop_is_left(open_shift: Open) -> None:
    shift = open_shift(routing=POLICY, ann=["general"], bob=["general"], cid=["general"])
    shift.ready("ann", "bob")
    shift.does(LoggedOn("cid"))  # logged on, not ready
    for agent in ("ann", "bob", "cid"):
        shift.does(ScreenLost(agent))
    assert shift.offers(shift.joins("t1")) == [("ann", "t1")]
    assert shift.offers(shift.joins("t2")) == [("bob", "t2")]
    assert shift.offers(shift.joins("t3")) == []
    shift.answers("ann")
    assert shift.state("ann") is AgentState.IN_CALL
    shift.call_ends("ann")
    assert shift.state("ann") is AgentState.WRAP_UP
    assert shift.offers(shift.waits(10.0)) == [("ann", "t3")], "after wrap-up he is free by voice again"
    assert not [end for end in shift.ends(shift.waits(5.0)) if end[1] == "overflow"]


def test_h3_who_has_a_desktop_goes_before_and_a_desktop_that_comes_back_ends_it(open_shift: Open) -> None:
    shift = open_shift(routing=POLICY, ann=["general"], bob=["general"], cid=["billing"])
    shift.ready("ann", "bob", "cid")
    shift.joins("t1")
    assert shift.ticket("ann") == "t1"
    lost = shift.does(ScreenLost("ann"))  # while it was ringing: the caller goes on to who can see him
    assert shift.offers(lost) == [("bob", "t1")]
    shift.answers("bob")
    assert shift.offers(shift.joins("t2")) == [], "bob has a desktop and will be free"
    assert shift.offers(shift.does(ScreenLost("bob"))) == [("ann", "t2")], "cid's desktop is no help in general"
    shift.answers("ann")
    shift.does(LoggedOn("ann"))
    shift.call_ends("ann")
    shift.waits(10.0)
    assert (shift.state("ann"), shift.agent("ann").reason) == (AgentState.AVAILABLE, "")


def test_h3_the_desktop_that_fails_while_it_is_shown_a_call_costs_the_caller_nothing(open_shift: Open) -> None:
    shift = open_shift(routing=POLICY, ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    again = shift.does(OfferFailed("ann", "t1", "screen"))
    assert shift.offers(again) == [("ann", "t1")], "by voice, at once"
    assert shift.agent("ann").state is AgentState.OFFERED


def test_h3_an_offer_by_voice_is_not_taken_back_for_a_desktop_it_never_had(open_shift: Open) -> None:
    shift = open_shift(routing=POLICY, ann=["general"])
    shift.ready("ann")
    shift.does(ScreenLost("ann"))
    assert shift.offers(shift.joins("t1")) == [("ann", "t1")]
    assert shift.does(ScreenLost("ann")) == [], "told once more"
    shift.answers("ann")
    shift.call_ends("ann")
    assert shift.offers(shift.joins("t2")) == []
    assert shift.offers(shift.waits(10.0)) == [("ann", "t2")]
    shift.does(OfferFailed("ann", "t2", "screen"))
    assert (shift.state("ann"), shift.agent("ann").reason) == (AgentState.NOT_READY, "phone_lost")


@pytest.mark.parametrize("routing", [{**POLICY, "voice_only": False}, POLICY])
def test_rt8_without_that_policy_or_anybody_who_was_ready_the_caller_is_told_the_truth(
    open_shift: Open, routing: dict[str, Any]
) -> None:
    shift = open_shift(routing=routing, ann=["general"])
    shift.ready("ann")
    if routing is POLICY:
        shift.does(WorkmodeChosen("ann", 3))
    shift.does(ScreenLost("ann"))
    assert shift.offers(shift.joins("t1")) == []
    assert [end[:2] for end in shift.ends(shift.waits(11.0))] == [("t1", "overflow")]
