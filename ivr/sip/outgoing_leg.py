"""A call we make. RFC 3261 sections 13.2 and 9.1."""

from __future__ import annotations

from ivr.sip.companions import cancel_of
from ivr.sip.core import Core
from ivr.sip.credentials import Credentials
from ivr.sip.dialog import Dialog
from ivr.sip.events import CallAccepted, CallProgress, CallRefused, Flow
from ivr.sip.incoming_leg import user_part
from ivr.sip.inspection import sdp_of
from ivr.sip.leg import Leg, Phase, reason_header
from ivr.sip.message import Request, Response
from ivr.sip.phrases import phrase_of
from ivr.sip.transaction.layer import Sent

_STATUS_OF_FAILURE = {"timeout": 408, "transport": 503}


class OutgoingLeg(Leg):
    """The leg of our INVITE; its dialog is made by the first 2xx."""

    owns_call_id = True

    def __init__(
        self, core: Core, name: str, flow: Flow, caller_uri: str, credentials: Credentials | None
    ) -> None:
        super().__init__(core, name, flow, user_part(caller_uri))
        self.credentials = credentials
        self._invite: Sent | None = None
        self._provisional = False
        """CANCEL must wait for the first provisional answer."""
        self._giving_up: str | None = None
        """Set, to the reason, when our side has hung up before the answer."""
        self._early_sdp = b""
        self._forks: dict[str, Dialog] = {}
        """Every dialog a 2xx made, by the peer's tag: our leg's own, and those we hang up at once."""

    def start(self, request: Request, now: float) -> None:
        self._invite = self.core.send(request, self.flow, self, now)

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
        elif self._giving_up is None and (again := self.resend_with_credentials(sent, response, now)):
            self._invite, self._provisional = again, False
        else:
            self._refused(487 if self._giving_up is not None else response.status, response.phrase)

    def _progress(self, response: Response, now: float) -> None:
        first, self._provisional = not self._provisional, True
        if self._giving_up is not None:
            if first:
                self._send_cancel(now)
            return
        if response.status > 100 and self.is_early:
            self._early_sdp = sdp_of(response) or self._early_sdp
            self.core.emit(CallProgress(self.name, response.status, sdp_of(response)))

    def _success(self, sent: Sent, response: Response, now: float) -> None:
        """Every 2xx is acknowledged, each time it comes; the first is the call. RFC 3261 section 13.2.2.4."""
        known = self._forks.get(response.to_tag)
        dialog = known or Dialog.of_response(sent.request, response)
        self._forks[response.to_tag] = dialog
        self.send_ack(dialog, sent.request)
        if known is not None:
            return
        if not self.is_early or self._giving_up is not None:
            self.send_bye(now, self._giving_up or "", dialog)
            if self.is_early:
                self._refused(487, "")
            return
        self._accepted(dialog, response)

    def _accepted(self, dialog: Dialog, response: Response) -> None:
        self.phase = Phase.CONFIRMED
        self.dialog = dialog
        self.core.dialogs[dialog.id] = self
        self.core.emit(CallAccepted(self.name, sdp_of(response) or self._early_sdp))

    def on_failure(self, sent: Sent, why: str, now: float) -> None:
        if sent is self._invite and self.is_early:
            self._refused(487 if self._giving_up is not None else _STATUS_OF_FAILURE[why], "")
        elif sent is not self._invite:
            super().on_failure(sent, why, now)

    def _refused(self, status: int, phrase: str) -> None:
        if status == 487:
            phrase = phrase or phrase_of(487)
        self.finish(CallRefused(self.name, status, phrase or phrase_of(status)))
