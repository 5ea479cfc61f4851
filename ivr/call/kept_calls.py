"""What agents still write about calls of before a restart: notes, and the reason of wrap-up.

A call does not outlive the engine, but the wrap-up of its agent does, and the desktop still shows the item. Its
record holds the documents as they were, with what is guarded in them; what is written now goes into that record
and into the agent's contact. For a while only, as for any call that is over (H8).
"""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ivr.call.contact import Contact
from ivr.call.remembering import RECORDS_LOOKED_AT
from ivr.ici.attached_data import Limits
from ivr.ici.switchboard import ItemAttachedDataChanged, PhoneCallItem
from ivr.ici.travelling_data import CHANGES_KEPT, TravellingData, Version

if TYPE_CHECKING:
    from ivr.call.rooms import Rooms

KEPT = timedelta(minutes=10)
"""How long before the restart a call may have ended whose items are known still."""
AFTER_ALL = 1_000_000
"""Sequence number of the last word on an item of before: more than any call had, or it counts as an old one."""


@dataclass(slots=True)
class KeptItem:
    """An item of before, as its desktop shows it."""

    call_id: str
    agent: str
    data: TravellingData
    shown: PhoneCallItem

    def snapshot(self) -> PhoneCallItem:
        """The item with its document as it is now."""
        return dataclasses.replace(
            self.shown, attached_data=self.data.document, attached_data_version=self.data.number
        )


def kept_items(record: dict[str, Any], limits: Limits) -> list[tuple[KeptItem, dict[str, Any]]]:
    """The items of a call's record, and what stands there about each of them."""
    documents = {
        item: data
        for saved in record.get("documents") or []
        for data in [TravellingData.restored(saved, limits)]
        for item in saved["items"]
    }
    found = []
    for handoff in record.get("handoffs") or []:
        for entry in handoff.get("offers") or []:
            if not (name := entry.get("item")):
                continue
            remote = entry.get("remote") or [record.get("caller") or ""]
            shown = PhoneCallItem(
                id=name,
                status="ended",
                direction=entry.get("direction") or "inbound",
                remote_numbers=tuple(map(str, remote)),
                called_number=str(entry.get("called") or record.get("called") or ""),
                queue_id=str(handoff.get("queue") or ""),
                attached_data="",
                sequence=AFTER_ALL,
                started_at=datetime.fromisoformat(entry["at"]),
                reason=entry.get("ended") or "failed",
            )
            data = documents.get(name) or TravellingData("", limits)
            found.append((KeptItem(str(record.get("id")), str(entry["agent"]), data, shown), entry))
    return found


class KeptCalls:
    """The items of calls that were live, or just over, when the engine was killed."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._items: dict[str, KeptItem] = {}
        self.lock = asyncio.Lock()
        """Held by whoever reads a record of before and writes it back."""

    def get(self, item_id: str) -> KeptItem | None:
        return self._items.get(item_id)

    async def load(self) -> None:
        """Before anybody may ask. Raises StoreError."""
        limits = Limits(document=self._rooms.settings.ici.max_attached_data)
        oldest = self._rooms.clock.utc() - KEPT
        for record in await self._rooms.store.calls(RECORDS_LOOKED_AT):
            if record.get("ended") is None or datetime.fromisoformat(record["ended"]) > oldest:
                self._items |= {item.shown.id: item for item, _ in kept_items(record, limits)}

    async def write(self, item: KeptItem, user: str, document: str) -> None:
        """`document` is merged already with what was there. On disk when this returns; raises `IciRefusal`."""
        version = item.data.write(user, document, self._rooms.clock.utc())
        if version is None:
            return
        async with self.lock:
            await self._note(item, version)
        if version.guarded:
            news = ItemAttachedDataChanged(item.shown.id, item.data.document, item.data.number)
            self._rooms.publisher.publish(user, news)

    async def _note(self, item: KeptItem, version: Version) -> None:
        store, mine = self._rooms.store, item.shown.id
        record = await store.call(item.call_id)
        if record is not None:
            last, change = record["handoffs"][-1], version.document()
            others = [one for one in record.get("documents") or [] if mine not in one["items"]]
            same = [one.shown.id for one in self._items.values() if one.data is item.data]
            record["documents"] = [*others, item.data.saved() | {"items": same}]
            customer = self._items.get(str(last.get("item")))
            if customer is not None and customer.data is not item.data:
                change["consultation"] = mine
            else:
                last["attached_data"] = item.data.blocks
            last["attached_data_changes"] = [*last.get("attached_data_changes", ()), change][-CHANGES_KEPT:]
            if version.guarded and not version.meant:
                what = f"{version.author} wrote over {', '.join(version.guarded)}; kept"
                record["incidents"] = [*record.get("incidents", ()), {"at": None, "what": what}]
            await store.save_call(record | {"handoff": last})
        for document in await store.contacts(call_id=item.call_id):
            if document["id"] == mine and (contact := Contact.of(document)).take(version):
                await store.save_contact(contact.document())
