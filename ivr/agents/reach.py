"""Whom a queue's callers may be given to, and whom as well when they have waited (RT5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ivr.agents.events import QueueRule

ANY_AGENT = "any_agent"
Skills = Mapping[str, int]
"""Level by skill; 1 is first choice."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The agents who may have a caller after so many seconds of waiting."""

    after: float
    to: str
    """What it was widened to: ``level 2``, ``group``, ``any_agent``, ``queue NAME``; empty for the beginning."""
    agents: frozenset[str]
    """Ids; those of earlier reaches are among them."""


def level_of(skills: Skills, needed: Iterable[str]) -> int | None:
    """The worst level of the skills needed; None when one is missing, 1 when none is needed."""
    worst = 1
    for one in needed:
        if (level := skills.get(one)) is None:
            return None
        worst = max(worst, level)
    return worst


def reaches(
    rule: QueueRule, people: Mapping[str, Skills], rules: Mapping[str, QueueRule], widen: float
) -> tuple[Reach, ...]:
    """From the narrowest to the widest. A step that adds nobody is left out.

    Levels widen by one after `widen` seconds, and after twice that to everybody with one of the skills. Where
    nobody has the first level it begins with the best there is. An emergency asks all at once, and so
    does `widen` 0.
    """
    levels = {id: level for id, skills in people.items() if (level := level_of(skills, rule.skills)) is not None}
    steps: list[tuple[float, str, frozenset[str]]] = []
    if rule.emergency or not widen:
        steps.append((0.0, "", frozenset(levels)))
    else:
        best = min(levels.values(), default=1)
        steps.append((0.0, "", _up_to(levels, best)))
        steps.append((widen, f"level {best + 1}", _up_to(levels, best + 1)))
        group = {id for id, skills in people.items() if not rule.skills.isdisjoint(skills)}
        steps.append((2 * widen, "group", frozenset(group)))
    for spill in rule.spill:
        if spill.to == ANY_AGENT:
            steps.append((spill.after, ANY_AGENT, frozenset(people)))
        elif spill.to in rules:
            other = rules[spill.to].skills
            also = {id for id, skills in people.items() if other <= skills.keys()}
            steps.append((spill.after, f"queue {spill.to}", frozenset(also)))
    return _growing(steps)


def _up_to(levels: Mapping[str, int], level: int) -> frozenset[str]:
    return frozenset(id for id, own in levels.items() if own <= level)


def _growing(steps: list[tuple[float, str, frozenset[str]]]) -> tuple[Reach, ...]:
    found: list[Reach] = []
    for after, to, agents in sorted(steps, key=lambda step: step[0]):
        known = found[-1].agents if found else frozenset()
        if not found or not agents <= known:
            found.append(Reach(after, to, known | agents))
    return tuple(found)
