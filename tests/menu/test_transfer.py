"""Transfers: the keys of `everywhere` act while an outside number rings."""

from __future__ import annotations

import pytest

from ivr.menu.events import CancelTransfer, HandoffEnded, StartHandoff, StartTransfer, StepLeft, TransferEnded

BODY = """
everywhere:
  - {press: 9, go: danger}
  - {press: 0, go: people}
  - {press: star, go: REPEAT}
queues:
  emergency: {skills: [emergency], priority: 100, open: always, ring: 10s}
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
