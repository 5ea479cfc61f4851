"""Numbers that menus call and settings do not let them call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ivr.config import Settings, SipSettings, Trunk
from ivr.engine.outside_lines import outside_lines
from ivr.menu.load import load_menu
from ivr.menu.model import Menu

MENUS = Path(__file__).parents[2] / "menus"
GATEWAY = "sip:pbx.example"
LINES = "queues.emergency.spill, emergency_line.to"


@pytest.fixture(scope="module")
def menu() -> Menu:
    return load_menu("northgas", MENUS)


@pytest.mark.parametrize(
    "sip",
    [
        SipSettings(gateway=GATEWAY, dial=("tel:+1555",)),
        SipSettings(trunks=(Trunk("pbx", gateway=GATEWAY, dial=("tel:+1 555-0000-911",)),)),
    ],
)
def test_a_line_that_is_listed_is_no_mistake(menu: Menu, sip: SipSettings) -> None:
    found = outside_lines(Settings(sip=sip), [menu])
    assert (found.mistakes, found.remarks) == ([], [])


def test_an_emergency_line_that_is_not_listed_is_a_mistake(menu: Menu) -> None:
    found = outside_lines(Settings(sip=SipSettings(gateway=GATEWAY, dial=("tel:+1444",))), [menu])
    (problem,) = found.mistakes
    assert f"{LINES}: tel:+15550000911 is not listed in sip.dial or in a trunk's dial, so nobody" in str(problem)
    assert str(problem).endswith('write dial = ["tel:+15550000911"] under [sip] in ivr.toml')
    assert problem.line == menu.steps["emergency_line"].line
    assert found.remarks == []


def test_a_house_without_a_gateway_is_told_that_nobody_outside_is_called(menu: Menu) -> None:
    found = outside_lines(Settings(), [menu])
    assert found.mistakes == []
    (remark,) = found.remarks
    assert remark.where == LINES
    assert str(remark).endswith("and a gateway or a [[sip.trunks]] to call through")


def test_a_transfer_that_is_no_emergency_is_a_remark(menu: Menu) -> None:
    calm = replace(menu, queues={name: replace(queue, priority=70) for name, queue in menu.queues.items()})
    found = outside_lines(Settings(sip=SipSettings(gateway=GATEWAY)), [calm])
    assert found.mistakes == []
    assert [one.where for one in found.remarks] == [LINES]
