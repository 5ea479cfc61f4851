"""Proof that the emergency line is one action away from every question, and that a person can be reached.

The emergency line is the queue that ``emergency:`` names (see `check_emergency`). One action is one key, inside a
number star and the key, or the key alone and a pause: what follows it must lead there without asking anything,
without proof of who calls, in every language. A menu without an emergency line, or without any queue, has nothing
to prove here.
"""

from __future__ import annotations

from collections.abc import Iterable

from ivr.menu.check_paths import following
from ivr.menu.check_report import Report, questions
from ivr.menu.model import (
    AnyStep,
    Choice,
    HandoffStep,
    Menu,
    MenuStep,
    RunStep,
    SayStep,
    TransferStep,
)
from ivr.menu.schema import Keys


def check_people(report: Report) -> None:
    if report.menu.emergency in report.menu.queues:
        _check_emergency(report)
        _check_its_exits(report)
    if set(report.menu.queues) - {report.menu.emergency}:
        _check_agent(report)


# --- the emergency line ------------------------------------------------------------------------------------


def _check_emergency(report: Report) -> None:
    menu = report.menu
    asked = [step for step, _ in questions(menu)]
    ways = [(number, choice) for number, choice in enumerate(menu.everywhere) if _straight(menu, choice.go)]
    if not ways:
        without = [step for step in asked if not (isinstance(step, MenuStep) and _own_way(menu, step.choices))]
        if without or not asked:
            _no_way(report, [step.name for step in without])
        return
    if any(_always(choice) for _, choice in ways):
        return
    number, choice = ways[0]
    at: Keys = ("everywhere", number)
    if not choice.press:
        report.wrong(at, "leads to the emergency line and can only be said; add press: [emergency]")
    elif choice.show_if is not None:
        report.wrong((*at, "show_if"), "leads to the emergency line, which is there always; remove it [emergency]")


def _no_way(report: Report, without: list[str]) -> None:
    menu = report.menu
    steps = [step.name for step in menu.steps.values() if _is_emergency(menu, step)]
    if not steps:
        line = menu.emergency
        message = f"no step hands over to it; add a handoff with queue: {line}, and a key of everywhere for it"
        report.wrong(("queues", menu.emergency), f"{message} [emergency]", key=True)
        return
    have = " and others have" if len(without) > 3 else " has" if len(without) == 1 else " have"
    where = f"; {', '.join(without[:3])}{have} none" if without else ""
    barred = [choice for choice in menu.everywhere if choice.go in menu.steps and _reaches(menu, choice.go)]
    if barred:
        number = menu.everywhere.index(barred[0])
        message = f"{barred[0].go} asks for something before the emergency line; lead straight to {steps[0]}"
        report.wrong(("everywhere", number, "go"), f"{message} [emergency]")
        return
    message = f"no key of everywhere leads here{where}; add {{press: 9, go: {steps[0]}}} under everywhere:"
    report.wrong(("queues", menu.emergency), f"{message} [emergency]", key=True)


def _always(choice: Choice) -> bool:
    return bool(choice.press) and choice.show_if is None


def _own_way(menu: Menu, choices: Iterable[Choice]) -> bool:
    return any(_always(choice) and _straight(menu, choice.go) for choice in choices)


def _is_emergency(menu: Menu, step: AnyStep | None) -> bool:
    return isinstance(step, HandoffStep) and step.queue == menu.emergency


def _straight(menu: Menu, target: str) -> bool:
    """Whether the emergency line comes next, after words at most."""
    seen: set[str] = set()
    while target not in seen:
        seen.add(target)
        step = menu.steps.get(menu.start if target == "START" else target)
        if step is None or step.requires:
            return False
        if _is_emergency(menu, step):
            return True
        if not isinstance(step, (SayStep, RunStep)):
            return False
        target = step.go
    return False


def _reaches(menu: Menu, start: str) -> bool:
    """Whether the emergency line can be come to from there within a few steps."""
    coming, seen = [(start, 0)], set[str]()
    while coming:
        name, far = coming.pop()
        step = menu.steps.get(name)
        if step is None or name in seen or far > 4:
            continue
        seen.add(name)
        if _is_emergency(menu, step):
            return True
        coming += [(target, far + 1) for target in following(menu, step)]
    return False


def _check_its_exits(report: Report) -> None:
    """Where nobody answers, somebody else must be called: another queue, or a number outside."""
    menu = report.menu
    for step in menu.steps.values():
        if not isinstance(step, HandoffStep) or step.queue != menu.emergency:
            continue
        for exit, target in step.exits.items():
            if not _somebody(menu, target, step.name):
                message = f"{target} calls nobody; lead an emergency to a transfer or another queue"
                report.wrong(("steps", step.name, exit), f"{message} [emergency]")


def _somebody(menu: Menu, target: str, origin: str) -> bool:
    """Whether a person is called next, after words at most."""
    seen = {origin}
    while target not in seen:
        seen.add(target)
        step = menu.steps.get(menu.start if target == "START" else target)
        if isinstance(step, (TransferStep, HandoffStep)):
            return True
        if not isinstance(step, (SayStep, RunStep)):
            return False
        target = step.go
    return False


# --- people ------------------------------------------------------------------------------------------------


def _check_agent(report: Report) -> None:
    """From every question some way leads to a person who is no emergency; by misses too."""
    menu = report.menu
    backwards: dict[str, list[str]] = {}
    for step in menu.steps.values():
        targets = following(menu, step) + [choice.go for choice in menu.everywhere]
        for target in targets:
            backwards.setdefault(menu.start if target == "START" else target, []).append(step.name)
    coming = [
        step.name for step in menu.steps.values() if isinstance(step, HandoffStep) and step.queue != menu.emergency
    ]
    reaching: set[str] = set()
    while coming:
        name = coming.pop()
        if name not in reaching:
            reaching.add(name)
            coming += backwards.get(name, ())
    for step, _ in questions(menu):
        if step.name not in reaching:
            message = "no way from here leads to a person; add a key of everywhere that does, such as press: 0"
            report.unproven(step, "no_agent", ("steps", step.name), message, key=True)
