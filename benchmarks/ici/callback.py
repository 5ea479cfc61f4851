"""Where events are posted: HTTP and SOAP as far as this benchmark needs them, so that the load stays light."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from ivr.ici import envelope
from ivr.ici.dialect import OK, Dialect

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
NAME = re.compile(rb"<(?:\w+:)?Body><(?:\w+:)?(\w+)")
USER = re.compile(rb"<h:userId[^>]*>([^<]*)<")
ITEM = re.compile(rb"<phoneCall><id>([^<]*)</id><processingStatus><id>([^<]*)<")

Told = Callable[[str, str, bytes], bool]
"""Gets name, user and body of an event; False leaves it without an answer."""


class Callback(asyncio.Protocol):
    """One connection of the engine."""

    def __init__(self, told: Told, answers: dict[str, bytes]) -> None:
        self._told = told
        self._answers = answers
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = LENGTH.search(self._buffer, 0, end + 2)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < whole:
                return
            body, self._buffer = self._buffer[end + 4 : whole], self._buffer[whole:]
            self._take(body)

    def _take(self, body: bytes) -> None:
        name, user = NAME.search(body), USER.search(body)
        assert name is not None and user is not None, body[:300]
        if self._told(name[1].decode(), user[1].decode(), body):
            self._transport.write(self._answers[name[1].decode()])


def answers(dialect: Dialect) -> dict[str, bytes]:
    """The whole HTTP answer to each event."""
    service = dialect.services["IciEvent"]
    found = {}
    for name, operation in service.operations.items():
        body = envelope.answer(dialect, operation, {OK: "ok"}, name=name, namespace=service.namespace)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
        found[operation.spelling] = head.encode() + body
    return found
