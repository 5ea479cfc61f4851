"""The one RTP stream that a leg sends: numbers, timestamps, and the socket. RFC 3550 section 5.1."""

from __future__ import annotations

import secrets
import socket

from ivr.media.messages import Address
from ivr.media.packet_time import OCTETS, Cutter
from ivr.media.rtp import HEADER, MARKER, VERSION_2, forward
from ivr.media.worker.secure import Protection, Unproved

PACKET_TIME = 160
"""Timestamp units in 20 ms."""


class Outgoing:
    """Sends packets. Errors of the network are counted, never raised: the next packet is due in 20 ms."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.ssrc = secrets.randbits(32)
        self.sequence_number = secrets.randbits(16)
        """Of the next packet."""
        self.target: Address | None = None
        """Where to send while the socket is not connected."""
        self.connected = False
        self.sent = 0
        self.octets = 0
        self.failed = 0
        self.protection: Protection | None = None
        """With SRTP: makes it of every packet."""
        self.packet_octets = PACKET_TIME
        """Of sound in a packet, as the peer wants it."""
        self._cutter: Cutter | None = None
        """Where that is not what we have at every tick."""
        self._clock = secrets.randbits(32)
        self._newest = self._clock
        self._end = (self._clock + PACKET_TIME) & 0xFFFFFFFF
        """Timestamp behind everything that was sent."""

    def use_packet_time(self, milliseconds: int) -> None:
        """The peer wants its sound in packets of this length."""
        if milliseconds * OCTETS != self.packet_octets:
            self.packet_octets = milliseconds * OCTETS
            self._cutter = None if self.packet_octets == PACKET_TIME else Cutter(self.packet_octets)

    def on_clock(self, elapsed: int) -> int:
        """The timestamp `elapsed` units after the clock began, moved on if something later was sent already.

        A relayed stream runs on the clock of its source and may have got ahead of ours.
        """
        timestamp = (self._clock + elapsed) & 0xFFFFFFFF
        behind = forward(self._end, timestamp, 32)
        if self.sent and behind > 0:
            self._clock = (self._clock + behind) & 0xFFFFFFFF
            timestamp = (timestamp + behind) & 0xFFFFFFFF
        return timestamp

    def cuts(self, octets: int) -> bool:
        """Whether sound that comes in packets of so many octets leaves in others."""
        return octets != self.packet_octets or self._cutter is not None

    def sound(self, payload_type: int, timestamp: int, payload: bytes, *, marker: bool = False) -> None:
        """The next sound of the stream, in packets of the agreed length."""
        if self._cutter is None and len(payload) == self.packet_octets:  # nearly always
            self.send(payload_type, timestamp, payload, marker=marker, duration=self.packet_octets)
            return
        if self._cutter is None:
            self._cutter = Cutter(self.packet_octets)
        for at, piece, first in self._cutter.feed(timestamp, payload, marker):
            self.send(payload_type, at, piece, marker=first, duration=len(piece))

    def end_sound(self, payload_type: int) -> None:
        """Something else comes now: what waits to fill a packet goes without waiting."""
        if self._cutter is not None:
            for at, piece, first in self._cutter.rest():
                self.send(payload_type, at, piece, marker=first, duration=len(piece))

    def send(
        self,
        payload_type: int,
        timestamp: int,
        payload: bytes,
        *,
        marker: bool = False,
        duration: int = PACKET_TIME,
    ) -> None:
        """The next packet of the stream."""
        sequence_number = self.sequence_number
        self.sequence_number = (sequence_number + 1) & 0xFFFF
        self.put(payload_type, sequence_number, timestamp, payload, marker=marker, duration=duration)

    def put(
        self,
        payload_type: int,
        sequence_number: int,
        timestamp: int,
        payload: bytes,
        *,
        marker: bool = False,
        duration: int = PACKET_TIME,
    ) -> None:
        """A packet with a number of the caller's choice. `duration`: how many timestamp units it covers."""
        second = payload_type | MARKER if marker else payload_type
        data = HEADER.pack(VERSION_2, second, sequence_number, timestamp, self.ssrc) + payload
        try:
            if self.protection is not None:
                data = self.protection.protect(data)
            if self.connected:
                self._socket.send(data)
            elif self.target is not None:
                self._socket.sendto(data, self.target)
            else:
                return
        except (OSError, Unproved):  # refused, unreachable, buffer full; a number that was used
            self.failed += 1
            return
        self.sent += 1
        self.octets += len(payload)
        if forward(timestamp, self._newest, 32) >= 0:
            self._newest = timestamp
            self._end = (timestamp + duration) & 0xFFFFFFFF
