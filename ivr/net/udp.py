"""One UDP socket on the event loop."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import cast

Address = tuple[str, int]
RECEIVE_BUFFER = 4 << 20
"""Octets; bursts of signalling wait here while the loop is busy."""
logger = logging.getLogger(__name__)


class UdpSocket(asyncio.DatagramProtocol):
    """Datagrams in and out; errors the kernel reports about peers are counted, never raised."""

    def __init__(self, on_datagram: Callable[[bytes, Address], None]) -> None:
        self._on_datagram = on_datagram
        self._transport: asyncio.DatagramTransport | None = None
        self.address: Address = ("", 0)
        """What it is bound to."""
        self.errors = 0
        """Send and ICMP errors so far."""

    @classmethod
    async def bind(cls, host: str, port: int, on_datagram: Callable[[bytes, Address], None]) -> UdpSocket:
        """``::`` is IPv6 alone, so that 0.0.0.0 has room beside it.

        Raises OSError when the address cannot be bound.
        """
        loop = asyncio.get_running_loop()
        family, kind, protocol, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM))[0]
        sock = socket.socket(family, kind, protocol)
        try:
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setblocking(False)
            sock.bind(address)
            _, endpoint = await loop.create_datagram_endpoint(lambda: cls(on_datagram), sock=sock)
        except OSError:
            sock.close()
            raise
        return endpoint

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # the loop's own class is no subclass
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        name = sock.getsockname()
        self.address = (name[0], name[1])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._on_datagram(data, (addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        self.errors += 1

    def send(self, data: bytes, remote: Address) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        try:
            self._transport.sendto(data, remote)
        except (OSError, OverflowError, ValueError) as error:  # no route, port 0, a port beyond 65535
            self.errors += 1
            logger.debug("udp_send_failed remote=%s:%s error=%s", *remote, error)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
