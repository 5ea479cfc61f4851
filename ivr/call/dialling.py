"""An agent calls a number outside: his own telephone is rung first, then the number (ICI `dial`).

::

    dial --> the agent's telephone rings --picked up--> he hears the ringing tone --answered--> they talk
                     |                                          |
                     | not picked up                            | busy, no answer
                     v                                          v
              item ended: failed                         item ended: failed

Only listed numbers are called. The agent is nobody else's from the first moment, by the floor's own lease; whoever
hangs up ends the call, and no contact record is opened (ICI.md section 6.3). A call of this kind can be held and
muted; it is not sent on, for there is no queue it could come back to.
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

from ivr.agents import events as floor
from ivr.call.colleague_call import ColleagueCall
from ivr.call.consultation import RING, RINGING
from ivr.call.destination import Destination
from ivr.call.handoff import Handoff
from ivr.call.leg import VoiceLeg
from ivr.call.offer import Offer
from ivr.call.outgoing_offer import OutgoingOffer
from ivr.call.transfer_target import find_dialled
from ivr.call.visit import Visit
from ivr.errors import IvrError
from ivr.ici.capabilities import Part
from ivr.ici.switchboard import IciRefusal
from ivr.menu import events as menu
from ivr.sip import events as sip

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange
    from ivr.call.item import Item

DIALLED = "dialled"
"""What stands in the record where the number that was dialled stands in others, with the agent who did."""
FREE = (
    floor.AgentState.AVAILABLE,
    floor.AgentState.NOT_READY,
    floor.AgentState.WRAP_UP,
    floor.AgentState.MISSED,
)
"""States in which an agent can be rung for a call of his own."""
nowhere = sip.Flow("udp", ("127.0.0.1", 0), ("127.0.0.1", 0))
logger = logging.getLogger(__name__)


async def dial(exchange: Exchange, agent: str, destination: str, document: str) -> str:
    """Begin such a call, or one to a colleague; the id of the agent's item.

    Raises `IciRefusal` with nothing changed.
    """
    now = exchange.agents.agent(agent)
    if now.state not in FREE:
        raise IciRefusal("ICI-STATE", f"Operation dial not allowed while {agent} is {now.state}")
    if not now.phone:
        raise IciRefusal("ICI-STATE", f"Operation dial not allowed: the telephone of {agent} is not registered")
    target = find_dialled(exchange, destination, by=agent)
    if target.kind != "number":
        return ColleagueCall(agent, target, exchange).begin_with(document)
    to = target.name
    call = DialledCall(agent, to, exchange)
    try:
        await call.prepare()
    except (IvrError, OSError) as error:
        await call.voice.close()
        raise IciRefusal("ICI-STATE", f"{to} cannot be called: {error}") from error
    return call.ring_agent(document)


class Dialling(Handoff):
    """Brings the agent and the number together; the agent comes first."""

    def __init__(self, call: DialledCall, command: menu.StartHandoff) -> None:
        super().__init__(f"{call.id}-h1", call, command, call.exchange, sent_to=(call.agent,))
        self._call = call

    def offer_to(self, agent: str) -> None:
        offer = OutgoingOffer(f"{self.ticket}.1", agent, self, self.exchange)
        self.offers.append(offer)
        self.exchange.remember(offer)
        self.note_item(offer)
        offer.begin()

    def join(self, agent: str) -> None:
        """The agent has picked up: now the number is rung, and he hears that."""
        offer = self.offer_of(agent)
        if offer is None:
            return
        self.joined = offer
        self.record.item = offer.item_id
        self._note(agent, "answered")
        if (ringing := self.exchange.rooms.ringing) is not None:
            self.exchange.rooms.media.play(offer.leg, RINGING, [ringing], interrupt="never", loop=True)
        self._call.ring()

    def part_of(self, item: Item) -> Part:
        return "outbound"

    def answered(self) -> None:
        """Somebody is at the other end."""
        if self.joined is not None and self.joined.live:
            self.exchange.rooms.media.stop_playing(self.joined.leg)
            self.joined.status = "connected"
            self.arrange()
            self.joined.connected()

    def agent_left(self, offer: Offer, reason: str, *, crashed: bool = False) -> None:
        """Whatever becomes of the agent's telephone, nobody else could have this call."""
        self.visit.hang_up("failure" if crashed else "agent", reason or "BYE")

    def end(self, outcome: str, waited: float, agent: str) -> None:
        super().end(outcome, waited, agent)
        if outcome != "answered":
            self.exchange.tasks.spawn(self._call.agent_not_reached())


class DialledCall(Visit):
    """The called party's side: a visit that plays no menu."""

    def __init__(self, agent: str, to: str, exchange: Exchange) -> None:
        self.agent = agent
        number = to.removeprefix("tel:")
        stamp = exchange.rooms.clock.utc().strftime("%Y%m%d-%H%M%S")
        name = f"{stamp}-{secrets.token_hex(3)}"
        leg = f"dialled-{name}"
        ours = sip.IncomingCall(leg, leg, number, to, f"{DIALLED} by {agent}", DIALLED, b"", nowhere)
        super().__init__(name, ours, exchange)
        self.recorded_as = number
        self._to = to
        self._line: Destination | None = None
        self._ringing = False

    async def prepare(self) -> None:
        """Find the way and a place for the sound. Raises IvrError or OSError."""
        self._line = line = await self.exchange.phones.outside(self._to)
        self.voice = VoiceLeg(self.leg, line.flow.local[0], self.rooms.media, self.rooms.settings.sip.srtp)
        self.peer = line.flow.remote[0]
        await self.voice.open()

    def ring_agent(self, document: str) -> str:
        """Reserve the agent and ring his telephone; the id of his item."""
        exchange = self.exchange
        command = menu.StartHandoff("", "OUTBOUND", 0, self.menu.application, {}, {}, ())
        handoff = Dialling(self, command)
        if document:
            handoff.take_from(self.agent, document)
        logger.info("dial call=%s agent=%s to=%s", self.id, self.agent, self._to)
        exchange.visits[self.id] = exchange.legs[self.leg] = self
        exchange.handoffs[handoff.ticket] = handoff
        exchange.tell_floor(floor.CallerSent(handoff.ticket, (self.agent,), ring=RING))
        if not handoff.offers:
            raise IciRefusal("ICI-STATE", f"Operation dial not allowed: {self.agent} has just got another call")
        return handoff.offers[0].item_id

    def ring(self) -> None:
        """Ring the number."""
        line = self._line
        if line is None or self.over:
            return
        self._ringing = True
        self.voice.call(lambda sdp: self.rooms.signalling.call(self.leg, line, sdp, self.agent))

    async def agent_not_reached(self) -> None:
        self.hang_up("failure", f"the telephone of {self.agent} was not picked up")

    def on_sip(self, event: sip.Output) -> None:
        match event:
            case sip.CallAccepted():
                self._confirmed(event.answer)
            case sip.CallRefused() if self.voice.calls_again(event.status):
                logger.info("dialled_wants_savp call=%s", self.id)
            case sip.CallRefused():
                self._ringing = False
                self.finish("failure", f"not reached: {event.status}")
            case sip.CallEnded():
                self._ringing = False
                super().on_sip(event)
            case _:
                super().on_sip(event)

    def _confirmed(self, answered: bytes) -> None:
        super()._confirmed(answered)
        handoff = self.exchange.handoff_of(self)
        if not self.over and isinstance(handoff, Dialling):
            handoff.answered()

    def _drive(self, event: menu.Event) -> None:
        """There is no menu in this call."""

    def hang_up(self, by: str, reason: str) -> None:
        if self._ringing:
            super().hang_up(by, reason)
        else:
            self.finish(by, reason)
