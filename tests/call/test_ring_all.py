"""RT7 over real SIP: everybody is rung, and two pick up in one moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from call.test_handoff import ask_for_a_person
from house import House
from sounds import tone_level

from ivr.config import RoutingSettings
from ivr.testing.phone import Answering

ELSEWHERE = 'Reason: SIP;cause=200;text="Call completed elsewhere"'


async def test_rt7_of_two_who_pick_up_in_one_moment_one_has_the_caller_and_all_others_are_told(
    build_house: Callable[..., Awaitable[House]],
) -> None:
    house = await build_house(routing=RoutingSettings(wrap_up=0.2, strategy="ring_all"))
    both = asyncio.Event()
    desks = [
        await house.desk("desk1", answering=Answering(picked_up=both)),
        await house.desk("desk2", answering=Answering(picked_up=both)),
        await house.desk("desk3", answering=Answering(after=60)),
    ]
    call = await ask_for_a_person(house)
    async with asyncio.timeout(15):
        while not all(desk.phone.rung for desk in desks):
            await asyncio.sleep(0.02)
    both.set()
    for desk in desks[:2]:
        await desk.phone.next_call()
    async with asyncio.timeout(15):
        while sum("ended" in desk.statuses for desk in desks) < 2:
            await asyncio.sleep(0.02)

    winners = [desk for desk in desks if "ended" not in desk.statuses]
    late = [desk for desk in desks if "ended" in desk.statuses]
    assert len(winners) == 1 and winners[0] in desks[:2]
    await winners[0].item("connected")
    assert all("connected" not in desk.statuses for desk in late)
    assert house.engine.exchange is not None
    floor = house.engine.exchange.agents
    assert [str(floor.agent(desk.name).state) for desk in late] == ["available", "available"]

    (talking,) = (one for one in winners[0].phone._calls.values() if not one.is_over)
    heard = asyncio.create_task(call.talk_tone(440.0, 0.6))
    async with asyncio.timeout(15):
        while tone_level(talking.recording, 440.0) < 0.8 or not heard.done():
            await asyncio.sleep(0.05)
    async with asyncio.timeout(15):
        while not all(one.is_over for desk in late for one in desk.phone._calls.values()):
            await asyncio.sleep(0.02)
    await call.hang_up()

    record = await house.record()
    outcomes = sorted(offer["outcome"] for offer in record["handoff"]["offers"])
    assert outcomes == ["answered", "taken", "taken"]
    assert sum(one.answered for one in floor.figures().values()) == 1, "one count only"
    trace = house.engine.exchange.rooms.signalling.trace
    sent = [one.shown.decode() for one in trace.select() if not one.received]
    told = [text.split()[0] for text in sent if ELSEWHERE in text]
    assert "CANCEL" in told and len(told) >= 2, (
        "who rings on, and who picked up too late (a CANCEL, or too late BYE)"
    )
