"""Proof that a secret cannot be tried without end: every way from a refused proof back to it counts a try.

``tries: 3`` of a level is a limit only where some step between a refusal and the next attempt has ``miss:``. The
ways looked at are those a caller walks alone, a key of a menu and the proof that a step asks for among them; where
a person is called, the caller is no longer alone.
"""

from __future__ import annotations

from ivr.menu.check_paths import following
from ivr.menu.check_report import Report, own_ways
from ivr.menu.model import AnyStep, CallbackStep, HandoffStep, LookupStep, Menu, TransferStep, local

REFUSALS = ("refused", "not_found")


def check_tries(report: Report) -> None:
    menu = report.menu
    for step in menu.steps.values():
        if not isinstance(step, LookupStep) or step.use not in menu.data or step.miss:
            continue
        if not step.grants and not menu.data[step.use].secret & set(menu.data[step.use].needs):
            continue
        for exit in REFUSALS:
            way = _back(menu, step, step.exits.get(exit, ""))
            if way:
                names = " ".join(local(name) for name in way)
                level = step.grants or next(iter(menu.levels), "LEVEL")
                message = f"can be tried without end, by {names}; add miss: {level} to one of them [bypassed]"
                report.wrong(("steps", step.name, exit), message)
                break


def _back(menu: Menu, proof: LookupStep, first: str) -> list[str]:
    """Steps from a refusal to the same proof, none of which counts a try; empty where every way counts or ends."""
    before: dict[str, str] = {}
    coming = [menu.start if first == "START" else proof.name if first == "BACK" else first]
    seen = set(coming)
    while coming:
        name = coming.pop(0)
        if name == proof.name:
            way = [name]
            while way[0] in before and len(way) <= len(menu.steps):
                way.insert(0, before[way[0]])
            return way
        step = menu.steps.get(name)
        if step is None or step.miss or isinstance(step, (HandoffStep, TransferStep, CallbackStep)):
            continue
        for target in _after(menu, step, proof):
            if target not in seen:
                seen.add(target)
                before[target] = name
                coming.append(target)
    return []


def _after(menu: Menu, step: AnyStep, proof: LookupStep) -> list[str]:
    level = menu.levels.get(step.requires)
    back = [proof.name] if any(target == "BACK" for _, target in own_ways(step)) else []
    return [*following(menu, step), *back, *([level.start] if level is not None else [])]
