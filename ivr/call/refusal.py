"""How a description that cannot be used is refused: 400 for what is no SDP, 488 with a Warning for the rest."""

from __future__ import annotations

from ivr.errors import RemoteProtocolError
from ivr.sdp import NotAcceptable

Header = tuple[str, str]


def refusal_of(error: RemoteProtocolError, host: str) -> tuple[int, list[Header]]:
    """Status and headers. `host` is our address, which the Warning names. RFC 3261 sections 13.3.1.3 and 20.43."""
    if not isinstance(error, NotAcceptable):
        return 400, []
    return 488, [("Warning", f'{error.code} {_bracketed(host)} "{_quotable(str(error))}"')]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _quotable(text: str) -> str:
    """Text for inside a quoted string, RFC 3261 section 25.1."""
    printable = "".join(sign if sign.isprintable() else "?" for sign in text)
    return printable.replace("\\", "\\\\").replace('"', "'")
