"""The one RTP stream that a leg sends: numbers, timestamps, and the socket. RFC 3550 section 5.1."""

from __future__ import annotations

import secrets
import socket

from ivr.media.messages import Address
from ivr.media.rtp import HEADER, MARKER, VERSION_2, forward

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
        self._clock = secrets.randbits(32)
        self._newest = self._clock

    def on_clock(self, elapsed: int) -> int:
        """The timestamp `elapsed` units after the clock began, moved on if something later was sent already.

        A relayed stream runs on the clock of its source and may have got ahead of ours.
        """
        timestamp = (self._clock + elapsed) & 0xFFFFFFFF
        behind = forward((self._newest + PACKET_TIME) & 0xFFFFFFFF, timestamp, 32)
        if self.sent and behind > 0:
            self._clock = (self._clock + behind) & 0xFFFFFFFF
            timestamp = (timestamp + behind) & 0xFFFFFFFF
        return timestamp

    def send(self, payload_type: int, timestamp: int, payload: bytes, *, marker: bool = False) -> None:
        """The next packet of the stream."""
        sequence_number = self.sequence_number
        self.sequence_number = (sequence_number + 1) & 0xFFFF
        self.put(payload_type, sequence_number, timestamp, payload, marker=marker)

    def put(
        self, payload_type: int, sequence_number: int, timestamp: int, payload: bytes, *, marker: bool = False
    ) -> None:
        """A packet with a number of the caller's choice."""
        second = payload_type | MARKER if marker else payload_type
        data = HEADER.pack(VERSION_2, second, sequence_number, timestamp, self.ssrc) + payload
        try:
            if self.connected:
                self._socket.send(data)
            elif self.target is not None:
                self._socket.sendto(data, self.target)
            else:
                return
        except OSError:  # refused, unreachable, buffer full
            self.failed += 1
            return
        self.sent += 1
        self.octets += len(payload)
        if forward(timestamp, self._newest, 32) > 0:
            self._newest = timestamp
