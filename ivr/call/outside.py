"""A caller connected to a number outside: the menu's `transfer`, and the last spill of an emergency queue."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from ivr.call.description import refused
from ivr.call.leg import VoiceLeg
from ivr.call.reference import headers_for
from ivr.call.refusal import refusal_of
from ivr.call.tasks import Tasks
from ivr.call.tracks import record_talk
from ivr.errors import IvrError, RemoteProtocolError
from ivr.media.messages import MediaEvent, MediaSilent
from ivr.sip import events as sip

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange
    from ivr.call.visit import Visit

logger = logging.getLogger(__name__)


class OutsideCall:
    """Rings one outside address and joins it with the caller when it answers.

    `on_outcome(True)` once both are joined, `on_outcome(False)` when that cannot be; told once. With `on_gone`
    nobody is joined until `join`: an agent speaks with the line first, and hears by it when it is hung up.
    """

    def __init__(
        self,
        name: str,
        to: str,
        visit: Visit,
        exchange: Exchange,
        on_outcome: Callable[[bool], None],
        *,
        on_gone: Callable[[str], None] | None = None,
    ) -> None:
        self.leg = f"outside-{name}"
        self.to = to
        self.visit = visit
        self.exchange = exchange
        self._on_outcome = on_outcome
        self._on_gone = on_gone
        self._voice: VoiceLeg | None = None
        self._tasks = Tasks(visit.id)
        self._told = False
        self.why_not = ""
        """Why nobody was reached, for people."""
        self._ringing = False
        self._up = False
        """Picked up, joined with the caller or not."""
        self.joined = False

    def begin(self) -> None:
        self._tasks.spawn(self._ring())

    async def _ring(self) -> None:
        rooms = self.exchange.rooms
        try:
            line = await self.exchange.phones.outside(self.to)
            self._voice = VoiceLeg(self.leg, line.flow.local[0], rooms.media, rooms.settings.sip.srtp)
            await self._voice.open(beside=self.visit.leg)
        except (IvrError, OSError) as error:
            logger.warning("outside_not_reached call=%s to=%s error=%s", self.visit.id, self.to, error)
            self._note(f"{self.to} could not be called: {error}")
            self.why_not = "the line could not be reached"
            self._tell(False)
            return
        self._ringing = True
        self.exchange.legs[self.leg] = self
        along = headers_for(self.visit.incoming.user_to_user, self.visit.id)
        caller = self.visit.record.caller
        self._voice.call(lambda sdp: rooms.signalling.call(self.leg, line, sdp, caller, headers=along))

    def on_sip(self, event: sip.Output) -> None:
        match event:
            case sip.CallAccepted():
                self._picked_up(event.answer)
            case sip.CallRefused() if self._voice is not None and self._voice.calls_again(event.status):
                logger.info("outside_wants_savp call=%s to=%s", self.visit.id, self.to)
            case sip.CallRefused():
                logger.info("outside_refused call=%s to=%s status=%d", self.visit.id, self.to, event.status)
                self._note(f"{self.to} did not take the call: {event.status}")
                self.why_not = refused(event.status)
                self._leg_over()
                self._tell(False)
            case sip.CallEnded():
                was_joined, was_up = self.joined, self._up
                self._leg_over()
                if event.by != "local":
                    self._hung_up(event.reason or "BYE", was_joined=was_joined, was_up=was_up)
            case sip.SessionOffered():
                self._reoffered(event.offer)
            case sip.SessionAnswered() if self._voice is not None:
                self._reanswered(self._voice, event.answer)
            case _:
                pass

    def on_media(self, event: MediaEvent) -> None:
        if isinstance(event, MediaSilent) and self.joined:
            self.visit.hang_up("failure", f"no sound from the outside line for {event.seconds:.0f} s")

    def sound_lost(self) -> None:
        if self._on_gone is not None:
            self.exchange.rooms.signalling.hang_up(self.leg)
            self._hung_up("the media worker died", was_joined=False, was_up=self._up)
            return
        self.visit.hang_up("failure", "the media worker died")

    def _picked_up(self, answered: bytes) -> None:
        if self._voice is None or self.visit.over:
            self.exchange.rooms.signalling.hang_up(self.leg)
            return
        try:
            self._voice.take_answer(answered)
        except RemoteProtocolError as error:
            logger.warning("outside_unusable call=%s error=%s", self.visit.id, error)
            self._note(f"{self.to} answered with unusable SDP: {error}")
            self.exchange.rooms.signalling.hang_up(self.leg)
            self._tell(False)
            return
        self._up = True
        if self._on_gone is None:
            self.join()
        self._tell(True)

    def join(self) -> None:
        """The line has the caller."""
        self._on_gone = None
        self.joined = True
        self.visit.record.joined_outside(self.to, self.exchange.rooms.clock.utc())
        self.visit.save()
        self.visit.joined()
        media = self.exchange.rooms.media
        media.unhold(self.visit.leg)
        media.unhold(self.leg)
        record_talk(self.visit, {self.leg: self.to.removeprefix("tel:")})
        media.bridge(self.visit.leg, self.leg)
        self._follow_hold()
        self.visit.follow_hold()

    def _hung_up(self, reason: str, *, was_joined: bool, was_up: bool) -> None:
        on_gone, self._on_gone = self._on_gone, None
        if was_joined:
            self.visit.hang_up("outside", reason)
        elif not was_up:
            self._tell(False)
        elif on_gone is not None:
            on_gone(reason)

    def _reoffered(self, offer: bytes) -> None:
        signalling = self.exchange.rooms.signalling
        if self._voice is None:
            return
        try:
            signalling.accept_offer(self.leg, self._voice.answer(offer) if offer else self._voice.offer())
        except RemoteProtocolError as error:
            status, headers = refusal_of(error, self._voice.host)
            signalling.refuse_offer(self.leg, status, headers=headers)
            return
        self._follow_hold()

    def _reanswered(self, voice: VoiceLeg, answered: bytes) -> None:
        try:
            voice.take_answer(answered)
        except RemoteProtocolError as error:
            logger.warning("outside_unusable call=%s error=%s", self.visit.id, error)
            self.exchange.rooms.signalling.hang_up(self.leg)
            reason = f"unusable SDP in the answer to our offer: {error}"
            self._hung_up(reason, was_joined=self.joined, was_up=self._up)
            return
        self._follow_hold()

    def _follow_hold(self) -> None:
        """While the outside line holds us, the caller hears music."""
        if self._voice is None or not self.joined:
            return
        media = self.exchange.rooms.media
        if self._voice.holds_us:
            media.hold(self.visit.leg, self.exchange.rooms.music)
        elif self._voice.held_us:
            media.unhold(self.visit.leg)

    def end(self) -> None:
        """Stop ringing, or hang up."""
        self._told = True
        self._on_gone = None
        self._tasks.cancel()
        if self._ringing:
            self.exchange.rooms.signalling.hang_up(self.leg)
        else:
            self._leg_over()

    def _note(self, why: str) -> None:
        """For the record; a line that is rung again and again for the same caller is told of once."""
        if not self._told and all(one["what"] != why for one in self.visit.record.incidents):
            self.visit.note_incident(why)

    def _tell(self, joined: bool) -> None:
        if not self._told:
            self._told = True
            self._on_outcome(joined)

    def _leg_over(self) -> None:
        self._ringing = self._up = False
        self.joined = False
        self.visit.recordings.tracks.part(self.leg)
        self.exchange.rooms.media.part(self.leg)
        self.exchange.legs.pop(self.leg, None)
        if self._voice is not None:
            voice, self._voice = self._voice, None
            self.exchange.tasks.spawn(voice.close())
