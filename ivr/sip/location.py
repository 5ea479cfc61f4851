"""From a SIP address to everywhere a request for it may go, in order. RFC 3263 section 4, RFC 2782.

The questions are asked of whoever runs this, one at a time; the answers decide what is asked next::

    search = locate("sip:pbx.example", rng)
    question = next(search)                  # Naptr("pbx.example")
    question = search.send([...])            # Srv("_sip._udp.pbx.example"), Addresses("sbc1.pbx.example"), ...
    # StopIteration.value: [Target("udp", "192.0.2.1", 5060, "pbx.example"), ...]
"""

from __future__ import annotations

import random
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from ivr.errors import IvrError
from ivr.sip.fields import numeric, parse_uri

Transport = Literal["udp", "tcp", "tls"]
SERVICES: dict[str, Transport] = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}
"""Services of NAPTR records, and what they stand for. RFC 3263 section 4.1."""
SRV_NAMES: dict[Transport, str] = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}
PORTS: dict[Transport, int] = {"udp": 5060, "tcp": 5060, "tls": 5061}
MAX_TARGETS = 16
"""Tried for one request. A name with more records than that is not followed through all of them."""


@dataclass(frozen=True, slots=True)
class NaptrRecord:
    """RFC 3403 section 4; only those with the flag ``s`` are of use here."""

    order: int
    preference: int
    service: str
    replacement: str


@dataclass(frozen=True, slots=True)
class SrvRecord:
    """RFC 2782."""

    priority: int
    weight: int
    port: int
    host: str


@dataclass(frozen=True, slots=True)
class Naptr:
    """Asks for the NAPTR records of a name."""

    name: str


@dataclass(frozen=True, slots=True)
class Srv:
    """Asks for the SRV records of a name."""

    name: str


@dataclass(frozen=True, slots=True)
class Addresses:
    """Asks for the numeric addresses of a host, IPv4 or IPv6, the preferred first."""

    host: str


@dataclass(frozen=True, slots=True)
class Target:
    """One place a request may go to."""

    transport: Transport
    host: str
    """Numeric."""
    port: int
    name: str
    """The domain that was asked for: what a peer must prove over TLS (RFC 5922 section 7.1)."""

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self.port


Question = Naptr | Srv | Addresses
Records = Sequence[NaptrRecord] | Sequence[SrvRecord] | Sequence[str]
Kind = TypeVar("Kind")
Search = Generator[Question, Records, list[Target]]


def locate(text: str, rng: random.Random) -> Search:
    """Every target of a ``sip:`` or ``sips:`` URI, in the order to try them; none when the name leads nowhere.

    Each question is to be answered with records of its kind, or with none. Raises IvrError before the first
    question when `text` is no such URI or asks for a transport that is not spoken.
    """
    try:
        uri = parse_uri(text)
    except ValueError as error:
        raise IvrError(f"{text[:100]!r} is no SIP address; write sip:host or sip:user@host:port") from error
    if uri.scheme not in ("sip", "sips"):
        raise IvrError(f"{text[:100]!r} has the scheme {uri.scheme}; a sip: or sips: address is needed")
    named = transport_named(str(uri.parameters.get("transport") or ""), uri.scheme == "sips", text)
    host = (str(uri.parameters.get("maddr") or "") or uri.host).strip("[]")
    default: Transport = "tls" if uri.scheme == "sips" else "udp"
    if (address := numeric(host)) is not None:
        transport = named or default
        return [Target(transport, address, uri.port or PORTS[transport], uri.host.strip("[]"))]
    if uri.port is not None:
        return (yield from _at(host, uri.port, named or default, host))
    return (yield from _by_records(host, named, default, uri.scheme == "sips", rng))


def transport_named(name: str, secure: bool, text: str) -> Transport | None:
    """What the URI itself asks for; None when it leaves that to us. ``sips`` over TCP is TLS."""
    name = name.lower()
    if not name:
        return None
    if name not in PORTS or (secure and name == "udp"):
        spoken = "tcp or tls" if secure else "udp, tcp or tls"
        raise IvrError(f"{text[:100]!r} asks for transport {name}; {spoken} is needed")
    if secure:
        return "tls"
    return "udp" if name == "udp" else "tcp" if name == "tcp" else "tls"


def _by_records(
    host: str, named: Transport | None, default: Transport, secure: bool, rng: random.Random
) -> Search:
    """A name without port: NAPTR says which transports, SRV which hosts and ports. Sections 4.1 and 4.2."""
    places: list[tuple[Transport, str]] = []
    if named is None:
        records = yield Naptr(host)
        naptrs = sorted(_of_kind(records, NaptrRecord), key=lambda record: (record.order, record.preference))
        places = [
            (SERVICES[record.service.upper()], record.replacement)
            for record in naptrs
            if record.service.upper() in SERVICES and (not secure or record.service.upper().startswith("SIPS"))
        ]
    if not places:
        tried: Iterable[Transport] = [named] if named else ["tls"] if secure else ["udp", "tcp", "tls"]
        places = [(transport, SRV_NAMES[transport] + host) for transport in tried]
    targets: list[Target] = []
    refused = False
    for transport, name in places:
        records = yield Srv(name)
        found = _of_kind(records, SrvRecord)
        refused = refused or any(record.host in ("", ".") for record in found)
        for record in in_order([record for record in found if record.host not in ("", ".")], rng):
            targets += yield from _at(record.host, record.port, transport, host)
            if len(targets) >= MAX_TARGETS:
                return targets[:MAX_TARGETS]
    if targets or refused:  # a target of "." says that the service is decidedly not there; RFC 2782
        return targets
    return (yield from _at(host, PORTS[named or default], named or default, host))


def _at(host: str, port: int, transport: Transport, name: str) -> Search:
    if (address := numeric(host)) is not None:
        return [Target(transport, address, port, name)]
    records = yield Addresses(host)
    return [Target(transport, address, port, name) for address in _of_kind(records, str)]


def in_order(records: Sequence[SrvRecord], rng: random.Random) -> list[SrvRecord]:
    """By priority; within one, at random in proportion to weight. RFC 2782, "Weight"."""
    ordered: list[SrvRecord] = []
    for priority in sorted({record.priority for record in records}):
        left = sorted((r for r in records if r.priority == priority), key=lambda record: record.weight != 0)
        while left:
            drawn = rng.randint(0, sum(record.weight for record in left))
            for record in left:
                drawn -= record.weight
                if drawn <= 0:
                    break
            ordered.append(record)
            left.remove(record)
    return ordered


def _of_kind(records: Records, kind: type[Kind]) -> list[Kind]:
    return [record for record in records if isinstance(record, kind)]
