"""The worker's end of the pipe: standard input and output, kept clean of everything else.

Libraries print to standard output (pyttsx3: "Audio saved to …") and C code writes to descriptor 1.
So the real output is moved to a descriptor nobody knows, and 1 is pointed at standard error.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any

from ivr.speech.engines.frames import encode_frame, read_frame_blocking

LOOK = 1.0
"""Seconds between two looks at whether the engine is still there, while a library keeps us waiting."""


class WorkerPipe:
    """Frames in, frames out; one per worker process, made before any library is imported."""

    def __init__(self) -> None:
        # Ctrl-C and a service manager's stop reach all processes, but calls are still to be ended properly:
        # the worker is needed until the engine closes the pipe, by intention or by its own end.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        self._in = os.fdopen(os.dup(0), "rb", buffering=1 << 16)
        self._out = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        self._lock = threading.Lock()

    def read(self) -> tuple[dict[str, Any], bytes] | None:
        """The next frame; None when the engine is gone."""
        return read_frame_blocking(self._in)

    def wait_for(self, event: threading.Event) -> bool:
        """Until it is set; False when the engine is gone meanwhile, which may be before that."""
        hung_up = select.poll()
        hung_up.register(self._in, 0)  # POLLHUP is always told: nobody has the other end any more
        while not event.wait(LOOK):
            if hung_up.poll(0):
                return False
        return True

    def write(self, message: Mapping[str, Any], body: bytes = b"") -> None:
        """Send a frame; from any thread. Ends the process when nobody listens any more."""
        data = memoryview(encode_frame(message, body))
        try:
            with self._lock:
                while data:
                    data = data[self._out.write(data) or 0 :]
        except BrokenPipeError:
            os._exit(0)
