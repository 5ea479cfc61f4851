from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.errors import RemoteProtocolError
from ivr.media.receiver import ReceptionReport
from ivr.media.rtcp import RtcpReport, SenderInfo, middle

BLOCK = ReceptionReport(0xAABBCCDD, 64, -3, 0x10002, 12, 0x11223344, 65536)
SENDER = SenderInfo(0xE0E1E2E3_80000000, 160_000, 1000, 160_000)


def test_a_sender_report_has_the_octets_of_the_standard() -> None:
    data = RtcpReport(7, SENDER, (BLOCK,), "a@b").encode()
    assert data[:28].hex(" ", 4) == "81c8000c 00000007 e0e1e2e3 80000000 00027100 000003e8 00027100"
    assert data[28:52].hex(" ", 4) == "aabbccdd 40fffffd 00010002 0000000c 11223344 00010000"
    assert data[52:].hex(" ", 4) == "81ca0003 00000007 01036140 62000000"
    assert len(data) % 4 == 0


@pytest.mark.parametrize("name", ["", "a", "ab", "abc", "abcd", "x" * 300])
@pytest.mark.parametrize("sender", [None, SENDER])
@pytest.mark.parametrize("bye", [False, True])
def test_a_report_decodes_to_what_was_encoded(name: str, sender: SenderInfo | None, bye: bool) -> None:
    decoded = RtcpReport.decode(RtcpReport(7, sender, (BLOCK, BLOCK), name, bye).encode())
    assert decoded == RtcpReport(7, sender, (BLOCK, BLOCK), "", bye)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "without any report"),
        (b"\x80\xc8", "2 octets"),
        (b"\x40\xc9\x00\x01" + bytes(4), "version 1"),
        (b"\x80\xc9\x00\x05" + bytes(4), "octet 24 of 8"),
        (b"\x80\xca\x00\x01" + bytes(4), "type 202"),
        (b"\x85\xc9\x00\x01" + bytes(4), "124 are announced"),
        (b"\x80\xc8\x00\x01" + bytes(4), "24 are announced"),
        (b"\x80\xc9\x00\x00", "0 octets"),
    ],
)
def test_what_is_no_report_is_named(data: bytes, found: str) -> None:
    with pytest.raises(RemoteProtocolError, match=found):
        RtcpReport.decode(data)


@given(st.binary(max_size=80))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    try:
        assert 0 <= RtcpReport.decode(b"\x80\xc9\x00\x01" + data).ssrc < 2**32
    except RemoteProtocolError:
        pass


def test_reports_refer_to_the_middle_of_the_time() -> None:
    assert middle(0x11112222_33334444) == 0x22223333
