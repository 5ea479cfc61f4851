"""Figures that outlive the engine, and what call records tell it after a restart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ivr.agents.events import CallerJoined, CallerLeft, LoggedOn, OfferPlace, QueueRule, WorkmodeChosen
from ivr.agents.floor import Floor
from ivr.call.daybook import Daybook
from ivr.call.record import closed_late
from ivr.call.remembering import remember
from ivr.call.tasks import Tasks
from ivr.config import AgentSettings, RoutingSettings

GENERAL = QueueRule("general", frozenset({"general"}), 30, 20.0)


class Days:
    """The part of the store that keeps figures."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}

    async def save_queue_days(self, day: str, figures: dict[str, Any]) -> None:
        self.kept.setdefault(day, {}).update(figures)

    async def queue_days(self, first: str, last: str) -> dict[str, Any]:
        return {day: one for day, one in self.kept.items() if first <= day <= last}


class Moment:
    def __init__(self, *at: int) -> None:
        self.at = datetime(*at, tzinfo=UTC)  # type: ignore[arg-type, misc]

    def utc(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 5.0


def exchange(store: Days, clock: Moment, zone: str = "America/New_York") -> Any:
    people = [AgentSettings("ann", skills=("general",)), AgentSettings("bob", skills=("general",))]
    return SimpleNamespace(
        agents=Floor(people, [GENERAL], RoutingSettings()),
        menu=SimpleNamespace(hours={"office": SimpleNamespace(zone=ZoneInfo(zone))}),
        rooms=SimpleNamespace(store=store, clock=clock),
        tasks=Tasks("test"),
        accepting=True,
    )


def abandon(house: Any) -> None:
    house.agents.handle(CallerJoined("t", "general"), 5.0)
    house.agents.handle(CallerLeft("t"), 5.0)


async def test_rt17_figures_go_on_after_a_restart_of_the_same_day() -> None:
    store, clock = Days(), Moment(2026, 3, 9, 15)
    for abandoned in (1, 2):
        house = exchange(store, clock)
        book = Daybook(house)
        await book.open()
        abandon(house)
        book.changed()
        await book.close()
        assert store.kept["2026-03-09"]["general"]["abandoned"] == abandoned


async def test_rt17_at_midnight_of_the_office_a_new_day_begins() -> None:
    store, clock = Days(), Moment(2026, 3, 9, 23)
    house = exchange(store, clock)
    book = Daybook(house)
    abandon(house)
    clock.at += timedelta(hours=5, minutes=30)  # 04:30 UTC, half past midnight in New York
    await book.save()
    assert {day: one["general"]["abandoned"] for day, one in store.kept.items()} == {"2026-03-09": 1}
    abandon(house)
    await book.save()
    assert {day: one["general"]["abandoned"] for day, one in store.kept.items()} == {
        "2026-03-09": 1,
        "2026-03-10": 1,
    }


def record(
    id: str, minutes_ago: float, *, ended: bool, agent: str | None = None, outcome: str | None = None
) -> Any:
    started = datetime(2026, 3, 9, 15, tzinfo=UTC) - timedelta(minutes=minutes_ago)
    handoff = {"queue": "general", "agent": agent, "outcome": outcome, "started": started.isoformat()}
    return {
        "id": id,
        "caller": "+15550100",
        "started": started.isoformat(),
        "ended": started.isoformat() if ended else None,
        "handoffs": [handoff],
    }


def test_rt12_a_caller_whose_wait_the_death_of_the_engine_ended_may_take_the_place_again() -> None:
    clock = Moment(2026, 3, 9, 15)
    house = exchange(Days(), clock)
    remember(house, [record("c1", 4, ended=False)], clock.utc())
    again = CallerJoined("t1", "general", caller="+15550100", resume=True)
    assert OfferPlace("t1") in house.agents.handle(again, 6.0)


@pytest.mark.parametrize(("seconds", "offered"), [(60, True), (170, True), (190, False)])
def test_rt12_a_second_death_of_the_engine_soon_after_costs_nobody_the_place(
    seconds: float, offered: bool
) -> None:
    clock = Moment(2026, 3, 9, 15)
    house = exchange(Days(), clock)
    first_start = clock.utc() - timedelta(seconds=seconds)
    before = record("c1", 4, ended=False) | {"answered": None}
    remember(house, [closed_late(before, first_start)], clock.utc())
    again = CallerJoined("t1", "general", caller="+15550100", resume=True)
    now = clock.monotonic()
    assert (OfferPlace("t1") in house.agents.handle(again, now)) is offered


def test_a_call_that_had_ended_or_has_just_begun_lost_no_place() -> None:
    clock = Moment(2026, 3, 9, 15)
    house = exchange(Days(), clock)
    remember(house, [record("new", -1, ended=False), record("old", 4, ended=True)], clock.utc())
    again = CallerJoined("t1", "general", caller="+15550100", resume=True)
    assert OfferPlace("t1") not in house.agents.handle(again, 6.0)


def test_the_last_agent_is_known_from_the_records_the_newest_counting() -> None:
    clock = Moment(2026, 3, 9, 15)
    house = exchange(Days(), clock)
    newest_first = [
        record("c2", 30, ended=True, agent="bob", outcome="answered"),
        record("c1", 90, ended=True, agent="ann", outcome="answered"),
    ]
    remember(house, newest_first, clock.utc())
    for agent in ("ann", "bob"):
        house.agents.handle(LoggedOn(agent), 6.0)
        house.agents.handle(WorkmodeChosen(agent, 2), 6.0)
    commands = house.agents.handle(CallerJoined("t1", "general", caller="+15550100"), 7.0)
    assert [command.agent for command in commands if type(command).__name__ == "OfferCall"] == ["bob"]
