"""Key presses as data in RTP, both ways. RFC 4733.

Where a press begins and ends is told three times over, and each telling gets lost somewhere: the marker is
on one packet only, the timestamp is that of the start in *every* packet, and the end bit is on the last
packet, which comes three times. The timestamp is the one that cannot be lost alone, so a press is known
by (SSRC, timestamp) and counts from whichever of its packets comes first.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from dataclasses import dataclass

from ivr.errors import LocalProtocolError, RemoteProtocolError
from ivr.media.rtp import RtpPacket, forward

KEYS = "0123456789*#ABCD"
"""Key of the event codes 0 to 15, RFC 4733 section 3.2."""
PAYLOAD = struct.Struct("!BBH")
END = 0x80
VOLUME = 0x3F
LONGEST = 0xFFFF
"""Longest duration the field can say, 8.19 s at 8 kHz; a longer press goes on in another segment."""
END_PACKETS = 3
"""How often the last packet is sent, RFC 4733 section 2.5.1.4."""
PACKET_TIME = 160
"""Timestamp units between the packets of a press we send: 20 ms."""


@dataclass(frozen=True, slots=True)
class TelephoneEvent:
    """A key that is, or was, held down. RFC 4733 section 2.3."""

    code: int
    """0 to 255; keys are 0 to 15."""
    end: bool
    """The press is over and `duration` is all of it."""
    volume: int
    """Power, in dBm0 with the sign dropped: 0 to 63."""
    duration: int
    """Time held so far, in RTP timestamp units (8 per millisecond at 8 kHz)."""

    @property
    def key(self) -> str | None:
        """One of 0-9 * # A B C D; None for events that are no keys, such as flash."""
        return KEYS[self.code] if self.code < len(KEYS) else None

    @classmethod
    def decode(cls, payload: bytes) -> TelephoneEvent:
        """Read the first event of a payload. Raises RemoteProtocolError if it is shorter than 4 octets."""
        if len(payload) < PAYLOAD.size:
            raise RemoteProtocolError(f"telephone event of {len(payload)} octets; needed are {PAYLOAD.size}")
        code, flags, duration = PAYLOAD.unpack_from(payload)
        return cls(code, flags >= END, flags & VOLUME, duration)

    def encode(self) -> bytes:
        """The payload of 4 octets.

        >>> TelephoneEvent(5, True, 10, 800).encode().hex()
        '058a0320'
        """
        return PAYLOAD.pack(self.code, (END if self.end else 0) | self.volume, self.duration)


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A key went down: told once a press."""

    key: str


@dataclass(frozen=True, slots=True)
class KeyReleased:
    """A key came up, or nothing more was heard of it."""

    key: str
    duration: int
    """Timestamp units it was held, as far as was heard."""


@dataclass(slots=True)
class _Press:
    """The press that is going on, or was the last."""

    code: int
    ssrc: int
    timestamp: int
    """Of the segment it is in."""
    sequence_number: int
    """Newest of its packets."""
    before: int = 0
    """Duration of the segments before this one."""
    duration: int = 0
    """Of this segment, so far."""
    ended: bool = False
    last: float = 0.0
    """When a packet of it came last."""


class EventReceiver:
    """One press, one key, whatever the network does to its packets.

    A press is over at its end bit, at the next press, or when nothing came for `LOST_AFTER` seconds:
    packets of a press come every 20 to 50 ms (RFC 4733 section 2.5.1.2), so that is three missing ones.
    """

    LOST_AFTER = 0.15
    REMEMBERED = 32
    """Presses whose late packets are still known as theirs."""
    MISORDER = 100
    """A packet that is at most so many behind is late; further back the stream began anew (RFC 3550 A.1)."""
    SEGMENT_SLACK = 4000
    """How much of a full segment (timestamp units) may be lost and the next still be its continuation."""
    CRAWL = 400
    """Some gateways move the timestamp with every packet of one press; nobody presses a key twice in 50 ms."""

    def __init__(self) -> None:
        self._press: _Press | None = None
        self._known: OrderedDict[tuple[int, int, int], None] = OrderedDict()
        self.ignored = 0
        """Events that are no keys, and late packets of presses that nobody can place any more."""

    def handle(self, packet: RtpPacket, now: float) -> list[KeyPressed | KeyReleased]:
        """A packet of the telephone-event payload type came.

        Raises RemoteProtocolError if there is no event in it; a next packet may be handled all the same.
        """
        event = TelephoneEvent.decode(packet.payload)
        if event.key is None:
            self.ignored += 1
            return []
        press = self._press
        if press is not None and self._belongs(press, packet, event):
            return self._go_on(press, packet, event, now)
        identity = (packet.ssrc, packet.timestamp, event.code)
        if identity in self._known:
            return []
        if press is not None and self._is_late(press, packet):
            self.ignored += 1
            return []
        return self._begin(packet, event, identity, now)

    @property
    def deadline(self) -> float | None:
        """When to call `expire`; None while no key is down."""
        press = self._press
        return None if press is None or press.ended else press.last + self.LOST_AFTER

    @property
    def pressed(self) -> bool:
        """A key is down."""
        return self._press is not None and not self._press.ended

    def expire(self, now: float) -> list[KeyPressed | KeyReleased]:
        """Time went on: a press whose end got lost is over."""
        press = self._press
        if press is None or press.ended or now < press.last + self.LOST_AFTER:
            return []
        return [self._release(press)]

    def _belongs(self, press: _Press, packet: RtpPacket, event: TelephoneEvent) -> bool:
        if packet.ssrc != press.ssrc or event.code != press.code:
            return False
        advance = forward(packet.timestamp, press.timestamp, 32)
        if advance == 0:
            return True
        if press.ended or packet.marker or advance < 0:
            return False
        full = press.duration >= LONGEST - self.SEGMENT_SLACK and advance <= LONGEST + PACKET_TIME
        return (full and advance >= press.duration) or advance <= self.CRAWL

    def _go_on(
        self, press: _Press, packet: RtpPacket, event: TelephoneEvent, now: float
    ) -> list[KeyPressed | KeyReleased]:
        advance = forward(packet.timestamp, press.timestamp, 32)
        if advance:
            press.before += advance
            press.timestamp = packet.timestamp
            press.duration = 0
            self._remember((packet.ssrc, packet.timestamp, event.code))
        press.duration = max(press.duration, event.duration)
        if forward(packet.sequence_number, press.sequence_number, 16) > 0:
            press.sequence_number = packet.sequence_number
        if press.ended:
            return []
        press.last = now
        return [self._release(press)] if event.end else []

    def _is_late(self, press: _Press, packet: RtpPacket) -> bool:
        behind = -forward(packet.sequence_number, press.sequence_number, 16)
        return packet.ssrc == press.ssrc and 0 <= behind <= self.MISORDER

    def _begin(
        self, packet: RtpPacket, event: TelephoneEvent, identity: tuple[int, int, int], now: float
    ) -> list[KeyPressed | KeyReleased]:
        told: list[KeyPressed | KeyReleased] = []
        if self._press is not None and not self._press.ended:
            told.append(self._release(self._press))
        press = _Press(event.code, packet.ssrc, packet.timestamp, packet.sequence_number)
        press.duration, press.last = event.duration, now
        self._press = press
        self._remember(identity)
        told.append(KeyPressed(KEYS[event.code]))
        if event.end:
            told.append(self._release(press))
        return told

    def _release(self, press: _Press) -> KeyReleased:
        press.ended = True
        return KeyReleased(KEYS[press.code], press.before + press.duration)

    def _remember(self, identity: tuple[int, int, int]) -> None:
        self._known[identity] = None
        while len(self._known) > self.REMEMBERED:
            self._known.popitem(last=False)


class EventSender:
    """The packets of one press, one every 20 ms: growing durations, then the end three times.

    All of them carry the timestamp of the start. RFC 4733 sections 2.5.1.2 and 2.5.1.4.
    """

    def __init__(self, key: str, duration: float, *, volume: int = 10) -> None:
        """Raises LocalProtocolError for what is no key, or held longer than one segment can say."""
        if len(key) != 1 or key not in KEYS:
            raise LocalProtocolError(f"{key!r} is no key; needed is one of {KEYS}")
        units = round(duration * 8000 / PACKET_TIME) * PACKET_TIME
        if not 0 < units <= LONGEST:
            raise LocalProtocolError(f"a key held for {duration} s; needed is 0.02 to 8.18 s")
        self.code = KEYS.index(key)
        self.volume = volume
        self._total = units
        self._sent = 0
        self._ends = 0

    @property
    def done(self) -> bool:
        return self._ends == END_PACKETS

    def next(self) -> tuple[bool, bytes] | None:
        """Marker and payload of the packet that is due; None when all were sent."""
        if self.done:
            return None
        first = self._sent == 0
        self._sent = min(self._sent + PACKET_TIME, self._total)
        end = self._ends > 0 or (self._sent == self._total and not first)
        self._ends += end
        return first, TelephoneEvent(self.code, end, self.volume, self._sent).encode()
