"""Desktops that are gone are missed before the next call needs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ivr.ici.client_pulse import Pulse
from ivr.ici.subscriptions import Subscription


class Host:
    """Takes connections, and counts them."""

    def __init__(self) -> None:
        self.connections = 0
        self.again = asyncio.Event()

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._taken, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.connections > 1:
            self.again.set()
        writer.close()

    def screen(self, user: str) -> Subscription:
        return Subscription(f"http://127.0.0.1:{self.port}/IciEvent", f"A-{user}", user)

    async def stop(self) -> None:
        self.server.close()
        await self.server.wait_closed()


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    made = Host()
    await made.start()
    yield made
    await made.stop()


async def test_all_screens_of_a_host_that_is_gone_are_missed_and_no_others(host: Host) -> None:
    gone = Host()
    await gone.start()
    screens = [gone.screen("ann"), host.screen("bob"), gone.screen("cyd")]
    missing: list[str] = []
    pulse = Pulse(lambda: screens, missing.append, every=1.0, patience=5.0)
    await pulse.ask()
    assert missing == []
    await gone.stop()
    await pulse.ask()
    assert missing == ["ann", "cyd"]


async def test_many_screens_behind_one_host_cost_one_connection(host: Host) -> None:
    screens = [host.screen(f"agent{number}") for number in range(50)]
    missing: list[str] = []
    pulse = Pulse(lambda: screens, missing.append, every=0.01, patience=5.0)
    await pulse.ask()
    while not host.connections:
        await asyncio.sleep(0.01)
    assert (host.connections, missing) == (1, [])
    pulse.start()
    async with asyncio.timeout(10):
        await host.again.wait()
    await pulse.stop()


async def test_nobody_is_asked_where_the_settings_say_so(host: Host) -> None:
    pulse = Pulse(lambda: [host.screen("ann")], print, every=0.0, patience=5.0)
    pulse.start()
    await asyncio.sleep(0.05)
    await pulse.stop()
    assert host.connections == 0
