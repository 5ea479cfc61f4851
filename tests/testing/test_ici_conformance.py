"""The conformance run against our own endpoint, and against endpoints with one thing wrong."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from ici.conftest import FakeSwitchboard, make_item

from ivr.config.settings import IciSettings
from ivr.errors import IvrError
from ivr.ici import endpoint_operations, envelope
from ivr.ici.capabilities import capabilities_of
from ivr.ici.client import EventSender
from ivr.ici.dialect import available, load
from ivr.ici.endpoint import IciEndpoint
from ivr.ici.switchboard import IciRefusal, PhoneCallChanged, UserChanged
from ivr.testing.ici_conformance import Conformance, Finding
from ivr.testing.ici_points import POINTS


class Exchange(FakeSwitchboard):
    """Tells what happens, as a real one does, and rings once the agent is ready."""

    def __init__(self) -> None:
        super().__init__()
        self.sender: EventSender
        self.rings_at = 2
        self.views["desk1"] = dataclasses.replace(self.views["desk1"], workmode=3, presence="Logged Off")

    async def log_on(self, user: str, workcenter: str) -> None:
        await super().log_on(user, workcenter)
        self.views[user] = dataclasses.replace(self.views[user], workmode=3, presence="Available")

    async def log_off(self, user: str, cause: str) -> None:
        await super().log_off(user, cause)
        self.views[user] = dataclasses.replace(self.views[user], workmode=1, presence="Logged Off")

    async def set_workmode(self, user: str, workmode: int) -> None:
        await super().set_workmode(user, workmode)
        self.views[user] = dataclasses.replace(self.views[user], workmode_text=str(workmode))
        self.sender.publish(user, UserChanged(self.views[user]))
        if workmode == self.rings_at and not self.live and len(self.calls) > 3:
            self.give(user, make_item())
            self.sender.publish(user, PhoneCallChanged(self.live["call-1"]))

    def _becomes(self, user: str, item_id: str, status: Any, reason: Any = None) -> None:
        old = self.live[item_id]
        new = dataclasses.replace(
            old, status=status, sequence=old.sequence + 1, reason=reason, capabilities=capabilities_of(status)
        )
        self.live[item_id] = new
        self.sender.publish(user, PhoneCallChanged(new))

    async def accept(self, user: str, item_id: str) -> None:
        self._becomes(user, item_id, "connected")

    async def drop(self, user: str, item_id: str) -> None:
        self._becomes(user, item_id, "ended", "normal")


Wrapper = Callable[
    [web.Request, Callable[[web.Request], Awaitable[web.StreamResponse]]], Awaitable[web.StreamResponse]
]


async def findings(
    serve: Any, *, dialect: str = "default", exchange: Any = None, around: Any = None, call: float = 5.0
) -> dict[str, Finding]:
    settings = IciSettings(post_timeout=0.5, dialect=dialect)
    switchboard: Any = exchange or Exchange()
    switchboard.sender = EventSender(settings, load(dialect), lambda user: None)
    app = web.Application(middlewares=[web.middleware(around)] if around else [])
    IciEndpoint(switchboard, switchboard.sender, settings).add_to(app)
    try:
        run = Conformance(f"{await serve(app)}/ici", "desk1", dialect=dialect, wait_for_call=call)
        return {finding.title: finding for finding in await run.run(POINTS)}
    finally:
        await switchboard.sender.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.testing.ici_conformance.QUIET", 0.03)
    monkeypatch.setattr("ivr.testing.ici_conformance.EVENT_WITHIN", 1.0)


@pytest.fixture
async def serve() -> Any:
    runners: list[web.AppRunner] = []

    async def start(app: web.Application) -> str:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.mark.parametrize("dialect", available())
async def test_our_own_endpoint_holds_every_point(serve: Any, dialect: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"extends: {dialect}\nname: mine\nheader: {{element: onBehalfOf}}\n")
    found = await findings(serve, dialect=str(mine))
    assert {title: one.seen for title, one in found.items() if one.verdict != "holds"} == {}
    assert len(found) == len(POINTS)


async def wrong_http(request: web.Request, handler: Any) -> web.StreamResponse:
    """Everything is a success, and a page."""
    response = await handler(request)
    return web.Response(status=200, body=response.body, content_type="text/html")


def unprepared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A middleware cannot change what the endpoint has written already, so let it write nothing."""

    async def send(self: Any, request: Any, response: Any, outcome: Any) -> None:
        if outcome.after is not None:
            asyncio.get_running_loop().call_later(0.01, outcome.after)

    monkeypatch.setattr(IciEndpoint, "_send", send)


async def test_what_is_wrong_in_http_is_named_and_what_needs_a_call_is_not_tried(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    unprepared(monkeypatch)
    found = await findings(serve, around=wrong_http, call=0.0)
    assert "the content type is text/html" in found["answers are SOAP 1.1 in text/xml"].seen
    assert "a fault has HTTP 500" in found["an unknown operation is a Client fault with a text"].seen
    untried = [one.seen for one in found.values() if one.verdict == "not tried"]
    assert untried == ["needs a call: --call, and dial the engine meanwhile"] * 4


class Forgetful(Exchange):
    """Rewrites documents instead of merging them, and takes every agent for ready."""

    async def log_on(self, user: str, workcenter: str) -> None:
        await super().log_on(user, workcenter)
        self.views[user] = dataclasses.replace(self.views[user], workmode=2)

    async def set_attached_data(self, user: str, item_id: str, document: str) -> None:
        await super().set_attached_data(user, item_id, document.replace(" note=", "  note="))


def two_users(monkeypatch: pytest.MonkeyPatch) -> None:
    real = envelope._user

    def first(root: Any, dialect: Any) -> str:
        try:
            return real(root, dialect)
        except IciRefusal:
            return "desk1"

    monkeypatch.setattr(envelope, "_user", first)


async def test_what_a_broken_endpoint_does_wrong_is_named_and_nothing_else(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_users(monkeypatch)
    monkeypatch.setattr(endpoint_operations, "check", lambda *_: None)
    monkeypatch.setattr("ivr.ici.client.RETRY_AFTER", ())
    found = await findings(serve, exchange=Forgetful())
    wrong = {title: one.seen for title, one in found.items() if one.verdict == "fails"}
    expected = {
        "nobody acts for somebody else": "a header with two users: HTTP 200, an answer; needed is a soap:Fault",
        "a log-on is told to exactly its application id": "the work mode after log-on is 2",
        "an event that was not taken comes again": "an event that got HTTP 503 did not come again",
        "an operation that is not legal is refused and changes nothing": "hold: HTTP 200, an answer",
        "blocks of others survive, malformed documents do not get in": "is not the same octets",
    }
    for title, seen in expected.items():
        assert seen in wrong.pop(title)
    # once a log-on leaves the agent ready, what waits for "not ready" waits in vain
    assert set(wrong) <= {"a screen that starts again ends the old subscription"}


async def test_an_endpoint_that_is_not_there_is_an_error_with_a_remedy() -> None:
    with pytest.raises(IvrError, match=r"127\.0\.0\.1 port 1: connecting failed"):
        await Conformance("http://127.0.0.1:1/ici", "desk1").run(POINTS)
