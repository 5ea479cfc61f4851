"""Whether somebody is there: opening hours in local time, clock changes included (RT10)."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from ivr.menu.model import Hours


def is_open(hours: Hours, utc: datetime) -> bool:
    """At that moment. Hours that end before they begin run past midnight, as part of the day they began."""
    local = utc.astimezone(hours.zone)
    clock, today = local.time(), local.date()
    return _in_span(hours, today.weekday(), clock, begun_today=today not in hours.closed_on) or _in_night(
        hours, local, clock
    )


def _in_span(hours: Hours, weekday: int, clock: time, *, begun_today: bool) -> bool:
    span = hours.week[weekday]
    if span is None or not begun_today:
        return False
    start, end = span
    return start <= clock and (clock < end or end <= start)


def _in_night(hours: Hours, local: datetime, clock: time) -> bool:
    yesterday = local.date() - timedelta(days=1)
    span = hours.week[yesterday.weekday()]
    return span is not None and yesterday not in hours.closed_on and span[1] <= span[0] and clock < span[1]
