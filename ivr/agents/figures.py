"""What supervisors count: per queue what became of its callers, per agent where the time went (RT17)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ivr.agents.events import AgentState, Outcome

SMOOTHING = 0.1
"""Share of the newest call in the mean handling time: some twenty calls are remembered."""
KNOWN_AFTER = 5
"""Calls after which a mean handling time means something."""
BUSY = (AgentState.OFFERED, AgentState.IN_CALL, AgentState.ON_HOLD, AgentState.WRAP_UP)


@dataclass(slots=True)
class QueueFigures:
    """Counts of one queue since they were begun; they add up, so days can be kept as sums."""

    joined: int = 0
    answered: int = 0
    in_time: int = 0
    """Answered within the target."""
    abandoned: int = 0
    early: int = 0
    """Abandoned within the target."""
    overflow: int = 0
    """Sent away: waited too long, or nobody was there (not an abandon, RT13)."""
    callback: int = 0
    """Chose to be called back."""
    closed: int = 0
    unreached: int = 0
    """Callbacks that reached nobody."""
    waited: float = 0.0
    """Seconds all answered callers have waited."""
    longest: float = 0.0
    """The longest of these waits; days are not added here but compared."""
    talked: float = 0.0
    """Seconds agents spoke with callers of this queue."""

    def ended(self, outcome: Outcome, waited: float, target: float) -> None:
        setattr(self, outcome, getattr(self, outcome) + 1)
        if outcome == "answered":
            self.in_time += waited <= target
            self.waited += waited
            self.longest = max(self.longest, waited)
        elif outcome == "abandoned":
            self.early += waited <= target

    def not_here(self) -> None:
        """A caller who had joined counts elsewhere from now on. One of yesterday was not among today's."""
        self.joined = max(0, self.joined - 1)

    def add(self, other: Mapping[str, Any]) -> None:
        """Add counts of elsewhere; unknown names are left alone."""
        for name in (field.name for field in fields(self)):
            value = other.get(name, 0) or 0
            both = max(self.longest, value) if name == "longest" else getattr(self, name) + value
            setattr(self, name, both)

    @property
    def service_level(self) -> float | None:
        """Percent answered in time of those answered; Asterisk's SL. None before the first."""
        return 100.0 * self.in_time / self.answered if self.answered else None

    @property
    def service_level_2(self) -> float | None:
        """The same with early abandons, of all answered or abandoned; Asterisk's SL2."""
        all_ = self.answered + self.abandoned
        return 100.0 * (self.in_time + self.early) / all_ if all_ else None

    @property
    def mean_wait(self) -> float | None:
        """Seconds to answer; None before the first."""
        return self.waited / self.answered if self.answered else None

    def document(self) -> dict[str, Any]:
        """Counts and what follows from them, fit for JSON."""
        derived = {
            "service_level": self.service_level,
            "service_level_2": self.service_level_2,
            "mean_wait": self.mean_wait,
        }
        rounded = {name: None if value is None else round(value, 1) for name, value in derived.items()}
        return (
            asdict(self)
            | {name: round(getattr(self, name), 1) for name in ("waited", "longest", "talked")}
            | rounded
        )


class Handling:
    """How long a caller of each queue keeps an agent: talk and wrap-up, as it was lately."""

    def __init__(self) -> None:
        self._means: dict[str, tuple[int, float]] = {}

    def took(self, queue: str, seconds: float) -> None:
        count, mean = self._means.get(queue, (0, seconds))
        weight = max(SMOOTHING, 1.0 / (count + 1))
        self._means[queue] = (count + 1, mean + weight * (seconds - mean))

    def mean(self, queues: Iterable[str]) -> float | None:
        """Seconds, over these queues by the calls they had; None while nobody can say."""
        known = [self._means[queue] for queue in queues if queue in self._means]
        calls = sum(count for count, _ in known)
        if calls < KNOWN_AFTER:
            return None
        return sum(count * mean for count, mean in known) / calls


class StateTimes:
    """Seconds one agent has spent in each state."""

    def __init__(self, state: AgentState, now: float) -> None:
        self._state, self._since = state, now
        self._seconds: dict[AgentState, float] = {}

    def changed(self, state: AgentState, now: float) -> None:
        self._seconds[self._state] = self._seconds.get(self._state, 0.0) + max(0.0, now - self._since)
        self._state, self._since = state, now

    def seconds(self, now: float) -> dict[AgentState, float]:
        found = dict(self._seconds)
        found[self._state] = found.get(self._state, 0.0) + max(0.0, now - self._since)
        return found

    def occupancy(self, now: float) -> float | None:
        """Percent of the time at work that went into calls and wrap-up; None when there was none."""
        seconds = self.seconds(now)
        busy = sum(seconds.get(state, 0.0) for state in BUSY)
        at_work = busy + seconds.get(AgentState.AVAILABLE, 0.0)
        return 100.0 * busy / at_work if at_work else None
