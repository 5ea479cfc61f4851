"""Asking somebody whether he is there. RFC 3261 section 11."""

from __future__ import annotations

from ivr.errors import LocalProtocolError
from ivr.sip.core import Core
from ivr.sip.events import NO_ANSWER, NO_CONNECTION, Flow, ProbeAnswered
from ivr.sip.fields import host_port, parse_uri, scheme_of
from ivr.sip.message import Request, Response
from ivr.sip.transaction.layer import Sent


class Probe:
    """One OPTIONS outside any call. Whatever is answered, even 401 or 404, comes from somebody."""

    def __init__(self, core: Core, name: str) -> None:
        self._core = core
        self._name = name

    def send(self, uri: str, route: str, flow: Flow, now: float) -> None:
        """:raises LocalProtocolError: an address is none."""
        for address in filter(None, (uri, route)):
            try:
                parse_uri(address)
            except ValueError as error:
                raise LocalProtocolError(str(error)) from None
        core = self._core
        request = Request("OPTIONS", uri)
        for name, value in (
            ("Max-Forwards", "70"),
            *([("Route", f"<{route}>")] if route else []),
            ("From", f"<sip:{host_port(flow.local)}>;tag={core.token()}"),
            ("To", f"<{uri}>"),
            ("Call-ID", core.token(128)),
            ("CSeq", "1 OPTIONS"),
            core.contact(flow, scheme=scheme_of(uri)),
            ("Accept", "application/sdp"),
        ):
            request.headers.add(name, value)
        core.send(request, flow, self, now)

    def on_response(self, sent: Sent, response: Response, now: float) -> None:
        if response.is_final:
            self._tell(sent, response.status, response.phrase)

    def on_failure(self, sent: Sent, why: str, now: float) -> None:
        if why == "timeout":
            self._tell(sent, 408, NO_ANSWER)
        else:
            self._tell(sent, 503, NO_CONNECTION)

    def _tell(self, sent: Sent, status: int, phrase: str) -> None:
        self._core.emit(ProbeAnswered(self._name, sent.flow, status, phrase))
