"""Calls of before a restart, as far as their agents still write about them; without an engine."""

from __future__ import annotations

import asyncio
import copy
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from ivr.call.contact import Contact
from ivr.call.kept_calls import AFTER_ALL, KEPT, KeptCalls, kept_items
from ivr.call.kept_documents import documents_of
from ivr.call.remembering import close_records
from ivr.config import IciSettings
from ivr.ici.attached_data import Limits, build, merge, read
from ivr.ici.travelling_data import TravellingData

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


def data_of_a_call() -> TravellingData:
    """As after a transfer: with what the menu learnt, marks, and somebody's notes."""
    data = TravellingData("SAP-IC")
    data.learn({"REASON": "BILL", "PROVED": "no"}, NOW)
    data.write("ann", merge(data.document, build("CRM_IC/MCM", {"FWDTYPE": "T", "FWDPREHANDLE": "A1"})), NOW)
    data.write("bob", merge(data.document, build("NOTES", {"TEXT": "<&>"})), NOW)
    return data


def record_of(*items: Any, ended: datetime | None = None, **more: Any) -> dict[str, Any]:
    """What is on disk of a call in which these items were shown."""
    offers = [
        {"agent": one.agent, "item": one.item_id, "at": NOW.isoformat(), "outcome": "answered"} for one in items
    ]
    handoff = {"queue": "q", "item": items[0].item_id, "offers": offers, "attached_data_changes": []}
    handoff |= {"attached_data": {}, "outcome": "answered", "started": NOW.isoformat()}
    record = {"id": "c1", "started": NOW.isoformat(), "ended": ended and ended.isoformat(), "caller": "+15550100"}
    record |= {"answered": None, "called": "8000", "incidents": [], "handoffs": [handoff], "handoff": handoff}
    whole: dict[str, Any] = json.loads(json.dumps(record | {"documents": documents_of(items)} | more))
    return whole


def shown(agent: str, item_id: str, data: TravellingData) -> Any:
    return SimpleNamespace(agent=agent, item_id=item_id, handoff=SimpleNamespace(data=data))


class Disk:
    """A store that takes its time."""

    def __init__(self, *records: dict[str, Any], contacts: tuple[dict[str, Any], ...] = ()) -> None:
        self.records = {record["id"]: record for record in records}
        self.kept = {contact["id"]: contact for contact in contacts}

    async def calls(self, most: int) -> list[dict[str, Any]]:
        await asyncio.sleep(0)
        return copy.deepcopy(list(self.records.values()))

    async def call(self, call_id: str) -> dict[str, Any] | None:
        await asyncio.sleep(0)
        return copy.deepcopy(self.records.get(call_id))

    async def save_call(self, record: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        self.records[record["id"]] = copy.deepcopy(record)

    async def contacts(self, *, call_id: str = "", most: int = 50) -> list[dict[str, Any]]:
        await asyncio.sleep(0)
        return [copy.deepcopy(one) for one in self.kept.values() if call_id in ("", one["call_id"])]

    async def save_contact(self, contact: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        self.kept[contact["id"]] = copy.deepcopy(contact)


def restarted(disk: Disk) -> tuple[KeptCalls, list[Any]]:
    told: list[Any] = []
    rooms: Any = SimpleNamespace(
        store=disk,
        clock=SimpleNamespace(utc=lambda: NOW + timedelta(seconds=30)),
        settings=SimpleNamespace(ici=IciSettings()),
        publisher=SimpleNamespace(publish=lambda user, event: told.append((user, event))),
    )
    return KeptCalls(rooms), told


async def write(kept: KeptCalls, item_id: str, user: str, block: str) -> None:
    item = kept.get(item_id)
    assert item is not None
    await kept.write(item, user, merge(item.data.document, block))


def test_a_document_comes_back_with_all_that_is_guarded_in_it() -> None:
    data = data_of_a_call()
    back = TravellingData.restored(json.loads(json.dumps(data.saved())), Limits())
    assert (back.document, back.number) == (data.document, data.number)
    wiped = merge(build("SAP-IC", {"REASON": "X"}), build("CRM_IC/MCM", {"FWDTYPE": "", "FWDPREHANDLE": "B2"}))
    for one in (data, back):
        one.write("bob", merge(one.document, wiped), NOW)
    assert back.document == data.document
    assert back.blocks["CRM_IC/MCM"] == {"FWDTYPE": "T", "FWDPREHANDLE": "A1"}
    assert back.saved() == data.saved()


def test_items_share_the_document_they_shared_and_older_records_have_none() -> None:
    customer = data_of_a_call()
    record = record_of(
        shown("ann", "h1.1", customer), shown("ann", "c1", customer.copy()), shown("bob", "h2.1", customer)
    )
    first, asked, second = (item for item, _ in kept_items(record, Limits()))
    assert first.data is second.data
    assert asked.data is not first.data
    snapshot = first.snapshot()
    assert (snapshot.status, snapshot.reason, snapshot.sequence) == ("ended", "failed", AFTER_ALL)
    assert (snapshot.attached_data, snapshot.attached_data_version) == (customer.document, customer.number)
    del record["documents"]
    record["handoffs"][0]["offers"][0]["ended"] = "transferred"
    first, *_ = (item for item, _ in kept_items(record, Limits()))
    assert (first.snapshot().attached_data, first.snapshot().reason) == ("", "transferred")


async def test_calls_that_ended_long_before_are_not_known_any_more() -> None:
    item = shown("ann", "h1.1", data_of_a_call())
    for ended, known in ((None, True), (NOW, True), (NOW - KEPT, False)):
        kept, _ = restarted(Disk(record_of(item, ended=ended)))
        await kept.load()
        assert (kept.get("h1.1") is not None) is known


async def test_what_is_written_after_a_kill_is_in_the_record_and_in_the_contact_and_guarded() -> None:
    contact = Contact("h1.1", "c1", "40", "no", "+15550100", "q", "BILL", "ann", "routed", NOW).document()
    customer = data_of_a_call()
    items = shown("ann", "h1.1", customer), shown("bob", "c1", customer.copy())
    disk = Disk(record_of(*items), contacts=(contact,))
    kept, told = restarted(disk)
    await kept.load()
    await write(kept, "h1.1", "ann", build("IVR/CONTACT", {"NOTE": "cut off", "WRAP_UP_REASON": "outage"}))
    assert told == [], "the writer knows what he wrote"
    await write(kept, "h1.1", "ann", build("SAP-IC", {"PROVED": "pin", "REASON": ""}))
    assert [(user, read(event.document)["SAP-IC"]["PROVED"]) for user, event in told] == [("ann", "no")]
    await write(kept, "c1", "bob", build("IDEA", {"TEXT": "refund"}))
    record, saved = disk.records["c1"], disk.kept["h1.1"]
    assert ([note["text"] for note in saved["notes"]], saved["wrap_up_reason"]) == (["cut off"], "outage")
    assert record["handoff"]["attached_data"]["IVR/CONTACT"]["NOTE"] == "cut off"
    assert "IDEA" not in record["handoff"]["attached_data"], "the consultation's own is not the customer's"
    assert [one.get("consultation") for one in record["handoff"]["attached_data_changes"]] == [None, None, "c1"]
    assert [one["what"] for one in record["incidents"]] == ["ann wrote over SAP-IC PROVED, SAP-IC REASON; kept"]
    again, _ = restarted(disk)
    await again.load()
    assert read(again.get("h1.1").snapshot().attached_data)["IVR/CONTACT"]["NOTE"] == "cut off"  # type: ignore[union-attr]
    assert read(again.get("c1").snapshot().attached_data)["IDEA"] == {"TEXT": "refund"}  # type: ignore[union-attr]


async def test_a_note_that_comes_while_records_are_closed_is_lost_by_neither() -> None:
    contact = Contact("h1.1", "c1", "40", "no", "+15550100", "q", "BILL", "ann", "routed", NOW).document()
    disk = Disk(record_of(shown("ann", "h1.1", data_of_a_call())), contacts=(contact,))
    kept, _ = restarted(disk)
    await kept.load()
    exchange: Any = SimpleNamespace(rooms=SimpleNamespace(store=disk))
    closing = asyncio.create_task(close_records(exchange, NOW + timedelta(seconds=30), kept.lock))
    await asyncio.sleep(0)
    await write(kept, "h1.1", "ann", build("IVR/CONTACT", {"NOTE": "cut off"}))
    await closing
    record, saved = disk.records["c1"], disk.kept["h1.1"]
    assert record["ended"] and saved["ended"], "the call is open for ever"
    assert record["handoff"]["attached_data"]["IVR/CONTACT"] == {"NOTE": "cut off"}
    assert [note["text"] for note in saved["notes"]] == ["cut off"]
