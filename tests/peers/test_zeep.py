"""An agent's screen made of zeep and our WSDLs alone, in a real call between two telephones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest_asyncio
import requests
import zeep
import zeep.helpers
from aiohttp import web
from house import House
from lxml import etree
from sounds import tone_level
from zeep.transports import Transport

from ivr.testing.phone import Answering

ANSWER = """\
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<e:{name}Response xmlns:e="{namespace}"><response>ok</response></e:{name}Response></s:Body></s:Envelope>"""


@dataclass
class Screen:
    """Calls operations through zeep, and keeps every event as it stands in the XML."""

    house: House
    user: str
    url: str = ""
    calls: list[dict[str, str]] = field(default_factory=list)
    """The items of phoneCallChanged: its plain fields, the code of processingStatus under `status`."""
    workmodes: list[str] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    session: requests.Session = field(default_factory=requests.Session)

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/crm/events", self._receive)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/crm/events"
        self.session.trust_env = False
        transport = Transport(session=self.session, timeout=10, operation_timeout=10)
        services = ("IciSystem", "IciUser", "IciItem", "IciPhoneCall")
        self._clients = {
            name: await asyncio.to_thread(zeep.Client, f"{self.house.ici_url}/{name}?wsdl", transport=transport)
            for name in services
        }

    async def close(self) -> None:
        self.session.close()
        await self._runner.cleanup()

    async def do(self, service: str, operation: str, **values: Any) -> Any:
        ask = getattr(self._clients[service].service, operation)
        answer = await asyncio.to_thread(ask, _soapheaders={"userId": self.user}, **values)
        return zeep.helpers.serialize_object(answer, dict)

    async def _receive(self, request: web.Request) -> web.Response:
        event = etree.fromstring(await request.read()).find("{*}Body")[0]
        name = etree.QName(event)
        async with self.changed:
            for item in event.iter("phoneCall"):
                if item.find("processingStatus") is not None:
                    plain = {child.tag: child.text or "" for child in item if not len(child)}
                    self.calls.append(plain | {"status": item.findtext("processingStatus/id") or ""})
            self.workmodes += [mode.findtext("id") or "" for mode in event.iter("workmode")]
            self.changed.notify_all()
        return web.Response(
            text=ANSWER.format(name=name.localname, namespace=name.namespace), content_type="text/xml"
        )

    async def call(self, status: str, *, after: int = 0) -> dict[str, str]:
        """The first item event with this status behind the first `after`."""
        async with asyncio.timeout(15.0), self.changed:
            while not (found := [call for call in self.calls[after:] if call["status"] == status]):
                await self.changed.wait()
            return found[0]


@pytest_asyncio.fixture
async def screen(house: House) -> AsyncIterator[Screen]:
    screen = Screen(house, "desk1")
    await screen.start()
    yield screen
    await screen.close()


async def test_zeep_plays_an_agent_through_a_whole_call(house: House, screen: Screen) -> None:
    phone = await house.phone("desk1", answering=Answering(after=0.3))
    product = await screen.do(
        "IciSystem", "exchangeProductInformation", productName="zeep", productVersion=zeep.__version__
    )
    assert product["productName"] == "ivr"
    user = await screen.do("IciUser", "getAttributes", userId="desk1")
    assert (user["id"], user["workmode"]["id"]) == ("desk1", "1")
    key = {"appUrl": screen.url, "appId": "ZEEP1", "userId": "desk1"}
    assert await screen.do("IciUser", "subscribe", **key, workcenterId=phone.uri) == "ok"
    assert await screen.do("IciUser", "setCurrentWorkmode", userId="desk1", workmodeId="2") == "ok"

    caller_phone = await house.phone("caller")
    caller = await caller_phone.dial(house.uri)
    await caller.press("10", pace=0.06, held=0.06)
    alerting = await screen.call("alerting")
    item = alerting["id"]
    assert alerting["queueId"] == "general"
    document = await screen.do("IciItem", "getAttachedData", itemId=item)
    assert "ASKED_FOR_AGENT" in document
    assert document == alerting["attachedData"]
    assert await screen.do("IciPhoneCall", "accept", itemId=item) == "ok"
    await screen.call("connected")
    agent = await phone.next_call()

    talking = asyncio.create_task(agent.talk_tone(880, 30.0))
    await until(lambda: tone_level(caller.recording[-8000:], 880) > 0.8)
    seen = len(screen.calls)
    assert await screen.do("IciPhoneCall", "hold", itemId=item) == "ok"
    await screen.call("held", after=seen)
    await until(lambda: tone_level(caller.recording[-8000:], 880) < 0.2)
    properties = await screen.do("IciItem", "getProperties", itemId=item)
    assert properties["processingStatus"]["id"] == "held"
    assert "unhold" in properties["capabilityList"]["item"]

    seen = len(screen.calls)
    assert await screen.do("IciPhoneCall", "unhold", itemId=item) == "ok"
    await screen.call("connected", after=seen)
    await until(lambda: tone_level(caller.recording[-8000:], 880) > 0.8)

    assert await screen.do("IciPhoneCall", "drop", itemId=item) == "ok"
    await screen.call("ended")
    await caller.ended()
    await agent.ended()
    await talking
    record = await house.record()
    assert record["handoff"]["agent"] == "desk1"
    assert record["handoff"]["outcome"] == "answered"
    assert record["end"]["by"] == "agent"
    statuses = [call["status"] for call in screen.calls]
    assert list(dict.fromkeys(statuses))[:3] == ["alerting", "connected", "held"]
    assert {call["id"] for call in screen.calls} == {item}
    async with asyncio.timeout(15.0), screen.changed:
        await screen.changed.wait_for(lambda: screen.workmodes[-1] == "2")
    assert await screen.do("IciUser", "unsubscribe", **key) == "ok"


async def until(condition: Any) -> None:
    """Until something that is measured holds."""
    async with asyncio.timeout(15.0):
        while not condition():
            await asyncio.sleep(0.1)
