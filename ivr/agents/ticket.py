"""A caller's place in a queue."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.agents.events import QueueRule, Spill
from ivr.errors import LocalProtocolError

EMERGENCY = 100
"""The priority of the emergency band. A raise or age never lifts anybody else into it."""

AGEING = 60.0
"""Seconds of waiting that count as one point of priority."""

OUTSIDE_PAUSE = 30.0
"""Seconds until outside lines that all failed are tried again; the caller still waits for somebody."""

ANY_AGENT = "any_agent"

Rank = tuple[int, float, float, int]


def check_rule(rule: QueueRule) -> None:
    """Raise LocalProtocolError for a queue that could not work."""
    if rule.ring <= 0:
        raise LocalProtocolError(f"queue {rule.name} rings for {rule.ring:g} s; agents need more than 0 to answer")
    if not 0 <= rule.priority <= EMERGENCY:
        raise LocalProtocolError(f"queue {rule.name} has priority {rule.priority}; it must be 0 to {EMERGENCY}")


@dataclass(slots=True)
class Ticket:
    """One caller who waits. It keeps its number and age whatever happens to offers."""

    id: str
    number: int
    """Order of arrival."""
    rule: QueueRule
    priority_raise: int
    joined: float
    """Monotonic seconds; spill and `longest` count from here."""
    agent: str | None = None
    """Who is being offered the caller: at most one."""
    outside: str = ""
    """The outside address that is ringing; empty for none."""
    wanted: tuple[str, ...] = ()
    """Agents the caller was sent to and who have not been asked yet; nobody else is asked meanwhile."""
    _outside_next: int = 0
    _outside_not_before: float = 0.0

    @property
    def emergency(self) -> bool:
        return self.rule.priority >= EMERGENCY

    @property
    def has_queue(self) -> bool:
        """Whether somebody else may be asked once those it was sent to have failed."""
        return bool(self.rule.name)

    def not_taken_by(self, agent: str) -> None:
        """The agent was asked in vain."""
        self.wanted = tuple(other for other in self.wanted if other != agent)

    def rank(self, now: float) -> Rank:
        """Lowest is served first: band, then priority with age (capped at the band's top), then arrival."""
        if self.emergency:
            return (0, 0.0, self.joined, self.number)
        aged = self.rule.priority + self.priority_raise + (now - self.joined) / AGEING
        return (1, -min(aged, EMERGENCY - 1.0), self.joined, self.number)

    def waited(self, now: float) -> float:
        """Seconds."""
        return max(0.0, now - self.joined)

    def fits(self, skills: frozenset[str], now: float) -> bool:
        """Whether an agent with `skills` may have this caller: all of the queue's, or any after the spill."""
        return self.rule.skills <= skills or any(now >= at for at in self._widenings())

    def too_long(self, now: float) -> bool:
        return not self.wanted and self.rule.longest is not None and now >= self.joined + self.rule.longest

    def outside_due(self, now: float) -> str:
        """The outside address to ring now, or empty."""
        at = None if self.wanted else self._outside_at()
        return self._lines()[self._outside_next].to if at is not None and now >= at else ""

    def outside_failed(self, now: float) -> bool:
        """Go on to the next line; after the last one begin again, later. True when it was the last one."""
        self.outside = ""
        self._outside_next = (self._outside_next + 1) % len(self._lines())
        self._outside_not_before = now if self._outside_next else now + OUTSIDE_PAUSE
        return self._outside_next == 0

    def next_time(self, now: float) -> float | None:
        """When something happens to this ticket by itself, after `now`.

        A caller who is just being offered to an agent is not thrown out meanwhile: `longest` waits for the
        offer's end.
        """
        if self.wanted:
            return None  # the lease of the offer is all that can end
        times = [at for at in self._widenings() if at > now]
        if (at := self._outside_at()) is not None:
            times.append(at)
        if self.rule.longest is not None and self.agent is None:
            times.append(self.joined + self.rule.longest)
        return min(times, default=None)

    def _widenings(self) -> list[float]:
        return [self.joined + spill.after for spill in self.rule.spill if spill.to == ANY_AGENT]

    def _lines(self) -> list[Spill]:
        return sorted((spill for spill in self.rule.spill if spill.to != ANY_AGENT), key=lambda spill: spill.after)

    def _outside_at(self) -> float | None:
        lines = self._lines()
        if self.outside or not lines:
            return None
        return max(self.joined + lines[self._outside_next].after, self._outside_not_before)
