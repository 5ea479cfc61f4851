"""The menu as a caller hears it, and the ways out it is made of."""

from __future__ import annotations

import re
from pathlib import Path

from ivr.menu.condition_words import in_words
from ivr.menu.exits import everywhere_exits, exits, next_steps
from ivr.menu.expressions import parse
from ivr.menu.load import load_menu
from ivr.menu.model import Menu
from ivr.menu.outline import outline, plain_words


def told(menu: Menu, language: str = "") -> list[str]:
    return ["  " * line.depth + line.text for line in outline(menu, language)]


def test_every_step_is_told_exactly_once(northgas: Menu) -> None:
    steps = [line.step for line in outline(northgas) if line.step]
    assert sorted(steps) == sorted(northgas.steps)


def test_every_reference_leads_to_a_step_that_is_told(northgas: Menu) -> None:
    referred = {name for line in told(northgas) for name in re.findall(r"→ (\w+)", line)}
    assert referred
    assert referred <= set(northgas.steps)


def test_a_choice_shows_its_words_with_its_key(northgas: Menu) -> None:
    assert "  4 “For your payment history, press 4.”:" in told(northgas)
    assert "  4 “Para conocer sus pagos anteriores, presione 4.”:" in told(northgas, "es")


def test_a_choice_that_is_not_always_there_says_when(northgas: Menu) -> None:
    (line,) = (line for line in told(northgas) if "To pay now, press 1" in line)
    assert line.strip() == "1 “To pay now, press 1.” (only if amount_due is more than 0): → get_method"


def test_the_emergency_key_stands_before_everything_else(northgas: Menu) -> None:
    assert told(northgas)[1:3] == ["At any time:", "  9 or saying “emergency”, “gas leak”: → emergency"]


def test_the_start_is_told_first_and_people_after_what_callers_do_alone(northgas: Menu) -> None:
    steps = [line.step for line in outline(northgas) if line.step]
    assert steps[0] == "greet"
    assert steps.index("promise_offer") < steps.index("agent_asked")


def test_the_line_of_the_file_is_told(northgas: Menu) -> None:
    (main,) = (line for line in outline(northgas) if line.step == "main")
    assert main.line == northgas.steps["main"].line > 0


def test_a_circle_is_a_reference(northgas: Menu) -> None:
    lines = told(northgas)
    wrong_pin = next(number for number, line in enumerate(lines) if line.strip().startswith("wrong_pin:"))
    assert lines[wrong_pin + 3].strip() == "→ ask_pin"


def test_a_prompt_with_values_is_readable() -> None:
    assert plain_words("You owe {amount_due:money}. Press {key}.", "1") == "You owe ‹amount due›. Press 1."
    assert plain_words("In {{brackets}}, {a}") == "In {brackets}, ‹a›"


def test_conditions_read_like_sentences() -> None:
    known = frozenset({"a", "b", "locked", "language"})
    for written, read in (
        ("a > 0", "a is more than 0"),
        ("locked == true", "locked is true"),
        ("locked != true", "locked is false"),
        (
            "language is set and (a <= b or not b is empty)",
            "language is set and (a is at most b or not b is empty)",
        ),
        ("language == 'en'", "language is ‘en’"),
    ):
        assert in_words(parse(written, known)) == read


def test_exits_have_the_names_of_call_records(northgas: Menu) -> None:
    names = {one.name for step in northgas.steps.values() for one in exits(northgas, step)}
    assert {"key 1", "ok", "not_found", "slow", "when 1", "else", "go", "requires", "no_input"} <= names
    assert [one.name for one in everywhere_exits(northgas)] == ["everywhere 9", "everywhere 0", "everywhere star"]


def test_a_failure_is_no_success(northgas: Menu) -> None:
    kinds = {one.name: one.kind for one in exits(northgas, northgas.steps["get_balance"])}
    assert kinds == {
        "requires": "ok",
        "failed": "failure",
        "ok": "ok",
        "not_found": "failure",
        "down": "failure",
        "slow": "failure",
    }


def test_next_steps_leave_out_what_is_no_step(northgas: Menu) -> None:
    assert next_steps(northgas, northgas.steps["bye"]) == []
    assert next_steps(northgas, northgas.steps["is_due"]) == ["get_method", "nothing_due"]


def test_a_menu_that_is_run_and_a_recording_are_told(tmp_path: Path) -> None:
    (tmp_path / "prompts.yaml").write_text("prompts: en\np.ask: How was it?\np.bye: Goodbye.\n")
    head = "ivr: 1\nname: {}\nstart: first\nlanguages: [{{code: en, prompts: prompts.yaml}}]\n"
    (tmp_path / "inner.yaml").write_text(
        head.format("inner")
        + "defaults: {on_fault: first}\ntakes: []\ngives: [message]\nsteps:\n"
        + "  first: {type: record, say: p.ask, as: message, most: 30s, go: RETURN}\n"
    )
    (tmp_path / "outer.yaml").write_text(
        head.format("outer")
        + "defaults: {on_fault: bye}\nsteps:\n"
        + "  first: {type: run, menu: inner, gives: {said: message}, go: bye}\n"
        + "  bye: {type: say, say: p.bye, go: END}\n"
    )
    lines = told(load_menu("outer", tmp_path))
    text = "\n".join(lines)
    assert "plays the menu inner" in text
    assert "records what the caller says after the beep, at most 30 s" in text
    assert "“How was it?”" in text
