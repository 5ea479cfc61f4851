"""What another version changes for callers, in sentences."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.menu.diff import differences
from ivr.menu.load import load_menu
from ivr.menu.model import Menu

MENUS = Path(__file__).parents[2] / "menus"
Change = Callable[..., list[str]]


@pytest.fixture
def change(tmp_path: Path, northgas: Menu) -> Change:
    """Sentences about the sample after replacing texts in one of its files."""

    def replaced(*pairs: tuple[str, str], file: str = "northgas.yaml") -> list[str]:
        folder = tmp_path / "menus"
        shutil.copytree(MENUS, folder)
        path = folder / file
        text = path.read_text("utf-8")
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new, 1)
        path.write_text(text, "utf-8")
        return differences(northgas, load_menu("northgas", folder))

    return replaced


def test_the_same_menu_changes_nothing(northgas: Menu) -> None:
    assert differences(northgas, northgas) == []


def test_a_comment_and_a_move_change_nothing(change: Change) -> None:
    bye = "  bye: {type: say, say: common.thanks, go: END}\n"
    assert change((bye, ""), ("steps:\n", f"steps:   # moved\n{bye}")) == []


CHANGES = [
    (
        "offer: common.main, go: main}",
        "offer: common.main, go: bye}",
        "Key 2 in tell_balance now leads to bye instead of main.",
    ),
    ("ring: 12s", "ring: 20s", "The emergency queue rings 20 s instead of 12 s."),
    (
        "{press: 9, speak",
        "{press: 8, speak",
        "Key 8 now leads to emergency at any time.|Key 9 works no longer at any time (it led to emergency).",
    ),
    ("tries: 3", "tries: 2", "Callers have 2 tries to be verified instead of 3."),
    ("wait: 8s", "wait: 10s", "ask_account waits 10 s for an answer instead of 8 s."),
    ("wait: 5s", "wait: 6s", "Every question that says nothing else waits 6 s for an answer instead of 5 s."),
    (
        "within: 14d",
        "within: 7d",
        "promise_offer has take kind date within 7 days instead of kind date within 14 days.",
    ),
    ("interrupt: never ", "interrupt: any ", "pay_ask may be interrupted by keys and speech instead of nothing."),
    (
        "show_if: amount_due > 0}",
        "show_if: amount_due > 5}",
        "Key 1 in tell_balance is offered only if amount_due is more than 5"
        " instead of only if amount_due is more than 0.",
    ),
    (
        "{press: 3, speak: {en: [goodbye], es: [adiós]}, offer: common.bye",
        "{press: 4, speak: {en: [goodbye], es: [adiós]}, offer: common.bye",
        "What was key 3 in tell_balance (bye) is now key 4.",
    ),
    (
        "slow: pay_unknown ",
        "slow: agent_fault ",
        "The outcome slow in pay_now now leads to agent_fault instead of pay_unknown.",
    ),
    (
        "say: pay.receipt, goal: payment_made",
        "say: pay.receipt",
        "paid counts as the goal of nothing instead of payment_made.",
    ),
    (
        'sat: "09:00-13:00"',
        'sat: "09:00-12:00"',
        "The hours office on Saturday are 09:00 to 12:00 instead of 09:00 to 13:00.",
    ),
    (
        '"2027-01-01"',
        '"2027-01-02"',
        "The hours office are closed on 2027-01-02.|The hours office are no longer closed on 2027-01-01.",
    ),
    ("limit: 800ms", "limit: 1s", "The look-up find_caller may take 1 s instead of 800 ms."),
    ("TRIED: misses, ", "", "The agent's screen no longer gets TRIED."),
    ("voice: roa/es-419", "voice: roa/es", "The voice of es is roa/es instead of roa/es-419."),
    (
        "closed: closed, failed: call_me}",
        "closed: call_me, failed: call_me}",
        "The outcome closed in agent_asked now leads to call_me instead of closed.",
    ),
    (
        'to: "tel:+15550000911", failed',
        'to: "tel:+15550000912", failed',
        "emergency_line has to tel:+15550000912 instead of tel:+15550000911.",
    ),
]


@pytest.mark.parametrize(("old", "new", "sentences"), CHANGES, ids=[change[2][:40] for change in CHANGES])
def test_each_change_has_its_sentence(change: Change, old: str, new: str, sentences: str) -> None:
    assert change((old, new)) == sentences.split("|")


def test_other_words_are_told_in_their_language(change: Change) -> None:
    assert change(("Main menu. To", "Here is the main menu. To"), file="prompts/en.yaml") == [
        "The words of main.head in en change from “Main menu. To speak to a person at any time, press 0.”"
        " to “Here is the main menu. To speak to a person at any time, press 0.”."
    ]


def test_new_and_lost_steps_are_told(change: Change) -> None:
    found = change(
        ("slow: pay_unknown ", "slow: call_soon "),
        ("  bye: {type", "  call_soon: {type: say, say: pay.unknown, go: agent_fault}\n  bye: {type"),
    )
    assert "call_soon is a new step." in found
    assert "The outcome slow in pay_now now leads to call_soon instead of pay_unknown." in found


def test_a_step_that_needs_a_proof_now_is_told(change: Change) -> None:
    found = change(
        ("    type: lookup\n    use: outage", "    type: lookup\n    requires: verified\n    use: outage")
    )
    assert found == ["outage_find is only for callers who are verified."]


def test_the_emergency_comes_first(change: Change) -> None:
    found = change(("offer: common.main, go: main}", "offer: common.main, go: bye}"), ("ring: 12s", "ring: 20s"))
    assert found[0] == "The emergency queue rings 20 s instead of 12 s."
    assert len(found) > 1


def test_another_answer_to_a_look_up_is_told(northgas: Menu) -> None:
    by = northgas.answered["last_bill"]
    moved, asked = dataclasses.replace(by, operation="b"), dataclasses.replace(by, path="/x")
    new = dataclasses.replace(northgas, answered={**northgas.answered, "last_bill": moved})
    assert differences(northgas, new) == [
        "The look-up last_bill is answered by sqlite (b) instead of sqlite (last_bill)."
    ]
    new = dataclasses.replace(northgas, answered={**northgas.answered, "last_bill": asked})
    assert differences(northgas, new) == ["The look-up last_bill is asked in another way."]
