"""Frames, ports, the numbering of what is sent, and what is passed on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.errors import IvrError, LocalProtocolError, RemoteProtocolError
from ivr.media.messages import (
    AudioHeard,
    KeyHeard,
    LegClosed,
    LegOpened,
    MediaSilent,
    PlayEnded,
    SpeechEnded,
    SpeechStarted,
)
from ivr.media.rtp import RtpPacket
from ivr.media.worker.frames import LARGEST, SIZES, FrameReader, decode_event, encode_event, encode_frame
from ivr.media.worker.outgoing import Outgoing
from ivr.media.worker.ports import PortPool
from ivr.media.worker.relay import Relay
from ivr.media.worker.sockets import disconnect, open_pair

EVENTS = [
    LegOpened("a", 4000),
    KeyHeard("a", "#", 1.5, "menu"),
    PlayEnded("a", "menu", 2.5, False, 0.34, "key"),
    SpeechStarted("a", 3.0, None),
    AudioHeard("a", bytes(range(256))),
    SpeechEnded("a", 4.0),
    MediaSilent("a", 60.0),
    LegClosed("ä", 1, 2, 3, 0.004, 5),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_events_arrive_as_they_were_sent(event: Any) -> None:
    ((header, tail),) = FrameReader().feed(encode_event(event))
    assert decode_event(header, tail) == event


@given(st.lists(st.integers(1, 50), max_size=60))
def test_frames_are_found_however_the_stream_is_cut(cuts: list[int]) -> None:
    stream, reader, found = b"".join(encode_event(event) for event in EVENTS), FrameReader(), []
    for cut in cuts:
        found += reader.feed(stream[:cut])
        stream = stream[cut:]
    found += reader.feed(stream)
    assert [decode_event(*frame) for frame in found] == EVENTS


@pytest.mark.parametrize(
    "data",
    [SIZES.pack(LARGEST + 1, 0), SIZES.pack(2, LARGEST + 1), SIZES.pack(2, 0) + b"[]", SIZES.pack(3, 0) + b"{x}"],
)
def test_a_stream_that_lost_its_place_is_noticed(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="control frame"):
        FrameReader().feed(data)


@pytest.mark.parametrize(
    "header", [{}, {"event": "Nothing"}, {"event": "KeyHeard"}, {"event": "SpeechEnded", "x": 1}]
)
def test_a_frame_that_is_no_event_is_named(header: dict[str, Any]) -> None:
    ((read, tail),) = FrameReader().feed(encode_frame(header))
    with pytest.raises(RemoteProtocolError, match="control frame"):
        decode_event(read, tail)


def test_ports_are_dealt_in_pairs_without_overlap() -> None:
    pools = PortPool.shares(20001, 20010, 2)
    dealt = [[pool.take() for _ in range(len(pool))] for pool in pools]
    assert dealt == [[20002, 20006], [20004, 20008]]
    assert pools[0].take() is None


def test_the_port_that_was_free_for_longest_comes_first() -> None:
    (pool,) = PortPool.shares(20000, 20005, 1)
    first = pool.take()
    assert first == 20000
    pool.give_back(first)
    pool.give_back(first)
    assert [pool.take() for _ in range(4)] == [20002, 20004, 20000, None]


@pytest.mark.parametrize(("first", "last", "count"), [(20000, 20000, 1), (20001, 20002, 1), (20000, 20003, 3)])
def test_too_few_ports_are_named_with_their_setting(first: int, last: int, count: int) -> None:
    with pytest.raises(IvrError, match=rf"media\.ports {first}-{last}"):
        PortPool.shares(first, last, count)


@pytest.fixture
def wire() -> Iterator[tuple[Outgoing, socket.socket]]:
    ours, theirs = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    theirs.bind(("127.0.0.1", 0))
    theirs.settimeout(20)
    outgoing = Outgoing(ours)
    outgoing.target = theirs.getsockname()
    yield outgoing, theirs
    ours.close()
    theirs.close()


def sent(wire: socket.socket, count: int) -> list[RtpPacket]:
    return [RtpPacket.decode(wire.recv(2048)) for _ in range(count)]


def test_numbers_and_timestamps_wrap(wire: Any) -> None:
    outgoing, peer = wire
    outgoing.sequence_number, outgoing._clock, outgoing._newest = 0xFFFE, 0xFFFFFF00, 0xFFFFFF00
    for round_number in range(4):
        outgoing.send(0, outgoing.on_clock(round_number * 160), b"x")
    packets = sent(peer, 4)
    assert [packet.sequence_number for packet in packets] == [0xFFFE, 0xFFFF, 0, 1]
    assert [packet.timestamp for packet in packets] == [0xFFFFFF00, 0xFFFFFFA0, 0x40, 0xE0]
    assert (outgoing.sent, outgoing.octets) == (4, 4)


def test_our_clock_moves_on_when_a_relayed_stream_got_ahead(wire: Any) -> None:
    outgoing, peer = wire
    begin = outgoing.on_clock(0)
    outgoing.send(0, (begin + 1000) & 0xFFFFFFFF, b"relayed")
    outgoing.send(0, outgoing.on_clock(160), b"ours")
    outgoing.send(0, outgoing.on_clock(320), b"ours")
    times = [(packet.timestamp - begin) % 2**32 for packet in sent(peer, 3)]
    assert times == [1000, 1160, 1320]


def pass_on(relay: Relay, numbers: list[int], *, ssrc: int = 5, elapsed: int = 8000) -> None:
    for number in numbers:
        stamp = number * 160 & 0xFFFFFFFF
        relay.forward(
            0,
            number & 0xFFFF,
            stamp,
            ssrc,
            str(number).encode().ljust(160, b"\xff"),
            marker=False,
            elapsed=elapsed,
            now=elapsed / 8000,
        )


def test_what_is_passed_on_keeps_its_gaps_its_order_and_its_wraps(wire: Any) -> None:
    outgoing, peer = wire
    outgoing.sequence_number = 0xFFFF
    numbers = [0xFFFD, 0xFFFE, 0x10001, 0x10000, 0x10002]
    pass_on(Relay(outgoing), numbers)
    packets = sent(peer, 5)
    shifts = {(packet.sequence_number - number) % 65536 for packet, number in zip(packets, numbers, strict=True)}
    assert shifts == {2}
    times = {(packet.timestamp - number * 160) % 2**32 for packet, number in zip(packets, numbers, strict=True)}
    assert len(times) == 1
    assert [packet.marker for packet in packets] == [True, False, False, False, False]
    assert outgoing.sequence_number == 5
    assert {packet.ssrc for packet in packets} == {outgoing.ssrc}


def test_a_packet_from_before_the_bridge_takes_no_number_that_was_used(wire: Any) -> None:
    outgoing, peer = wire
    relay = Relay(outgoing)
    pass_on(relay, [100, 99, 101])
    assert [packet.payload.rstrip(b"\xff") for packet in sent(peer, 2)] == [b"100", b"101"]
    assert outgoing.sent == 2


@pytest.mark.parametrize("what", ["new source", "new numbers", "own packet between"])
def test_a_new_beginning_is_marked_and_goes_on_without_a_jump(what: str, wire: Any) -> None:
    outgoing, peer = wire
    relay = Relay(outgoing)
    pass_on(relay, [100, 101])
    if what == "own packet between":
        outgoing.send(0, outgoing.on_clock(8400), b"own")
    pass_on(relay, [30000 if what == "new numbers" else 102], ssrc=6 if what == "new source" else 5, elapsed=8800)
    packets = sent(peer, outgoing.sent)
    assert [(b.sequence_number - a.sequence_number) % 65536 for a, b in pairwise(packets)] == [1] * (
        len(packets) - 1
    )
    assert all(0 < (b.timestamp - a.timestamp) % 2**32 <= 1600 for a, b in pairwise(packets))
    assert [packet.marker for packet in packets] == [True, *[False] * (len(packets) - 2), True]


def test_a_long_stream_is_passed_on_without_a_seam(wire: Any) -> None:
    outgoing, peer = wire
    relay, markers = Relay(outgoing), 0
    for begin in range(0, 70_000, 500):
        pass_on(relay, list(range(begin, begin + 500, 50)))
        markers += sum(packet.marker for packet in sent(peer, 10))
    assert markers == 1


def test_a_pair_is_an_even_port_and_the_next(wire: Any) -> None:
    _, peer = wire
    taken = peer.getsockname()[1]
    with pytest.raises(OSError):
        open_pair("127.0.0.1", taken & ~1)
    with pytest.raises(LocalProtocolError, match="even"):
        open_pair("127.0.0.1", 20001)


def test_a_disconnected_socket_keeps_its_port_and_hears_everybody(wire: Any) -> None:
    _, peer = wire
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        address = probe.getsockname()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(address)
        sock.settimeout(20)
        sock.connect(("127.0.0.1", 9))
        disconnect(sock)
        assert sock.getsockname()[1] == address[1]
        peer.sendto(b"hello", address)
        assert sock.recvfrom(10) == (b"hello", peer.getsockname())
