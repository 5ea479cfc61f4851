"""TCP connections on the event loop, with and without TLS, accepted and opened."""

from __future__ import annotations

import asyncio
import itertools
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from ivr.net.door import SHUTDOWN_TIMEOUT, Door, Place, Places

Address = tuple[str, int]
MAX_CONNECTIONS = 1000
"""At once. Then the oldest that never got an answer makes room; where all did, new ones are closed."""
TIME_TO_ASK = 10.0
"""Seconds a peer that connects has for its first whole message before it may have to make room."""
TIME_TO_BE_ANSWERED = 60.0
"""Seconds without a byte after which a connection is closed that never asked for anything we answered."""
MAX_UNSENT = 1 << 20
"""Octets waiting for a peer that does not read; then it is given up."""
IDLE_TIMEOUT = 900.0
"""Seconds without a byte from the peer after which a connection is closed."""
CONNECT_TIMEOUT = 4.0
"""Seconds a connection may take to open, TLS included."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Connection:
    """Name of one connection."""

    number: int
    local: Address
    remote: Address
    secure: bool = False
    """Whether it is TLS."""
    host: str = ""
    """The name that the peer has proved by its certificate; empty when we were called, or without TLS."""
    listener: Address | None = None
    """The listening address that took it; None when we opened it."""


class _Stream(asyncio.Protocol):
    def __init__(
        self,
        owner: TcpConnections,
        *,
        secure: bool = False,
        host: str = "",
        listener: Address | None = None,
        place: Place | None = None,
    ) -> None:
        self.place = place
        self.owner = owner
        self.secure, self.host, self.listener = secure, host, listener
        self.name: Connection | None = None
        self.transport: asyncio.Transport | None = None
        self.idle: asyncio.TimerHandle | None = None
        self.opened = asyncio.get_running_loop().time()
        self.used = listener is None
        """Whether we opened it or ever sent on it: whoever asked for something has had an answer."""

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
        if self.place is not None:
            self.place.leave()
        if self.name is not None:
            self.owner._closed(self.name)

    def _wait(self) -> None:
        if self.idle is not None:
            self.idle.cancel()
        assert self.transport is not None
        patience = self.owner.idle_timeout if self.used else min(self.owner.idle_timeout, TIME_TO_BE_ANSWERED)
        self.idle = asyncio.get_running_loop().call_later(patience, self.transport.close)


class TcpConnections:
    """All connections of all listening addresses. Callbacks run on the loop."""

    def __init__(
        self,
        on_data: Callable[[Connection, bytes], None],
        on_lost: Callable[[Connection], None],
        *,
        idle_timeout: float = IDLE_TIMEOUT,
        places: Places | None = None,
    ) -> None:
        """`places` says how many connections one source may open to us."""
        self._places = places or Places()
        self._on_data = on_data
        self._on_lost = on_lost
        self._numbers = itertools.count(1)
        self._streams: dict[int, _Stream] = {}
        self._by_remote: dict[tuple[Address, bool, str], int] = {}
        self._doors: list[Door] = []
        self.idle_timeout = idle_timeout
        self.refused = 0
        """Connections closed for want of room for anybody."""

    @property
    def count(self) -> int:
        """Connections that are open."""
        return len(self._streams)

    async def listen(self, host: str, port: int, context: ssl.SSLContext | None = None) -> Address:
        """The address that is listened on; with `context` for TLS. Raises OSError when it cannot be bound."""

        def welcome(bound: Address, place: Place) -> _Stream:
            return _Stream(self, secure=context is not None, listener=bound, place=place)

        door = await Door.open(host, port, self._places, welcome, context)
        self._doors.append(door)
        return door.address

    def towards(self, remote: Address, *, secure: bool = False, host: str = "") -> Connection | None:
        """An open connection to `remote`: one of ours to that `host`, or the one by which it came to us."""
        number = self._by_remote.get((remote, secure, host)) or self._by_remote.get((remote, secure, ""))
        stream = self._streams.get(number or 0)
        return stream.name if stream else None

    async def connect(
        self, remote: Address, context: ssl.SSLContext | None = None, *, host: str = ""
    ) -> Connection:
        """Open one; with `context` by TLS, to a peer that proves to be `host`.

        Raises OSError (ssl.SSLError is one) or TimeoutError when it cannot be opened.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_TIMEOUT):
            _, stream = await loop.create_connection(
                lambda: _Stream(self, secure=context is not None, host=host if context else ""),
                *remote,
                ssl=context,
                server_hostname=(host or remote[0]) if context else None,
                ssl_shutdown_timeout=SHUTDOWN_TIMEOUT if context else None,
            )
        if stream.name is None:
            raise OSError(f"no room for a connection to {remote[0]}:{remote[1]}")
        return stream.name

    def send(self, number: int, data: bytes) -> bool:
        """False if the connection is gone."""
        stream = self._streams.get(number)
        if stream is None or stream.transport is None or stream.transport.is_closing():
            return False
        stream.used = True
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
        for door in self._doors:
            door.close()
        for stream in list(self._streams.values()):
            if stream.transport is not None:
                stream.transport.close()

    def _opened(self, stream: _Stream) -> Connection | None:
        if len(self._streams) >= MAX_CONNECTIONS and not self._make_room():
            self.refused += 1
            return None
        assert stream.transport is not None
        local = stream.transport.get_extra_info("sockname")
        remote = stream.transport.get_extra_info("peername")
        if not local or not remote:  # the peer was gone before we looked
            return None
        name = Connection(
            next(self._numbers),
            (local[0], local[1]),
            (remote[0], remote[1]),
            stream.secure,
            stream.host,
            stream.listener,
        )
        self._streams[name.number] = stream
        self._by_remote[key_of(name)] = name.number
        return name

    def _make_room(self) -> bool:
        """Close the oldest connection over which nobody ever asked for anything: it is held open, or forgotten."""
        asked_by = asyncio.get_running_loop().time() - TIME_TO_ASK
        for stream in self._streams.values():
            if not stream.used and stream.opened <= asked_by and stream.name is not None:
                assert stream.transport is not None
                stream.transport.abort()
                self._closed(stream.name)
                stream.name = None
                return True
        return False

    def _closed(self, name: Connection) -> None:
        self._streams.pop(name.number, None)
        if self._by_remote.get(key_of(name)) == name.number:
            del self._by_remote[key_of(name)]
        self._on_lost(name)


def key_of(name: Connection) -> tuple[Address, bool, str]:
    return name.remote, name.secure, name.host
