"""The two requests that repeat an INVITE's own headers: its CANCEL, and the ACK of its failure.

Both must look to every hop like the INVITE they belong to, so they are copied from it and not made anew.
"""

from __future__ import annotations

from ivr.sip.message import Request, Response


def cancel_of(invite: Request) -> Request:
    """RFC 3261 section 9.1."""
    return _companion("CANCEL", invite, invite.headers["To"])


def ack_of_failure(invite: Request, response: Response) -> Request:
    """For a final answer from 300 on. RFC 3261 section 17.1.1.3."""
    return _companion("ACK", invite, response.headers["To"])


def _companion(method: str, invite: Request, to: str) -> Request:
    request = Request(method, invite.uri)
    headers = request.headers
    headers.add("Via", invite.top_via.text)
    headers.add("Max-Forwards", "70")
    for name in ("From", "Call-ID"):
        headers.add(name, invite.headers[name])
    headers.add("To", to)
    headers.add("CSeq", f"{invite.cseq.sequence} {method}")
    for value in invite.headers.getlist("Route"):
        headers.add("Route", value)
    return request
