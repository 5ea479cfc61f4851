"""Sound straight between two telephones, without the media worker; and back when it is needed here.

Both dialogs are ours and stay so (third party call control, RFC 3725). Each telephone is offered the other's
address by re-INVITE, one after the other, so that each offer carries what the other has just agreed to::

    caller            we               agent
      |               |--- re-INVITE --->|   the caller's address and format
      |               |<----- 200 -------|   where and how the agent wants it
      |<-- re-INVITE -|                  |   the agent's
      |------ 200 --->|                  |
      |<============ RTP ==============>|

Whoever refuses leaves everything as it was. Whatever needs the sound here (music, a prompt, a recording, a
third voice) is asked of the media worker as ever: that brings it back, by offers of our own ports to both. So
does a telephone that changes its session, as by its hold key; one that only repeats it does not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from ivr.call.leg import VoiceLeg
from ivr.call.signalling import Signalling
from ivr.call.tasks import Tasks
from ivr.errors import RemoteProtocolError
from ivr.sdp import Agreement, NotAcceptable
from ivr.sip import events as sip

TRIES = 10
AGAIN = 0.5
"""Seconds until an offer is tried again that met another one, and how often."""
logger = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Side:
    """One of the two."""

    leg: str
    """Of its dialog."""
    voice: VoiceLeg
    lost: Callable[[str], None]
    """Called with the reason when its telephone cannot be brought back: its sound is nowhere."""
    straight: Agreement | None = None
    """What its telephone agreed to for the straight way; None while its sound goes through us."""
    answer: asyncio.Future[bytes | None] | None = None
    """Waits for the outcome of an offer of ours; None for refused or over."""
    gone: bool = False
    """The call is over."""

    @property
    def is_free(self) -> bool:
        """Nobody holds, and no key of SRTP has to be shared with a third."""
        agreed = self.voice.agreement
        return agreed is not None and agreed.send and agreed.receive and agreed.secured is None


class DirectMedia:
    """The way of the sound of one bridge. `begin` once both are bridged; it ends with either call."""

    def __init__(self, one: Side, other: Side, signalling: Signalling, name: str) -> None:
        """`one` is the caller's side. `name`: the call, for the log."""
        self._sides = (one, other)
        self._signalling = signalling
        self._name = name
        self._tasks = Tasks(name)
        self._wanted = False
        """Straight; False once somebody needs the sound here."""
        self._busy = False
        self._over = False

    @property
    def is_straight(self) -> bool:
        return all(side.straight is not None for side in self._sides)

    def begin(self) -> None:
        """Send the sound straight, if both telephones can."""
        if not self._over:
            self._wanted = True
            self._work()

    def bring_back(self) -> None:
        """The sound is needed here."""
        self._wanted = False
        self._work()

    def end(self) -> None:
        """One of the calls is over, or its sound has gone elsewhere: nothing more is offered to either."""
        self._over = True
        self._wanted = False
        for side in self._sides:
            _settle(side, None)

    def leave(self, leg: str) -> None:
        """The call of one side is over; the other's sound is still to be brought back, if somebody needs it."""
        for side in self._sides:
            if side.leg == leg:
                side.straight, side.gone = None, True
                _settle(side, None)

    def takes(self, event: sip.Output) -> bool:
        """Whether an event of either call was for us alone."""
        side = next((side for side in self._sides if side.leg == getattr(event, "leg", "")), None)
        if side is None or self._over:
            return False
        match event:
            case sip.SessionAnswered() if side.answer is not None:
                _settle(side, event.answer)
                return True
            case sip.SessionRefused() if side.answer is not None:
                logger.info("direct_refused call=%s leg=%s status=%d", self._name, event.leg, event.status)
                _settle(side, None)
                return True
            case sip.SessionOffered():
                return self._reoffered(side, event.offer)
        return False

    def _reoffered(self, side: Side, offer: bytes) -> bool:
        """A telephone says its session anew: the same as before goes on, anything else comes back to us."""
        other = self._sides[side is self._sides[0]]
        if side.straight is None or other.straight is None:
            return False
        if offer:
            agreed = side.straight
            try:
                answer = side.voice.answer_straight(offer, other.straight, lambda new: _same(new, agreed))
            except NotAcceptable:  # not with this other one; with us, if its owner can
                self.bring_back()
                return False
            except RemoteProtocolError:
                return False  # refused by its owner, and the session goes on as it was
            if answer is not None:
                self._signalling.accept_offer(side.leg, answer)
                return True
        side.straight = None
        self.bring_back()
        return False

    # --- one thing after the other ----------------------------------------------------------------------

    def _work(self) -> None:
        if not self._busy and not self._over:
            self._busy = True
            self._tasks.spawn(self._follow())

    async def _follow(self) -> None:
        """Until the sound is where it is wanted."""
        try:
            while not self._over:
                if self._wanted and not self.is_straight:
                    self._wanted = await self._straighten()
                elif not self._wanted and any(side.straight is not None for side in self._sides):
                    await asyncio.gather(*(self._back(side) for side in self._sides if side.straight is not None))
                else:
                    break
        finally:
            self._busy = False

    async def _straighten(self) -> bool:
        """Whether it is straight now; if not, whoever has moved is still to be brought back."""
        one, other = self._sides
        towards = one.voice.agreement
        if towards is None or not (one.is_free and other.is_free):
            return False
        if not await self._move(other, towards) or other.straight is None:
            return False
        if not await self._move(one, other.straight) or one.straight is None:
            return False
        if not _same(one.straight, towards):  # it took another port for this
            agreed = other.straight
            if not await self._move(other, one.straight) or not _same(agreed, other.straight):
                return False
        for side in self._sides:
            side.voice.send_away(self.bring_back)
        logger.info("media_direct call=%s", self._name)
        return self._wanted

    async def _move(self, side: Side, towards: Agreement) -> bool:
        """Offer one telephone the other's address; False when that did not work, or is not wanted any more."""
        answer = await self._ask(side, lambda: side.voice.offer_straight(towards))
        if answer is None:
            return False
        try:
            agreement = side.voice.take_straight_answer(answer)
        except RemoteProtocolError as error:
            logger.info("direct_unusable call=%s leg=%s error=%s", self._name, side.leg, error)
            side.straight = side.voice.agreement  # it has moved somewhere; ask it back
            return False
        side.straight = agreement
        return self._wanted and agreement.send and agreement.receive

    async def _back(self, side: Side) -> None:
        """Offer one telephone our own ports."""
        answer = await self._ask(side, side.voice.offer)
        if side.straight is None or self._over:
            return  # it came back by itself, or hung up
        side.straight = None
        try:
            if answer is None:
                raise RemoteProtocolError("the telephone does not send its sound back to us")
            side.voice.take_answer(answer)
        except RemoteProtocolError as error:
            logger.warning("direct_lost call=%s leg=%s error=%s", self._name, side.leg, error)
            side.lost(str(error))
            return
        logger.info("media_back call=%s leg=%s", self._name, side.leg)

    async def _ask(self, side: Side, offer: Callable[[], bytes]) -> bytes | None:
        """The answer to an offer of ours; None when it was refused, or there is nobody any more."""
        for _ in range(0 if side.gone else TRIES):
            side.answer = asyncio.get_running_loop().create_future()
            if self._signalling.offer(side.leg, offer()):
                answer = side.answer
                return await answer
            side.answer = None
            await asyncio.sleep(AGAIN)
            if self._over or side.gone:
                break
        return None


class DirectBridges:
    """All bridges whose sound goes straight, or may, by the names of their legs."""

    def __init__(self, signalling: Signalling) -> None:
        self._signalling = signalling
        self._by_leg: dict[str, DirectMedia] = {}

    def straighten(self, call: str, one: Side, other: Side) -> None:
        """Both are bridged, for the first time or again: their sound may leave us. `one` is the caller's side."""
        known = self._by_leg.get(other.leg)
        if known is None or known is not self._by_leg.get(one.leg):
            self.leave(one.leg)
            known = DirectMedia(one, other, self._signalling, call)
            self._by_leg[one.leg] = self._by_leg[other.leg] = known
        known.begin()

    def takes(self, event: sip.Output) -> bool:
        """Whether an event of a call was for us alone."""
        leg = getattr(event, "leg", "")
        bridge = self._by_leg.get(leg)
        if bridge is None:
            return False
        if isinstance(event, sip.CallEnded):
            self.leave(leg)
            return False
        return bridge.takes(event)

    def leave(self, leg: str) -> None:
        """The call of a leg is over, or parts from the other: nothing more is offered to it."""
        bridge = self._by_leg.pop(leg, None)
        if bridge is not None:
            bridge.leave(leg)

    def part(self, leg: str) -> None:
        """Another call takes the place of this one: whom it talked with comes back to us."""
        bridge = self._by_leg.pop(leg, None)
        if bridge is not None:
            bridge.leave(leg)
            bridge.bring_back()

    def lost(self, leg: str) -> None:
        """The media worker died: both owners find new ports for their telephones, which ends the straight way."""
        bridge = self._by_leg.pop(leg, None)
        if bridge is not None:
            bridge.end()


def _settle(side: Side, answer: bytes | None) -> None:
    waiting, side.answer = side.answer, None
    if waiting is not None and not waiting.done():
        waiting.set_result(answer)


def _same(one: Agreement, other: Agreement | None) -> bool:
    """Whether sound goes to the same place in the same format, both ways."""
    return other is not None and (
        (one.remote, one.codec, one.payload_type, one.event_payload_type, one.send, one.receive)
        == (other.remote, other.codec, other.payload_type, other.event_payload_type, other.send, other.receive)
    )
