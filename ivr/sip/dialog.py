"""Dialogs: the lasting relation of two user agents. RFC 3261 section 12."""

from __future__ import annotations

from ivr.sip.events import Address, Flow
from ivr.sip.fields import COOKIE, NameAddress, numeric, parse_uri, same_host
from ivr.sip.message import Message, Request, Response

DialogId = tuple[str, str, str]
"""Call-ID, our tag, their tag."""


class Dialog:
    """Call-ID, tags, counters, route set and remote target of one dialog."""

    def __init__(
        self, call_id: str, local: str, remote: str, remote_target: str, route_set: list[str], local_sequence: int
    ) -> None:
        self.call_id = call_id
        self.local = local
        """Our From or To with its tag, as it stands on the wire."""
        self.remote = remote
        self.remote_target = remote_target
        """The other side's Contact URI: where requests go."""
        self.route_set = route_set
        """Route values, the next hop first."""
        self.local_sequence = local_sequence
        self.remote_sequence: int | None = None
        self.local_tag = NameAddress.parse(local).parameters.get("tag", "")
        self.remote_tag = NameAddress.parse(remote).parameters.get("tag", "")

    @property
    def id(self) -> DialogId:
        return self.call_id, self.local_tag, self.remote_tag

    @classmethod
    def of_request(cls, request: Request, tag: str) -> Dialog:
        """We are asked: section 12.1.1. The request has been inspected: it has one readable Contact, or is of
        RFC 2543, where From stands for it."""
        to = request.headers["To"]
        local = to if request.to_tag else f"{to};tag={tag}"
        routes = [route for route in request.tokens("Record-Route") if route]
        target = contact_of(request) or request.from_address.uri
        dialog = cls(request.call_id, local, request.headers["From"], target, routes, 0)
        dialog.remote_sequence = request.cseq.sequence
        return dialog

    @classmethod
    def of_response(cls, invite: Request, response: Response) -> Dialog:
        """We have asked: section 12.1.2. Without a Contact the target stays the one we had dialled."""
        routes = [route for route in reversed(response.tokens("Record-Route")) if is_readable(route)]
        target = contact_of(response) or invite.uri
        sequence = invite.cseq.sequence
        return cls(invite.call_id, invite.headers["From"], response.headers["To"], target, routes, sequence)

    def refresh_target(self, message: Message) -> None:
        """A re-INVITE or UPDATE, or the answer to ours, may name a new Contact. Section 12.2."""
        self.remote_target = contact_of(message) or self.remote_target

    def accepts_sequence(self, request: Request) -> bool:
        """Whether the request comes in order; notes its CSeq. Section 12.2.2."""
        sequence = request.cseq.sequence
        if self.remote_sequence is not None and sequence <= self.remote_sequence:
            return False
        self.remote_sequence = sequence
        return True

    def request(self, method: str, sequence: int | None = None, body: bytes = b"") -> Request:
        """A request inside the dialog, without Via; section 12.2.1.1. An ACK takes its INVITE's `sequence`."""
        if sequence is None:
            self.local_sequence += 1
            sequence = self.local_sequence
        target, routes = self._target_and_routes()
        request = Request(method, target, body)
        headers = request.headers
        headers.add("Max-Forwards", "70")
        headers.add("From", self.local)
        headers.add("To", self.remote)
        headers.add("Call-ID", self.call_id)
        headers.add("CSeq", f"{sequence} {method}")
        for route in routes:
            headers.add("Route", route)
        return request

    def _target_and_routes(self) -> tuple[str, list[str]]:
        """A first hop without ``lr`` is a strict router: it is put into the Request-URI."""
        if not self.route_set or is_loose(self.route_set[0]):
            return self.remote_target, self.route_set
        first = NameAddress.parse(self.route_set[0]).uri
        return first.split("?", 1)[0], [*self.route_set[1:], f"<{self.remote_target}>"]

    def next_hop(self) -> str:
        """The URI whose host gets the next request."""
        return NameAddress.parse(self.route_set[0]).uri if self.route_set else self.remote_target


def is_loose(route: str) -> bool:
    """Whether a Route value names a loose router. RFC 3261 section 19.1.1, parameter ``lr``."""
    _, *parameters = NameAddress.parse(route).uri.split(";")
    return any(parameter.split("=")[0].strip().lower() == "lr" for parameter in parameters)


def is_of_2543(request: Request) -> bool:
    """Whether the peer speaks SIP as it was before the branch parameter meant something."""
    return not request.top_via.branch.startswith(COOKIE)


def is_readable(route: str) -> bool:
    try:
        is_loose(route)
    except ValueError:
        return False
    return True


def contact_of(message: Message) -> str | None:
    """The URI of the first Contact; None when there is none that can be read."""
    try:
        addresses = message.addresses("Contact")
        parse_uri(addresses[0].uri)
    except (ValueError, IndexError):
        return None
    return addresses[0].uri


def behind_translator(request: Request, flow: Flow) -> bool:
    """Whether the peer's own idea of its address is not where its packets come from: then Contact is no use."""
    return len(request.vias) == 1 and not same_host(request.top_via.host, flow.remote[0])


def address_of(uri_text: str) -> Address | None:
    """Where a URI with a numeric host sends to; None for a name, which is not ours to look up."""
    try:
        uri = parse_uri(uri_text)
    except ValueError:
        return None
    host = numeric(uri.parameters.get("maddr") or uri.host)
    return (host, uri.port or 5060) if host else None
