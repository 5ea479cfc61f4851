"""RT9 and RT10: the floor knows when queues close and open, whatever clocks do at night."""

from __future__ import annotations

from datetime import UTC, datetime, time
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from ivr.agents.events import QueueClosed, QueueOpened
from ivr.call.queue_hours import QueueHours
from ivr.menu.model import Hours


def office(begins: time, ends: time) -> tuple[QueueHours, Any, list[Any]]:
    told: list[Any] = []
    hours = Hours(ZoneInfo("America/New_York"), ((begins, ends),) * 7)
    queues = {"billing": SimpleNamespace(open="office"), "emergency": SimpleNamespace(open="always")}
    clock = SimpleNamespace(now=datetime(2026, 3, 7, 12, tzinfo=UTC))
    clock.utc = lambda: clock.now
    exchange: Any = SimpleNamespace(
        menu=SimpleNamespace(queues=queues, hours={"office": hours}),
        rooms=SimpleNamespace(clock=clock),
        tell_floor=told.append,
    )
    return QueueHours(exchange), clock, told


def test_rt9_closing_and_opening_are_told_once_each_and_an_emergency_never_closes() -> None:
    hours, clock, told = office(time(8), time(20))
    for moment in ((7, 12, 0), (7, 13, 30), (8, 0, 59), (8, 1, 0), (8, 3, 0), (8, 11, 59), (8, 12, 0)):
        clock.now = datetime(2026, 3, *moment, tzinfo=UTC)
        hours.look()
    assert told == [QueueClosed("billing"), QueueOpened("billing"), QueueClosed("billing"), QueueOpened("billing")]


def test_rt10_the_night_clocks_go_forward_has_one_hour_less_and_the_one_they_go_back_one_more() -> None:
    def minutes_open(month: int, day: int) -> int:
        hours, clock, told = office(time(1), time(4))
        begin = datetime(2026, month, day, 4, tzinfo=UTC).timestamp()  # before 01:00 there
        counted, is_open = 0, True
        for minute in range(6 * 60):
            clock.now = datetime.fromtimestamp(begin + minute * 60, UTC)
            hours.look()
            is_open = not told or isinstance(told[-1], QueueOpened)
            counted += is_open
        return counted

    assert minutes_open(3, 7) == 180, "an ordinary night"
    assert minutes_open(3, 8) == 120, "02:00 to 03:00 does not exist"
    assert minutes_open(11, 1) == 240, "01:00 to 02:00 comes twice"
