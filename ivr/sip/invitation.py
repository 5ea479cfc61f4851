"""The INVITE that starts a call of ours. RFC 3261 sections 8.1.1 and 13.2.1."""

from __future__ import annotations

from collections.abc import Sequence

from ivr.errors import LocalProtocolError
from ivr.sip.capabilities import ACCEPT, ALLOW, SUPPORTED
from ivr.sip.core import Core, checked_headers
from ivr.sip.events import Flow
from ivr.sip.fields import check_uri, quoted, scheme_of, user_part
from ivr.sip.message import Request
from ivr.sip.replaces import TAG, Replaces
from ivr.sip.reply import SDP, Header


def invitation(
    core: Core,
    target: str,
    sdp: bytes,
    flow: Flow,
    caller_uri: str,
    display_name: str,
    headers: Sequence[Header],
    replaces: str = "",
) -> Request:
    """Without Via.

    :raises LocalProtocolError: an address is none, or a header would break the message.
    """
    if not sdp:
        raise LocalProtocolError("a call needs our offer; to leave it to the other side is not spoken")
    if scheme_of(target) == "sips" and flow.transport != "tls":
        raise LocalProtocolError(f"{target[:100]!r} may be reached over TLS only, not {flow.transport}")
    for uri in (target, caller_uri):
        check_uri(uri)
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
        *_replacing(replaces),
        ("Content-Type", SDP),
    ]
    for name, value in fields:
        request.headers.add(name, value)
    return request


def _replacing(replaces: str) -> list[Header]:
    """Required, for without it the call would ring beside the one it is to replace. RFC 3891 section 4."""
    if not replaces:
        return []
    try:
        return [("Replaces", Replaces.parse(replaces).encode()), ("Require", TAG)]
    except ValueError as error:
        raise LocalProtocolError(str(error)) from None
