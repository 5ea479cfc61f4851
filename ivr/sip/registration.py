"""Registering with somebody else's registrar. RFC 3261 section 10.2."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ivr.errors import LocalProtocolError
from ivr.sip.again import again_with
from ivr.sip.authoriser import Authoriser
from ivr.sip.core import Core
from ivr.sip.credentials import Credentials
from ivr.sip.events import Flow, RegistrationAnswered, RegistrationLost
from ivr.sip.fields import parse_uri
from ivr.sip.message import Request, Response
from ivr.sip.phrases import phrase_of
from ivr.sip.transaction.layer import Sent, same_connection

MAX_RETRY_AFTER = 86_400
"""Seconds: whoever asks for more is taken for wrong."""


@dataclass(frozen=True, slots=True)
class Line:
    """What we are to one registrar: who calls us through it, and how we prove who we are."""

    name: str
    """The application's word for it, such as the name of a trunk; empty when it needs none."""
    user: str
    """User part of our address of record."""
    registrar: str
    """SIP URI."""
    credentials: Credentials | None = None
    route: str = ""
    """URI of an outbound proxy; empty for none."""

    def checked(self) -> Line:
        """:raises LocalProtocolError: an address is none."""
        for uri in filter(None, (self.registrar, self.route)):
            try:
                parse_uri(uri)
            except ValueError as error:
                raise LocalProtocolError(str(error)) from None
        return self


class Registration:
    """One address of record with one registrar; Call-ID and CSeq go on from one REGISTER to the next."""

    def __init__(self, core: Core, line: Line, flow: Flow) -> None:
        self.flow = flow
        self.line = line
        self.token = core.token() if line.name else ""
        """In our Contact, and so in the Request-URI of every call that comes through this registrar."""
        self.authoriser = Authoriser(line.credentials, core.rng) if line.credentials else None
        self._core = core
        self._call_id = core.token(128)
        self._tag = core.token()
        self._sequence = 0
        self._expires = 0
        self._lengthened = False
        self._corrected = False
        self._bound = ""
        """The URI of the Contact that the registrar has taken."""
        self._current: Sent | None = None

    def start(self, expires: int, flow: Flow, now: float) -> None:
        """Bind our Contact for so many seconds, by way of `flow`; 0 takes it back."""
        self.flow = flow
        self._expires = expires
        self._lengthened = self._corrected = False
        self._send(now)

    @property
    def contact(self) -> str:
        """The URI of our Contact."""
        uri = self._core.contact(self.flow, self.line.user)[1].strip("<>")
        return f"{uri};line={self.token}" if self.token else uri

    def _send(self, now: float, instead_of: str = "") -> None:
        """`instead_of` is the URI of a Contact that is no longer ours."""
        self._sequence += 1
        uri = parse_uri(self.line.registrar)
        place = f"{uri.host}{f':{uri.port}' if uri.port else ''}"
        record = f"<{uri.scheme}:{self.line.user}@{place}>"
        request = Request("REGISTER", f"{uri.scheme}:{place}")
        for name, value in (
            ("Max-Forwards", "70"),
            *([("Route", f"<{self.line.route}>")] if self.line.route else []),
            ("From", f"{record};tag={self._tag}"),
            ("To", record),
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._sequence} REGISTER"),
            ("Contact", f"<{self.contact}>"),
            *([("Contact", f"<{instead_of}>;expires=0")] if instead_of else []),
            ("Expires", str(self._expires)),
        ):
            request.headers.add(name, value)
        if self.authoriser is not None:
            self.authoriser.sign(request)
        self._current = self._core.send(request, self.flow, self, now)

    def on_response(self, sent: Sent, response: Response, now: float) -> None:
        if sent is not self._current or not response.is_final:
            return
        if sent.flow.connection:
            self.flow = sent.flow
        if self.authoriser is not None and self.authoriser.takes(sent.request, response):
            self._sequence += 1
            again = again_with(sent.request, self._sequence)
            self.authoriser.sign(again, again=True)
            self._current = self._core.send(again, self.flow, self, now)
        elif response.status == 423 and not self._lengthened and (longer := _seconds(response, "Min-Expires")):
            self._expires, self._lengthened = max(longer, self._expires), True
            self._send(now)
        elif response.status < 300 and self._expires and self._is_elsewhere(sent.flow, response):
            self._send(now, instead_of=self._bound)
        else:
            wait = _seconds(response, "Retry-After")
            self._tell(response.status, response.phrase, self._granted(response), wait)

    def _is_elsewhere(self, flow: Flow, response: Response) -> bool:
        """Whether the registrar sees us where our Contact does not lead. It is told once a time: behind a
        translator that gives every message another port, we would never be done."""
        self._bound = self.contact
        if self._corrected or not self._core.learn_address(flow, response.top_via):
            return False
        self._corrected = True
        return self.contact != self._bound

    def on_failure(self, sent: Sent, why: str, now: float) -> None:
        if sent is self._current:
            self._tell(408 if why == "timeout" else 503, "", 0)

    def connection_lost(self, flow: Flow) -> None:
        """Of a REGISTER under way, its own failure tells."""
        if self._current is None and self.flow.connection and same_connection(self.flow, flow):
            self.flow = replace(self.flow, connection=0)
            self._core.emit(RegistrationLost(self.line.name))

    def _granted(self, response: Response) -> int:
        """Seconds: what our Contact says in the answer, else Expires, else what we asked for."""
        if response.status >= 300:
            return 0
        try:
            mine = [contact for contact in response.addresses("Contact") if contact.uri == self.contact]
            text = mine[0].parameters["expires"] if mine else response.headers["Expires"]
            return min(max(int(text), 0), 2**31)
        except (ValueError, KeyError):
            return self._expires

    def _tell(self, status: int, phrase: str, expires: int, retry_after: int = 0) -> None:
        self._current = None
        line = self.line
        phrase = phrase or phrase_of(status)
        self._core.emit(RegistrationAnswered(line.user, status, phrase, expires, line.name, retry_after))


class Registrations:
    """Everything we are elsewhere."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._of: dict[tuple[str, str, str], Registration] = {}

    def register(self, line: Line, flow: Flow, expires: int, now: float) -> None:
        """:raises LocalProtocolError: an address is none."""
        key = (line.name, line.user, line.registrar)
        known = self._of.get(key)
        if known is None or known.line != line:
            known = self._of[key] = Registration(self._core, line.checked(), flow)
        known.start(expires, flow, now)

    def connection_lost(self, flow: Flow) -> None:
        for known in self._of.values():
            known.connection_lost(flow)

    def called(self, request: Request, flow: Flow) -> Registration | None:
        """By which line a request outside any dialog comes: the one whose Contact it is for, or whose registrar
        sends it to the user we are there. Registrars that drop parameters of a Contact exist."""
        try:
            uri = parse_uri(request.uri)
        except ValueError:
            return None
        token = str(uri.parameters.get("line") or "")
        for known in self._of.values():
            if known.token and known.token == token:
                return known
        for known in self._of.values():
            if known.token and known.flow.remote[0] == flow.remote[0] and known.line.user == uri.user:
                return known
        return None


def _seconds(response: Response, name: str) -> int:
    """Min-Expires (RFC 3261 section 10.2.8) or Retry-After (20.33); 0 when there is none that can be read."""
    try:
        return min(response.number(name) or 0, MAX_RETRY_AFTER)
    except ValueError:
        value = (response.headers.get(name) or "").split(";")[0].split("(")[0].strip()
        return min(int(value), MAX_RETRY_AFTER) if value.isascii() and value.isdigit() and len(value) < 10 else 0
