"""Menus of FreeSWITCH and VoiceXML documents, as steps, and what is told of what could not be taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ivr.errors import MenuError
from ivr.menu.import_draft import Draft
from ivr.menu.import_freeswitch import from_freeswitch
from ivr.menu.import_voicexml import from_voicexml
from ivr.menu.import_xml import parse_xml
from ivr.menu.load import check_menu

IMPORTS = Path(__file__).parent / "imports"


def fates(draft: Draft, fate: str) -> list[tuple[int, str]]:
    return [(one.line, one.what) for one in draft.findings if one.fate == fate]


@pytest.fixture
def freeswitch() -> Draft:
    return from_freeswitch((IMPORTS / "demo_ivr.xml").read_bytes(), "demo_ivr.xml", "demo", "en")


@pytest.fixture
def voicexml() -> Draft:
    return from_voicexml((IMPORTS / "account.vxml").read_bytes(), "account.vxml", "account", "en")


def written(draft: Draft, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """The menu as any YAML reader sees it, and what the check says of it."""
    (folder / "en.yaml").write_text(draft.prompts_yaml())
    path = folder / f"{draft.name}.yaml"
    path.write_text(draft.menu_yaml("en.yaml"))
    document = yaml.safe_load(path.read_text())
    return document, [str(problem).partition(": ")[2] for problem in check_menu(str(path), folder)]


def test_what_belongs_to_no_step_is_a_note_of_the_first(voicexml: Draft, tmp_path: Path) -> None:
    document, _ = written(voicexml, tmp_path)
    assert "line 8: " in document["steps"][document["start"]]["note"]
    assert "script" in document["steps"][document["start"]]["note"]


def test_a_freeswitch_menu_keeps_keys_times_and_ways_out(freeswitch: Draft) -> None:
    step = freeswitch.steps["demo_ivr"]
    assert (freeswitch.start, step["type"], step["wait"], step["between_keys"]) == (
        "demo_ivr",
        "menu",
        "10s",
        "2500ms",
    )
    assert [(one["press"], one["go"]) for one in step["choices"]] == [
        ("1", "demo_ivr_1"), ("2", "demo_ivr_2"), ("3", "demo_ivr_3"), ("6", "demo_ivr_submenu"),
        ("7", "demo_ivr_7"), ("9", "START"), ("star", "demo_ivr_exit"),
    ]  # fmt: skip
    assert step["no_input"] == [{"go": "REPEAT"}, {"go": "demo_ivr_exit"}], "max-timeouts=2"
    assert step["no_match"] == [{"say": "demo_ivr.invalid_sound"}] * 2 + [{"go": "demo_ivr_exit"}]
    assert freeswitch.steps["demo_ivr_1"]["to"] == "tel:5000"
    assert freeswitch.steps["demo_ivr_2"]["to"] == "tel:+15550911"
    assert freeswitch.steps["demo_ivr_submenu_4"]["to"] == "sip:888@conference.example.org"
    assert freeswitch.steps["demo_ivr_submenu"]["choices"][1] == {"press": "hash", "go": "BACK"}
    assert freeswitch.prompts["demo_ivr.greet_long"]["text"] == "Welcome to North Gas. For billing, press 1."
    assert freeswitch.prompts["demo_ivr_3.sound"] == {"text": "opening hours", "audio": ["ivr/opening-hours.wav"]}


def test_what_freeswitch_does_and_menus_cannot_is_a_note_and_a_line(freeswitch: Draft) -> None:
    lost = fates(freeswitch, "lost")
    assert [line for line, _ in lost] == [13, 18, 19, 26]
    assert "digits '/^(10[01][0-9])$/': a choice is one key" in lost[1][1]
    assert lost[2][1] == "lua pay.lua: there is no such step; choose another type"
    assert freeswitch.steps["demo_ivr_7"]["note"].startswith("line 19: lua pay.lua")
    assert "line 18: digits" in freeswitch.steps["demo_ivr"]["note"]
    assert "phrase:demo_ivr_sub_menu" in freeswitch.steps["demo_ivr_submenu"]["note"]
    assert freeswitch.steps["demo_ivr_7"]["go"] == "demo_ivr", "the caller hears so, and goes on"


def test_an_imported_freeswitch_menu_loads_but_for_what_a_person_must_decide(
    freeswitch: Draft, tmp_path: Path
) -> None:
    document, problems = written(freeswitch, tmp_path)
    assert list(document["steps"]) == list(freeswitch.steps)
    assert len(problems) == 1
    assert "has 7 choices" in problems[0]


def test_a_voicexml_menu_has_its_choices_with_keys_and_words(voicexml: Draft) -> None:
    main = voicexml.steps["main"]
    assert main["choices"] == [
        {"press": "1", "speak": ["pay a bill"], "go": "pay"},
        {"press": "2", "speak": ["opening hours"], "go": "hours"},
        {"press": "0", "speak": ["operator"], "go": "main_operator_vxml"},
    ]
    text = voicexml.prompts["main.say"]["text"]
    assert text == "Welcome. For Pay a bill, press 1. For Opening hours, press 2. For Operator, press 0."
    assert main["no_input"] == [{"say": "main.noinput"}] * 2 + [{"say": "main.noinput_2", "go": "END"}]
    assert main["no_match"] == [{"say": "main.nomatch"}, {"go": "give_up"}]
    assert voicexml.defaults == {"wait": "4s", "interrupt": "any"}
    assert voicexml.title == "North Gas"


def test_a_form_is_a_chain_of_questions_of_the_right_kinds(voicexml: Draft) -> None:
    steps = voicexml.steps
    assert steps["pay"] | {"note": ""} == {"type": "say", "say": "pay.say", "go": "pay_account", "note": ""}
    account = steps["pay_account"]
    assert account["take"] == {"kind": "digits", "length": "10"}
    assert (account["as"], account["wait"], account["interrupt"]) == ("account", "8s", "never")
    assert account["go"] == "pay_account_filled"
    assert steps["pay_account_filled"]["go"] == "pay_amount"
    assert [steps[f"pay_{name}"]["take"]["kind"] for name in ("amount", "sure", "day")] == [
        "money",
        "yes_no",
        "date",
    ]
    assert voicexml.prompts["pay_sure.say"]["text"] == "You pay {amount:money}. Is that right?"
    assert steps["pay_sure_filled_check"]["when"] == [{"if": "sure == 'no'", "go": "main"}]
    assert steps["pay_sure_filled_check"]["else"] == "pay_day"
    assert voicexml.data["pay_jsp"]["needs"] == ["account", "amount", "day"]
    assert steps["line"] == {"type": "transfer", "to": "tel:+15550100", "say": "line.say", "failed": "give_up"}


def test_what_voicexml_does_and_menus_cannot_is_told_with_its_line(voicexml: Draft) -> None:
    assert [line for line, _ in fates(voicexml, "lost")] == [7, 8, 14, 40, 32]
    told = " ".join(what for _, what in fates(voicexml, "lost"))
    assert "cond='amount > 100 && sure'; write the comparison, it leads to pay_sure_filled_then" in told
    assert "<choice> to operator.vxml: it is not in this file" in told
    assert (11, "the prompt for count=2 is left out; the first is said again") in fates(voicexml, "changed")


def test_an_imported_document_loads_but_for_what_nothing_leads_to(voicexml: Draft, tmp_path: Path) -> None:
    _, problems = written(voicexml, tmp_path)
    assert [problem.split(": ")[0] for problem in problems] == ["line", "pay_sure_filled_then", "line_block"]
    assert all("no way leads here" in problem for problem in problems)


FORM = '<vxml version="2.1"><form id="a">{}</form></vxml>'


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        ("<record name='r'/>", "<record>; do it by hand"),
        ("<subdialog src='x.vxml'/>", "<subdialog>; do it by hand"),
        ("<block><goto next='b.vxml#c'/></block>", "<goto> to b.vxml#c: it is not in this file"),
        ("<block><goto expr='f()'/></block>", "<goto> to f(): it is not in this file"),
        ("<block>Hello <value expr='f(x)'/></block>", "value 'f(x)' is left out"),
        ("<block cond='x'>Hello</block>", "cond='x'; put a check step before"),
        ("<field name='x' type='time'><prompt>When?</prompt></field>", "type 'time'); digits are taken instead"),
        ("<field name='x'><grammar src='g.grxml'/><prompt>What?</prompt></field>", "(g.grxml); digits are taken"),
        ("<transfer name='t' destexpr='n'/>", "transfer to 'n'; write the number"),
        ("<block>Bye<exit/><prompt>never</prompt></block>", "<prompt> behind a way out is never reached"),
    ],
)
def test_each_part_without_words_in_the_menu_language_is_told(inside: str, told: str, tmp_path: Path) -> None:
    draft = from_voicexml(FORM.format(inside).encode(), "a.vxml", "a", "en")
    assert any(told in what for _, what in fates(draft, "lost") + fates(draft, "changed"))
    document, _ = written(draft, tmp_path)
    assert any("note" in step for step in document["steps"].values())


def test_options_of_a_field_are_choices_that_set_it(tmp_path: Path) -> None:
    inside = """<field name="size"><prompt>Which?</prompt><option dtmf="1" value="s">Small</option>
      <option dtmf="2">Large one</option></field><block>You said <value expr="size"/>.</block>"""
    draft = from_voicexml(FORM.format(inside).encode(), "a.vxml", "a", "en")
    assert draft.steps["a"]["choices"] == [
        {"press": "1", "speak": ["small"], "set": {"size": "'s'"}, "go": "a_block"},
        {"press": "2", "speak": ["large one"], "set": {"size": "'Large one'"}, "go": "a_block"},
    ]
    _, problems = written(draft, tmp_path)
    assert problems == []


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "brings its own DTD"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "brings its own DTD"),
        (b"<a>\n<b></a>", "a.xml:2: is not well-formed XML"),
        (b"", "is not well-formed XML"),
        (b"<a" + b" " * 2_000_001, "at most 2000000 are read"),
    ],
)
def test_xml_that_does_harm_or_is_none_is_refused(document: bytes, told: str) -> None:
    with pytest.raises(MenuError) as caught:
        parse_xml(document, "a.xml")
    assert told in str(caught.value)


def test_a_file_of_the_other_kind_is_told_as_such() -> None:
    with pytest.raises(MenuError, match="is it FreeSWITCH's"):
        from_freeswitch((IMPORTS / "account.vxml").read_bytes(), "x", "x", "en")
    with pytest.raises(MenuError, match="is it VoiceXML"):
        from_voicexml((IMPORTS / "demo_ivr.xml").read_bytes(), "x", "x", "en")


def test_what_freeswitch_leaves_empty_is_nothing_lost() -> None:
    """Its samples write ``confirm-macro=""`` out."""
    text = (IMPORTS / "demo_ivr.xml").read_text()
    empty = text.replace("<menu ", '<menu confirm-macro="" ', 1)
    assert empty != text
    assert not [what for _, what in fates(_freeswitch(empty), "lost") if "confirm-macro" in what]
    full = text.replace("<menu ", '<menu confirm-macro="yes" ', 1)
    assert [what for _, what in fates(_freeswitch(full), "lost") if "confirm-macro" in what]


def _freeswitch(text: str) -> Draft:
    return from_freeswitch(text.encode(), "demo.xml", "demo", "en")


@pytest.mark.parametrize("before", ["", "<assign name='kind' expr=\"'bill'\"/>"])
def test_a_submit_is_the_look_up_itself(before: str) -> None:
    inside = f"<block>{before}<submit next='pay.jsp' namelist='account'/></block>"
    draft = from_voicexml(FORM.format(inside).encode(), "a.vxml", "a", "en")
    assert [step for step in draft.steps.values() if step.get("type") == "check"] == []
    (lookup,) = [step for step in draft.steps.values() if step.get("type") == "lookup"]
    assert lookup["use"] == "pay_jsp"
    assert ("set" in lookup) == bool(before)
    known = {*draft.steps, "END"}
    assert {step["go"] for step in draft.steps.values() if "go" in step} <= known
    assert draft.start in draft.steps
