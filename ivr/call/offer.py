"""A waiting call as one agent sees it: item on the screen, telephone ringing, voices joined."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from ivr.agents import events as floor
from ivr.call.contact import ContactKeeper
from ivr.call.direct import Side
from ivr.call.leg import VoiceLeg
from ivr.call.reference import headers_for
from ivr.call.refusal import refusal_of
from ivr.call.tasks import Tasks
from ivr.errors import IvrError, RemoteProtocolError
from ivr.ici.capabilities import capabilities_of
from ivr.ici.switchboard import EndReason, IciRefusal, PhoneCallChanged, PhoneCallItem, ProcessingStatus
from ivr.media.messages import MediaEvent, MediaSilent
from ivr.sip import events as sip

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange
    from ivr.call.handoff import Handoff

BUSY_OR_DECLINED = (486, 600, 603)
"""A telephone that answers one of these was refused by a person."""
PHONE_SILENT = 4.0
"""Seconds without any answer, not even 100 Trying, after which a telephone is taken for dead."""
logger = logging.getLogger(__name__)


class Offer:
    """One agent's share in a handoff. Its end is told to SAP exactly once.

    The screen is told first; the telephone rings when the screen has answered, or after `ici.pop_wait`.
    """

    def __init__(self, item_id: str, agent: str, handoff: Handoff, exchange: Exchange) -> None:
        self.item_id = item_id
        self.agent = agent
        self.handoff = handoff
        self.exchange = exchange
        self.rooms = exchange.rooms
        self.leg = f"agent-{item_id}"
        self.status: ProcessingStatus = "alerting"
        self.reason: EndReason | None = None
        self.started_at: datetime = self.rooms.clock.utc()
        self.sequence = 0
        self._voice: VoiceLeg | None = None
        self._ringing = False
        self._moved = False
        """The telephone was told ports that are gone."""
        self._held_by_phone = False
        self._phone_lives = asyncio.Event()
        self.contact = ContactKeeper(self)
        self._tasks = Tasks(handoff.ticket)

    # --- what SAP sees -----------------------------------------------------------------------------------

    def snapshot(self) -> PhoneCallItem:
        """The item as it is now."""
        visit = self.handoff.visit
        return PhoneCallItem(
            id=self.item_id,
            status=self.status,
            direction="inbound",
            remote_numbers=(visit.number or self.rooms.settings.ici.unknown_number,),
            called_number=visit.record.called,
            queue_id=self.handoff.queue,
            attached_data=self.handoff.document,
            sequence=self.sequence,
            started_at=self.started_at,
            reason=self.reason,
            capabilities=capabilities_of(self.status),
        )

    def tell(self) -> asyncio.Future[bool]:
        """Post the item to the agent's desktop; the future says whether it was acknowledged."""
        self.sequence += 1
        self.contact.follow()
        logger.info(
            "item call=%s item=%s agent=%s status=%s",
            self.handoff.visit.id,
            self.item_id,
            self.agent,
            self.status,
        )
        return self.rooms.publisher.publish(self.agent, PhoneCallChanged(self.snapshot()))

    # --- screen, then telephone --------------------------------------------------------------------------

    def begin(self) -> None:
        self._tasks.spawn(self._alert())

    async def _alert(self) -> None:
        told = self.tell()
        done, _ = await asyncio.wait([told], timeout=self.rooms.settings.ici.pop_wait)
        if done and not told.result():
            self._fail("screen")
            return
        if not done:
            self.exchange.late_pops += 1
            logger.info("late_pop call=%s agent=%s", self.handoff.visit.id, self.agent)
        if self.status == "alerting":
            await self._ring()

    async def _ring(self) -> None:
        try:
            phone, flow = await self.exchange.agent_phone(self.agent)
            self._voice = VoiceLeg(self.leg, flow.local[0], self.rooms.media, self.rooms.settings.sip.srtp)
            await self._voice.open(beside=self.handoff.visit.leg)
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
        caller = self.handoff.visit.record.caller
        self.rooms.signalling.invite(
            self.leg,
            phone,
            self._voice.offer(),
            flow,
            caller_uri=f"sip:{caller}@{flow.local[0]}:{flow.local[1]}",
            display_name=f"{self.handoff.queue}: {self.handoff.reason}",
            headers=headers_for(self.handoff.visit.incoming.user_to_user, self.item_id),
        )
        await self._notice_a_dead_phone()

    async def _notice_a_dead_phone(self) -> None:
        try:
            async with asyncio.timeout(PHONE_SILENT):
                await self._phone_lives.wait()
        except TimeoutError:
            if self.status == "alerting":
                logger.warning("agent_phone_dead call=%s agent=%s", self.handoff.visit.id, self.agent)
                self._fail("phone")

    def _fail(self, why: Literal["phone", "screen"]) -> None:
        self.exchange.tell_floor(floor.OfferFailed(self.agent, self.handoff.ticket, why))

    # --- what the telephone does -------------------------------------------------------------------------

    def on_sip(self, event: sip.Output) -> None:
        self._phone_lives.set()
        match event:
            case sip.CallAccepted():
                self._picked_up(event.answer)
            case sip.CallRefused():
                self._ringing = False
                self._leg_over()
                self._refused(event.status)
            case sip.CallEnded():
                self._ringing = False
                self._leg_over()
                if event.by == "failure":
                    self.exchange.agent_lost(self, event.reason)
                elif event.by != "local":
                    self.exchange.agent_hung_up(self, event.reason)
            case sip.SessionOffered():
                self._reoffered(event.offer)
            case sip.SessionAnswered():
                self._reanswered(event.answer)
            case sip.SessionRefused() if self._moved:
                self.exchange.agent_hung_up(self, f"the media worker died, new ports refused with {event.status}")
            case _:
                pass

    def on_media(self, event: MediaEvent) -> None:
        if isinstance(event, MediaSilent) and self.status in ("connected", "held"):
            self.exchange.agent_lost(self, f"no sound from the agent for {event.seconds:.0f} s")

    def sound_lost(self) -> None:
        """The media worker died: go where the caller's leg goes, and tell the telephone once it is picked up."""
        self._moved = True
        self._tasks.spawn(self._regain_sound())

    async def _regain_sound(self) -> None:
        visit = self.handoff.visit
        await visit.sound_back.wait()
        if self._voice is None:
            return
        try:
            sdp = await self._voice.regain(beside=visit.leg)
        except IvrError as error:
            self.exchange.agent_hung_up(self, f"the media worker died, and no other came: {error}")
            return
        if self.status == "alerting":
            return  # the telephone still rings; it hears of the new ports when it is picked up
        self.rooms.signalling.offer(self.leg, sdp)
        self.rooms.media.bridge(visit.leg, self.leg)
        if self.status == "held":
            self.rooms.media.hold(visit.leg, self.rooms.music)

    def _reanswered(self, answered: bytes) -> None:
        try:
            if self._voice is not None:
                self._voice.take_answer(answered)
        except RemoteProtocolError as error:
            self.exchange.agent_hung_up(self, f"unusable SDP in the answer to our offer: {error}")
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
        """The hold key of the telephone does what that of the screen does."""
        if self._voice is None:
            return
        if self._voice.holds_us and self.status == "connected":
            self._held_by_phone = True
            self._hold()
        elif not self._voice.holds_us and self._held_by_phone:
            self._held_by_phone = False
            if self.status == "held":
                self._unhold()

    # --- joined ------------------------------------------------------------------------------------------

    def join(self) -> None:
        """Voices together; the screen saw the customer before."""
        self.handoff.visit.joined()
        self.rooms.media.bridge(self.handoff.visit.leg, self.leg)
        self.status = "connected"
        self.tell()
        self._follow_hold()
        self.handoff.visit.follow_hold()
        self.straighten()
        if self._moved and self._voice is not None:
            self.rooms.signalling.offer(self.leg, self._voice.offer())

    def hold(self) -> None:
        self._need("hold", "connected")
        self._hold()

    def _hold(self) -> None:
        self.rooms.media.hold(self.handoff.visit.leg, self.rooms.music)
        self.status = "held"
        self.tell()
        self.exchange.tell_floor(floor.CallHeld(self.agent, self.handoff.ticket))

    def unhold(self) -> None:
        self._need("unhold", "held")
        if self._held_by_phone:
            raise IciRefusal("ICI-STATE", "the telephone holds the call; take it back there", item_id=self.item_id)
        self._unhold()

    def _unhold(self) -> None:
        self.rooms.media.unhold(self.handoff.visit.leg)
        self.status = "connected"
        self.tell()
        self.exchange.tell_floor(floor.CallRetrieved(self.agent, self.handoff.ticket))
        self.straighten()

    def send_keys(self, digits: str) -> None:
        self._need("sendDTMF", "connected")
        for key in digits:
            self.rooms.media.send_key(self.handoff.visit.leg, key)

    def straighten(self) -> None:
        """Voices straight between the telephones, where the settings say so and both can."""
        settings, visit = self.rooms.settings, self.handoff.visit
        wish = next((agent.media for agent in settings.agents if agent.id == self.agent), "default")
        way = settings.media.bridge if wish == "default" else wish
        if way != "direct" or self._voice is None or self._moved or self.status != "connected":
            return
        caller = Side(visit.sip_leg, visit.voice, lambda why: visit.hang_up("failure", why))
        agent = Side(self.leg, self._voice, lambda why: self.exchange.agent_lost(self, why))
        self.exchange.direct.straighten(visit.id, caller, agent)

    def _need(self, operation: str, status: ProcessingStatus) -> None:
        if self.status != status:
            raise IciRefusal(
                "ICI-STATE", f"Operation {operation} not allowed in state {self.status}", item_id=self.item_id
            )

    # --- over --------------------------------------------------------------------------------------------

    @property
    def live(self) -> bool:
        return self.status != "ended"

    def end(self, reason: EndReason) -> None:
        """Take it off screen and telephone. Harmless when it is over already."""
        if not self.live:
            return
        self._tasks.cancel()
        self.exchange.direct.leave(self.leg)
        if self.status == "held":
            self.rooms.media.unhold(self.handoff.visit.leg)
        if self.status in ("connected", "held"):
            self.rooms.media.unbridge(self.handoff.visit.leg, self.leg)
        self.status, self.reason = "ended", reason
        self.tell()
        if self._ringing:
            self.rooms.signalling.hang_up(self.leg)
        else:
            self._leg_over()

    def _leg_over(self) -> None:
        self.exchange.legs.pop(self.leg, None)
        self._close_voice()

    def _close_voice(self) -> None:
        if self._voice is not None:
            voice, self._voice = self._voice, None
            self.exchange.tasks.spawn(voice.close())
