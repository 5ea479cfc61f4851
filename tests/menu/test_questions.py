"""How questions listen: the rules M8, M9, M14 to M17, each by a small menu."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ivr.menu.events import (
    HangUp,
    KeyPressed,
    KeysConsumed,
    KeysDropped,
    LookUp,
    PlayPrompt,
    PromptEnded,
    StepEntered,
    StepLeft,
)

ANYWHERE = """
everywhere:
  - {press: 9, go: nine}
  - {press: 0, go: nought}
  - {press: star, go: REPEAT}
"""
ENDS = """
  nine: {type: say, say: p.nine, go: END}
  nought: {type: say, say: p.nought, go: END}
"""


def asking(take: str, more: str = "") -> str:
    return (
        ANYWHERE
        + f"""
steps:
  first: {{type: ask, say: p.ask, take: {take}, as: answer, go: second, {more}}}
  second: {{type: say, say: p.second, go: bye}}
"""
        + ENDS
    )


MENU = (
    ANYWHERE
    + """
steps:
  first:
    type: menu
    say: p.head
    choices:
      - {press: 1, offer: p.one, go: second}
      - {press: 2, offer: p.two, go: third}
    no_input: [{say: p.quiet}, {say: p.quieter}, {go: bye}]
    no_match: [{say: p.what}, {say: p.what_again}, {go: bye}]
  second: {type: menu, say: p.second, choices: [{press: 1, go: BACK}, {press: 2, go: START}, {press: 3, go: END}]}
  third: {type: say, say: p.third, go: bye}
"""
    + ENDS
)


# --- M8 and M15: star first inside ask ------------------------------------------------------------------


def test_bare_digits_inside_ask_belong_to_the_answer(small) -> None:
    call = small(asking("{kind: digits, length: 2}")).answered().keys("90")
    assert call.machine.facts.values["answer"] == "90"


def test_star_then_a_digit_inside_ask_is_the_choice_of_everywhere(small) -> None:
    call = small(asking("{kind: digits, length: 4}")).answered().keys("12*9")
    call.does(KeysDropped(2), KeysConsumed(2, False), StepLeft("first", "everywhere 9"), StepEntered("nine"))


def test_star_alone_inside_ask_repeats_the_question_after_between_keys(small) -> None:
    call = small(asking("{kind: digits, length: 4}")).answered().listens().keys("12*")
    assert call.machine.deadline == pytest.approx(call.now + 3.0)
    call.waits(3.0).does(KeysDropped(2), KeysConsumed(1, False))
    assert call.heard == ["p.ask"]
    call.keys("1234")
    assert call.machine.facts.values["answer"] == "1234"


def test_a_key_of_everywhere_alone_inside_ask_acts_when_no_other_follows(small) -> None:
    call = small(asking("{kind: digits, length: 4}")).answered().keys("9")
    assert call.path == ["first"], "it may be the first digit of the answer"
    call.waits(3.1)
    call.does(KeysConsumed(1, False), StepLeft("first", "everywhere 9"), StepEntered("nine"))


def test_a_key_of_everywhere_that_fits_nothing_acts_at_once_where_one_key_is_the_answer(small) -> None:
    call = small(asking('{kind: number, length: 1, least: "1", most: "5"}')).answered().keys("0")
    call.does(StepLeft("first", "everywhere 0"), StepEntered("nought"))


@pytest.mark.parametrize(
    ("take", "keys"),
    [("{kind: digits, length: 4}", "90"), ("{kind: digits, length: 4}", "9#"), ("{kind: digits, length: 4}", "8")],
)
def test_what_is_not_a_key_of_everywhere_alone_is_an_unfit_answer(small, take, keys) -> None:
    call = small(asking(take, "no_match: [{say: p.what}, {go: bye}]")).answered().keys(keys).waits(3.1)
    assert call.path == ["first"]
    assert [play.prompts for play in call.all(PlayPrompt)][-1] == ("p.what", "p.ask")


def test_a_key_of_everywhere_that_is_an_answer_by_itself_is_the_answer(small) -> None:
    call = small(asking("{kind: number}")).answered().keys("9").waits(3.1)
    assert call.machine.facts.values["answer"] == 9


def test_a_star_and_a_digit_that_means_nothing_is_no_match(small) -> None:
    call = small(asking("{kind: digits, length: 4}", "no_match: [{say: p.what}, {go: bye}]")).answered().keys("*5")
    call.does(KeysDropped(2))
    assert call.heard == ["p.what", "p.ask"]


# --- M15: the end of an answer ------------------------------------------------------------------------------


def test_a_fixed_length_is_complete_at_its_last_digit_and_the_end_key_is_swallowed(small) -> None:
    call = small(asking("{kind: digits, length: 4}")).answered().keys("1234").does(KeysConsumed(4, False))
    assert call.path == ["first", "second"]
    call.keys("#").does(KeysConsumed(1, False))
    assert call.heard == ["p.second"], "what the key cut off is said again"
    assert call.path == ["first", "second"]


def test_an_end_key_that_comes_late_is_a_key_of_its_own(small) -> None:
    call = small(asking("{kind: digits, length: 4}")).answered().keys("1234")
    call.now += 3.1
    call.keys("#")
    assert call.path == ["first", "second", "bye"], "it stops what is being said like any key"


def test_news_of_a_cut_prompt_before_the_end_key_does_not_lose_the_prompt(small) -> None:
    call = small(asking("{kind: digits, length: 4}")).answered().keys("1234")
    call.hears(PromptEnded(call.play.play, False))
    assert call.path[-1] == "second"
    call.keys("#", pace=0.05)
    assert call.heard == ["p.second"]
    call.listens()
    assert call.path[-1] == "bye"


def test_an_open_length_ends_with_the_end_key_or_a_pause(small) -> None:
    call = small(asking("{kind: digits}")).answered().keys("123#").does(KeysConsumed(4, False))
    assert call.machine.facts.values["answer"] == "123"
    other = small(asking("{kind: digits}")).answered().keys("123").waits(2.9)
    assert other.path == ["first"]
    other.waits(0.2)
    assert other.machine.facts.values["answer"] == "123"


def test_an_answer_too_short_for_its_length_is_no_match_after_the_pause(small) -> None:
    call = small(asking("{kind: digits, length: 4}", "no_match: [{say: p.what}, {go: bye}]")).answered().keys("12")
    call.waits(3.1).does(KeysDropped(2))
    assert call.heard == ["p.what", "p.ask"]


def test_a_secret_answer_is_never_shown(small) -> None:
    call = small(asking("{kind: digits, length: 4}", "secret: true")).answered().keys("8642#")
    assert [(c.count, c.secret) for c in call.all(KeysConsumed)] == [(4, True), (1, True)]
    assert "8642" not in repr(call.commands)
    assert "8642" not in repr(call.machine) + repr(call.machine.facts)


# --- M16: money, dates and the other kinds ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("take", "keys", "value"),
    [
        ("{kind: money}", "8420#", Decimal("84.20")),
        ("{kind: money, least: '1.00', most: '5000.00'}", "99#", None),
        ("{kind: money, least: '1.00', most: '5000.00'}", "500001#", None),
        ("{kind: money, least: '1.00', most: '5000.00'}", "500000#", Decimal("5000")),
        ("{kind: date}", "0302", date(2026, 3, 2)),
        ("{kind: date}", "0301", date(2027, 3, 1)),
        ("{kind: date}", "0229", date(2028, 2, 29)),
        ("{kind: date}", "1332", None),
        ("{kind: date, within: 14d}", "0316", date(2026, 3, 16)),
        ("{kind: date, within: 14d}", "0317", None),
        ("{kind: yes_no}", "1", True),
        ("{kind: yes_no}", "2", False),
        ("{kind: yes_no}", "3", None),
        ("{kind: number, most: 10}", "10#", Decimal(10)),
        ("{kind: number, most: 10}", "11#", None),
        ("{kind: phone}", "5550177#", "5550177"),
        ("{kind: phone}", "12#", None),
        ("{kind: digits, length: 10, check: luhn}", "4000000002", "4000000002"),
        ("{kind: digits, length: 10, check: luhn}", "4000000003", None),
        ("{kind: digits, length: 4, check: mod97}", "0098", "0098"),
        ("{kind: digits, length: 4, check: mod97}", "0099", None),
        ("{kind: digits}", "#", None),
    ],
)
def test_an_answer_becomes_a_value_of_its_kind_or_is_no_match(small, take, keys, value) -> None:
    call = small(asking(take, "no_match: [{say: p.what}, {go: bye}]")).answered().keys(keys)
    assert call.machine.facts.values.get("answer") == value
    assert call.path == (["first"] if value is None else ["first", "second"])


def test_an_answer_is_read_back_and_two_asks_again(small) -> None:
    body = asking("{kind: money}", "confirm: p.back")
    call = small(body, prompts='p.back: "{answer:money}?"').answered().keys("8420#")
    assert "eighty-four dollars" in call.words
    assert "answer" not in call.machine.facts.values
    call.keys("2")
    assert call.heard == ["p.ask"]
    call.keys("5000#").keys("7")
    assert call.path == ["first", "bye"], "what fits nowhere follows on_fault where no misses are written"


def test_while_reading_back_everywhere_works_with_and_without_the_star(small) -> None:
    for keys in ("9", "*9"):
        call = small(asking("{kind: money}", "confirm: p.back"), prompts='p.back: "{answer:money}?"')
        call.answered().keys("8420#").keys(keys)
        assert call.path == ["first", "nine"]


# --- M9: misses -----------------------------------------------------------------------------------------------


def test_misses_are_read_from_top_to_bottom(small) -> None:
    call = small(MENU).answered()
    assert call.heard == ["p.head", "p.one", "p.two"]
    call.listens().waits(4.9)
    assert call.last == []
    call.waits(0.1)
    assert call.heard == ["p.quiet", "p.head", "p.one", "p.two"]
    call.keys("5").does(KeysDropped(1))
    assert call.heard == ["p.what_again", "p.head", "p.one", "p.two"]
    call.listens().waits(5).does(StepLeft("first", "no_input"), StepEntered("bye"))


def test_an_answer_makes_the_next_miss_a_first_one_again(small) -> None:
    call = small(MENU).answered().keys("5").keys("1").keys("2")
    assert call.path == ["first", "second", "first"]
    call.keys("5")
    assert call.heard[0] == "p.what"


def test_going_back_keeps_the_misses_of_the_question_that_is_left(small) -> None:
    body = MENU.replace(
        "choices: [{press: 1, go: BACK}",
        "no_match: [{say: p.q}, {say: p.r}, {go: bye}], choices: [{press: 1, go: BACK}",
    )
    call = small(body).answered().keys("1").keys("8")
    assert call.heard[0] == "p.q"
    call.keys("1")
    assert call.path == ["first", "second", "first"]
    assert call.machine.facts.misses == 1


def test_too_many_misses_in_one_call_bring_somebody_whatever_the_lists_say(small) -> None:
    endless = MENU.replace(
        "{go: bye}]\n    no_match", "{go: bye}]\n    allow: [{proof: never_leaves, why: test}]\n    no_match"
    )
    endless = endless.replace("[{say: p.what}, {say: p.what_again}, {go: bye}]", "[{say: p.what}]")
    call = small(endless, defaults="  stuck: 4\n  no_match: [{say: p.default}, {go: nought}]").answered()
    for _ in range(3):
        call.keys("5")
        assert call.path == ["first"]
    call.keys("5").does(StepLeft("first", "no_match"), StepEntered("nought"))


def test_repeat_says_it_again_and_counts_no_miss(small) -> None:
    call = small(MENU).answered().keys("*").does(KeysConsumed(1, False))
    assert call.heard == ["p.head", "p.one", "p.two"]
    assert call.path == ["first"]
    assert call.machine.facts.misses == 0


def test_the_key_in_an_offer_comes_from_the_choice(small) -> None:
    call = small(MENU, prompts='p.one: "Press {key}."\np.two: "Press {key}."').answered()
    assert call.words.count("one") == 1
    assert call.words.count("two") == 1


# --- M14: keys while nobody asks ---------------------------------------------------------------------------------

TALK = (
    ANYWHERE
    + """
data:
  ask_it: {needs: [phone], gives: [thing], limit: 2s}
steps:
  first: {type: say, say: p.talk, go: look, INTERRUPT}
  look: {type: lookup, use: ask_it, ok: last, not_found: bye, down: bye}
  last: {type: menu, say: p.last, choices: [{press: 1, go: bye}, {press: 3, go: END}]}
"""
    + ENDS
)


def talk(interrupt: str = "any") -> str:
    return TALK.replace("INTERRUPT", f"interrupt: {interrupt}")


def test_a_key_stops_a_say_and_answers_the_next_question(small) -> None:
    call = small(talk()).answered().keys("3")
    assert call.path == ["first", "look"]
    assert call.all(KeysConsumed) == []
    call.finds(thing="x").does(KeysConsumed(1, False), StepLeft("last", "key 3"), HangUp("end of menu"))
    assert [c.prompts for c in call.all(PlayPrompt)] == [("p.talk",)], "what is answered need not be asked"


@pytest.mark.parametrize("news_first", [True, False])
@pytest.mark.parametrize(("key", "path"), [("9", ["first", "nine"]), ("3", ["first", "look"])])
def test_a_key_means_the_same_before_and_after_the_news_that_it_cut_a_prompt_off(
    small, news_first, key, path
) -> None:
    call = small(talk()).answered()
    news, press = PromptEnded(call.play.play, False), KeyPressed(key)
    for event in (news, press) if news_first else (press, news):
        call.hears(event)
    assert call.path == path


def test_a_prompt_cut_off_by_no_key_at_all_goes_on_by_itself(small) -> None:
    call = small(talk()).answered()
    call.hears(PromptEnded(call.play.play, False)).waits(0.3)
    assert call.path == ["first", "look"]


def test_a_say_that_may_not_be_interrupted_plays_on_and_keeps_the_key(small) -> None:
    call = small(talk("never")).answered().keys("3")
    assert call.path == ["first"]
    call.listens().finds(thing="x").does(StepLeft("last", "key 3"))


def test_keys_of_everywhere_act_while_something_is_said_or_looked_up(small) -> None:
    assert small(talk("never")).answered().keys("9").path == ["first", "nine"]
    call = small(talk()).answered().listens().keys("0").does(StepLeft("look", "everywhere 0"))
    assert call.path == ["first", "look", "nought"]


def test_star_during_a_say_repeats_it(small) -> None:
    call = small(talk()).answered().keys("*").does(KeysConsumed(1, False))
    assert call.heard == ["p.talk"]
    assert call.path == ["first"]


def test_a_question_that_may_not_be_interrupted_throws_typed_ahead_keys_away(small) -> None:
    body = talk().replace("say: p.last,", "say: p.last, interrupt: never,")
    call = small(body).answered().keys("3").finds(thing="x").does(KeysDropped(1))
    assert call.heard == ["p.last"]
    call.keys("1").does(KeysDropped(1))
    assert call.machine.step == "last"
    call.listens().keys("3").does(StepLeft("last", "key 3"))


def test_an_unknown_key_is_ignored(small) -> None:
    assert small(talk()).answered().hears(KeyPressed("€")).last == []


# --- M17 and the ways of look-ups -------------------------------------------------------------------


def test_a_look_up_that_is_too_slow_takes_the_down_exit_if_slow_has_none(small) -> None:
    call = small(talk()).answered().listens().waits(1.99)
    assert call.path[-1] == "look"
    call.waits(0.02).does(StepLeft("look", "slow"), StepEntered("bye"))


def test_an_answer_of_another_look_up_is_ignored(small) -> None:
    from ivr.menu.events import LookupEnded

    call = small(talk()).answered().listens()
    assert call.hears(LookupEnded(99, "ok", {"thing": "x"})).last == []
    assert call.all(LookUp)[0].lookup == 1


def test_an_outcome_without_an_exit_goes_to_on_fault(small) -> None:
    assert small(talk()).answered().listens().finds("refused").path[-1] == "bye"


def test_meanwhile_is_said_after_a_second_and_not_cut_off_by_the_answer(small) -> None:
    body = talk().replace("use: ask_it,", "use: ask_it, meanwhile: p.moment,")
    call = small(body).answered().listens().waits(1.0)
    assert call.heard == ["p.moment"]
    assert call.finds(thing="x").last == []
    call.listens(0.8).does(StepLeft("look", "ok"), StepEntered("last"))


def test_values_not_under_gives_are_not_taken(small) -> None:
    call = small(talk()).answered().listens().finds(thing="x", level="verified", phone="0")
    assert call.machine.facts.values == {"phone": "+15550100", "thing": "x"}


# --- lost ends, circles, faults ----------------------------------------------------------------------


def test_the_end_of_a_prompt_that_is_never_told_does_not_hold_the_call(small) -> None:
    call = small(talk()).answered()
    assert call.machine.deadline is not None
    call.waits(60)
    assert "look" in call.path


def test_a_circle_without_a_question_ends_on_fault(small) -> None:
    body = """
steps:
  first: {type: check, when: [{if: phone is set, go: other}], else: bye, allow: [{proof: circle, why: test}]}
  other: {type: check, when: [{if: phone is set, go: first}], else: bye, allow: [{proof: circle, why: test}]}
"""
    call = small(body).answered()
    assert call.path[-1] == "bye"
    assert len(call.path) < 70


def test_a_fault_inside_goes_to_on_fault_and_logs_no_value(small, caplog, monkeypatch) -> None:
    call = small(talk()).answered()

    def broken(*_: object) -> None:
        raise ValueError("PIN 8642")

    monkeypatch.setattr(call.machine._activity, "prompt_over", broken)
    call.listens().does(StepLeft("first", "fault"), StepEntered("bye"))
    assert "8642" not in caplog.text
    assert "error=ValueError" in caplog.text
