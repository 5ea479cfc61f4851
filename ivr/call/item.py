"""A call as one agent's screen shows it."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ivr.call.record import iso
from ivr.call.tasks import finished
from ivr.ici.capabilities import Part, capabilities_of
from ivr.ici.switchboard import EndReason, PhoneCallChanged, PhoneCallItem, ProcessingStatus
from ivr.ici.travelling_data import TravellingData, Version

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange
    from ivr.call.offer import Offer
    from ivr.call.visit import Visit

logger = logging.getLogger(__name__)


class Errand(Protocol):
    """What brings an agent to the telephone: a caller who was handed to him, or a colleague who asks."""

    ticket: str
    visit: Visit
    queue: str
    reason: str

    @property
    def data(self) -> TravellingData:
        """The attached data, as it travels."""
        ...

    @property
    def document(self) -> str:
        """The same as text."""
        ...

    @property
    def remote_numbers(self) -> tuple[str, ...]:
        """Who is at the other end where that is not the caller; else empty."""
        ...

    def part_of(self, item: Item) -> Part:
        """The item's part in a consultation."""
        ...

    def describe(self, item: Item) -> str:
        """What a person should know of a live item that its status does not tell; empty for nothing."""
        ...

    def take_from(self, agent: str, document: str) -> Version | None:
        """An agent wrote the document; None when nothing is new. Raises `IciRefusal`."""
        ...

    def items(self) -> list[Item]:
        """Live items that show this document."""
        ...

    def arrange(self) -> None:
        """Let those hear each other who should, and give music to who waits. Harmless when done twice."""
        ...

    def agent_left(self, offer: Offer, reason: str, *, crashed: bool = False) -> None:
        """The agent's telephone hung up, or cannot be heard any more (`crashed`)."""
        ...


class Item:
    """One call on one screen. Its end is told exactly once."""

    direction: Literal["inbound", "outbound"] = "inbound"

    def __init__(self, item_id: str, agent: str, handoff: Errand, exchange: Exchange) -> None:
        self.item_id = item_id
        self.agent = agent
        self.handoff = handoff
        """What the item is about; changes when a consultation becomes the customer's call."""
        self.exchange = exchange
        self.rooms = exchange.rooms
        self.status: ProcessingStatus = "alerting"
        self.reason: EndReason | None = None
        self.why = ""
        """Why it ended, for people, where the reason is not enough."""
        self.muted = False
        """The agent's own voice is kept from the others."""
        self.started_at: datetime = self.rooms.clock.utc()
        self.sequence = 0
        self.first_told = asyncio.Event()
        """Set once the desktop was told of it for the first time."""
        self.entry: dict[str, Any] | None = None
        """In the record, while the call is known there: how a next start would know of this item."""

    @property
    def live(self) -> bool:
        return self.status != "ended"

    @property
    def partners(self) -> tuple[str, ...]:
        """Who is at the other end, but for colleagues whom this agent has brought in."""
        caller = self.handoff.visit.number or self.rooms.settings.ici.unknown_number
        return self.handoff.remote_numbers or (caller,)

    @property
    def remote_numbers(self) -> tuple[str, ...]:
        """Everybody at the other end, for the screen's search: the customer first."""
        return self.partners

    @property
    def called_number(self) -> str:
        return self.handoff.visit.record.called

    @property
    def part(self) -> Part:
        return self.handoff.part_of(self)

    @property
    def linked_item_id(self) -> str:
        """The other item of a consultation; empty for none."""
        return ""

    @property
    def description(self) -> str:
        """For people: how the caller came here, or why the call is over."""
        return self.why if self.status == "ended" else self.handoff.describe(self)

    def new_entry(self) -> dict[str, Any]:
        """For the record; who is at the other end stands there where that is not the caller."""
        at = iso(self.rooms.clock.utc())
        self.entry = {"agent": self.agent, "item": self.item_id, "at": at, "outcome": None}
        self.handoff.visit.record.items.append(self)
        if self.direction == "outbound" or self.handoff.remote_numbers:
            self.entry |= {"direction": self.direction, "remote": list(self.remote_numbers)}
            self.entry["called"] = self.called_number
        return self.entry

    def snapshot(self) -> PhoneCallItem:
        """The item as it is now."""
        return PhoneCallItem(
            id=self.item_id,
            status=self.status,
            direction=self.direction,
            remote_numbers=self.remote_numbers,
            called_number=self.called_number,
            queue_id=self.handoff.queue,
            attached_data=self.handoff.document,
            attached_data_version=self.handoff.data.number,
            sequence=self.sequence,
            started_at=self.started_at,
            linked_item_id=self.linked_item_id,
            reason=self.reason,
            capabilities=capabilities_of(self.status, self.part, muted=self.muted),
            description=self.description,
        )

    def tell(self) -> asyncio.Future[bool]:
        """Post the item to the agent's desktop; the future says whether it was acknowledged."""
        self.sequence += 1
        self.first_told.set()
        logger.info(
            "item call=%s item=%s agent=%s status=%s reason=%s",
            self.handoff.visit.id,
            self.item_id,
            self.agent,
            self.status,
            self.reason or "-",
        )
        return self.rooms.publisher.publish(self.agent, PhoneCallChanged(self.snapshot()))

    async def recorded(self) -> None:
        """Until the record on disk names this item: what a screen shows can be ended after a kill then.

        A disk that is slow stops no call.
        """
        await finished(self.handoff.visit.saving, self.rooms.settings.ici.pop_wait)

    def become(self, status: ProcessingStatus) -> None:
        """Take a status and tell of it, and of what may be done in it."""
        self.status = status
        told = self.tell()
        if status == "ended" and self.entry is not None:
            self.entry["ended"] = self.reason
            self.handoff.visit.record.goodbyes.add(told)
            told.add_done_callback(self._end_told)

    def _end_told(self, told: asyncio.Future[bool]) -> None:
        """The screen knows that the call is over: nobody has to tell it after a kill."""
        visit = self.handoff.visit
        visit.record.goodbyes.discard(told)
        if self.entry is not None and not told.cancelled() and told.result():
            self.entry["gone"] = iso(self.rooms.clock.utc())
            if not visit.over:
                visit.save()
