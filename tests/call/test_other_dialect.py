"""A call in the second dialect of ICI: sound both ways, hold, attached data, a transfer, events on both sides."""

from __future__ import annotations

from call.test_transfer import both_ways, with_agent
from house import House

from ivr.config import IciSettings
from ivr.ici.attached_data import build, read


async def test_a_caller_goes_through_two_hands_in_the_second_dialect(build_house: object) -> None:
    house: House = await build_house(ici=IciSettings(dialect="abap"))  # type: ignore[operator]
    call, first = await with_agent(house)
    second = await house.desk("desk2", ready=False)
    item = first.items[-1]
    await first.client.hold(item.id)
    await first.item("held")
    await first.client.unhold(item.id)
    await first.ends(item.id, "held", "connected")
    await first.client.blind_transfer(item.id, "desk2", build("NOTES", {"TEXT": "<two> bills & more"}))
    ended = await first.ends(item.id, "connected", "ended")
    taken = await second.item("connected")
    assert (ended.reason, taken.attached_data) == ("transferred", ended.attached_data)
    assert read(taken.attached_data)["NOTES"] == {"TEXT": "<two> bills & more"}
    assert read(taken.attached_data)["SAP-IC"]["REASON"] == "ASKED_FOR_AGENT"
    await both_ways(call, await second.phone.next_call())
    await call.hang_up()
    last = await second.ends(taken.id, "connected", "ended")
    assert (last.reason, last.direction) == ("normal", "inbound")
    assert first.statuses == ["alerting", "connected", "held", "connected", "ended"]
    assert second.statuses == ["alerting", "connected", "ended"]
    assert (await house.record())["incidents"] == []
