"""Two log-ons of one user: the newest has the voice line and the events, and his presence does not suffer."""

from __future__ import annotations

import asyncio

import pytest
from call.test_handoff import ask_for_a_person
from house import Desk, House

from ivr.ici.switchboard import IciRefusal, SubscriptionEnded, UserChanged
from ivr.testing.phone import Answering


async def ended(desk: Desk) -> SubscriptionEnded:
    async with asyncio.timeout(10):
        while True:
            for event in desk.events:
                if isinstance(event, SubscriptionEnded):
                    return event
            await asyncio.sleep(0.02)


async def test_h22_pr5_the_newest_log_on_has_the_telephone_and_presence_stays_the_most_reachable(
    house: House,
) -> None:
    old = await house.desk("desk1")
    watcher = await house.desk("desk2", ready=False)
    call = await ask_for_a_person(house)
    talking = await old.item("connected")
    seat = await old.phone.next_call()

    new = await house.desk("desk1", ready=False, answering=Answering())
    farewell = await ended(old)
    assert (farewell.reason, farewell.description) == ("superseded", "User logged on elsewhere")
    shown = await new.item("connected")
    assert (shown.id, shown.attached_data) == (talking.id, talking.attached_data), (
        "the call is not on the new screen"
    )
    assert not seat.is_over, "the call that goes on was taken from its telephone"
    with pytest.raises(IciRefusal) as refused:
        await old.client.unsubscribe()
    assert refused.value.code == "ICI-NOT-SUBSCRIBED", "the older session has logged the newer one off"
    assert await watcher.client.get_presence(["desk1"]) == {"desk1": "Busy"}
    await new.client.drop(shown.id)
    await asyncio.wait_for(call.ended(), 10)
    await new.workmode("Ready")
    assert await watcher.client.get_presence(["desk1"]) == {"desk1": "Available"}

    known, before = len(old.events), len(new.items)
    await ask_for_a_person(house)
    await new.item("connected", after=before)
    assert (old.phone.rung, new.phone.rung) == (1, 1), "another telephone than the newest work centre's rang"
    assert len(old.events) == known, "the older screen is still told"
    assert new.events[0] and isinstance(new.events[0], UserChanged)
