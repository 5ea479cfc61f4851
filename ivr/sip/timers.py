"""Times of the transaction layer, and the clocks-to-be that wait for them.

Nothing here reads a clock: everybody says when to be woken, and is told when that moment has come.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Timers:
    """T1, T2 and T4 in seconds; the lettered timers follow from them. RFC 3261 table 4, RFC 6026 section 7.1."""

    t1: float = 0.5
    """Estimate of the round trip, and first interval of repetition."""
    t2: float = 4.0
    """Longest interval between repetitions of anything but an INVITE."""
    t4: float = 5.0
    """How long a message can linger in the network."""

    @property
    def patience(self) -> float:
        """64*T1: timers B, F, H, J, L and M, and the wait for an ACK."""
        return 64 * self.t1

    @property
    def d(self) -> float:
        """Timer D: at least 32 s over UDP, so long as the other side may repeat a final answer."""
        return max(32.0, self.patience)


class Alarms(dict[str, float]):
    """Named alarms of one owner: name to the moment it is due."""

    @property
    def deadline(self) -> float | None:
        return min(self.values(), default=None)

    def due(self, now: float) -> Iterator[str]:
        """Take off and give each alarm that is due, earliest first; also those set meanwhile."""
        while self and (name := min(self, key=self.__getitem__)) and self[name] <= now:
            del self[name]
            yield name

    def stop(self, *names: str) -> None:
        for name in names:
            self.pop(name, None)


class Waiting(Protocol):
    """Somebody with a deadline."""

    @property
    def deadline(self) -> float | None: ...

    def expire(self, now: float) -> None: ...


class TimerQueue:
    """Who is to be woken next, among thousands: a heap in which an outdated entry is left until it surfaces."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Waiting]] = []
        self._when: dict[Waiting, float] = {}
        self._serial = 0

    def __len__(self) -> int:
        return len(self._when)

    def watch(self, waiting: Waiting) -> None:
        """Note the deadline that `waiting` has now; None takes it off."""
        when = waiting.deadline
        if when is None:
            self._when.pop(waiting, None)
        elif self._when.get(waiting) != when:
            self._when[waiting] = when
            self._serial += 1
            heapq.heappush(self._heap, (when, self._serial, waiting))
            self._tidy()

    def forget(self, waiting: Waiting) -> None:
        self._when.pop(waiting, None)

    @property
    def deadline(self) -> float | None:
        while self._heap and self._outdated(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> Waiting | None:
        """The one whose deadline is the earliest and not after `now`; it is off the queue until watched again."""
        due = self.deadline
        if due is None or due > now:
            return None
        waiting = heapq.heappop(self._heap)[2]
        del self._when[waiting]
        return waiting

    def _outdated(self, entry: tuple[float, int, Waiting]) -> bool:
        return self._when.get(entry[2]) != entry[0]

    def _tidy(self) -> None:
        """Outdated entries never outnumber the live ones by much, so memory follows the live ones."""
        if len(self._heap) > 2 * len(self._when) + 64:
            live = {}
            for entry in self._heap:
                if not self._outdated(entry):
                    live[entry[2]] = entry
            self._heap = list(live.values())
            heapq.heapify(self._heap)
