"""SIPp with one of the scenarios in `tests/peers/sipp/`."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Iterable
from pathlib import Path

from peers.scenario import scenario

from ivr.config import HostPort

SCENARIOS = Path(__file__).parent / "sipp"
PATIENCE = 15
"""Seconds a run may take; far more than any needs."""


class Sipp:
    """Runs scenarios; its logs go to `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs = 0

    async def play(
        self, name: str, steps: Iterable[str], target: HostPort, *options: str, tcp: bool = False
    ) -> None:
        """Play the steps of a scenario that has no file. Raises AssertionError as `run` does."""
        file = self._folder / f"{name}.xml"
        file.write_text(scenario(name, steps))
        await self._play(file, target, *options, calls=1, tcp=tcp)

    async def run(self, scenario: str, target: HostPort, *options: str, calls: int = 1, tcp: bool = False) -> None:
        """Play a scenario so often. Raises AssertionError, with SIPp's words, when it did not go as written."""
        await self._play(SCENARIOS / f"{scenario}.xml", target, *options, calls=calls, tcp=tcp)

    async def _play(self, file: Path, target: HostPort, *options: str, calls: int, tcp: bool) -> None:
        self._runs += 1
        log = self._folder / f"{file.stem}-{self._runs}"
        first = _free_port(6)
        port, control_port, media_port = first, first + 1, first + 2  # it takes four for media
        process = await asyncio.create_subprocess_exec(
            "sipp", str(target), "-sf", str(file), "-s", "ivr",
            "-i", "127.0.0.1", "-p", str(port), "-mi", "127.0.0.1", "-mp", str(media_port),
            "-cp", str(control_port),
            "-t", "t1" if tcp else "u1", "-m", str(calls), "-nostdin",
            "-timeout", str(PATIENCE), "-timeout_error",
            "-trace_err", "-error_file", f"{log}.errors", "-trace_msg", "-message_file", f"{log}.messages",
            *options,
            cwd=self._folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            async with asyncio.timeout(PATIENCE + 10):
                printed, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        said = [
            _text(Path(f"{log}.errors")),
            _text(Path(f"{log}.messages"))[-6000:],
            printed.decode(errors="replace")[-1500:],
        ]
        assert process.returncode == 0, f"{file.stem}: SIPp ended with {process.returncode}\n" + "\n".join(said)


def _text(file: Path) -> str:
    return file.read_text(errors="replace") if file.exists() else ""


def _free_port(count: int) -> int:
    """The first of some neighbouring ports that are free for UDP and TCP; an even one, as RTP wants."""
    while True:
        first = random.randrange(15000, 25000, 2)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + count):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    stack.enter_context(socket.socket(socket.AF_INET, kind)).bind(("127.0.0.1", port))
            return first
