"""We ask the peer to call somebody else: our REFER, and what becomes of it. RFC 3515, RFC 5589, RFC 4488.

::

    REFER --> 202 --> NOTIFY 100 ... NOTIFY 200 --> succeeded
          |       |              '-- NOTIFY 486 --> failed
          |       |-- Refer-Sub: false -----------> accepted: nobody will say more
          |       '-- 64*T1 without NOTIFY -------> silent
          '-- 403 or no answer -------------------> refused
    BYE at any moment ----------------------------> ended

Exactly one `ReferEnded` comes, before the end of the call if that comes first. A REFER that fails does not hurt
the call it was sent in, not even a 481 or none: telephones that know no REFER are known to answer so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from weakref import proxy

from ivr.errors import LocalProtocolError
from ivr.sip.capabilities import ALLOW_EVENTS, EVENTS
from ivr.sip.core import checked_headers
from ivr.sip.events import ReferAccepted, ReferEnded, ReferOutcome, ReferProgress
from ivr.sip.fields import NameAddress, parse_parameters
from ivr.sip.fragment import FRAGMENT, decode_fragment
from ivr.sip.message import Request, Response
from ivr.sip.phrases import phrase_of
from ivr.sip.refer_to import ReferTo
from ivr.sip.reply import Header

if TYPE_CHECKING:
    from ivr.sip.leg import Leg
    from ivr.sip.transaction.layer import Sent, Served

USUAL = 180.0
"""Seconds to wait for the outcome where the peer does not say how long it will tell of it: a long ringing."""
LONGEST = 600.0
"""Seconds to wait for the outcome, whatever the peer says."""
_STATUS_OF_FAILURE = {"timeout": 408, "transport": 503}


class Referrer:
    """Our REFERs in one leg; one at a time."""

    def __init__(self, leg: Leg) -> None:
        self._leg: Leg = proxy(leg)  # it owns us: a circle would wait for the garbage collector
        self._sent: Sent | None = None
        self._pending = False
        self._accepted = False
        self._notified = False
        self._progress = (0, "")
        self._sequences: set[int] = set()
        """CSeq of every REFER of ours: the ``id`` of its subscription. RFC 3515 section 2.4.6."""
        self._current: set[int] = set()
        """Those of the one under way; a challenge makes it two."""

    def refer(self, to: ReferTo, headers: Sequence[Header], now: float) -> None:
        """:raises LocalProtocolError: another is under way, or a header would break the message."""
        leg = self._leg
        if self._pending:
            raise LocalProtocolError(f"leg {leg.name} has another REFER under way: wait for ReferEnded")
        by = NameAddress.parse(leg.require_dialog().local).uri
        fields = [
            ("Refer-To", to.encode()),
            ("Referred-By", f"<{by}>"),
            *checked_headers(headers),
            *leg.headers_of_session(),
        ]
        self._pending, self._accepted, self._notified, self._progress = True, False, False, (0, "")
        self._current = set()
        if not leg.peer_refers:
            self._end("refused", 405, "The peer does not allow REFER")
            return
        self._note(leg.send_in_dialog("REFER", now, fields))

    def _note(self, sent: Sent) -> None:
        self._sent = sent
        self._current.add(sent.request.cseq.sequence)
        self._sequences.add(sent.request.cseq.sequence)

    # --- the answer

    def on_response(self, sent: Sent, response: Response, now: float) -> None:
        if sent is not self._sent or not self._pending or not response.is_final:
            return
        if again := self._leg.resend_with_credentials(sent, response, now):
            self._note(again)
        elif response.status >= 300:
            self._end("refused", response.status, response.phrase)
        else:
            self._leg.require_dialog().refresh_target(response)
            self._accept(response, now)

    def _accept(self, response: Response, now: float) -> None:
        if not self._accepted:
            self._accepted = True
            self._leg.core.emit(ReferAccepted(self._leg.name))
        if (response.headers.get("Refer-Sub") or "").split(";")[0].strip().lower() == "false":
            self._end("accepted", response.status, response.phrase)
        elif not self._notified:  # a NOTIFY may overtake the 202, and has set the alarm
            self._leg.set_alarm("no NOTIFY", now + self._leg.core.timers.patience)

    def on_failure(self, sent: Sent, why: str) -> None:
        if sent is self._sent and self._pending and not self._accepted:
            self._end("refused", _STATUS_OF_FAILURE[why], "")

    # --- what the peer tells

    def receive(self, served: Served, now: float) -> None:
        """A NOTIFY in the dialog."""
        core, request = self._leg.core, served.request
        package, _, tail = (request.headers.get("Event") or "").partition(";")
        if package.strip().lower() not in EVENTS:
            core.reply(served, 489, now, headers=[ALLOW_EVENTS])
        elif not self._is_ours(identity := parse_parameters(tail).get("id", "")):
            core.reply(served, 481, now, phrase="Subscription Does Not Exist")
        elif request.body and request.content_type not in ("", FRAGMENT):
            core.reply(served, 415, now, headers=[("Accept", FRAGMENT)])
        else:
            core.reply(served, 200, now, headers=[self._leg.contact])
            if self._pending and (not identity or int(identity) in self._current):
                self._told(request, now)

    def _is_ours(self, identity: str) -> bool:
        """Without an id it means the first, and who sends two at once to one peer gets what he asked for."""
        if not identity:
            return bool(self._sequences)
        return (
            identity.isascii() and identity.isdigit() and len(identity) <= 10 and int(identity) in self._sequences
        )

    def _told(self, notify: Request, now: float) -> None:
        self._notified = True
        if not self._accepted:
            self._accepted = True
            self._leg.core.emit(ReferAccepted(self._leg.name))
        state, _, tail = (notify.headers.get("Subscription-State") or "active").partition(";")
        parameters = parse_parameters(tail)
        told = decode_fragment(notify.body)
        if told is not None and told[0] >= 200:
            self._end("succeeded" if told[0] < 300 else "failed", *told)
        elif state.strip().lower() == "terminated":
            self._end("silent", *self._progress)
        else:
            if told is not None and told != self._progress:
                self._progress = told
                self._leg.core.emit(ReferProgress(self._leg.name, *told))
            self._leg.set_alarm("no NOTIFY", now + self._patience(parameters.get("expires", "")))

    def _patience(self, expires: str) -> float:
        seconds = float(expires) if expires.isascii() and expires.isdigit() and len(expires) <= 9 else USUAL
        return min(max(seconds, self._leg.core.timers.patience), LONGEST)

    # --- the end

    def nothing_heard(self) -> None:
        """The time in which the peer was to tell is over."""
        self._end("silent", *self._progress)

    def leg_over(self) -> None:
        """The call is over before the outcome is known; a peer that had accepted is probably on its way."""
        self._end("ended", *((202, phrase_of(202)) if self._accepted else (0, "")))

    def _end(self, outcome: ReferOutcome, status: int, phrase: str) -> None:
        if not self._pending:
            return
        self._pending, self._sent = False, None
        self._leg.stop_alarms("no NOTIFY")
        self._leg.core.emit(
            ReferEnded(self._leg.name, outcome, status, phrase or (phrase_of(status) if status else ""))
        )
