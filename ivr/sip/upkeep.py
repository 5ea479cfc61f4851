"""Keeping one registration alive, by itself. RFC 3261 section 10.2, RFC 3263 section 4.3, RFC 5626 section 4.5.

::

              +----------------------- the next refresh, or the pause is over -------------------------+
              v                                                                                        |
    OFF --> LOCATING --targets--> REGISTERING --2xx--> REGISTERED -------------------------------------+
              |                     |  ^  |                                                            |
              | nobody there        |  +--+ 503, no answer, no connection: the next target             |
              +---------------------+--------------> WAITING (longer each time) -----------------------+

    any but OFF --stop--> LEAVING --answer--> OFF
    REGISTERED --connection lost--> LOCATING at once, or WAITING when that happens again and again

Where the registrar is (`Locate`) and the REGISTER itself (`Register`) are for others to do; they tell what came
of it.
"""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

BASE_TIME = 30.0
MAX_TIME = 1800.0
"""Seconds: the pauses of RFC 5626 section 4.5 when every target has failed. A pause is half to all of
``min(MAX_TIME, BASE_TIME * 2**failures)``, at random, so that a thousand clients do not come back together."""
REFUSED_COUNTS = 4
"""A registrar that does not know us or our password is asked at the pace of so many failures at least: some lock
an account that is wrong too often."""
MARGIN = 64.0
"""Seconds between a refresh and the end of what it refreshes: two targets can be silent for 32 s each."""
STEADY = 120.0
"""Seconds: when the connection of a registration breaks that has stood for so long, we register again at once;
when it breaks sooner, and not for the first time, after a pause that grows."""
FAIL_BACK = 600.0
"""Seconds for which a target that had to be left is not preferred again."""
NEXT_TARGET = (408, 503)
"""Answers, real or made up for silence and broken connections, after which the next target is asked."""

T = TypeVar("T", bound=Hashable)


class State(StrEnum):
    """How we stand with one registrar."""

    OFF = "off"
    LOCATING = "locating"
    REGISTERING = "registering"
    REGISTERED = "registered"
    WAITING = "waiting"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class Locate:
    """Look up where the registrar is; then `located` or `not_located`."""


@dataclass(frozen=True, slots=True)
class Register(Generic[T]):
    """Send REGISTER to `target`; then `answered`. 0 seconds takes the binding back."""

    target: T
    expires: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a registrar said last."""

    status: int
    phrase: str
    at: float


class Upkeep(Generic[T]):
    """One registration; `deadline` says when to call `expire`."""

    def __init__(self, expires: int, rng: random.Random) -> None:
        self.state = State.OFF
        self.deadline: float | None = None
        self.target: T | None = None
        """Whom we asked last."""
        self.last: Answer | None = None
        self.why = ""
        """Why nobody could be asked, while that is so."""
        self.failures = 0
        """Rounds without success, one after the other."""
        self._expires = expires
        self._rng = rng
        self._drops = 0
        """Connections lost one after the other, each before the registration over it was steady."""
        self._registered_at = float("-inf")
        self._bound_until = float("-inf")
        self._bound_at: T | None = None
        self._is_second_choice = False
        self._round: list[T] = []
        self._left_at: dict[T, float] = {}

    def is_bound(self, now: float) -> bool:
        """Whether the registrar still sends our calls to us, as far as we know; a refresh may be failing."""
        return now < self._bound_until

    # --- what is wanted

    def start(self, now: float) -> list[Locate | Register[T]]:
        self._enter(State.LOCATING, None)
        return [Locate()]

    def stop(self, now: float) -> list[Locate | Register[T]]:
        """Take the binding back where there is one. `is_over` tells when that has been answered."""
        bound_at, self._round = self._bound_at, []
        if bound_at is None or not self.is_bound(now):
            self._enter(State.OFF, None)
            return []
        self._enter(State.LEAVING, None)
        return [Register(bound_at, 0)]

    @property
    def is_over(self) -> bool:
        return self.state is State.OFF

    def expire(self, now: float) -> list[Locate | Register[T]]:
        if self.deadline is None or now < self.deadline:
            return []
        return self.start(now)

    # --- what came of it

    def located(self, targets: Sequence[T], now: float) -> list[Locate | Register[T]]:
        """Where the registrar is, the most preferred first."""
        if self.state is not State.LOCATING:
            return []
        if not targets:
            return self.not_located("its name leads nowhere", now)
        self.why = ""
        self._round = self._in_order(list(targets), now)
        return self._next(now)

    def not_located(self, why: str, now: float) -> list[Locate | Register[T]]:
        if self.state is not State.LOCATING:
            return []
        self.why = why
        self._wait(now)
        return []

    def answered(
        self, status: int, phrase: str, expires: int, now: float, *, retry_after: int = 0
    ) -> list[Locate | Register[T]]:
        """The final answer to `Register`; 408 for none, 503 for no connection."""
        self.last = Answer(status, phrase, now)
        if self.state is State.LEAVING:
            self._bound_until = now
            self._enter(State.OFF, None)
        elif self.state is not State.REGISTERING:
            return []
        elif status < 300 and expires > 0:
            self._registered(expires, now)
        elif status in NEXT_TARGET:
            if self.target is not None:
                self._left_at[self.target] = now
            if not self._round:
                self._wait(now, retry_after)
            return self._next(now)
        else:
            self._wait(now, retry_after, refused=True)
        return []

    def lost(self, now: float) -> list[Locate | Register[T]]:
        """The connection we had registered over is gone."""
        if self.state is not State.REGISTERED:
            return []
        self.why = "its connection was lost"
        self._drops = 1 if now - self._registered_at >= STEADY else self._drops + 1
        if self._drops == 1:
            return self.start(now)
        self.failures = self._drops - 2
        self._wait(now)
        return []

    # --- inside

    def _in_order(self, targets: list[T], now: float) -> list[T]:
        """Whoever failed lately comes last. Who has our binding comes first, for records of equal weight come in
        another order each time; but not when it was a second choice, and the first has had time to recover."""
        self._left_at = {t: at for t, at in self._left_at.items() if now - at < FAIL_BACK and t in targets}
        fresh = [target for target in targets if target not in self._left_at]
        if self.is_bound(now) and (self._left_at or not self._is_second_choice):
            fresh.sort(key=lambda target: target != self._bound_at)
        return fresh + [target for target in targets if target in self._left_at]

    def _next(self, now: float) -> list[Locate | Register[T]]:
        if not self._round:
            return []
        self.target = self._round.pop(0)
        self._enter(State.REGISTERING, None)
        return [Register(self.target, self._expires)]

    def _registered(self, expires: int, now: float) -> None:
        assert self.target is not None
        self.failures = 0
        self._left_at.pop(self.target, None)
        self._is_second_choice = bool(self._left_at)
        self._bound_at, self._bound_until, self._registered_at = self.target, now + expires, now
        early = min(max(MARGIN, 0.1 * expires), 0.5 * expires)
        self._enter(State.REGISTERED, now + (expires - early) * self._rng.uniform(0.95, 1.0))

    def _wait(self, now: float, retry_after: int = 0, *, refused: bool = False) -> None:
        self.failures += 1
        power = max(self.failures, REFUSED_COUNTS) if refused else self.failures
        longest = min(MAX_TIME, BASE_TIME * 2 ** min(power, 16))
        pause = max(self._rng.uniform(0.5, 1.0) * longest, float(retry_after))
        self._enter(State.WAITING, now + pause)

    def _enter(self, state: State, deadline: float | None) -> None:
        self.state, self.deadline = state, deadline
