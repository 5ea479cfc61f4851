"""A call that came to us. RFC 3261 sections 13.3 and 9.2."""

from __future__ import annotations

from ivr.errors import LocalProtocolError
from ivr.sip.acknowledgement import Unacknowledged
from ivr.sip.core import Core, checked_headers
from ivr.sip.dialog import Dialog, behind_translator
from ivr.sip.diversion import diversions_of
from ivr.sip.events import CallCancelled, CallConfirmed, Flow, IncomingCall
from ivr.sip.fields import NameAddress, plain, scheme_of, user_part
from ivr.sip.inspection import sdp_of
from ivr.sip.leg import Leg, Phase
from ivr.sip.message import Request
from ivr.sip.reason import reason_of
from ivr.sip.registration import Line
from ivr.sip.reliability import TAG, ReliableProvisionals
from ivr.sip.reply import Header
from ivr.sip.transaction.layer import Served
from ivr.sip.user_to_user import NAME as USER_TO_USER
from ivr.sip.user_to_user import read_user_to_user

REMIND_EVERY = 60.0
"""Seconds between provisional answers while we think, lest a proxy give up. RFC 3261 section 13.3.1.1."""


class IncomingLeg(Leg):
    """The leg of an INVITE outside any dialog, in a new server transaction."""

    def __init__(self, core: Core, name: str, served: Served, flow: Flow, now: float, replaces: str = "") -> None:
        super().__init__(core, name, flow, user_part(served.request.uri))
        request = served.request
        self._served = served
        self._ringing = 100
        served.answerer = self
        self.scheme = scheme_of(request.uri)
        self.use_flow = behind_translator(request, flow)
        self.dialog = Dialog.of_request(request, served.tag)
        self._record_route: list[Header] = [
            ("Record-Route", value) for value in request.headers.getlist("Record-Route")
        ]
        needed = TAG in (tag.lower() for tag in request.tokens("Require"))
        self._reliable = ReliableProvisionals(core, request) if needed else None
        core.dialogs[self.dialog.id] = self
        if core.guard is not None:
            core.guard.entered(name, request, flow)
        self.note_abilities(request)
        core.reply(served, 100, now)
        self.set_alarm("remind", now + REMIND_EVERY)
        line = core.registrations.called(request, flow)
        self.authoriser = line.authoriser if line is not None else None
        trusted = flow.remote[0] in core.settings.trunks
        core.emit(incoming_call(name, request, flow, trusted, line.line if line else None, replaces))

    # --- what the application wants

    def ring(self, now: float) -> None:
        self._require_early()
        self._provisional(180, now)

    def answer(self, sdp: bytes, now: float) -> None:
        self._require_early()
        self.phase = Phase.ANSWERED
        self.stop_alarms("remind", "repeat provisional", "no PRACK")
        self.accept_invite(self._served, sdp, now, self._record_route, initial=True)

    def refuse(self, status: int, now: float, phrase: str, headers: list[Header]) -> None:
        self._require_early()
        if not 300 <= status <= 699:
            raise LocalProtocolError(f"a call is refused with a status from 300 to 699, not {status}")
        self.core.reply(self._served, status, now, phrase=plain(phrase), headers=checked_headers(headers))
        self.end("local", f"refused with {status}")

    def hang_up(self, now: float, reason: str) -> None:
        if self.is_early:
            self.refuse(480, now, "", [])
        else:
            super().hang_up(now, reason)

    def _require_early(self) -> None:
        if not self.is_early:
            raise LocalProtocolError(
                f"leg {self.name} is answered or over: it can no longer ring, answer or refuse"
            )

    # --- what happens

    def on_alarm(self, alarm: str, now: float) -> None:
        if alarm == "remind":
            self._provisional(183 if self._ringing == 100 else self._ringing, now)
        elif alarm == "repeat provisional":
            self._repeat_provisional(now)
        elif alarm == "no PRACK":
            self.core.reply(self._served, 504, now, phrase="No PRACK")
            self.end("failure", "no PRACK")
        else:
            super().on_alarm(alarm, now)

    def _provisional(self, status: int, now: float) -> None:
        self._ringing = status
        self.set_alarm("remind", now + REMIND_EVERY)
        headers = [*self.headers_of_session(), *self._record_route]
        if self._reliable is None:
            self.core.reply(self._served, status, now, headers=headers)
        elif self._reliable.pending is not None:
            self._reliable.next_status = status
        elif sdp_of(self._served.request):
            self._provisional_reliably(self._reliable, status, headers, now)

    def _provisional_reliably(
        self, reliable: ReliableProvisionals, status: int, headers: list[Header], now: float
    ) -> None:
        """Repeated until its PRACK. An INVITE without an offer gets none of these but 100: the first would have
        to carry our offer (RFC 3262 section 5), and that is made when the call is answered."""
        self.core.reply(self._served, status, now, headers=[*headers, *reliable.headers()])
        response = self._served.last_response
        assert response is not None
        self.set_alarm("repeat provisional", now + reliable.sent(response))
        self.set_alarm("no PRACK", now + self.core.timers.patience)

    def _repeat_provisional(self, now: float) -> None:
        if self._reliable is not None and (pending := self._reliable.pending) is not None:
            self._served.respond(pending.response, now)
            pending.interval *= 2
            self.set_alarm("repeat provisional", now + pending.interval)

    def receive_prack(self, served: Served, now: float) -> None:
        if self._reliable is None or not self._reliable.acknowledged(served.request):
            super().receive_prack(served, now)
            return
        self.stop_alarms("repeat provisional", "no PRACK")
        if sdp_of(served.request):  # theirs has no answer yet, so there is no room for another
            self.core.reply(served, 488, now)
        else:
            self.core.reply(served, 200, now)
        status, self._reliable.next_status = self._reliable.next_status, 0
        if status and self.is_early:
            self._provisional(status, now)

    def receive_cancel(self, target: Served, cancel: Request, now: float) -> None:
        """A CANCEL after the final answer changes nothing. RFC 3261 section 9.2."""
        if target is not self._served:
            super().receive_cancel(target, cancel, now)
        elif self.is_early:
            self._cancelled(reason_of(cancel), now)

    def on_bye(self, reason: str, now: float) -> None:
        if self.is_early:
            self._cancelled(reason, now)
        else:
            super().on_bye(reason, now)

    def _cancelled(self, reason: str, now: float) -> None:
        self.core.reply(self._served, 487, now)
        self.finish(CallCancelled(self.name, reason))

    def on_acknowledged(self, waiting: Unacknowledged, answer: bytes) -> None:
        if waiting.initial:
            self.core.emit(CallConfirmed(self.name, answer))
        else:
            super().on_acknowledged(waiting, answer)

    def on_unreachable(self, served: Served, now: float) -> None:
        """The caller's connection is gone and cannot be made again."""
        if served is not self._served:
            return
        if self.is_early:
            self.finish(CallCancelled(self.name, "connection lost"))
        elif self.phase is Phase.ANSWERED:
            self.end("failure", "connection lost")


def incoming_call(
    leg: str, request: Request, flow: Flow, trusted: bool, line: Line | None, replaces: str
) -> IncomingCall:
    """The application's view of an INVITE. A claimed identity, or diversion, counts only when it is vouched for
    (RFC 3325 section 5)."""
    caller = (_asserted(request) if trusted else None) or request.from_address
    return IncomingCall(
        leg=leg,
        call_id=plain(request.call_id),
        calling_number=user_part(caller.uri),
        calling_uri=plain(caller.uri),
        called=called_number(request, line),
        called_uri=plain(request.uri),
        offer=sdp_of(request),
        flow=flow,
        user_agent=request.text("User-Agent")[:200],
        line=line.name if line is not None else "",
        replaces=replaces,
        user_to_user=read_user_to_user(request.headers.getlist(USER_TO_USER)),
        diversions=diversions_of(request) if trusted else (),
    )


def called_number(request: Request, line: Line | None) -> str:
    """What the caller dialled. A registrar sends to our Contact, and what was dialled is in To alone."""
    dialled = user_part(request.uri)
    if line is not None and dialled == line.user:
        return user_part(request.to_address.uri) or dialled
    return dialled


def _asserted(request: Request) -> NameAddress | None:
    try:
        identities = request.addresses("P-Asserted-Identity")
    except ValueError:
        return None
    return identities[0] if identities else None
