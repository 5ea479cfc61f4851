"""Ways through the menu: steps nobody comes to, and circles nobody gets out of."""

from __future__ import annotations

from ivr.menu.check_report import Report, menu_ways, miss_ways, own_ways
from ivr.menu.model import (
    AnyStep,
    AskStep,
    CallbackStep,
    HandoffStep,
    Menu,
    MenuStep,
    RecordStep,
    TransferStep,
    local,
    scope,
)


def check_paths(report: Report) -> None:
    """Circles always; what no way leads to or out of only where every way is known."""
    _check_circles(report)
    if not report.doubt.ways:
        reached = _check_reached(report)
        _check_dead_ends(report, reached)


def following(menu: Menu, step: AnyStep) -> list[str]:
    """Steps that come next by themselves, by an answer or by misses."""
    targets = [target for _, target in own_ways(step)]
    if isinstance(step, (MenuStep, AskStep)):
        targets += [target for _, target in miss_ways(step.manners, ())]
    return [menu.start if target == "START" else target for target in targets if target not in _ELSEWHERE]


LOST = 4
"""Steps that no way leads to, from which on the start is looked at."""
_ELSEWHERE = frozenset({"BACK", "REPEAT", "RETURN", "END"})


def _check_reached(report: Report) -> set[str]:
    """The steps a caller can come to."""
    menu = report.menu
    reached = _on_from(menu, {target for _, target in menu_ways(menu)})
    alone = {step.name for step in menu.steps.values() if "unreachable" in step.allow} - reached
    for name in sorted(alone):  # agents send callers there, so what follows is come to
        message = "no way leads here; lead one here, or take the step out"
        report.unproven(menu.steps[name], "unreachable", ("steps", name), message, key=True)
    reached |= _on_from(menu, alone)
    _check_start(report, reached)
    for step in menu.steps.values():
        if step.name not in reached and not report.doubt.start:
            message = "no way leads here; lead one here, or take the step out"
            report.unproven(step, "unreachable", ("steps", step.name), message, key=True)
    return reached


def _check_start(report: Report, reached: set[str]) -> None:
    """Where most steps are lost and one of them leads to all others, the call begins at the wrong step."""
    menu = report.menu
    lost = [name for name in menu.steps if name not in reached and not scope(name)]
    if len(lost) * 2 < len(menu.steps) or len(lost) < LOST:
        return
    for name in lost:
        if _on_from(menu, {name}).issuperset(lost):
            report.doubt.start = True
            message = f"{menu.start!r} leads to none of {len(lost)} steps; did you mean {name}?"
            report.wrong(("start",), f"{message} [unreachable]")
            return


def _on_from(menu: Menu, names: set[str]) -> set[str]:
    """These steps and all that follow."""
    coming, reached = [name for name in names if name in menu.steps], set[str]()
    while coming:
        name = coming.pop()
        if name not in reached:
            reached.add(name)
            coming += following(menu, menu.steps[name])
    return reached


def _check_circles(report: Report) -> None:
    """Steps that ask nothing and lead round to themselves: no caller can stop them, and people who are not
    there are called again and again. A step that counts tries (``miss:``) ends a circle, because tries run out.
    """
    menu = report.menu
    silent = {
        step.name: [name for name in following(menu, step) if name in menu.steps]
        for step in menu.steps.values()
        if not isinstance(step, (MenuStep, AskStep, RecordStep)) and not step.miss
    }
    told: set[str] = set()
    for name in silent:
        circle = _circle(silent, name)
        if circle and told.isdisjoint(circle):
            told.update(circle)
            way = " ".join(local(one) for one in (*circle, name))
            message = f"goes round in a circle without a question: {way}; break it"
            report.unproven(menu.steps[name], "circle", ("steps", name), message, key=True)


def _check_dead_ends(report: Report, reached: set[str]) -> None:
    """A caller who answers whatever is asked must come to an end, or to somebody, from every step."""
    menu = report.menu
    backwards: dict[str, list[str]] = {}
    coming: list[str] = []
    for step in menu.steps.values():
        targets = [target for _, target in own_ways(step)]
        if isinstance(step, (MenuStep, AskStep, CallbackStep)):
            targets += [target for _, target in miss_ways(step.manners, ())]
        if isinstance(step, (HandoffStep, TransferStep)) or {"END", "RETURN", "BACK"} & set(targets):
            coming.append(step.name)
        for target in targets:
            backwards.setdefault(menu.start if target == "START" else target, []).append(step.name)
    ending: set[str] = set()
    while coming:
        name = coming.pop()
        if name not in ending:
            ending.add(name)
            coming += backwards.get(name, ())
    for step in menu.steps.values():
        if step.name in reached and step.name not in ending:
            message = "no way from here ends the call or reaches a person; lead one to END or a handoff"
            report.unproven(step, "dead_end", ("steps", step.name), message, key=True)


def _circle(ways: dict[str, list[str]], start: str) -> list[str]:
    """Steps of a circle through `start`, beginning with it; empty if there is none."""
    before: dict[str, str] = {}
    coming = [start]
    while coming:
        name = coming.pop(0)
        for target in ways.get(name, ()):
            if target == start:
                circle = [name]
                while circle[0] != start:
                    circle.insert(0, before[circle[0]])
                return circle
            if target in ways and target not in before:
                before[target] = name
                coming.append(target)
    return []
