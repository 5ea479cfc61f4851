"""Presence over HTTP and WebSocket: PR1 and PR2 for other programs."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

from ivr.agents.events import LoggedOn, ScreenLost, WorkmodeChosen
from ivr.agents.floor import Floor
from ivr.config import AgentSettings, RoutingSettings
from ivr.engine import presence as module
from ivr.engine.presence import PresencePages

AGENTS = (AgentSettings("ann", "Ann Lee", ("general",), password="secret"), AgentSettings("bob"))
OFF = {"presence": "Logged Off", "options": []}
THERE = {"presence": "Available", "options": ["Call", "Blind Transfer", "Warm Transfer"]}


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


class Office:
    """Pages over a floor; whatever happens on it is told as the exchange tells it."""

    def __init__(self) -> None:
        self.floor = Floor(AGENTS, [], RoutingSettings())
        settings = SimpleNamespace(agents=AGENTS)
        self.exchange: Any = SimpleNamespace(
            agents=self.floor, rooms=SimpleNamespace(settings=settings), watchers=[]
        )
        self.pages = PresencePages(self.exchange)

    def happens(self, *events: Any) -> None:
        for event in events:
            self.floor.handle(event, 1.0)
            for watcher in self.exchange.watchers:
                watcher(event.agent)

    async def client(self) -> TestClient:
        app = web.Application()
        self.pages.add_to(app)
        client = TestClient(TestServer(app))
        await client.start_server()
        return client


async def test_pr2_everybody_is_told_with_the_word_and_what_may_be_done() -> None:
    office = Office()
    client = await office.client()
    office.happens(LoggedOn("ann"), WorkmodeChosen("ann", 2))
    document = await (await client.get("/presence")).json()
    assert document == {
        "agents": [{"user": "ann", "name": "Ann Lee", **THERE}, {"user": "bob", "name": "bob", **OFF}]
    }
    await client.close()


async def test_pr1_a_change_is_pushed_once_to_all_who_watch() -> None:
    office = Office()
    client = await office.client()
    sockets = [await client.ws_connect("/presence/changes") for _ in range(2)]
    for socket in sockets:
        first = await socket.receive_json(timeout=5)
        assert [one["presence"] for one in first["agents"]] == ["Logged Off", "Logged Off"]
    office.happens(LoggedOn("ann"), WorkmodeChosen("ann", 2), WorkmodeChosen("ann", 3), WorkmodeChosen("ann", 1))
    for socket in sockets:
        assert await socket.receive_json(timeout=5) == {"user": "ann", "name": "Ann Lee", **THERE}
        assert await socket.receive_json(timeout=5) == {"user": "ann", "name": "Ann Lee", **OFF}
    await client.close()


async def test_why_an_agent_is_not_ready_who_did_not_choose_that_is_told() -> None:
    office = Office()
    client = await office.client()
    office.happens(LoggedOn("ann"), WorkmodeChosen("ann", 2), ScreenLost("ann"))
    first, second = (await (await client.get("/presence")).json())["agents"]
    assert (first["presence"], first["not_ready"]) == ("Busy", "desktop does not answer")
    assert "not_ready" not in second
    office.happens(LoggedOn("ann"), WorkmodeChosen("ann", 3))
    assert "not_ready" not in (await (await client.get("/presence")).json())["agents"][0]
    await client.close()


async def test_a_watcher_who_is_gone_is_forgotten() -> None:
    office = Office()
    client = await office.client()
    socket = await client.ws_connect("/presence/changes")
    await socket.receive_json(timeout=5)
    assert office.pages.watchers == 1
    await socket.close()
    async with asyncio.timeout(5):
        while office.pages.watchers:
            await asyncio.sleep(0.01)
    await client.close()


async def test_a_watcher_who_does_not_read_is_closed_and_memory_stays_bounded(monkeypatch) -> None:
    monkeypatch.setattr(module, "BEHIND", 4)
    office = Office()
    client = await office.client()
    socket = await client.ws_connect("/presence/changes")
    await socket.receive_json(timeout=5)
    for _ in range(20):  # no await in between: nothing can be sent meanwhile
        office.happens(LoggedOn("bob"), WorkmodeChosen("bob", 1))
    assert office.pages.watchers == 0
    async with asyncio.timeout(5):
        while (message := await socket.receive()).type is WSMsgType.TEXT:
            pass
    assert (message.type, message.data) == (WSMsgType.CLOSE, 1013)
    await client.close()


async def test_only_so_many_may_watch(monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST_WATCHERS", 1)
    office = Office()
    client = await office.client()
    await client.ws_connect("/presence/changes")
    answer = await client.get("/presence/changes")
    assert (answer.status, await answer.text()) == (503, "too many are watching already; try again later\n")
    await client.close()


async def test_pages_in_a_browser_see_nothing() -> None:
    client = await Office().client()
    answer = await client.get("/presence", headers={"Origin": "https://example.org"})
    assert answer.status == 403
    await client.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (basic("ann", "secret"), 200),
        ({}, 401),
        (basic("ann", "guess"), 401),
        (basic("bob", ""), 401),
        (basic("zoe", ""), 401),
    ],
    ids=["an agent", "nobody", "wrong password", "no password set", "a stranger"],
)
async def test_from_elsewhere_an_agents_password_is_needed(monkeypatch, headers, status) -> None:
    monkeypatch.setattr(module, "is_loopback", lambda peer: False)
    client = await Office().client()
    assert (await client.get("/presence", headers=headers)).status == status
    await client.close()
