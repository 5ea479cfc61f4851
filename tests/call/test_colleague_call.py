"""An agent dials a colleague: sound both ways, both screens' events, and what both may do with the call."""

from __future__ import annotations

import asyncio

import pytest
from call.test_consultation import all_talk
from call.test_killed import holds_in_the_end, the_media_worker_dies
from call.test_screens import until
from call.test_transfer import both_ways
from house import Desk, House
from sounds import tone_level

from ivr.call.screens import find_ghosts
from ivr.ici.attached_data import build, read
from ivr.ici.switchboard import IciRefusal, UserChanged
from ivr.testing.phone import Answering, PhoneCall


def of(desk: Desk, item_id: str) -> list[str]:
    return [item.status for item in desk.items if item.id == item_id]


async def test_two_colleagues_talk_and_whoever_refuses_or_leaves_leaves_nobody_hanging(house: House) -> None:
    first, second = await house.desk("desk1"), await house.desk("desk2", ready=False)
    with pytest.raises(IciRefusal, match="desk3 is Logged Off; only who is Available"):
        await first.client.dial("desk3")
    assert first.items == [], "a refused operation changes nothing"
    mine = await first.client.dial("desk2", build("NOTES", {"TEXT": "about the rota"}))
    one = await first.phone.next_call()
    await one.wait_for_sound()  # the ringing tone
    asked = await second.item("alerting")
    assert (asked.direction, asked.remote_numbers, asked.queue_id) == ("inbound", ("desk1",), "")
    assert asked.capabilities == ("accept", "reject")
    assert read(asked.attached_data) == {"NOTES": {"TEXT": "about the rota"}}, "nothing of any customer"
    connected = await first.item("connected")
    assert (connected.direction, connected.remote_numbers) == ("outbound", ("desk2",))
    other = await second.phone.next_call()
    await both_ways(one, other)
    ghosts = {ghost.id: (user, ghost) for user, ghost in await find_ghosts(house.store)}  # told after a kill
    assert {id: (user, ghost.direction, ghost.remote_numbers) for id, (user, ghost) in ghosts.items()} == {
        mine: ("desk1", "outbound", ("desk2",)),
        asked.id: ("desk2", "inbound", ("desk1",)),
    }
    assert await first.client.get_presence(["desk1", "desk2"]) == {"desk1": "Busy", "desk2": "Busy"}
    await first.client.hold(mine)
    await first.ends(mine, "connected", "held")
    mark = len(other.recording)
    await one.talk_tone(440, 0.4)
    heard = other.recording[mark + 800 :]
    assert tone_level(heard, 440) < 0.2 and abs(heard.astype(int)).mean() > 100, "no music on hold"
    await first.client.unhold(mine)
    await first.ends(mine, "held", "connected")
    await second.client.set_attached_data(asked.id, build("NOTES", {"TEXT": "agreed"}))
    assert (await first.data()).item_id == mine
    await other.hang_up()
    assert (await first.ends(mine, "connected", "ended")).reason == "normal"
    assert (await second.ends(asked.id, "connected", "ended")).reason == "normal"
    assert of(first, mine) == ["dialing", "connected", "held", "connected", "ended"]
    assert of(second, asked.id) == ["alerting", "connected", "ended"]
    await first.workmode("Ready")
    await second.workmode("Not ready")
    assert "Wrap-up" not in texts(first), "a call that came from no queue is followed by wrap-up"
    record = await house.record()
    assert (record["caller"], record["called"], record["end"]["by"]) == ("desk1", "desk2", "agent")
    assert [one["agent"] for one in record["handoffs"]] == ["desk1", "desk2"]

    second.phone.answering = Answering(status=486)
    mine = await first.client.dial("desk2")
    assert (await first.ends(mine, "dialing", "ended")).reason == "rejected"
    assert (await second.item("ended", after=3)).reason == "rejected"
    second.phone.answering = None  # rings
    for refused_by, reason in ((second, "rejected"), (first, "abandoned")):
        known = len(second.items)
        await first.workmode("Ready")
        mine = await first.client.dial("desk2")
        theirs = await second.item("alerting", after=known)
        await (second.client.reject(theirs.id) if refused_by is second else first.client.drop(mine))
        assert (await first.ends(mine, "dialing", "ended")).reason == reason
        assert (await second.ends(theirs.id, "alerting", "ended")).reason == reason
    known, first.phone.answering = len(second.items), Answering(status=486)
    await first.workmode("Ready")
    mine = await first.client.dial("desk2")
    assert (await first.ends(mine, "dialing", "ended")).reason == "rejected"
    assert len(second.items) == known, "a colleague was rung for somebody who had not picked up"
    await second.workmode("Not ready")
    exchange = house.engine.exchange
    assert exchange is not None and not exchange.visits and not exchange.handoffs and not exchange.consultations
    assert await house.store.contacts() == []


async def test_who_was_dialled_brings_in_a_third_or_sends_the_colleague_on(house: House) -> None:
    first, second, third = [await house.desk(name, ready=False) for name in ("desk1", "desk2", "desk3")]
    mine = await first.client.dial("desk2")
    theirs = (await second.item("connected")).id
    one, two = await first.phone.next_call(), await second.phone.next_call()
    with pytest.raises(IciRefusal, match="'menu:main' is for callers"):
        await second.client.blind_transfer(theirs, "menu:main")
    consult = await second.client.consult(theirs, "desk3")
    await second.ends(consult, "dialing", "connected")
    waits = await first.ends(mine, "dialing", "connected", "connected")
    assert not {"consult", "blindTransfer"} & set(waits.capabilities), "the colleague is busy with a third"
    with pytest.raises(IciRefusal, match="consult not allowed in state connected; allowed now: drop, hold"):
        await first.client.consult(mine, "desk3")
    three = await third.phone.next_call()
    await first.client.hold(mine)
    with pytest.raises(IciRefusal, match="desk1 holds the call; make the conference when he has taken it back"):
        await second.client.conference(theirs, consult)
    await second.client.toggle(theirs, consult)
    await second.ends(theirs, "held", "connected")
    await hears_music_alone(two, one)
    await first.client.unhold(mine)
    await first.ends(mine, "held", "connected")
    await second.client.conference(theirs, consult)
    told = [await first.item("conferenced"), await second.item("conferenced"), await third.item("conferenced")]
    assert [item.remote_numbers for item in told] == [
        ("desk2", "desk3"),
        ("desk1", "desk3"),
        ("desk1", "desk2"),
    ]
    for number, levels in enumerate(await all_talk(one, two, three)):
        assert min(level for index, level in enumerate(levels) if index != number) > 0.2, levels
    await second.client.drop(theirs)
    now = await third.ends(third.items[0].id, "conferenced", "connected")
    assert now.remote_numbers == ("desk1",)
    await both_ways(one, three)
    assert (await first.ends(mine, "conferenced", "connected")).remote_numbers == ("desk3",)
    await asyncio.wait_for(two.ended(), 10)
    await third.client.blind_transfer(third.items[0].id, "desk2")
    assert (await third.item("ended")).reason == "transferred"
    await second.phone.next_call()
    await first.ends(mine, "conferenced", "connected", "connected")
    await one.hang_up()
    assert (await first.item("ended")).reason == "normal"
    await second.ends(second.items[-1].id, "alerting", "connected", "ended")

    await third.client.set_workmode(2)
    queued = await first.client.dial("queue:general")
    offered = await third.item("alerting", after=len(third.items))
    assert (offered.queue_id, offered.remote_numbers) == ("general", ("desk1",))
    assert "reroute" not in offered.capabilities
    await first.ends(queued, "dialing", "connected")
    await first.client.drop(queued)
    await third.workmode("Wrap-up")
    assert await house.store.contacts() == []


async def hears_music_alone(one: PhoneCall, kept_from: PhoneCall) -> None:
    mark = len(one.recording)
    await kept_from.talk_tone(440, 0.6)
    heard = one.recording[mark + 800 :]
    assert tone_level(heard, 440) < 0.2 and abs(heard.astype(int)).mean() > 100, "no music on hold"


async def test_who_dialled_brings_in_a_third_and_sends_the_colleague_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange, keys = house.engine.exchange, list[tuple[str, str]]()
    assert exchange is not None
    monkeypatch.setattr(exchange.rooms.media, "send_key", lambda leg, key: keys.append((leg, key)))
    first, second, third = [await house.desk(name, ready=False) for name in ("desk1", "desk2", "desk3")]
    mine = await first.client.dial("desk2")
    theirs = (await second.item("connected")).id
    one, two = await first.phone.next_call(), await second.phone.next_call()
    assert {"consult", "blindTransfer"} <= set((await first.ends(mine, "dialing", "connected")).capabilities)
    with pytest.raises(IciRefusal, match="'menu:main' is for callers"):
        await first.client.blind_transfer(mine, "menu:main")
    consult = await first.client.consult(mine, "desk3")
    await first.ends(consult, "dialing", "connected")
    three = await third.phone.next_call()
    assert (await third.item("connected")).remote_numbers == ("desk1",)
    await hears_music_alone(two, one)
    waits = await second.ends(theirs, "connected", "connected")
    assert waits.remote_numbers == ("desk1",) and "consult" not in waits.capabilities
    await first.client.conference(mine, consult)
    told = [await first.item("conferenced"), await second.item("conferenced"), await third.item("conferenced")]
    assert [item.remote_numbers for item in told] == [
        ("desk2", "desk3"),
        ("desk1", "desk3"),
        ("desk2", "desk1"),
    ]
    for number, levels in enumerate(await all_talk(one, two, three)):
        assert min(level for index, level in enumerate(levels) if index != number) > 0.2, levels
    await three.hang_up()
    assert (await first.ends(mine, "conferenced", "connected")).remote_numbers == ("desk2",)
    assert "consult" in (await second.ends(theirs, "conferenced", "connected")).capabilities
    await first.client.send_dtmf(mine, "1")
    await second.client.send_dtmf(theirs, "2")
    assert keys == [(f"agent-{theirs}", "1"), (f"agent-{mine}", "2")]
    await second.client.hold(theirs)  # now the other one leads, and then the first again
    await second.ends(theirs, "connected", "held")
    await second.client.unhold(theirs)
    await second.ends(theirs, "held", "connected")
    line = await second.phone.dial(f"sip:desk3@{house.uri.removeprefix('sip:ivr@')}")  # by a second call of his
    assert line.status == 200
    await first.ends(mine, "connected", "connected")
    await line.hang_up()
    assert "consult" in (await first.ends(mine, "connected", "connected", "connected")).capabilities
    consult = await first.client.consult(mine, "desk3")
    await first.ends(consult, "dialing", "connected")
    three = await third.phone.next_call()
    three = await third.phone.next_call()
    await first.client.warm_transfer(mine, consult)
    assert (await first.ends(mine, "held", "ended")).reason == "transferred"
    assert (await third.ends(f"{consult}.1", "connected", "connected")).remote_numbers == ("desk2",)
    await both_ways(two, three)
    assert (await second.ends(theirs, "connected", "connected")).remote_numbers == ("desk3",)
    await two.refer(f"sip:desk1@{house.uri.removeprefix('sip:ivr@')}")  # the telephone's own key
    assert (await second.ends(theirs, "connected", "ended")).reason == "transferred"
    await first.phone.next_call()
    await third.ends(f"{consult}.1", "connected", "connected")
    await three.hang_up()
    assert (await first.ends(first.items[-1].id, "connected", "ended")).reason == "normal"
    assert not exchange.visits and not exchange.handoffs and not exchange.consultations
    for desk in (first, second, third):
        await desk.workmode("Not ready")
    assert await house.store.contacts() == []
    assert (await house.record())["incidents"] == []


async def test_voices_come_back_after_the_media_worker_died_and_who_does_not_answer_has_missed_the_call(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await house.desk("desk1"), await house.desk("desk2")
    mine = await first.client.dial("desk2")
    await first.item("connected")
    one, two = await first.phone.next_call(), await second.phone.next_call()
    await the_media_worker_dies(house, 2)
    await holds_in_the_end(lambda: both_ways(one, two))
    await first.client.drop(mine)
    assert (await second.item("ended")).reason == "normal"
    await second.workmode("Ready")

    monkeypatch.setattr("ivr.call.colleague_call.RING", 0.5)
    second.phone.answering = None  # it rings, and nobody is there
    known = len(second.items)
    mine = await first.client.dial("desk2")
    missed = await second.item("ended", after=known)
    assert (missed.reason, missed.description) == ("failed", "your telephone was not picked up")
    ended = await first.ends(mine, "dialing", "ended")
    assert (ended.reason, ended.description) == ("failed", "no answer")
    await until(lambda: "Not ready, calls missed" in texts(second))
    await second.workmode("Ready")
    await first.workmode("Ready")


def texts(desk: Desk) -> list[str]:
    return [event.user.workmode_text for event in desk.events if isinstance(event, UserChanged)]
