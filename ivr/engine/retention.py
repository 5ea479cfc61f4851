"""Recorded conversations are deleted when they are old: data that is not needed any more must not be kept."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

from ivr.call.tracks import folder_of
from ivr.clock import Clock
from ivr.config import Settings

LOOK_EVERY = 3600.0
"""Seconds between two looks for old files."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
logger = logging.getLogger(__name__)


def delete_older(folder: Path, than: datetime) -> int:
    """Delete recordings last written to before that moment, and folders of days that are empty then.

    Returns how many. Only what we make ourselves is touched: WAV files in folders named like a day. Files that
    cannot be deleted stay, with a line in the log.
    """
    deleted = 0
    days = [day for day in folder.glob("*") if _DAY.fullmatch(day.name) and not day.is_symlink()]
    for day in sorted(days):
        for file in sorted(day.glob("*.wav")):
            try:
                if file.lstat().st_mtime < than.timestamp():
                    file.unlink()
                    deleted += 1
            except OSError as error:
                logger.error("recording_not_deleted file=%s why=%s", file, error.strerror)
        if day.name < f"{than:%Y-%m-%d}" and not any(day.iterdir()):  # nobody writes there any more
            day.rmdir()
    return deleted


def keep_young(settings: Settings, clock: Clock) -> Callable[[], Awaitable[None]]:
    """Look for old recordings now and every hour, until what is returned is called."""

    async def watch() -> None:
        while settings.recording.keep_days:
            than = clock.utc() - timedelta(days=settings.recording.keep_days)
            if deleted := await asyncio.to_thread(delete_older, folder_of(settings), than):
                logger.info("recordings_deleted files=%d older_than=%s", deleted, than.date())
            await asyncio.sleep(LOOK_EVERY)

    watching = asyncio.create_task(watch())

    async def end() -> None:
        watching.cancel()
        await asyncio.wait([watching])

    return end
