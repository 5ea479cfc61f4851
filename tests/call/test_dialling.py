"""An agent dials out: his telephone first, then the number; only listed ones, and no contact record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from call.test_transfer import both_ways
from house import House

from ivr.call.screens import find_ghosts
from ivr.config import HostPort, SipSettings
from ivr.ici.attached_data import build, read
from ivr.ici.switchboard import IciRefusal
from ivr.testing.phone import Answering, ScriptedPhone


async def test_an_agent_dials_a_listed_number_and_talks_with_who_answers(
    build_house: Callable[..., Awaitable[House]],
) -> None:
    customer = ScriptedPhone("customer", answering=Answering(after=0.3))
    await customer.start()
    sip = SipSettings(listen=HostPort("127.0.0.1", 0), dial=("tel:+1555",), gateway=customer.uri)
    house = await build_house(sip=sip)
    try:
        desk = await house.desk("desk1", ready=False)
        for wrong, why in (("+4930123456", "not listed"), ("desk1", "himself"), ("menu:main", "dialled")):
            with pytest.raises(IciRefusal, match=why):
                await desk.client.dial(wrong)
        assert customer.rung == 0 and not desk.items

        item_id = await desk.client.dial("+15550123", build("NOTES", {"TEXT": "about the meter"}))
        dialling = await desk.item("dialing")
        assert (dialling.id, dialling.direction, dialling.capabilities) == (item_id, "outbound", ("drop",))
        assert (dialling.remote_numbers, dialling.called_number) == (("+15550123",), "+15550123")
        assert read(dialling.attached_data)["NOTES"] == {"TEXT": "about the meter"}
        agent = await desk.phone.next_call()
        await agent.wait_for_sound()  # the ringing tone
        connected = await desk.item("connected")
        assert connected.capabilities == ("drop", "hold", "mute", "dtmf", "setAttachedData")
        with pytest.raises(IciRefusal, match="blindTransfer not allowed in state connected"):
            await desk.client.blind_transfer(item_id, "desk2")
        with pytest.raises(IciRefusal, match="dial not allowed while desk1 is in_call"):
            await desk.client.dial("+15550124")
        called = await customer.next_call()
        await both_ways(agent, called)
        ((_, ghost),) = await find_ghosts(house.store)  # what the screen would be told after a kill
        assert (ghost.id, ghost.status, ghost.direction) == (item_id, "ended", "outbound")
        assert (ghost.remote_numbers, ghost.called_number) == (("+15550123",), "+15550123")
        await desk.client.hold(item_id)
        await desk.item("held")
        await desk.client.unhold(item_id)
        await desk.ends(item_id, "held", "connected")
        await desk.client.drop(item_id)
        assert (await desk.ends(item_id, "connected", "ended")).reason == "normal"
        await asyncio.wait_for(called.ended(), 10)
        await asyncio.wait_for(agent.ended(), 10)
        record = await house.record()
        assert (record["caller"], record["called"]) == ("+15550123", "dialled by desk1")
        assert await house.store.contacts() == [], "outbound opens no contact record"

        customer.answering = Answering(status=486)
        busy = await desk.client.dial("+15550123")
        assert (await desk.ends(busy, "dialing", "ended")).reason == "failed"
        desk.phone.answering = None
        given_up = await desk.client.dial("+15550123")
        async with asyncio.timeout(10):
            while desk.phone.rung < 3:
                await asyncio.sleep(0.02)
        await desk.client.drop(given_up)
        assert (await desk.ends(given_up, "dialing", "ended")).reason == "abandoned"
        await desk.workmode("Not ready")
        assert customer.rung == 2
    finally:
        await customer.stop()
