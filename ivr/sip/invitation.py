"""The INVITE that starts a call of ours. RFC 3261 sections 8.1.1 and 13.2.1."""

from __future__ import annotations

from collections.abc import Sequence

from ivr.errors import LocalProtocolError
from ivr.sip.capabilities import ACCEPT, ALLOW, SUPPORTED
from ivr.sip.core import Core, checked_headers
from ivr.sip.events import Flow
from ivr.sip.fields import parse_uri, quoted, scheme_of
from ivr.sip.incoming_leg import user_part
from ivr.sip.message import Request
from ivr.sip.reply import SDP, Header


def invitation(
    core: Core,
    target: str,
    sdp: bytes,
    flow: Flow,
    caller_uri: str,
    display_name: str,
    headers: Sequence[Header],
) -> Request:
    """Without Via.

    :raises LocalProtocolError: an address is none, or a header would break the message.
    """
    if not sdp:
        raise LocalProtocolError("a call needs our offer; to leave it to the other side is not spoken")
    if scheme_of(target) == "sips" and flow.transport != "tls":
        raise LocalProtocolError(f"{target[:100]!r} may be reached over TLS only, not {flow.transport}")
    for uri in (target, caller_uri):
        _check_uri(uri)
    request = Request("INVITE", target, sdp)
    caller = f"{quoted(display_name)} <{caller_uri}>" if display_name else f"<{caller_uri}>"
    fields = [
        ("Max-Forwards", "70"),
        ("From", f"{caller};tag={core.token()}"),
        ("To", f"<{target}>"),
        ("Call-ID", core.token(128)),
        ("CSeq", f"{core.rng.randint(1, 2**15)} INVITE"),
        core.contact(flow, user_part(caller_uri), scheme_of(target)),
        ALLOW,
        ACCEPT,
        SUPPORTED,
        *checked_headers(headers),
        ("Content-Type", SDP),
    ]
    for name, value in fields:
        request.headers.add(name, value)
    return request


def _check_uri(uri: str) -> None:
    """Nothing may break out of the angle brackets or the line."""
    try:
        parse_uri(uri)
    except ValueError as error:
        raise LocalProtocolError(str(error)) from None
    if any(letter in "<>\r\n \t\x00" for letter in uri):
        raise LocalProtocolError(f"the URI {uri[:100]!r} has white space or angle brackets in it")
