"""Ways through the menu: steps nobody comes to, and circles nobody gets out of."""

from __future__ import annotations

from ivr.menu.check_report import Report, menu_ways, miss_ways, own_ways
from ivr.menu.model import AnyStep, AskStep, CheckStep, LookupStep, Menu, MenuStep, SayStep


def check_paths(report: Report) -> None:
    """Only when all targets lead somewhere."""
    _check_reached(report)
    _check_circles(report)


def following(menu: Menu, step: AnyStep) -> list[str]:
    """Steps that come next by themselves, by an answer or by misses."""
    targets = [target for _, target in own_ways(step)]
    if isinstance(step, (MenuStep, AskStep)):
        targets += [target for _, target in miss_ways(step.manners, ())]
    return [menu.start if target == "START" else target for target in targets if target not in _ELSEWHERE]


_ELSEWHERE = frozenset({"BACK", "REPEAT", "RETURN", "END"})


def _check_reached(report: Report) -> None:
    menu = report.menu
    coming = [target for _, target in menu_ways(menu) if target in menu.steps]
    reached: set[str] = set()
    while coming:
        name = coming.pop()
        if name not in reached:
            reached.add(name)
            coming += following(menu, menu.steps[name])
    for step in menu.steps.values():
        if step.name not in reached:
            message = "no way leads here; lead one here, or take the step out"
            report.unproven(step, "unreachable", ("steps", step.name), message, key=True)


def _check_circles(report: Report) -> None:
    """Steps that only say, look up and choose, and lead round to themselves: no caller can stop them.

    A step that counts tries (``miss:``) ends a circle, because tries run out.
    """
    menu = report.menu
    silent = {
        step.name: [name for name in following(menu, step) if name in menu.steps]
        for step in menu.steps.values()
        if isinstance(step, (SayStep, CheckStep, LookupStep)) and not step.miss
    }
    told: set[str] = set()
    for name in silent:
        circle = _circle(silent, name)
        if circle and told.isdisjoint(circle):
            told.update(circle)
            message = f"goes round in a circle without a question: {' '.join([*circle, name])}; break it"
            report.unproven(menu.steps[name], "circle", ("steps", name), message, key=True)


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
