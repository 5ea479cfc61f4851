"""TCP connections on the event loop, accepted and opened."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass

Address = tuple[str, int]
MAX_CONNECTIONS = 1000
"""At once; further ones are closed as they come."""
MAX_UNSENT = 1 << 20
"""Octets waiting for a peer that does not read; then it is given up."""
IDLE_TIMEOUT = 900.0
"""Seconds without a byte from the peer after which a connection is closed."""
CONNECT_TIMEOUT = 4.0
"""Seconds a connection may take to open."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Connection:
    """Name of one connection."""

    number: int
    local: Address
    remote: Address


class _Stream(asyncio.Protocol):
    def __init__(self, owner: TcpConnections) -> None:
        self.owner = owner
        self.name: Connection | None = None
        self.transport: asyncio.Transport | None = None
        self.idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.name = self.owner._opened(self)
        if self.name is None:
            transport.abort()
        else:
            self._wait()

    def data_received(self, data: bytes) -> None:
        if self.name is not None:
            self._wait()
            self.owner._on_data(self.name, data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.idle is not None:
            self.idle.cancel()
        if self.name is not None:
            self.owner._closed(self.name)

    def _wait(self) -> None:
        if self.idle is not None:
            self.idle.cancel()
        assert self.transport is not None
        self.idle = asyncio.get_running_loop().call_later(IDLE_TIMEOUT, self.transport.close)


class TcpConnections:
    """All connections of one listening address. Callbacks run on the loop."""

    def __init__(
        self, on_data: Callable[[Connection, bytes], None], on_lost: Callable[[Connection], None]
    ) -> None:
        self._on_data = on_data
        self._on_lost = on_lost
        self._numbers = itertools.count(1)
        self._streams: dict[int, _Stream] = {}
        self._by_remote: dict[Address, int] = {}
        self._server: asyncio.Server | None = None
        self.address: Address = ("", 0)
        self.refused = 0
        """Connections closed for want of room."""

    async def listen(self, host: str, port: int) -> None:
        """Raises OSError when the address cannot be bound."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Stream(self), host, port)
        name = self._server.sockets[0].getsockname()
        self.address = (name[0], name[1])

    def towards(self, remote: Address) -> Connection | None:
        """An open connection to `remote`, whoever opened it."""
        stream = self._streams.get(self._by_remote.get(remote, 0))
        return stream.name if stream else None

    async def connect(self, remote: Address) -> Connection:
        """Open one. Raises OSError or TimeoutError when it cannot be opened."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_TIMEOUT):
            _, stream = await loop.create_connection(lambda: _Stream(self), *remote)
        if stream.name is None:
            raise OSError(f"no room for a connection to {remote[0]}:{remote[1]}")
        return stream.name

    def send(self, number: int, data: bytes) -> bool:
        """False if the connection is gone."""
        stream = self._streams.get(number)
        if stream is None or stream.transport is None or stream.transport.is_closing():
            return False
        stream.transport.write(data)
        if stream.transport.get_write_buffer_size() > MAX_UNSENT:
            logger.warning("tcp_peer_does_not_read connection=%d", number)
            stream.transport.abort()
            return False
        return True

    def close_connection(self, number: int) -> None:
        """Close after what is still to be sent."""
        stream = self._streams.get(number)
        if stream is not None and stream.transport is not None:
            stream.transport.close()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for stream in list(self._streams.values()):
            if stream.transport is not None:
                stream.transport.close()

    def _opened(self, stream: _Stream) -> Connection | None:
        if len(self._streams) >= MAX_CONNECTIONS:
            self.refused += 1
            return None
        assert stream.transport is not None
        local = stream.transport.get_extra_info("sockname")
        remote = stream.transport.get_extra_info("peername")
        if not local or not remote:  # the peer was gone before we looked
            return None
        name = Connection(next(self._numbers), (local[0], local[1]), (remote[0], remote[1]))
        self._streams[name.number] = stream
        self._by_remote[name.remote] = name.number
        return name

    def _closed(self, name: Connection) -> None:
        self._streams.pop(name.number, None)
        if self._by_remote.get(name.remote) == name.number:
            del self._by_remote[name.remote]
        self._on_lost(name)
