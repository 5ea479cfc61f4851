"""A clock that goes only when told to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FakeClock:
    """`ivr.clock.Clock` for tests: both clocks move together, by `advance`."""

    def __init__(
        self, utc: datetime = datetime(2026, 3, 2, 15, 15, tzinfo=UTC), monotonic: float = 1000.0
    ) -> None:
        self._utc = utc
        self._monotonic = monotonic

    def monotonic(self) -> float:
        return self._monotonic

    def utc(self) -> datetime:
        return self._utc

    def advance(self, seconds: float) -> None:
        """Let time pass. Raises ValueError for a step back."""
        if seconds < 0:
            raise ValueError(f"time cannot go back by {-seconds} s")
        self._monotonic += seconds
        self._utc += timedelta(seconds=seconds)
