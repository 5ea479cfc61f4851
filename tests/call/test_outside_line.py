"""Lines outside: handed over to, sent to by a telephone, silent; and consultations that come to nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from call.test_handoff import ask_for_a_person
from call.test_hold import until_tone
from call.test_transfer import with_agent
from house import Desk, House
from sounds import tone_level

from ivr.config import HostPort, MediaSettings, RecordingSettings, RoutingSettings, SipSettings, Trunk
from ivr.ici.switchboard import PhoneCallItem
from ivr.media.g711_wav import read_g711
from ivr.testing.phone import Answering, PhoneCall, ScriptedPhone

NUMBER = "tel:+15550199"


async def talk(one: PhoneCall, other: PhoneCall) -> None:
    await until_tone(one, other, 880)
    await until_tone(other, one, 440)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.02)


async def reaches(desk: Desk, item_id: str, status: str) -> PhoneCallItem:
    """The first event of the item with that status; those before may have been told in one or in several."""

    def found() -> list[PhoneCallItem]:
        return [item for item in desk.items if (item.id, item.status) == (item_id, status)]

    await until(found)
    return found()[0]


async def ended(desk: Desk) -> tuple[str, str]:
    item = await desk.item("ended")
    return item.id, item.reason


@pytest.fixture
async def expert() -> Any:
    phone = ScriptedPhone("expert", answering=Answering())
    await phone.start()
    yield phone
    await phone.stop()


async def test_a_number_behind_a_trunk_takes_the_caller_over_and_a_silent_one_loses_him(
    build_house: Callable[..., Awaitable[House]], expert: ScriptedPhone
) -> None:
    gate = (
        f"sip:localhost:{expert.signalling.port}"  # by a name of its own: telephones at its address are behind it
    )
    trunk = Trunk("gate", gateway=gate, user="us", numbers=("+15550100",), dial=("tel:+1555",))
    house = await build_house(
        sip=SipSettings(listen=HostPort("127.0.0.1", 0), trunks=(trunk,)),
        media=MediaSettings(ports=(25200, 25399), silence_timeout=2.0),
        recording=RecordingSettings("all"),
    )
    caller, first = await with_agent(house)
    agent, item = await first.phone.next_call(), first.items[-1]

    consult_id = await first.client.consult(item.id, NUMBER)
    outside = await expert.next_call()
    assert outside.incoming is not None
    assert (outside.incoming.called, outside.caller) == ("+15550199", "+15550100")
    await reaches(first, consult_id, "connected")
    await first.client.warm_transfer(item.id, consult_id)
    assert (await reaches(first, item.id, "ended")).reason == "transferred"
    await asyncio.wait_for(agent.ended(), 10)
    await talk(caller, outside)
    outside.sound.muted = True
    await asyncio.wait_for(caller.ended(), 15)
    record = await house.record()
    assert record["end"] == {"by": "failure", "reason": "no sound from the outside line for 2 s"}
    assert (record["handoff"]["onward"], record["handoff"]["number"]) == (NUMBER, "+15550199")
    (passed,) = record["handoff"]["passed"]
    assert (passed["by"], passed["to"], passed["how"]) == ("desk1", "+15550199", "warm")
    legs = {entry["leg"]: house.settings.var / entry["file"] for entry in record["recordings"]}
    assert list(legs) == ["caller", "desk1", "+15550199"]
    assert [entry["leg"] for entry in record["recordings"]] == ["caller", "desk1", "caller", "+15550199"]
    assert tone_level(read_g711(legs["+15550199"]), 880) > 0.7, "what the line outside said is in its own file"
    assert tone_level(read_g711(legs["caller"]), 440) > 0.7
    await asyncio.wait_for(outside.ended(), 10)

    before = len(first.items)
    caller = await ask_for_a_person(house)
    agent = await first.phone.next_call()
    await first.item("connected", after=before)
    refused = await agent.refer("tel:+4930123456")
    assert (refused.outcome, refused.status) == ("refused", 403), "a number nobody lists"
    assert (await agent.refer(NUMBER)).status in (200, 202)
    outside = await expert.next_call()
    await asyncio.wait_for(agent.ended(), 10)
    await talk(caller, outside)
    await caller.hang_up()
    await asyncio.wait_for(outside.ended(), 10)
    assert expert.rung == 2


async def test_whoever_goes_away_while_a_colleagues_telephone_rings_leaves_nobody_behind(house: House) -> None:
    caller, first = await with_agent(house)
    agent, item = await first.phone.next_call(), first.items[-1]
    second = await house.desk("desk2", ready=False)
    second.phone.answering = None  # rings for ever
    third = await house.desk("desk3")
    consult_id = await first.client.consult(item.id, "desk2")
    await second.item("alerting")
    await until(lambda: second.phone.rung == 1)

    await agent.hang_up()  # the asking agent goes: the caller, in music, gets the next one
    assert (await ended(second))[0] == second.items[0].id
    await reaches(first, consult_id, "ended")
    assert (await reaches(first, item.id, "ended")).reason == "failed"
    taken = await third.item("connected")
    assert not caller.is_over

    before = len(second.items)
    other_id = await third.client.consult(taken.id, "desk2")
    await second.item("alerting", after=before)
    await until(lambda: second.phone.rung == 2)
    await caller.hang_up()  # the caller goes: the telephone stops ringing, and both screens are clear
    assert (await second.item("ended", after=before)).reason == "abandoned"
    await reaches(third, other_id, "ended")
    assert (await reaches(third, taken.id, "ended")).reason == "normal"
    exchange = house.engine.exchange
    assert exchange is not None
    await until(lambda: not exchange.legs and not exchange.consultations)
    assert second.phone._calls and all(call.is_over for call in second.phone._calls.values())
    assert [one["agent"] for one in (await house.record())["handoffs"]] == ["desk1", "desk3"]


async def test_the_record_says_why_an_emergency_line_was_not_called(
    build_house: Callable[..., Awaitable[House]],
) -> None:
    house = await build_house(routing=RoutingSettings(unstaffed=0.2))
    phone = await house.phone("+15550101")
    call = await phone.dial(house.uri)
    await call.wait_for_sound()
    await call.press("9")
    (visit,) = house.engine.exchange.visits.values()
    await until(lambda: visit.record.incidents)
    await call.hang_up()
    whats = [one["what"] for one in (await house.record())["incidents"]]
    assert len(whats) == 1
    assert whats[0].startswith("tel:+15550000911 could not be called: tel:+15550000911 is not listed in sip.dial")
