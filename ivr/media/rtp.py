"""RTP packets: sound and telephone events on the wire. RFC 3550 section 5.1.

::

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |V=2|P|X|  CC   |M|     PT      |       sequence number         |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |                           timestamp                           |
    |                             SSRC                              |
    |                     CC times a CSRC                           |
    | X: profile (16), length in words (16), that many words        |
    |                            payload                            |
    | P: padding, the last octet says how many octets of it         |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ivr.errors import LocalProtocolError, RemoteProtocolError

HEADER = struct.Struct("!BBHII")
HEADER_SIZE = HEADER.size
EXTENSION = struct.Struct("!HH")
VERSION_2 = 0x80
PADDING = 0x20
EXTENDED = 0x10
MARKER = 0x80

RtpFields = tuple[bool, int, int, int, int, bytes]
"""Marker, payload type, sequence number, timestamp, SSRC, payload."""


def split(data: bytes) -> RtpFields:
    """Take a datagram apart: what `RtpPacket.decode` does, without making an object (50 times a second a leg).

    Raises RemoteProtocolError if it is not RTP version 2 or its parts do not fit into it.
    """
    if len(data) < HEADER_SIZE:
        raise RemoteProtocolError(f"RTP packet of {len(data)} octets; the header alone needs {HEADER_SIZE}")
    first, second, sequence_number, timestamp, ssrc = HEADER.unpack_from(data)
    start, end = (HEADER_SIZE, len(data)) if first == VERSION_2 else _payload_bounds(data, first)
    return second >= MARKER, second & 0x7F, sequence_number, timestamp, ssrc, data[start:end]


def _payload_bounds(data: bytes, first: int) -> tuple[int, int]:
    if first >> 6 != 2:
        raise RemoteProtocolError(f"RTP version {first >> 6}; needed is 2")
    start = HEADER_SIZE + 4 * (first & 0x0F)
    end = len(data)
    if first & EXTENDED:
        if start + EXTENSION.size > end:
            raise RemoteProtocolError(f"RTP header extension begins at octet {start} of a packet of {end}")
        start += EXTENSION.size + 4 * EXTENSION.unpack_from(data, start)[1]
    if start > end:
        raise RemoteProtocolError(f"RTP header of {start} octets in a packet of {end}")
    if first & PADDING:
        padding = data[-1]
        if not 0 < padding <= end - start:
            raise RemoteProtocolError(f"RTP padding of {padding} octets; between 1 and {end - start} would fit")
        end -= padding
    return start, end


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet of one stream. RFC 3550 section 5.1."""

    payload_type: int
    """0 to 127: which format the payload is in."""
    sequence_number: int
    """16 bits, counts packets, wraps."""
    timestamp: int
    """Sampling instant of the first sample in clock rate units; 32 bits, wraps."""
    ssrc: int
    """32-bit name of the stream."""
    payload: bytes = b""
    marker: bool = False
    """First packet of a talk spurt (RFC 3551 section 4.1) or of a key press (RFC 4733)."""

    @classmethod
    def decode(cls, data: bytes) -> RtpPacket:
        """Read a datagram; contributing sources, header extension and padding are passed over.

        Raises RemoteProtocolError, see `split`.
        """
        marker, payload_type, sequence_number, timestamp, ssrc, payload = split(data)
        return cls(payload_type, sequence_number, timestamp, ssrc, payload, marker)

    def encode(self) -> bytes:
        """The datagram. Raises LocalProtocolError when a number does not fit into its field.

        >>> RtpPacket(0, 1, 160, 7, b"\\xff").encode().hex(" ", 4)
        '80000001 000000a0 00000007 ff'
        """
        if not 0 <= self.payload_type <= 127:
            raise LocalProtocolError(f"payload type {self.payload_type}; needed is 0 to 127")
        second = self.payload_type | (MARKER if self.marker else 0)
        try:
            header = HEADER.pack(VERSION_2, second, self.sequence_number, self.timestamp, self.ssrc)
        except struct.error as error:
            raise LocalProtocolError(
                f"sequence number {self.sequence_number}, timestamp {self.timestamp}, SSRC {self.ssrc}: "
                "they need 16, 32 and 32 bits"
            ) from error
        return header + self.payload


def forward(new: int, old: int, bits: int) -> int:
    """How far `new` is ahead of `old` in a counter of `bits` bits that wraps; negative when it is behind.

    >>> forward(2, 0xFFFF, 16), forward(0xFFFF, 2, 16)
    (3, -3)
    """
    size = 1 << bits
    distance = (new - old) & (size - 1)
    return distance - size if distance >> (bits - 1) else distance
