"""Recorded conversations are gone when their days are over, and nothing else is."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.config import RecordingSettings, Settings
from ivr.engine.retention import delete_older, keep_young
from ivr.testing.clock import FakeClock

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


def made(file: Path, days: float) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x")
    written = (NOW - timedelta(days=days)).timestamp()
    os.utime(file, (written, written))
    return file


def test_old_recordings_go_with_the_folder_of_their_day_and_young_ones_stay(tmp_path: Path) -> None:
    old = made(tmp_path / "2026-08-01" / "a-r1.wav", 100)
    also_old = made(tmp_path / "2026-10-22" / "b-r1.wav", 31)
    young = made(tmp_path / "2026-10-22" / "c-r1.wav", 29)
    others = [
        made(tmp_path / "2026-08-02" / "notes.txt", 100),
        made(tmp_path / "mine" / "x.wav", 100),
        made(tmp_path / "y.wav", 100),
    ]
    (tmp_path / "2026-11-22").mkdir()
    outside = made(tmp_path.parent / f"{tmp_path.name}-outside" / "z.wav", 100)
    (tmp_path / "2026-08-03").symlink_to(outside.parent)
    assert delete_older(tmp_path, NOW - timedelta(days=30)) == 2
    assert not old.parent.exists() and not also_old.exists()
    assert young.exists() and all(other.exists() for other in others) and outside.exists()
    assert (tmp_path / "2026-11-22").exists(), "somebody may be about to write there"


@pytest.mark.parametrize(("days", "stays"), [(30, False), (0, True)])
async def test_an_engine_that_starts_looks_for_them(tmp_path: Path, days: int, stays: bool) -> None:
    file = made(tmp_path / "conversations" / "2026-08-01" / "a-r1.wav", 31)
    settings = Settings(var=tmp_path, recording=RecordingSettings(keep_days=days))
    clock = FakeClock(utc=NOW)
    end = keep_young(settings, clock)
    async with asyncio.timeout(10):
        while file.exists() and not stays:
            await asyncio.sleep(0.01)
    await end()
    assert file.exists() is stays
