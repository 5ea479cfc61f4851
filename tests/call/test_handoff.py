"""Handoffs as AGENTS_AND_HANDOFF numbers them, with real SIP legs, real sound and real SOAP."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from house import House
from sounds import likeness, tone_level

from ivr.config import IciSettings
from ivr.ici.attached_data import build, read
from ivr.ici.switchboard import IciRefusal, UserChanged
from ivr.media.wav import read_wav
from ivr.testing.phone import Answering, PhoneCall, ScriptedPhone

KNOWN = "+15550100"
"""A number of the samples: its caller is taken to the main menu in English."""


async def ask_for_a_person(house: House) -> PhoneCall:
    phone = await house.phone(KNOWN)
    call = await phone.dial(house.uri)
    await call.wait_for_sound()
    await call.press("0", pace=0.04, held=0.06)
    return call


async def test_a_caller_nobody_is_free_for_hears_words_and_music_until_an_agent_comes(house: House) -> None:
    call = await ask_for_a_person(house)
    await asyncio.sleep(6)
    waited = call.recording
    silent = max(
        len(run) for run in "".join("." if abs(waited[at : at + 400]).max() < 200 else "#"
                                    for at in range(8000, len(waited) - 400, 400)).split("#")
    )  # fmt: skip
    assert silent * 0.05 < 2.0, f"{silent * 0.05:.2f} s of silence in the queue"
    desk = await house.desk("desk1")
    await desk.item("connected")
    await call.hang_up()
    record = await house.record()
    assert record["handoff"]["outcome"] == "answered"
    assert record["handoff"]["waited"] >= 6
    assert int(read(desk.items[0].attached_data)["SAP-IC"]["WAITED"]) >= 5


async def test_a_telephone_that_is_busy_counts_as_refusal(house: House) -> None:
    first = await house.desk("desk1", answering=Answering(status=486))
    second = await house.desk("desk2")
    call = await ask_for_a_person(house)
    await second.item("connected")
    assert (await first.item("ended")).reason == "rejected"
    await call.hang_up()


async def test_ag17_an_agent_whose_telephone_is_dead_gets_no_further_call(house: House) -> None:
    first = await house.desk("desk1")
    await first.phone.signalling.close()
    second = await house.desk("desk2")
    call = await ask_for_a_person(house)
    await second.item("connected", within=40)
    assert (await first.workmode("Not ready, telephone could not be reached")).user.workmode == 3
    await call.hang_up()


async def test_an_agent_is_ready_again_after_wrap_up_and_gets_the_next_call(house: House) -> None:
    desk = await house.desk("desk1")
    first = await ask_for_a_person(house)
    await desk.item("connected")
    await first.hang_up()
    assert (await desk.workmode("Wrap-up")).user.next_workmode == 2
    told = [event for event in desk.events if not isinstance(event, UserChanged) or event.user.presence == "Busy"]
    kinds = ["Busy" if isinstance(event, UserChanged) else event.item.status for event in told]  # type: ignore[union-attr]
    assert kinds[:2] == ["alerting", "Busy"], "a slow desktop would hear of the call last"
    second = await ask_for_a_person(house)
    item = await desk.item("connected", after=3)
    assert item.id != desk.items[0].id
    await second.hang_up()


async def test_what_the_agent_enters_is_merged_and_kept_in_the_record(house: House) -> None:
    desk = await house.desk("desk1")
    call = await ask_for_a_person(house)
    item = await desk.item("connected")
    await desk.client.set_attached_data(item.id, build("IVR/CONTACT", {"NOTE": "bill twice as high"}))
    await desk.client.set_attached_data(item.id, build("CRM_IC/WRAP", {"CODE": "refund & sorry"}))
    document = read(await desk.client.get_attached_data(item.id))
    assert document["CRM_IC/WRAP"] == {"CODE": "refund & sorry"}
    assert document["SAP-IC"]["REASON"] == "ASKED_FOR_AGENT"
    await call.hang_up()
    record = await house.record()
    assert record["handoff"]["attached_data"]["CRM_IC/WRAP"]["CODE"] == "refund & sorry"
    first, *_, last = record["handoff"]["attached_data_changes"]
    assert (first["version"], first["author"]) == (1, "menu")
    assert last["author"] == "desk1"
    assert last["changes"] == [
        {"application": "CRM_IC/WRAP", "field": "CODE", "old": None, "new": "refund & sorry"}
    ]
    (contact,) = await house.store.contacts(call_id=record["id"])
    assert (contact["id"], contact["agent"], contact["how"], contact["end"]) == (
        item.id,
        "desk1",
        "routed",
        "normal",
    )
    assert [note["text"] for note in contact["notes"]] == ["bill twice as high"]
    assert record["contacts"] == [item.id]


async def test_accept_after_the_answer_is_no_fault_and_data_may_follow_the_hang_up(house: House) -> None:
    desk = await house.desk("desk1")
    call = await ask_for_a_person(house)
    item = await desk.item("connected")
    await desk.client.accept(item.id)
    await call.hang_up()
    await desk.item("ended")
    await house.record()
    await desk.client.set_attached_data(item.id, build("CRM_IC/WRAP", {"CODE": "paid"}))
    record = await house.record()
    assert record["handoff"]["attached_data"]["CRM_IC/WRAP"]["CODE"] == "paid"
    assert desk.statuses == ["alerting", "connected", "ended"]


async def test_h12_what_the_menu_learnt_cannot_be_written_over_by_a_screen(house: House) -> None:
    desk = await house.desk("desk1")
    call = await ask_for_a_person(house)
    item = await desk.item("connected")
    await desk.client.set_attached_data(item.id, build("SAP-IC", {"PROVED": "verified", "NOTE": "calls back"}))
    block = read(await desk.client.get_attached_data(item.id))["SAP-IC"]
    assert (block["PROVED"], block["REASON"], block["NOTE"]) == ("no", "ASKED_FOR_AGENT", "calls back")
    await call.hang_up()
    record = await house.record()
    assert "desk1 wrote over" in record["incidents"][0]["what"] and "PROVED" in record["incidents"][0]["what"]


async def test_h18_a_name_is_no_number_to_search_by_but_the_agent_sees_it(house: House) -> None:
    desk = await house.desk("desk1")
    phone = await house.phone("alice")
    call = await phone.dial(house.uri)
    await call.wait_for_sound()
    await call.press("1")
    await call.press("0")
    item = await desk.item("connected")
    assert item.remote_numbers == ("anonymous",)
    assert read(item.attached_data)["SAP-IC"]["CALLER"] == "alice"
    await call.hang_up()
    assert (await house.record())["caller"] == "alice"


async def test_the_emergency_key_leaves_the_queue_and_reaches_the_emergency_agent(house: House) -> None:
    call = await ask_for_a_person(house)
    await asyncio.sleep(1)
    desk = await house.desk("desk3", ready=False)
    await call.press("9")
    await desk.client.set_workmode(2)
    item = await desk.item("connected")
    assert item.queue_id == "emergency"
    await call.hang_up()
    record = await house.record()
    assert [handoff["outcome"] for handoff in record["handoffs"]] == ["abandoned", "answered"]


async def test_the_phone_of_an_agent_may_speak_the_other_law(house: House) -> None:
    desk = await house.desk("desk1", answering=Answering(after=0.1, codecs=("PCMA",)))
    call = await ask_for_a_person(house)
    agent = await desk.phone.next_call()
    await desk.item("connected")
    await asyncio.gather(call.talk_tone(440, 1.0), agent.talk_tone(880, 1.0))
    await asyncio.sleep(0.1)
    assert tone_level(agent.recording, 440) > 0.8 and tone_level(call.recording, 880) > 0.8
    await call.hang_up()


async def test_a_telephone_on_a_foreign_host_is_refused_at_log_on(house: House) -> None:
    phone = ScriptedPhone("desk1")
    await phone.start()
    from house import Desk

    desk = Desk("desk1", house.ici_url, phone)
    await desk.client.start()
    with pytest.raises(IciRefusal, match=r"192\.0\.2\.7 is not"):
        await desk.client.subscribe("sip:desk1@192.0.2.7:5060")
    await desk.close()


async def test_the_music_of_the_queue_is_the_music_that_was_made_for_it(house: House) -> None:
    call = await ask_for_a_person(house)
    assert house.engine.exchange is not None
    music = read_wav(house.engine.exchange.rooms.music)
    async with asyncio.timeout(30):
        while likeness(call.recording, music[8000:16000]) <= 0.85:  # words first
            await asyncio.sleep(1)
    await call.hang_up()


def test_the_sample_settings_wait_as_long_for_the_screen_as_the_design_says() -> None:
    assert dataclasses.asdict(IciSettings())["pop_wait"] == 1.5
