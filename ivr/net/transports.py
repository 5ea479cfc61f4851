"""Every address that is listened on: UDP, TCP and TLS, IPv4 and IPv6 beside each other."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ivr.net.door import Places
from ivr.net.routes import local_address_towards
from ivr.net.tcp import IDLE_TIMEOUT, Connection, TcpConnections
from ivr.net.tls import Certificates
from ivr.net.udp import UdpSocket

Address = tuple[str, int]
Kind = Literal["udp", "tcp", "tls"]
WILDCARDS = ("0.0.0.0", "::")
FREE_PORT_TRIES = 20
"""A port that is free for UDP may be taken for TCP; so often another one is tried."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listener:
    """One address of one kind."""

    kind: Kind
    address: Address
    socket: UdpSocket | None = None
    """Of UDP."""

    def serves(self, host: str) -> bool:
        """Whether a peer at that numeric address can be reached from here."""
        return (":" in self.address[0]) == (":" in host)

    def local(self, host: str) -> Address:
        """Our address as a peer at `host` sees it."""
        bound, port = self.address
        return (local_address_towards(host) if bound in WILDCARDS else bound), port


class Transports:
    """Datagrams with the local address they came to, and connections."""

    def __init__(
        self,
        on_datagram: Callable[[bytes, Address, Address], None],
        on_data: Callable[[Connection, bytes], None],
        on_lost: Callable[[Connection], None],
        certificates: Certificates | None = None,
        *,
        idle_timeout: float = IDLE_TIMEOUT,
        places: Places | None = None,
    ) -> None:
        """`on_datagram` is told the bytes, our address and theirs."""
        self._on_datagram = on_datagram
        self._certificates = certificates
        self.tcp = TcpConnections(on_data, on_lost, idle_timeout=idle_timeout, places=places)
        self.listeners: list[Listener] = []

    async def bind(self, host: str, port: int, *, udp: bool, tcp: bool) -> None:
        """Listen. Raises OSError when the address cannot be bound; port 0 takes a free one for both."""
        for tries_left in reversed(range(FREE_PORT_TRIES if port == 0 and udp and tcp else 1)):
            try:
                await self._bind(host, port, udp=udp, tcp=tcp)
                return
            except OSError:
                if not tries_left:
                    raise

    async def _bind(self, host: str, port: int, *, udp: bool, tcp: bool) -> None:
        found: list[Listener] = []
        if udp:
            found.append(await self._bind_udp(host, port))
            port = found[0].address[1]
        if tcp:
            try:
                found.append(Listener("tcp", await self.tcp.listen(host, port)))
            except OSError:
                for listener in found:
                    if listener.socket is not None:
                        listener.socket.close()
                raise
        self.listeners += found

    async def _bind_udp(self, host: str, port: int) -> Listener:
        def on_datagram(data: bytes, remote: Address) -> None:
            self._on_datagram(data, listener.local(remote[0]), remote)

        sock = await UdpSocket.bind(host, port, on_datagram)
        listener = Listener("udp", sock.address, sock)
        return listener

    async def bind_tls(self, host: str, port: int) -> None:
        """Listen with our certificate. Raises OSError when the address cannot be bound."""
        assert self._certificates is not None and self._certificates.server is not None
        self.listeners.append(Listener("tls", await self.tcp.listen(host, port, self._certificates.server)))

    def local(self, kind: Kind, remote_host: str) -> Address:
        """The address a peer reaches us at by that transport.

        Where that is not listened on, the nearest thing to it: the peer will answer on the connection we open.
        Raises OSError when no listening address is of the peer's IP version.
        """
        serving = [listener for listener in self.listeners if listener.serves(remote_host)]
        if not serving:
            version = 6 if ":" in remote_host else 4
            raise OSError(f"{remote_host} cannot be reached: no address is listened on for IPv{version}")
        routed = local_address_towards(remote_host)
        return min(
            serving,
            key=lambda listener: (listener.kind != kind, listener.address[0] not in (routed, *WILDCARDS)),
        ).local(remote_host)

    def send(self, data: bytes, local: Address, remote: Address) -> None:
        """A datagram, from the socket bound to `local` or else from one that can reach `remote`."""
        sockets = [
            listener for listener in self.listeners if listener.kind == "udp" and listener.serves(remote[0])
        ]
        best = min(
            sockets,
            key=lambda listener: (
                listener.address[1] != local[1],
                listener.address[0] not in (local[0], *WILDCARDS),
            ),
            default=None,
        )
        if best is not None and best.socket is not None:
            best.socket.send(data, remote)

    async def connect(self, remote: Address, *, secure: bool, host: str) -> Connection:
        """Raises OSError or TimeoutError when the connection cannot be opened, or does not prove to be `host`."""
        context: ssl.SSLContext | None = None
        if secure:
            self._certificates = self._certificates or Certificates()
            context = self._certificates.client
        return await self.tcp.connect(remote, context, host=host)

    async def close(self) -> None:
        for listener in self.listeners:
            if listener.socket is not None:
                listener.socket.close()
        await self.tcp.close()
