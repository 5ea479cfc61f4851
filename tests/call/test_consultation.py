"""Consultations, warm transfers and conferences: sound both ways and both screens, ICI section 6.3."""

from __future__ import annotations

import asyncio

import pytest
from call.test_transfer import both_ways, with_agent
from house import Desk, House
from sounds import tone_level

from ivr.ici.attached_data import build, read
from ivr.ici.switchboard import IciRefusal, PhoneCallItem
from ivr.testing.phone import Answering, PhoneCall

FREQUENCIES = (440.0, 700.0, 1100.0)


async def all_talk(*calls: PhoneCall) -> list[list[float]]:
    """Everybody speaks a tone of his own at once: how much of each everybody hears."""
    tones = FREQUENCIES[: len(calls)]
    marks = [len(call.recording) for call in calls]
    await asyncio.gather(*(call.talk_tone(hertz, 0.65) for call, hertz in zip(calls, tones, strict=True)))
    await asyncio.sleep(0.2)
    return [
        [tone_level(call.recording[mark:], hertz) for hertz in tones]
        for call, mark in zip(calls, marks, strict=True)
    ]


async def consulting(house: House) -> tuple[PhoneCall, PhoneCall, PhoneCall, Desk, Desk, PhoneCallItem, str]:
    """Caller, two agents' telephones, their desks, the customer's item and that of the consultation."""
    second = await house.desk("desk2", ready=False)
    caller, first = await with_agent(house)
    item = first.items[-1]
    consult_id = await first.client.consult(item.id, "desk2")
    await second.item("connected")
    await first.item("connected", after=2)
    return caller, await first.phone.next_call(), await second.phone.next_call(), first, second, item, consult_id


def of(desk: Desk, item_id: str) -> list[str]:
    return [item.status for item in desk.items if item.id == item_id]


async def test_a_colleague_who_refuses_or_leaves_gives_the_caller_back_to_the_agent(house: House) -> None:
    second = await house.desk("desk2", ready=False, answering=Answering(after=1.0, status=486))
    caller, first = await with_agent(house)
    agent, item = await first.phone.next_call(), first.items[-1]
    consult_id = await first.client.consult(item.id, "desk2")
    ended = await first.item("ended")
    assert (ended.id, ended.reason, of(second, second.items[0].id)) == (
        consult_id,
        "rejected",
        ["alerting", "ended"],
    )
    assert tone_level(agent.recording, 425) > 0.5, "no ringing tone for the agent"
    await both_ways(caller, agent)
    second.phone.answering = Answering()
    with pytest.raises(IciRefusal, match="dial not allowed while desk1 is in_call"):
        await first.client.dial("desk2")
    await first.client.hold(item.id)  # with a caller on hold, dial asks about him
    await first.ends(item.id, "connected", "held")
    consult_id = await first.client.dial("desk2", build("NOTES", {"TEXT": "who signs?"}))
    asked = (await second.item("alerting", after=2)).attached_data
    assert read(asked) == read(item.attached_data) | {"NOTES": {"TEXT": "who signs?"}}
    colleague = await second.phone.next_call()
    await first.ends(consult_id, "dialing", "connected")
    await colleague.hang_up()
    await first.ends(consult_id, "connected", "ended")
    back = await first.ends(item.id, "held", "held", "connected")
    assert "consult" in back.capabilities
    await both_ways(caller, agent)
    await caller.hang_up()
