"""What a caller has proved: the detour of `requires`, tries, and when a proof is lost."""

from __future__ import annotations

import pytest

from ivr.errors import MenuError
from ivr.menu.events import LookUp, StepEntered, StepLeft

BODY = """
levels:
  sure: {start: ask_pin, tries: 2, failed: nobody}
data:
  prove: {needs: [account, pin], gives: [locked], secret: [pin], limit: 1s}
  pay: {needs: [account, amount], gives: [receipt], limit: 1s, once: true}
steps:
  first:
    type: menu
    say: p.head
    set: {amount: 5}
    choices:
      - {press: 1, go: which}
      - {press: 2, go: owed}
      - {press: 3, go: pay_it}
      - {press: 4, go: first}
  which: {type: ask, say: p.which, take: {kind: digits, length: 2}, as: account, go: first}
  owed: {type: say, requires: sure, say: p.owed, go: first}
  pay_it: {type: lookup, use: pay, ok: first, refused: first, not_found: first, down: first}
  ask_pin: {type: ask, say: p.pin, take: {kind: digits, length: 2}, as: pin, secret: true, go: proving}
  proving: {type: lookup, use: prove, grants: sure, ok: RETURN, refused: wrong, not_found: wrong, down: first}
  wrong: {type: say, say: p.wrong, miss: sure, go: ask_pin}
  nobody: {type: say, say: p.nobody, go: first}
"""


def proved(small):
    return small(BODY).answered().keys("111").keys("2").keys("77").finds().listens()


def test_the_detour_comes_back_to_the_step_that_needed_it(small) -> None:
    call = small(BODY).answered().keys("111").keys("2")
    call.does(StepEntered("owed"), StepLeft("owed", "requires"), StepEntered("ask_pin"))
    call.keys("77").finds().does(StepLeft("proving", "ok"), StepEntered("owed"))
    assert call.heard == ["p.owed"]
    assert call.machine.facts.level == "sure"


def test_what_was_proved_is_not_asked_for_again(small) -> None:
    call = proved(small).keys("2")
    assert call.path[-1] == "owed"
    assert call.heard == ["p.owed"]


def test_another_account_loses_the_proof_and_the_same_one_does_not(small) -> None:
    call = proved(small).keys("111").keys("2")
    assert call.path[-1] == "owed"
    call.listens().keys("122").keys("2")
    assert call.path[-1] == "ask_pin"
    assert call.machine.facts.level == "no"


def test_when_tries_are_used_up_nobody_is_asked_again(small) -> None:
    call = small(BODY).answered().keys("111").keys("2")
    call.keys("70").finds("refused").listens()
    assert call.path[-1] == "ask_pin"
    call.keys("71").finds("refused").does(StepLeft("wrong", "failed"), StepEntered("nobody"))
    call.listens().keys("2").does(StepLeft("owed", "failed"), StepEntered("nobody"))
    assert call.path.count("ask_pin") == 2


def test_the_same_payment_in_one_call_has_the_same_key_and_another_has_not(small) -> None:
    call = small(BODY).answered().keys("111").keys("3").finds(receipt="1").keys("3").finds(receipt="1")
    call.keys("122").keys("3")
    keys = [command.key for command in call.all(LookUp)]
    assert keys[0] == keys[1] != keys[2]
    assert all(key.startswith("c1/pay/") for key in keys)


def test_a_way_into_a_proof_that_no_step_waits_for_is_a_mistake(small) -> None:
    with pytest.raises(MenuError) as error:
        small(
            BODY.replace("- {press: 4, go: first}", "- {press: 4, go: which}").replace(
                "as: account, go: first", "as: account, go: proving"
            )
        )
    (problem,) = [one for one in error.value.problems if "RETURN" in one.message]
    assert problem.where == "which.go"
    assert problem.message == (
        "leads into the proof of sure, whose RETURN has nowhere to go then; lead to a step that has requires: sure"
    )
