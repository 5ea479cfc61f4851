"""Several listening addresses beside each other, and connections that come and go."""

from __future__ import annotations

import asyncio
import socket

import pytest

from ivr.net.tcp import Connection, TcpConnections
from ivr.net.transports import Transports

Address = tuple[str, int]


class Heard:
    def __init__(self) -> None:
        self.datagrams: asyncio.Queue[tuple[bytes, Address, Address]] = asyncio.Queue()
        self.data: asyncio.Queue[tuple[Connection, bytes]] = asyncio.Queue()
        self.lost: asyncio.Queue[Connection] = asyncio.Queue()
        self.transports = Transports(
            lambda *datagram: self.datagrams.put_nowait(datagram),
            lambda connection, data: self.data.put_nowait((connection, data)),
            self.lost.put_nowait,
        )


def sender(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    sock.settimeout(5)
    return sock


async def test_ipv4_and_ipv6_share_a_port_and_each_answers_from_its_own() -> None:
    heard = Heard()
    await heard.transports.bind("0.0.0.0", 0, udp=True, tcp=True)
    port = heard.transports.listeners[0].address[1]
    await heard.transports.bind("::", port, udp=True, tcp=True)
    assert [(listener.kind, listener.address) for listener in heard.transports.listeners] == [
        ("udp", ("0.0.0.0", port)),
        ("tcp", ("0.0.0.0", port)),
        ("udp", ("::", port)),
        ("tcp", ("::", port)),
    ]
    for host in ("127.0.0.1", "::1"):
        with sender(host) as peer:
            peer.sendto(b"hello", (host, port))
            data, local, remote = await heard.datagrams.get()
            assert (data, local, remote) == (b"hello", (host, port), peer.getsockname()[:2])
            heard.transports.send(b"answer", local, remote)
            answer, source = await asyncio.to_thread(peer.recvfrom, 100)
            assert (answer, source[:2]) == (b"answer", (host, port))
        _, writer = await asyncio.open_connection(host, port)
        writer.write(b"stream")
        connection, data = await heard.data.get()
        assert (data, connection.local, connection.secure) == (b"stream", (host, port), False)
        assert heard.transports.local("udp", host) == (host, port)
        writer.close()
    await heard.transports.close()


async def test_of_two_addresses_the_one_that_was_written_to_answers() -> None:
    heard = Heard()
    await heard.transports.bind("127.0.0.1", 0, udp=True, tcp=False)
    await heard.transports.bind("127.0.0.1", 0, udp=True, tcp=False)
    first, second = (listener.address for listener in heard.transports.listeners)
    with sender("127.0.0.1") as peer:
        for address in (second, first):
            peer.sendto(b"x", address)
            _, local, remote = await heard.datagrams.get()
            assert local == address
            heard.transports.send(b"y", local, remote)
            assert (await asyncio.to_thread(peer.recvfrom, 100))[1] == address
    await heard.transports.close()


async def test_a_peer_of_the_other_ip_version_cannot_be_reached() -> None:
    heard = Heard()
    await heard.transports.bind("127.0.0.1", 0, udp=True, tcp=True)
    with pytest.raises(OSError, match="::1 cannot be reached: no address is listened on for IPv6"):
        heard.transports.local("udp", "::1")
    heard.transports.send(b"nowhere", ("127.0.0.1", 1), ("::1", 9))
    await heard.transports.close()


async def test_an_address_that_is_taken_leaves_nothing_half_bound() -> None:
    heard, other = Heard(), Heard()
    await heard.transports.bind("127.0.0.1", 0, udp=False, tcp=True)
    port = heard.transports.listeners[0].address[1]
    for _ in range(2):
        with pytest.raises(OSError):
            await other.transports.bind("127.0.0.1", port, udp=True, tcp=True)
    assert other.transports.listeners == []
    await heard.transports.close()
    await other.transports.bind("127.0.0.1", port, udp=True, tcp=False)
    await other.transports.close()


async def test_a_connection_nobody_uses_is_closed_and_one_that_pings_is_not() -> None:
    lost: asyncio.Queue[Connection] = asyncio.Queue()
    tcp = TcpConnections(lambda connection, data: None, lost.put_nowait, idle_timeout=0.4)
    address = await tcp.listen("127.0.0.1", 0)
    reader, idle = await asyncio.open_connection(*address)
    _, busy = await asyncio.open_connection(*address)
    name = busy.get_extra_info("sockname")
    pinging = asyncio.create_task(ping(busy))
    assert await reader.read() == b""
    assert (await lost.get()).remote != name
    assert tcp.towards((name[0], name[1])) is not None
    pinging.cancel()
    assert (await lost.get()).remote == name
    for writer in (idle, busy):
        writer.close()
    await tcp.close()


async def ping(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"\r\n\r\n")
        await asyncio.sleep(0.05)


async def test_connections_that_never_asked_for_anything_make_room_for_one_that_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thousand silent connections must not keep telephones on TCP out for the idle time."""
    monkeypatch.setattr("ivr.net.tcp.MAX_CONNECTIONS", 2)
    monkeypatch.setattr("ivr.net.tcp.TIME_TO_ASK", 0.2)
    data: asyncio.Queue[Connection] = asyncio.Queue()
    lost: asyncio.Queue[Connection] = asyncio.Queue()
    connections = TcpConnections(lambda name, _: data.put_nowait(name), lost.put_nowait)
    host, port = await connections.listen("127.0.0.1", 0)
    telephone, to_us = await asyncio.open_connection(host, port)
    to_us.write(b"OPTIONS")
    served = await data.get()
    assert connections.send(served.number, b"200")
    silent, _ = await asyncio.open_connection(host, port)
    await asyncio.sleep(0.05)
    early, _ = await asyncio.open_connection(host, port)
    assert await early.read(1) == b"", "nobody has been silent for long yet"
    await asyncio.sleep(0.25)
    _, late = await asyncio.open_connection(host, port)
    late.write(b"OPTIONS")
    assert (await asyncio.wait_for(data.get(), 2)).number > served.number
    assert await silent.read(1) == b""
    assert (await lost.get()).number != served.number
    assert connections.send(served.number, b"200")
    assert await telephone.readexactly(6) == b"200200"
    assert (connections.refused, lost.empty()) == (1, True)
    await connections.close()
