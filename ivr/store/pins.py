"""When a PIN may still be tried. Pure: how often it was wrong goes in, the verdict comes out.

    free --wrong (1st to 4th)--> free, one try less
    free --wrong (5th)---------> locked for 15 minutes
    free --right---------------> free, all tries back
    locked --anything----------> locked: the right PIN does not help, and nothing prolongs the lock
    locked --time over---------> free, all tries back

An account that does not exist goes through the same states, or the lock itself would tell which ones do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

MOST_FAILURES = 5
"""Wrong PINs in a row, over all calls, that lock an account."""
LOCK_TIME = timedelta(minutes=15)
PIN_LENGTH = 4
"""Digits; what the menu's question takes."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """What is remembered about an account number between calls."""

    failures: int = 0
    locked_until: datetime | None = None
    """UTC."""

    def at(self, now: datetime) -> Attempts:
        """What is left of it at `now`: a lock that is over takes its failures with it."""
        return Attempts() if self.locked_until is not None and self.locked_until <= now else self

    @property
    def locked(self) -> bool:
        return self.locked_until is not None

    @property
    def tries_left(self) -> int:
        return 0 if self.locked else max(MOST_FAILURES - self.failures, 0)


def attempt(before: Attempts, right: bool, now: datetime) -> tuple[bool, Attempts]:
    """Whether the caller is let in, and what to remember; `now` is UTC."""
    before = before.at(now)
    if before.locked:
        return False, before
    if right:
        return True, Attempts()
    failures = before.failures + 1
    return False, Attempts(failures, now + LOCK_TIME if failures >= MOST_FAILURES else None)


def is_pin(text: object) -> bool:
    return isinstance(text, str) and len(text) == PIN_LENGTH and text.isascii() and text.isdigit()
