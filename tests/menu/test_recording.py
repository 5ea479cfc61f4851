"""Record steps: the beep, how a message ends, and the keys that act meanwhile."""

from __future__ import annotations

import pytest

from ivr.menu.events import (
    CallerHungUp,
    KeysDropped,
    PlayPrompt,
    RecordingEnded,
    StartHandoff,
    StartRecording,
    StopRecording,
)

BODY = """
everywhere:
  - {press: 9, go: danger}
  - {press: star, go: REPEAT}
queues:
  emergency: {skills: [emergency], priority: 100, open: always, ring: 10s, longest: 2m}
steps:
  first: {type: menu, say: p.head, choices: [{press: 1, go: tape}]}
  tape: {type: record, say: p.after_the_beep, as: message, most: 60s, go: thanks}
  thanks: {type: check, when: [{if: message is set, go: kept}], else: first}
  kept: {type: say, say: p.kept, go: first}
  danger: {type: handoff, queue: emergency, reason: EMERGENCY, busy: line, closed: line, failed: line}
  line: {type: transfer, to: "tel:+15550000911", failed: bye}
"""


@pytest.fixture
def call(small):
    return small(BODY).answered().keys("1")


def test_the_words_come_first_and_then_the_recording(call) -> None:
    assert call.heard == ["p.after_the_beep"]
    assert call.all(StartRecording) == []
    call.listens().does(StartRecording(1, "tape", 60.0, 3.0))


def test_what_was_recorded_is_a_value_from_then_on(call) -> None:
    call.listens().hears(RecordingEnded(1, "recordings/c1-1.wav", 4.2))
    assert call.path[-1] == "kept"
    assert call.machine.facts.values["message"] == "recordings/c1-1.wav"


def test_a_message_of_nothing_leaves_the_value_empty(call) -> None:
    call.listens().hears(RecordingEnded(1, "recordings/c1-1.wav", 4.2)).listens().keys("1").listens()
    call.hears(RecordingEnded(2, "", 0.0))
    assert call.path[-2:] == ["thanks", "first"]
    assert "message" not in call.machine.facts.values


def test_hash_ends_the_message_and_its_end_is_waited_for(call) -> None:
    call.listens().keys("#").does(StopRecording())
    assert call.machine.step == "tape"
    call.hears(RecordingEnded(1, "recordings/c1-1.wav", 2.0))
    assert call.path[-1] == "kept"


def test_other_keys_do_nothing_and_are_kept_for_nobody(call) -> None:
    call.listens().keys("1*2").does(KeysDropped(1))
    assert call.all(StopRecording) == []
    assert len(call.machine.keys) == 0


def test_the_emergency_key_ends_the_message_and_acts(call) -> None:
    call.listens().keys("9").does(StopRecording(), StartHandoff("emergency", "EMERGENCY", 0, "", {}, {}, ()))
    call.hears(RecordingEnded(1, "recordings/c1-1.wav", 2.0))
    assert call.machine.step == "danger"


def test_keys_typed_ahead_are_no_part_of_it(small) -> None:
    call = small(BODY).answered().keys("1").keys("4711").does(KeysDropped(1))
    assert call.all(StartRecording) != []
    assert len(call.machine.keys) == 0


def test_the_end_of_another_recording_changes_nothing(call) -> None:
    call.listens().hears(RecordingEnded(7, "recordings/other.wav", 2.0))
    assert call.machine.step == "tape"


def test_an_end_that_is_lost_does_not_keep_the_caller(call) -> None:
    call.listens().waits(64.9)
    assert call.machine.step == "tape"
    call.waits(0.2)
    assert call.path[-2:] == ["thanks", "first"]
    assert [command for command in call.last if isinstance(command, PlayPrompt)]


def test_a_caller_who_hangs_up_is_let_go(call) -> None:
    call.listens().hears(CallerHungUp())
    assert call.machine.ended
    assert call.machine.deadline is None
