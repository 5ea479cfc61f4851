"""The web side's listening sockets: nobody holds many connections, or keeps one by saying nothing.

`aiohttp` alone lets any host open as many as it likes and gives each an hour to send its first header ("slow
loris"). Bodies have limits of their own, where they are read. RFC 9112 section 9.5: a server may close any time.
"""

from __future__ import annotations

import asyncio
import socket
import ssl

from aiohttp import web

from ivr.net.door import Address, Door, Place, Places

IDLE = 30.0
"""Seconds a connection may be without a whole request head, from its beginning or from the last answer."""


class _Guest(asyncio.Protocol):
    """A connection that gives its place back at its end; all else is the web server's."""

    def __init__(self, inner: asyncio.Protocol, place: Place) -> None:
        self._place = place
        self._inner = inner
        self.data_received = inner.data_received  # type: ignore[method-assign]
        self.eof_received = inner.eof_received  # type: ignore[method-assign]
        self.pause_writing = inner.pause_writing  # type: ignore[method-assign]
        self.resume_writing = inner.resume_writing  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._place.leave()
        self._inner.connection_lost(exc)


class WebDoors:
    """Serves one application on several addresses."""

    def __init__(self, app: web.Application, places: Places, *, idle: float = IDLE) -> None:
        self.places = places
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, keepalive_timeout=idle)
        self._doors: list[Door] = []

    async def open(self, host: str, port: int, context: ssl.SSLContext | None = None) -> Address:
        """Listen there; the address is that of the first socket. Raises OSError when it cannot be bound."""
        if self._runner.server is None:
            await self._runner.setup()
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        hosts = dict.fromkeys(str(address[0]) for *_, address in found)
        opened = [await self._open(one, port, context) for one in hosts]
        return opened[0].address

    async def _open(self, host: str, port: int, context: ssl.SSLContext | None) -> Door:
        door = await Door.open(host, port, self.places, self._welcome, context)
        self._doors.append(door)
        return door

    def _welcome(self, address: Address, place: Place) -> asyncio.Protocol:
        server = self._runner.server
        assert server is not None
        return _Guest(server(), place)

    async def close(self) -> None:
        """Let nobody in, then end what is open. Harmless when nothing was opened."""
        for door in self._doors:
            door.close()
        await self._runner.cleanup()
