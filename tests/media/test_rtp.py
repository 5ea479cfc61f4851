from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.errors import LocalProtocolError, RemoteProtocolError
from ivr.media.rtp import RtpPacket, forward, split

PLAIN = bytes.fromhex("80 80 fffe 000000a0 deadbeef") + b"sound"


def test_a_packet_decodes_and_encodes_back_unchanged() -> None:
    packet = RtpPacket.decode(PLAIN)
    assert packet == RtpPacket(0, 0xFFFE, 160, 0xDEADBEEF, b"sound", True)
    assert packet.encode() == PLAIN


@pytest.mark.parametrize(
    ("first", "middle", "last"),
    [
        pytest.param(0x82, bytes(8), b"", id="two contributing sources"),
        pytest.param(0x90, bytes.fromhex("bede0001 10ff0000"), b"", id="a header extension"),
        pytest.param(0x90, bytes.fromhex("bede0000"), b"", id="an empty header extension"),
        pytest.param(0xA0, b"", bytes.fromhex("000003"), id="padding"),
        pytest.param(0xB1, bytes(4) + bytes.fromhex("bede0001 10ff0000"), b"\x01", id="all of them"),
    ],
)
def test_what_surrounds_the_payload_is_passed_over(first: int, middle: bytes, last: bytes) -> None:
    data = bytes((first,)) + PLAIN[1:12] + middle + b"sound" + last
    assert RtpPacket.decode(data).payload == b"sound"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        pytest.param(b"", "0 octets", id="empty"),
        pytest.param(b"\x80\x00\x00\x01\x00", "5 octets", id="five octets"),
        pytest.param(b"\x40" + PLAIN[1:], "version 1", id="version 1"),
        pytest.param(b"\xc0" + PLAIN[1:], "version 3", id="version 3"),
        pytest.param(b"\x8f" + PLAIN[1:], "72 octets", id="more sources than octets"),
        pytest.param(b"\x90" + PLAIN[1:14], "octet 12", id="half an extension header"),
        pytest.param(b"\x90" + PLAIN[1:12] + b"\xbe\xde\xff\xff", "header of", id="endless extension"),
        pytest.param(b"\xa0" + PLAIN[1:] + b"\xff", "padding of 255", id="padding longer than the packet"),
        pytest.param(b"\xa0" + PLAIN[1:] + b"\x00", "padding of 0", id="no padding where some is announced"),
    ],
)
def test_what_is_no_rtp_is_named(data: bytes, found: str) -> None:
    with pytest.raises(RemoteProtocolError, match=found):
        RtpPacket.decode(data)


@given(st.binary(max_size=64))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    try:
        marker, payload_type, sequence_number, timestamp, ssrc, payload = split(data)
    except RemoteProtocolError:
        return
    assert data[0] >> 6 == 2 and payload in data
    assert RtpPacket.decode(RtpPacket.decode(data).encode()) == RtpPacket(
        payload_type, sequence_number, timestamp, ssrc, payload, marker
    )


@pytest.mark.parametrize("packet", [RtpPacket(128, 0, 0, 0), RtpPacket(0, 65536, 0, 0), RtpPacket(0, 0, -1, 0)])
def test_numbers_that_do_not_fit_are_our_own_fault(packet: RtpPacket) -> None:
    with pytest.raises(LocalProtocolError, match="need"):
        packet.encode()


def test_counters_compare_across_their_wrap() -> None:
    assert forward(5, 0xFFFB, 16) == 10
    assert forward(0xFFFB, 5, 16) == -10
    assert forward(0, 0xFFFFFF60, 32) == 160
