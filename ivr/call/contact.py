"""The business transaction of a call: one contact record for each agent who took an inbound call.

It opens by itself when the agent accepts, routed or transferred, and closes when the call leaves the agent; notes
and the reason of wrap-up may follow for as long as the item is known. A colleague who is consulted gets one with
the first thing he writes, which becomes that of a transfer when he takes the caller. Outbound calls open none
(ICI.md 6.3). What the agent writes comes through attached data, in the block ``IVR/CONTACT``: `NOTE` and
`WRAP_UP_REASON`; each new text of `NOTE` is one more note.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ivr.call.record import iso
from ivr.errors import IvrError
from ivr.ici.travelling_data import Version
from ivr.menu.facts import plain

if TYPE_CHECKING:
    from ivr.call.offer import Offer

BLOCK = "IVR/CONTACT"
NOTE, WRAP_UP_REASON = "NOTE", "WRAP_UP_REASON"
NOTES_KEPT = 100
CONSULTED = "consulted"
TALKING = ("connected", "held", "conferenced")
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Contact:
    """One agent's share in one call, as people look it up later."""

    id: str
    """That of the agent's item."""
    call_id: str
    account: str
    """Of the customer; empty when the menu did not learn it."""
    proved: str
    """How far the caller proved who he is: ``no``, or the level's name."""
    caller: str
    queue: str
    reason: str
    agent: str
    how: str
    """routed, transferred, returned (to the agent whose blind transfer nobody took), or consulted: asked by the
    agent who had the caller."""
    began: datetime
    ended: datetime | None = None
    end: str = ""
    """Why the item ended."""
    notes: list[dict[str, Any]] = field(default_factory=list)
    wrap_up_reason: str = ""

    @classmethod
    def of(cls, document: dict[str, Any]) -> Contact:
        """What was stored."""
        known: dict[str, Any] = {one.name: document.get(one.name) or "" for one in fields(cls)}
        known["began"] = datetime.fromisoformat(document["began"])
        known["ended"] = datetime.fromisoformat(document["ended"]) if document.get("ended") else None
        known["notes"] = [dict(note) for note in document["notes"]]
        return cls(**known)

    def take(self, version: Version) -> bool:
        """What the agent wrote; whether anything of it is for the contact."""
        if version.author != self.agent:
            return False
        before = (len(self.notes), self.wrap_up_reason)
        for change in version.changes:
            if (change.application, change.field) == (BLOCK, NOTE) and (change.new or "").strip():
                self.notes.append({"at": iso(version.at), "text": change.new})
            elif (change.application, change.field) == (BLOCK, WRAP_UP_REASON):
                self.wrap_up_reason = change.new or ""
        del self.notes[:-NOTES_KEPT]
        return before != (len(self.notes), self.wrap_up_reason)

    def document(self) -> dict[str, Any]:
        """What is stored."""
        return {
            "id": self.id,
            "call_id": self.call_id,
            "account": self.account or None,
            "proved": self.proved,
            "caller": self.caller,
            "queue": self.queue,
            "reason": self.reason,
            "agent": self.agent,
            "how": self.how,
            "began": iso(self.began),
            "ended": iso(self.ended),
            "end": self.end or None,
            "notes": [dict(note) for note in self.notes],
            "wrap_up_reason": self.wrap_up_reason or None,
        }


def closed_late(document: dict[str, Any]) -> dict[str, Any]:
    """A contact that an engine that was killed left open, ended at the last moment it tells of.

    >>> closed_late({"began": "2026-01-02T03:04:05.000+00:00", "notes": []})["ended"]
    '2026-01-02T03:04:05.000+00:00'
    """
    moments = [document["began"], *(note["at"] for note in document["notes"])]
    return document | {"ended": max(moments), "end": "failed"}


class ContactKeeper:
    """The contact of one item: opened, closed and written by what happens to it."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._contact: Contact | None = None

    def follow(self) -> None:
        """The item has changed."""
        offer = self._offer
        now = offer.rooms.clock.utc()
        has_call = offer.status in TALKING and offer.part != "consulted" and offer.handoff.visit.has_customer
        if self._contact is None and has_call and offer.direction == "inbound":
            contacts = offer.handoff.visit.record.contacts
            self._contact = self._opened(now, self._how())
            contacts.append(self._contact.id)
            self._save()
        elif self._contact is not None and has_call and self._contact.how == CONSULTED:
            self._contact.how = "transferred"
            self._save()
        elif self._contact is not None and self._contact.ended is None and offer.status == "ended":
            self._contact.ended, self._contact.end = now, offer.reason or ""
            self._save()

    async def take(self, version: Version | None) -> None:
        """Somebody wrote attached data. What of it is for the contact is on disk when this returns."""
        if self._contact is None and version is not None and self._is_asked_about_a_customer():
            opened = self._opened(version.at, CONSULTED)
            if not opened.take(version):
                return
            self._contact = opened
            self._offer.handoff.visit.record.contacts.append(opened.id)
            await self._write(opened)
        elif self._contact is not None and version is not None and self._contact.take(version):
            await self._write(self._contact)

    def _is_asked_about_a_customer(self) -> bool:
        return self._offer.part == "consulted" and self._offer.handoff.visit.has_customer

    def _how(self) -> str:
        record = self._offer.handoff.visit.record
        before = record.handoffs[-2].passed if len(record.handoffs) > 1 else []
        if before and before[-1]["by"] == self._offer.agent and before[-1]["outcome"] not in (None, "answered"):
            return "returned"
        return "transferred" if record.contacts else "routed"

    def _opened(self, now: datetime, how: str) -> Contact:
        offer, visit = self._offer, self._offer.handoff.visit
        facts = visit.machine.facts
        return Contact(
            id=offer.item_id,
            call_id=visit.id,
            account=plain(facts.values.get("account")),
            proved=facts.level,
            caller=visit.record.caller,
            queue=offer.handoff.queue,
            reason=offer.handoff.reason,
            agent=offer.agent,
            how=how,
            began=now,
        )

    def _save(self) -> None:
        assert self._contact is not None
        self._offer.exchange.tasks.spawn(self._write(self._contact))

    async def _write(self, contact: Contact) -> None:
        """As it is when this runs: what was written after a change that is saved later must not be lost to it."""
        document = contact.document()
        try:
            await self._offer.rooms.store.save_contact(document)
        except IvrError as error:
            logger.error("contact_not_saved item=%s error=%s", document["id"], error)
            return
        logger.info(
            "contact item=%s agent=%s account=%s", document["id"], document["agent"], bool(document["account"])
        )
