"""Loading: versions, files, hours, and what the model then says."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.errors import MenuError
from ivr.menu.hours import is_open
from ivr.menu.load import load_menu, menu_names
from ivr.menu.model import HandoffStep, LookupStep, ReturnStep, local

MENUS = Path(__file__).parents[2] / "menus"


@pytest.fixture
def copy(tmp_path) -> Path:
    shutil.copytree(MENUS, tmp_path / "menus")
    return tmp_path / "menus"


def test_the_version_changes_with_any_file_the_menu_is_read_from(copy) -> None:
    before = load_menu("northgas", copy)
    assert before.version == load_menu(str(copy / "northgas.yaml"), MENUS).version
    assert len(before.version) == 12
    versions = {before.version}
    for name in ("northgas.yaml", "prompts/es.yaml", "connectors.yaml"):
        with (copy / name).open("a") as file:
            file.write("# one more line\n")
        versions.add(load_menu("northgas", copy).version)
    assert len(versions) == 4
    assert [Path(name).name for name in before.files] == [
        "northgas.yaml",
        "en.yaml",
        "es.yaml",
        "connectors.yaml",
        "feedback.yaml",
    ]


def test_a_folder_in_the_place_of_a_menu_is_named(copy) -> None:
    (copy / "northgas.yaml").unlink()
    (copy / "northgas.yaml").mkdir()
    with pytest.raises(MenuError, match=r"northgas\.yaml: is a folder; a menu is a file, move the folder away"):
        load_menu("northgas", copy)
    assert menu_names(copy) == ["feedback"]


def test_a_list_in_the_place_of_a_menu_is_one_mistake(copy) -> None:
    (copy / "northgas.yaml").write_text("- a\n- b\n")
    with pytest.raises(MenuError) as error:
        load_menu("northgas", copy)
    assert len(error.value.problems) == 1


def test_times_are_seconds_and_keys_are_signs(northgas) -> None:
    assert northgas.data["find_caller"].limit == pytest.approx(0.8)
    assert northgas.queues["billing"].longest == 1200.0
    assert [spill.after for spill in northgas.queues["emergency"].spill] == [20.0, 45.0]
    assert [choice.press for choice in northgas.everywhere] == ["9", "0", "*"]
    assert northgas.manners.end_key == "#"
    assert northgas.stuck == 6
    assert northgas.agent_stuck == "agent_stuck"


def test_slow_is_down_unless_said_otherwise(northgas) -> None:
    balance, pay = northgas.steps["get_balance"], northgas.steps["pay_now"]
    assert isinstance(balance, LookupStep)
    assert isinstance(pay, LookupStep)
    assert balance.exits["slow"] == balance.exits["down"] == "data_down"
    assert pay.exits["slow"] == "pay_unknown"
    assert "refused" not in balance.exits


def test_steps_know_their_line(northgas) -> None:
    for name, step in northgas.steps.items():
        lines = Path(northgas.file_of(name)).read_text().splitlines()
        if not isinstance(step, ReturnStep):
            assert lines[step.line - 1].strip().startswith(f"{local(name)}:")
    assert northgas.file_of("feedback/thanks").endswith("feedback.yaml")
    assert isinstance(northgas.steps["agent_asked"], HandoffStep)


def test_secrets_are_known_by_name(northgas) -> None:
    assert northgas.secrets == frozenset({"pin"})


def test_a_menu_with_mistakes_raises_all_of_them(copy) -> None:
    text = (copy / "northgas.yaml").read_text().replace("go: bye}", "go: by}")
    (copy / "northgas.yaml").write_text(text)
    with pytest.raises(MenuError) as caught:
        load_menu("northgas", copy)
    assert len(caught.value.problems) == text.count("go: by}") > 3


def test_connectors_are_no_menu() -> None:
    assert menu_names(MENUS) == ["feedback", "northgas"]


@pytest.mark.parametrize(
    ("utc", "is_it"),
    [
        ("2026-03-02T12:59", False),
        ("2026-03-02T13:00", True),
        ("2026-03-03T00:59", True),
        ("2026-03-03T01:00", False),
        ("2026-03-07T13:59", False),
        ("2026-03-07T14:00", True),
        ("2026-03-08T15:00", False),
        ("2026-03-09T12:00", True),
        ("2026-03-06T12:59", False),
        ("2026-12-25T15:00", False),
    ],
)
def test_opening_hours_follow_the_zone_and_its_clock_changes(northgas, utc, is_it) -> None:
    """New York is five hours behind UTC, four from 8 March 2026 on."""
    assert is_open(northgas.hours["office"], datetime.fromisoformat(utc).replace(tzinfo=UTC)) is is_it


def test_hours_past_midnight_belong_to_the_day_they_began(small) -> None:
    body = """
hours: {night: {zone: UTC, week: {fri: "22:30-06:00"}}}
steps:
  first: {type: say, say: p.hello, go: bye}
"""
    night = small(body).machine.menu.hours["night"]
    friday, saturday = "2026-03-06T", "2026-03-07T"
    for when, expected in [
        (friday + "22:29", False),
        (friday + "22:30", True),
        (saturday + "05:59", True),
        (saturday + "06:00", False),
        (saturday + "23:00", False),
    ]:
        assert is_open(night, datetime.fromisoformat(when).replace(tzinfo=UTC)) is expected
