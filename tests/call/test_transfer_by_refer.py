"""Transfers by REFER through a whole engine: who is called by whom, and what goes on when that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from house import House
from sounds import tone_level

from ivr.config import HostPort, MenuSettings, SipSettings
from ivr.testing.phone import Answering, ScriptedPhone

KNOWN = "+15550100"

MENU = """\
ivr: 1
name: small
title: A small menu
start: first
languages: [{code: en, voice: gmw/en-us, prompts: prompts/en.yaml}]
defaults: {on_fault: fault}
steps:
  first: {type: transfer, to: "tel:+15550199", failed: fault}
  fault: {type: say, say: small.fault, go: END}
"""


def small_menu(folder: Path) -> MenuSettings:
    (folder / "prompts").mkdir(parents=True)
    (folder / "small.yaml").write_text(MENU)
    (folder / "prompts" / "en.yaml").write_text("prompts: en\nsmall.fault: Sorry.\n")
    (folder / "connectors.yaml").write_text("{}\n")
    return MenuSettings(folder=folder, default="small", audio=folder / "audio")


async def test_the_callers_own_telephone_calls_the_number_and_we_leave(
    build_house: Callable[..., Awaitable[House]], tmp_path: Path
) -> None:
    target = ScriptedPhone("outside", answering=Answering(after=0.1))
    await target.start()
    house = await build_house(
        sip=SipSettings(
            listen=HostPort("127.0.0.1", 0), dial=("tel:+1555",), gateway=target.uri, transfer="refer"
        ),
        menu=small_menu(tmp_path / "menus"),
    )
    phone = await house.phone("+15550100", answering=Answering())
    call = await phone.dial(house.uri, headers=[("User-to-User", "6f72646572;encoding=hex")])
    reached = await target.next_call()
    await asyncio.wait_for(call.ended(), 10)
    assert call.ended_by == "remote"
    assert reached.caller == "+15550100"
    record = await house.record()
    assert record["end"] == {"by": "system", "reason": "transferred to tel:+15550199"}
    assert record["steps"][-1]["exit"] == "answered"
    assert record["user_to_user"] == ["order"]
    assert reached.incoming is not None
    assert [value.text for value in reached.incoming.user_to_user] == [record["id"], "order"]

    target.answering = Answering(status=486)
    again = await phone.dial(house.uri)
    await again.wait_for_sound()
    await asyncio.wait_for(again.ended(), 10)
    async with asyncio.timeout(5):
        while (record := await house.record())["steps"][-1]["step"] != "fault":
            await asyncio.sleep(0.02)
    assert record["steps"][0]["exit"] == "failed"
    await target.stop()


async def test_a_customer_who_is_put_through_has_the_place_of_who_called_first(house: House) -> None:
    """RFC 3891: the receptionist waits for the agent, the customer talks to him."""
    desk = await house.desk("desk1")
    reception, customer = await house.phone(KNOWN), await house.phone("+15550177")
    first = await reception.dial(house.uri)
    await first.wait_for_sound()
    await first.press("0")
    agent = await desk.phone.next_call()
    await desk.item("connected")
    assert house.engine.exchange is not None
    visit = next(iter(house.engine.exchange.visits.values()))
    theirs = reception.signalling.user_agent.call_named(first.leg)
    call = await customer.dial(house.uri, headers=[("Replaces", theirs), ("Require", "replaces")])
    assert call.status == 200
    await asyncio.wait_for(first.ended(), 5)
    item = await desk.item("connected", after=2)
    assert item.remote_numbers == ("+15550177",)
    await asyncio.gather(call.talk_tone(440, 1.0), agent.talk_tone(880, 1.0))
    assert tone_level(agent.recording, 440) > 0.5 and tone_level(call.recording, 880) > 0.5
    assert not visit.over
    await call.hang_up()
    await asyncio.wait_for(agent.ended(), 5)
    record = await house.record()
    assert "+15550177 took the place" in record["incidents"][0]["what"]
    async with asyncio.timeout(5):
        while house.engine.exchange.legs:
            await asyncio.sleep(0.02)
