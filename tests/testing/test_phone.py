"""The scripted phone against itself, over loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from sounds import tone_level

from ivr.errors import IvrError, LocalProtocolError
from ivr.testing.phone import Answering, ScriptedPhone

Maker = Callable[..., Awaitable[ScriptedPhone]]


@pytest_asyncio.fixture
async def phone() -> AsyncIterator[Maker]:
    phones: list[ScriptedPhone] = []

    async def make(user: str, answering: Answering | None = None) -> ScriptedPhone:
        one = ScriptedPhone(user, answering=answering)
        await one.start()
        phones.append(one)
        return one

    yield make
    for one in phones:
        await one.stop()


async def test_two_phones_hear_each_others_tones(phone: Maker) -> None:
    callee = await phone("callee", Answering())
    call = await (await phone("+15550100")).dial(callee.uri)
    other = await callee.next_call()
    assert other.caller == "+15550100"
    await asyncio.gather(call.talk_tone(440, 0.8), other.talk_tone(1000, 0.8))
    await asyncio.sleep(0.1)
    assert tone_level(other.recording, 440) > 0.9 and tone_level(other.recording, 1000) < 0.1
    assert tone_level(call.recording, 1000) > 0.9 and tone_level(call.recording, 440) < 0.1


async def test_keys_arrive_once_each_and_in_order(phone: Maker) -> None:
    callee = await phone("callee", Answering())
    call = await (await phone("caller")).dial(callee.uri)
    other = await callee.next_call()
    await call.press("1100*#", pace=0.06, held=0.06)
    await asyncio.sleep(0.1)
    assert other.sound.keys == list("1100*#")


async def test_a_refusal_is_told_with_its_status(phone: Maker) -> None:
    callee = await phone("callee", Answering(status=486))
    call = await (await phone("caller")).dial(callee.uri)
    assert (call.answered, call.status, call.phrase) == (False, 486, "Busy Here")


async def test_hanging_up_while_it_rings_cancels(phone: Maker) -> None:
    callee = await phone("callee", Answering(after=30))
    call = await (await phone("caller")).dial(callee.uri, wait=False)
    async with asyncio.timeout(5):
        while "ringing" not in call.timeline:
            await asyncio.sleep(0.01)
        await call.hang_up()
    assert call.status == 487


async def test_either_side_can_hang_up(phone: Maker) -> None:
    callee = await phone("callee", Answering())
    caller = await phone("caller")
    call = await caller.dial(callee.uri)
    await (await callee.next_call()).hang_up()
    await asyncio.wait_for(call.ended(), 5)
    assert call.ended_by == "remote"
    again = await caller.dial(callee.uri)
    other = await callee.next_call()
    await again.hang_up()
    await asyncio.wait_for(other.ended(), 5)
    assert other.ended_by == "remote"


async def test_a_call_works_over_tcp(phone: Maker) -> None:
    callee = await phone("callee", Answering())
    call = await (await phone("caller")).dial(callee.uri + ";transport=tcp")
    assert call.answered
    await call.hang_up()


async def test_the_recording_keeps_silence_where_nothing_was_sent(phone: Maker) -> None:
    callee = await phone("callee", Answering())
    call = await (await phone("caller")).dial(callee.uri)
    other = await callee.next_call()
    await asyncio.sleep(0.5)
    await call.talk_tone(440, 0.5)
    await asyncio.sleep(0.1)
    heard = other.recording
    assert len(heard) > 0.9 * 8000
    assert abs(heard[:2400]).max() < 50
    assert abs(heard[-2400:]).max() > 5000


async def test_what_is_no_key_is_refused(phone: Maker) -> None:
    callee = await phone("callee", Answering())
    call = await (await phone("caller")).dial(callee.uri)
    with pytest.raises(LocalProtocolError, match="'x' is no key"):
        await call.press("x")


async def test_an_address_that_is_none_is_refused(phone: Maker) -> None:
    with pytest.raises(IvrError, match="no SIP address"):
        await (await phone("caller")).dial("nonsense")
