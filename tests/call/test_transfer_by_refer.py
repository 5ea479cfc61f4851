"""Transfers by REFER through a whole engine: who is called by whom, and what goes on when that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from call.test_handoff import KNOWN, ask_for_a_person
from house import House
from sounds import tone_level

from ivr.call.reference import reference_in
from ivr.config import HostPort, MenuSettings, SipSettings
from ivr.testing.phone import Answering, PhoneCall, ScriptedPhone

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

    await target.stop()


async def both_ways(one: PhoneCall, other: PhoneCall) -> None:
    """Each hears the other's tone from now on."""
    marks = len(one.recording), len(other.recording)
    await asyncio.gather(one.talk_tone(440, 0.5), other.talk_tone(880, 0.5))
    await asyncio.sleep(0.1)
    assert tone_level(one.recording[marks[0] :], 880) > 0.5, "the first does not hear the second"
    assert tone_level(other.recording[marks[1] :], 440) > 0.5, "the second does not hear the first"


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not what():
            await asyncio.sleep(0.02)


async def test_an_agents_telephone_sends_the_caller_on(house: House) -> None:
    first, second = await house.desk("desk1"), await house.desk("desk2", answering=Answering(status=486))
    call = await ask_for_a_person(house)
    agent = await first.phone.next_call()
    await first.item("connected")
    here = house.uri.removeprefix("sip:ivr@")
    for nobody, status in ((f"sip:nobody@{here}", 403), ("tel:+4930123456", 403), (f"sip:desk3@{here}", 480)):
        refused = await agent.refer(nobody)
        assert (refused.outcome, refused.status) == ("refused", status)
    assert (await call.refer(f"sip:desk2@{here}")).status == 403, "a caller sends nobody anywhere"
    assert first.statuses == ["alerting", "connected"]

    await agent.refer(f"sip:desk2@{here}")  # who is busy gives the caller back
    assert (await second.item("ended")).reason == "rejected"
    agent = await first.phone.next_call()
    await first.item("connected", after=3)

    second.phone.answering = Answering(after=0.2)
    await until(lambda: str(house.engine.exchange.agents.agent("desk2").state) == "available")  # type: ignore[union-attr]
    await agent.refer(f"sip:desk2@{here}")
    colleague = await second.phone.next_call()
    item = await second.item("connected", after=2)
    assert colleague.incoming is not None
    assert reference_in(colleague.incoming.user_to_user) == item.id
    await both_ways(call, colleague)
    await colleague.refer(f"sip:general@{here}")  # a queue
    await first.item("connected", after=5)
    await call.hang_up()
    record = await house.record()
    assert [one["onward"] for one in record["handoffs"]] == ["desk2", "desk2", "queue:general", None]


async def test_a_customer_is_put_through_twice_and_keeps_his_place(house: House) -> None:
    """RFC 3891: a receptionist waits for the agent, and the customer talks to him. RFC 5589: the agent asks a
    colleague on his second line, and the customer talks to that one."""
    first, second = await house.desk("desk1"), await house.desk("desk2", ready=False)
    reception, customer = await house.phone(KNOWN), await house.phone("+15550177")
    asks = await reception.dial(house.uri)
    await asks.wait_for_sound()
    await asks.press("0")
    agent = await first.phone.next_call()
    await first.item("connected")
    place = reception.signalling.user_agent.call_named(asks.leg)
    call = await customer.dial(house.uri, headers=[("Replaces", place), ("Require", "replaces")])
    assert call.status == 200
    await asyncio.wait_for(asks.ended(), 5)
    assert (await first.item("connected", after=2)).remote_numbers == ("+15550177",)
    await both_ways(call, agent)

    here = house.uri.removeprefix("sip:ivr@")
    await agent.offer("sendonly")  # the hold key
    await first.item("held")
    second_line = await first.phone.dial(f"sip:desk2@{here}")
    assert second_line.status == 200
    colleague = await second.phone.next_call()
    await both_ways(second_line, colleague)
    done = await agent.refer(f"sip:desk2@{here}", to_call=second_line)
    assert (done.outcome, done.status) == ("succeeded", 200)
    await asyncio.gather(agent.ended(), second_line.ended())
    await both_ways(call, colleague)
    assert (await first.item("ended")).reason == "transferred"
    await call.hang_up()
    await asyncio.wait_for(colleague.ended(), 5)
    record = await house.record()
    assert "+15550177 took the place" in record["incidents"][0]["what"]
    assert (record["handoff"]["agent"], record["handoff"]["onward"]) == ("desk2", "desk2")
    assert house.engine.exchange is not None
    await until(lambda: not house.engine.exchange.legs)  # type: ignore[union-attr]


async def test_an_agent_joins_his_two_calls_by_a_refer_in_the_second_that_names_the_first(house: House) -> None:
    """Telephones differ in which of the two they send it in; the other form is tried above."""
    first, second = await house.desk("desk1"), await house.desk("desk2", ready=False)
    call = await ask_for_a_person(house)
    agent = await first.phone.next_call()
    await first.item("connected")
    here = house.uri.removeprefix("sip:ivr@")
    await agent.offer("sendonly")
    second_line = await first.phone.dial(f"sip:desk2@{here}")
    colleague = await second.phone.next_call()
    done = await second_line.refer(f"sip:{agent.caller}@{here}", to_call=agent)
    assert (done.outcome, done.status) == ("succeeded", 200)
    await asyncio.gather(agent.ended(), second_line.ended())
    await both_ways(call, colleague)
    await call.hang_up()
    record = await house.record()
    assert record["handoff"]["agent"] == "desk2"
    assert house.engine.exchange is not None
    trace = house.engine.exchange.rooms.signalling.trace
    dialogs = {message.call_id for message in trace.select(call=record["id"])}
    assert len(dialogs) == 4, "caller, agent, his second line, colleague"
