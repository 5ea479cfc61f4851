# ruff: noqa: E501  menus and messages stand as they are written
"""A menu that runs another one: what is known where, whose keys act, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from menu.conftest import Playbook

from ivr.errors import MenuError
from ivr.menu.events import HangUp, LookUp, StartHandoff, StepEntered
from ivr.menu.load import check_menu, load_menu

HEAD = """\
ivr: 1
name: {name}
start: first
{more}languages: [{{code: en, prompts: {name}_en.yaml}}]
defaults: {{on_fault: bye}}
"""
OUTER = """\
everywhere:
  - {press: 9, go: danger}
levels:
  verified: {start: who, tries: 2, failed: bye}
data:
  bill: {needs: [account], gives: [amount], requires: verified, limit: 1s}
queues:
  emergency: {skills: [emergency], priority: 100, open: always, ring: 10s, longest: 2m}
steps:
  first: {type: menu, say: p.head, choices: [{press: 1, go: survey}, {press: 2, go: owed}, {press: 3, go: again}]}
  survey: {type: run, menu: feedback, with: {about: topic, size: "3"}, gives: {rating: stars}, go: rated}
  again: {type: run, menu: feedback, with: {about: topic, size: "3"}, go: first}
  rated: {type: check, when: [{if: rating > 3, go: happy}], else: first}
  happy: {type: say, say: p.happy, go: first}
  owed: {type: lookup, use: bill, requires: verified, ok: told, not_found: bye, down: bye}
  told: {type: say, say: p.told, requires: verified, go: first}
  who: {type: run, menu: prove, gives: {account: number}, go: RETURN}
  danger: {type: handoff, queue: emergency, reason: EMERGENCY, busy: line, closed: line, failed: line}
  line: {type: transfer, to: "tel:+15550000911", failed: bye}
  bye: {type: say, say: p.bye, go: END}
"""
FEEDBACK = """\
steps:
  first: {type: menu, say: f.head, choices: [{press: 1, go: ask_stars}, {press: 2, go: START}, {press: 3, go: RETURN},
          {press: 4, go: bye}]}
  ask_stars: {type: ask, say: f.stars, take: {kind: number, length: 1, most: "5"}, as: stars, confirm: f.back, go: RETURN}
  bye: {type: say, say: f.bye, go: END}
"""
PROVE = """\
levels:
  verified: {start: first, tries: 2, failed: bye}
data:
  owner: {needs: [number, pin], gives: [locked], secret: [pin], limit: 1s}
steps:
  first: {type: ask, say: w.number, take: {kind: digits, length: 2}, as: number, go: ask_pin}
  ask_pin: {type: ask, say: w.pin, take: {kind: digits, length: 2}, as: pin, secret: true, go: check_it}
  check_it: {type: lookup, use: owner, grants: verified, ok: RETURN, refused: wrong, not_found: wrong, down: bye}
  wrong: {type: say, say: w.wrong, miss: verified, go: ask_pin}
  bye: {type: say, say: w.bye, go: END}
"""
PROMPTS = {
    "outer": "p.head: H\np.happy: Y\np.told: '{amount}'\np.bye: B\n",
    "feedback": "f.head: F\nf.stars: S\nf.back: 'I have {stars:number}.'\nf.bye: B\n",
    "prove": "w.number: N\nw.pin: P\nw.wrong: W\nw.bye: B\n",
}


@pytest.fixture
def menus(tmp_path):
    """Writes the menus with changes, and returns their folder."""

    def write(**changes: tuple[str, str]) -> Path:
        bodies = {"outer": ("", OUTER), "feedback": ("takes: [about, size]\ngives: [stars]\n", FEEDBACK)}
        bodies["prove"] = ("gives: [number]\n", PROVE)
        for name, (more, body) in bodies.items():
            text = HEAD.format(name=name, more=more) + body
            if name in changes:
                old, new = changes[name]
                assert old in text
                text = text.replace(old, new)
            (tmp_path / f"{name}.yaml").write_text(text)
            (tmp_path / f"{name}_en.yaml").write_text(f"prompts: en\n{PROMPTS[name]}")
        return tmp_path

    return write


@pytest.fixture
def call(menus) -> Playbook:
    return Playbook(load_menu("outer", menus()))


def said(folder: Path) -> list[str]:
    return [str(one).replace(f"{folder}/", "") for one in check_menu(str(folder / "outer.yaml"), folder)]


def test_the_menus_are_clean_together_and_alone(menus) -> None:
    folder = menus()
    for name in ("outer", "feedback", "prove"):
        assert check_menu(name, folder) == []


def test_a_run_menu_is_gone_through_and_returns_with_its_values(call) -> None:
    call.answered().keys("1")
    call.does(StepEntered("survey"), StepEntered("survey/first"))
    call.keys("1").keys("5")
    assert "five" in call.words
    call.keys("1")
    assert call.path[-4:] == ["survey/ask_stars", "survey/RETURN", "rated", "happy"]
    assert str(call.machine.facts.values["rating"]) == "5"


def test_its_values_are_its_own_and_begin_anew_each_time(call) -> None:
    call.answered().keys("1").keys("151").listens().keys("1")
    assert "survey/stars" not in call.machine.facts.values
    assert call.machine.facts.values["survey/size"] == 3
    assert "stars" not in call.machine.facts.values
    call.keys("3")
    assert call.path[-1] == "first"
    assert call.machine.facts.values["rating"] is None


def test_start_inside_is_its_own_start_and_end_ends_the_call(call) -> None:
    call.answered().keys("1").keys("2")
    assert call.path[-1] == "survey/first"
    call.keys("4").listens()
    call.does(HangUp("end of menu"))


def test_the_keys_of_everywhere_act_inside(call) -> None:
    call.answered().keys("1").keys("1").keys("*9")
    assert [command.queue for command in call.all(StartHandoff)] == ["emergency"]


def test_a_level_can_be_proved_by_a_menu_that_is_run(call) -> None:
    call.answered().keys("2").keys("77").keys("11")
    (lookup,) = call.all(LookUp)
    assert (lookup.name, sorted(lookup.values)) == ("owner", ["number", "pin"])
    call.finds(locked=False)
    assert call.path[-3:] == ["who/check_it", "who/RETURN", "owed"]
    assert call.all(LookUp)[-1].values == {"account": "77"}
    call.finds(amount="5").listens()
    assert call.machine.facts.level == "verified"


def test_a_level_proved_inside_is_lost_with_the_value_it_was_proved_for(call) -> None:
    call.answered().keys("2").keys("77").keys("11").finds(locked=False)
    assert call.machine.facts.holds("verified")
    call.machine.facts.put("account", "88")
    assert not call.machine.facts.holds("verified")


def test_a_menu_for_others_ends_the_call_at_return_when_it_is_dialled(menus) -> None:
    call = Playbook(load_menu("feedback", menus())).answered().keys("3")
    call.does(HangUp("end of menu"))


def test_the_version_changes_with_a_menu_that_is_run(menus) -> None:
    before = load_menu("outer", menus())
    after = load_menu("outer", menus(feedback=("say: f.bye", "say: f.head")))
    assert before.version != after.version
    assert [Path(name).name for name in before.files if "feedback" in name] == [
        "feedback.yaml",
        "feedback_en.yaml",
    ]
    assert before.file_of("survey/first").endswith("feedback.yaml")
    assert before.file_of("first").endswith("outer.yaml")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"outer": ('menu: feedback, with: {about: topic, size: "3"}, gives', "menu: fedback, gives")},
            "outer.yaml:16:29: survey.menu: 'fedback' is no menu in ",
        ),
        (
            {"outer": ('with: {about: topic, size: "3"}, gives', 'with: {abuot: topic, size: "3"}, gives')},
            "outer.yaml:16:46: survey.with.abuot: is not taken by feedback; did you mean about?; see takes: in",
        ),
        (
            {"outer": ('with: {about: topic, size: "3"}, gives', "gives")},
            "outer.yaml:16:3: survey: does not hand over 'about', which feedback takes; add it to with:",
        ),
        (
            {"outer": ("gives: {rating: stars}", "gives: {rating: strs}")},
            "outer.yaml:16:88: survey.gives.rating: 'strs' is not given by feedback; did you mean stars?; see gives:",
        ),
        (
            {"prove": ("gives: [number]", "gives: [number, pin]")},
            "prove.yaml:4:17: gives[2]: 'pin' is secret and stays in this menu; remove it [secret]",
        ),
        (
            {"feedback": ("{press: 4, go: bye}", "{press: 9, go: bye}")},
            "feedback.yaml:10:19: first.choices[4].press: 9 leads to danger everywhere; give this choice another key",
        ),
        (
            {"feedback": ("bye: {type: say, say: f.bye, go: END}", "bye: {type: run, menu: outer, go: END}")},
            "feedback.yaml:12:26: bye.menu: goes round in a circle: outer runs feedback runs outer; a menu cannot",
        ),
        (
            {"feedback": ("bye: {type: say, say", "bye: {type: say, requires: verifed, say")},
            "outer.yaml:16:29: survey.menu: feedback needs the level 'verifed' in its step bye; add it under levels:",
        ),
        (
            {"outer": ("p.bye, go: END}", "f.bye, go: END}")},
            "outer.yaml:25:25: bye.say: 'f.bye' is in no prompt file; did you mean p.bye?",
        ),
    ],
)
def test_what_is_wrong_between_two_menus_is_told_where_it_is(menus, changes, expected) -> None:
    found = said(menus(**changes))
    assert any(line.startswith(expected) for line in found), found


def test_the_same_prompt_id_with_other_words_is_told(menus) -> None:
    folder = menus()
    (folder / "feedback_en.yaml").write_text(f"prompts: en\np.bye: Other words.\n{PROMPTS['feedback']}")
    (line, _) = said(folder)
    assert "survey.menu: feedback has other words for p.bye (" in line
    assert "give one of them another id" in line


def test_a_language_that_the_other_menu_lacks_is_told(menus) -> None:
    folder = menus(
        outer=(
            "languages: [{code: en, prompts: outer_en.yaml}]",
            "languages: [{code: en, prompts: outer_en.yaml}, {code: es, prompts: outer_es.yaml}]",
        )
    )
    (folder / "outer_es.yaml").write_text(f"prompts: es\n{PROMPTS['outer']}")
    assert any(
        "feedback does not speak es, as this menu does; add the language to" in line for line in said(folder)
    )


def test_a_value_that_may_be_empty_inside_is_told_in_its_own_file(menus) -> None:
    (line, *_) = said(menus(feedback=("say: f.head", "say: f.back")))
    assert line.startswith("feedback.yaml:9:28: first.say: f.back says {stars}, which may be empty here;")


def test_menus_inside_menus_have_an_end(tmp_path) -> None:
    """Nine menus, each of which runs the next one twice: too deep, and told as that."""
    for number in range(9):
        body = "steps:\n" + "".join(
            f"  {name}: {{type: run, menu: m{number + 1}, go: {after}}}\n"
            for name, after in (("first", "second"), ("second", "END"))
        )
        text = HEAD.format(name=f"m{number}", more="takes: []\n").replace("on_fault: bye", "on_fault: second")
        (tmp_path / f"m{number}.yaml").write_text(text + body)
        (tmp_path / f"m{number}_en.yaml").write_text("prompts: en\n")
    with pytest.raises(MenuError) as caught:
        load_menu("m0", tmp_path)
    assert any("is the 5th menu inside another; at most 4" in str(one) for one in caught.value.problems)
