"""Queues an agent signs off from, and on to again."""

from __future__ import annotations

from ivr.agents.events import AgentState, LoggedOn, QueuesLeft, WorkmodeChosen
from ivr.agents.saved import saved


def test_nothing_is_offered_from_a_queue_the_agent_has_left(open_shift):
    shift = open_shift(ann=["general", "billing"], bob=["billing"])
    shift.ready("ann")
    shift.does(QueuesLeft("ann", frozenset({"billing"})))
    assert shift.offers(shift.joins("t1", "billing")) == []
    assert shift.offers(shift.joins("t2", "general")) == [("ann", "t2")]
    assert shift.offers(shift.ready("bob")) == [("bob", "t1")]


def test_signing_on_again_gets_the_caller_who_waits(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    shift.ready("ann")
    shift.does(LoggedOn("bob"))
    (changed,) = shift.does(QueuesLeft("ann", frozenset({"general"})))
    assert changed.left == {"general"}
    assert shift.offers(shift.joins("t1")) == []
    assert shift.offers(shift.does(QueuesLeft("ann", frozenset()))) == [("ann", "t1")]


def test_rt8_a_queue_everybody_has_left_is_not_staffed_and_its_callers_are_told(open_shift):
    shift = open_shift(routing={"unstaffed": 10.0}, ann=["general"])
    shift.ready("ann")
    assert shift.floor.staffed("general")
    shift.does(QueuesLeft("ann", frozenset({"general"})))
    assert not shift.floor.staffed("general")
    shift.joins("t1")
    assert [(id, outcome) for id, outcome, *_ in shift.ends(shift.waits(60.0))] == [("t1", "overflow")]


def test_nobody_signs_off_from_an_emergency(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    shift.does(QueuesLeft("ann", frozenset({"general", "emergency"})))
    shift.joins("t1", "emergency")
    assert shift.state("ann") is AgentState.OFFERED or shift.offers(shift.waits(30.0)) == [("ann", "t1")]


def test_what_was_left_is_saved_through_a_restart_and_forgotten_at_the_next_log_on(open_shift):
    shift = open_shift(ann=["general", "billing"])
    shift.ready("ann")
    (changed,) = shift.does(QueuesLeft("ann", frozenset({"billing"})))
    later = open_shift(ann=["general", "billing"])
    later.floor.restore({"ann": saved(changed)}, later.now)
    assert later.agent("ann").left == {"billing"}
    later.does(WorkmodeChosen("ann", 1))
    later.does(LoggedOn("ann"))
    assert later.agent("ann").left == frozenset()
