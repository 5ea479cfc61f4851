"""A call we make. RFC 3261 sections 13.2 and 9.1.

Each tag in an answer is a dialog of its own, early until its 2xx. The latest that spoke is `dialog`, and the one
that answers first stays it; requests of the peer find theirs by tag.
"""

from __future__ import annotations

from ivr.sip.authoriser import Authoriser
from ivr.sip.companions import cancel_of
from ivr.sip.core import Core
from ivr.sip.dialog import Dialog
from ivr.sip.events import NO_ANSWER, NO_CONNECTION, CallAccepted, CallProgress, CallRefused, Flow
from ivr.sip.fields import scheme_of, user_part
from ivr.sip.inspection import sdp_of
from ivr.sip.leg import Leg, Phase
from ivr.sip.message import Request, Response
from ivr.sip.phrases import phrase_of
from ivr.sip.reason import reason_header
from ivr.sip.reliability import EarlyDialog, is_reliable
from ivr.sip.transaction.layer import Sent

MAX_EARLY = 32
"""Early dialogs of one call; a proxy forks to a handful."""
_STATUS_OF_FAILURE = {"timeout": (408, NO_ANSWER), "transport": (503, NO_CONNECTION)}


class OutgoingLeg(Leg):
    """The leg of our INVITE."""

    owns_call_id = True

    def __init__(self, core: Core, name: str, flow: Flow, caller_uri: str, authoriser: Authoriser | None) -> None:
        super().__init__(core, name, flow, user_part(caller_uri))
        self.authoriser = authoriser
        self._invite: Sent | None = None
        self._provisional = False
        """CANCEL must wait for the first provisional answer."""
        self._giving_up: str | None = None
        """Set, to the reason, when our side has hung up before the answer."""
        self._early: dict[str, EarlyDialog] = {}
        """What provisional answers made, by the peer's tag."""
        self._forks: dict[str, Dialog] = {}
        """Every dialog a 2xx made, by the peer's tag: our leg's own, and those we hang up at once."""

    def start(self, request: Request, now: float) -> None:
        self.local_sdp = request.body
        self.scheme = scheme_of(request.uri)
        for name, value in self.timer.headers_of_request():
            request.headers.add(name, value)
        if self.core.guard is not None:
            self.core.guard.entered(self.name, request)
        self._invite = self.core.send(request, self.flow, self, now)

    def dialog_of(self, peer_tag: str) -> Dialog:
        early = self._early.get(peer_tag)
        return early.dialog if self.is_early and early is not None else self.require_dialog()

    def is_agreed_early(self, peer_tag: str) -> bool:
        early = self._early.get(peer_tag)
        return early is not None and early.is_agreed

    # --- what the application wants

    def hang_up(self, now: float, reason: str) -> None:
        if not self.is_early:
            super().hang_up(now, reason)
        elif self._giving_up is None:
            self._giving_up = reason
            if self._provisional:
                self._send_cancel(now)

    def _send_cancel(self, now: float) -> None:
        """The peer must answer the INVITE now; if it does not, we stop waiting after 64*T1."""
        assert self._invite is not None
        cancel = cancel_of(self._invite.request)
        for name, value in reason_header(self._giving_up or ""):
            cancel.headers.add(name, value)
        self.core.layer.send(cancel, self._invite.flow, self, now)
        self.set_alarm("cancel not obeyed", now + self.core.timers.patience)

    def on_alarm(self, alarm: str, now: float) -> None:
        if alarm == "cancel not obeyed" and self._invite is not None:
            self._invite.abandon()
            self._refused(487, "")
        else:
            super().on_alarm(alarm, now)

    # --- answers

    def on_invite_response(self, sent: Sent, response: Response, now: float) -> None:
        if sent is not self._invite:
            super().on_invite_response(sent, response, now)
        elif response.status < 200:
            self._progress(response, now)
        elif response.status < 300:
            self._success(sent, response, now)
        elif self._giving_up is None and (again := self._again(sent, response, now)):
            self._invite, self._provisional = again, False
            self._forget_early()
        else:
            self._refused(487 if self._giving_up is not None else response.status, response.phrase)

    def _again(self, sent: Sent, response: Response, now: float) -> Sent | None:
        if self.timer.is_too_small(response):
            return self.resend(sent, now, *self.timer.headers_of_request())
        return self.resend_with_credentials(sent, response, now)

    def _progress(self, response: Response, now: float) -> None:
        first, self._provisional = not self._provisional, True
        if response.status > 100 and self.is_early and self._takes_progress(response, now):
            self.note_abilities(response)
            if self._giving_up is None:
                self.core.emit(CallProgress(self.name, response.status, sdp_of(response)))
        if first and self._giving_up is not None:
            self._send_cancel(now)

    def _takes_progress(self, response: Response, now: float) -> bool:
        """Note the early dialog, and send PRACK if asked for; False for a repetition. RFC 3262 section 4."""
        early = self._early_dialog(response)
        if early is None:
            return not is_reliable(response)
        if not is_reliable(response):
            early.sdp = sdp_of(response) or early.sdp
            return True
        sequence = early.takes(response)
        if sequence is None:
            return False
        early.sdp = sdp_of(response) or early.sdp
        early.is_agreed = early.is_agreed or bool(early.sdp)
        rack = f"{sequence} {response.cseq.sequence} INVITE"
        self.send_in_dialog("PRACK", now, [("RAck", rack)], dialog=early.dialog)
        return True

    def _early_dialog(self, response: Response) -> EarlyDialog | None:
        assert self._invite is not None
        tag = response.to_tag
        if tag not in self._early:
            if not tag or len(self._early) >= MAX_EARLY:
                return None
            dialog = Dialog.of_response(self._invite.request, response)
            self._early[tag] = EarlyDialog(dialog)
            self.core.dialogs[dialog.id] = self
        early = self._early[tag]
        self.dialog = early.dialog
        return early

    def _forget_early(self, kept: Dialog | None = None) -> None:
        for early in self._early.values():
            if kept is None or early.dialog.id != kept.id:
                self.core.dialogs.pop(early.dialog.id, None)
        self._early.clear()
        self.dialog = kept

    def forget_dialogs(self) -> None:
        super().forget_dialogs()
        self._forget_early()

    def on_bye(self, reason: str, now: float) -> None:
        """Before the answer a callee has no right to it (RFC 3261 section 15), but means that it is over."""
        if self.is_early:
            self.hang_up(now, "")
        else:
            super().on_bye(reason, now)

    def _success(self, sent: Sent, response: Response, now: float) -> None:
        """Every 2xx is acknowledged, each time it comes; the first is the call. RFC 3261 section 13.2.2.4."""
        known = self._forks.get(response.to_tag)
        dialog = known or self._confirmed(sent.request, response)
        self._forks[response.to_tag] = dialog
        self.send_ack(dialog, sent.request)
        if known is not None:
            return
        if not self.is_early or self._giving_up is not None:
            self.send_bye(now, self._giving_up or "", dialog)
            if self.is_early:
                self._refused(487, "")
            return
        self._accepted(dialog, response, now)

    def _confirmed(self, invite: Request, response: Response) -> Dialog:
        """The route set is that of the 2xx, the counters go on. RFC 3261 sections 13.2.2.4 and 12.2.1.1."""
        dialog = Dialog.of_response(invite, response)
        if early := self._early.get(response.to_tag):
            dialog.local_sequence = early.dialog.local_sequence
            dialog.remote_sequence = early.dialog.remote_sequence
        return dialog

    def _accepted(self, dialog: Dialog, response: Response, now: float) -> None:
        early = self._early.get(dialog.remote_tag)
        self.phase = Phase.CONFIRMED
        self._forget_early(kept=dialog)
        self.core.dialogs[dialog.id] = self
        self.note_abilities(response)
        self.timer.answered(response, now)
        self.core.emit(CallAccepted(self.name, sdp_of(response) or (early.sdp if early else b"")))

    def on_failure(self, sent: Sent, why: str, now: float) -> None:
        if sent.request.method == "PRACK":
            return
        if sent is self._invite and self.is_early:
            self._refused(*((487, "") if self._giving_up is not None else _STATUS_OF_FAILURE[why]))
        elif sent is not self._invite:
            super().on_failure(sent, why, now)

    def _refused(self, status: int, phrase: str) -> None:
        if status == 487:
            phrase = phrase or phrase_of(487)
        self.finish(CallRefused(self.name, status, phrase or phrase_of(status)))
