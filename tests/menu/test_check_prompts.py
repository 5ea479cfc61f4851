"""What is said about prompt files with mistakes: each mistake once, and nothing that only follows from it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.menu.load import check_menu

MENUS = Path(__file__).parents[2] / "menus"
Changed = Callable[[str, str, str], list[str]]


@pytest.fixture
def sample(tmp_path: Path) -> Changed:
    """A copy of the sample in which a text of a prompt file is replaced, and what is then said about it."""

    def changed(file: str, old: str, new: str) -> list[str]:
        shutil.copytree(MENUS, tmp_path, dirs_exist_ok=True)
        path = tmp_path / "prompts" / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        found = check_menu("northgas", tmp_path)
        return [str(problem).replace(f"{tmp_path}/", "") for problem in found]

    return changed


def test_a_prompt_file_that_is_no_yaml_is_one_mistake(sample) -> None:
    """Not seventy: which prompts are missing is not known before the file can be read."""
    assert sample("en.yaml", "greet.name: Welcome", "greet.name: Hello: Welcome") == [
        "prompts/en.yaml:5:18: has a second colon; put the text into quotation marks"
    ]


def test_a_prompt_with_a_mistake_is_not_missing_as_well(sample) -> None:
    (said,) = sample("en.yaml", "{account:digits}", "{account:digit}")
    assert said.startswith("prompts/en.yaml:21:20: auth.account_back: {account:digit} has no known formatter;")


def test_a_value_that_only_another_wording_says_is_missing_in_the_text(sample) -> None:
    (said,) = sample("es.yaml", " de {bill_amount:money}", "")
    assert "bill.tell: says {bill_date}, but " in said
    assert said.endswith(" says {bill_amount} {bill_date}; use the same values")


def test_another_wording_has_the_same_values_in_all_languages(sample) -> None:
    (said,) = sample("es.yaml", 'when_empty: {bill_date: "', 'when_empty: {bill_date: "{first_name:name}, ')
    assert "bill.tell: when_empty bill_date says {bill_amount} {first_name}, but " in said


def test_one_mistake_in_a_prompt_hides_no_other(sample) -> None:
    said = sample("en.yaml", "Please enter your four-digit PIN.", '"Was it {pin:digit}, {nobody:mony} or }?"')
    assert [one.split(": ", 2)[2] for one in said] == [
        "would say the secret {pin}; take it out",
        "{nobody} is a value that nothing gives; use one that a look-up gives",
        "{pin:digit} has no known formatter; did you mean digits?",
        "{nobody:mony} has no known formatter; did you mean money?",
        "has a } at character 38 without its {; write { before the value, or }} for a brace",
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "{amount_due:money}",
            "{amount_due:date}",
            "{amount_due:date} says an amount; write {amount_due:money} or {amount_due:number}",
        ),
        ("{due_date:date}", "{due_date:money}", "{due_date:money} says a date; write {due_date:date}"),
        ("{due_date:date}", "{due_date:name}", "{due_date:name} says a date; write {due_date:date}"),
        ("{bill_amount:money}", "{bill_amount:digits}", "{bill_amount:digits} says an amount; write "),
        (
            "{promise_date:date}",
            "{promise_date:time}",
            "{promise_date:time} says a date; write {promise_date:date}",
        ),
        (
            "{phone:phone}",
            "{phone:digits}",
            "{phone:digits} says a telephone number; write {phone:phone} or {phone:name} or {phone:spell}",
        ),
    ],
)
def test_a_formatter_of_another_kind_is_a_mistake_that_names_both(sample, old: str, new: str, told: str) -> None:
    (said,) = [one for one in sample("en.yaml", old, new) if "use the same" not in one]
    assert told in said
    assert said.startswith("prompts/en.yaml:")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{amount_due:money}", "{amount_due:number}"),
        ("{amount_due:money}", "{amount_due}"),
        ("{back_at:time}", "{back_at:date}"),
        ("{receipt:digits}", "{receipt:spell}"),
        ("{account:digits}", "{account:spell}"),
    ],
)
def test_a_formatter_that_can_say_the_value_is_none(sample, old: str, new: str) -> None:
    assert sample("en.yaml", old, new) == []
