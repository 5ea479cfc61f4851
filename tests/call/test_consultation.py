"""Consultations, warm transfers and conferences: sound both ways and both screens, ICI section 6.3."""

from __future__ import annotations

import asyncio

import pytest
from call.test_transfer import both_ways, with_agent
from house import Desk, House
from sounds import tone_level

from ivr.config import HostPort, SipSettings
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


async def test_a_caller_is_handed_over_after_a_word_with_the_colleague(house: House) -> None:
    caller, one, other, first, second, item, consult_id = await consulting(house)
    assert of(first, item.id)[:3] == ["alerting", "connected", "held"]
    assert of(first, consult_id) == ["dialing", "connected"]
    asked = second.items[0]
    assert (asked.attached_data, asked.remote_numbers) == (item.attached_data, ("desk1",))
    waiting = len(caller.recording)
    await both_ways(one, other)
    assert tone_level(caller.recording[waiting:], 440) < 0.2 > tone_level(caller.recording[waiting:], 880)
    assert abs(caller.recording[waiting + 4000 :].astype(int)).mean() > 100, "no music for the caller"
    with pytest.raises(IciRefusal, match="hold not allowed in state held"):
        await first.client.hold(item.id)
    await second.client.set_attached_data(asked.id, build("NOTES", {"TEXT": "sees to it"}))
    await first.client.set_attached_data(item.id, build("CRM_IC/MCM", {"FWDTYPE": "TRANSFER"}))
    await first.client.toggle(item.id, consult_id)
    await first.ends(consult_id, "connected", "held")
    await both_ways(caller, one)
    await first.client.toggle(consult_id, item.id)
    await first.client.warm_transfer(item.id, consult_id)
    assert (await first.ends(item.id, "held", "ended")).reason == "transferred"
    assert (await first.ends(consult_id, "connected", "ended")).reason == "transferred"
    await asyncio.wait_for(one.ended(), 5)
    await both_ways(caller, other)
    now = await second.ends(asked.id, "connected", "connected")
    assert (now.id, now.status, now.remote_numbers) == (asked.id, "connected", item.remote_numbers)
    document = read(now.attached_data)
    assert document["NOTES"] == {"TEXT": "sees to it"}
    assert document["CRM_IC/MCM"] == {"FWDTYPE": "TRANSFER"}
    assert "blindTransfer" in now.capabilities and "blindTransfer" not in asked.capabilities
    third = await house.desk("desk3", ready=False)
    back = await second.client.consult(now.id, "desk3")
    assert back != consult_id, "the id of the first agent's item"
    await second.client.drop(back)
    assert (await third.item("ended")).id == f"{back}.1"
    await caller.hang_up()
    assert (await second.item("ended")).reason == "normal"
    handoff = (await house.record())["handoff"]
    assert (handoff["agent"], handoff["onward"]) == ("desk2", "desk2")
    assert [(one["item"], one["outcome"]) for one in handoff["offers"][:3]] == [
        (item.id, "answered"),
        (consult_id, "consultation"),
        (asked.id, "answered"),
    ]


async def test_three_talk_and_whoever_leaves_leaves_the_other_two_together(house: House) -> None:
    caller, one, other, first, second, item, consult_id = await consulting(house)
    await first.client.conference(item.id, consult_id)
    await second.item("conferenced")
    await first.item("conferenced")
    for number, levels in enumerate(await all_talk(caller, one, other)):
        others = [level for index, level in enumerate(levels) if index != number]
        assert min(others) > 0.2 and levels[number] < 0.1, levels
    await second.client.set_attached_data(second.items[-1].id, build("NOTES", {"TEXT": "all agree"}))
    told = await first.data()
    assert (told.item_id, read(told.document)["NOTES"]) == (item.id, {"TEXT": "all agree"})
    await first.client.mute(item.id)
    heard = (await all_talk(caller, one, other))[0]
    assert heard[1] < 0.1 and heard[2] > 0.5, "the muted agent is heard"
    await one.hang_up()
    assert (await first.ends(item.id, "conferenced", "ended")).reason == "normal"
    await both_ways(caller, other)
    await second.ends(second.items[0].id, "alerting", "connected", "conferenced", "connected")
    await caller.hang_up()
    assert (await second.item("ended")).reason == "normal"


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


async def test_an_agent_who_hangs_up_on_a_caller_in_music_sends_him_to_the_queue(house: House) -> None:
    caller, one, _, first, second, _, _ = await consulting(house)
    third = await house.desk("desk3")
    await one.hang_up()
    assert (await third.item("alerting")).attached_data != ""
    assert (await second.item("ended")).reason == "normal"
    assert {one.reason for one in first.items if one.status == "ended"} <= {"failed"}
    await third.item("connected")
    await both_ways(caller, await third.phone.next_call())
    await caller.hang_up()
    record = await house.record()
    assert [one["agent"] for one in record["handoffs"]] == ["desk1", "desk3"]
    assert record["handoffs"][1]["waited"] < 5, "the time spent talking counts as waiting"


async def test_a_number_outside_can_be_asked_and_joined(build_house: object) -> None:
    sip = SipSettings(listen=HostPort("127.0.0.1", 0), dial=("sip:expert@127.0.0.1",))
    house: House = await build_house(sip=sip)  # type: ignore[operator]
    expert = await house.phone("expert", Answering())
    caller, first = await with_agent(house)
    agent, item = await first.phone.next_call(), first.items[-1]
    consult_id = await first.client.consult(item.id, expert.uri)
    outside = await expert.next_call()
    await first.item("connected", after=2)
    await both_ways(agent, outside)
    await first.client.conference(item.id, consult_id)
    await first.item("conferenced")
    await first.client.drop(item.id)
    await asyncio.wait_for(agent.ended(), 5)
    await both_ways(caller, outside)
    await outside.hang_up()
    await asyncio.wait_for(caller.ended(), 5)
    assert (await house.record())["end"]["by"] == "outside"


async def test_the_caller_who_leaves_a_conference_ends_it(house: House) -> None:
    caller, one, other, first, second, item, consult_id = await consulting(house)
    await first.client.conference(item.id, consult_id)
    await second.item("conferenced")
    await caller.hang_up()
    assert (await second.item("ended")).reason == "normal"
    await asyncio.wait_for(asyncio.gather(one.ended(), other.ended()), 5)
    await first.ends(item.id, "conferenced", "ended")
    await first.workmode("Wrap-up")
