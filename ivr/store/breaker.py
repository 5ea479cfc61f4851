"""Giving a system up for a while that only costs callers' time. Pure: `now` is monotonic seconds.

::

               `after` failures in a row                rest is over: one may try
    CLOSED ------------------------------> OPEN ------------------------------> HALF_OPEN
       ^                                     ^   the try fails                      | |
       |                                     +--------------------------------------+ |
       +------------------------------------------------------------------------------+
                                   the try is answered

While it is open nobody waits: the caller hears the words for ``down`` at once instead of after the time limit,
and a system that is coming up again is not run over by everybody at once.
"""

from __future__ import annotations

from enum import StrEnum


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """One connector's."""

    def __init__(self, after: int = 5, rest: float = 30.0) -> None:
        self.after = after
        """Failures in a row that open it."""
        self.rest = rest
        """Seconds before a try."""
        self.state = BreakerState.CLOSED
        self.failures = 0
        """In a row."""
        self.opened = 0
        """How often it has opened."""
        self._until = 0.0
        self._trying = 0
        """Number of the try that is on its way; 0 for none."""
        self._tries = 0

    def enter(self, now: float) -> int | None:
        """A ticket for one look-up, to be handed back to `answered`, `failed` or `left`; None: not now."""
        self._tries += 1
        if self.state is BreakerState.CLOSED:
            return self._tries
        if self.state is BreakerState.OPEN and now >= self._until:
            self.state = BreakerState.HALF_OPEN
        if self.state is BreakerState.HALF_OPEN and not self._trying:
            self._trying = self._tries
            return self._tries
        return None

    def answered(self, ticket: int) -> bool:
        """The system answered, whatever it said. True if that closes the breaker."""
        if self.state is BreakerState.CLOSED:
            self.failures = 0
            return False
        if ticket != self._trying:
            return False  # began before it opened, and says nothing about now
        self.state, self.failures, self._trying = BreakerState.CLOSED, 0, 0
        return True

    def failed(self, ticket: int, now: float) -> bool:
        """It did not. True if that opens the breaker."""
        if self.state is BreakerState.CLOSED:
            self.failures += 1
            if self.failures < self.after:
                return False
        elif ticket != self._trying:
            return False
        self.state, self._trying, self._until = BreakerState.OPEN, 0, now + self.rest
        self.opened += 1
        return True

    def left(self, ticket: int) -> None:
        """The caller hung up before there was an answer: another may try."""
        if ticket == self._trying:
            self._trying = 0
