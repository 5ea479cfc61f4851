"""How many connections one source may open to us, and how few that prove nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ivr.net.door import Places
from ivr.net.tcp import Connection, TcpConnections
from ivr.net.tls import Certificates

FOLDER = Path(__file__).parent / "certificates"


class Listening:
    def __init__(self, places: Places) -> None:
        self.data: asyncio.Queue[tuple[Connection, bytes]] = asyncio.Queue()
        self.lost: asyncio.Queue[Connection] = asyncio.Queue()
        self.tcp = TcpConnections(
            lambda name, data: self.data.put_nowait((name, data)), self.lost.put_nowait, places=places
        )


async def is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(1), 10) == b""
    except ConnectionError:
        return True


async def test_one_source_has_its_places_and_each_that_is_left_can_be_taken_again() -> None:
    places = Places(2)
    here = Listening(places)
    address = await here.tcp.listen("127.0.0.1", 0)
    _, first = await asyncio.open_connection(*address)
    _, second = await asyncio.open_connection(*address)
    for number, writer in enumerate((first, second)):
        writer.write(b"x")
        assert (await asyncio.wait_for(here.data.get(), 10))[1] == b"x", number
    refused, _ = await asyncio.open_connection(*address)
    assert await is_closed(refused)
    assert (places.refused, here.tcp.count) == (1, 2)
    first.close()
    await asyncio.wait_for(here.lost.get(), 10)
    _, third = await asyncio.open_connection(*address)
    third.write(b"y")
    assert (await asyncio.wait_for(here.data.get(), 10))[1] == b"y"
    await here.tcp.close()


async def test_a_door_may_be_closed_twice() -> None:
    here = Listening(Places(2))
    address = await here.tcp.listen("127.0.0.1", 0)
    await here.tcp.close()
    await here.tcp.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)


async def test_a_trunk_has_as_many_places_as_it_likes() -> None:
    here = Listening(Places(1, exempt=frozenset({"127.0.0.1"})))
    address = await here.tcp.listen("127.0.0.1", 0)
    opened = [await asyncio.open_connection(*address) for _ in range(3)]
    for _, writer in opened:
        writer.write(b"x")
        await asyncio.wait_for(here.data.get(), 10)
    assert here.tcp.count == 3
    await here.tcp.close()


async def test_places_are_counted_by_source_and_nothing_is_remembered_of_who_left() -> None:
    places = Places(2, source_of=lambda host: host[:3])
    first, second = places.enter("aaa1"), places.enter("aaa2")
    assert first is not None and second is not None
    assert places.enter("aaa3") is None
    assert places.enter("bbb1") is not None
    first.leave()
    first.leave()
    third = places.enter("aaa3")
    assert third is not None and places.enter("aaa4") is None
    second.leave()
    third.leave()
    assert dict(places._taken) == {"bbb": 1}


async def test_handshakes_that_never_end_keep_no_telephone_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half-open connections of one source are few, and of all together the oldest makes room."""
    monkeypatch.setattr("ivr.net.door.HALF_OPEN_OF_SOURCE", 3)
    places = Places(100)
    here = Listening(places)
    server = Certificates(FOLDER / "server.pem", FOLDER / "server.key").server
    address = await here.tcp.listen("127.0.0.1", 0, server)
    silent = [await asyncio.open_connection(*address) for _ in range(4)]
    assert await is_closed(silent[3][0]), "one more than a source may have"
    assert places.refused == 1
    monkeypatch.setattr("ivr.net.door.HALF_OPEN_OF_SOURCE", 100)
    monkeypatch.setattr("ivr.net.door.HALF_OPEN", 3)
    context = Certificates(ca=FOLDER / "ca.pem").client
    _, writer = await asyncio.open_connection(*address, ssl=context, server_hostname="localhost")
    writer.write(b"REGISTER")
    assert (await asyncio.wait_for(here.data.get(), 10))[1] == b"REGISTER"
    assert await is_closed(silent[0][0]), "the oldest made room"
    writer.close()
    await asyncio.wait_for(here.lost.get(), 10)
    for _, opened in silent:
        opened.close()
    async with asyncio.timeout(10):
        while places._taken:
            await asyncio.sleep(0.01)
    await here.tcp.close()


async def test_a_connection_that_never_asked_for_anything_is_not_kept_for_the_idle_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ivr.net.tcp.TIME_TO_BE_ANSWERED", 0.1)
    here = Listening(Places())
    address = await here.tcp.listen("127.0.0.1", 0)
    telephone, to_us = await asyncio.open_connection(*address)
    to_us.write(b"OPTIONS")
    served = (await asyncio.wait_for(here.data.get(), 10))[0]
    assert here.tcp.send(served.number, b"200")
    to_us.write(b"x")  # from now on the idle time counts
    silent, _ = await asyncio.open_connection(*address)
    assert await is_closed(silent)
    assert await telephone.readexactly(3) == b"200"
    assert here.tcp.send(served.number, b"again")
    await here.tcp.close()
