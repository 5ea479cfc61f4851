"""What a user agent server looks at before it processes a request. RFC 3261 section 8.2."""

from __future__ import annotations

from ivr.sip.capabilities import ALLOW, KNOWN_METHODS, METHODS, OPTION_TAGS, SCHEMES
from ivr.sip.dialog import contact_of, is_loose, is_of_2543
from ivr.sip.fields import parse_uri, scheme_of
from ivr.sip.message import Message, Request
from ivr.sip.reply import SDP, Refusal

_OFFERS = ("INVITE", "UPDATE")


def inspect(request: Request, *, secure: bool) -> Refusal | None:
    """The first reason not to process the request, in the order of the standard; None when there is none.

    :param secure: whether it came over TLS.
    """
    if not secure and scheme_of(request.uri) == "sips" and request.method in METHODS:
        return Refusal(416)
    for look in (_method, _request_uri, _hops, _extensions, _contacts, _dialog_headers, _content, _accept):
        if refusal := look(request):
            return refusal
    return None


def _method(request: Request) -> Refusal | None:
    if request.method in METHODS:
        return None
    return Refusal(405 if request.method in KNOWN_METHODS else 501, headers=(ALLOW,))


def _request_uri(request: Request) -> Refusal | None:
    """Section 8.2.2.1."""
    if request.uri.split(":", 1)[0].lower() not in SCHEMES:
        return Refusal(416)
    try:
        parse_uri(request.uri)
    except ValueError:
        return Refusal(400, "Malformed Request-URI")
    return None


def _hops(request: Request) -> Refusal | None:
    """A new call may go on to an agent, so it is counted like one through a gateway; any other request ends
    here, and an endpoint does not mind a zero (RFC 4475, "Max-Forwards of Zero")."""
    if request.method == "INVITE" and not request.to_tag and request.number("Max-Forwards") == 0:
        return Refusal(483)
    return None


def _extensions(request: Request) -> Refusal | None:
    """Section 8.2.2.3. Not for CANCEL."""
    unknown = [tag for tag in request.tokens("Require") if tag.lower() not in OPTION_TAGS]
    if unknown and request.method != "CANCEL":
        return Refusal(420, headers=(("Unsupported", ", ".join(unknown)),))
    if request.method != "INVITE" and request.headers.get("Replaces") is not None:
        return Refusal(400, "Replaces Belongs Into INVITE")  # RFC 3891 section 3
    return None


def _contacts(request: Request) -> Refusal | None:
    """Of a registration: before anybody is asked for a proof, it must be something that can be bound."""
    if request.method != "REGISTER" or request.headers.get("Contact") == "*":
        return None
    try:
        request.addresses("Contact")
    except ValueError:
        return Refusal(400, "Malformed Contact")
    return None


def _dialog_headers(request: Request) -> Refusal | None:
    """What a dialog will be made of: one Contact, and routes that can be followed. Section 12.1.1."""
    if request.method != "INVITE":
        return None
    if contact_of(request) is None and not (is_of_2543(request) and request.headers.get("Contact") is None):
        return Refusal(400, "Missing or Malformed Contact")
    try:
        for route in request.tokens("Record-Route"):
            is_loose(route)
    except ValueError:
        return Refusal(400, "Malformed Record-Route")
    return None


def _content(request: Request) -> Refusal | None:
    """Section 8.2.3."""
    if not request.body or request.method not in _OFFERS or _is_optional(request):
        return None
    if (request.headers.get("Content-Encoding") or "identity").strip().lower() != "identity":
        return Refusal(415, headers=(("Accept-Encoding", "identity"),))
    if sdp_of(request):
        return None
    return Refusal(415, headers=(("Accept", SDP),))


def _accept(request: Request) -> Refusal | None:
    """A caller who takes no session description in an answer cannot be answered. Section 21.4.7."""
    kinds = [kind.partition(";")[0].strip().lower() for kind in request.tokens("Accept")]
    if request.method != "INVITE" or not kinds or {SDP, "application/*", "*/*"} & set(kinds):
        return None
    return Refusal(406)


def _is_optional(request: Request) -> bool:
    """Section 20.11."""
    disposition = (request.headers.get("Content-Disposition") or "").replace(" ", "").lower()
    return "handling=optional" in disposition and not sdp_of(request)


def sdp_of(message: Message) -> bytes:
    """The session description in a body; empty when there is none."""
    if message.content_type == SDP or (not message.content_type and message.body.startswith(b"v=0")):
        return message.body
    return b""
