"""What is no mistake and may not be meant: told by `ivr check` and by publishing, and never in the way.

Hours that run past midnight are right for a night shift and wrong where two times were swapped. A menu without
a list of connectors works as long as the customer store knows all its look-ups.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

from ivr.config.operations import OPERATIONS
from ivr.errors import Problem
from ivr.menu.check_report import Report

MIDNIGHT = time(0, 0)


def remarks(report: Report, connectors: str) -> Iterator[Problem]:
    """`connectors` names the list of connectors that is missing; empty where it is there."""
    for name, hours in report.menu.hours.items():
        seen = set()
        for span in hours.week:
            if span is None or span in seen or not MIDNIGHT < span[1] <= span[0]:
                continue
            seen.add(span)
            start, end = (f"{at:%H:%M}" for at in span)
            how = f"runs past midnight, from {start} until {end} of the next day"
            if start == end:
                how = f"is open for a whole day and night from {start} on"
            yield report.problem(
                ("hours", name, "week"), f"{how}; write the earlier time first if that is not meant"
            )
    if connectors and report.menu.data:
        strange = sorted(set(report.menu.data) - set(OPERATIONS))
        what = "is not there, so the customer store answers every look-up by its own name"
        if strange:
            what = f"is not there, and the customer store answers no {', '.join(strange)}; these will be down"
        yield Problem(connectors, what)
