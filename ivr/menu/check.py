"""Checks of a whole menu, after its schema: names that lead nowhere, questions nobody can leave, prompts
that are not there (M7).

Every check speaks for itself and stays silent where an earlier mistake already explains it. A check that is
a *proof* has a name, and ``allow: [{proof: NAME, why: …}]`` on the step silences it (M20).
"""

from __future__ import annotations

from ivr.menu.check_emergency import check_line, check_talk
from ivr.menu.check_formatters import check_formatters
from ivr.menu.check_from_agent import check_from_agent
from ivr.menu.check_levels import check_granted, check_levels
from ivr.menu.check_listening import check_listening, check_said
from ivr.menu.check_names import check_names
from ivr.menu.check_paths import check_paths
from ivr.menu.check_people import check_people
from ivr.menu.check_prompts import check_prompts
from ivr.menu.check_questions import check_questions, check_taken
from ivr.menu.check_report import PROOFS, PROTECTED, Report
from ivr.menu.check_secrets import check_secrets
from ivr.menu.check_tries import check_tries
from ivr.menu.check_values import check_values
from ivr.menu.check_words import check_words
from ivr.menu.model import LookupStep, RunStep
from ivr.menu.schema import meant


def check(
    report: Report,
    connectors: frozenset[str] | None,
    recogniser_languages: frozenset[str] | None,
    *,
    dialled: bool = False,
) -> None:
    """One file by itself. `connectors` are the look-ups somebody answers, None where that is not known. With
    `recogniser_languages` also what only speech could answer where it is not heard. A menu that is written to
    be run by others may name levels and queues of theirs, unless it is `dialled`."""
    check_names(report, borrows=report.menu.runs_inside and not dialled)
    check_words(report)
    check_questions(report, recogniser_languages)
    check_listening(report)
    check_said(report)
    check_prompts(report)
    check_formatters(report)
    check_secrets(report)
    check_from_agent(report)
    _check_data(report, connectors)
    _check_exits(report)
    _check_queues(report)
    check_line(report)
    _check_levels(report)
    _check_allow(report)


def prove(report: Report) -> None:
    """The whole menu, with those it runs inside it. Only what can be relied on is proved: nothing about what the
    mistakes before leave open."""
    check_paths(report)
    if report.parts:
        check_granted(report)
        check_taken(report)
        check_said(report)
    check_talk(report)
    if not report.doubt.ways:
        check_people(report)
    if not report.doubt.levels:
        check_levels(report)
        check_tries(report)
    if not report.doubt.values:
        check_values(report)


def _check_data(report: Report, connectors: frozenset[str] | None) -> None:
    levels = report.menu.levels
    for name, source in report.menu.data.items():
        if source.requires and source.requires not in levels and (levels or not report.menu.runs_inside):
            report.doubt.levels = True
            known = meant(source.requires, levels)
            report.wrong(("data", name, "requires"), f"{source.requires!r} is no level of this menu{known}")
        for secret in sorted(source.secret - set(source.needs) - set(source.gives)):
            report.wrong(("data", name, "secret"), f"{secret!r} is neither needed nor given here")
        for optional in sorted(source.optional - set(source.gives)):
            message = f"{optional!r} is not given here{meant(optional, source.gives)}"
            report.wrong(("data", name, "optional"), message)
        if connectors is not None and name not in connectors:
            message = f"is not in connectors.yaml{meant(name, connectors)}; add who answers it there"
            report.wrong(("data", name), message, key=True)


def _check_exits(report: Report) -> None:
    """A refusal that nobody has thought of would count as a fault of ours."""
    menu = report.menu
    for step in menu.steps.values():
        if not isinstance(step, LookupStep) or "refused" in step.exits or step.use not in menu.data:
            continue
        if step.name in report.doubt.patched:
            continue
        why = "proves a level" if step.grants else "is done once" if menu.data[step.use].once else ""
        if why:
            message = f"has no refused:, and a look-up that {why} can be refused; add refused: with a step"
            report.unproven(step, "missing_exit", ("steps", step.name), message, key=True)


def _check_queues(report: Report) -> None:
    for name, queue in report.menu.queues.items():
        at = ("queues", name)
        spills = [spill.after for spill in queue.spill]
        if spills != sorted(spills):
            report.wrong((*at, "spill"), "is not in the order of time; write the shortest after: first")
        longest = queue.ring + max(spills, default=0.0)
        if queue.longest is not None and longest >= queue.longest:
            message = f"ends after {queue.longest:g} s, before ringing and spilling ({longest:g} s) are over"
            report.wrong((*at, "longest"), f"{message}; write a longer time")


def _check_levels(report: Report) -> None:
    menu = report.menu
    if not any(isinstance(step, RunStep) for step in menu.steps.values()):
        check_granted(report)
    for name, level in menu.levels.items():
        at = ("levels", name)
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
        for number, proof in enumerate(step.allow):
            at = ("steps", step.name, "allow", number, "proof")
            if proof in PROTECTED:
                report.wrong(at, f"{proof!r} protects callers and cannot be silenced; mend what it found")
            elif proof not in PROOFS:
                report.wrong(at, f"{proof!r} is no proof{meant(proof, PROOFS)}")
