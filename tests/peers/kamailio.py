"""Kamailio as the proxy in front of one or more engines."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from pathlib import Path

CONFIG = Path(__file__).parent / "kamailio" / "edge.cfg"
PATIENCE = 15.0
"""Seconds a start may take; far more than it needs."""


class Kamailio:
    """One proxy process. `targets` are host and port of the engines that it shares calls out to, in turn."""

    def __init__(self, folder: Path, port: int, targets: list[str]) -> None:
        self.port = port
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        folder.mkdir(parents=True, exist_ok=True)
        config = CONFIG.read_text().replace("PORT", str(port)).replace("FOLDER", str(folder))
        (folder / "edge.cfg").write_text(config)
        (folder / "dispatcher.list").write_text("".join(f"1 sip:{target}\n" for target in targets))

    def uri(self, user: str = "ivr", transport: str = "udp") -> str:
        return f"sip:{user}@127.0.0.1:{self.port}" + ("" if transport == "udp" else f";transport={transport}")

    @property
    def log(self) -> str:
        """Everything it has written."""
        return (self._folder / "log").read_text(errors="replace")

    def seen(self, what: str) -> int:
        """How many requests of this kind went through it: ``INVITE``, ``BYE in a call``."""
        return sum(line.rstrip().endswith(f"SEEN {what}") for line in self.log.splitlines())

    async def start(self) -> None:
        """Raises AssertionError with its own words when it does not start."""
        with (self._folder / "log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                "kamailio", "-DD", "-E", "-f", str(self._folder / "edge.cfg"), "-m", "16", "-M", "4",
                "-Y", str(self._folder), "-w", str(self._folder),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            async with asyncio.timeout(PATIENCE):
                while not self._listens():
                    assert self._process.returncode is None, self.log
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"Kamailio does not listen:\n{self.log}") from None

    def _listens(self) -> bool:
        """Its TCP side is the last to come up, behind the one for datagrams."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe, contextlib.suppress(OSError):
            probe.connect(("127.0.0.1", self.port))
            return True
        return False

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), PATIENCE)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
