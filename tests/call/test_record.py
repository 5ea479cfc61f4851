"""What the record of a call tells, beyond the main path."""

from __future__ import annotations

import asyncio

import pytest
from house import House

LOCKED, ITS_PIN = "4000000036", "9924"


async def test_a_prompt_that_the_hang_up_cut_off_is_told_with_what_was_heard_of_it(house: House) -> None:
    phone = await house.phone()
    call = await phone.dial(house.uri)
    await call.wait_for_sound()
    await asyncio.sleep(1.0)
    await call.hang_up()
    (heard,) = (await house.record())["prompts"]
    assert heard["prompts"][0] == "greet.emergency_first"
    assert heard["why"] == "hung_up"
    assert 0.9 < heard["played"] < 4.0
    assert heard["at"] >= 0.0


async def test_a_queue_that_was_closed_is_told_as_a_handoff(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.menu.reaching_people.is_open", lambda *_: False)
    phone = await house.phone("+15550102")
    call = await phone.dial(house.uri)
    await call.wait_for_sound()
    await call.press("1")
    await call.press(LOCKED)
    await call.press("1")
    await call.press(ITS_PIN)
    await call.wait_for_silence(1.0)
    await call.hang_up()
    record = await house.record()
    assert record["path"][-2:] == ["agent_locked", "closed"]
    handoff = record["handoff"]
    assert (handoff["queue"], handoff["reason"], handoff["outcome"]) == ("billing", "ACCOUNT_LOCKED", "closed")
    assert (handoff["agent"], handoff["waited"]) == (None, 0.0)
    assert handoff["attached_data"]["SAP-IC"]["ACCOUNT"] == LOCKED
