"""Agents and routing: what could not work is told when the settings are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.agents.strategy import STRATEGIES
from ivr.config import load_settings, routing_check
from ivr.config.skills import skill_levels
from ivr.errors import SettingsError


def mistakes(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "ivr.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as raised:
        load_settings(path, {})
    return [str(problem).removeprefix(f"{path}:") for problem in raised.value.problems]


def test_a_skill_may_have_a_level() -> None:
    assert skill_levels(["billing", "outages:2"]) == {"billing": 1, "outages": 2}


@pytest.mark.parametrize("skill", [":2", "", "billing:", "billing:0", "billing:10", "billing:first", "a:b:1"])
def test_a_skill_that_cannot_be_read_is_told_with_what_to_write(tmp_path: Path, skill: str) -> None:
    (said,) = mistakes(tmp_path, f'[[agents]]\nid = "a"\nskills = ["{skill}"]')
    assert said == (
        f'3: agents 1.skills: skill "{skill}" cannot be read; write a name, or a name and its level from '
        '1 (asked first) to 9, such as "billing:2"'
    )


def test_a_strategy_nobody_knows_is_told_with_those_there_are(tmp_path: Path) -> None:
    (said,) = mistakes(tmp_path, '[routing]\nstrategy = "round_robin"')
    assert said == (
        '2: routing.strategy: is "round_robin"; write one of best_skill, longest_idle, fewest_calls, ring_all'
    )


def test_the_names_of_the_settings_are_those_of_the_floor() -> None:
    assert set(routing_check.STRATEGIES) == set(STRATEGIES)


def test_presence_may_be_strict(tmp_path: Path) -> None:
    path = tmp_path / "ivr.toml"
    path.write_text("[presence]\nstrict = true\n")
    assert load_settings(path, {}).presence.strict
