"""Changing the session of a live call: re-INVITE and UPDATE, theirs and ours. RFC 3261 section 14, RFC 3311.

At most one offer is under way. Theirs while ours is unanswered gets 491; theirs while another of theirs
waits for the application gets 500 with Retry-After; a 491 to ours is tried again after a random pause.
Ours go by re-INVITE, before the call is answered by UPDATE. A refresh for the session timer goes by UPDATE
without offer where the peer takes that, else by a re-INVITE that says again what was said last; what the
application offers meanwhile waits for its outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from weakref import proxy

from ivr.errors import LocalProtocolError
from ivr.sip.events import SessionAnswered, SessionOffered, SessionRefused
from ivr.sip.inspection import sdp_of
from ivr.sip.message import Response
from ivr.sip.phrases import phrase_of
from ivr.sip.reply import Header

if TYPE_CHECKING:
    from ivr.sip.acknowledgement import Unacknowledged
    from ivr.sip.leg import Leg
    from ivr.sip.transaction.layer import Sent, Served

MAX_GLARE = 5
"""Times an offer is repeated after 491; each pause is random, so five collisions in a row mean something else."""


class Renegotiation:
    """The offers of one leg after the first."""

    def __init__(self, leg: Leg) -> None:
        self._leg: Leg = proxy(leg)  # it owns us: a circle would wait for the garbage collector
        self._theirs: Served | None = None
        """Waits for accept() or refuse()."""
        self._ours: Sent | None = None
        self._offer = b""
        """Ours, until it is answered or refused."""
        self._refresh: Sent | None = None
        """Ours for the session timer."""
        self._remote_sdp = b""
        """What a refresh by re-INVITE was answered with last: news is only what differs."""
        self._glares = 0

    # --- theirs

    def receive(self, served: Served, now: float) -> None:
        if status := self._obstacle(served):
            pause = [("Retry-After", str(self._leg.core.rng.randint(0, 10)))] if status == 500 else []
            self._leg.core.reply(served, status, now, headers=pause)
            return
        if (waiting := self._leg.unacknowledged) is not None and served.request.method == "INVITE":
            self._leg.acknowledge(waiting, b"", now)
        self._leg.dialog_of(served.request.from_tag).refresh_target(served.request)
        if served.request.method == "UPDATE" and not sdp_of(served.request):
            self._leg.accept_session(served, now)
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
        if self._is_offering or (waiting is not None and waiting.offered):
            return 491
        if self._theirs is not None:
            return 500
        if not self._leg.is_early or self._leg.is_agreed_early(served.request.from_tag):
            return 0
        return 491 if self._leg.owns_call_id else 500

    @property
    def _is_offering(self) -> bool:
        """Whether an offer of ours is on its way, or a refresh that carries one."""
        refresh = self._refresh
        return self._ours is not None or (refresh is not None and refresh.request.method == "INVITE")

    def accept(self, sdp: bytes, now: float) -> None:
        served = self._take_theirs()
        if served.request.method == "INVITE":
            self._leg.accept_invite(served, sdp, now, [], initial=False)
        else:
            self._leg.accept_session(served, now, sdp)

    def refuse(self, status: int, now: float, headers: Sequence[Header] = ()) -> None:
        self._leg.core.reply(self._take_theirs(), status, now, headers=headers)

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
        if not self._is_offering:
            self._send(now)

    def offer_again(self, now: float) -> None:
        """The pause after 491 is over; when a change of theirs is just going on, wait a little more."""
        if self._theirs is not None or self._leg.unacknowledged is not None:
            self._leg.set_alarm("offer again", now + self._leg.core.timers.t1)
        else:
            self._send(now)

    def _send(self, now: float) -> None:
        """Before the call is answered an INVITE is under way, and only UPDATE can offer. RFC 3311 section 5.1."""
        self._ours = self._request("UPDATE" if self._leg.is_early else "INVITE", now, self._offer)

    def _request(self, method: str, now: float, sdp: bytes) -> Sent:
        timer = [] if self._leg.is_early else self._leg.timer.headers_of_request()
        return self._leg.send_in_dialog(method, now, [*self._leg.headers_of_session(), *timer], sdp)

    def refresh(self, now: float) -> None:
        """The session timer wants to be started anew. RFC 4028 section 7.4."""
        leg = self._leg
        if self._refresh is not None:
            return
        if self._is_offering or self._theirs is not None or leg.unacknowledged is not None:
            leg.set_alarm("refresh", now + leg.core.timers.t2)
        elif leg.peer_updates:
            self._refresh = self._request("UPDATE", now, b"")
        else:
            self._refresh = self._request("INVITE", now, leg.local_sdp)

    def on_response(self, sent: Sent, response: Response, now: float) -> None:
        if not response.is_final:
            return
        dialog = self._leg.dialog_of(sent.request.to_tag)
        success = response.status < 300
        if success:
            dialog.refresh_target(response)
            if sent.request.method == "INVITE":
                self._leg.send_ack(dialog, sent.request)
        if sent is self._refresh:
            self._refresh = None
            if not self._leg.is_ending:
                self._on_refreshed(sent, response, now)
        elif sent is self._ours:
            self._ours = None
            if not self._leg.is_ending:
                self._on_answered(sent, response, now)

    def _on_answered(self, sent: Sent, response: Response, now: float) -> None:
        if response.status < 300:
            self._leg.local_sdp, self._offer = self._offer, b""
            self._note_success(response, now)
            self._leg.core.emit(SessionAnswered(self._leg.name, sdp_of(response)))
        elif response.status == 491 and self._glares < MAX_GLARE:
            self._glares += 1
            self._leg.set_alarm("offer again", now + self._pause())
        elif again := self._again(sent, response, now):
            self._ours = again
        elif response.status in (408, 481) and not self._leg.is_early:
            self._leg.fail(now, f"{name_of(sent)} answered with {response.status}")
        else:
            self._tell_refused(response.status, response.phrase)

    def _on_refreshed(self, sent: Sent, response: Response, now: float) -> None:
        if response.status < 300:
            self._note_success(response, now)
            sdp = sdp_of(response)
            if sdp and sdp != self._remote_sdp and not self._offer:
                self._remote_sdp = sdp
                self._leg.core.emit(SessionAnswered(self._leg.name, sdp))
        elif again := self._again(sent, response, now):
            self._refresh = again
            return
        elif response.status in (408, 481):
            self._leg.fail(now, f"{name_of(sent)} answered with {response.status}")
            return
        elif response.status in (405, 501) and sent.request.method == "UPDATE":
            self._leg.peer_updates = False
            self.refresh(now)
        else:
            self._leg.timer.refresh_failed(now)
        if self._offer and not self._is_offering:
            self.offer_again(now)

    def _note_success(self, response: Response, now: float) -> None:
        self._leg.note_abilities(response)
        if not self._leg.is_early:
            self._leg.timer.answered(response, now)

    def _again(self, sent: Sent, response: Response, now: float) -> Sent | None:
        """With credentials after 401 or 407, with a longer interval after 422."""
        if self._leg.timer.is_too_small(response):
            return self._leg.resend(sent, now, *self._leg.timer.headers_of_request())
        return self._leg.resend_with_credentials(sent, response, now)

    def _pause(self) -> float:
        """Seconds, in steps of 10 ms: who made the Call-ID waits longer. RFC 3261 section 14.1."""
        low, high = (210, 400) if self._leg.owns_call_id else (0, 200)
        return self._leg.core.rng.randint(low, high) / 100

    def on_failure(self, sent: Sent, now: float) -> None:
        """No answer at all to ours: the peer is gone. RFC 3261 section 12.2.1.2."""
        if (sent is not self._ours and sent is not self._refresh) or self._leg.is_ending:
            return
        self._ours = self._refresh = None
        if self._leg.is_early:
            self._tell_refused(408, "")
        else:
            self._leg.fail(now, f"{name_of(sent)} not answered")

    def _tell_refused(self, status: int, phrase: str) -> None:
        self._offer = b""
        self._leg.core.emit(SessionRefused(self._leg.name, status, phrase or phrase_of(status)))


def name_of(sent: Sent) -> str:
    return "re-INVITE" if sent.request.method == "INVITE" else sent.request.method
