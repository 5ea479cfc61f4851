"""Work modes as a site has set them, and wrap-up as SAP's side asks for it: AG12, and the list of getWorkmodes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from call.test_handoff import ask_for_a_person
from house import House

from ivr.config.settings import AgentSettings, IciSettings, RoutingSettings, Workmode
from ivr.ici.switchboard import IciRefusal

TEXTS = (
    Workmode(1001, "Training"),
    Workmode(1001, "Schulung", "de"),
    Workmode(1002, "Pause", "de"),
    Workmode(2, "Da"),
)


async def test_work_modes_are_those_of_the_settings_and_wrap_up_is_asked_for_and_lengthened(
    build_house: Callable[..., Awaitable[House]],
) -> None:
    house = await build_house(
        ici=IciSettings(workmodes=TEXTS),
        routing=RoutingSettings(wrap_up=30.0),
        agents=(AgentSettings("desk1", "Ann", ("general",), language="de-AT"), AgentSettings("desk2", "Bob")),
    )
    ann, bob = await house.desk("desk1"), await house.desk("desk2", ready=False)
    common = [(1, "Logged off"), (2, "Da"), (3, "Not ready"), (4, "Wrap-up")]
    assert await ann.client.get_workmodes() == [*common, (1001, "Schulung"), (1002, "Pause")]
    assert await bob.client.get_workmodes() == [*common, (1001, "Training"), (1002, "Pause")]
    await bob.client.set_workmode(1001)
    await bob.workmode("Training")
    with pytest.raises(IciRefusal, match=r"the work mode 1500 is unknown; there are: 1, 2, 3, 4, 1001, 1002$"):
        await bob.client.set_workmode(1500)
    with pytest.raises(IciRefusal, match="in wrap-up or in a call"):
        await bob.client.set_workmode(4)
    call = await ask_for_a_person(house)
    item = await ann.item("connected")
    await ann.client.set_workmode(4)
    await call.hang_up()
    await ann.ends(item.id, "alerting", "connected", "ended")
    assert (await ann.workmode("Wrap-up")).user.workmode == 4
    await ann.client.set_workmode(4)
    await asyncio.sleep(0.1)
    assert ann.events[-1].user.workmode == 4  # type: ignore[union-attr]
    await ann.client.set_workmode(2)
    assert (await ann.workmode("Da")).user.workmode == 2
