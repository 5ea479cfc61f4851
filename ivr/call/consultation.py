"""An agent asks a colleague while the caller waits; then gives the caller away, or all three talk.

::

    begin --> dialing --answered--> talking to the colleague <--toggle--> talking to the caller
                 |                       |           |
                 | refused, given up     | warm      | conference --> who leaves leaves the other two together
                 v                       v           v
         the caller again      the colleague's   conferenced

The asking agent has two items and one telephone; the colleague has one item, with a copy of the caller's document
until the call is his (ICI.md sections 5.3 and 6.3). Whoever goes, the caller ends with somebody or in the queue.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

from ivr.agents import events as floor
from ivr.call.description import WITHDRAWN
from ivr.call.item import Item
from ivr.call.offer import Offer
from ivr.call.outside import OutsideCall
from ivr.call.transfer_target import TransferTarget
from ivr.ici.capabilities import NotAllowed, Part
from ivr.ici.switchboard import EndReason, IciRefusal
from ivr.ici.travelling_data import TravellingData, Version

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange
    from ivr.call.handoff import Handoff

RING = 30.0
"""Seconds a colleague's telephone rings."""
RINGING = "ringing"
"""Name of the play of the ringing tone."""
NOT_ANSWERED = {"rejected": "he refused", "missed": "no answer", "failed": "the telephone could not be reached"}
"""Why an offer to the colleague ended, for who asked him."""
logger = logging.getLogger(__name__)


class ConsultItem(Item):
    """The asking agent's second call: the one to the colleague."""

    direction = "outbound"

    def __init__(self, item_id: str, consultation: Consultation) -> None:
        super().__init__(item_id, consultation.asker.agent, consultation, consultation.exchange)
        self.consultation = consultation
        self.status = "dialing"

    @property
    def remote_numbers(self) -> tuple[str, ...]:
        return (self.consultation.called,)

    @property
    def called_number(self) -> str:
        return self.consultation.called

    @property
    def linked_item_id(self) -> str:
        return self.consultation.linked_to(self)

    async def show(self) -> None:
        """Tell of it for the first time."""
        await self.recorded()
        if self.status == "dialing":
            self.tell()

    def end(self, reason: EndReason) -> None:
        if self.live:
            self.reason = reason
            self.become("ended")


class Consultation:
    """One such call. `asker` is the offer by which the asking agent has the caller."""

    own_line = False
    """Whether the asking agent's telephone has a call of its own for the colleague, and its own keys for both."""

    def __init__(self, number: int, asker: Offer, handoff: Handoff, destination: TransferTarget) -> None:
        self.asker = asker
        self.customer = handoff
        self.destination = destination
        self.exchange: Exchange = asker.exchange
        self.visit = handoff.visit
        self.queue = handoff.queue
        self.reason = handoff.reason
        self.ticket = f"{handoff.ticket}-c{number}"
        self.called = destination.name.removeprefix("tel:")
        self.item = ConsultItem(self.ticket, self)
        self.offers: list[Offer] = []
        self.colleague: Offer | None = None
        self.outside: OutsideCall | None = None
        self.answered = False
        self.conferenced = False
        self.side: Literal["colleague", "caller"] = "colleague"
        """To whom the asking agent talks."""
        self._data = handoff.data.copy()
        self._refused = False
        self._entries: list[dict[str, Any]] = []
        """Of the record: the items of the consultation, while screens show them."""

    # --- as an errand --------------------------------------------------------------------------------------

    @property
    def remote_numbers(self) -> tuple[str, ...]:
        """For the colleague: who asks him, and in a conference before that whoever the asking agent has."""
        return (*self.asker.partners, self.asker.agent) if self.conferenced else (self.asker.agent,)

    @property
    def data(self) -> TravellingData:
        return self.customer.data if self.conferenced else self._data

    @property
    def document(self) -> str:
        return self.data.document

    def take_from(self, agent: str, document: str) -> Version | None:
        if self.conferenced:
            return self.customer.take_from(agent, document)
        return self._data.write(agent, document, self.exchange.rooms.clock.utc())

    def items(self) -> list[Item]:
        if self.conferenced:
            return self.customer.items()
        return [item for item in (self.item, *self.offers) if item.live]

    def part_of(self, item: Item) -> Part:
        if self.conferenced:
            return "single"
        if item is self.asker or item is self.item:
            return "paired" if self.answered else "waiting"
        return "consulted"

    def describe(self, item: Item) -> str:
        if self.conferenced or item is self.asker:
            return self.customer.describe(item)
        if item is self.item:
            return ""
        if self.answered and self.side == "caller":
            return f"{self.asker.agent} is talking to the caller; you hear music until he is back"
        return f"{self.asker.agent} asks about a caller who waits"

    def linked_to(self, item: Item) -> str:
        """The other item of the asking agent."""
        if self.conferenced or not self.item.live:
            return ""
        return self.asker.item_id if item is self.item else self.item.item_id

    def arrange(self) -> None:
        media, music = self.exchange.rooms.media, self.exchange.rooms.music
        caller, asker, colleague = self.visit.leg, self.asker.leg, self._colleague_leg
        if self.conferenced:
            for leg in (caller, asker, colleague):
                media.unhold(leg)
            self.customer.take_down()
            media.mix((caller, asker, colleague))
        elif self.side == "caller":
            media.hold(colleague, music)
            media.unhold(caller)
            media.bridge(caller, asker)
        else:
            media.hold(caller, music)
            media.unhold(asker)
            if self.answered:
                media.unhold(colleague)
                media.bridge(asker, colleague)
        self.visit.follow_hold()

    @property
    def with_caller(self) -> bool:
        """Whether the asking agent has the caller alone at the moment."""
        return self.side == "caller" and not self.conferenced

    @property
    def in_conference(self) -> dict[str, str]:
        """The leg and the name of the colleague, once all three talk."""
        return {self._colleague_leg: self.called} if self.conferenced else {}

    @property
    def _colleague_leg(self) -> str:
        return self.outside.leg if self.outside else self.colleague.leg if self.colleague else ""

    # --- beginning -----------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The caller is put on hold, and the colleague is called."""
        asker, to = self.asker, self.destination
        logger.info("consult call=%s by=%s to=%s", self.visit.id, asker.agent, to)
        asker.consultation = self
        self.exchange.remember(self.item)
        self._entries.append(self.customer.note_item(self.item))
        self.arrange()
        asker.become("held")
        self.exchange.tasks.spawn(self.item.show())
        self.exchange.tell_floor(floor.CallHeld(asker.agent, self.customer.ticket))
        if (ringing := self.exchange.rooms.ringing) is not None:
            self.exchange.rooms.media.play(asker.leg, RINGING, [ringing], interrupt="never", loop=True)
        self.call()

    def call(self) -> None:
        """Ring the colleague, or the line outside."""
        to = self.destination
        if to.kind == "agent":
            self.exchange.consultations[self.ticket] = self
            self.exchange.tell_floor(floor.CallerSent(self.ticket, (to.name,), ring=RING))
            return
        name = f"{self.visit.id}-{len(self.exchange.items)}"
        self.outside = OutsideCall(
            name, to.name, self.visit, self.exchange, self._outside_outcome, on_gone=self._outside_gone
        )
        self.outside.begin()

    def do(self, command: floor.Command) -> None:
        """A command of the floor about the colleague."""
        match command:
            case floor.OfferCall():
                offer = Offer(f"{self.ticket}.{len(self.offers) + 1}", command.agent, self, self.exchange)
                self.offers.append(offer)
                self.exchange.remember(offer)
                self._entries.append(self.customer.note_item(offer))
                offer.begin()
            case floor.WithdrawOffer():
                self._refused = command.why == "rejected"
                reason: EndReason = (
                    "rejected" if self._refused else "abandoned" if command.why == "abandoned" else "failed"
                )
                self.item.why = NOT_ANSWERED.get(command.why, "")
                for entry in self._entries:
                    entry["outcome"] = command.why
                for offer in self.offers:
                    offer.why = offer.why or WITHDRAWN.get(command.why, "")
                    offer.end(reason)
            case floor.JoinCall():
                self.colleague = self.offers[-1]
                self._up()
            case floor.TicketEnded() if command.outcome != "answered":
                self.exchange.consultations.pop(self.ticket, None)
                self._finish("rejected" if self._refused else "failed")

    def _outside_outcome(self, joined: bool) -> None:
        if joined:
            self._up()
        else:
            self.item.why = self.outside.why_not if self.outside else ""
            self.outside = None
            self._finish("failed")

    def _up(self) -> None:
        """The colleague is there."""
        self.answered = True
        for entry in self._entries:  # on disk while they talk: a kill must not make it a call in vain
            entry["outcome"] = entry["outcome"] or "answered"
        self.exchange.rooms.media.stop_playing(self.asker.leg)
        self.arrange()
        if self.colleague is not None:
            self.colleague.connected()
        self.item.become("connected")
        self.asker.tell()
        self.visit.save()

    # --- what the asking agent does ------------------------------------------------------------------------

    def toggle(self) -> None:
        """Talk to the other of the two; who is left hears music."""
        self._need_answered("toggle")
        self.side = "caller" if self.side == "colleague" else "colleague"
        self.arrange()
        first, second = (self.item, self.asker) if self.side == "caller" else (self.asker, self.item)
        first.become("held")
        second.become("connected")
        if self.colleague is not None:
            self.colleague.tell()
        change = floor.CallRetrieved if self.side == "caller" else floor.CallHeld
        self.exchange.tell_floor(change(self.asker.agent, self.customer.ticket))

    def warm_transfer(self) -> None:
        """The colleague has the caller from now on, and the asking agent is out of it."""
        self._need_answered("warmTransfer")
        self._hand_over("transferred")

    def conference(self) -> None:
        """All three hear each other."""
        self._need_answered("conference")
        if self.visit.held_by:
            raise IciRefusal(
                "ICI-STATE",
                f"{self.visit.held_by} holds the call; make the conference when he has taken it back",
                item_id=self.item.item_id,
            )
        self.customer.take_over(self._data, self.asker.agent)
        self.conferenced = True
        self.arrange()
        self.asker.become("conferenced")
        self.item.end("transferred")
        if self.colleague is not None:
            self.colleague.become("conferenced")
        self.exchange.tell_floor(floor.CallRetrieved(self.asker.agent, self.customer.ticket))
        if self.colleague is not None and self.customer.queue:  # he serves a customer of the queue, too (AG12)
            self.exchange.tell_floor(floor.WorkmodeChosen(self.colleague.agent, floor.WORKMODE_WRAP_UP))

    def drop(self) -> None:
        """The asking agent gives the colleague up, and has the caller again."""
        if self.answered:
            self._colleague_out("normal")
        elif self.outside is not None:
            self.outside.end()
            self.outside = None
        else:
            self.exchange.consultations.pop(self.ticket, None)
            for offer in self.offers:
                offer.end("abandoned")
            self.exchange.tell_floor(floor.CallerLeft(self.ticket))
        self._finish("normal")

    def send_keys(self, digits: str) -> None:
        """Press keys towards the colleague."""
        self._need_answered("sendDTMF")
        for key in digits:
            self.exchange.rooms.media.send_key(self._colleague_leg, key)

    def _close_entries(self) -> None:
        for entry in self._entries:
            if entry["outcome"] is None:
                entry["outcome"] = "failed"
            elif entry["outcome"] == "answered" and entry["item"] != self.customer.record.item:
                entry["outcome"] = "consultation"

    def _need_answered(self, operation: str) -> None:
        if not self.answered or self.conferenced:
            item = self.item
            raise NotAllowed(operation, item.status, item.snapshot().capabilities, item_id=item.item_id)

    # --- who goes ------------------------------------------------------------------------------------------

    def agent_left(self, offer: Offer, reason: str, *, crashed: bool = False) -> None:
        """The colleague hung up, or went while his telephone was ringing."""
        if offer is not self.colleague:
            if offer.live:
                self.exchange.tell_floor(floor.Rejected(offer.agent, self.ticket))
            return
        logger.info("colleague_left call=%s agent=%s why=%s", self.visit.id, offer.agent, reason or "BYE")
        self._colleague_out("failed" if crashed else "normal")
        self._finish("failed" if crashed else "normal")

    def _outside_gone(self, reason: str) -> None:
        logger.info("colleague_left call=%s to=%s why=%s", self.visit.id, self.called, reason)
        self.outside = None
        self._finish("normal")

    def asker_left(self, reason: str, *, crashed: bool = False) -> None:
        """The asking agent's telephone hung up or is out of order.

        In a conference the colleague goes on with the caller. From the caller to whom he was just talking he parts
        as in any call; a caller whom he left with the music goes back to the queue.
        """
        if self.conferenced:
            self._hand_over("failed" if crashed else "normal")
        elif self.side == "caller" and not crashed:
            self.exchange.part(self.customer)
            self.visit.hang_up("agent", reason or "BYE")
        else:
            what = f"was lost: {reason}" if crashed else "hung up on a caller on hold"
            self.exchange.transfers.put_back(self.customer, f"{self.asker.agent} {what}")

    def leave(self) -> None:
        """The asking agent leaves the conference by his screen."""
        self._hand_over("normal")

    def over(self, reason: EndReason) -> None:
        """The caller is gone, or was taken away: so is everybody else."""
        if not self.answered:
            self.exchange.consultations.pop(self.ticket, None)
            for offer in self.offers:
                offer.end("abandoned")
            self.exchange.tell_floor(floor.CallerLeft(self.ticket))
            if self.outside is not None:
                self.outside.end()
                self.outside = None
        else:
            self._colleague_out("normal")
        self.item.end(reason)
        self.asker.consultation = None
        self._close_entries()

    def _colleague_out(self, reason: EndReason) -> None:
        self.exchange.consultations.pop(self.ticket, None)
        if self.outside is not None:
            outside, self.outside = self.outside, None
            outside.end()
        if self.colleague is not None:
            colleague, self.colleague = self.colleague, None
            colleague.end(reason)
            self.exchange.tell_floor(floor.AgentCallEnded(colleague.agent, self.ticket))

    def _finish(self, reason: EndReason) -> None:
        """There is no colleague any more: the asking agent has the caller, as before."""
        asker = self.asker
        self.exchange.rooms.media.stop_playing(asker.leg)
        self.item.end(reason)
        self._close_entries()
        asker.consultation = None
        was_held = asker.status == "held"
        asker.status = "connected"
        self.customer.arrange()
        asker.tell()
        if was_held:
            self.exchange.tell_floor(floor.CallRetrieved(asker.agent, self.customer.ticket))

    # --- the caller changes hands --------------------------------------------------------------------------

    def _hand_over(self, reason: EndReason) -> None:
        asker, customer, colleague = self.asker, self.customer, self.colleague
        how = "conference" if self.conferenced else "warm"
        passed = customer.record.pass_on(asker.agent, str(self.destination), how, self.exchange.rooms.clock.utc())
        passed["outcome"] = "answered"
        if not self.conferenced:
            self.customer.take_over(self._data, self.asker.agent)
        self.exchange.consultations.pop(self.ticket, None)
        asker.consultation = None
        if colleague is None:
            self._hand_over_outside(reason)
            return
        self.conferenced = False
        customer.pass_to(colleague)
        self._close_entries()
        colleague.status = "connected"
        customer.arrange()
        asker.end(reason)
        self.item.end(reason)
        colleague.tell()
        self.exchange.tell_floor(floor.CallTaken(customer.ticket, asker.agent, colleague.agent, self.visit.number))

    def _hand_over_outside(self, reason: EndReason) -> None:
        outside = self.outside
        assert outside is not None, "a consultation that was answered has somebody at the other end"
        self.item.end(reason)
        self._close_entries()
        self.exchange.part(self.customer, reason)
        self.exchange.outside[self.visit.id] = outside
        outside.join()
