"""An agent asks a colleague at his telephone: a second call to us, beside the one with the caller on hold.

The telephone has both calls and its own keys for them: it holds either, and joins them by REFER with Replaces
(`ivr.call.telephone_transfer`). Everything else is as in a consultation that the screen asks for: the colleague's
screen, his telephone, the caller who is never lost.

::

    INVITE --> 180 --> the colleague answers --> 200 --> REFER, Replaces: the caller is the colleague's
                |                                 '--> BYE: the agent has the caller again
                '--> 486, 480: nobody there
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ivr.call.consultation import Consultation
from ivr.call.leg import VoiceLeg
from ivr.call.refusal import refusal_of
from ivr.call.traced import SECOND_LINE
from ivr.call.transfer_target import TransferTarget
from ivr.errors import IvrError, RemoteProtocolError
from ivr.ici.switchboard import EndReason, IciRefusal
from ivr.media.messages import MediaEvent
from ivr.sip import events as sip

if TYPE_CHECKING:
    from ivr.call.handoff import Handoff
    from ivr.call.offer import Offer

logger = logging.getLogger(__name__)


class SecondLine(Consultation):
    """One such call; `line` is its leg with the asking agent's telephone."""

    own_line = True

    def __init__(
        self, number: int, asker: Offer, handoff: Handoff, destination: TransferTarget, incoming: sip.IncomingCall
    ) -> None:
        super().__init__(number, asker, handoff, destination)
        self.line = incoming.leg
        self._incoming = incoming
        rooms = self.exchange.rooms
        self._voice = VoiceLeg(self.line, incoming.flow.local[0], rooms.media, rooms.settings.sip.srtp)
        self._answer = b""
        self._line_up = True
        self._line_answered = False

    def start(self) -> None:
        """Ring, agree on sound, call the colleague."""
        self.exchange.legs[self.line] = self
        self.exchange.rooms.signalling.trace.name(self._incoming.call_id, SECOND_LINE + self.visit.id)
        self.asker.consultation = self
        self.exchange.tasks.spawn(self._start())

    async def _start(self) -> None:
        signalling, incoming = self.exchange.rooms.signalling, self._incoming
        try:
            if incoming.offer:
                self._voice.judge(incoming.offer, signalling.address_towards)
            signalling.ring(self.line)
            await self._voice.open(beside=self.visit.leg)
            self._answer = self._voice.answer(incoming.offer) if incoming.offer else self._voice.offer()
        except RemoteProtocolError as error:
            status, headers = refusal_of(error, incoming.flow.local[0])
            signalling.refuse(self.line, status, headers=headers)
            self._forget_line()
            return
        except IvrError as error:
            logger.warning("second_line_without_sound call=%s error=%s", self.visit.id, error)
            signalling.refuse(self.line, 503)
            self._forget_line()
            return
        if self._line_up and self.asker.consultation is self:
            self.begin()

    def _forget_line(self) -> None:
        """It came to nothing before anybody was called."""
        self._line_up = False
        if self.asker.consultation is self:
            self.asker.consultation = None
        self.exchange.tasks.spawn(self._voice.close())

    # --- what differs from a consultation on one line --------------------------------------------------------

    @property
    def with_caller(self) -> bool:
        return not self.conferenced

    def begin(self) -> None:
        """The caller is where the telephone's hold key put him; the colleague is called."""
        logger.info("second_line call=%s by=%s to=%s", self.visit.id, self.asker.agent, self.destination)
        self.exchange.remember(self.item)
        self._entries.append(self.customer.note_item(self.item))
        self.exchange.tasks.spawn(self.item.show())
        self.asker.tell()
        self.visit.follow_hold()
        self.call()

    def arrange(self) -> None:
        media, caller = self.exchange.rooms.media, self.visit.leg
        media.bridge(caller, self.asker.leg)
        if self.asker.status == "held":
            media.hold(caller, self.exchange.rooms.music)
        else:
            media.unhold(caller)
        if self.answered:
            media.unhold(self.line)
            media.bridge(self.line, self._colleague_leg)
        self.visit.follow_hold()

    def _up(self) -> None:
        self._line_answered = True
        self.exchange.rooms.signalling.answer(self.line, self._answer)
        super()._up()

    def toggle(self) -> None:
        raise IciRefusal("ICI-STATE", "the telephone has both calls; toggle them there")

    def conference(self) -> None:
        raise IciRefusal("ICI-STATE", "the telephone has both calls; join them there")

    def asker_left(self, reason: str, *, crashed: bool = False) -> None:
        self.side = "colleague" if self.asker.status == "held" else "caller"
        super().asker_left(reason, crashed=crashed)

    def _finish(self, reason: EndReason) -> None:
        self.item.end(reason)
        self.asker.consultation = None
        self.asker.tell()
        self.visit.follow_hold()
        self._close_line(486 if reason == "rejected" else 480)

    def over(self, reason: EndReason) -> None:
        super().over(reason)
        self._close_line(480)

    def _hand_over(self, reason: EndReason) -> None:
        self.exchange.rooms.media.part(self.line)
        super()._hand_over(reason)
        self._close_line(480)

    # --- the telephone's leg ---------------------------------------------------------------------------------

    def on_sip(self, event: sip.Output) -> None:
        match event:
            case sip.CallConfirmed():
                self._take(event.answer)
            case sip.SessionOffered():
                self._reoffered(event.offer)
            case sip.SessionAnswered():
                self._take(event.answer)
            case sip.CallCancelled() | sip.CallEnded():
                self._line_gone()
            case _:
                pass

    def on_media(self, event: MediaEvent) -> None:
        """Keys and silence of a colleague's talk concern nobody."""

    def sound_lost(self) -> None:
        """Two agents can call each other again; the caller goes his own way (`Visit`)."""
        self._line_gone(hang_up=True)

    def _take(self, answered: bytes) -> None:
        try:
            self._voice.take_answer(answered)
        except RemoteProtocolError as error:
            logger.info("second_line_unusable call=%s error=%s", self.visit.id, error)
            self._line_gone(hang_up=True)

    def _reoffered(self, offer: bytes) -> None:
        signalling = self.exchange.rooms.signalling
        try:
            signalling.accept_offer(self.line, self._voice.answer(offer) if offer else self._voice.offer())
        except RemoteProtocolError as error:
            status, headers = refusal_of(error, self._incoming.flow.local[0])
            signalling.refuse_offer(self.line, status, headers=headers)

    def _line_gone(self, *, hang_up: bool = False) -> None:
        """The agent gives the colleague up."""
        if not self._line_up:
            return
        if hang_up:
            self._close_line(480)
        else:
            self._line_up = False
            self._close_voice()
        if self.asker.consultation is self:
            self.drop()

    def _close_line(self, status: int) -> None:
        if not self._line_up:
            return
        self._line_up = False
        signalling = self.exchange.rooms.signalling
        if self._line_answered:
            signalling.hang_up(self.line)
        else:
            signalling.refuse(self.line, status)
        self._close_voice()

    def _close_voice(self) -> None:
        self.exchange.rooms.media.part(self.line)
        self.exchange.tasks.spawn(self._voice.close())
