"""What agents enter is read by the menu when the call comes back from them (``from_agent:``)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.errors import MenuError
from ivr.menu.diff import differences
from ivr.menu.events import DataEntered, HandoffEnded, HandoffResumed, SentBack
from ivr.menu.facts import LONGEST_ENTERED
from ivr.menu.model import AgentField

BODY = """
everywhere:
  - {press: 0, go: people}
queues:
  general: {skills: [general], priority: 10, open: always, ring: 10s}
attached_data:
  application: SAP-IC
  fields: {REASON: reason}
  from_agent: {WISH: agent_wish, "IVR/CONTACT NOTE": agent_note}
steps:
  first: {type: menu, say: p.head, choices: [{press: 1, go: bye}]}
  people: {type: handoff, queue: general, reason: ASKED, busy: nobody, closed: bye, failed: bye}
  nobody: {type: check, when: [{if: agent_wish is set, go: told}], else: bye}
  told: {type: say, say: p.wish, go: first}
  after_agent:
    type: check
    allow: [{proof: unreachable, why: agents send callers here}]
    when: [{if: agent_wish == 'first', go: first}, {if: agent_note is set, go: noted}]
    else: bye
  noted: {type: say, say: p.note, go: first}
"""
PROMPTS = 'p.wish: "You want {agent_wish}."\np.note: "Your agent noted {agent_note}."\n'


@pytest.fixture
def call(small):
    return small(BODY, prompts=PROMPTS).answered().keys("0").hears(HandoffEnded("answered"))


def test_the_menu_branches_on_what_the_agent_entered(call) -> None:
    call.hears(DataEntered({"agent_wish": "first", "agent_note": ""})).hears(SentBack("after_agent"))
    assert call.path[-2:] == ["after_agent", "first"]


def test_the_menu_says_what_the_agent_entered(call) -> None:
    call.hears(DataEntered({"agent_wish": "", "agent_note": " the  meter is broken "}))
    call.hears(SentBack("after_agent"))
    assert call.path[-1] == "noted"
    assert "meter is broken" in call.words


def test_a_caller_put_back_whom_nobody_takes_keeps_what_the_agent_entered(call) -> None:
    call.hears(DataEntered({"agent_wish": "a new bill"})).hears(HandoffResumed()).hears(HandoffEnded("busy"))
    assert call.path[-2:] == ["nobody", "told"]
    assert "a new bill" in call.words


def test_what_the_next_agent_takes_out_is_empty_again(call) -> None:
    call.hears(DataEntered({"agent_wish": "a new bill", "agent_note": "x"})).hears(HandoffResumed())
    call.hears(HandoffEnded("answered")).hears(DataEntered({"agent_note": "x"})).hears(HandoffResumed())
    call.hears(HandoffEnded("busy"))
    assert call.path[-2:] == ["nobody", "bye"]


def test_data_changes_nothing_outside_a_handoff_and_no_other_value(call) -> None:
    call.hears(DataEntered({"agent_wish": "one", "phone": "+4930"})).hears(SentBack("first"))
    call.hears(DataEntered({"agent_wish": "two"}))
    facts = call.machine.facts.all()
    assert (facts["agent_wish"], facts["phone"]) == ("one", "+15550100")


def test_a_novel_is_not_said_aloud(call) -> None:
    call.hears(DataEntered({"agent_note": "x" * 9000})).hears(SentBack("after_agent"))
    assert len(str(call.machine.facts.all()["agent_note"])) == LONGEST_ENTERED


def test_fields_are_of_the_menus_block_unless_another_is_named(call) -> None:
    menu = call.machine.menu
    assert menu.from_agent == {
        AgentField("SAP-IC", "WISH"): "agent_wish",
        AgentField("IVR/CONTACT", "NOTE"): "agent_note",
    }
    old = replace(menu, from_agent={AgentField("SAP-IC", "WISH"): "wish"})
    assert differences(old, menu) == [
        "The menu reads IVR/CONTACT NOTE, which agents enter, as agent_note.",
        "The menu reads SAP-IC WISH, which agents enter, as agent_wish instead of wish.",
    ]
    assert "The menu no longer reads IVR/CONTACT NOTE, which agents enter." in differences(menu, old)


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("{WISH: agent_wish,", "{REASON: agent_wish,", "from_agent.REASON: is what the menu writes there"),
        ("{WISH: agent_wish,", "{WISH: phone,", "'phone' is a value every call has; use another name"),
        ("CONTACT NOTE: agent_note", "CONTACT NOTE: agent_wish", "'agent_wish' is read from WISH already"),
        ('"IVR/CONTACT NOTE"', '"IVR/CONTACT  NOTE"', "a field name such as WISH, or an Application id"),
        ("choices: [{press: 1, ", "choices: [{press: 1, set: {agent_wish: true}, ", "is set in the menu too"),
        ("if: agent_wish is set, go", "if: agent_wihs is set, go", "did you mean agent_wish?"),
        ("else: bye}\n  told", "else: told}\n  told", "p.wish says {agent_wish}, which may be empty here"),
        (
            "note is set, go: noted}]",
            "note is set, go: noted}, {if: phone is set, go: told}]",
            "may be empty here",
        ),
        ("say: p.head", "say: p.wish", "p.wish says {agent_wish}, which may be empty here"),
    ],
)
def test_mistakes_are_told_when_the_menu_is_loaded(small, good: str, bad: str, said: str) -> None:
    body = BODY.replace('"IVR/CONTACT NOTE": agent_note', "IVR/CONTACT NOTE: agent_note")
    if good not in body:
        body = BODY
    assert good in body
    with pytest.raises(MenuError) as raised:
        small(body.replace(good, bad), prompts=PROMPTS)
    assert said in "\n".join(str(one) for one in raised.value.problems)


def test_a_secret_is_not_read_from_agents(small) -> None:
    asked = "  pin: {type: ask, say: p.pin, as: agent_wish, secret: true, listen: [keys],"
    asked += " take: {kind: digits, length: 4}, go: bye}\n"
    with pytest.raises(MenuError, match=r"'agent_wish' is secret, and what an agent enters is not.*\[secret\]"):
        small(BODY.replace("steps:\n", f"steps:\n{asked}"), prompts=PROMPTS)


def test_after_a_handoff_nothing_is_proved_of_what_agents_enter(small) -> None:
    """One agent may take out what another one entered."""
    body = BODY.replace("{press: 0, go: people}", "{press: 0, go: nobody}").replace("go: told}]", "go: people}]")
    body = body.replace("busy: nobody", "busy: told")
    with pytest.raises(MenuError, match="may be empty here"):
        small(body, prompts=PROMPTS)
