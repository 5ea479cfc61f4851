"""One caller's whole visit: from INVITE to the last line of its record."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ivr.call.callback import note_callback
from ivr.call.caller_side import CallerSide
from ivr.call.draft import Sandbox
from ivr.call.entered import RETURNING, entered
from ivr.call.kept_dialogs import open_record
from ivr.call.leg import VoiceLeg
from ivr.call.lookups import look_up
from ivr.call.record import CallRecord, HandoffRecord, figures_of
from ivr.call.recordings import Recordings
from ivr.call.referral import tell_referral
from ivr.call.refusal import refusal_of
from ivr.call.sounding import Sounding
from ivr.call.tasks import Tasks
from ivr.errors import IvrError, RemoteProtocolError
from ivr.ici.travelling_data import TravellingData
from ivr.media.messages import (
    AudioHeard,
    KeyHeard,
    MediaEvent,
    MediaSilent,
    PlayEnded,
    RecordingClosed,
    SpeechEnded,
    SpeechStarted,
)
from ivr.menu import events as menu
from ivr.menu.machine import MenuMachine
from ivr.sip import events as sip
from ivr.store.numbers import plain_phone

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange

GOODBYE_TAIL = 0.3
"""Seconds between the last packet of the last prompt and our BYE, so that jitter buffers play it out."""
logger = logging.getLogger(__name__)


class Visit(CallerSide):
    """Drives the menu machine with what the caller does, and does what the machine says. Owns the caller's leg.
    A handoff is the exchange's; the visit hears of its end."""

    def __init__(self, call_id: str, incoming: sip.IncomingCall, exchange: Exchange) -> None:
        self.id = call_id
        self.leg = incoming.leg
        """Of the caller's sound, as long as the visit lasts."""
        self.sip_leg = incoming.leg
        """Of the caller's dialog: another one when a call takes this one's place (RFC 3891)."""
        self.peer = incoming.flow.remote[0]  # where that comes from
        self.incoming = incoming
        self.exchange = exchange
        self.rooms = exchange.rooms
        self.draft = exchange.is_draft(incoming.called)
        self.menu = exchange.menu_for(incoming.called)
        self.machine = MenuMachine(
            self.menu,
            call_id=call_id,
            recogniser_languages=self.rooms.recogniser.languages,
            currency=self.rooms.settings.store.currency,
        )
        self.voice = VoiceLeg(incoming.leg, incoming.flow.local[0], self.rooms.media, self.rooms.settings.sip.srtp)
        self.number = plain_phone(incoming.calling_number)
        """The caller's telephone number; empty when it was withheld, or is a name."""
        playing = f"{self.menu.name}@{self.menu.version}" + (" (draft)" if self.draft else "")
        unknown = self.rooms.settings.ici.unknown_number
        self.record = CallRecord.of(call_id, incoming, self.rooms.clock.utc(), menu=playing, unknown=unknown)
        self.tasks = Tasks(call_id)
        self.saving: asyncio.Task[None] | None = None
        self.sounding = Sounding(call_id, incoming.leg, self.menu, self.rooms, self._drive)
        self.recordings = Recordings(self.record, self.leg, self.rooms, self._drive)
        self.data: TravellingData | None = None
        """Attached data, from the first handoff on."""
        self.sandbox = Sandbox(self, self._drive) if self.draft else None
        self.leaving = ""
        """Why the caller's side will hang up next, when it has accepted a transfer."""
        self.over = False
        """Nothing more is said or heard; the record is being closed."""
        self._answered_at = self._now()
        self._started = False
        self._timer: asyncio.TimerHandle | None = None
        self.sound_back = asyncio.Event()
        """Clear from the death of the media worker until another has taken the leg."""
        self.sound_back.set()

    # --- beginning ------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Judge the offer, ring, agree on sound, answer; or refuse with the right status, before it rings."""
        signalling, incoming = self.rooms.signalling, self.incoming
        logger.info("call_started call=%s caller=%s called=%s", self.id, self.record.caller, incoming.called)
        try:
            if incoming.offer:
                self.voice.judge(incoming.offer, signalling.address_towards)
            signalling.ring(self.sip_leg)
            await self.voice.open()
            sdp = self.voice.answer(incoming.offer) if incoming.offer else self.voice.offer()
        except RemoteProtocolError as error:
            status, headers = refusal_of(error, incoming.flow.local[0])
            self._refuse(status, str(error), headers)
            return
        except IvrError as error:
            retry = str(self.rooms.settings.sip.retry_after)
            self._refuse(503, str(error), [("Retry-After", retry)])
            return
        await self.rooms.store.save_call(self.record.document())
        if self.rooms.settings.sip.ring > 0:
            await asyncio.sleep(self.rooms.settings.sip.ring)
        if not self.over:
            signalling.answer(self.sip_leg, sdp)

    def _refuse(self, status: int, why: str, headers: Sequence[tuple[str, str]]) -> None:
        if self.over:
            return
        logger.info("call_refused call=%s status=%d why=%s", self.id, status, why)
        self.rooms.signalling.refuse(self.sip_leg, status, headers=headers)
        self.finish("system", f"refused with {status}: {why}")

    # --- what comes in ----------------------------------------------------------------------------------

    def on_sip(self, event: sip.Output) -> None:
        """An event of the caller's leg."""
        match event:
            case sip.CallConfirmed():
                self._confirmed(event.answer)
            case sip.CallCancelled():
                self.finish("caller", "cancelled before the answer")
            case sip.CallEnded(by="remote"):
                self._caller_left(event.reason or "BYE")
            case sip.CallEnded(by="failure"):
                self.finish("failure", event.reason)
            case sip.SessionOffered():
                self._reoffered(event.offer)
            case sip.SessionAnswered():
                self._reanswered(event.answer)
            case sip.SessionRefused() if not self.sound_back.is_set():
                self.hang_up("failure", f"the media worker died, and new ports were refused with {event.status}")
            case sip.KeyInfo():
                self._key(event.key, self._now())
            case sip.ReferAccepted() | sip.ReferProgress() | sip.ReferEnded():
                tell_referral(self.exchange.outside.get(self.id), event)
            case _:
                pass

    def _caller_left(self, reason: str) -> None:
        """Whose side has accepted a transfer leaves for that."""
        if self.leaving:
            self._drive(menu.TransferEnded("answered"))
            self.finish("system", self.leaving)
        else:
            self.finish("caller", reason)

    def on_media(self, event: MediaEvent) -> None:
        """An event of the caller's sound."""
        if self.over:
            return
        match event:
            case KeyHeard():
                self._key(event.key, event.at)
            case PlayEnded():
                self._play_ended(event)
            case SpeechStarted():
                self.sounding.speech_began()
            case AudioHeard():
                self.sounding.heard(event)
            case SpeechEnded():
                self.sounding.speech_ended()
            case RecordingClosed():
                if what := self.recordings.ended(event):
                    self.note_incident(what)
            case MediaSilent():
                self.hang_up("failure", f"no sound from the caller for {event.seconds:.0f} s")
            case _:
                pass

    def sound_lost(self) -> None:
        """The media worker died: ask the caller's telephone to send to a new one."""
        if not self._started:
            self.hang_up("failure", "the media worker died")
        elif not self.over:
            self.sound_back.clear()
            self.note_incident("the media worker died")
            self.tasks.spawn(self._regain_sound())

    async def _regain_sound(self) -> None:
        try:
            sdp = await self.voice.regain()
        except IvrError as error:
            self.hang_up("failure", f"the media worker died, and no other came: {error}")
            return
        self.sound_back.set()
        self.rooms.signalling.offer(self.sip_leg, sdp)
        self.sounding.again()
        self.recordings.lost()

    def note_incident(self, what: str) -> None:
        """Something went wrong that the record should tell."""
        logger.warning("incident call=%s what=%r", self.id, what)
        self.record.incidents.append({"at": round(self._now() - self._answered_at, 3), "what": what})

    def tell(self, event: menu.Event) -> None:
        """Something happened to the caller outside the menu."""
        if isinstance(event, RETURNING) and self.data is not None and self.menu.from_agent:
            self._drive(entered(self.menu, self.data))
        self._drive(event)

    def handoff_ended(self, event: menu.HandoffEnded) -> None:
        self.tell(event)

    def transfer_ended(self, event: menu.TransferEnded) -> None:
        self._drive(event)

    def _confirmed(self, answered: bytes) -> None:
        try:
            self.voice.take_answer(answered)
        except RemoteProtocolError as error:
            self.hang_up("failure", f"unusable SDP in ACK: {error}")
            return
        if self._started or self.over:
            return
        self._started, self._answered_at = True, self._now()
        self.record.answered = self.rooms.clock.utc()
        self.save()
        agreed = self.voice.agreement
        logger.info("call_answered call=%s codec=%s", self.id, agreed.codec if agreed else "none")
        self._drive(menu.CallAnswered(self.incoming.calling_number, self.incoming.called, self.record.answered))

    def _reoffered(self, offer: bytes) -> None:
        try:
            self.rooms.signalling.accept_offer(
                self.sip_leg, self.voice.answer(offer) if offer else self.voice.offer()
            )
        except RemoteProtocolError as error:
            logger.info("reoffer_refused call=%s why=%s", self.id, error)
            status, headers = refusal_of(error, self.incoming.flow.local[0])
            self.rooms.signalling.refuse_offer(self.sip_leg, status, headers=headers)
            return
        self.follow_hold()

    def _reanswered(self, answered: bytes) -> None:
        try:
            self.voice.take_answer(answered)
        except RemoteProtocolError as error:
            self.hang_up("failure", f"unusable SDP in the answer to our offer: {error}")
            return
        self.follow_hold()

    def follow_hold(self) -> None:
        """Who talks with a caller who holds us hears music until he is back. RFC 3264 section 8.4."""
        other = self.exchange.partner_of(self)
        if other is not None and self.voice.holds_us:
            self.rooms.media.hold(other, self.rooms.music)
        elif other is not None and self.voice.held_us:
            self.rooms.media.unhold(other)
            self.exchange.straighten(self)

    def _key(self, key: str, at: float) -> None:
        if self._started and not self.over:
            self.record.keys.pressed(key, max(0.0, at - self._answered_at))
            self._drive(menu.KeyPressed(key))

    def _play_ended(self, event: PlayEnded) -> None:
        entry = self.sounding.ended(event)
        if entry is not None:
            self._note_prompts(event.at - event.played, entry)

    def _note_prompts(self, began: float, entry: dict[str, Any]) -> None:
        """The sound may begin a packet before we know of the ACK, from which the record counts."""
        self.record.prompts.append({"at": round(max(0.0, began - self._answered_at), 3), **entry})

    # --- the machine --------------------------------------------------------------------------------------

    def _now(self) -> float:
        return self.rooms.clock.monotonic()

    def _drive(self, event: menu.Event) -> None:
        if not self.over:
            self._carry_out(lambda: self.machine.handle(event, self._now()))

    def _expire(self) -> None:
        self._timer = None
        if not self.over:
            self._carry_out(lambda: self.machine.expire(self._now()))

    def _carry_out(self, step: Callable[[], Sequence[menu.Command]]) -> None:
        try:
            for command in step():
                self._do(command)
        except Exception as error:  # last line of defence: one call's fault stays that call's
            logger.exception("call_fault call=%s error=%s", self.id, type(error).__name__)
            self.hang_up("failure", f"internal error: {type(error).__name__}")
            return
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.machine.deadline
        if deadline is not None and not self.over:
            delay = max(0.0, deadline - self._now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._expire)

    def _do(self, command: menu.Command) -> None:
        if self.sandbox is not None and self.sandbox.takes(command):
            return
        match command:
            case menu.PlayPrompt():
                self.sounding.play(command)
            case menu.StopPrompt():
                self.sounding.silence()
            case menu.Listen():
                self.sounding.listen(command)
            case menu.StopListening():
                self.sounding.stop_listening()
            case menu.LookUp():
                self.tasks.spawn(self._look_up(command))
            case menu.StartHandoff():
                self._wait_for_agent(command)
            case menu.CancelHandoff():
                self.sounding.silence()
                self.exchange.cancel_handoff(self, for_callback=command.for_callback)
            case menu.TellWaiting():
                self.sounding.tell_waiting(command)
            case menu.TakePlace():
                if (handoff := self.exchange.handoff_of(self)) is not None:
                    handoff.place_taken()
            case menu.StartTransfer():
                self.exchange.start_transfer(self, command.to)
            case menu.CancelTransfer():
                self.exchange.cancel_transfer(self)
            case menu.NoteCallback():
                self.tasks.spawn(self._note_callback(command))
            case menu.StartRecording():
                self.recordings.start(command, self._now() - self._answered_at)
            case menu.StopRecording():
                self.recordings.stop()
            case menu.HangUp():
                self.tasks.spawn(self._say_goodbye(command.reason))
            case _:
                self._note(command)

    def _note(self, command: menu.Command) -> None:
        """What only the record wants to know."""
        at = self._now() - self._answered_at
        match command:
            case menu.StepEntered():
                self.record.enter(command.step, at)
                logger.info("step_entered call=%s step=%s", self.id, command.step)
            case menu.StepLeft():
                self.record.leave(command.step, command.exit)
            case menu.KeysConsumed():
                self.record.keys.consumed(command.count, secret=command.secret)
            case menu.KeysDropped():
                self.record.keys.dropped(command.count)
            case menu.HandoffClosed():
                data, moment = {command.application: dict(command.fields)}, self.rooms.clock.utc()
                closed = HandoffRecord(command.queue, command.reason, data, moment, outcome="closed", waited=0.0)
                self.record.handoffs.append(closed)
            case menu.GoalReached():
                self.record.goals.append(command.goal)
                logger.info("goal_reached call=%s goal=%s", self.id, command.goal)

    # --- work outside the call ------------------------------------------------------------------------------

    async def _look_up(self, command: menu.LookUp) -> None:
        started = self._now()
        ended = await look_up(
            self.rooms.store,
            command,
            self.id,
            answered=self.menu.answered,
            connectors=self.rooms.connectors,
        )
        seconds = self._now() - started
        self.record.lookups.append({"name": command.name, "outcome": ended.outcome, "seconds": round(seconds, 3)})
        logger.info(
            "lookup call=%s name=%s outcome=%s ms=%.0f", self.id, command.name, ended.outcome, seconds * 1000
        )
        self._drive(ended)

    async def _note_callback(self, command: menu.NoteCallback) -> None:
        self._drive(await note_callback(self, command))

    def _wait_for_agent(self, command: menu.StartHandoff) -> None:
        self.sounding.wait(command.waiting)
        self.exchange.start_handoff(self, command)

    def joined(self) -> None:
        """An agent, or an outside line, is there: make room for the voices."""
        self.sounding.silence()
        self.sounding.stop_listening()

    # --- ending -------------------------------------------------------------------------------------------

    async def _say_goodbye(self, reason: str) -> None:
        await asyncio.sleep(GOODBYE_TAIL)
        self.hang_up("system", reason)

    def hang_up(self, by: str, reason: str) -> None:
        """We end the call."""
        if not self.over:
            self.rooms.signalling.hang_up(self.sip_leg)
            self.finish(by, reason)

    def finish(self, by: str, reason: str) -> None:
        """The caller's leg is over, or as good as: close everything and write the record."""
        if self.over:
            return
        try:
            for command in self.machine.handle(menu.CallerHungUp(), self._now()):
                self._note(command)
        except Exception:  # last line of defence: the record must be written whatever the machine thinks
            logger.exception("call_fault call=%s", self.id)
        self.over = True
        if self._timer is not None:
            self._timer.cancel()
        self.tasks.cancel()
        for began, entry in self.sounding.cut_off():
            self._note_prompts(began, entry)
        self.sounding.close()
        self.record.end(by, reason)
        self.record.ended = self.rooms.clock.utc()
        self.record.language = self.machine.facts.language
        self.exchange.visit_over(self)
        seconds = (self.record.ended - self.record.started).total_seconds()
        logger.info("call_ended call=%s by=%s reason=%s seconds=%.1f", self.id, by, reason, seconds)

    def save(self) -> None:
        """Put what is known so far on disk: a killed engine leaves a record that tells how far the call was."""
        self.saving = self.tasks.spawn(self.rooms.store.save_call(open_record(self)))

    async def close(self) -> None:
        """Give the sound back and put the record on disk."""
        try:
            figures = await self.voice.close()
            self.recordings.leg_closed(figures.recorded)
            self.record.media = figures_of(figures)
        except IvrError as error:
            logger.info("media_figures_missing call=%s error=%s", self.id, error)
        await self.rooms.store.save_call(await self.record.final(self.rooms.settings.ici.post_timeout))
