"""One worker process as the engine sees it: started, talked to, watched, ended."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ivr
from ivr.errors import RemoteProtocolError
from ivr.media.worker.frames import FrameReader, Header, encode_frame

log = logging.getLogger(__name__)

HEALTH_EVERY = 1.0
HUNG_AFTER = 10.0
"""Seconds without an answer after which a worker is ended by force; its clock has no business stopping."""
MOST_UNREAD = 8 * 1024 * 1024
"""Octets of commands a worker may leave unread; likewise."""
GRACE = 2.0
"""Seconds a worker has to end by itself."""


class WorkerProcess:
    """A process, its control socket, and two tasks that read it and look after its health."""

    def __init__(
        self, on_frame: Callable[[Header, bytes], None], on_death: Callable[[WorkerProcess], None]
    ) -> None:
        self._on_frame = on_frame
        self._on_death = on_death
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._answered = 0.0
        self._ending = False
        self.health: dict[str, Any] = {}
        """What it said of itself last."""

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self.alive else None

    @property
    def alive(self) -> bool:
        return self._writer is not None

    async def start(self) -> None:
        """Start it. Raises OSError when the machine cannot."""
        ours, theirs = socket.socketpair()
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "ivr.media.worker",
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for the engine, which hangs up before it stops us
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        reader, self._writer = await asyncio.open_connection(sock=ours)
        self._answered = time.monotonic()
        self._tasks = [asyncio.create_task(self._read(reader)), asyncio.create_task(self._watch())]
        log.info("media_worker_started pid=%d", self._process.pid)

    def send(self, header: Header) -> None:
        """A command; lost without a word when the process is dead, whose death is told by itself."""
        if self._writer is None:
            return
        self._writer.write(encode_frame(header))
        if self._writer.transport.get_write_buffer_size() > MOST_UNREAD:
            self._kill("does not read its commands")

    async def stop(self) -> None:
        """End it, by force if it does not want to."""
        self._ending = True
        await self._hang_up()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _hang_up(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        process = self._process
        if process is None:
            return
        try:
            await asyncio.wait_for(process.wait(), GRACE)
        except TimeoutError:
            self._kill("did not end")
            await process.wait()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        frames = FrameReader()
        try:
            while data := await reader.read(65536):
                for header, tail in frames.feed(data):
                    self._handle(header, tail)
        except (OSError, RemoteProtocolError) as error:
            log.error("media_worker_control_lost pid=%s why=%s", self.pid, error)
        if self._ending:
            return
        await self._hang_up()
        process = self._process
        log.error("media_worker_died code=%s", process.returncode if process else None)
        self._on_death(self)

    def _handle(self, header: Header, tail: bytes) -> None:
        if "log" in header:
            logging.getLogger(str(header.get("logger"))).log(int(header["log"]), "%s", header.get("text"))
        elif "health" in header:
            self._answered = time.monotonic()
            self.health = {key: value for key, value in header.items() if key != "health"}
        else:
            self._on_frame(header, tail)

    async def _watch(self) -> None:
        while self.alive:
            self.send({"do": "health"})
            await asyncio.sleep(HEALTH_EVERY)
            if time.monotonic() - self._answered > HUNG_AFTER:
                self._kill("does not answer")
                return

    def _kill(self, why: str) -> None:
        log.error("media_worker_killed pid=%s why=%s", self._process.pid if self._process else None, why)
        if self._process is not None and self._process.returncode is None:
            self._process.kill()


def _environment() -> dict[str, str]:
    """Ours, with the package findable from anywhere, and without threads of the array library."""
    root = str(Path(ivr.__file__).parent.parent)
    before = os.environ.get("PYTHONPATH")
    paths = f"{root}{os.pathsep}{before}" if before else root
    return {**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
