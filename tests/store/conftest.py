"""A store in a fresh folder, on a clock that stands still until it is moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import pytest

from ivr.store.sqlite import SqliteStore
from ivr.store.sqlite_pins import PinHasher

START = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


class StoppedClock:
    """Moves only when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def monotonic(self) -> float:
        return (self.now - START).total_seconds()

    def utc(self) -> datetime:
        return self.now

    def advance(self, **time: float) -> None:
        self.now += timedelta(**time)


class CountingHasher(PinHasher):
    """As cheap as argon2 gets, and counts what was asked of it."""

    def verify(self, pin_hash: str, pin: str) -> bool:
        self.verified.append(pin_hash)
        return super().verify(pin_hash, pin)

    @cached_property
    def verified(self) -> list[str]:
        return []

    @property
    def count(self) -> int:
        """Hashes that cost their full time: anything but a hash of these costs would be over at once."""
        return sum(one.startswith("$argon2id$v=19$m=8,t=1,p=1$") for one in self.verified)


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def hasher() -> CountingHasher:
    return CountingHasher(time_cost=1, memory=8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "ivr.db"


@pytest.fixture
async def store(path: Path, clock: StoppedClock, hasher: CountingHasher) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(path, clock=clock, hasher=hasher)
    yield opened
    await opened.close()
