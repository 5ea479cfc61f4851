"""Strategies: which of the agents who fit is rung. A contract with one suite for all.

A strategy orders candidates; the first is rung, or all of them where `together` says so. It sees nothing but
candidates, and which of them come first must not depend on the order in which they are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent who is free and may have the caller."""

    id: str
    level: int
    """The worst of the agent's levels in the skills of the queue; 1 is first choice."""
    idle_since: float
    """Monotonic seconds."""
    calls: int
    """Calls taken since log-on."""
    last: bool = False
    """Spoke with this caller last (within `routing.last_agent`)."""


class Strategy(Protocol):
    """One way of choosing."""

    @property
    def name(self) -> str:
        """As settings and menus write it."""
        ...

    @property
    def together(self) -> bool:
        """Whether everybody is rung at once, and the first who answers has the caller (RT7)."""
        ...

    def order(self, candidate: Candidate) -> Any:
        """Lowest is rung first; ends with the id, so that no two are equal."""
        ...


@dataclass(frozen=True, slots=True)
class BestSkill:
    """The last agent, then the best level, then the longest idle."""

    name: str = "best_skill"
    together: bool = False

    def order(self, candidate: Candidate) -> Any:
        return (not candidate.last, candidate.level, candidate.idle_since, candidate.id)


@dataclass(frozen=True, slots=True)
class LongestIdle:
    """The last agent, then the longest idle, whatever the level."""

    name: str = "longest_idle"
    together: bool = False

    def order(self, candidate: Candidate) -> Any:
        return (not candidate.last, candidate.idle_since, candidate.id)


@dataclass(frozen=True, slots=True)
class FewestCalls:
    """The last agent, then who has taken fewest calls since log-on, then the longest idle."""

    name: str = "fewest_calls"
    together: bool = False

    def order(self, candidate: Candidate) -> Any:
        return (not candidate.last, candidate.calls, candidate.idle_since, candidate.id)


@dataclass(frozen=True, slots=True)
class RingAll(BestSkill):
    """Everybody who is not needed for another waiting caller."""

    name: str = "ring_all"
    together: bool = True


STRATEGIES: Mapping[str, Strategy] = {
    strategy.name: strategy for strategy in (BestSkill(), LongestIdle(), FewestCalls(), RingAll())
}
