"""One side of a call: what incoming and outgoing legs share once there is a dialog. RFC 3261 sections 12 to 15."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum, auto
from typing import Literal

from ivr.errors import LocalProtocolError
from ivr.sip.acknowledgement import Unacknowledged
from ivr.sip.again import again_with
from ivr.sip.authoriser import Authoriser
from ivr.sip.capabilities import ALLOW, SUPPORTED, described
from ivr.sip.core import Core
from ivr.sip.dialog import Dialog, behind_translator
from ivr.sip.events import CallEnded, Flow, KeyInfo, Output
from ivr.sip.info import read_info
from ivr.sip.inspection import sdp_of
from ivr.sip.message import Message, Request, Response
from ivr.sip.reason import reason_header, reason_of
from ivr.sip.referee import receive_refer
from ivr.sip.referrer import Referrer
from ivr.sip.renegotiation import Renegotiation
from ivr.sip.reply import Header, Refusal
from ivr.sip.session_timer import SessionTimer
from ivr.sip.timers import Alarms
from ivr.sip.transaction.layer import Sent, Served, same_connection

logger = logging.getLogger(__name__)


class Phase(Enum):
    """Where a leg stands."""

    EARLY = auto()
    """Its INVITE has no final answer yet."""
    ANSWERED = auto()
    """We gave a 2xx and wait for the ACK."""
    CONFIRMED = auto()
    ENDING = auto()
    """Our BYE is under way."""
    OVER = auto()


class Leg:
    """A dialog with its call, from the INVITE to the one event that ends it."""

    def __init__(self, core: Core, name: str, flow: Flow, user: str) -> None:
        self.core = core
        self.name = name
        self.flow = flow
        """The way the peer's last message came, or the one we were told to take."""
        self.user = user
        """User part of our Contact."""
        self.scheme = "sip"
        """Of our Contact: ``sips`` when that is how we were called. RFC 3261 section 12.1.1."""
        self.use_flow = False
        """The peer's Contact is no use: it sits behind an address translator."""
        self.phase = Phase.EARLY
        self.dialog: Dialog | None = None
        self.authoriser: Authoriser | None = None
        self.unacknowledged: Unacknowledged | None = None
        self.hang_up_reason: str | None = None
        """Set when our side wants to hang up and must wait for the ACK first."""
        self.timer = SessionTimer(self)
        self.renegotiation = Renegotiation(self)
        self.referrer = Referrer(self)
        self.peer_updates = False
        """Whether the peer takes UPDATE, as the Allow of its last message about the session says."""
        self.peer_refers = True
        """Whether the peer takes REFER: unless its Allow leaves it out."""
        self.local_sdp = b""
        """What we said last about the session: what a refresh by re-INVITE says again."""
        self._alarms = Alarms()
        core.legs[name] = self

    owns_call_id = False
    """Whether we made the Call-ID, that is, whether we called."""

    @property
    def is_early(self) -> bool:
        return self.phase is Phase.EARLY

    @property
    def is_ending(self) -> bool:
        return self.phase in (Phase.ENDING, Phase.OVER)

    # --- time

    @property
    def deadline(self) -> float | None:
        return self._alarms.deadline

    def expire(self, now: float) -> None:
        for alarm in self._alarms.due(now):
            self.on_alarm(alarm, now)
        self.core.queue.watch(self)

    def set_alarm(self, name: str, when: float) -> None:
        self._alarms[name] = when
        self.core.queue.watch(self)

    def stop_alarms(self, *names: str) -> None:
        self._alarms.stop(*names)
        self.core.queue.watch(self)

    def on_alarm(self, alarm: str, now: float) -> None:
        if alarm == "repeat answer":
            self._repeat_answer(now)
        elif alarm == "no ACK":
            self._give_up_waiting_for_ack(now)
        elif alarm == "offer again":
            self.renegotiation.offer_again(now)
        elif alarm == "refresh":
            self.renegotiation.refresh(now)
        elif alarm == "session expired":
            self.fail(now, "session expired")
        elif alarm == "no NOTIFY":
            self.referrer.nothing_heard()

    # --- what the application wants

    def hang_up(self, now: float, reason: str) -> None:
        """BYE, as soon as it is allowed: not before the ACK of our 2xx. RFC 3261 section 15."""
        if self.phase is Phase.ANSWERED:
            self.hang_up_reason = reason
        elif self.phase is Phase.CONFIRMED:
            self.send_bye(now, reason)

    def require_dialog(self) -> Dialog:
        if self.dialog is None:
            raise LocalProtocolError(f"leg {self.name} has no dialog yet: wait until it is answered")
        return self.dialog

    def dialog_of(self, peer_tag: str) -> Dialog:
        """The dialog with that tag of the peer; a call of ours may have several before it is answered."""
        return self.require_dialog()

    # --- requests of ours

    def headers_of_session(self) -> list[Header]:
        """Of every message that sets up or changes a session."""
        return [self.contact, ALLOW, SUPPORTED]

    @property
    def contact(self) -> Header:
        return self.core.contact(self.flow, self.user, self.scheme)

    def is_agreed_early(self, peer_tag: str) -> bool:
        """Whether, before the call is answered, the first offer has its answer already. RFC 3311 section 5.1."""
        return False

    @property
    def may_update_early(self) -> bool:
        """Whether an offer of ours may be made before the call is answered."""
        return (
            self.is_early
            and self.peer_updates
            and self.dialog is not None
            and (self.is_agreed_early(self.dialog.remote_tag))
        )

    def note_abilities(self, message: Message) -> None:
        if message.headers.get("Allow") is not None:
            allowed = message.tokens("Allow")
            self.peer_updates, self.peer_refers = "UPDATE" in allowed, "REFER" in allowed

    def send_in_dialog(
        self,
        method: str,
        now: float,
        headers: list[Header],
        body: bytes = b"",
        dialog: Dialog | None = None,
    ) -> Sent:
        dialog = dialog or self.require_dialog()
        request = dialog.request(method, body=body)
        for name, value in headers:
            request.headers.add(name, value)
        if body:
            request.headers.add("Content-Type", "application/sdp")
        if self.authoriser is not None:
            self.authoriser.sign(request)
        return self.core.send(request, self.core.flow_towards(dialog, self.flow, self.use_flow), self, now)

    def send_bye(self, now: float, reason: str = "", dialog: Dialog | None = None) -> None:
        """End the dialog; `dialog` names another than the leg's own, made by a fork we do not want."""
        if dialog is None:
            self.phase = Phase.ENDING
            self.leave_line()
            self._alarms.clear()
            self.renegotiation.withdraw(now)
        self.send_in_dialog("BYE", now, reason_header(reason), dialog=dialog)

    def send_ack(self, dialog: Dialog, invite: Request) -> None:
        """For a 2xx: outside any transaction, over the dialog's own way. RFC 3261 section 13.2.2.4."""
        ack = dialog.request("ACK", invite.cseq.sequence)
        for name in ("Authorization", "Proxy-Authorization"):
            for value in invite.headers.getlist(name):
                ack.headers.add(name, value)
        flow = self.core.flow_towards(dialog, self.flow, self.use_flow)
        self.core.transmit(flow, self.core.seal(ack, flow))

    def resend_with_credentials(self, sent: Sent, response: Response, now: float) -> Sent | None:
        """Answer a 401 or 407 once; None when that is not possible. RFC 3261 section 22.2."""
        if self.authoriser is None or not self.authoriser.takes(sent.request, response):
            return None
        return self.resend(sent, now)

    def resend(self, sent: Sent, now: float, *changed: Header) -> Sent:
        """Send a request once more with some headers changed."""
        again = again_with(sent.request, self._next_sequence(sent.request), *changed)
        if self.authoriser is not None:
            self.authoriser.sign(again, again=True)
        return self.core.send(again, sent.flow, self, now)

    def _next_sequence(self, request: Request) -> int:
        if self.dialog is None or self.dialog.remote_tag != request.to_tag:
            return request.cseq.sequence + 1
        self.dialog.local_sequence += 1
        return self.dialog.local_sequence

    # --- answers to our requests

    def on_response(self, sent: Sent, response: Response, now: float) -> None:
        if not sent.is_switched:
            self._note_connection(sent.flow)
        method = sent.request.method
        if method == "INVITE":
            self.on_invite_response(sent, response, now)
        elif method == "UPDATE":
            self.renegotiation.on_response(sent, response, now)
        elif method == "PRACK":
            self.resend_with_credentials(sent, response, now)
        elif method == "REFER":
            self.referrer.on_response(sent, response, now)
        elif method == "BYE" and response.is_final and not self.resend_with_credentials(sent, response, now):
            self._bye_done(sent, "BYE")

    def on_invite_response(self, sent: Sent, response: Response, now: float) -> None:
        self.renegotiation.on_response(sent, response, now)

    def on_failure(self, sent: Sent, why: str, now: float) -> None:
        """No final answer came to a request of ours."""
        if sent.request.method in ("INVITE", "UPDATE"):
            self.renegotiation.on_failure(sent, now)
        elif sent.request.method == "BYE":
            self._bye_done(sent, "BYE not answered")
        elif sent.request.method == "REFER":
            self.referrer.on_failure(sent, why)

    def _bye_done(self, sent: Sent, reason: str) -> None:
        """The BYE of a fork we did not want ends nothing of ours."""
        if self.dialog is not None and self.dialog.remote_tag == sent.request.to_tag:
            self.end("local", reason)

    def on_unreachable(self, served: Served, now: float) -> None:
        """An answer of ours cannot be delivered any more."""

    def _note_connection(self, flow: Flow) -> None:
        if flow.connection:
            self.flow = flow

    # --- requests of the peer

    def receive(self, served: Served, flow: Flow, now: float) -> None:
        """A request inside the dialog, in a new server transaction."""
        request = served.request
        served.answerer = self
        if not self.dialog_of(request.from_tag).accepts_sequence(request):
            self.core.reply(served, 500, now, phrase="CSeq Out of Order")
            return
        self.flow = flow
        if request.method == "BYE":
            self._receive_bye(served, now)
        elif self.is_ending:
            self.core.reply(served, 481, now)
        elif request.method == "INFO":
            self._receive_info(served, now)
        elif request.method in ("INVITE", "UPDATE"):
            self.use_flow = behind_translator(request, flow)
            self.renegotiation.receive(served, now)
        elif request.method == "PRACK":
            self.receive_prack(served, now)
        elif request.method == "REFER":
            receive_refer(self, served, now)
        elif request.method == "NOTIFY":
            self.referrer.receive(served, now)
        elif request.method == "OPTIONS":
            self.core.reply(served, 200, now, headers=[self.contact, *described()])
        else:
            self.core.reply(served, 403, now, phrase="Not Inside A Dialog")

    def receive_prack(self, served: Served, now: float) -> None:
        """For no provisional answer of ours. RFC 3262 section 3."""
        self.core.reply(served, 481, now)

    def receive_ack(self, ack: Request, flow: Flow, now: float) -> None:
        """The ACK of a 2xx of ours; a repeated one says nothing new."""
        waiting = self.unacknowledged
        if waiting is None or waiting.sequence != ack.cseq.sequence:
            return
        self._note_connection(flow)
        self.acknowledge(waiting, sdp_of(ack) if waiting.offered else b"", now)

    def receive_cancel(self, target: Served, cancel: Request, now: float) -> None:
        """A CANCEL of the INVITE in `target`: a re-INVITE that waits for the application is withdrawn."""
        if self.renegotiation.cancelled(target, now):
            logger.debug("reinvite_cancelled leg=%s", self.name)

    def acknowledge(self, waiting: Unacknowledged, answer: bytes, now: float) -> None:
        self.unacknowledged = None
        self.stop_alarms("repeat answer", "no ACK")
        self.on_acknowledged(waiting, answer)
        if self.phase is Phase.ANSWERED:
            self.phase = Phase.CONFIRMED
        if self.hang_up_reason is not None and self.phase is Phase.CONFIRMED:
            self.send_bye(now, self.hang_up_reason)

    def on_acknowledged(self, waiting: Unacknowledged, answer: bytes) -> None:
        self.renegotiation.on_acknowledged(waiting, answer)

    def _receive_bye(self, served: Served, now: float) -> None:
        self.core.reply(served, 200, now)
        if self.phase is Phase.ENDING:
            self.end("local", "BYE")
            return
        self.renegotiation.withdraw(now)
        self.on_bye(reason_of(served.request) or "BYE", now)

    def on_bye(self, reason: str, now: float) -> None:
        self.end("remote", reason)

    def _receive_info(self, served: Served, now: float) -> None:
        outcome = read_info(self.name, served.request)
        if isinstance(outcome, Refusal):
            self.core.reply(served, outcome.status, now, phrase=outcome.phrase, headers=outcome.headers)
            return
        self.core.reply(served, 200, now)
        if isinstance(outcome, KeyInfo):
            self.core.emit(outcome)

    # --- our 2xx until its ACK

    def accept_invite(self, served: Served, sdp: bytes, now: float, headers: list[Header], initial: bool) -> None:
        """200 with a session description, repeated until the ACK."""
        self.accept_session(served, now, sdp, headers)
        response = served.last_response
        assert response is not None
        offered = not sdp_of(served.request)
        self.unacknowledged = Unacknowledged(served, response, offered, initial, self.core.timers.t1)
        self.set_alarm("repeat answer", now + self.core.timers.t1)
        self.set_alarm("no ACK", now + self.core.timers.patience)

    def accept_session(self, served: Served, now: float, sdp: bytes = b"", headers: Sequence[Header] = ()) -> None:
        """200 to an INVITE or UPDATE."""
        request = served.request
        self.note_abilities(request)
        self.local_sdp = sdp or self.local_sdp
        timer = [] if self.is_early else self.timer.headers_of_answer(request, now)
        self.core.reply(served, 200, now, headers=[*self.headers_of_session(), *timer, *headers], body=sdp)

    def _repeat_answer(self, now: float) -> None:
        waiting = self.unacknowledged
        if waiting is None:
            return
        waiting.served.respond(waiting.response, now)
        waiting.interval = min(2 * waiting.interval, self.core.timers.t2)
        self.set_alarm("repeat answer", now + waiting.interval)

    def _give_up_waiting_for_ack(self, now: float) -> None:
        """RFC 3261 section 13.3.1.4: the dialog stands, but the session is ended with a BYE."""
        by: Literal["local", "failure"] = "failure" if self.hang_up_reason is None else "local"
        self.fail(now, "no ACK", by)

    # --- the end

    def fail(self, now: float, reason: str, by: Literal["local", "failure"] = "failure") -> None:
        """The call cannot be kept: tell the peer, wait for nothing."""
        self.send_bye(now, reason)
        self.end(by, reason)

    def end(self, by: Literal["remote", "local", "failure"], reason: str) -> None:
        self.finish(CallEnded(self.name, by, reason))

    def finish(self, event: Output) -> None:
        """The one event that ends the leg; a second one is not told."""
        if self.phase is Phase.OVER:
            return
        self.phase = Phase.OVER
        self.unacknowledged = None
        self.referrer.leg_over()
        self._alarms.clear()
        self.core.queue.forget(self)
        del self.core.legs[self.name]
        self.leave_line()
        self.forget_dialogs()
        self.core.emit(event)

    def leave_line(self) -> None:
        """What it took of our lines is free again."""
        if self.core.guard is not None:
            self.core.guard.left(self.name)

    def forget_dialogs(self) -> None:
        if self.dialog is not None:
            self.core.dialogs.pop(self.dialog.id, None)

    def uses(self, flow: Flow) -> bool:
        return same_connection(self.flow, flow)

    def connection_lost(self, flow: Flow) -> None:
        """The dialog outlives the connection: the next request opens another one to the peer."""
        self.flow = replace(flow, remote=self._address_without_connection(flow), connection=0)

    def _address_without_connection(self, flow: Flow) -> tuple[str, int]:
        if self.dialog is None:
            return flow.remote
        over_udp = Flow("udp", flow.local, flow.remote)
        return self.core.flow_towards(self.dialog, over_udp, self.use_flow).remote
