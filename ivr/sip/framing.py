"""Messages out of a byte stream. RFC 3261 sections 7.5 and 18.3, keep-alive of RFC 5626 section 4.4.1."""

from __future__ import annotations

import re

from ivr.errors import RemoteProtocolError
from ivr.sip.message import MAX_MESSAGE

PING = b"\r\n\r\n"
PONG = b"\r\n"
MAX_HEAD = 32_768
"""Octets of start line and headers that are waited for before the stream is given up."""

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"(?:^|\n)(?:content-length|l)[ \t]*:[ \t]*(?:\r?\n[ \t]+)?([^\r\n]*)", re.IGNORECASE)


class StreamFramer:
    """Cuts what arrives on one connection into messages.

    A double CRLF between messages is a keep-alive: the transport sends what `take_pongs` gives.
    """

    def __init__(self, max_message: int = MAX_MESSAGE) -> None:
        self._buffer = bytearray()
        self._max_message = max_message
        self._needed = 0
        """Octets of the message whose head is complete; 0 while the head is not."""
        self._searched = 0
        """Octets in which no end of the head was found: a dripping stream is not searched again and again."""
        self._pongs = 0
        self._fault: RemoteProtocolError | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Take what was received; return the messages that are now complete.

        :raises RemoteProtocolError: the stream can no longer be cut: close the connection. What was complete
            before the fault is returned first, and the error comes with the next call.
        """
        if self._fault is not None:
            raise self._fault
        self._buffer += data
        messages: list[bytes] = []
        try:
            while message := self._next():
                messages.append(message)
        except RemoteProtocolError as fault:
            self._fault = fault
            self._buffer.clear()
            if not messages:
                raise
        return messages

    def take_pongs(self) -> bytes:
        """What to send back for the pings that came; empty when none did."""
        pongs, self._pongs = self._pongs, 0
        return PONG * pongs

    @property
    def buffered(self) -> int:
        """Octets waiting for the rest of their message."""
        return len(self._buffer)

    @property
    def is_unfinished(self) -> bool:
        """Whether part of a message waits for the rest of it; line ends between messages are none."""
        return bool(self._needed or self._searched) and bool(self._buffer)

    def _next(self) -> bytes | None:
        if not self._needed:
            self._skip_keepalive()
            self._find_head()
        if not self._needed or len(self._buffer) < self._needed:
            return None
        message = bytes(self._buffer[: self._needed])
        del self._buffer[: self._needed]
        self._needed = self._searched = 0
        return message

    def _find_head(self) -> None:
        end = _HEAD_END.search(self._buffer, self._searched)
        if end is None:
            self._searched = max(0, len(self._buffer) - 3)
            if len(self._buffer) > MAX_HEAD:
                raise RemoteProtocolError(f"no end of the headers within {MAX_HEAD} octets")
            return
        total = end.end() + self._body_length(bytes(self._buffer[: end.start()]))
        if total > self._max_message:
            raise RemoteProtocolError(f"a message of {total} octets is longer than {self._max_message}")
        self._needed = total

    def _skip_keepalive(self) -> None:
        """Line ends between messages: a pair of CRLFs is a ping, anything else is white space."""
        if self._searched or not self._buffer.startswith((b"\r", b"\n")):
            return
        message = self._buffer.lstrip(b"\r\n")
        breaks = bytes(self._buffer[: len(self._buffer) - len(message)])
        self._pongs += breaks.count(PING)
        if not message and PING.startswith(half := breaks.rpartition(PING)[2]):
            message = bytearray(half)
        self._buffer = bytearray(message)

    def _body_length(self, head: bytes) -> int:
        lengths = {match.strip() for match in _LENGTH.findall(head)}
        if not lengths:
            return 0
        if len(lengths) > 1:
            raise RemoteProtocolError("a message has several different Content-Length")
        length = lengths.pop()
        if not length.isdigit() or len(length) > 9:
            raise RemoteProtocolError(f"Content-Length must be a number, not {length[:20]!r}")
        return int(length)
