"""What is no mistake and may not be meant: told by `ivr check` and by publishing, and never in the way.

Hours that run past midnight are right for a night shift and wrong where two times were swapped. A menu without
a list of connectors works as long as the customer store knows all its look-ups. A look-up about a
person may be for everybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

from ivr.config.operations import OPERATIONS
from ivr.errors import Problem
from ivr.menu.check_emergency import silent
from ivr.menu.check_keys_said import keys_said
from ivr.menu.check_report import Report, own_ways
from ivr.menu.model import HandoffStep, LookupStep, Menu, MenuStep

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
    if silent(report.menu):
        message = "says nothing of an emergency line; write emergency: and its queue at the top, or {none: why}"
        yield report.problem(("name",), message, key=True)
    yield from keys_said(report)
    yield from _unguarded(report)
    if connectors and report.menu.data:
        strange = sorted(set(report.menu.data) - set(OPERATIONS))
        what = "is not there, so the customer store answers every look-up by its own name"
        if strange:
            what = f"is not there, and the customer store answers no {', '.join(strange)}; these will be down"
        yield Problem(connectors, what)


def _unguarded(report: Report) -> Iterator[Problem]:
    """Look-ups about the person that a level is proved for, which no step asks with that level. Certain it is only
    where ``data:`` says ``requires:``; there the proof `bypassed` stands guard."""
    menu = report.menu
    granting = {
        step.use: step.grants for step in menu.steps.values() if isinstance(step, LookupStep) and step.grants
    }
    asked = [step for step in menu.steps.values() if isinstance(step, LookupStep)]
    fine = {step.use for step in asked if step.requires} | set(granting) | _within_proofs(menu)
    for use, level in granting.items():
        who = set(menu.data[use].needs) - menu.secrets if use in menu.data else set()
        for name, source in menu.data.items():
            shared = sorted(who & set(source.needs))
            if not shared or name in fine or source.requires or name not in {step.use for step in asked}:
                continue
            message = (
                f"is asked about {shared[0]!r}, which {level} is proved for, by callers who have proved nothing"
            )
            yield report.problem(
                ("data", name), f"{message}; write requires: {level} if only they may hear it", key=True
            )


def _within_proofs(menu: Menu) -> set[str]:
    """Look-ups on the way from the first step of a level to its proof."""
    found: set[str] = set()
    coming = [level.start for level in menu.levels.values()]
    seen: set[str] = set()
    while coming:
        step = menu.steps.get(coming.pop())
        if step is None or step.name in seen:
            continue
        seen.add(step.name)
        if isinstance(step, LookupStep):
            found.add(step.use)
        if isinstance(step, (MenuStep, HandoffStep)) or (isinstance(step, LookupStep) and step.grants):
            continue
        coming += [target for _, target in own_ways(step)]
    return found
