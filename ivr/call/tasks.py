"""Background work that belongs to somebody and ends with him."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)


async def finished(task: asyncio.Task[Any] | None, within: float) -> None:
    """Until it is over, or so many seconds have passed; it goes on then."""
    if task is not None:
        await asyncio.wait([task], timeout=within)


class Tasks:
    """Tasks of one owner: kept from being forgotten, failures logged, cancelled together."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def cancel(self) -> None:
        """Cancel all but the task that asks for it."""
        current = asyncio.current_task()
        for task in list(self._tasks):
            if task is not current:
                task.cancel()

    async def wait(self) -> None:
        """Until all are over."""
        pending = self._tasks - {asyncio.current_task()}
        if pending:
            await asyncio.wait(pending)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("task_failed call=%s error=%r", self._owner, error, exc_info=error)
