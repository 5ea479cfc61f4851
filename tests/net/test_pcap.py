"""Capture files, read back by a small reader that takes nothing on trust."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from ivr.net.pcap import Packet, checksum, encode_pcap

V4, V4_OTHER = ("192.0.2.1", 5080), ("198.51.100.2", 5060)
V6, V6_OTHER = ("2001:db8::1", 5080), ("2001:db8::2", 5061)


class Read(NamedTuple):
    at: float
    protocol: int
    source: tuple[str, int]
    destination: tuple[str, int]
    sequence: int
    acknowledged: int
    data: bytes


def read(file: bytes) -> Iterator[Read]:
    magic, major, minor, zone, figures, snaplen, linktype = struct.unpack("=IHHiIII", file[:24])
    assert (magic, major, minor, zone, figures, linktype) == (0xA1B2C3D4, 2, 4, 0, 0, 101)
    at = 24
    while at < len(file):
        seconds, micros, kept, length = struct.unpack("=IIII", file[at : at + 16])
        assert kept == length <= snaplen
        yield read_ip(seconds + micros / 1e6, file[at + 16 : at + 16 + kept])
        at += 16 + kept
    assert at == len(file)


def read_ip(at: float, ip: bytes) -> Read:
    if ip[0] >> 4 == 4:
        assert ip[0] & 15 == 5 and checksum(ip[:20]) == 0
        assert struct.unpack("!H", ip[2:4])[0] == len(ip)
        protocol, ends, rest = ip[9], ip[12:20], ip[20:]
    else:
        assert ip[0] == 0x60 and struct.unpack("!H", ip[4:6])[0] == len(ip) - 40
        protocol, ends, rest = ip[6], ip[8:40], ip[40:]
    assert checksum(ends + struct.pack("!II", len(rest), protocol) + rest) == 0, (
        "of UDP or TCP with its pseudo header"
    )
    half = len(ends) // 2
    hosts = [str(ipaddress.ip_address(ends[:half])), str(ipaddress.ip_address(ends[half:]))]
    ports = struct.unpack("!HH", rest[:4])
    ways = [(host, port) for host, port in zip(hosts, ports, strict=True)]
    if protocol == 17:
        assert struct.unpack("!H", rest[4:6])[0] == len(rest)
        return Read(at, 17, *ways, 0, 0, rest[8:])
    assert (protocol, rest[12] >> 4, rest[13]) == (6, 5, 0x18)
    return Read(at, 6, *ways, *struct.unpack("!II", rest[4:12]), rest[20:])


@pytest.mark.parametrize("ends", [(V4, V4_OTHER), (V6, V6_OTHER)], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("data", [b"INVITE sip:x SIP/2.0\r\n\r\n", b"odd", b""], ids=len)
def test_a_datagram_is_read_back_as_it_was(ends: tuple[tuple[str, int], tuple[str, int]], data: bytes) -> None:
    (found,) = read(encode_pcap([Packet(1_770_000_000.123456, *ends, False, data)]))
    assert found == Read(1_770_000_000.123456, 17, *ends, 0, 0, data)


def test_a_stream_has_numbers_that_fit_in_both_directions() -> None:
    long = bytes(range(256)) * 300
    packets = [
        Packet(1.0, V4, V4_OTHER, True, b"first"),
        Packet(2.0, V4_OTHER, V4, True, b"answer"),
        Packet(3.0, V4, V4_OTHER, True, long),
        Packet(4.0, V4_OTHER, V4, True, b"end"),
        Packet(5.0, V6, V6_OTHER, True, b"another"),
    ]
    found = list(read(encode_pcap(packets)))
    assert [(one.sequence, one.acknowledged, len(one.data)) for one in found] == [
        (1, 1, 5),
        (1, 6, 6),
        (6, 7, 60_000),
        (60_006, 7, 16_800),
        (7, 76_806, 3),
        (1, 1, 7),
    ]
    assert found[2].data + found[3].data == long


def test_the_largest_message_still_fits_a_datagram() -> None:
    (found,) = read(encode_pcap([Packet(1.0, V4, V4_OTHER, False, b"x" * 65_500)]))
    assert len(found.data) == 65_500
