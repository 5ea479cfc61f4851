"""Whom a call was meant for before it was diverted to us: Diversion and History-Info.

The earliest diversion of one kind of header is what the caller dialled. Anybody can write these headers, so
they are read from trusted addresses only. RFC 5806 section 4, RFC 7044 section 5, RFC 7544 for both at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from ivr.sip.fields import NameAddress, parse_uri, plain
from ivr.sip.message import Request

MAX_LENGTH = 100
"""Characters kept of anything a stranger wrote."""
MAX_ENTRIES = 20
"""Diversions of one call that are looked at; networks stop at five."""
CAUSES = {
    "302": "unconditional",
    "404": "unknown",
    "408": "no-answer",
    "480": "deflection",
    "486": "user-busy",
    "487": "deflection",
    "503": "unavailable",
}
"""Causes of RFC 4458 in the words of RFC 5806; RFC 7544 has the table."""


@dataclass(frozen=True, slots=True)
class Diversion:
    """One diversion on the way of a call."""

    number: str
    """User part of the address that was dialled before the diversion."""
    uri: str
    reason: str
    """``unconditional``, ``user-busy``, ``no-answer``, …; ``unknown`` where nobody says."""


def diversions_of(request: Request) -> tuple[Diversion, ...]:
    """The latest first, as Diversion has them; History-Info is asked when there is no Diversion."""
    return _of_diversion(request) or _of_history(request)


def _of_diversion(request: Request) -> tuple[Diversion, ...]:
    try:
        addresses = request.addresses("Diversion")
    except ValueError:
        return ()
    return tuple(_diversion(address, address.parameters.get("reason", "")) for address in addresses[:MAX_ENTRIES])


def _of_history(request: Request) -> tuple[Diversion, ...]:
    """An entry with a cause tells why it became the target; who was left is the entry before it."""
    try:
        entries = request.addresses("History-Info")
    except ValueError:
        return ()
    found = []
    for left, entry in pairwise(entries[:MAX_ENTRIES]):
        cause = _cause(entry.uri)
        if cause is not None:
            found.append(_diversion(left, CAUSES.get(cause, "unknown")))
    return tuple(reversed(found))


def _cause(uri: str) -> str | None:
    """The ``cause`` parameter of a URI. RFC 4458 section 3."""
    for parameter in uri.partition("?")[0].split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "cause":
            return value.strip()
    return None


def _diversion(address: NameAddress, reason: str) -> Diversion:
    try:
        user = parse_uri(address.uri.partition("?")[0]).user or ""
    except ValueError:
        user = ""
    number = plain(user.split(";", 1)[0])[:MAX_LENGTH]
    return Diversion(number, plain(address.uri)[:MAX_LENGTH], plain(reason).lower()[:MAX_LENGTH] or "unknown")
