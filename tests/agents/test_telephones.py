"""Agents whose telephone cannot be rung (AG19)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ivr.agents.events import AgentChanged, AgentState, PhoneChanged, Presence
from ivr.agents.presence import presence_of

Open = Callable[..., Any]


def test_ag19_who_cannot_be_rung_is_offered_nothing(open_shift: Open) -> None:
    shift = open_shift(ann=["general"], bob=["general"])
    shift.does(PhoneChanged("ann", False))
    shift.ready("ann", "bob")
    assert shift.offers(shift.joins("t1")) == [("bob", "t1")]
    assert shift.offers(shift.joins("t2")) == []
    assert shift.state("ann") is AgentState.AVAILABLE


def test_ag19_a_telephone_that_comes_back_gets_the_caller_who_waits(open_shift: Open) -> None:
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.does(PhoneChanged("ann", False))
    shift.joins("t1")
    assert shift.offers(shift.waits(60.0)) == []
    assert shift.offers(shift.does(PhoneChanged("ann", True))) == [("ann", "t1")]


def test_ag19_everybody_is_told_and_presence_says_that_nobody_can_call(open_shift: Open) -> None:
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    (told,) = shift.does(PhoneChanged("ann", False))
    assert isinstance(told, AgentChanged)
    assert (told.state, told.workmode, told.phone, told.presence) == (
        AgentState.AVAILABLE,
        2,
        False,
        Presence.BUSY,
    )
    assert shift.does(PhoneChanged("ann", False)) == []
    (told,) = shift.does(PhoneChanged("ann", True))
    assert (told.phone, told.presence) == (True, Presence.AVAILABLE)


def test_ag19_a_call_outlives_the_registration(open_shift: Open) -> None:
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.answers("ann")
    shift.does(PhoneChanged("ann", False))
    assert shift.state("ann") is AgentState.IN_CALL
    shift.joins("t2")
    shift.call_ends("ann")
    assert shift.offers(shift.waits(60.0)) == [], "rung though not registered any more"


def test_ag19_not_even_an_emergency_rings_a_telephone_that_is_not_there(open_shift: Open) -> None:
    """And its outside line is told that nobody is left, so that the caller hears whom to dial."""
    shift = open_shift(ann=["emergency"])
    shift.ready("ann")
    shift.does(PhoneChanged("ann", False))
    assert shift.offers(shift.joins("t1", "emergency")) == []
    assert shift.floor.agent("ann").phone is False


@pytest.mark.parametrize("state", [AgentState.AVAILABLE, AgentState.NOT_READY, AgentState.WRAP_UP])
def test_ag19_logged_off_stays_logged_off_and_all_else_is_busy(state: AgentState) -> None:
    assert presence_of(state, screen=True, phone=False, strict=False) is Presence.BUSY
    assert presence_of(AgentState.OFF, screen=False, phone=False, strict=False) is Presence.LOGGED_OFF


def test_a_telephone_that_went_away_while_it_rang_is_not_taken_over_by_an_emergency(open_shift):
    shift = open_shift(ann=["emergency", "general"])
    shift.ready("ann")
    shift.joins("t1")
    shift.does(PhoneChanged("ann", reachable=False))
    assert shift.offers(shift.joins("e1", "emergency")) == []
    assert shift.ticket("ann") == "t1"
