"""A waiting call as one agent sees it: item on the screen, telephone ringing, voices joined."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ivr.agents import events as floor
from ivr.call.contact import ContactKeeper
from ivr.call.destination import Destination, place_of
from ivr.call.direct import Side
from ivr.call.item import Errand, Item
from ivr.call.leg import VoiceLeg
from ivr.call.reference import headers_for
from ivr.call.refusal import refusal_of
from ivr.call.tasks import Tasks
from ivr.call.whisper import whisper_of
from ivr.errors import IvrError, RemoteProtocolError, WorkerDied
from ivr.ici.capabilities import NotAllowed, Part
from ivr.ici.switchboard import EndReason, IciRefusal
from ivr.media.messages import MediaEvent, MediaSilent
from ivr.sip import events as sip

if TYPE_CHECKING:
    from ivr.call.consultation import Consultation
    from ivr.call.exchange import Exchange
    from ivr.call.visit import Visit

BUSY_OR_DECLINED = (486, 600, 603)
"""A telephone that answers one of these was refused by a person."""
PHONE_SILENT = 4.0
"""Seconds without any answer, not even 100 Trying, after which a telephone is taken for dead."""
TALKING = ("connected", "held", "conferenced")
RETRIES, RETRY_AFTER = 3, 0.2
"""How often, and after how many seconds, sound is asked of another media worker when one has died."""
logger = logging.getLogger(__name__)


class Offer(Item):
    """One agent's share in a call. Its end is told to SAP exactly once.

    The screen is told first; the telephone rings when the screen has answered, or after `ici.pop_wait`.
    """

    def __init__(self, item_id: str, agent: str, handoff: Errand, exchange: Exchange) -> None:
        super().__init__(item_id, agent, handoff, exchange)
        self.leg = f"agent-{item_id}"
        self.consultation: Consultation | None = None
        """The colleague this agent asks, or the conference with one."""
        self._voice: VoiceLeg | None = None
        self._ringing = False
        self._moved = False
        """The telephone was told ports that are gone."""
        self._held_by_phone = False
        self._phone_lives = asyncio.Event()
        self._whisper: Path | None = None
        """What the agent hears of the caller who cannot be shown; the caller does not hear it."""
        self.contact = ContactKeeper(self)
        self._tasks = Tasks(handoff.ticket)

    # --- what SAP sees -----------------------------------------------------------------------------------

    @property
    def part(self) -> Part:
        return self.consultation.part_of(self) if self.consultation else super().part

    @property
    def linked_item_id(self) -> str:
        return self.consultation.linked_to(self) if self.consultation else ""

    @property
    def remote_numbers(self) -> tuple[str, ...]:
        brought_in = self.consultation.in_conference if self.consultation else {}
        return (*self.partners, *brought_in.values())

    @property
    def _is_callers_side(self) -> bool:
        """Of a call among colleagues: the others' sound goes where this telephone's goes."""
        return self.leg == self.handoff.visit.leg

    @property
    def _other_leg(self) -> str | None:
        """Of whom this agent talks with."""
        visit = self.handoff.visit
        return self.exchange.partner_of(visit) if self._is_callers_side else visit.leg

    def tell(self) -> asyncio.Future[bool]:
        told = super().tell()
        self.contact.follow()
        return told

    # --- screen, then telephone --------------------------------------------------------------------------

    def begin(self) -> None:
        self._tasks.spawn(self._alert())

    async def _alert(self) -> None:
        await self.recorded()
        if self.status != "alerting":
            return
        told = self.tell()
        done, _ = await asyncio.wait([told], timeout=self.rooms.settings.ici.pop_wait)
        if done and not told.result():
            if not self.rooms.settings.routing.voice_only:
                self._fail("screen")
                return
            self._go_by_voice()
        if not done:
            self.exchange.late_pops += 1
            logger.info("late_pop call=%s agent=%s", self.handoff.visit.id, self.agent)
        if self.status == "alerting":
            await self._ring()

    def _go_by_voice(self) -> None:
        """The desktop is out of reach, and the floor gave the call all the same: the record and a whisper tell."""
        if self.status != "alerting":
            return  # it was lost just now, and with it this offer
        if self.entry is not None:
            self.entry["by_voice"] = True
        logger.info("offer_by_voice call=%s agent=%s", self.handoff.visit.id, self.agent)
        self._tasks.spawn(self._prepare_whisper())

    async def _prepare_whisper(self) -> None:
        try:
            self._whisper = await self.rooms.library.file(whisper_of(self.handoff.visit, self.handoff.reason))
        except (IvrError, OSError) as error:
            logger.warning("whisper_not_made call=%s why=%s", self.handoff.visit.id, error)

    async def _ring(self) -> None:
        try:
            phone = await self.exchange.phones.of_agent(self.agent)
            self._voice = VoiceLeg(self.leg, phone.flow.local[0], self.rooms.media, self.rooms.settings.sip.srtp)
            await self._open_voice(self._voice)
        except (IvrError, OSError) as error:
            logger.warning(
                "agent_phone_unreachable call=%s agent=%s error=%s", self.handoff.visit.id, self.agent, error
            )
            self._fail("phone")
            return
        if self.status != "alerting":
            self._close_voice()
            return
        self._ringing = True
        self.exchange.legs[self.leg] = self
        self._voice.call(lambda sdp: self._invite(phone, sdp))
        await self._notice_a_dead_phone(phone, max(PHONE_SILENT, phone.patience))

    async def _open_voice(self, voice: VoiceLeg) -> None:
        """A media worker that dies at this moment is no fault of the telephone: the next one is waited for.

        Raises IvrError when there is none that lives.
        """
        for _ in range(RETRIES):
            try:
                await voice.open(beside=self.handoff.visit.leg)
                return
            except WorkerDied:
                await asyncio.sleep(RETRY_AFTER)
        await voice.open(beside=self.handoff.visit.leg)

    @property
    def shown(self) -> tuple[str, str]:
        """Number and words on the telephone's display."""
        what = ": ".join(part for part in (self.handoff.queue, self.handoff.reason) if part)
        return self.handoff.visit.record.caller, what

    def _invite(self, phone: Destination, sdp: bytes) -> None:
        number, words = self.shown
        self.rooms.signalling.call(
            self.leg,
            phone,
            sdp,
            number,
            display_name=words,
            headers=headers_for(self.handoff.visit.incoming.user_to_user, self.item_id),
        )

    async def _notice_a_dead_phone(self, phone: Destination, patience: float) -> None:
        try:
            async with asyncio.timeout(patience):
                await self._phone_lives.wait()
        except TimeoutError:
            if self.status == "alerting":
                logger.warning(
                    "agent_phone_dead call=%s item=%s agent=%s address=%s ways=%s cause=%r",
                    self.handoff.visit.id,
                    self.item_id,
                    self.agent,
                    phone.uri,
                    ",".join(place_of(flow) for place in phone.places for flow in place.flows),
                    f"INVITE: no answer, not even 100 Trying, within {patience:g} s; check that the telephone is "
                    "on and registered, and that nothing in between drops SIP",
                )
                self._fail("phone")

    def _fail(self, why: Literal["phone", "screen"]) -> None:
        self.why = f"your {'telephone' if why == 'phone' else 'desktop'} could not be reached"
        self.exchange.tell_floor(floor.OfferFailed(self.agent, self.handoff.ticket, why))

    # --- what the telephone does -------------------------------------------------------------------------

    def on_sip(self, event: sip.Output) -> None:
        self._phone_lives.set()
        match event:
            case sip.CallAccepted():
                self._picked_up(event.answer)
            case sip.CallRefused() if self._voice is not None and self._voice.calls_again(event.status):
                logger.info("agent_phone_wants_savp agent=%s", self.agent)
            case sip.CallRefused():
                self._ringing = False
                self._leg_over()
                self._refused(event.status)
            case sip.CallEnded():
                self._ringing = False
                self._leg_over()
                if event.by != "local":
                    self._gone(event.reason, crashed=event.by == "failure")
            case sip.SessionOffered():
                self._reoffered(event.offer)
            case sip.SessionAnswered():
                self._reanswered(event.answer)
            case sip.SessionRefused() if self._moved:
                self._gone(f"the media worker died, new ports refused with {event.status}", crashed=True)
            case _:
                pass

    def on_media(self, event: MediaEvent) -> None:
        if isinstance(event, MediaSilent) and self.status in TALKING:
            self._gone(f"no sound from the agent for {event.seconds:.0f} s", crashed=True)

    def sound_lost(self) -> None:
        """The media worker died: go where the caller's leg goes, and tell the telephone once it is picked up."""
        self._moved = True
        if self._is_callers_side:
            self.handoff.visit.sound_back.clear()
        self._tasks.spawn(self._regain_sound())

    async def _regain_sound(self) -> None:
        visit = self.handoff.visit
        if self._is_callers_side:
            try:
                await self._go_elsewhere(visit)
            finally:
                visit.sound_back.set()
        else:
            await visit.sound_back.wait()
            await self._go_elsewhere(visit)

    async def _go_elsewhere(self, visit: Visit) -> None:
        if self._voice is None:
            return
        try:
            sdp = await self._voice.regain(beside=visit.leg)
        except IvrError as error:
            self._gone(f"the media worker died, and no other came: {error}", crashed=True)
            return
        if self.status == "alerting":
            return  # the telephone still rings; it hears of the new ports when it is picked up
        self.rooms.signalling.offer(self.leg, sdp)
        if self.muted:
            self.rooms.media.mute(self.leg, True)
        self.handoff.arrange()

    def _gone(self, reason: str, *, crashed: bool = False) -> None:
        """The agent cannot be spoken to any more."""
        self.handoff.agent_left(self, reason, crashed=crashed)

    def _reanswered(self, answered: bytes) -> None:
        try:
            if self._voice is not None:
                self._voice.take_answer(answered)
        except RemoteProtocolError as error:
            self._gone(f"unusable SDP in the answer to our offer: {error}", crashed=True)
            return
        self._follow_hold()

    def _picked_up(self, answered: bytes) -> None:
        if self._voice is None or self.status != "alerting":
            self.rooms.signalling.hang_up(self.leg)
            return
        try:
            self._voice.take_answer(answered)
        except RemoteProtocolError as error:
            logger.warning("agent_phone_unusable agent=%s error=%s", self.agent, error)
            self.rooms.signalling.hang_up(self.leg)
            self._fail("phone")
            return
        self.exchange.tell_floor(floor.PhoneAnswered(self.agent, self.handoff.ticket))

    def _refused(self, status: int) -> None:
        if self.status != "alerting":
            return
        logger.info("agent_phone_refused agent=%s status=%d", self.agent, status)
        if status in BUSY_OR_DECLINED:
            self.exchange.tell_floor(floor.Rejected(self.agent, self.handoff.ticket))
        else:
            self._fail("phone")

    def _reoffered(self, offer: bytes) -> None:
        if self._voice is None:
            return
        try:
            answer = self._voice.answer(offer) if offer else self._voice.offer()
            self.rooms.signalling.accept_offer(self.leg, answer)
        except RemoteProtocolError as error:
            status, headers = refusal_of(error, self._voice.host)
            self.rooms.signalling.refuse_offer(self.leg, status, headers=headers)
            return
        self._follow_hold()

    def _follow_hold(self) -> None:
        """The hold key of the telephone does what that of the screen does, while there is one call on it."""
        asking = self.consultation is not None and not self.consultation.own_line
        if self._voice is None or asking or self.status == "conferenced":
            return
        if self._voice.holds_us and self.status == "connected":
            self._held_by_phone = True
            self._hold()
        elif not self._voice.holds_us and self._held_by_phone:
            self._held_by_phone = False
            if self.status == "held":
                self._unhold()

    # --- joined ------------------------------------------------------------------------------------------

    def connected(self) -> None:
        """Voices are together; the screen saw the customer before."""
        self.become("connected")
        self._follow_hold()
        if self._whisper is not None:
            self.rooms.media.play(self.leg, "whisper", [self._whisper], interrupt="never")
        else:
            self.straighten()
        if self._moved and self._voice is not None:
            self.rooms.signalling.offer(self.leg, self._voice.offer())

    def hold(self) -> None:
        self._need("hold", "connected")
        self._hold()

    def _hold(self) -> None:
        self.status = "held"
        self.handoff.arrange()
        self.tell()
        self.exchange.tell_floor(floor.CallHeld(self.agent, self.handoff.ticket))

    def unhold(self) -> None:
        self._need("unhold", "held")
        if self._held_by_phone:
            raise IciRefusal("ICI-STATE", "the telephone holds the call; take it back there", item_id=self.item_id)
        self._unhold()

    def _unhold(self) -> None:
        self.status = "connected"
        self.handoff.arrange()
        self.tell()
        self.exchange.tell_floor(floor.CallRetrieved(self.agent, self.handoff.ticket))

    def mute(self, on: bool) -> None:
        """Keep the agent's own voice from everybody else; he goes on hearing them."""
        self._need("mute" if on else "unmute", "connected", "conferenced")
        self.muted = on
        self.rooms.media.mute(self.leg, on)
        self.tell()
        self.straighten()

    def send_keys(self, digits: str) -> None:
        self._need("sendDTMF", "connected")
        if (other := self._other_leg) is not None:
            for key in digits:
                self.rooms.media.send_key(other, key)

    def straighten(self) -> None:
        """Voices straight between the telephones of caller and agent, where the settings say so and both can."""
        settings, visit = self.rooms.settings, self.handoff.visit
        wish = next((agent.media for agent in settings.agents if agent.id == self.agent), "default")
        way = settings.media.bridge if wish == "default" else wish
        alone = self.status == "connected" and self.part == "single" and not self.muted
        recorded = visit.recordings.tracks.going
        if way != "direct" or self._voice is None or self._moved or not alone or recorded:
            return
        caller = Side(visit.sip_leg, visit.voice, lambda why: visit.hang_up("failure", why))
        agent = Side(self.leg, self._voice, lambda why: self._gone(why, crashed=True))
        self.exchange.direct.straighten(visit.id, caller, agent)

    def _need(self, operation: str, *statuses: str) -> None:
        if self.status not in statuses:
            raise NotAllowed(operation, self.status, self.snapshot().capabilities, item_id=self.item_id)

    # --- over --------------------------------------------------------------------------------------------

    def end(self, reason: EndReason, *, told_phone: str = "") -> None:
        """Take it off screen and telephone, which is told why in a Reason header. Harmless when it is over
        already."""
        if not self.live:
            return
        self._tasks.cancel()
        self.exchange.direct.leave(self.leg)
        if self.status == "held" and self.consultation is None and (other := self._other_leg) is not None:
            self.rooms.media.unhold(other)
        if self.status in TALKING:
            self.rooms.media.part(self.leg)
        self.handoff.visit.recordings.tracks.part(self.leg)
        self.reason = reason
        self.become("ended")
        if self._ringing:
            self.rooms.signalling.hang_up(self.leg, reason=told_phone)
        else:
            self._leg_over()

    def _leg_over(self) -> None:
        self.exchange.legs.pop(self.leg, None)
        self._close_voice()

    def _close_voice(self) -> None:
        if self._voice is not None:
            voice, self._voice = self._voice, None
            self.exchange.tasks.spawn(voice.close())
