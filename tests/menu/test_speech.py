"""Spoken answers, where somebody hears them."""

from __future__ import annotations

import pytest

from ivr.menu.events import (
    Listen,
    LookUp,
    PhraseHeard,
    PromptEnded,
    SpeechBegan,
    StepEntered,
    StepLeft,
    StopListening,
)


def test_a_question_listens_for_its_phrases_and_those_of_everywhere(spoken_call) -> None:
    spoken_call.to_main()
    listen = spoken_call.all(Listen)[-1]
    assert listen.language == "en"
    assert not listen.digits
    assert {"balance", "what do i owe", "last bill", "emergency", "gas leak", "agent", "say again"} <= set(
        listen.phrases
    )


def test_nobody_listens_where_speech_is_not_heard(call, northgas) -> None:
    assert call.to_main().all(Listen) == []


def test_a_language_that_is_not_heard_is_keys_only(spoken_call) -> None:
    spoken_call.answered("").listens().hears(PhraseHeard("espanol", 0.9))
    assert spoken_call.path[-1] == "main"
    assert spoken_call.last[-1].pieces[0].language == "es"
    assert len(spoken_call.all(Listen)) == 1
    assert len(spoken_call.all(StopListening)) == 1


def test_a_phrase_is_an_answer_and_ends_the_listening_before_a_look_up(spoken_call) -> None:
    spoken_call.to_main().hears(SpeechBegan())
    spoken_call.hears(PhraseHeard("Outage", 0.9)).does(StepLeft("main", "said outage"), StepEntered("outage_kind"))
    spoken_call.hears(PhraseHeard("no power", 0.9))
    assert isinstance(spoken_call.last[-1], StopListening)
    assert isinstance(spoken_call.all(LookUp)[-1], LookUp)


def test_agent_please_is_taken_for_agent(spoken_call) -> None:
    spoken_call.to_main().hears(PhraseHeard("agent please", 0.8)).does(
        StepLeft("main", "said agent"), StepEntered("agent_asked")
    )


@pytest.mark.parametrize(("phrase", "confidence"), [("balance", 0.54), ("", 1.0), ("weather forecast", 0.9)])
def test_what_is_unsure_empty_or_unknown_is_no_match(spoken_call, phrase, confidence) -> None:
    spoken_call.to_main().hears(PhraseHeard(phrase, confidence))
    assert spoken_call.heard[0] == "err.unclear_1"
    assert spoken_call.machine.step == "main"


def test_an_account_may_be_spoken_and_confirmed_by_yes(spoken_call) -> None:
    spoken_call.to_main().keys("1")
    assert spoken_call.all(Listen)[-1].digits
    spoken_call.hears(PhraseHeard("4000000002", 0.9))
    assert spoken_call.heard == ["auth.account_back"]
    assert {"yes", "no"} <= set(spoken_call.all(Listen)[-1].phrases)
    spoken_call.hears(PhraseHeard("no", 0.9))
    assert spoken_call.heard == ["auth.account"]
    spoken_call.hears(PhraseHeard("4000000002", 0.9)).hears(PhraseHeard("yes", 0.9))
    assert spoken_call.all(LookUp)[-1].values == {"account": "4000000002"}


def test_a_pin_is_not_listened_for(spoken_call) -> None:
    spoken_call.to_pin()
    assert isinstance(spoken_call.all(StopListening)[-1], StopListening)
    before = len(spoken_call.commands)
    spoken_call.hears(PhraseHeard("2580", 1.0))
    assert len(spoken_call.commands) == before


def test_the_silence_clock_waits_while_somebody_speaks(spoken_call) -> None:
    spoken_call.to_main().listens()
    spoken_call.waits(4).hears(SpeechBegan())
    spoken_call.waits(5)
    assert spoken_call.last == []
    spoken_call.waits(16)
    assert spoken_call.heard[0] == "err.unclear_1", "a recogniser that never answers is no match"


def test_a_prompt_cut_off_by_speech_starts_no_silence_clock(spoken_call) -> None:
    spoken_call.to_main()
    play = spoken_call.play.play
    spoken_call.hears(SpeechBegan()).hears(PromptEnded(play, False))
    assert "no_input" not in spoken_call.machine.stage.timers


def test_where_speech_may_not_interrupt_listening_begins_after_the_prompt(small) -> None:
    body = """
steps:
  first: {type: menu, say: p.head, interrupt: keys, choices: [{press: 1, speak: [onward], go: bye}]}
"""
    call = small(body, hears="en").answered()
    assert call.all(Listen) == []
    call.hears(PhraseHeard("onward", 1.0))
    assert call.machine.step == "first"
    call.listens()
    assert call.all(Listen) == [Listen("en", ("onward",), False)]
    call.hears(PhraseHeard("onward", 1.0))
    assert call.path[-1] == "bye"


def test_two_choices_that_fit_equally_are_no_match(small) -> None:
    body = """
steps:
  first:
    type: menu
    say: p.head
    choices: [{press: 1, speak: [gas], go: bye}, {press: 2, speak: [power], go: END}]
    no_match: [{say: p.what}, {go: bye}]
"""
    call = small(body, hears="en").answered().hears(PhraseHeard("gas and power", 1.0))
    assert call.heard[0] == "p.what"
