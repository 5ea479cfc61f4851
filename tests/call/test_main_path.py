"""The whole way: dial in, prove who you are, hear the balance, reach a person."""

from __future__ import annotations

from house import House
from sounds import likeness, tone_level

from ivr.ici.attached_data import read
from ivr.ici.switchboard import PhoneCallItem
from ivr.testing.phone import PhoneCall

ACCOUNT, PIN = "4000000002", "2580"


async def prove(call: PhoneCall) -> None:
    """From the first question of an unknown caller to the balance."""
    await call.wait_for_sound()
    await call.press("1")  # English
    await call.press("1")  # balance
    await call.press(ACCOUNT + "#")
    await call.press("1")  # right
    await call.press(PIN)


async def test_a_caller_hears_the_balance_of_the_store(house: House) -> None:
    phone = await house.phone()
    call = await phone.dial(house.uri)
    assert call.status == 200
    await prove(call)
    await call.wait_for_silence(1.0)
    await call.hang_up()
    heard = call.recording
    assert likeness(heard, await house.clip("eighty-four dollars")) > 0.85
    assert likeness(heard, await house.clip("nineteen dollars")) < 0.85
    record = await house.record()
    assert record["path"][-1] == "tell_balance"
    assert record["end"] == {"by": "caller", "reason": "BYE"}


async def test_an_agents_screen_shows_account_and_reason_before_the_voices_meet(house: House) -> None:
    desk = await house.desk("desk1")
    rung: list[bool] = []
    popped: list[PhoneCallItem] = []

    def on_alerting(item: PhoneCallItem) -> None:
        popped.append(item)
        rung.append(desk.phone.rung > 0)

    desk.on_alerting = on_alerting
    phone = await house.phone()
    call = await phone.dial(house.uri)
    await prove(call)
    await call.wait_for_silence(1.0)
    await call.press("0")
    agent_side = await desk.phone.next_call()
    item = await desk.item("connected")
    assert rung == [False], "the telephone rang before the screen was told"
    fields = read(popped[0].attached_data)["SAP-IC"]
    assert fields["ACCOUNT"] == ACCOUNT
    assert fields["REASON"] == "ASKED_FOR_AGENT"
    assert fields["TOPIC"] == "tell_balance"
    assert fields["PROVED"] == "verified"
    assert fields["LANGUAGE"] == "en"
    assert fields["PATH"].split()[-2:] == ["tell_balance", "agent_asked"]

    await call.talk_tone(440, 1.0)
    await agent_side.talk_tone(880, 1.0)
    await call.hang_up()
    await agent_side.ended()
    ended = await desk.item("ended")
    assert (ended.id, ended.reason) == (item.id, "normal")
    assert tone_level(agent_side.recording, 440) > 0.8, "the agent did not hear the caller"
    assert tone_level(call.recording, 880) > 0.8, "the caller did not hear the agent"

    record = await house.record()
    assert record["handoff"]["queue"] == "general"
    assert record["handoff"]["agent"] == "desk1"
    assert record["handoff"]["outcome"] == "answered"
    assert record["handoff"]["attached_data"]["SAP-IC"]["ACCOUNT"] == ACCOUNT
    assert record["digits"] == "11" + ACCOUNT + "#1••••0"
    assert PIN not in str(record)
