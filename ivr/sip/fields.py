"""Header field values, read tolerantly and kept verbatim. RFC 3261 sections 20 and 25.

`sipmessage` has these types too, but writes parameters back percent-encoded: a Via branch or a Contact
with ``+`` or ``%`` in it would come back changed, and the peer would not know it again. So what is
echoed stays the peer's own text, and `sipmessage` reads the URIs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import unquote

from sipmessage import URI, Parameters

from ivr.errors import LocalProtocolError

_VIA = re.compile(
    r"SIP\s*/\s*2\.0\s*/\s*(?P<transport>[\w.+*%!`'~-]+)\s+"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s;:,\[\]]+)\s*(?::\s*(?P<port>\d{1,5})\s*)?(?P<params>;.*)?",
    re.IGNORECASE | re.DOTALL,
)
_URI = re.compile(
    r"(?P<scheme>sips?):(?:(?P<user>[^@<>\s]*)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s@;:?<>\[\]]+)"
    r"(?::(?P<port>\d{1,5}))?(?P<params>;[^?\s]*)?",
    re.IGNORECASE,
)
COOKIE = "z9hG4bK"
"""Every branch made by RFC 3261 begins so; one without it, or with it alone, is matched as RFC 2543 had it."""
MAX_URI = 1024
"""Characters; real ones have 20 to 200."""
MAX_KNOWN = 300
"""Characters of a field that is remembered once read: strangers cannot fill our memory with long ones."""
TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def plain(text: str) -> str:
    """Text of a stranger made fit for people and stores: no control characters, no undecodable bytes.

    Bytes that were not UTF-8 are carried through a message as surrogates; here they become Latin-1.
    """
    if not text.isascii():
        try:
            data = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            data = text.encode("utf-8", "replace")
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    return _CONTROL.sub(" ", text).strip()


def split_outside_quotes(text: str, separator: str) -> Iterator[str]:
    """Cut at each separator that is neither in a quoted string nor between angle brackets."""
    if separator not in text:
        yield text.strip()
        return
    if '"' not in text and "<" not in text:
        yield from map(str.strip, text.split(separator))
        return
    quoted = escaped = False
    depth = start = 0
    for position, letter in enumerate(text):
        if escaped:
            escaped = False
        elif quoted:
            escaped = letter == "\\"
            quoted = letter != '"'
        elif letter == '"':
            quoted = True
        elif letter in "<>":
            depth = letter == "<"
        elif letter == separator and not depth:
            yield text[start:position].strip()
            start = position + 1
    yield text[start:].strip()


def is_closed(text: str) -> bool:
    """Whether every quoted string and every angle bracket in it is closed."""
    if '"' not in text:
        return text.count("<") == text.count(">")
    quoted = escaped = False
    depth = 0
    for letter in text:
        if escaped:
            escaped = False
        elif quoted:
            escaped = letter == "\\"
            quoted = letter != '"'
        elif letter == '"':
            quoted = True
        else:
            depth += (letter == "<") - (letter == ">")
    return not quoted and not depth


def parse_parameters(text: str) -> dict[str, str]:
    """``;name=value;flag`` by lower-case name; a flag has the empty value, the first of two wins."""
    parameters: dict[str, str] = {}
    for part in split_outside_quotes(text, ";"):
        name, _, value = part.partition("=")
        if name := name.strip().lower():
            parameters.setdefault(name, unquoted(value.strip()))
    return parameters


def unquoted(text: str) -> str:
    """The content of a quoted string; anything else as it is."""
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return text


def quoted(text: str) -> str:
    """A quoted string. RFC 3261 section 25.1."""
    return '"' + plain(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


@lru_cache(maxsize=512)
def parse_uri(text: str) -> URI:
    """Read a URI, forgiving what telephones are known to send: capitals in the scheme, ``#`` in the user part,
    an underscore in the host, header parameters behind ``?``.

    :raises ValueError: no SIP, SIPS or TEL URI can be read out of it.
    """
    if len(text) > MAX_URI:
        raise ValueError(f"a URI of {len(text)} characters is longer than {MAX_URI}")
    scheme, colon, rest = text.strip().partition(":")
    text = scheme.lower() + colon + rest
    try:
        uri = URI.parse(text.split("?", 1)[0])
    except (ValueError, TypeError):
        uri = _forgiving_uri(text)
    if uri.port is not None and uri.port > 65535:
        raise ValueError(f"port {uri.port} is above 65535 in the URI {text[:100]!r}")
    return uri


def _forgiving_uri(text: str) -> URI:
    match = _URI.fullmatch(text.split("?", 1)[0] if "@" not in text.partition("?")[2] else text)
    if match is None:
        raise ValueError(f"needs a sip, sips or tel URI, not {text[:100]!r}")
    user = match["user"]
    parameters = {name: value or None for name, value in parse_parameters(match["params"] or "").items()}
    return URI(
        scheme=match["scheme"].lower(),
        host=match["host"],
        user=unquote(user.split(":", 1)[0]) if user else None,
        port=int(match["port"]) if match["port"] else None,
        parameters=Parameters(**parameters),
    )


def scheme_of(uri: str) -> str:
    """``sips`` or ``sip``, of a URI that may be of any scheme."""
    return "sips" if uri[:5].lower() == "sips:" else "sip"


def user_part(uri: str) -> str:
    """The user part without its parameters (``;phone-context`` and the like); empty when there is none."""
    try:
        user = parse_uri(uri).user or ""
    except ValueError:
        return ""
    return plain(user.split(";", 1)[0])


def check_uri(uri: str) -> None:
    """Nothing may break out of the angle brackets or the line.

    :raises LocalProtocolError: it is no URI, or has white space or angle brackets in it.
    """
    try:
        parse_uri(uri)
    except ValueError as error:
        raise LocalProtocolError(str(error)) from None
    if any(letter in "<>\r\n \t\x00" for letter in uri):
        raise LocalProtocolError(f"the URI {uri[:100]!r} has white space or angle brackets in it")


@dataclass(frozen=True, slots=True)
class NameAddress:
    """The value of From, To, Contact, Route, Record-Route. RFC 3261 section 20.10."""

    uri: str
    """As written, without angle brackets."""
    display: str
    parameters: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> NameAddress:
        """:raises ValueError: there is no URI in it."""
        return _known_address(text) if len(text) <= MAX_KNOWN else cls.read(text)

    @classmethod
    def read(cls, text: str) -> NameAddress:
        """As `parse`, without looking whether the text is known."""
        if not is_closed(text):  # a tag put behind it would become part of it
            raise ValueError(f"{text[:100]!r} has no closing quote, or angle brackets that do not close")
        head, *parameters = split_outside_quotes(text, ";")
        display, bracket, uri = cls._cut(head)
        uri = uri.strip()
        if not uri or " " in uri or ":" not in uri:
            raise ValueError(f"needs an address with a URI, not {text[:100]!r}")
        if not bracket and "?" in uri:  # whose the headers behind it are cannot be told; section 20
            raise ValueError(f"a URI with a question mark needs angle brackets: {text[:100]!r}")
        display = unquoted(display.strip()) if bracket else ""
        return cls(uri, display, parse_parameters(";".join(parameters)))

    @staticmethod
    def _cut(head: str) -> tuple[str, str, str]:
        """Display name, the bracket if there is one, the URI."""
        after_name = 0
        if head.startswith('"'):
            match = re.match(r'"(?:[^"\\]|\\.)*"', head, re.DOTALL)
            if match is None:
                raise ValueError(f"the display name {head[:100]!r} has no closing quote")
            after_name = match.end()
        start = head.find("<", after_name)
        if start < 0:
            return "", "", head
        end = head.find(">", start)
        if end < 0 or head[end + 1 :].strip():
            raise ValueError(f"the angle brackets of {head[:100]!r} do not close before the parameters")
        return head[:start], "<", head[start + 1 : end]


def parse_addresses(values: list[str]) -> list[NameAddress]:
    """Every address of a header that may be repeated or hold a list.

    :raises ValueError: one of them cannot be read.
    """
    return [NameAddress.parse(part) for value in values for part in split_outside_quotes(value, ",") if part]


@dataclass(frozen=True, slots=True)
class Via:
    """One hop of the way back. RFC 3261 section 20.42, RFC 3581."""

    transport: str
    host: str
    port: int | None
    parameters: dict[str, str]
    text: str
    """As written."""

    @classmethod
    def parse(cls, text: str) -> Via:
        """:raises ValueError: not a Via of SIP/2.0."""
        return _known_via(text) if len(text) <= MAX_KNOWN else cls.read(text)

    @classmethod
    def read(cls, text: str) -> Via:
        """As `parse`, without looking whether the text is known."""
        match = _VIA.fullmatch(text.strip())
        if match is None or int(match["port"] or 0) > 65535:
            raise ValueError(f"needs a Via like 'SIP/2.0/UDP host:port;branch=…', not {text[:100]!r}")
        port = int(match["port"]) if match["port"] else None
        parameters = parse_parameters(match["params"] or "")
        return cls(match["transport"].upper(), match["host"], port, parameters, text.strip())

    @property
    def branch(self) -> str:
        return self.parameters.get("branch", "")

    def stamped(self, host: str, port: int) -> Via:
        """With the address the request really came from. RFC 3261 section 18.2.1, RFC 3581 section 4."""
        wants_port = "rport" in self.parameters
        if not wants_port and same_host(self.host, host):
            return self
        kept = [part for part in split_outside_quotes(self.text, ";") if part]
        kept = [part for part in kept if part.split("=")[0].strip().lower() not in ("received", "rport")]
        kept.append(f"received={host}")
        if wants_port:
            kept.append(f"rport={port}")
        return Via.parse(";".join(kept))


@lru_cache(maxsize=1024)
def _known_address(text: str) -> NameAddress:
    """The messages of a call say the same From and To again and again."""
    return NameAddress.read(text)


@lru_cache(maxsize=256)
def _known_via(text: str) -> Via:
    """The top Via of one message is asked for more than once."""
    return Via.read(text)


def same_host(one: str, other: str) -> bool:
    """Whether two hosts are the same text or the same numeric address."""
    one, other = one.strip("[]").lower(), other.strip("[]").lower()
    if one == other:
        return True
    first, second = numeric(one), numeric(other)
    return first is not None and first == second


def numeric(host: str) -> str | None:
    """The address in its usual spelling, or None when it is a name or no address one can send to."""
    return _numeric(host) if len(host) <= MAX_KNOWN else None


@lru_cache(maxsize=1024)
def _numeric(host: str) -> str | None:
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return None
    return None if address.is_unspecified or address.is_multicast else str(address)


def host_port(address: tuple[str, int]) -> str:
    """``host:port`` with an IPv6 address in brackets. RFC 5118 section 4.1."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
