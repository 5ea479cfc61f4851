"""Registering with somebody else's registrar. RFC 3261 section 10.2."""

from __future__ import annotations

from ivr.sip.core import Core
from ivr.sip.credentials import Credentials
from ivr.sip.events import Flow, RegistrationAnswered
from ivr.sip.fields import parse_uri
from ivr.sip.leg import again_with
from ivr.sip.message import Request, Response
from ivr.sip.phrases import phrase_of
from ivr.sip.transaction.layer import Sent


class Registration:
    """One address of record with one registrar; Call-ID and CSeq go on from one REGISTER to the next."""

    def __init__(self, core: Core, user: str, registrar: str, flow: Flow, credentials: Credentials | None) -> None:
        self.flow = flow
        self.credentials = credentials
        self._core = core
        self._user = user
        self._registrar = registrar
        self._call_id = core.token(128)
        self._tag = core.token()
        self._sequence = 0
        self._expires = 0
        self._lengthened = False
        self._current: Sent | None = None

    def start(self, expires: int, now: float) -> None:
        """Bind our Contact for so many seconds; 0 takes it back."""
        self._expires = expires
        self._lengthened = False
        self._send(now)

    def _send(self, now: float) -> None:
        self._sequence += 1
        uri = parse_uri(self._registrar)
        record = f"<{uri.scheme}:{self._user}@{uri.host}{f':{uri.port}' if uri.port else ''}>"
        request = Request("REGISTER", self._registrar)
        for name, value in (
            ("Max-Forwards", "70"),
            ("From", f"{record};tag={self._tag}"),
            ("To", record),
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._sequence} REGISTER"),
            self._core.contact(self.flow, self._user),
            ("Expires", str(self._expires)),
        ):
            request.headers.add(name, value)
        self._current = self._core.send(request, self.flow, self, now)

    def on_response(self, sent: Sent, response: Response, now: float) -> None:
        if sent is not self._current or not response.is_final:
            return
        if sent.flow.connection:
            self.flow = sent.flow
        proof = self.credentials and self.credentials.answer(sent.request, response, self._core.rng)
        if proof:
            self._sequence += 1
            again = again_with(sent.request, self._sequence, proof)
            self._current = self._core.send(again, self.flow, self, now)
        elif response.status == 423 and not self._lengthened and (longer := _min_expires(response)):
            self._expires, self._lengthened = max(longer, self._expires), True
            self._send(now)
        else:
            self._tell(response.status, response.phrase, self._granted(response))

    def on_failure(self, sent: Sent, why: str, now: float) -> None:
        if sent is self._current:
            self._tell(408 if why == "timeout" else 503, "", 0)

    def _granted(self, response: Response) -> int:
        """Seconds: what our Contact says in the answer, else Expires, else what we asked for."""
        if response.status >= 300:
            return 0
        ours = self._core.contact(self.flow, self._user)[1].strip("<>")
        try:
            mine = [contact for contact in response.addresses("Contact") if contact.uri == ours]
            text = mine[0].parameters["expires"] if mine else response.headers["Expires"]
            return min(max(int(text), 0), 2**31)
        except (ValueError, KeyError):
            return self._expires

    def _tell(self, status: int, phrase: str, expires: int) -> None:
        self._current = None
        self._core.emit(RegistrationAnswered(self._user, status, phrase or phrase_of(status), expires))


def _min_expires(response: Response) -> int:
    """RFC 3261 section 10.2.8."""
    try:
        return min(response.number("Min-Expires") or 0, 86_400)
    except ValueError:
        return 0
