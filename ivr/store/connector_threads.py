"""Threads for libraries that block: a bounded number for each system, so that a dead one holds up nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Threads:
    """At most `most` pieces of work at once. Who waits, waits on the loop and may give up.

    A thread cannot be stopped: its place is free again when the work has really ended, not when the caller has
    lost patience. Otherwise a system that hangs would be given ever more of them.
    """

    def __init__(self, name: str, most: int) -> None:
        self._free = asyncio.Semaphore(most)
        self._pool = ThreadPoolExecutor(most, thread_name_prefix=f"connector-{name}")

    async def run(self, work: Callable[[], T]) -> T:
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        try:
            job: Future[T] = self._pool.submit(work)
        except RuntimeError:
            self._free.release()
            raise
        job.add_done_callback(lambda _: _safely(loop, self._free.release))
        return await asyncio.wrap_future(job)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _safely(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:
        pass  # the loop has ended before the thread did
