"""Clocks: monotonic seconds inside, UTC outside."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the running parts take the time from, so that a test can give them another."""

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back; comparable only with itself."""
        ...

    def utc(self) -> datetime:
        """Wall-clock time with the zone UTC."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def utc(self) -> datetime:
        return datetime.now(UTC)
