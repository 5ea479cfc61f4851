"""Blind transfers with real SIP legs, real sound and real SOAP: the caller always ends with somebody."""

from __future__ import annotations

import asyncio

import pytest
from call.test_handoff import ask_for_a_person
from house import Desk, House
from sounds import tone_level

from ivr.config import HostPort, SipSettings
from ivr.ici.switchboard import IciRefusal
from ivr.testing.phone import Answering, PhoneCall


async def both_ways(one: PhoneCall, other: PhoneCall) -> None:
    """Each hears the other's tone, whatever else was heard before."""
    marks = len(one.recording), len(other.recording)
    await asyncio.gather(one.talk_tone(440, 0.65), other.talk_tone(880, 0.65))
    await asyncio.sleep(0.2)
    assert tone_level(one.recording[marks[0] :], 880) > 0.7, "the first does not hear the second"
    assert tone_level(other.recording[marks[1] :], 440) > 0.7, "the second does not hear the first"


async def in_step(house: House, step: str) -> None:
    assert house.engine.exchange is not None
    async with asyncio.timeout(10):
        while step not in [visit.machine.step for visit in house.engine.exchange.visits.values()]:
            await asyncio.sleep(0.02)


async def with_agent(house: House, **more: Answering) -> tuple[PhoneCall, Desk]:
    desk = await house.desk("desk1", **more)
    call = await ask_for_a_person(house)
    await desk.item("connected")
    return call, desk


async def test_a_queue_a_step_and_a_number_are_destinations_too(build_house: object) -> None:
    sip = SipSettings(listen=HostPort("127.0.0.1", 0), dial=("sip:expert@127.0.0.1",))
    house: House = await build_house(sip=sip)  # type: ignore[operator]
    call, first = await with_agent(house)
    item = first.items[-1]
    for wrong, why in (
        ("queue:nowhere", "there is no queue 'nowhere'; known are"),
        ("menu:nowhere", "has no step 'nowhere'"),
        ("+4930123456", "is not listed in sip.dial"),
        ("desk1", "name a colleague"),
        ("somebody", "is no destination; write"),
    ):
        with pytest.raises(IciRefusal, match=why):
            await first.client.blind_transfer(item.id, wrong)
    assert first.statuses == ["alerting", "connected"]
    expert = await house.phone("expert", Answering(status=480))
    await first.client.blind_transfer(item.id, expert.uri)
    back = await first.item("connected", after=3)
    assert expert.rung == 1, "who is not reached gives the caller back"
    await first.client.blind_transfer(back.id, "queue:general")
    again = await first.item("connected", after=first.items.index(back) + 1)
    assert again.queue_id == "general"
    await first.client.blind_transfer(again.id, "menu:main")
    heard = len(call.recording)
    await in_step(house, "main")
    await call.press("0")
    last = await first.item("connected", after=first.items.index(again) + 1)
    assert len(call.recording) > heard
    expert.answering = Answering()
    await first.client.blind_transfer(last.id, expert.uri)
    await both_ways(call, await expert.next_call())
    await call.hang_up()
    record = await house.record()
    assert [one["onward"] for one in record["handoffs"]] == [
        expert.uri, "queue:general", "menu:main", expert.uri,
    ]  # fmt: skip
    passed = [one["passed"][-1] for one in record["handoffs"]]
    assert {(one["by"], one["how"]) for one in passed} == {("desk1", "blind")}
    assert [(one["to"], one["outcome"]) for one in passed] == [
        (expert.uri, "failed"), ("queue:general", None), ("menu:main", None), (expert.uri, "answered"),
    ]  # fmt: skip
    assert [one["sent_by"] for one in record["handoffs"]] == [None, "desk1", "desk1", "desk1"]
    assert [one["number"] for one in record["handoffs"]] == [None, None, None, expert.uri]
    assert [one["number"] for one in record["outside"]] == [expert.uri]
    contacts = await house.store.contacts(call_id=record["id"])
    assert [one["how"] for one in reversed(contacts)] == ["routed", "returned", "transferred", "transferred"]
    assert any("could not be reached" in one["what"] for one in record["incidents"])
