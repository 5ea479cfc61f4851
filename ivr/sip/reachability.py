"""Whether a peer is there, by asking again and again. RFC 3261 section 11, RFC 3263 section 4.3.

::

              +--------- the next time to ask ----------+
              v                                         |
    OFF --> LOCATING --targets--> ASKING --an answer--> RESTING (reachable)
              |                    |  ^  |
              |                    |  +--+ 408, 503: the next target
              +--------------------+------------------> RESTING (not reachable)

Where the peer is (`Locate`) and the OPTIONS itself (`Ask`) are for others to do; they tell what came of it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from ivr.sip.upkeep import NEXT_TARGET, Answer, Locate

AGAIN = 30.0
"""Seconds after which a peer that is not there is asked again, where it would not be asked sooner."""

T = TypeVar("T")


class Asking(StrEnum):
    OFF = "off"
    LOCATING = "locating"
    ASKING = "asking"
    RESTING = "resting"


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """Send OPTIONS to `target`; then `answered`."""

    target: T


class Reachability(Generic[T]):
    """One peer; `deadline` says when to call `expire`."""

    def __init__(self, every: float, rng: random.Random) -> None:
        """`every`: seconds between two questions; a tenth less at random, so that peers are not asked in step."""
        self.state = Asking.OFF
        self.deadline: float | None = None
        self.is_reachable: bool | None = None
        """None before the first outcome."""
        self.since: float | None = None
        """Since when that is so."""
        self.target: T | None = None
        """Whom we asked last."""
        self.last: Answer | None = None
        self.why = ""
        """Why nobody could be asked, while that is so."""
        self._every = every
        self._rng = rng
        self._round: list[T] = []

    def start(self, now: float) -> list[Locate | Ask[T]]:
        self.state, self.deadline = Asking.LOCATING, None
        return [Locate()]

    def stop(self) -> None:
        self.state, self.deadline, self._round = Asking.OFF, None, []

    def expire(self, now: float) -> list[Locate | Ask[T]]:
        if self.deadline is None or now < self.deadline:
            return []
        return self.start(now)

    def located(self, targets: Sequence[T], now: float) -> list[Locate | Ask[T]]:
        """Where the peer is, the most preferred first."""
        if self.state is not Asking.LOCATING:
            return []
        self.why = "" if targets else "its name leads nowhere"
        self._round = list(targets)
        return self._next(now)

    def not_located(self, why: str, now: float) -> list[Locate | Ask[T]]:
        if self.state is not Asking.LOCATING:
            return []
        self.why, self._round = why, []
        return self._next(now)

    def answered(self, status: int, phrase: str, now: float) -> list[Locate | Ask[T]]:
        """The final answer to `Ask`; 408 for none, 503 for no connection, or from who can take no call."""
        if self.state is not Asking.ASKING:
            return []
        self.last = Answer(status, phrase, now)
        if status in NEXT_TARGET:
            return self._next(now)
        self._conclude(True, now)
        return []

    def _next(self, now: float) -> list[Locate | Ask[T]]:
        if not self._round:
            self._conclude(False, now)
            return []
        self.state, self.target = Asking.ASKING, self._round.pop(0)
        return [Ask(self.target)]

    def _conclude(self, reachable: bool, now: float) -> None:
        if reachable is not self.is_reachable:
            self.is_reachable, self.since = reachable, now
        self._round = []
        pause = self._every if reachable else min(self._every, AGAIN)
        self.state, self.deadline = Asking.RESTING, now + pause * self._rng.uniform(0.9, 1.0)
