"""A request sent once more."""

from __future__ import annotations

from ivr.sip.message import Request
from ivr.sip.reply import Header


def again_with(request: Request, sequence: int, *changed: Header) -> Request:
    """The same request with some headers changed, ready for a new Via. RFC 3261 sections 8.1.3.5 and 22.2."""
    left_out = {"Via", "CSeq", "User-Agent", "Content-Length", *(name for name, _ in changed)}
    again = Request(request.method, request.uri, request.body)
    for name in request.headers.keys():  # noqa: SIM118
        if name in left_out:
            continue
        for value in request.headers.getlist(name):
            again.headers.add(name, value)
    again.headers.add("CSeq", f"{sequence} {request.method}")
    for name, value in changed:
        again.headers.add(name, value)
    return again
