"""Trunks on real sockets: one whose connection breaks, those asked whether they are there, and who is avoided."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from rich.console import Console

from ivr.call.locator import Locator
from ivr.call.phones import Phones
from ivr.call.signalling import Signalling
from ivr.call.trunks import Trunks
from ivr.cli.status import show
from ivr.clock import SystemClock
from ivr.config import Settings, SipSettings, Trunk
from ivr.net.names import Names
from ivr.sip.events import Output, UserAgentSettings
from ivr.sip.user_agent import UserAgent


class Node:
    """One side: a user agent on loopback, and the trunks of the settings when it has any."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.user_agent = UserAgent(UserAgentSettings(accounts={"200": "pa55"}))
        self.signalling = Signalling(self.user_agent, self.clock, self.tell)
        self.trunks: Trunks | None = None
        self.events: list[Output] = []

    def tell(self, event: Output) -> None:
        self.events.append(event)
        if self.trunks is not None:
            self.trunks.takes(event)

    @property
    def place(self) -> str:
        return f"sip:127.0.0.1:{self.signalling.port}"

    def has(self, *trunks: Trunk) -> Trunks:
        self.locator = Locator(Names(), self.signalling.flow_to, self.clock)
        self.trunks = Trunks(trunks, self.signalling, self.locator, self.clock)
        self.trunks.start()
        return self.trunks


@pytest.fixture
async def two() -> AsyncIterator[tuple[Node, Node]]:
    ours, theirs = Node(), Node()
    for node in (ours, theirs):
        await node.signalling.bind("127.0.0.1", 0)
    yield ours, theirs
    if ours.trunks is not None:
        await ours.trunks.stop()
    for node in (ours, theirs):
        await node.signalling.close()


async def until(true: Callable[[], object], within: float = 20.0) -> None:
    async with asyncio.timeout(within):
        while not true():
            await asyncio.sleep(0.01)


async def test_a_registration_whose_connection_breaks_is_made_again_at_once(two: tuple[Node, Node]) -> None:
    ours, pbx = two
    trunks = ours.has(
        Trunk("pbx", registrar=f"{pbx.place};transport=tcp", user="200", password="pa55", expires=3600)
    )

    def state() -> dict[str, Any]:
        return dict(trunks.document()["pbx"])

    def ways() -> list[int]:
        return [b.flow.connection for b in pbx.user_agent.bindings("200", pbx.clock.monotonic())]

    await until(lambda: state()["state"] == "registered")
    (before,) = ways()
    pbx.signalling._tcp.close_connection(before)
    await until(lambda: ways() != [before] and state()["state"] == "registered")
    assert state()["next"] > 3000, "it was the refresh that came, not the loss"
    assert len(ways()) == 1


async def test_a_trunk_we_do_not_register_with_is_asked_whether_it_is_there(
    two: tuple[Node, Node], capsys: pytest.CaptureFixture[str]
) -> None:
    """And a call takes another while it is not; `ivr status` tells both."""
    ours, gate = two
    gone = Trunk("gone", gateway="sip:127.0.0.1:1;transport=tcp", dial=("tel:+1555",), user="us")
    there = Trunk("there", gateway=gate.place, dial=("tel:+1555",), user="us")
    never = Trunk("never", gateway=gate.place, ping=0)
    trunks = ours.has(gone, there, never)
    settings = Settings(sip=SipSettings(trunks=(gone, there, never)))
    rooms: Any = type("Rooms", (), {"settings": settings})
    phones = Phones(rooms, ours.locator, trunks.is_down)
    assert (await phones.outside("tel:+15550199")).trunk is gone, "nothing is known yet"

    def told(name: str) -> Any:
        return trunks.document()[name].get("reachable")

    await until(lambda: told("gone") is False and told("there") is True)
    assert (await phones.outside("tel:+15550199")).trunk is there
    assert "reachable" not in trunks.document()["never"]
    answer = trunks.document()["there"]["asked"]
    assert (answer["status"], answer["phrase"]) == (200, "OK")

    show({"accepting": True, "trunks": trunks.document()}, Console(width=80))
    shown = capsys.readouterr().out
    rows = {line.split()[0]: line for line in shown.splitlines() if line.startswith(("gone", "there", "never"))}
    assert "not reachable" in rows["gone"] and "reachable" in rows["there"] and "not re" not in rows["there"]
    assert "not registering" in " ".join(rows["never"].split())
    assert "since" in shown and max(map(len, shown.splitlines())) <= 80


async def test_where_every_trunk_is_down_the_first_is_tried_all_the_same(two: tuple[Node, Node]) -> None:
    ours, _ = two
    one = Trunk("one", gateway="sip:127.0.0.1:1;transport=tcp", dial=("tel:",))
    other = Trunk("other", gateway="sip:127.0.0.1:2;transport=tcp", dial=("tel:",))
    trunks = ours.has(one, other)
    await until(lambda: trunks.is_down(one) and trunks.is_down(other))
    rooms: Any = type("Rooms", (), {"settings": Settings(sip=SipSettings(trunks=(one, other)))})
    assert (await Phones(rooms, ours.locator, trunks.is_down).outside("tel:110")).trunk is one


async def test_a_trunk_that_refuses_our_registration_is_avoided(two: tuple[Node, Node]) -> None:
    ours, pbx = two
    trunk = Trunk("pbx", registrar=pbx.place, user="200", password="wrong")
    trunks = ours.has(trunk)
    await until(lambda: trunks.is_down(trunk))
    assert trunks.document()["pbx"]["last"]["status"] in (401, 403)
