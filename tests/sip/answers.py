"""What a peer writes when the user agent asks it something."""

from __future__ import annotations

from typing import Any

from ivr.sip.message import Request

CONTACT = "Contact: <sip:desk@192.0.2.1:5077>"
OFFER = b"v=0 ours"


def answer(request: Request, status: int, *headers: str, tag: str = "p1", body: bytes = b"") -> bytes:
    """A response with what must be copied, and each of `headers` as a line."""
    lines = [f"SIP/2.0 {status} Phrase"]
    for name in ("Via", "From", "Call-ID", "CSeq"):
        lines += [f"{name}: {value}" for value in request.headers.getlist(name)]
    to = request.headers["To"]
    lines.append(f"To: {to}" if ";tag=" in to or status == 100 else f"To: {to};tag={tag}")
    lines += [*headers, *(["Content-Type: application/sdp"] if body else [])]
    return ("\r\n".join(lines) + f"\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


def dial(peer: Any, **parts: Any) -> Request:
    """The INVITE of a call named ``out``."""
    outputs = peer.user_agent.invite(
        "out", "sip:desk@192.0.2.1", OFFER, peer.flow, peer.now, caller_uri="sip:ivr@192.0.2.2", **parts
    )
    request: Request = peer.got(outputs).request
    return request
