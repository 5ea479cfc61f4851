"""Checks of a whole menu, after its schema: names that lead nowhere, questions nobody can leave, prompts
that are not there (M7).

Every check speaks for itself and stays silent where an earlier mistake already explains it. A check that is
a *proof* has a name, and ``allow: [{proof: NAME, why: …}]`` on the step silences it (M20).
"""

from __future__ import annotations

from ivr.errors import Problem
from ivr.menu.check_names import check_names
from ivr.menu.check_paths import check_paths
from ivr.menu.check_prompts import check_prompts
from ivr.menu.check_questions import check_questions
from ivr.menu.check_report import PROOFS, Report
from ivr.menu.check_values import check_values
from ivr.menu.model import Menu
from ivr.menu.schema import meant
from ivr.menu.source import Node

EMERGENCY = "emergency"
"""The queue that may never close."""


def check(
    menu: Menu, root: Node, connectors: frozenset[str] | None, recogniser_languages: frozenset[str] | None
) -> list[Problem]:
    """`root` gives the places. `connectors` are the look-ups somebody answers, None where that is not known.
    With `recogniser_languages` also what only speech could answer where it is not heard."""
    report = Report(menu, root)
    check_names(report)
    check_questions(report, recogniser_languages)
    check_prompts(report)
    _check_data(report, connectors)
    _check_queues(report)
    _check_levels(report)
    _check_allow(report)
    sound = not report.problems
    if not report.dangling:
        check_paths(report)
    if sound:
        check_values(report)
    return report.problems


def _check_data(report: Report, connectors: frozenset[str] | None) -> None:
    for name, source in report.menu.data.items():
        for secret in sorted(source.secret - set(source.needs) - set(source.gives)):
            report.wrong(("data", name, "secret"), f"{secret!r} is neither needed nor given here")
        if connectors is not None and name not in connectors:
            message = f"is not in connectors.yaml{meant(name, connectors)}; add who answers it there"
            report.wrong(("data", name), message, key=True)


def _check_queues(report: Report) -> None:
    for name, queue in report.menu.queues.items():
        at = ("queues", name)
        if name == EMERGENCY and queue.open != "always":
            report.wrong((*at, "open"), f"is {queue.open!r}; an emergency queue cannot close, write always")
        spills = [spill.after for spill in queue.spill]
        if spills != sorted(spills):
            report.wrong((*at, "spill"), "is not in the order of time; write the shortest after: first")
        longest = queue.ring + max(spills, default=0.0)
        if queue.longest is not None and longest >= queue.longest:
            message = f"ends after {queue.longest:g} s, before ringing and spilling ({longest:g} s) are over"
            report.wrong((*at, "longest"), f"{message}; write a longer time")


def _check_levels(report: Report) -> None:
    menu = report.menu
    granted = {getattr(step, "grants", "") for step in menu.steps.values()}
    for name, level in menu.levels.items():
        at = ("levels", name)
        if name not in granted:
            report.wrong(at, f"is proved nowhere; write grants: {name} at the look-up that proves it", key=True)
        seen, needs = {name}, getattr(menu.steps.get(level.start), "requires", "")
        while needs in menu.levels and needs not in seen:
            seen.add(needs)
            needs = getattr(menu.steps.get(menu.levels[needs].start), "requires", "")
        if needs == name:
            report.wrong((*at, "start"), f"{level.start} itself requires {name}; begin with a step that does not")
    for step in menu.steps.values():
        grants = getattr(step, "grants", "")
        if grants and step.requires == grants:
            message = f"requires {grants} and is what proves it; take one of them away"
            report.wrong(("steps", step.name, "requires"), message)


def _check_allow(report: Report) -> None:
    for step in report.menu.steps.values():
        for proof in sorted(step.allow - PROOFS):
            report.wrong(("steps", step.name, "allow"), f"{proof!r} is no proof{meant(proof, PROOFS)}")
