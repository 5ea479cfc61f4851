"""What a supervisor wants to know of a day: by half hour, by queue, and as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ivr.agents.figures import QueueFigures
from ivr.agents.floor import Floor

HALF_HOUR = 1800.0


class Named(Protocol):
    @property
    def id(self) -> str: ...


@dataclass(slots=True)
class Slot:
    """One half hour, by the time callers joined."""

    begins: float
    """Seconds after midnight."""
    figures: QueueFigures = field(default_factory=QueueFigures)
    looks: list[tuple[int, int]] = field(default_factory=list)
    """Agents at work and in calls, each time somebody looked."""

    @property
    def at_work(self) -> float:
        return sum(look[0] for look in self.looks) / len(self.looks) if self.looks else 0.0

    @property
    def talking(self) -> float:
        """Percent of those at work."""
        at_work = sum(look[0] for look in self.looks)
        return 100.0 * sum(look[1] for look in self.looks) / at_work if at_work else 0.0


class DayReport:
    """Counts while the day goes on."""

    def __init__(self, opens: float, slots: int, target: float) -> None:
        self._opens, self._target = opens, target
        self.slots = [Slot(opens + number * HALF_HOUR) for number in range(slots)]
        self.queues: dict[str, QueueFigures] = {}
        self.restarts = 0
        self.cut_off_waiting = self.cut_off_talking = 0
        """Callers whom a restart cut off."""
        self.promised = 0
        """Callers who wanted to be called."""
        self.called_back = 0
        self.unreached = 0
        self.still_promised = 0
        self.told = self.held = 0
        """Ranges told, and those that were kept."""
        self.occupancy: dict[str, float] = {}
        """Percent, by agent, since the last restart."""

    def slot(self, at: float) -> Slot:
        """Those before the first or after the last half hour belong to it."""
        return self.slots[min(max(int((at - self._opens) // HALF_HOUR), 0), len(self.slots) - 1)]

    def joined(self, queue: str, at: float) -> None:
        for figures in self._both(queue, at):
            figures.joined += 1

    def ended(
        self, queue: str, joined: float, outcome: Any, waited: float, kept: bool | None, called_back: bool
    ) -> None:
        """`kept`: whether the range told last was; None where none was told. Callbacks are counted apart."""
        if called_back:
            self.called_back += outcome == "answered"
            self.unreached += outcome == "unreached"
            return
        for figures in self._both(queue, joined):
            figures.ended(outcome, waited, self._target)
        if kept is not None:
            self.told, self.held = self.told + 1, self.held + kept

    def talked(self, queue: str, joined: float, seconds: float) -> None:
        for figures in self._both(queue, joined):
            figures.talked += seconds

    def restarted(self, waiting: int, talking: int) -> None:
        """So many callers who waited, and who talked, were cut off."""
        self.restarts += 1
        self.cut_off_waiting += waiting
        self.cut_off_talking += talking

    def looked(self, at: float, at_work: int, talking: int) -> None:
        if self._opens <= at < self._opens + len(self.slots) * HALF_HOUR:
            self.slot(at).looks.append((at_work, talking))

    def close(self, floor: Floor, agents: Sequence[Named], now: float) -> None:
        self.still_promised = len(floor.callbacks())
        for agent in agents:
            if (occupancy := floor.occupancy(agent.id, now)) is not None:
                self.occupancy[agent.id] = occupancy

    @property
    def total(self) -> QueueFigures:
        total = QueueFigures()
        for slot in self.slots:
            total.add(slot.figures.document())
        return total

    @property
    def honest(self) -> float | None:
        """Percent of the ranges told that held."""
        return 100.0 * self.held / self.told if self.told else None

    def document(self) -> dict[str, Any]:
        """Everything, fit for JSON."""
        return {
            "half_hours": [
                {
                    "begins": clock(slot.begins),
                    "at_work": round(slot.at_work, 1),
                    "talking": round(slot.talking, 1),
                }
                | slot.figures.document()
                for slot in self.slots
            ],
            "queues": {name: figures.document() for name, figures in self.queues.items()},
            "total": self.total.document(),
            "promised": self.promised,
            "called_back": self.called_back,
            "unreached": self.unreached,
            "still_promised": self.still_promised,
            "restarts": self.restarts,
            "cut_off_waiting": self.cut_off_waiting,
            "cut_off_talking": self.cut_off_talking,
            "ranges_kept": None if self.honest is None else round(self.honest, 1),
            "occupancy": {agent: round(percent, 1) for agent, percent in self.occupancy.items()},
        }

    def _both(self, queue: str, at: float) -> tuple[QueueFigures, QueueFigures]:
        return self.slot(at).figures, self.queues.setdefault(queue, QueueFigures())


def clock(seconds: float) -> str:
    """``08:30``.

    >>> clock(30600.0)
    '08:30'
    """
    return f"{int(seconds // 3600):02}:{int(seconds % 3600 // 60):02}"
