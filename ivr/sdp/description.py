"""The text of an offer or an answer. RFC 8866.

Parsing is tolerant where peers are known to be sloppy (bare LF, unknown lines, odd order) and strict where
a wrong guess would send sound to the wrong place (addresses, ports).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from ivr.errors import RemoteProtocolError

MAX_SIZE = 65_536
"""Octets; no honest description comes near."""

Attribute = tuple[str, str | None]
"""Name and value; None for a property attribute such as ``a=sendrecv``."""


@dataclass(frozen=True, slots=True)
class Origin:
    """``o=``: who made the description, and which version of it this is. RFC 8866 section 5.2."""

    username: str = "-"
    session_id: int = 0
    version: int = 0
    """Grows by one whenever the same session is described anew."""
    host: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class MediaDescription:
    """``m=`` and the lines below it. RFC 8866 section 5.14."""

    kind: str
    """``audio``, ``video``, ``application`` …"""
    port: int
    """0 in an answer rejects the stream, RFC 3264 section 6."""
    profile: str
    """``RTP/AVP``, ``RTP/SAVP`` …"""
    formats: tuple[str, ...]
    host: str | None = None
    """Address of an own ``c=`` line; None if the session's holds."""
    attributes: tuple[Attribute, ...] = field(default=(), repr=False)
    """In their order. Not in `repr`: among them may be keys."""

    def values(self, name: str) -> list[str]:
        """All values of the attribute `name`, in order."""
        return [value or "" for key, value in self.attributes if key == name]

    def has(self, name: str) -> bool:
        return any(key == name for key, _ in self.attributes)


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """One whole description."""

    origin: Origin = Origin()
    host: str | None = None
    """Address of the session-level ``c=`` line."""
    media: tuple[MediaDescription, ...] = ()
    attributes: tuple[Attribute, ...] = field(default=(), repr=False)
    name: str = "-"
    timing: tuple[str, ...] = field(default=("0 0",))

    @classmethod
    def parse(cls, data: bytes) -> SessionDescription:
        """Read a description. Raises RemoteProtocolError naming the line that cannot be used."""
        if len(data) > MAX_SIZE:
            raise RemoteProtocolError(f"SDP of {len(data)} octets; at most {MAX_SIZE} are read")
        return _Parser(data.decode("utf-8", "replace")).parse()

    def hosts(self, *, other_than: str) -> list[str]:
        """Numeric addresses of its audio streams, of another IP version than that of `other_than`."""
        named = [media.host or self.host or "" for media in self.media if media.kind == "audio" and media.port]
        return [host for host in named if " " not in host and _version(host) not in (None, _version(other_than))]

    def encode(self) -> bytes:
        lines = ["v=0", _origin_line(self.origin), f"s={self.name}"]
        if self.host is not None:
            lines.append(_connection_line(self.host))
        lines += [f"t={timing}" for timing in self.timing]
        lines += _attribute_lines(self.attributes)
        for media in self.media:
            lines.append(f"m={media.kind} {media.port} {media.profile} {' '.join(media.formats)}")
            if media.host is not None:
                lines.append(_connection_line(media.host))
            lines += _attribute_lines(media.attributes)
        return ("\r\n".join(lines) + "\r\n").encode()


class _Parser:
    """Line by line; everything after the first ``m=`` belongs to the latest stream."""

    def __init__(self, text: str) -> None:
        self.lines = [line.strip() for line in text.replace("\r", "\n").split("\n")]
        self.origin = Origin()
        self.host: str | None = None
        self.name = "-"
        self.timing: list[str] = []
        self.session: list[Attribute] = []
        self.media: list[tuple[str, int, str, tuple[str, ...]]] = []
        self.hosts: list[str | None] = []
        self.lists: list[list[Attribute]] = []

    def parse(self) -> SessionDescription:
        seen_version = False
        for line in self.lines:
            if not line:
                continue
            kind, equals, value = line[:1], line[1:2], line[2:].strip()
            if equals != "=":
                raise RemoteProtocolError(f"SDP line {_shown(line)} is not of the form x=value")
            if kind == "v":
                seen_version = True
                if value != "0":
                    raise RemoteProtocolError(f"SDP version {value[:20]!r}; only 0 is known")
            else:
                self.line(kind, value)
        if not seen_version:
            raise RemoteProtocolError("no v= line; this is no SDP")
        media = tuple(
            MediaDescription(*head, host=host, attributes=tuple(attributes))
            for head, host, attributes in zip(self.media, self.hosts, self.lists, strict=True)
        )
        timing = tuple(self.timing) or ("0 0",)
        return SessionDescription(self.origin, self.host, media, tuple(self.session), self.name, timing)

    def line(self, kind: str, value: str) -> None:
        if kind == "o":
            self.origin = _parse_origin(value)
        elif kind == "s":
            self.name = value or "-"
        elif kind == "t":
            self.timing.append(value)
        elif kind == "c":
            if self.media:
                self.hosts[-1] = self.hosts[-1] or _parse_connection(value)
            else:
                self.host = _parse_connection(value)
        elif kind == "m":
            self.media.append(_parse_media(value))
            self.hosts.append(None)
            self.lists.append([])
        elif kind == "a":
            name, colon, rest = value.partition(":")
            target = self.lists[-1] if self.media else self.session
            target.append((name.strip().lower(), rest.strip() if colon else None))


def _parse_origin(value: str) -> Origin:
    parts = value.split()
    if len(parts) != 6:
        raise RemoteProtocolError(f"SDP origin {value[:60]!r} has {len(parts)} fields; six are needed")

    def number(text: str) -> int:
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else 0

    return Origin(parts[0], number(parts[1]), number(parts[2]), parts[5])


def _shown(line: str) -> str:
    """For a message to people: the beginning of a line, and nothing of a key."""
    return repr(line[:60].lower().partition("inline")[0])


def _parse_connection(value: str) -> str:
    """The address of ``IN IP4 192.0.2.1/127``; that of another network stays as it is, ``ATM NSAP 47.00``.

    Names are kept too: whoever would send there decides.
    """
    parts = value.split()
    if len(parts) != 3 or parts[2].startswith("/"):
        raise RemoteProtocolError(f"SDP connection {value[:60]!r}; IN IP4 or IN IP6 with an address is needed")
    if parts[0].upper() != "IN" or parts[1].upper() not in ("IP4", "IP6"):
        return " ".join(parts)
    return parts[2].split("/")[0]


def _parse_media(value: str) -> tuple[str, int, str, tuple[str, ...]]:
    parts = value.split()
    port = parts[1].split("/")[0] if len(parts) >= 4 else ""
    if not (port.isascii() and port.isdigit() and int(port[:6]) <= 65535):
        raise RemoteProtocolError(f"SDP media {value[:60]!r}; kind, port, profile and formats are needed")
    return parts[0].lower(), int(port), parts[2].upper(), tuple(parts[3:])


def _version(host: str) -> int | None:
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return None


def _family(host: str) -> str:
    return "IP6" if _version(host) == 6 else "IP4"


def _origin_line(origin: Origin) -> str:
    who = f"{origin.username} {origin.session_id} {origin.version}"
    return f"o={who} IN {_family(origin.host)} {origin.host}"


def _connection_line(host: str) -> str:
    if " " in host:  # of another network, kept whole
        return f"c={host}"
    return f"c=IN {_family(host)} {host}"


def _attribute_lines(attributes: tuple[Attribute, ...]) -> list[str]:
    return [f"a={name}" if value is None else f"a={name}:{value}" for name, value in attributes]
