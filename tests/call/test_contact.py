"""Contact records: what opens one, what closes it, what agents write into it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from ivr.call.contact import ContactKeeper
from ivr.call.record import CallRecord
from ivr.errors import StoreError
from ivr.ici.attached_data import build, merge
from ivr.ici.travelling_data import TravellingData

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


class Store:
    def __init__(self) -> None:
        self.saved: dict[str, dict[str, Any]] = {}
        self.broken = False

    async def save_contact(self, contact: dict[str, Any]) -> None:
        if self.broken:
            raise StoreError("disk full")
        self.saved[contact["id"]] = contact


class Calls:
    """Items of one visit, as far as a contact looks at them."""

    def __init__(self) -> None:
        self.store = Store()
        self.record = CallRecord("call-1", "+15550100", "8000", NOW)
        facts = SimpleNamespace(values={"account": "4000000002", "phone": "+15550100"}, level="verified")
        self.visit = SimpleNamespace(
            id="call-1", record=self.record, machine=SimpleNamespace(facts=facts), has_customer=True
        )
        self.tasks: list[asyncio.Task[None]] = []
        self.data = TravellingData("SAP-IC")
        self.data.learn({"REASON": "BILL"}, NOW)

    def item(self, number: int, agent: str, direction: str = "inbound") -> Any:
        item: Any = SimpleNamespace(
            item_id=f"call-1-h1.{number}",
            agent=agent,
            status="alerting",
            reason=None,
            direction=direction,
            part="single",
            rooms=SimpleNamespace(clock=SimpleNamespace(utc=lambda: NOW), store=self.store),
            handoff=SimpleNamespace(visit=self.visit, queue="billing", reason="BILL", data=self.data),
            exchange=SimpleNamespace(
                tasks=SimpleNamespace(spawn=lambda work: self.tasks.append(asyncio.ensure_future(work)))
            ),
        )
        item.contact = ContactKeeper(item)
        return item

    def goes(self, item: Any, status: str, reason: str | None = None) -> None:
        item.status, item.reason = status, reason
        item.contact.follow()

    def writes(self, item: Any, **fields: str) -> None:
        block = self.data.blocks.get("IVR/CONTACT", {}) | fields
        version = self.data.write(item.agent, merge(self.data.document, build("IVR/CONTACT", block)), NOW)
        self.tasks.append(asyncio.ensure_future(item.contact.take(version)))

    async def stored(self, item: Any) -> dict[str, Any] | None:
        await asyncio.gather(*self.tasks)
        return self.store.saved.get(item.item_id)


async def test_accepting_a_call_opens_a_contact_and_its_end_closes_it() -> None:
    calls = Calls()
    item = calls.item(1, "ann")
    calls.goes(item, "alerting")
    assert await calls.stored(item) is None
    calls.goes(item, "connected")
    calls.goes(item, "held")
    calls.goes(item, "ended", "normal")
    assert await calls.stored(item) == {
        "id": "call-1-h1.1",
        "call_id": "call-1",
        "account": "4000000002",
        "proved": "verified",
        "caller": "+15550100",
        "queue": "billing",
        "reason": "BILL",
        "agent": "ann",
        "how": "routed",
        "began": "2026-11-22T15:00:00.000+00:00",
        "ended": "2026-11-22T15:00:00.000+00:00",
        "end": "normal",
        "notes": [],
        "wrap_up_reason": None,
    }
    assert calls.record.document()["contacts"] == ["call-1-h1.1"]


async def test_a_call_that_was_rejected_or_goes_out_is_no_contact() -> None:
    calls = Calls()
    rejected, outbound = calls.item(1, "ann"), calls.item(2, "ann", "outbound")
    calls.goes(rejected, "ended", "rejected")
    for status in ("dialing", "connected", "ended"):
        calls.goes(outbound, status)
    assert (await calls.stored(rejected), await calls.stored(outbound)) == (None, None)
    assert calls.record.contacts == []


async def test_the_next_agent_has_a_contact_of_his_own_that_says_it_was_transferred() -> None:
    calls = Calls()
    first, second = calls.item(1, "ann"), calls.item(2, "bob")
    calls.goes(first, "connected")
    calls.goes(first, "ended", "transferred")
    calls.goes(second, "connected")
    stored = [await calls.stored(first), await calls.stored(second)]
    assert [(one["agent"], one["how"], one["end"]) for one in stored if one] == [
        ("ann", "routed", "transferred"),
        ("bob", "transferred", None),
    ]


async def test_every_new_note_is_kept_and_the_reason_may_come_after_the_hang_up() -> None:
    calls = Calls()
    ann, bob = calls.item(1, "ann"), calls.item(2, "bob")
    calls.goes(ann, "connected")
    calls.writes(ann, NOTE="bill twice as high")
    calls.writes(ann, NOTE="meter read wrong")
    calls.goes(ann, "ended", "transferred")
    calls.goes(bob, "connected")
    calls.writes(bob, NOTE="refund sent")
    calls.writes(ann, WRAP_UP_REASON="refund")
    first, second = await calls.stored(ann), await calls.stored(bob)
    assert first is not None and second is not None
    assert [note["text"] for note in first["notes"]] == ["bill twice as high", "meter read wrong"]
    assert (first["wrap_up_reason"], second["wrap_up_reason"]) == ("refund", None)
    assert [note["text"] for note in second["notes"]] == ["refund sent"]


async def test_a_store_that_fails_costs_the_note_and_not_the_call(caplog: Any) -> None:
    calls = Calls()
    item = calls.item(1, "ann")
    calls.store.broken = True
    calls.goes(item, "connected")
    assert await calls.stored(item) is None
    assert "contact_not_saved item=call-1-h1.1 error=disk full" in caplog.text


async def test_a_colleague_who_is_asked_has_no_contact_until_the_call_is_his() -> None:
    calls = Calls()
    item = calls.item(1, "bob")
    item.part = "consulted"
    calls.goes(item, "connected")
    assert await calls.stored(item) is None
    item.part = "single"
    calls.goes(item, "connected")
    contact = await calls.stored(item)
    assert contact is not None and contact["agent"] == "bob"


async def test_what_a_colleague_writes_who_is_asked_is_a_contact_and_becomes_that_of_the_transfer() -> None:
    calls = Calls()
    item, silent = calls.item(1, "bob"), calls.item(2, "cid")
    for one in (item, silent):
        one.part = "consulted"
        calls.goes(one, "connected")
    calls.writes(item, NOTE="seen before")
    contact = await calls.stored(item)
    assert contact is not None and contact["how"] == "consulted"
    calls.writes(item, WRAP_UP_REASON="expert")
    item.part = "single"
    calls.goes(item, "connected")
    for one in (item, silent):
        calls.goes(one, "ended", "normal")
    contact = await calls.stored(item)
    assert contact is not None
    assert [note["text"] for note in contact["notes"]] == ["seen before"]
    assert (contact["how"], contact["wrap_up_reason"], contact["end"]) == ("transferred", "expert", "normal")
    assert calls.record.contacts == ["call-1-h1.1"], "one who wrote nothing has one"


async def test_who_is_asked_in_a_call_without_a_customer_has_no_contact() -> None:
    calls = Calls()
    calls.visit.has_customer = False
    item = calls.item(1, "bob")
    item.part = "consulted"
    calls.goes(item, "connected")
    calls.writes(item, NOTE="seen before")
    assert await calls.stored(item) is None
