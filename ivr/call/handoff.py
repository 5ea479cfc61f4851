"""One caller's way to a person: ticket, attached data, and the agents it was offered to."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ivr.call.offer import Offer
from ivr.call.record import HandoffRecord, iso
from ivr.ici.attached_data import Limits, build, merge, read
from ivr.ici.switchboard import EndReason
from ivr.menu.events import StartHandoff

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange
    from ivr.call.visit import Visit

logger = logging.getLogger(__name__)


class Handoff:
    """Lives from the menu's StartHandoff until agent and caller have parted."""

    def __init__(self, ticket: str, visit: Visit, command: StartHandoff, exchange: Exchange) -> None:
        self.ticket = ticket
        self.visit = visit
        self.exchange = exchange
        self.queue = command.queue
        self.reason = command.reason
        self._command = command
        self._fields = dict(command.fields)
        self._started = exchange.rooms.clock.monotonic()
        self._limits = Limits(document=exchange.rooms.settings.ici.max_attached_data)
        self.document = build(command.application, self._fields, limits=self._limits)
        """The attached data, as it travels."""
        self.offers: list[Offer] = []
        self.joined: Offer | None = None
        self.record = HandoffRecord(
            queue=command.queue,
            reason=command.reason,
            attached_data=read(self.document, limits=self._limits),
            started=exchange.rooms.clock.utc(),
        )
        visit.record.handoffs.append(self.record)

    def offer_to(self, agent: str) -> None:
        """Alert this agent; the fields that grow with time are brought up to date before."""
        self._refresh()
        offer = Offer(f"{self.ticket}.{len(self.offers) + 1}", agent, self, self.exchange)
        self.offers.append(offer)
        self.exchange.remember(offer)
        self.record.offers.append({"agent": agent, "at": iso(self.exchange.rooms.clock.utc()), "outcome": None})
        offer.begin()

    def _refresh(self) -> None:
        waited = str(int(self.exchange.rooms.clock.monotonic() - self._started))
        self._fields |= {name: waited for name, source in self._command.live_fields.items() if source == "waited"}
        self.take(self._with_own_fields(self.document))

    def _with_own_fields(self, document: str) -> str:
        """`document` with the fields the menu learnt as it learnt them, whatever else is in their block."""
        application = self._command.application
        block = read(document, limits=self._limits).get(application, {}) | self._fields
        return merge(document, build(application, block, limits=self._limits), limits=self._limits)

    def take_from(self, agent: str, document: str) -> bool:
        """The agent's screen wrote `document`. What the menu learnt stays as it was (H12); False if that was
        needed, and the record tells of it."""
        block = read(document, limits=self._limits).get(self._command.application, {})
        lost = sorted(name for name, value in self._fields.items() if block.get(name) != value)
        if not lost:
            self.take(document)
            return True
        self.visit.note_incident(f"{agent} wrote over {', '.join(lost)} of {self._command.application}; kept")
        self.take(self._with_own_fields(document))
        return False

    def take(self, document: str) -> None:
        """The attached data is this from now on."""
        self.document = document
        self.record.attached_data = read(document, limits=self._limits)

    def offer_of(self, agent: str) -> Offer | None:
        """The live offer to this agent."""
        return next((offer for offer in self.offers if offer.agent == agent and offer.live), None)

    def withdraw(self, agent: str, why: str) -> None:
        """Take it away from an agent who has not got it."""
        offer = self.offer_of(agent)
        if offer is None:
            return
        reasons: dict[str, EndReason] = {"rejected": "rejected", "abandoned": "abandoned", "failed": "failed"}
        self._note(agent, why)
        offer.end(reasons.get(why, "rerouted"))

    def join(self, agent: str) -> None:
        offer = self.offer_of(agent)
        if offer is None:
            return
        self.joined = offer
        self._note(agent, "answered")
        offer.join()

    def _note(self, agent: str, outcome: str) -> None:
        for entry in reversed(self.record.offers):
            if entry["agent"] == agent and entry["outcome"] is None:
                entry["outcome"] = outcome
                return

    def end(self, outcome: str, waited: float, agent: str) -> None:
        """The wait is over, one way or another."""
        self.record.outcome, self.record.waited, self.record.agent = outcome, waited, agent
        logger.info(
            "handoff call=%s queue=%s outcome=%s agent=%s waited=%.1f",
            self.visit.id,
            self.queue,
            outcome,
            agent or "-",
            waited,
        )
