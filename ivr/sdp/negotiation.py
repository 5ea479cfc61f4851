"""Offers, and answers to them. RFC 3264.

We speak one audio stream of G.711 with telephone events; everything else that is offered beside it is
rejected stream by stream (port 0), and an offer without a stream we can use is rejected whole (488).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ivr.errors import RemoteProtocolError
from ivr.sdp.description import Attribute, MediaDescription, Origin, SessionDescription

CODECS: dict[str, int] = {"PCMU": 0, "PCMA": 8}
"""What we speak, with the static payload types of RFC 3551 section 6, in the order we like them."""

EVENTS = "TELEPHONE-EVENT"
OFFERED_EVENTS = 101
"""Payload type of telephone-event in offers of ours; the number most telephones use."""

Codec = Literal["PCMU", "PCMA"]
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
MIRROR = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
"""The answer to each offered direction, RFC 3264 section 6.1, while we want both ways."""


class NotAcceptable(RemoteProtocolError):
    """Nothing in the offer can be used: answer 488 with this text as Warning (RFC 3261 section 20.43)."""

    def __init__(self, warning: str, code: int = 305) -> None:
        self.code = code
        """Warn-code: 301 network address format, 302 transport, 304 media type, 305 media format."""
        super().__init__(warning)


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


@dataclass(frozen=True, slots=True)
class _Stream:
    """The usable audio stream of a peer's description."""

    index: int
    remote: tuple[str, int]
    codec: Codec
    payload_type: int
    event_payload_type: int | None
    direction: str
    """As the peer wrote it, hold by the old address 0.0.0.0 included."""


def answer(offer: SessionDescription, local: LocalMedia) -> Agreement:
    """Answer an offer. Raises NotAcceptable when no stream of it can be used."""
    stream = _choose(offer, local.codecs)
    direction = _restrict(MIRROR[stream.direction], local.direction)
    media = tuple(
        _answer_stream(offered, stream, local, direction)
        if index == stream.index
        else replace(offered, port=0, host=None, attributes=())
        for index, offered in enumerate(offer.media)
    )
    ours = SessionDescription(
        Origin("ivr", local.session_id, local.version, local.host), local.host, media, timing=offer.timing
    )
    return _agree(ours, stream, direction)


def make_offer(local: LocalMedia) -> SessionDescription:
    """An offer of ours: every codec we speak and telephone events."""
    types = [str(CODECS[codec]) for codec in local.codecs]
    attributes: list[Attribute] = [("rtpmap", f"{CODECS[codec]} {codec}/8000") for codec in local.codecs]
    attributes += _event_attributes(OFFERED_EVENTS)
    attributes += [("ptime", "20"), (local.direction, None)]
    media = MediaDescription(
        "audio", local.port, "RTP/AVP", (*types, str(OFFERED_EVENTS)), attributes=tuple(attributes)
    )
    origin = Origin("ivr", local.session_id, local.version, local.host)
    return SessionDescription(origin, local.host, (media,))


def read_answer(offer: SessionDescription, answered: SessionDescription) -> Agreement:
    """What the peer's answer to our offer means. Raises NotAcceptable when it took nothing."""
    stream = _choose(answered, tuple(CODECS))
    direction = _restrict(_direction_of(offer, offer.media[0]), MIRROR[stream.direction])
    return _agree(offer, stream, direction)


def _agree(ours: SessionDescription, stream: _Stream, direction: str) -> Agreement:
    return Agreement(
        description=ours,
        remote=stream.remote,
        codec=stream.codec,
        payload_type=stream.payload_type,
        event_payload_type=stream.event_payload_type,
        send=direction in ("sendrecv", "sendonly"),
        receive=direction in ("sendrecv", "recvonly"),
    )


def _choose(theirs: SessionDescription, codecs: tuple[str, ...]) -> _Stream:
    """The first stream of theirs that we can use, with the first codec of their order that we speak."""
    warning = NotAcceptable("no audio stream is offered; audio over RTP/AVP is needed", 304)
    for index, media in enumerate(theirs.media):
        if media.kind != "audio" or media.port == 0:
            continue
        if media.profile != "RTP/AVP":
            warning = NotAcceptable(f"transport {media.profile} is offered; RTP/AVP is needed", 302)
            continue
        host = media.host or theirs.host
        if not host:
            warning = NotAcceptable("the audio stream has no c= line; an address is needed", 301)
            continue
        names = _formats(media)
        spoken = [(kind, name) for kind, name in names if name in codecs]
        if not spoken:
            offered = ", ".join(name for _, name in names) or "nothing"
            warning = NotAcceptable(f"{offered[:80]} is offered; {' or '.join(codecs)} is needed", 305)
            continue
        payload_type, name = spoken[0]
        events = next((kind for kind, other in names if other == EVENTS), None)
        codec: Codec = "PCMU" if name == "PCMU" else "PCMA"
        direction = _direction_of(theirs, media)
        return _Stream(index, (host, media.port), codec, payload_type, events, direction)
    raise warning


def _formats(media: MediaDescription) -> list[tuple[int, str]]:
    """Payload types and codec names at 8 kHz, in the order of the m= line."""
    names = {number: name for name, number in CODECS.items()}
    for value in media.values("rtpmap"):
        number, _, encoding = value.partition(" ")
        name, _, rate = encoding.strip().partition("/")
        if number.isascii() and number.isdigit() and int(number[:4]) <= 127:
            names[int(number)] = name.upper() if rate.split("/")[0] == "8000" else f"{name}/{rate}"
    numbers = [int(text) for text in media.formats if text.isascii() and text.isdigit() and len(text) <= 3]
    return [(number, names.get(number, f"payload type {number}")) for number in numbers if number <= 127]


def _direction_of(description: SessionDescription, media: MediaDescription) -> str:
    """Stream attribute, else session attribute, else sendrecv; the old hold address reads as sendonly."""
    found = next((name for name, _ in media.attributes if name in DIRECTIONS), None) or next(
        (name for name, _ in description.attributes if name in DIRECTIONS), "sendrecv"
    )
    if (media.host or description.host) in ("0.0.0.0", "::") and found == "sendrecv":
        return "sendonly"  # RFC 3264 section 8.4: hold as RFC 2543 wrote it
    return found


def _restrict(allowed: str, wanted: str) -> str:
    """Both ways only as far as both sides want them."""
    send = "send" in allowed and "send" in wanted
    receive = "rec" in allowed and "rec" in wanted
    return {(True, True): "sendrecv", (True, False): "sendonly", (False, True): "recvonly"}.get(
        (send, receive), "inactive"
    )


def _answer_stream(
    offered: MediaDescription, stream: _Stream, local: LocalMedia, direction: str
) -> MediaDescription:
    attributes: list[Attribute] = [("rtpmap", f"{stream.payload_type} {stream.codec}/8000")]
    formats = [str(stream.payload_type)]
    if stream.event_payload_type is not None:
        attributes += _event_attributes(stream.event_payload_type)
        formats.append(str(stream.event_payload_type))
    attributes += [("ptime", "20"), (direction, None)]
    return replace(offered, port=local.port, formats=tuple(formats), host=None, attributes=tuple(attributes))


def _event_attributes(payload_type: int) -> list[Attribute]:
    return [("rtpmap", f"{payload_type} telephone-event/8000"), ("fmtp", f"{payload_type} 0-15")]
