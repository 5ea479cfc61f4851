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


class Usage:
    """Processor time and memory of some processes, since it was made."""

    def __init__(self, pids: dict[str, int]) -> None:
        self._pids = pids
        self._began = asyncio.get_running_loop().time()
        self._cpu = {name: cpu_seconds(pid) for name, pid in pids.items()}

    def now(self) -> dict[str, tuple[float, float]]:
        """Percent of one core, and MB, by name."""
        seconds = asyncio.get_running_loop().time() - self._began
        return {
            name: (100 * (cpu_seconds(pid) - self._cpu[name]) / seconds, resident(pid))
            for name, pid in self._pids.items()
        }
