"""Transfers: the keys of `everywhere` act while an outside number rings."""

from __future__ import annotations

import pytest

from ivr.menu.events import (
    CancelHandoff,
    CancelTransfer,
    HandoffEnded,
    HandoffResumed,
    PlayPrompt,
    SentBack,
    StartHandoff,
    StartTransfer,
    StepEntered,
    StepLeft,
    TransferEnded,
)

BODY = """
everywhere:
  - {press: 9, go: danger}
  - {press: 0, go: people}
  - {press: star, go: REPEAT}
queues:
  emergency: {skills: [emergency], priority: 100, open: always, ring: 10s, longest: 2m}
  general: {skills: [general], priority: 10, open: always, ring: 10s}
steps:
  first: {type: menu, say: p.head, choices: [{press: 1, go: plumber}]}
  plumber: {type: transfer, to: "tel:+15550000222", failed: first}
  danger: {type: handoff, queue: emergency, reason: EMERGENCY, busy: line, closed: line, failed: line}
  line: {type: transfer, to: "tel:+15550000911", failed: bye}
  people: {type: handoff, queue: general, reason: ASKED, busy: bye, closed: bye, failed: bye}
"""


@pytest.fixture
def call(small):
    return small(BODY).answered().keys("1").does(StartTransfer("tel:+15550000222"))


def test_the_emergency_key_acts_while_it_rings(call) -> None:
    call.keys("9").does(CancelTransfer(), StepLeft("plumber", "everywhere 9"))
    assert call.all(StartHandoff)[-1].queue == "emergency"
    call.hears(TransferEnded("answered"))
    assert call.machine.step == "danger"


def test_other_keys_do_nothing_while_it_rings(call) -> None:
    call.keys("5*")
    assert call.all(CancelTransfer) == []
    assert call.machine.step == "plumber"


def test_a_transfer_that_failed_is_not_taken_back(call) -> None:
    call.hears(TransferEnded("failed"))
    assert call.all(CancelTransfer) == []
    assert call.machine.step == "first"


def test_no_key_acts_once_the_voices_are_joined(call) -> None:
    call.hears(TransferEnded("answered")).keys("9")
    assert call.all(StartHandoff) == []
    assert call.all(CancelTransfer) == []


def test_the_emergency_number_is_not_left_for_its_own_queue_again(call) -> None:
    call.keys("9").hears(HandoffEnded("busy")).does(StartTransfer("tel:+15550000911"))
    call.keys("9")
    assert call.machine.step == "line"
    assert len(call.all(StartHandoff)) == 1


def test_an_agent_may_send_the_caller_back_to_a_step(small) -> None:
    call = small(BODY).answered().keys("0").hears(HandoffEnded("answered"))
    call.hears(SentBack("first")).does(StepEntered("first"))
    assert isinstance(call.last[-1], PlayPrompt)
    call.keys("1").does(StartTransfer("tel:+15550000222"))


def test_nobody_is_sent_back_who_is_not_with_an_agent_or_to_where_there_is_nothing(small) -> None:
    call = small(BODY).answered().keys("0").hears(SentBack("first"))
    assert call.machine.step == "people"
    call.hears(HandoffEnded("answered")).hears(SentBack("nowhere"))
    assert call.machine.step == "people"


def test_a_caller_who_is_passed_on_waits_again_and_may_leave_the_queue_by_a_key(small) -> None:
    call = small(BODY).answered().keys("0").hears(HandoffEnded("answered"))
    call.keys("9")
    assert call.machine.step == "people", "keys mean nothing while an agent has the call"
    call.hears(HandoffResumed()).keys("9").does(CancelHandoff(), StepEntered("danger"))


def test_a_caller_who_is_passed_on_and_finds_nobody_gets_the_exit_of_the_step(small) -> None:
    call = small(BODY).answered().keys("0").hears(HandoffEnded("answered"))
    call.hears(HandoffResumed()).hears(HandoffEnded("busy")).does(StepEntered("bye"))
