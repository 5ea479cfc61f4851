"""Capture files of messages that were never captured: headers of IP, UDP and TCP are made up around them.

The classic format with microseconds, each packet beginning with its IP header (LINKTYPE_RAW). TCP streams
have sequence numbers that fit, no handshake, and nothing of TLS: what was protected on the wire is plain here.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass

Address = tuple[str, int]
MAGIC = 0xA1B2C3D4
"""Microseconds, in our byte order."""
LINKTYPE_RAW = 101
SNAPLEN = 262_144
MAX_DATAGRAM = 65_507
"""Octets of data a UDP datagram of IPv4 can have."""
MAX_SEGMENT = 60_000
"""Octets of a message in one TCP packet; any number below 65,535 less the headers would do."""
UDP, TCP = 17, 6
PUSH_ACK = 0x18


@dataclass(frozen=True, slots=True)
class Packet:
    """One message with its way."""

    at: float
    """Seconds since 1970, UTC."""
    source: Address
    destination: Address
    is_stream: bool
    """Whether it went over TCP."""
    data: bytes


def encode_pcap(packets: list[Packet]) -> bytes:
    """The whole file."""
    writer = PcapWriter()
    return pcap_header() + b"".join(map(writer.encode, packets))


def pcap_header() -> bytes:
    return struct.pack("=IHHiIII", MAGIC, 2, 4, 0, 0, SNAPLEN, LINKTYPE_RAW)


class PcapWriter:
    """Packets in the order they went; remembers how far each TCP stream is."""

    def __init__(self) -> None:
        self._sent: dict[tuple[Address, Address], int] = {}
        self._ip_id = 0

    def encode(self, packet: Packet) -> bytes:
        """The records of one message: one, or several segments of a long one."""
        return b"".join(self._record(packet.at, ip) for ip in self._ip_packets(packet))

    @staticmethod
    def _record(at: float, ip: bytes) -> bytes:
        seconds, microseconds = divmod(round(at * 1_000_000), 1_000_000)
        return struct.pack("=IIII", seconds, microseconds, len(ip), len(ip)) + ip

    def _ip_packets(self, packet: Packet) -> Iterator[bytes]:
        ports = struct.pack("!HH", packet.source[1], packet.destination[1])
        if not packet.is_stream:
            data = packet.data[:MAX_DATAGRAM]
            yield self._ip(packet, UDP, ports + struct.pack("!HH", 8 + len(data), 0), data, checksum_at=6)
            return
        way, back = (packet.source, packet.destination), (packet.destination, packet.source)
        for start in range(0, len(packet.data), MAX_SEGMENT):
            data = packet.data[start : start + MAX_SEGMENT]
            sequence, acknowledged = self._sent.get(way, 1), self._sent.get(back, 1)
            counts = struct.pack("!IIBBHHH", sequence, acknowledged, 5 << 4, PUSH_ACK, 65_535, 0, 0)
            self._sent[way] = (sequence + len(data)) % 2**32
            yield self._ip(packet, TCP, ports + counts, data, checksum_at=16)

    def _ip(self, packet: Packet, protocol: int, header: bytes, data: bytes, *, checksum_at: int) -> bytes:
        source, destination = numeric(packet.source), numeric(packet.destination)
        ends = source.packed + destination.packed
        length = len(header) + len(data)
        pseudo = ends + struct.pack("!II", length, protocol)
        total = checksum(pseudo + header + data) or 0xFFFF
        segment = header[:checksum_at] + struct.pack("!H", total) + header[checksum_at + 2 :] + data
        if source.version == 6:
            return struct.pack("!IHBB", 6 << 28, length, protocol, 64) + ends + segment
        self._ip_id = (self._ip_id + 1) % 65_536
        front = struct.pack("!BBHHHBB", 0x45, 0, 20 + length, self._ip_id, 0, 64, protocol)
        return front + struct.pack("!H", checksum(front + b"\0\0" + ends)) + ends + segment


def numeric(address: Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(address[0].partition("%")[0])


def checksum(data: bytes) -> int:
    """The Internet checksum. RFC 1071 section 1.

    >>> hex(checksum(bytes.fromhex("0001f203f4f5f6f7")))
    '0x220d'
    """
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
