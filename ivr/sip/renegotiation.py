"""Changing the session of a live call: re-INVITE and UPDATE, theirs and ours. RFC 3261 section 14, RFC 3311.

At most one offer is under way. Theirs while ours is unanswered gets 491; theirs while another of theirs
waits for the application gets 500 with Retry-After; a 491 to ours is tried again after a random pause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.errors import LocalProtocolError
from ivr.sip.events import SessionAnswered, SessionOffered, SessionRefused
from ivr.sip.inspection import sdp_of
from ivr.sip.message import Response
from ivr.sip.phrases import phrase_of

if TYPE_CHECKING:
    from ivr.sip.leg import Leg, Unacknowledged
    from ivr.sip.transaction.layer import Sent, Served

MAX_GLARE = 5
"""Times an offer is repeated after 491; each pause is random, so five collisions in a row mean something else."""


class Renegotiation:
    """The offers of one leg after the first."""

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._theirs: Served | None = None
        """Waits for accept() or refuse()."""
        self._ours: Sent | None = None
        self._offer = b""
        """Ours, until it is answered or refused."""
        self._glares = 0

    # --- theirs

    def receive(self, served: Served, now: float) -> None:
        if status := self._obstacle(served):
            pause = [("Retry-After", str(self._leg.core.rng.randint(0, 10)))] if status == 500 else []
            self._leg.core.reply(served, status, now, headers=pause)
            return
        if (waiting := self._leg.unacknowledged) is not None and served.request.method == "INVITE":
            self._leg.acknowledge(waiting, b"", now)
        self._leg.require_dialog().refresh_target(served.request)
        if served.request.method == "UPDATE" and not sdp_of(served.request):
            self._leg.core.reply(served, 200, now, headers=self._leg.headers_of_session())
            return
        if served.request.method == "INVITE":
            self._leg.core.reply(served, 100, now)
        self._theirs = served
        self._leg.core.emit(SessionOffered(self._leg.name, sdp_of(served.request)))

    def _obstacle(self, served: Served) -> int:
        """The status that puts this offer off, or 0. RFC 3261 section 14.2, RFC 3311 section 5.2."""
        if served.request.method == "UPDATE" and not sdp_of(served.request):
            return 0
        waiting = self._leg.unacknowledged
        if self._ours is not None or (waiting is not None and waiting.offered):
            return 491
        if self._theirs is not None or self._leg.is_early:
            return 500
        return 0

    def accept(self, sdp: bytes, now: float) -> None:
        served = self._take_theirs()
        if served.request.method == "INVITE":
            self._leg.accept_invite(served, sdp, now, [], initial=False)
        else:
            self._leg.core.reply(served, 200, now, headers=self._leg.headers_of_session(), body=sdp)

    def refuse(self, status: int, now: float) -> None:
        self._leg.core.reply(self._take_theirs(), status, now)

    def on_acknowledged(self, waiting: Unacknowledged, answer: bytes) -> None:
        if waiting.offered:
            self._leg.core.emit(SessionAnswered(self._leg.name, answer))

    def withdraw(self, now: float) -> None:
        """The call ends: an offer of theirs that still waits gets 487. RFC 3261 section 15.1.2."""
        if self._theirs is not None:
            self._leg.core.reply(self._take_theirs(), 487, now)

    def cancelled(self, target: Served, now: float) -> bool:
        """Their re-INVITE is taken back; whether it was still waiting for accept() or refuse()."""
        if self._theirs is not target:
            return False
        self.withdraw(now)
        return True

    def _take_theirs(self) -> Served:
        served, self._theirs = self._theirs, None
        if served is None:
            raise LocalProtocolError(f"leg {self._leg.name} has no offer waiting for an answer")
        return served

    # --- ours

    def offer(self, sdp: bytes, now: float) -> None:
        if self._offer or self._theirs is not None or self._leg.unacknowledged is not None:
            raise LocalProtocolError(f"leg {self._leg.name} has another offer under way: wait for its outcome")
        self._offer = sdp
        self._glares = 0
        self._send(now)

    def offer_again(self, now: float) -> None:
        """The pause after 491 is over; when a change of theirs is just going on, wait a little more."""
        if self._theirs is not None or self._leg.unacknowledged is not None:
            self._leg.set_alarm("offer again", now + self._leg.core.timers.t1)
        else:
            self._send(now)

    def _send(self, now: float) -> None:
        headers = self._leg.headers_of_session()
        self._ours = self._leg.send_in_dialog("INVITE", now, headers, self._offer)

    def on_response(self, sent: Sent, response: Response, now: float) -> None:
        if not response.is_final:
            return
        dialog = self._leg.require_dialog()
        success = response.status < 300
        if success:
            dialog.refresh_target(response)
            self._leg.send_ack(dialog, sent.request)
        if sent is not self._ours:
            return
        self._ours = None
        if self._leg.is_ending:
            return
        if success:
            self._offer = b""
            self._leg.core.emit(SessionAnswered(self._leg.name, sdp_of(response)))
        else:
            self._refused(sent, response, now)

    def _refused(self, sent: Sent, response: Response, now: float) -> None:
        if response.status == 491 and self._glares < MAX_GLARE:
            self._glares += 1
            self._leg.set_alarm("offer again", now + self._pause())
        elif again := self._leg.resend_with_credentials(sent, response, now):
            self._ours = again
        elif response.status in (408, 481):
            self._leg.fail(now, f"re-INVITE answered with {response.status}")
        else:
            self._tell_refused(response.status, response.phrase)

    def _pause(self) -> float:
        """Seconds, in steps of 10 ms: who made the Call-ID waits longer. RFC 3261 section 14.1."""
        low, high = (210, 400) if self._leg.owns_call_id else (0, 200)
        return self._leg.core.rng.randint(low, high) / 100

    def on_failure(self, sent: Sent, now: float) -> None:
        """No answer at all to ours: the peer is gone. RFC 3261 section 12.2.1.2."""
        if sent is self._ours and not self._leg.is_ending:
            self._ours = None
            self._leg.fail(now, "re-INVITE not answered")

    def _tell_refused(self, status: int, phrase: str) -> None:
        self._offer = b""
        self._leg.core.emit(SessionRefused(self._leg.name, status, phrase or phrase_of(status)))
