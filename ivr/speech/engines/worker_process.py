"""The engine's end: a worker process with a pipe to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections import deque
from collections.abc import Mapping
from typing import Any

from ivr.errors import IvrError, WorkerDied
from ivr.speech.engines.frames import BadFrame, encode_frame, read_frame

log = logging.getLogger(__name__)


class WorkerProcess:
    """One run of ``python -m MODULE ARGUMENTS``. It ends when its standard input closes: with us at the latest."""

    def __init__(self, module: str, process: asyncio.subprocess.Process) -> None:
        self._module = module
        self._process = process
        self._said: deque[str] = deque(maxlen=8)
        self._listener = asyncio.create_task(self._listen(), name=f"{module} stderr")

    @classmethod
    async def spawn(cls, module: str, *arguments: str) -> WorkerProcess:
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-P", "-m", module, *arguments)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                env=_environment(),
                limit=1 << 20,
                start_new_session=True,  # Ctrl-C is for the engine
            )
        except OSError as error:
            raise IvrError(f"cannot start {module}: {error.strerror or error}") from error
        return cls(module, process)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    @property
    def backlog(self) -> int:
        """Octets written that the worker has not taken yet."""
        transport = self._input.transport
        return int(transport.get_write_buffer_size()) if isinstance(transport, asyncio.WriteTransport) else 0

    @property
    def _input(self) -> asyncio.StreamWriter:
        assert self._process.stdin is not None
        return self._process.stdin

    def write(self, message: Mapping[str, Any], body: bytes = b"") -> None:
        """Send a frame without waiting. One to a dead worker is lost; `read` tells of the death."""
        if self.running and not self._input.is_closing():
            self._input.write(encode_frame(message, body))

    async def read(self) -> tuple[dict[str, Any], bytes]:
        """The next frame. Raises WorkerDied, with the worker's last words, when there will be none."""
        assert self._process.stdout is not None
        try:
            return await read_frame(self._process.stdout)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except BadFrame as error:
            self.kill()
            raise WorkerDied(f"{self._module} sent {error} and was ended") from error
        code = await self._process.wait()
        await asyncio.wait({self._listener}, timeout=1)
        words = f": {self._said[-1]}" if self._said else ""
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        raise WorkerDied(f"{self._module} {how}{words}")

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.running:
                self._process.kill()

    async def stop(self, patience: float = 2.0) -> None:
        """Close the pipe, wait `patience` seconds for the worker to end by itself, then kill it."""
        self._input.close()
        try:
            await asyncio.wait_for(self._process.wait(), patience)
        except TimeoutError:
            log.warning("worker_killed module=%s pid=%d why=did-not-stop", self._module, self.pid)
            self.kill()
            await self._process.wait()
        await self._listener
        with contextlib.suppress(ConnectionError):
            await self._input.wait_closed()

    async def _listen(self) -> None:
        """Keep the last lines of standard error: a library's reason for ending the process."""
        assert self._process.stderr is not None
        while chunk := await self._process.stderr.read(4096):
            self._said.extend(line for line in chunk.decode("utf-8", "replace").splitlines() if line.strip())


def _environment() -> dict[str, str]:
    """Ours, with our own module path: the worker must run the same code as we do."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109 - as sys.path means it
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
