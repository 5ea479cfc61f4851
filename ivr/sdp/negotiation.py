"""Offers, and answers to them. RFC 3264.

We speak one audio stream of G.711 with telephone events; everything else that is offered beside it is
rejected stream by stream (port 0), and an offer without a stream we can use is rejected whole (488).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ivr.sdp.crypto import SUITES, Crypto, Secured
from ivr.sdp.description import Attribute, MediaDescription, Origin, SessionDescription
from ivr.sdp.stream import (
    CODECS,
    PLAIN,
    SECURE,
    Codec,
    NotAcceptable,
    Srtp,
    Stream,
    choose,
    direction_of,
)

OFFERED_EVENTS = 101
"""Payload type of telephone-event in offers of ours; the number most telephones use."""
MIRROR = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
"""The answer to each offered direction, RFC 3264 section 6.1, while we want both ways."""


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """Our side of a session."""

    host: str
    """Address the peer reaches us at."""
    port: int
    """Our RTP port."""
    session_id: int
    version: int = 1
    """Version of our description: one more at every change."""
    codecs: tuple[str, ...] = tuple(CODECS)
    direction: str = "sendrecv"
    """What we want; an answer gives no more than the offer allows."""
    srtp: Srtp = "off"
    """Whether streams may or must be protected (RFC 3711)."""
    keys: tuple[bytes, ...] = field(default=(), repr=False)
    """With SRTP: a master key and salt of 30 octets for each of `SUITES`, which nobody else has."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What both sides have agreed on for the one audio stream."""

    description: SessionDescription
    """Our description: the answer to send, or the offer that was sent."""
    remote: tuple[str, int]
    """Where the peer wants RTP."""
    codec: Codec
    payload_type: int
    """Number of the codec in packets to the peer."""
    event_payload_type: int | None
    """Number of telephone-event in packets to the peer; None if it has none."""
    send: bool
    """We may send sound."""
    receive: bool
    """The peer will send sound."""
    packet_time: int = 20
    """Milliseconds of sound in packets to the peer."""
    secured: Secured | None = None
    """Suite and keys of SRTP; None for plain RTP."""


def answer(offer: SessionDescription, local: LocalMedia) -> Agreement:
    """Answer an offer. Raises NotAcceptable when no stream of it can be used."""
    stream = choose(offer, local.codecs, host=local.host, srtp=local.srtp)
    direction = _restrict(MIRROR[stream.direction], local.direction)
    ours = None
    if stream.crypto is not None:
        ours = replace(stream.crypto, key=local.keys[SUITES.index(stream.crypto.suite)])
    media = tuple(
        _answer_stream(offered, stream, local, direction, ours)
        if index == stream.index
        else replace(offered, port=0, host=None, attributes=())
        for index, offered in enumerate(offer.media)
    )
    description = SessionDescription(
        Origin("ivr", local.session_id, local.version, local.host), local.host, media, timing=offer.timing
    )
    return _agree(description, stream, direction, ours)


def make_offer(local: LocalMedia) -> SessionDescription:
    """An offer of ours: every codec we speak and telephone events.

    Where SRTP may be, the keys go with plain ``RTP/AVP``: a telephone that cannot takes no notice, and one m=
    line is what all of them understand. Where it must be, the profile is ``RTP/SAVP``.
    """
    types = [str(CODECS[codec]) for codec in local.codecs]
    attributes: list[Attribute] = [("rtpmap", f"{CODECS[codec]} {codec}/8000") for codec in local.codecs]
    attributes += _event_attributes(OFFERED_EVENTS)
    attributes += [("crypto", line.encode()) for line in _lines(local)]
    attributes += [("ptime", "20"), (local.direction, None)]
    profile = SECURE if local.srtp == "required" else PLAIN
    media = MediaDescription(
        "audio", local.port, profile, (*types, str(OFFERED_EVENTS)), attributes=tuple(attributes)
    )
    origin = Origin("ivr", local.session_id, local.version, local.host)
    return SessionDescription(origin, local.host, (media,))


def make_straight_offer(local: LocalMedia, other: Agreement) -> SessionDescription:
    """An offer that sends the peer straight to where another peer wants its sound, in the other's format.

    The first half of third party call control with sessions that are there already, after RFC 3725 section 4.4.
    """
    attributes: list[Attribute] = [("rtpmap", f"{other.payload_type} {other.codec}/8000")]
    formats = [str(other.payload_type)]
    if other.event_payload_type is not None:
        attributes += _event_attributes(other.event_payload_type)
        formats.append(str(other.event_payload_type))
    attributes += [("ptime", str(other.packet_time)), ("sendrecv", None)]
    host, port = other.remote
    media = MediaDescription("audio", port, PLAIN, tuple(formats), attributes=tuple(attributes))
    return SessionDescription(Origin("ivr", local.session_id, local.version, local.host), host, (media,))


def _lines(local: LocalMedia) -> list[Crypto]:
    if local.srtp == "off":
        return []
    pairs = zip(SUITES, local.keys, strict=True)
    return [Crypto(tag, suite, key) for tag, (suite, key) in enumerate(pairs, 1)]


def read_answer(offer: SessionDescription, answered: SessionDescription) -> Agreement:
    """What the peer's answer to our offer means. Raises NotAcceptable when it took nothing, or what was not there.

    An answer without key to an offer with keys is plain RTP, unless the offer was ``RTP/SAVP``.
    """
    ours = offer.media[0]
    offered = {line.tag: line for line in (Crypto.parse(value) for value in ours.values("crypto"))}
    srtp: Srtp = "required" if ours.profile == SECURE else "offered" if offered else "off"
    stream = choose(answered, tuple(CODECS), host=offer.origin.host, srtp=srtp, index=0)
    local = None
    if stream.crypto is not None:
        local = offered.get(stream.crypto.tag)
        if local is None or local.suite != stream.crypto.suite:
            raise NotAcceptable(f"the answer takes a=crypto:{stream.crypto.tag}, which was not offered so", 306)
    direction = _restrict(direction_of(offer, ours), MIRROR[stream.direction])
    return _agree(offer, stream, direction, local)


def _agree(ours: SessionDescription, stream: Stream, direction: str, local: Crypto | None) -> Agreement:
    secured = None
    if local is not None and stream.crypto is not None:
        secured = Secured(local.suite, local.key, stream.crypto.key)
    return Agreement(
        description=ours,
        remote=stream.remote,
        codec=stream.codec,
        payload_type=stream.payload_type,
        event_payload_type=stream.event_payload_type,
        send=direction in ("sendrecv", "sendonly"),
        receive=direction in ("sendrecv", "recvonly"),
        packet_time=stream.packet_time,
        secured=secured,
    )


def _restrict(allowed: str, wanted: str) -> str:
    """Both ways only as far as both sides want them."""
    send = "send" in allowed and "send" in wanted
    receive = "rec" in allowed and "rec" in wanted
    return {(True, True): "sendrecv", (True, False): "sendonly", (False, True): "recvonly"}.get(
        (send, receive), "inactive"
    )


def _answer_stream(
    offered: MediaDescription, stream: Stream, local: LocalMedia, direction: str, key: Crypto | None
) -> MediaDescription:
    attributes: list[Attribute] = [("rtpmap", f"{stream.payload_type} {stream.codec}/8000")]
    formats = [str(stream.payload_type)]
    if stream.event_payload_type is not None:
        attributes += _event_attributes(stream.event_payload_type)
        formats.append(str(stream.event_payload_type))
    if key is not None:
        attributes.append(("crypto", key.encode()))
    attributes += [("ptime", str(stream.packet_time)), (direction, None)]
    return replace(offered, port=local.port, formats=tuple(formats), host=None, attributes=tuple(attributes))


def _event_attributes(payload_type: int) -> list[Attribute]:
    return [("rtpmap", f"{payload_type} telephone-event/8000"), ("fmtp", f"{payload_type} 0-15")]
