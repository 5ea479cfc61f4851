"""A process beside the one that measures: asked by a line of JSON, answers by one."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Self

STARTS = 120.0
"""Seconds a process may take to come up: prompts are rendered and PINs are hashed before the engine listens."""
ANSWERS = 90.0
"""Seconds an answer may take."""


class Child:
    """The asking side."""

    def __init__(self, module: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self._module = module
        self._process = process
        self._log = log
        self.pid = process.pid
        self.ready: dict[str, Any] = {}
        """What it told when it was up."""

    @classmethod
    async def start(cls, module: str, *arguments: object, log: Path) -> Self:
        """Raises RuntimeError with the end of its log when it does not come up, as `ask` does when it is gone."""
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", module, *map(str, arguments),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors, limit=1 << 20,
            )  # fmt: skip
        child = cls(module, process, log)
        try:
            child.ready = await child._answer(STARTS)
        except BaseException:
            await child.stop()
            raise
        return child

    async def ask(self, question: str, **values: object) -> dict[str, Any]:
        self.tell(question, **values)
        return await self._answer(ANSWERS)

    def tell(self, question: str, **values: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"ask": question, **values}).encode() + b"\n")

    async def _answer(self, within: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(within):
                line = await self._process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line:
            why = f"gave no answer in {within:g} s" if self._process.returncode is None else "has ended"
            told = await asyncio.to_thread(self._log.read_text)
            raise RuntimeError(f"{self._module} {why}; its log ends with\n{told[-3000:]}")
        return dict(json.loads(line))

    async def stop(self) -> None:
        """It ends when nobody asks any more."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


def answer(values: dict[str, Any]) -> None:
    """Of the asked side."""
    print(json.dumps(values), flush=True)


async def next_question() -> dict[str, Any]:
    """Of the asked side; empty when nobody asks any more."""
    line = await asyncio.to_thread(sys.stdin.readline)
    return dict(json.loads(line)) if line.strip() else {}
