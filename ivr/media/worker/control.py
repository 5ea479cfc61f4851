"""The worker's end of the control socket: never blocks, never grows without bound."""

from __future__ import annotations

import logging
import select
import socket
from collections import deque
from collections.abc import Callable

from ivr.media.messages import AudioHeard, LegOpened, MediaEvent
from ivr.media.worker.frames import FrameReader, Header, encode_event, encode_frame

SOUND_LIMIT = 256 * 1024
"""Octets waiting for the engine above which AudioHeard is dropped: speech degrades to keys."""
LIMIT = 4 * 1024 * 1024
"""Octets above which everything is dropped; the engine has not read for a very long time then."""


class Control:
    """Frames from and to the engine over a non-blocking stream socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.closed = False
        """The engine is gone, or what it says makes no sense any more: the worker has to end."""
        self.dropped = 0
        self.on_change: Callable[[], None] = lambda: None
        """Called when `interest` or `closed` may have changed."""
        self._reader = FrameReader()
        self._outbox: deque[bytes] = deque()
        self._waiting = 0

    @property
    def interest(self) -> int:
        """What to ask epoll for."""
        return select.EPOLLIN | (select.EPOLLOUT if self._outbox else 0)

    def emit(self, event: MediaEvent | LegOpened) -> None:
        """Tell the engine, or count that it was not told."""
        self._put(encode_event(event), SOUND_LIMIT if isinstance(event, AudioHeard) else LIMIT)

    def say(self, header: Header) -> None:
        """Something that is no event: refusals, health, log lines."""
        self._put(encode_frame(header), SOUND_LIMIT if header.get("log") else LIMIT)

    def _put(self, frame: bytes, limit: int) -> None:
        if self._waiting + len(frame) > limit:
            self.dropped += 1
            return
        self._outbox.append(frame)
        self._waiting += len(frame)
        if len(self._outbox) == 1:
            self.flush()

    def flush(self) -> None:
        """Send what the socket takes now."""
        self._send()
        self.on_change()

    def _send(self) -> None:
        while self._outbox:
            frame = self._outbox[0]
            try:
                sent = self.socket.send(frame)
            except BlockingIOError:
                return
            except OSError:
                self.closed = True
                return
            self._waiting -= sent
            if sent < len(frame):
                self._outbox[0] = frame[sent:]
                return
            self._outbox.popleft()

    def read(self) -> list[tuple[Header, bytes]]:
        """Frames that came. Raises RemoteProtocolError when the stream makes no sense."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self.closed = True
            self.on_change()
            return []
        return self._reader.feed(data)


class ControlLogHandler(logging.Handler):
    """Log lines of the worker become the engine's, which knows where they go and in what format."""

    def __init__(self, control: Control) -> None:
        super().__init__()
        self._control = control

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        self._control.say({"log": record.levelno, "logger": record.name, "text": text})
