"""What agents do at their telephones: transfers by REFER, and a second call to a colleague before one.

We are both sides' partner (back-to-back user agent), so nobody else is called by a REFER: the caller is sent on
here, as if the agent's screen had asked for it. RFC 3515, RFC 5589, RFC 7092 for the name.

=========================================  ==================================================================
Refer-To                                   means
=========================================  ==================================================================
an agent's id or extension, at us          that colleague, if he is Available
the name of a queue of the menu, at us     that queue, if it is open
a number, or an address, that is listed    the outside line (``sip.dial``)
with Replaces of his other call with us    the colleague or line in that call: an attended transfer
anything else                              403; 480 for who cannot be reached now
=========================================  ==================================================================

The telephone is told how it goes by NOTIFY, though it has been hung up: the caller is not its business any more.
Whoever does not take him gives him back, see `ivr.call.transfer`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ivr.call.handoff import Handoff
from ivr.call.offer import Offer
from ivr.call.second_line import SecondLine
from ivr.call.transfer_target import TransferTarget, find_target
from ivr.errors import IvrError
from ivr.ici.switchboard import IciRefusal
from ivr.sip import events as sip
from ivr.sip.address import parse_sip_address
from ivr.sip.fields import user_part

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange

logger = logging.getLogger(__name__)


class TelephoneTransfers:
    """Answers what telephones ask for."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    # --- REFER ---------------------------------------------------------------------------------------------

    def asked(self, event: sip.ReferRequested) -> None:
        """A REFER in any call: an agent may send his caller on; nobody else may have anything of us."""
        owner = self._exchange.legs.get(event.leg)
        if isinstance(owner, SecondLine):
            self._attended(event, owner, _named(event) == owner.asker.leg)
        elif not isinstance(owner, Offer) or not _has_caller(owner):
            self._refuse(event, 403, "only an agent who has a caller may send him on")
        elif event.replaces:
            line = owner.consultation
            mine = isinstance(line, SecondLine) and _named(event) == line.line
            self._attended(event, line, mine)
        elif owner.consultation is not None:
            self._refuse(event, 403, "a colleague is being asked: give him the caller, or up")
        else:
            self._blind(owner, event)

    def _attended(self, event: sip.ReferRequested, line: object, mine: bool) -> None:
        if not mine or not isinstance(line, SecondLine):
            self._refuse(event, 403, "only two calls of one telephone with us can be joined")
            return
        if not line.answered:
            self._refuse(event, 480, "the colleague has not answered")
            return
        self._exchange.rooms.signalling.accept_refer(event.leg, status=200)
        line.warm_transfer()

    def _blind(self, offer: Offer, event: sip.ReferRequested) -> None:
        signalling, leg = self._exchange.rooms.signalling, event.leg
        try:
            destination = self._destination(offer, event.target)
        except IciRefusal as error:
            self._refuse(event, 480 if error.code == "ICI-STATE" else 403, str(error))
            return
        signalling.accept_refer(leg)
        self._exchange.transfers.blind_to(offer, destination, lambda status: signalling.tell_refer(leg, status))

    def _refuse(self, event: sip.ReferRequested, status: int, why: str) -> None:
        logger.warning("refer_refused leg=%s to=%s status=%d why=%s", event.leg, event.target, status, why)
        self._exchange.rooms.signalling.refuse_refer(event.leg, status)

    # --- a second call -------------------------------------------------------------------------------------

    def takes(self, incoming: sip.IncomingCall) -> bool:
        """Whether a new call is the second one of an agent who has a caller, to somebody he may ask."""
        asker = self._caller_of(incoming)
        if asker is None or incoming.replaces:
            return False
        handoff = asker.handoff
        assert isinstance(handoff, Handoff)
        try:
            text = self._named(incoming.called, handoff, queues=False)
            if not text:
                return False
            to = find_target(self._exchange, handoff.visit, text, by=asker.agent, kinds=("agent", "number"))
        except IciRefusal as error:
            logger.info("second_line_refused agent=%s to=%s why=%s", asker.agent, incoming.called, error)
            self._exchange.rooms.signalling.refuse(incoming.leg, 480 if error.code == "ICI-STATE" else 403)
            return True
        handoff = handoff.led_by(asker)
        handoff.asked += 1
        SecondLine(handoff.asked, asker, handoff, to, incoming).start()
        return True

    def _caller_of(self, incoming: sip.IncomingCall) -> Offer | None:
        """The agent whose telephone calls: from where his first call is, and under one of his names."""
        way = self._exchange.rooms.signalling.user_agent.flow_of
        for name, offer in self._exchange.legs.items():
            if not isinstance(offer, Offer) or not _has_caller(offer) or offer.consultation is not None:
                continue
            known = way(name)
            same = known.remote[0] == incoming.flow.remote[0]
            if not known.is_stream and not incoming.flow.is_stream:
                same = known.remote == incoming.flow.remote
            if same and incoming.calling_number in (offer.agent, self._extension(offer.agent)):
                return offer
        return None

    # --- whom they mean ------------------------------------------------------------------------------------

    def _destination(self, offer: Offer, target: str) -> TransferTarget:
        """Raises `IciRefusal`."""
        handoff = offer.handoff
        assert isinstance(handoff, Handoff)
        text = self._named(user_part(target), handoff) if self._is_here(offer, target) else ""
        return find_target(
            self._exchange, handoff.visit, text or target, by=offer.agent, kinds=("agent", "queue", "number")
        )

    def _is_here(self, offer: Offer, target: str) -> bool:
        """Whether the address is one of ours, or of a colleague's telephone."""
        if target[:4].lower() == "tel:":
            return True
        try:
            host = parse_sip_address(target).host
        except IvrError:
            return False
        settings = self._exchange.rooms.settings
        ours = self._exchange.rooms.signalling.user_agent.flow_of(offer.leg).local[0]
        return host in (ours, settings.sip.realm) or host in settings.ici.phones

    def _named(self, name: str, handoff: Handoff, *, queues: bool = True) -> str:
        """A destination by what is dialled; empty when it is none of ours."""
        for agent in self._exchange.rooms.settings.agents:
            if name and name in (agent.id, self._extension(agent.id)):
                return agent.id
        if queues and name in handoff.visit.menu.queues:
            return f"queue:{name}"
        number = f"tel:{name}"
        sip_settings = self._exchange.rooms.settings.sip
        listed = [*sip_settings.dial, *(prefix for trunk in sip_settings.trunks for prefix in trunk.dial)]
        return number if name and any(number.startswith(prefix) for prefix in listed) else ""

    def _extension(self, agent: str) -> str:
        """User part of the telephone's address."""
        return user_part(self._exchange.phones.workcenter(agent))


def _has_caller(offer: Offer) -> bool:
    talking = offer.status in ("connected", "held")
    return talking and isinstance(offer.handoff, Handoff) and offer.part != "outbound"


def _named(event: sip.ReferRequested) -> str:
    return event.replaces_leg or "-"
