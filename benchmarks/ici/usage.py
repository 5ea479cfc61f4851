"""What processes take of the machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks.media import cpu_seconds, resident


def children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def is_media_worker(pid: int) -> bool:
    return b"ivr.media.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()


def waited(pid: int) -> float:
    """Seconds for which the main thread could have run and had no processor."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


class Usage:
    """Processor time, memory and waiting of some processes, since it was made."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._began = asyncio.get_running_loop().time()
        self._waited = {name: waited(pid) for name, pid in pids.items()}
        self._cpu = {name: cpu_seconds(pid) for name, pid in pids.items()}

    def now(self) -> dict[str, tuple[float, float, float]]:
        """Percent of one core, MB, and percent of the time spent waiting for a core, by name."""
        seconds = asyncio.get_running_loop().time() - self._began
        return {
            name: (
                100 * (cpu_seconds(pid) - self._cpu[name]) / seconds,
                resident(pid),
                100 * (waited(pid) - self._waited[name]) / seconds,
            )
            for name, pid in self._pids.items()
        }
