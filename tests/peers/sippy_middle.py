"""sippy's back-to-back user agent between a caller and the engine: two dialogs of a stack that is not ours."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from ivr.config import HostPort


class SippyMiddle:
    """One process. What is called at `uri` it calls again at the engine, and passes on what each side says."""

    def __init__(self, folder: Path, port: int, engine: HostPort) -> None:
        self.uri = f"sip:ivr@127.0.0.1:{port}"
        self._arguments = ["-f", "-l", "127.0.0.1", "-p", str(port), "-n", str(engine)]
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> str:
        """Every message it saw."""
        return (self._folder / "output").read_text(errors="replace")

    async def start(self) -> None:
        """It answers a little later; a caller over UDP repeats the INVITE until then."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "output").open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "sippy.b2bua_simple", *self._arguments,
                cwd=self._folder, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, "SIPLOG_BEND": "stderr", "SIPLOG_LVL": "DBUG"},
            )  # fmt: skip

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
