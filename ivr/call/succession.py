"""A call that takes the place of another: the caller was put through to us by somebody who had called first.

Who is at a desk calls the engine, perhaps waits for an agent or talks with one, and then lets a customer have the
line (attended transfer). The customer's call comes with Replaces (RFC 3891): the visit goes on with it, its
step, its place in the queue and its agent unchanged. Knowing a call's names proves little, so it must come from
where the other came from, or from an address that is trusted.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ivr.call.refusal import refusal_of
from ivr.call.visit import Visit
from ivr.errors import RemoteProtocolError
from ivr.sip import events as sip
from ivr.store.numbers import plain_phone

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange

logger = logging.getLogger(__name__)


def take_place(exchange: Exchange, incoming: sip.IncomingCall) -> None:
    """Give `incoming` the place it asks for, or refuse it; the other call goes on then."""
    signalling = exchange.rooms.signalling
    visit = exchange.legs.get(incoming.replaces)
    why = _obstacle(exchange, visit, incoming)
    if why or not isinstance(visit, Visit):
        logger.warning("place_refused leg=%s caller=%s why=%s", incoming.replaces, incoming.calling_number, why)
        signalling.refuse(incoming.leg, 403)
        return
    try:
        sdp = visit.voice.answer(incoming.offer) if incoming.offer else visit.voice.offer()
    except RemoteProtocolError as error:
        status, headers = refusal_of(error, incoming.flow.local[0])
        signalling.refuse(incoming.leg, status, headers=headers)
        return
    before = visit.sip_leg
    exchange.legs[incoming.leg] = visit
    signalling.trace.name(incoming.call_id, visit.id)
    visit.note_incident(f"a call from {incoming.calling_number or 'a withheld number'} took the place of this one")
    visit.sip_leg, visit.peer = incoming.leg, incoming.flow.remote[0]
    visit.number = plain_phone(incoming.calling_number)
    signalling.answer(incoming.leg, sdp)
    exchange.direct.part(before)
    signalling.hang_up(before)
    visit.follow_hold()
    handoff = exchange.handoff_of(visit)
    if handoff is not None and handoff.joined is not None:
        handoff.joined.tell()  # the screen knows the caller by another number now


def _obstacle(exchange: Exchange, visit: object, incoming: sip.IncomingCall) -> str:
    if not isinstance(visit, Visit) or visit.over:
        return "only a caller's place can be taken"
    host = incoming.flow.remote[0]
    if host != visit.peer and host not in exchange.rooms.settings.sip.trusted_addresses:
        return f"{host} is neither where that call comes from nor trusted"
    return ""
