"""The one audio stream of a peer's description that can be used, or why none can. RFC 3264, RFC 4733, RFC 4568."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Literal

from ivr.errors import RemoteProtocolError
from ivr.sdp.crypto import Crypto
from ivr.sdp.description import MediaDescription, SessionDescription

Codec = Literal["PCMU", "PCMA"]
CODECS: dict[str, int] = {"PCMU": 0, "PCMA": 8}
"""What we speak, with the static payload types of RFC 3551 section 6, in the order we like them."""

EVENTS = "TELEPHONE-EVENT"
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
PLAIN, SECURE = "RTP/AVP", "RTP/SAVP"
Srtp = Literal["off", "offered", "required"]

PACKET_TIME = 20
"""Milliseconds of sound in a packet where nobody asks for another. RFC 3551 section 4.2."""
SHORTEST, LONGEST = 10, 60
"""Milliseconds: packet times we send when asked to."""


class NotAcceptable(RemoteProtocolError):
    """Nothing in the offer can be used: answer 488 with this text as Warning (RFC 3261 section 20.43)."""

    def __init__(self, warning: str, code: int = 305) -> None:
        self.code = code
        """Warn-code: 300 network protocol, 301 address format, 302 transport, 304 media type, 305 media format,
        306 attribute, 330 multicast."""
        super().__init__(warning)


@dataclass(frozen=True, slots=True)
class Stream:
    """The usable audio stream of a peer's description."""

    index: int
    """Place among the m= lines."""
    remote: tuple[str, int]
    codec: Codec
    payload_type: int
    event_payload_type: int | None
    direction: str
    """As the peer wrote it, hold by the old address 0.0.0.0 included."""
    packet_time: int
    """Milliseconds of sound the peer wants in a packet, as far as we do that."""
    profile: str
    crypto: Crypto | None
    """The key of the peer; None for plain RTP."""


def choose(
    theirs: SessionDescription, codecs: tuple[str, ...], *, host: str, srtp: Srtp = "off", index: int | None = None
) -> Stream:
    """The stream of theirs to use: a protected one before a plain one, else the first, and in it the first
    codec of their order that we speak.

    `host` is our own address, whose IP version theirs must share. `index` is the only place looked at. Raises
    NotAcceptable for the reason that came nearest: the one of the last audio stream looked at.
    """
    reason = NotAcceptable("no audio stream is offered; audio over RTP is needed", 304)
    found: list[Stream] = []
    for place, media in enumerate(theirs.media):
        if media.kind != "audio" or media.port == 0 or index not in (None, place):
            continue
        try:
            found.append(_usable(theirs, media, place, codecs, host, srtp))
        except NotAcceptable as why:
            reason = why
    if not found:
        raise reason
    return next((stream for stream in found if stream.crypto is not None), found[0])


def _usable(
    theirs: SessionDescription,
    media: MediaDescription,
    place: int,
    codecs: tuple[str, ...],
    host: str,
    srtp: Srtp,
) -> Stream:
    crypto = _crypto_of(media, srtp)
    address = _address(media.host or theirs.host, host)
    names = formats(media)
    spoken = [(kind, name) for kind, name in names if name in codecs]
    if not spoken:
        offered = ", ".join(name for _, name in names) or "nothing"
        raise NotAcceptable(f"{offered[:80]} is offered; {' or '.join(codecs)} is needed", 305)
    payload_type, name = spoken[0]
    return Stream(
        index=place,
        remote=(address, media.port),
        codec="PCMU" if name == "PCMU" else "PCMA",
        payload_type=payload_type,
        event_payload_type=next((kind for kind, other in names if other == EVENTS), None),
        direction=direction_of(theirs, media),
        packet_time=_packet_time(media),
        profile=media.profile,
        crypto=crypto,
    )


def _crypto_of(media: MediaDescription, srtp: Srtp) -> Crypto | None:
    """The peer's key, if there is to be one.

    ``RTP/AVP`` with keys is what telephones write that would like SRTP and can do without (RFC 4568 knows keys
    in a profile for them only; the answer says whether they were taken).
    """
    if media.profile not in (PLAIN, SECURE):
        wanted = {"off": PLAIN, "offered": f"{PLAIN} or {SECURE}", "required": SECURE}[srtp]
        raise NotAcceptable(f"transport {media.profile} is offered; {wanted} is needed", 302)
    if srtp == "off":
        if media.profile == SECURE:
            raise NotAcceptable(f"transport {SECURE} is offered; {PLAIN} is needed", 302)
        return None
    why = "no a=crypto line is there"
    for value in media.values("crypto"):
        try:
            return Crypto.parse(value)
        except RemoteProtocolError as error:
            why = str(error)
    if media.profile == SECURE:
        raise NotAcceptable(f"{SECURE} without a usable key: {why}", 306)
    if srtp == "required":
        raise NotAcceptable(f"transport {PLAIN} without a usable key is offered; {SECURE} is needed", 302)
    return None


def _address(host: str | None, ours: str) -> str:
    """Where sound can be sent from `ours`. The old hold address is one of any IP version."""
    if not host:
        raise NotAcceptable("the audio stream has no c= line; an address is needed", 301)
    if " " in host:
        raise NotAcceptable(f"network {host[:40]!r} is offered; IN IP4 or IN IP6 is needed", 300)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise NotAcceptable(f"address {host[:60]!r} is a name or none; a numeric one is needed", 301) from None
    if getattr(address, "scope_id", None):
        raise NotAcceptable(f"address {host[:60]!r} has a zone; one that means the same here is needed", 301)
    if address.is_multicast:
        raise NotAcceptable(f"multicast address {host} is offered; that of one host is needed", 330)
    if not address.is_unspecified and address.version != _version(ours):
        raise NotAcceptable(f"an IPv{address.version} address is offered; IPv{_version(ours)} is needed", 301)
    return str(address)


def _version(host: str) -> int:
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return 4  # a name of ours, in tests and tools alone


def _packet_time(media: MediaDescription) -> int:
    """``a=ptime`` is a wish, ``a=maxptime`` a limit. RFC 8866 sections 6.4 and 6.5."""
    wish, limit = _milliseconds(media, "ptime"), _milliseconds(media, "maxptime")
    wanted = min(max(wish or PACKET_TIME, SHORTEST), LONGEST)
    return min(wanted, limit) if limit else wanted


def _milliseconds(media: MediaDescription, name: str) -> int | None:
    """A whole number above nothing; some write 20.0, and some nonsense, which counts as not written."""
    text = next(iter(media.values(name)), "").partition(".")[0]
    return int(text) or None if text.isascii() and text.isdigit() and len(text) <= 5 else None


def formats(media: MediaDescription) -> list[tuple[int, str]]:
    """Payload types and codec names at 8 kHz, in the order of the m= line."""
    names = {number: name for name, number in CODECS.items()}
    for value in media.values("rtpmap"):
        number, _, encoding = value.partition(" ")
        name, _, rate = encoding.strip().partition("/")
        if number.isascii() and number.isdigit() and int(number[:4]) <= 127:
            names[int(number)] = name.upper() if rate.split("/")[0] == "8000" else f"{name}/{rate}"
    numbers = [int(text) for text in media.formats if text.isascii() and text.isdigit() and len(text) <= 3]
    return [(number, names.get(number, f"payload type {number}")) for number in numbers if number <= 127]


def direction_of(description: SessionDescription, media: MediaDescription) -> str:
    """Stream attribute, else session attribute, else sendrecv; the old hold address reads as sendonly."""
    found = next((name for name, _ in media.attributes if name in DIRECTIONS), None) or next(
        (name for name, _ in description.attributes if name in DIRECTIONS), "sendrecv"
    )
    if (media.host or description.host) in ("0.0.0.0", "::") and found == "sendrecv":
        return "sendonly"  # RFC 3264 section 8.4: hold as RFC 2543 wrote it
    return found
