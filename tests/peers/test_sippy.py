"""The engine behind sippy's back-to-back user agent, a SIP stack twenty years old."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest_asyncio
from conftest import need
from house import House
from peers.sippy_middle import SippyMiddle
from sounds import likeness, tone_level

from ivr.config import HostPort, MenuSettings, SipSettings
from ivr.testing.phone import Answering

STEPS = """\
first: {type: say, say: small.hello, go: person}
person: {type: handoff, queue: general, reason: TEST, waiting: small.wait, busy: bye, closed: bye, failed: bye}
bye: {type: say, say: small.bye, go: END}"""
PROMPTS = """\
small.hello: This is a machine that answers the telephone.
small.wait: One moment.
small.bye: Nobody is here.
"""
BuildHouse = Callable[..., Awaitable[House]]


@pytest_asyncio.fixture
async def middle(tmp_path: Path, free_port: int) -> AsyncIterator[Callable[[House], Awaitable[SippyMiddle]]]:
    if importlib.util.find_spec("sippy") is None:
        need("sippy", "not installed; `pip install sippy`")
    started: list[SippyMiddle] = []

    async def start(house: House) -> SippyMiddle:
        assert house.listening is not None
        started.append(SippyMiddle(tmp_path / "sippy", free_port, house.listening.sip))
        await started[-1].start()
        return started[-1]

    yield start
    for one in started:
        await one.stop()


async def test_a_call_through_it_reaches_an_agent_and_both_hear_each_other(
    build_house: BuildHouse,
    write_menu: Callable[..., MenuSettings],
    middle: Callable[[House], Awaitable[SippyMiddle]],
) -> None:
    house = await build_house(menu=write_menu(STEPS, PROMPTS))
    between = await middle(house)
    desk = await house.desk("desk1", answering=Answering(after=0.2))
    phone = await house.phone("+15550100")
    call = await phone.dial(between.uri)
    assert call.status == 200, between.log[-3000:]
    agent = await desk.phone.next_call()
    await desk.item("connected")
    await asyncio.gather(call.talk_tone(440, 1.0), agent.talk_tone(880, 1.0))
    await call.hang_up()
    await asyncio.wait_for(agent.ended(), 5)
    assert likeness(call.recording, await house.clip("This is a machine that answers the telephone.")) > 0.85
    assert tone_level(call.recording, 880) > 0.8
    assert tone_level(agent.recording, 440) > 0.8
    record = await house.record()
    assert (record["caller"], record["end"]["by"]) == ("+15550100", "caller")


async def test_the_end_and_every_refusal_of_the_engine_come_through(
    build_house: BuildHouse,
    write_menu: Callable[..., MenuSettings],
    middle: Callable[[House], Awaitable[SippyMiddle]],
) -> None:
    sip = SipSettings(listen=HostPort("127.0.0.1", 0), max_calls=1, ring=0.2)
    house = await build_house(menu=write_menu("first: {type: say, say: small.bye, go: END}", PROMPTS), sip=sip)
    between = await middle(house)
    phone = await house.phone()
    first = await phone.dial(between.uri)
    assert first.status == 200, between.log[-3000:]
    second = await phone.dial(between.uri)
    assert second.status == 503
    await asyncio.wait_for(first.ended(), 15)
    assert first.ended_by == "remote"
    third = await phone.dial(between.uri, wait=False)
    async with asyncio.timeout(10):
        while "ringing" not in third.timeline:
            await asyncio.sleep(0.02)
    await third.hang_up()
    assert third.status == 487
