"""Responses to a request. RFC 3261 section 8.2.6."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ivr.sip.message import Request, Response
from ivr.sip.phrases import phrase_of

SDP = "application/sdp"

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The final answer that a request deserves, before or instead of anything else."""

    status: int
    phrase: str = ""
    headers: tuple[Header, ...] = ()


def reply_to(
    request: Request,
    status: int,
    phrase: str = "",
    *,
    to_tag: str = "",
    headers: Iterable[Header] = (),
    body: bytes = b"",
    content_type: str = SDP,
) -> Response:
    """A response with what must be copied from the request.

    `to_tag` is added to To when the request had none there; 100 goes without. What the request lacks is left
    out, so that even a malformed one can be told.
    """
    response = Response(status, phrase or phrase_of(status), body)
    for name in ("Via", "From", "Call-ID", "CSeq"):
        for value in request.headers.getlist(name):
            response.headers.add(name, value)
    if to := request.headers.get("To"):
        response.headers.add(
            "To", to if status == 100 or not to_tag or _has_tag(request) else f"{to};tag={to_tag}"
        )
    if status == 100 and (timestamp := request.headers.get("Timestamp")):
        response.headers.add("Timestamp", timestamp)
    for name, value in headers:
        response.headers.add(name, value)
    if body:
        response.headers.add("Content-Type", content_type)
    return response


def _has_tag(request: Request) -> bool:
    try:
        return bool(request.to_tag)
    except ValueError:
        return ";tag=" in request.headers["To"]
