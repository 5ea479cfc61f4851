"""What a caller who waits is told and may choose: place and wait (RT16), a lost place (RT12), a call (RT11)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ivr.errors import MenuError
from ivr.menu.events import (
    CallAnswered,
    CallbackNoted,
    CancelHandoff,
    HandoffEnded,
    NoteCallback,
    PlaceFound,
    PlaceTold,
    PlayPrompt,
    StartHandoff,
    StepLeft,
    TakePlace,
    TellWaiting,
)
from ivr.menu.machine import MenuMachine

BODY = """
queues:
  general: {skills: [general], priority: 10, open: always, ring: 10s}
steps:
  first:
    type: handoff
    queue: general
    reason: ASKED
    waiting: p.wait
    place: p.place
    resume: p.again
    callback: ring_me
    busy: bye
    closed: bye
    failed: bye
  ring_me: {type: callback, number: phone, ask: p.ask, keep_place: true, rings: here, ok: bye, failed: bye}
  here: {type: menu, say: p.here, choices: [{press: 1, offer: p.one, go: second}]}
  second: {type: handoff, queue: general, reason: CALLED_BACK, busy: bye, closed: bye, failed: bye}
"""
PLACE = (
    'p.place: {text: "Number {position:number}, {wait_least:number} to {wait_most:number} minutes.",'
    ' when_empty: {wait_most: "Number {position:number}."}}'
)


@pytest.fixture
def call(small):
    return small(BODY, prompts=PLACE).answered()


def said(commands):
    told = [" ".join(piece.text for piece in c.pieces) for c in commands if isinstance(c, TellWaiting)]
    return [words.replace(" ,", ",").replace(" .", ".") for words in told]


def test_the_place_and_the_wait_are_told_in_words(call) -> None:
    (started,) = [one for one in call.commands if isinstance(one, StartHandoff)]
    assert (started.tells_place, started.asks_to_resume) == (True, True)
    assert said(call.machine.handle(PlaceTold(3, (2, 5)), 1.0)) == ["Number three, two to five minutes."]
    assert said(call.machine.handle(PlaceTold(1), 2.0)) == ["Number one."]


def test_a_step_without_the_words_wants_no_news(small) -> None:
    body = BODY.replace("    place: p.place\n    resume: p.again\n", "")
    call = small(body).answered()
    (started,) = [one for one in call.commands if isinstance(one, StartHandoff)]
    assert (started.tells_place, started.asks_to_resume) == (False, False)
    assert call.machine.handle(PlaceTold(3, (2, 5)), 1.0) == []
    assert call.machine.handle(PlaceFound(), 1.0) == []


def test_key_1_takes_the_lost_place_when_that_was_asked_and_once(call) -> None:
    assert said(call.machine.handle(PlaceFound(), 1.0)) == ["p again en"]
    call.keys("1").does(TakePlace())
    call.keys("1").does(CancelHandoff(for_callback=True))


def test_rt11_key_1_is_a_wish_to_be_called(call) -> None:
    call.keys("1").does(CancelHandoff(for_callback=True), StepLeft("first", "callback"))
    (note,) = [one for one in call.commands if isinstance(one, NoteCallback)]
    assert (note.keep_place, note.rings, note.queue, note.language) == (True, "here", "general", "en")


def test_after_an_agent_has_answered_the_key_means_nothing(call) -> None:
    call.machine.handle(HandoffEnded("answered", "desk1"), 1.0)
    call.commands.clear()
    call.keys("1")
    assert not [one for one in call.commands if isinstance(one, (CancelHandoff, TakePlace))]
    assert call.machine.handle(PlaceTold(2), 2.0) == []


def test_a_call_back_begins_at_its_step_in_the_language_of_the_first_call(call) -> None:
    machine = MenuMachine(call.machine.menu, call_id="c2", start="here", language="es")
    commands = machine.handle(CallAnswered("+15550100", "callback", datetime(2026, 3, 9, tzinfo=UTC)), 0.0)
    (play,) = [one for one in commands if isinstance(one, PlayPrompt)]
    assert play.pieces[0].text == "p here es"


def test_a_callback_that_could_not_be_kept_is_not_promised(call) -> None:
    call.keys("1")
    commands = call.machine.handle(CallbackNoted(False), 2.0)
    assert StepLeft("ring_me", "failed") in commands


def test_the_step_a_call_back_begins_with_must_exist(small) -> None:
    with pytest.raises(MenuError, match=r"ring_me\.rings: 'hear'"):
        small(BODY.replace("rings: here", "rings: hear"))
