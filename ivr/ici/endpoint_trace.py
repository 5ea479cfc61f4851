"""The file with every message of ICI, in the form that ``ivr ici learn`` and ``ivr ici replay`` read.

    2026-11-22T08:57:01.123+00:00 desk1 in IciUser.subscribe
    <soap:Envelope …>
    <soap:Envelope …>

``in`` is CRM's request with our answer, ``out`` our event with CRM's. A thread of its own masks and writes.
The file is for its owner only; at `LARGEST` it becomes ``….1`` and a new one is begun.
"""

from __future__ import annotations

import logging
import queue
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from ivr.ici.dialect import Dialect
from ivr.ici.trace_masking import Mask

LARGEST: Final = 64 * 1024 * 1024
"""Octets; a working day of an agent has 10,000 to 100,000 entries (ICI.md section 1.3)."""
WAITING: Final = 2000
"""Exchanges that wait to be written; more are counted and left out: a slow disk must not fill the memory."""
log = logging.getLogger(__name__)

Entry = tuple[datetime, str, str, str, bytes, bytes]


class IciTrace:
    """Open until `close`. Raises OSError when the file cannot be written."""

    def __init__(self, path: Path, dialect: Dialect, *, values: bool = False, largest: int = LARGEST) -> None:
        self.path = path
        self.lost = 0
        """Exchanges that were left out."""
        self._mask = Mask(dialect, values=values)
        self._largest = largest
        self._waiting: queue.Queue[Entry | None] = queue.Queue(WAITING)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.open("ab").close()
        self._thread = threading.Thread(target=self._write_all, name="ici-trace", daemon=True)
        self._thread.start()

    def note(self, direction: Literal["in", "out"], user: str, name: str, request: bytes, answer: bytes) -> None:
        """Keep one exchange; never waits. `name` is service and operation, or the event."""
        try:
            self._waiting.put_nowait((datetime.now(UTC), user, direction, name, request, answer))
        except queue.Full:
            self.lost += 1

    def close(self) -> None:
        """What waits is written."""
        self._waiting.put(None)
        self._thread.join()
        if self.lost:
            log.warning("ici_trace_incomplete file=%s lost=%d", self.path, self.lost)

    def _write_all(self) -> None:
        while (entry := self._waiting.get()) is not None:
            try:
                self._write(entry)
            except OSError as failure:
                self.lost += 1
                log.debug("ici_trace_not_written file=%s why=%s", self.path, failure)

    def _write(self, entry: Entry) -> None:
        at, user, direction, name, *envelopes = entry
        lines = [f"{at.isoformat(timespec='milliseconds')} {user or '-'} {direction} {name}".encode()]
        lines += [self._mask(raw) for raw in envelopes if raw]
        if self.path.exists() and self.path.stat().st_size >= self._largest:
            self.path.replace(self.path.with_name(f"{self.path.name}.1"))
            self.path.touch(mode=0o600)
        with self.path.open("ab") as file:
            file.write(b"\n".join(lines) + b"\n\n")
