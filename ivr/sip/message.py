"""Requests and responses, read tolerantly from bytes and written back to bytes. RFC 3261 section 7.

The compact names are those of `sipmessage`; around them this module forgives what real telephones
send: folded lines, blanks before the colon, bare line feeds, bytes that are not UTF-8, a
status line without reason. What cannot be forgiven is `MalformedMessage`, with as much of the request as
an answer needs.
"""

from __future__ import annotations

import re
from functools import cached_property

from sipmessage import CSeq
from sipmessage.message import COMPACT_FORMS

from ivr.errors import RemoteProtocolError
from ivr.sip.fields import TOKEN, NameAddress, Via, parse_addresses, plain, split_outside_quotes
from ivr.sip.headers import Headers

MAX_MESSAGE = 65_536
"""Octets; nothing longer is looked at. No UDP datagram can be, and no call needs it over TCP."""
MAX_HEADERS = 256
"""Header lines; real messages have 10 to 60."""
MAX_CSEQ = 2**31 - 1
"""RFC 3261 section 8.1.1.5."""

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")
_LINE_END = re.compile(r"\r?\n")
_LONE_BREAK = re.compile(r"[\r\n\x00]")
_REQUEST_LINE = re.compile(r"(?P<method>\S+)[ \t]+(?P<uri>\S(?:.*\S)?)[ \t]+(?P<version>SIP/\d+\.\d+)[ \t]*", re.I)
_STATUS_LINE = re.compile(r"SIP/2\.0[ \t]+(?P<status>[1-6]\d\d)(?:[ \t]+(?P<phrase>.*))?[ \t]*", re.I)
_ONCE = ("From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length", "Content-Type")
_NEEDED = ("Via", "From", "To", "Call-ID", "CSeq")


class MalformedMessage(RemoteProtocolError):
    """A message that breaks the grammar beyond what is forgiven."""

    def __init__(self, why: str, request: Request | None = None, status: int = 400) -> None:
        super().__init__(why)
        self.request = request
        """What was read of a request that can still be answered; None when nobody can be told."""
        self.status = status
        """The answer it deserves."""


class Message:
    """What requests and responses share. Typed fields are read when first asked for."""

    headers: Headers
    body: bytes

    def __init__(self, body: bytes = b"") -> None:
        self.headers = Headers()
        self.body = body

    @property
    def start_line(self) -> str:
        raise NotImplementedError

    @cached_property
    def vias(self) -> list[Via]:
        """All hops, the last one first."""
        values = self.headers.getlist("Via")
        return [Via.parse(part) for value in values for part in split_outside_quotes(value, ",") if part]

    @cached_property
    def top_via(self) -> Via:
        first = next(split_outside_quotes(self.headers["Via"], ","))
        return Via.parse(first)

    @cached_property
    def cseq(self) -> CSeq:
        cseq = CSeq.parse(self.headers["CSeq"])
        if cseq.sequence > MAX_CSEQ:
            raise ValueError(f"CSeq {cseq.sequence} is above {MAX_CSEQ}")
        return cseq

    @cached_property
    def from_address(self) -> NameAddress:
        return NameAddress.parse(self.headers["From"])

    @cached_property
    def to_address(self) -> NameAddress:
        return NameAddress.parse(self.headers["To"])

    def prepend(self, name: str, value: str) -> None:
        """Put a header first, where proxies look for it. RFC 3261 section 7.3.1."""
        headers = Headers()
        headers.add(name, value)
        for key in self.headers.keys():  # noqa: SIM118
            headers.setlist(key, self.headers.getlist(key))
        self.headers = headers

    @property
    def call_id(self) -> str:
        return self.headers["Call-ID"]

    @property
    def from_tag(self) -> str:
        return self.from_address.parameters.get("tag", "")

    @property
    def to_tag(self) -> str:
        return self.to_address.parameters.get("tag", "")

    @property
    def content_type(self) -> str:
        """In lower case, without parameters; empty when there is none."""
        return (self.headers.get("Content-Type") or "").split(";")[0].strip().lower()

    def addresses(self, name: str) -> list[NameAddress]:
        """:raises ValueError: one of them cannot be read."""
        return parse_addresses(self.headers.getlist(name))

    def tokens(self, name: str) -> list[str]:
        """Every item of a header that lists tokens: Require, Supported, Allow."""
        return [part for value in self.headers.getlist(name) for part in split_outside_quotes(value, ",") if part]

    def text(self, name: str) -> str:
        """The first value, fit for people; empty when there is none."""
        return plain(self.headers.get(name) or "")

    def number(self, name: str) -> int | None:
        """A header that is a number; None when it is absent.

        :raises ValueError: it is something else, or longer than any number of SIP.
        """
        value = self.headers.get(name)
        if value is None:
            return None
        digits = value.split(";")[0].strip()
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 10):
            raise ValueError(f"{name} must be a number, not {value[:40]!r}")
        return int(digits)

    def encode(self) -> bytes:
        """The bytes for the wire; Content-Length is set to the body's."""
        self.headers.set("Content-Length", str(len(self.body)))
        head = f"{self.start_line}\r\n{self.headers}"
        try:
            return head.encode("utf-8", "surrogateescape") + self.body
        except UnicodeEncodeError:
            return head.encode("utf-8", "replace") + self.body


class Request(Message):
    """A request. RFC 3261 section 7.1."""

    def __init__(self, method: str, uri: str, body: bytes = b"") -> None:
        super().__init__(body)
        self.method = method
        self.uri = uri
        """As written: what a peer gave as its Contact goes back to it unchanged."""

    @property
    def start_line(self) -> str:
        return f"{self.method} {self.uri} SIP/2.0"

    def replace_top_via(self, via: Via) -> None:
        """Put `via` in the place of the first hop."""
        values = self.headers.getlist("Via")
        _, *rest = split_outside_quotes(values[0], ",")
        values[0] = ", ".join([via.text, *rest])
        self.__dict__["top_via"] = via
        self.__dict__.pop("vias", None)


class Response(Message):
    """A response. RFC 3261 section 7.2."""

    def __init__(self, status: int, phrase: str, body: bytes = b"") -> None:
        super().__init__(body)
        self.status = status
        self.phrase = phrase

    @property
    def start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.phrase}"

    @property
    def is_final(self) -> bool:
        return self.status >= 200


def decode(data: bytes) -> Request | Response:
    """One message out of one datagram, or out of the framer.

    :raises MalformedMessage: and nothing else, whatever the bytes are.
    """
    if len(data) > MAX_MESSAGE:
        raise MalformedMessage(f"{len(data)} octets are more than {MAX_MESSAGE}")
    data = data.lstrip(b"\r\n")
    end = _BLANK_LINE.search(data)
    head, body = (data[: end.start()], data[end.end() :]) if end else (data, b"")
    start, *lines = _LINE_END.split(_FOLD.sub(" ", head.decode("utf-8", "surrogateescape")))
    if match := _STATUS_LINE.fullmatch(start):
        response = Response(int(match["status"]), plain(match["phrase"] or ""), body)
        if problem := _fill(response, lines):
            raise MalformedMessage(problem)
        return response
    if match := _REQUEST_LINE.fullmatch(start):
        request = Request(match["method"], match["uri"], body)
        problem = _fill(request, lines)
        version = match["version"].upper()
        if version != "SIP/2.0":
            raise MalformedMessage(f"speaks {version}, not SIP/2.0", _answerable(request), 505)
        if problem := problem or _problem_of_request(request):
            raise MalformedMessage(problem, _answerable(request))
        return request
    raise MalformedMessage(f"starts with {plain(start[:60])!r}, neither a request line nor a status line")


def _fill(message: Message, lines: list[str]) -> str:
    """Headers and body; returns what is wrong with them, or nothing."""
    problems = [_read_headers(message.headers, lines), _problem_of_fields(message), _cut_body(message)]
    return next(filter(None, problems), "")


def _read_headers(headers: Headers, lines: list[str]) -> str:
    """Every readable line is kept, so that there is something to answer with; the first mistake is returned."""
    problem = f"{len(lines)} header lines are more than {MAX_HEADERS}" if len(lines) > MAX_HEADERS else ""
    for line in filter(None, lines[:MAX_HEADERS]):
        name, colon, value = line.partition(":")
        name = name.strip()
        if not colon or not TOKEN.fullmatch(name):
            problem = problem or f"has the line {plain(line[:60])!r} that is no header"
            continue
        headers.add(COMPACT_FORMS.get(name.lower(), name), _LONE_BREAK.sub(" ", value).strip())
    return problem


def _problem_of_fields(message: Message) -> str:
    """What both kinds of message must have. RFC 3261 section 8.1.1."""
    headers = message.headers
    for name in _NEEDED:
        if not headers.get(name):
            return f"has no {name}"
    for name in _ONCE:
        if len(set(headers.getlist(name))) > 1:
            return f"has several different {name}"
    try:
        _ = message.top_via, message.cseq, message.from_address, message.to_address
    except ValueError as error:
        return plain(str(error))
    return ""


def _cut_body(message: Message) -> str:
    """Bytes behind Content-Length are not part of the message. RFC 3261 section 18.3."""
    try:
        length = message.number("Content-Length")
    except ValueError as error:
        return plain(str(error))
    if length is None:
        return ""
    if length > len(message.body):
        return f"has a body of {len(message.body)} octets where Content-Length says {length}"
    message.body = message.body[:length]
    return ""


def _problem_of_request(request: Request) -> str:
    if not TOKEN.fullmatch(request.method):
        return f"has the method {plain(request.method[:40])!r}"
    if " " in request.uri or "\t" in request.uri or request.uri.startswith("<"):
        return f"has white space or brackets in its Request-URI {plain(request.uri[:60])!r}"
    try:
        _ = request.vias
    except ValueError as error:
        return plain(str(error))
    if request.cseq.method != request.method:
        return f"is {request.method} but its CSeq says {plain(request.cseq.method)}"
    try:
        hops = request.number("Max-Forwards")
    except ValueError as error:
        return plain(str(error))
    if hops is not None and hops > 255:
        return f"has Max-Forwards {hops}, above 255"
    return ""


def _answerable(request: Request) -> Request | None:
    """The request when an answer would find its way: it has a readable Via. An ACK is never answered."""
    try:
        _ = request.top_via
    except (ValueError, KeyError):
        return None
    return None if request.method.upper() == "ACK" else request
