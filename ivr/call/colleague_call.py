"""An agent calls a colleague, or whoever is free in a queue: his own telephone is rung first (ICI `dial`).

::

    dial --> his telephone rings --picked up--> he hears the ringing tone --colleague answers--> they talk
                     |                               |
                     | not picked up                 | refused, no answer, gone meanwhile
                     v                               v
             item ended: failed            item ended: rejected, failed

The agent who dials is to his colleague what a caller is: the colleague can put him on hold, ask a third, send him
on or bring a third in, by the same means. The one who dialled can do the same with his colleague: for that the two
change sides, so that whoever leads is the agent, and the other the caller (`Asking.led_by`). Nobody here is a
customer, so no contact record is opened, and a call that came from no queue is followed by no wrap-up; one that it
interrupted goes on (AG15).
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

from ivr.agents import events as floor
from ivr.call.consultation import NOT_ANSWERED, RING, RINGING
from ivr.call.handoff import Handoff
from ivr.call.offer import Offer
from ivr.call.outgoing_offer import OutgoingOffer
from ivr.call.transfer_target import TransferTarget
from ivr.call.visit import Visit
from ivr.ici.capabilities import Part
from ivr.ici.switchboard import EndReason, IciRefusal
from ivr.menu import events as menu
from ivr.sip import events as sip

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange
    from ivr.call.item import Item

CALLING, CALLED = "CALLING_COLLEAGUE", "COLLEAGUE"
"""The reason of the two halves of such a call in its record, and of the second on the colleague's telephone."""
nowhere = sip.Flow("udp", ("127.0.0.1", 0), ("127.0.0.1", 0))
logger = logging.getLogger(__name__)


class ColleagueCall(Visit):
    """The caller's side is the telephone of the agent who dialled: an `Offer` has it, and no menu plays."""

    has_customer = False
    plays_menu = False
    part = "direct"

    def __init__(self, agent: str, to: TransferTarget, exchange: Exchange) -> None:
        stamp = exchange.rooms.clock.utc().strftime("%Y%m%d-%H%M%S")
        name = f"{stamp}-{secrets.token_hex(3)}"
        leg = f"agent-{name}-h1.1"
        super().__init__(name, sip.IncomingCall(leg, leg, agent, "", str(to), name, b"", nowhere), exchange)
        self.number = agent
        self.to = to
        self.talks_to: tuple[str, ...] = (to.name,)
        """Who is at the other end, or is to be; all of them in a conference."""
        self.why_not: EndReason | None = None
        """How it ended that nobody was reached."""
        self.asking = Asking(self, menu.StartHandoff("", CALLING, 0, "", {}, {}, ()))

    def begin_with(self, document: str) -> str:
        """Reserve the agent and ring his telephone; the id of his item. `document`: attached data, or empty."""
        exchange, agent = self.exchange, self.asking.agent
        if document:
            self.asking.take_from(agent, document)
        logger.info("dial call=%s agent=%s to=%s", self.id, agent, self.to)
        exchange.visits[self.id] = self
        exchange.consultations[self.asking.ticket] = self.asking
        exchange.tell_floor(floor.CallerSent(self.asking.ticket, (agent,), ring=RING))
        return self.asking.offers[0].item_id if self.asking.offers else ""

    def ring(self) -> None:
        """His telephone is picked up: ring the colleague, or wait in the queue."""
        queue = self.to.name if self.to.kind == "queue" else ""
        command = menu.StartHandoff(queue, CALLED, 0, "", {}, {}, ())
        if queue:
            self.exchange.start_handoff(self, command)
            return
        ticket = self.exchange.begin_handoff(self, command, sent_to=(self.to.name,))
        self.exchange.tell_floor(floor.CallerSent(ticket, (self.to.name,), ring=RING))

    # --- what becomes of the other side --------------------------------------------------------------------

    def joined(self) -> None:
        super().joined()
        if self.record.answered is None:
            self.record.answered = self.rooms.clock.utc()
        self._find_partner()

    def follow_hold(self) -> None:
        """Whoever talks with an agent who holds the call hears music."""
        self._find_partner()
        media, other = self.rooms.media, self.exchange.partner_of(self)
        if other is None:
            return
        if self.held_by:
            media.hold(other, self.rooms.music)
        else:
            media.unhold(other)

    @property
    def held_by(self) -> str:
        """The agent of the caller's side, while he holds the call."""
        offer = self.asking.joined
        return offer.agent if offer is not None and offer.status == "held" else ""

    def _find_partner(self) -> None:
        handoff, outside = self.exchange.handoff_of(self), self.exchange.outside.get(self.id)
        if handoff is not None and (agent := handoff.joined) is not None:
            talk = agent.consultation.in_conference if agent.consultation else {}
            self.asking.talks((agent.agent, *talk.values()))
        elif outside is not None:
            self.asking.talks((outside.to.removeprefix("tel:"),))

    def own_items(self) -> list[Item]:
        return [offer for offer in self.asking.offers if offer.live]

    def handoff_ended(self, event: menu.HandoffEnded) -> None:
        """Nobody took the call, at first or when it was sent on."""
        if event.outcome == "answered" or self.over:
            return
        offers = self.record.handoffs[-1].offers
        outcome = offers[-1]["outcome"] if offers else event.outcome
        self.why_not = "rejected" if outcome == "rejected" else "failed"
        if self.asking.joined is not None:
            self.asking.joined.why = NOT_ANSWERED.get(outcome, "")
        self.hang_up("failure", f"{self.to} did not take the call: {outcome}")

    # --- a visit without a leg of its own ------------------------------------------------------------------

    def _drive(self, event: menu.Event) -> None:
        """There is no menu in this call."""

    def hang_up(self, by: str, reason: str) -> None:
        self.finish(by, reason)

    def finish(self, by: str, reason: str) -> None:
        if not self.over:
            super().finish(by, reason)
            self.asking.over("failed" if by == "failure" else "normal")

    async def close(self) -> None:
        """Both halves give their sound back themselves."""
        await self.rooms.store.save_call(self.record.document())


class Asking(Handoff):
    """The half of the agent who dialled. The floor's commands about his telephone come to `do`."""

    def __init__(self, call: ColleagueCall, command: menu.StartHandoff) -> None:
        self.agent = call.number
        super().__init__(f"{call.id}-h1", call, command, call.exchange, sent_to=(self.agent,))
        self._call = call
        self._told: tuple[tuple[str, ...], Part] | None = None
        """Who is at the other end and what he may do, as his screen has it."""

    def do(self, command: floor.Command) -> None:
        match command:
            case floor.OfferCall():
                self.offer_to(command.agent)
            case floor.WithdrawOffer():
                self.withdraw(command.agent, command.why)
            case floor.JoinCall():
                self.join(command.agent)
            case floor.TicketEnded():
                self.end(command.outcome, command.waited, command.agent)
                if command.outcome != "answered":
                    self.exchange.consultations.pop(self.ticket, None)
                    self._call.hang_up("failure", f"the telephone of {self.agent} was not picked up")

    def offer_to(self, agent: str) -> None:
        offer = AskingOffer(f"{self.ticket}.1", agent, self._call, self)
        self.offers.append(offer)
        self.exchange.remember(offer)
        self.note_item(offer)
        offer.begin()

    def join(self, agent: str) -> None:
        """He has picked up, and hears how his colleague's telephone rings."""
        offer = self.offer_of(agent)
        if offer is None:
            return
        self.joined = offer
        self._note(agent, "answered")
        if (ringing := self.exchange.rooms.ringing) is not None:
            self.exchange.rooms.media.play(offer.leg, RINGING, [ringing], interrupt="never", loop=True)
        self._call.ring()

    def talks(self, whom: tuple[str, ...]) -> None:
        """Somebody is at the other end: the first, another one, or two by now; or he is busy with a third."""
        self._call.talks_to = whom
        offer = self.joined
        if offer is None or not offer.live:
            return
        if offer.status == "alerting":
            self._told = (whom, self.part_of(offer))
            offer.connected()
            return
        if len(whom) > 1:
            offer.status = "conferenced"
        elif offer.status == "conferenced":
            offer.status = "connected"
        if self._told != (told := (whom, self.part_of(offer))):
            self._told = told
            offer.tell()

    @property
    def remote_numbers(self) -> tuple[str, ...]:
        return self._call.talks_to

    def part_of(self, item: Item) -> Part:
        """Only one of the two can be busy with a third."""
        return "direct" if self._free_partner is not None else "outbound"

    @property
    def _free_partner(self) -> Offer | None:
        """The colleague at the other end, unless he asks a third himself, or has him in a conference."""
        other = self.exchange.handoff_of(self.visit)
        offer = other.joined if other is not None else None
        return offer if offer is not None and offer.live and offer.consultation is None else None

    def led_by(self, offer: Offer) -> Handoff:
        """The two change sides. Each keeps his item, his telephone and his ticket."""
        other, partner, call = self.exchange.handoff_of(self.visit), self._free_partner, self._call
        if other is None or partner is None or offer is not self.joined:
            raise IciRefusal(
                "ICI-STATE",
                f"{', '.join(call.talks_to)} cannot be sent on, nor anybody be brought in, unless he is with you "
                "alone; wait until he is, or drop the call",
                item_id=offer.item_id,
            )
        for one, mine, theirs in ((self, offer, partner), (other, partner, offer)):
            one.offers.remove(mine)
            one.offers.append(theirs)
            one.joined, theirs.handoff = theirs, one
        del self.exchange.consultations[self.ticket], self.exchange.handoffs[other.ticket]
        self.ticket, other.ticket = other.ticket, self.ticket
        self.exchange.consultations[self.ticket], self.exchange.handoffs[other.ticket] = self, other
        self.queue, other.queue = other.queue, self.queue
        self.reason, other.reason = other.reason, self.reason
        self.command, other.command = other.command, self.command
        other.record.item = offer.item_id
        call.leg = call.sip_leg = partner.leg
        call.sounding.go_to(partner.leg)
        call.number = partner.agent
        call.talks_to = (offer.agent,)
        self._told = (call.talks_to, self.part_of(partner))
        logger.info("lead call=%s agent=%s other=%s", call.id, offer.agent, partner.agent)
        return other

    def items(self) -> list[Item]:
        """One document for both halves."""
        other = self.exchange.handoff_of(self.visit)
        return self._call.own_items() if other is None else other.items()

    def arrange(self) -> None:
        if (other := self.exchange.handoff_of(self.visit)) is not None:
            other.arrange()

    def agent_left(self, offer: Offer, reason: str, *, crashed: bool = False) -> None:
        by = "caller" if offer.agent == self.agent else "agent"
        self.visit.hang_up("failure" if crashed else by, reason or "BYE")

    def over(self, reason: EndReason) -> None:
        """The call is over; the colleague has been told."""
        offer, self.joined = self.joined, None
        if offer is None:
            self.exchange.tell_floor(floor.CallerLeft(self.ticket))
            return
        self.exchange.consultations.pop(self.ticket, None)
        reached = offer.status != "alerting"
        offer.end(self._call.why_not or (reason if reached or reason == "failed" else "abandoned"))
        self.exchange.tell_floor(floor.AgentCallEnded(offer.agent, self.ticket))


class AskingOffer(OutgoingOffer):
    """His item and his telephone."""

    def __init__(self, item_id: str, agent: str, call: ColleagueCall, asking: Asking) -> None:
        super().__init__(item_id, agent, asking, call.exchange)
        assert self.leg == call.leg, "the caller's side of the call is this telephone"
        self._call = call

    @property
    def called_number(self) -> str:
        return str(self._call.to)

    @property
    def shown(self) -> tuple[str, str]:
        return self._call.to.name, f"calling {self._call.to}"
