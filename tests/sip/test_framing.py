"""Messages out of a byte stream, however it is cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.errors import RemoteProtocolError
from ivr.sip.framing import MAX_HEAD, StreamFramer
from ivr.sip.message import MAX_MESSAGE

ONE = b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n"
TWO = b"INFO sip:a@b SIP/2.0\r\nl : 5\r\nX: y\r\n\r\nab\r\n\r"
THREE = b"BYE sip:a@b SIP/2.0\ncontent-LENGTH:\n 3\n\nxyz"


@given(st.lists(st.integers(0, len(ONE + TWO + THREE)), max_size=12))
def test_messages_are_the_same_wherever_the_stream_is_cut(cuts: list[int]) -> None:
    stream = ONE + TWO + THREE
    edges = [0, *sorted(cuts), len(stream)]
    framer = StreamFramer()
    messages = [m for start, end in itertools.pairwise(edges) for m in framer.feed(stream[start:end])]
    assert messages == [ONE, TWO, THREE]
    assert (framer.buffered, framer.take_pongs()) == (0, b"")


def test_byte_by_byte_is_the_same_too() -> None:
    framer = StreamFramer()
    stream = b"\r\n" + ONE + b"\r\n\r\n" + TWO
    assert [m for octet in stream for m in framer.feed(bytes([octet]))] == [ONE, TWO]


def test_each_double_crlf_between_messages_is_a_ping() -> None:
    framer = StreamFramer()
    assert framer.feed(b"\r\n\r\n" + ONE + b"\r\n\r\n\r\n\r\n") == [ONE]
    assert framer.take_pongs() == b"\r\n" * 3
    assert framer.take_pongs() == b""


def test_a_ping_in_two_halves_is_one_ping_and_a_lone_crlf_is_none() -> None:
    framer = StreamFramer()
    framer.feed(b"\r\n")
    assert framer.take_pongs() == b""
    framer.feed(b"\r\n")
    assert framer.take_pongs() == b"\r\n"
    assert framer.feed(b"\r\n" + ONE) == [ONE]
    assert framer.take_pongs() == b""


def test_line_ends_alone_never_pile_up() -> None:
    framer = StreamFramer()
    for _ in range(50):
        framer.feed(b"\n\r\n\n\r")
    assert framer.buffered <= 4


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (b"A sip:a SIP/2.0\r\nContent-Length: many\r\n\r\n", "many"),
        (b"A sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n", "-1"),
        (b"A sip:a SIP/2.0\r\nContent-Length: 9999999999\r\n\r\n", "9999999999"),
        (b"A sip:a SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n", "several"),
        (b"A sip:a SIP/2.0\r\nContent-Length: 70000\r\n\r\n", "longer than 65536"),
        (b"x" * (MAX_HEAD + 1), "no end of the headers"),
    ],
)
def test_a_stream_that_cannot_be_cut_is_an_error(stream: bytes, why: str) -> None:
    with pytest.raises(RemoteProtocolError, match=why):
        StreamFramer().feed(stream)


def test_what_was_complete_before_the_fault_is_not_lost() -> None:
    framer = StreamFramer()
    assert framer.feed(ONE + b"A sip:a SIP/2.0\r\nContent-Length: many\r\n\r\n") == [ONE]
    for _ in range(2):
        with pytest.raises(RemoteProtocolError, match="many"):
            framer.feed(ONE)
    assert framer.buffered == 0


def test_the_buffer_is_bounded() -> None:
    framer = StreamFramer()
    framer.feed(f"A sip:a SIP/2.0\r\nContent-Length: {MAX_MESSAGE - 100}\r\n\r\n".encode())
    framer.feed(b"y" * 1000)
    assert framer.buffered < MAX_MESSAGE


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_any_bytes_give_messages_or_a_remote_error(chunks: list[bytes]) -> None:
    framer = StreamFramer()
    try:
        for chunk in chunks:
            assert all(framer.feed(chunk))
    except RemoteProtocolError as error:
        assert str(error)
