"""Reports about the sound, so that the peer knows we are there and can see what it loses. RFC 3550 section 6.

A compound packet opens with a sender or receiver report, names us (SDES CNAME) and may say BYE.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ivr.errors import RemoteProtocolError
from ivr.media.receiver import ReceptionReport

SENDER_REPORT, RECEIVER_REPORT, SOURCE_DESCRIPTION, BYE = 200, 201, 202, 203
CNAME = 1
HEADER = struct.Struct("!BBH")
SENDER_INFO = struct.Struct("!IIIII")
BLOCK = struct.Struct("!IIIIII")
NTP_OFFSET = 2_208_988_800
"""Seconds from 1900, where NTP begins, to 1970."""


@dataclass(frozen=True, slots=True)
class SenderInfo:
    """What a sender says of its own stream. RFC 3550 section 6.4.1."""

    ntp: int
    """Wall-clock time, 64-bit NTP format."""
    timestamp: int
    """The same moment in RTP timestamp units of the stream."""
    packets: int
    octets: int
    """Of payload."""


@dataclass(frozen=True, slots=True)
class RtcpReport:
    """A compound packet: who reports, what of itself, what of others, and whether it leaves."""

    ssrc: int
    sender: SenderInfo | None = None
    """Given by those who sent sound since the report before."""
    reports: tuple[ReceptionReport, ...] = ()
    cname: str = ""
    bye: bool = False

    def encode(self) -> bytes:
        """The datagram."""
        body = struct.pack("!I", self.ssrc)
        if self.sender is not None:
            sender = self.sender
            body += SENDER_INFO.pack(
                sender.ntp >> 32, sender.ntp & 0xFFFFFFFF, sender.timestamp, sender.packets, sender.octets
            )
        body += b"".join(_encode_block(report) for report in self.reports)
        kind = RECEIVER_REPORT if self.sender is None else SENDER_REPORT
        data = _packet(kind, len(self.reports), body)
        name = self.cname.encode()[:255]
        item = struct.pack("!IBB", self.ssrc, CNAME, len(name)) + name
        data += _packet(SOURCE_DESCRIPTION, 1, item + bytes(4 - len(item) % 4))  # a zero octet ends the items
        return data + _packet(BYE, 1, struct.pack("!I", self.ssrc)) if self.bye else data

    @classmethod
    def decode(cls, data: bytes) -> RtcpReport:
        """Read a compound packet. Raises RemoteProtocolError by the rules of RFC 3550 appendix A.2."""
        first: RtcpReport | None = None
        left = False
        for kind, count, body in _packets(data):
            if first is None:
                if kind not in (SENDER_REPORT, RECEIVER_REPORT):
                    raise RemoteProtocolError(f"RTCP begins with type {kind}; needed is a report, 200 or 201")
                first = _decode_report(kind, count, body)
            left = left or kind == BYE
        if first is None:
            raise RemoteProtocolError("RTCP packet without any report")
        return cls(first.ssrc, first.sender, first.reports, "", left)


def middle(ntp: int) -> int:
    """The middle 32 bits of an NTP time: how reports refer to a sender report."""
    return ntp >> 16 & 0xFFFFFFFF


def _encode_block(report: ReceptionReport) -> bytes:
    loss = report.fraction_lost << 24 | report.lost & 0xFFFFFF
    return BLOCK.pack(report.ssrc, loss, report.highest, report.jitter, report.last_report, report.delay)


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return HEADER.pack(0x80 | count, kind, len(body) // 4) + body


def _packets(data: bytes) -> list[tuple[int, int, bytes]]:
    found: list[tuple[int, int, bytes]] = []
    offset = 0
    while offset < len(data):
        if len(data) - offset < HEADER.size:
            raise RemoteProtocolError(f"RTCP with {len(data) - offset} octets left; a header needs {HEADER.size}")
        first, kind, words = HEADER.unpack_from(data, offset)
        end = offset + HEADER.size + 4 * words
        if first >> 6 != 2 or end > len(data):
            raise RemoteProtocolError(
                f"RTCP version {first >> 6}, ending at octet {end} of {len(data)}; needed is 2, inside the packet"
            )
        found.append((kind, first & 0x1F, data[offset + HEADER.size : end]))
        offset = end
    return found


def _decode_report(kind: int, count: int, body: bytes) -> RtcpReport:
    start = 4 + (SENDER_INFO.size if kind == SENDER_REPORT else 0)
    if len(body) < start + count * BLOCK.size:
        raise RemoteProtocolError(f"RTCP report of {len(body)} octets; {start + count * BLOCK.size} are announced")
    sender = None
    if kind == SENDER_REPORT:
        high, low, timestamp, packets, octets = SENDER_INFO.unpack_from(body, 4)
        sender = SenderInfo(high << 32 | low, timestamp, packets, octets)
    blocks = tuple(_decode_block(body, start + number * BLOCK.size) for number in range(count))
    return RtcpReport(struct.unpack_from("!I", body)[0], sender, blocks)


def _decode_block(body: bytes, offset: int) -> ReceptionReport:
    ssrc, loss, highest, jitter, last_report, delay = BLOCK.unpack_from(body, offset)
    lost = loss & 0xFFFFFF
    lost -= (lost & 0x800000) << 1
    return ReceptionReport(ssrc, loss >> 24, lost, highest, jitter, last_report, delay)
