"""What is remembered of callers for a while: the agent they spoke with, the place they lost."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

MOST = 20_000
"""Callers kept; the oldest go first."""
REDIAL = 180.0
"""Seconds within which a caller who was cut off may take the place again (RT12)."""
KEPT_FOR_CALLBACK = 900.0
"""Seconds within which a place that was given up counts for a callback: menus ask for the number in between."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a queue that somebody has given up."""

    ticket: str
    caller: str
    queue: str
    number: int
    joined: float
    left: float
    lost: bool
    """Cut off while waiting; only such a place can be taken again by dialling again."""


class Places:
    """Places given up within the last minutes, by ticket."""

    def __init__(self) -> None:
        self._places: OrderedDict[str, Place] = OrderedDict()

    def keep(self, place: Place) -> None:
        self._places[place.ticket] = place
        while len(self._places) > MOST:
            self._places.popitem(last=False)

    def of_caller(self, caller: str, queue: str, now: float) -> Place | None:
        """The one a caller lost within `REDIAL` seconds; the newest of several."""
        self._forget(now)
        if not caller:
            return None
        for place in reversed(self._places.values()):
            if place.lost and place.caller == caller and place.queue == queue and now - place.left <= REDIAL:
                return place
        return None

    def of_ticket(self, ticket: str, now: float) -> Place | None:
        self._forget(now)
        return self._places.get(ticket)

    def take(self, ticket: str) -> None:
        """It is somebody's again."""
        self._places.pop(ticket, None)

    def _forget(self, now: float) -> None:
        for ticket, place in list(self._places.items()):
            if now - place.left <= KEPT_FOR_CALLBACK:
                break
            del self._places[ticket]


class LastAgents:
    """Who spoke with which caller last, within so many seconds; 0 remembers nobody."""

    def __init__(self, kept: float) -> None:
        self._kept = kept
        self._last: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def spoke(self, caller: str, agent: str, now: float) -> None:
        if caller and self._kept:
            self._last[caller] = (agent, now)
            self._last.move_to_end(caller)
            while len(self._last) > MOST:
                self._last.popitem(last=False)

    def of(self, caller: str, now: float) -> str:
        """The agent's id; empty for nobody."""
        agent, at = self._last.get(caller, ("", 0.0))
        return agent if agent and now - at <= self._kept else ""
