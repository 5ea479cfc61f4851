"""A promise to ring somebody when it is his turn (RT11)::

waiting --turn--> ringing --a person answers--> present --> an agent, like any caller
   ^                 |
   +--10 min later---+ nobody; after the third time the ticket has ended
"""

from __future__ import annotations

from dataclasses import dataclass

TRIES = 3
PAUSE = 600.0
"""Seconds between two tries."""
RING = 90.0
"""Seconds a call to the customer may take until a person has said yes; then it counts as in vain."""
RESERVED = 30.0
"""Most seconds an agent's telephone rings for a customer who is on the line already."""


@dataclass(slots=True)
class Callback:
    """Where one promise stands."""

    not_before: float
    """Monotonic seconds."""
    tries: int = 0
    """Calls made in vain."""
    ringing_until: float | None = None
    present: bool = False
    """The customer is on the line."""

    def due(self, now: float) -> bool:
        return not self.present and self.ringing_until is None and now >= self.not_before

    def ring(self, now: float) -> float:
        """The customer is rung from now on; returns until when."""
        self.ringing_until = now + RING
        return self.ringing_until

    def answered(self) -> None:
        self.ringing_until, self.present = None, True

    def in_vain(self, now: float) -> bool:
        """Nobody was reached. True when that was the last try."""
        self.ringing_until, self.tries = None, self.tries + 1
        self.not_before = now + PAUSE
        return self.tries >= TRIES

    def next_time(self, now: float) -> float | None:
        """When something happens by itself; a turn that is due already waits for an agent, not for time."""
        if self.ringing_until is not None:
            return self.ringing_until
        return self.not_before if not self.present and self.not_before > now else None
