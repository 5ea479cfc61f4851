"""Notes that come when somebody else has the caller by now, and what a colleague who is asked may not change."""

from __future__ import annotations

from call.test_handoff import ask_for_a_person
from call.test_screens import until
from house import Desk, House

from ivr.ici.attached_data import build, read
from ivr.ici.switchboard import ItemAttachedDataChanged
from ivr.testing.phone import Answering


def told(desk: Desk, item_id: str) -> list[dict[str, dict[str, str]]]:
    """The documents of an item that a desktop was told of."""
    news = (event for event in desk.events if isinstance(event, ItemAttachedDataChanged))
    return [read(event.document) for event in news if event.item_id == item_id]


async def test_a_note_of_who_sent_the_caller_on_reaches_who_has_him_and_a_colleague_cannot_change_who_calls(
    house: House,
) -> None:
    first = await house.desk("desk1", answering=Answering(after=0.05))
    second = await house.desk("desk2", answering=Answering(after=0.05), ready=False)
    call = await ask_for_a_person(house)
    mine = await first.item("connected")
    consult = await first.client.consult(mine.id, "desk2")
    asked = await second.item("connected")
    await second.client.set_attached_data(asked.id, build("SAP-IC", {"ACCOUNT": "9"}))
    for desk, item in ((second, asked.id), (first, consult)):
        block = read(await desk.client.get_attached_data(item))["SAP-IC"]
        assert (block["ACCOUNT"], block["CALLER"], block["PROVED"]) == ("", "+15550100", "no"), desk.name
    await first.client.drop(consult)
    await second.ends(asked.id, "connected", "ended")

    shown = len(second.items)
    await first.client.blind_transfer(mine.id, "desk2")
    theirs = await second.item("connected", after=shown)
    await first.client.set_attached_data(mine.id, build("IVR/CONTACT", {"NOTE": "called twice"}))
    await until(lambda: {"NOTE": "called twice"} in [one.get("IVR/CONTACT") for one in told(second, theirs.id)])
    await call.hang_up()
    record = await house.record()
    left, last = record["handoffs"]
    assert last["attached_data"]["IVR/CONTACT"] == {"NOTE": "called twice"}
    assert last["attached_data_changes"][-1]["author"] == "desk1"
    assert "IVR/CONTACT" not in left["attached_data"]
    contacts = await house.store.contacts(call_id=record["id"])
    notes = {one["agent"]: [note["text"] for note in one["notes"]] for one in contacts}
    assert notes == {"desk1": ["called twice"], "desk2": []}, "a note belongs to whoever wrote it"
    assert any("desk2 wrote over SAP-IC" in one["what"] for one in record["incidents"])
