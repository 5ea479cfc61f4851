"""The web side against hosts that open many connections, or hold one by saying little."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from ivr.engine.web_door import WebDoors
from ivr.net.door import Places

ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
IDLE = 0.3


@pytest_asyncio.fixture
async def doors() -> AsyncIterator[WebDoors]:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    made = WebDoors(app, Places(2, exempt=frozenset({"127.0.0.9"})), idle=IDLE)
    yield made
    await made.close()


async def connect(address: tuple[str, int], source: str = "127.0.0.1") -> tuple[Reader, Writer]:
    return await asyncio.open_connection(*address, local_addr=(source, 0))


async def answered(reader: Reader, writer: Writer) -> bool:
    """Whether a whole request gets its answer; no if the connection is closed instead."""
    async with asyncio.timeout(10):
        try:
            writer.write(ASK)
            return b"hello" in await reader.readuntil(b"hello")
        except (asyncio.IncompleteReadError, ConnectionError):
            return False


async def test_one_host_has_its_connections_and_no_more_until_it_leaves_one(doors: WebDoors) -> None:
    address = await doors.open("127.0.0.1", 0)
    first, second, third = [await connect(address) for _ in range(3)]
    assert [await answered(*one) for one in (first, second, third)] == [True, True, False]
    assert doors.places.refused == 1
    assert await answered(*await connect(address, "127.0.0.2")), "other hosts are not meant"
    assert [await answered(*await connect(address, "127.0.0.9")) for _ in range(4)] == [True] * 4
    first[1].close()
    async with asyncio.timeout(10):
        while not await answered(*await connect(address)):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", ASK])
async def test_who_sends_no_whole_head_is_closed_and_the_place_is_free(doors: WebDoors, begun: bytes) -> None:
    """At once, drop by drop, or after an answer."""
    address = await doors.open("127.0.0.1", 0)
    reader, writer = await connect(address)
    writer.write(begun)

    async def drip() -> None:
        while not writer.is_closing():
            await asyncio.sleep(0.05)
            if begun != ASK and begun:
                writer.write(b"a")

    dripping = asyncio.create_task(drip())
    try:
        async with asyncio.timeout(10):
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await reader.readexactly(100_000)
    finally:
        dripping.cancel()
        writer.close()
    async with asyncio.timeout(10):
        while doors.places._taken:
            await asyncio.sleep(0.02)


async def test_what_is_open_ends_with_the_door(doors: WebDoors) -> None:
    address = await doors.open("127.0.0.1", 0)
    reader, writer = await connect(address)
    assert await answered(reader, writer)
    await doors.close()
    async with asyncio.timeout(10):
        try:
            rest = await reader.read()
        except ConnectionError:
            rest = b""
    assert rest.endswith(b"hello") or not rest
    with pytest.raises(OSError):
        await connect(address)
