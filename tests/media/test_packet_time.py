"""Sound cut and joined for peers that want other packets than 20 ms."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.media.messages import KeyHeard, StreamFormat
from ivr.media.packet_time import Cutter, Piece

BEGIN = 0xFFFFFF00


def feed(cutter: Cutter, count: int, *, size: int = 160) -> list[Piece]:
    """Packets one after the other, the first with the marker; each octet tells where it belongs."""
    sound = bytes(at % 251 for at in range(count * size))
    return [
        piece
        for at in range(0, len(sound), size)
        for piece in cutter.feed((BEGIN + at) & 0xFFFFFFFF, sound[at : at + size], at == 0)
    ]


@pytest.mark.parametrize(("milliseconds", "packets"), [(10, 24), (30, 8), (40, 6), (60, 4)])
def test_twelve_packets_become_as_many_as_their_length_asks_for(milliseconds: int, packets: int) -> None:
    pieces = feed(Cutter(milliseconds * 8), 12)
    assert [len(payload) for _, payload, _ in pieces] == [milliseconds * 8] * packets
    assert [(at - BEGIN) % 2**32 for at, _, _ in pieces] == [n * milliseconds * 8 for n in range(packets)]
    assert [marker for _, _, marker in pieces] == [True] + [False] * (packets - 1)


def test_a_gap_sends_off_what_waits_and_begins_anew() -> None:
    cutter = Cutter(320)
    assert cutter.feed(0, b"a" * 160, True) == []
    assert cutter.feed(480, b"b" * 160, False) == [(0, b"a" * 160, True)]
    assert cutter.feed(640, b"c" * 160, False) == [(480, b"b" * 160 + b"c" * 160, False)]
    assert cutter.rest() == []


def test_a_marker_begins_a_packet() -> None:
    cutter = Cutter(320)
    cutter.feed(0, b"a" * 160, False)
    assert cutter.feed(160, b"b" * 160, True) == [(0, b"a" * 160, False)]
    assert cutter.rest() == [(160, b"b" * 160, True)]


@given(st.integers(5, 60), st.lists(st.integers(1, 500), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_not_an_octet_is_lost_or_moved(milliseconds: int, sizes: list[int]) -> None:
    cutter, pieces, at = Cutter(milliseconds * 8), [], 0
    for size in sizes:
        payload = bytes((at + step) % 251 for step in range(size))
        pieces += cutter.feed(at, payload, False)
        at += size
    pieces += cutter.rest()
    for begin, payload, _ in pieces:
        assert payload == bytes((begin + step) % 251 for step in range(len(payload)))
    assert sum(len(payload) for _, payload, _ in pieces) == at


async def test_peers_get_the_packets_they_asked_for_from_prompts_and_through_a_bridge(
    desk: Any, phone: Any, tone_file: Any, heard: Any, tone: Any, level_at: Any, companded: Any
) -> None:
    short, long = phone(), phone()
    for leg, peer, milliseconds in (("a", short, 10), ("b", long, 40)):
        await desk.call(leg, peer, StreamFormat(packet_time=milliseconds), beside="a")
        desk.workers.play(leg, f"p{leg}", [tone_file(440, 0.2)])
    for peer, octets in ((short, 80), (long, 320)):
        packets = await peer.collect(6)
        assert {len(packet.payload) for packet in packets} == {octets}
        assert [(b.sequence_number - a.sequence_number) % 65536 for a, b in pairwise(packets)] == [1] * 5
        steps = [(b.timestamp - a.timestamp) % 2**32 for a, b in pairwise(packets)]
        assert steps.count(octets) >= 4, steps  # a stall of the machine shows as a gap

    desk.workers.stop("a")
    desk.workers.stop("b")
    desk.workers.bridge("a", "b")
    await desk.settled("a")
    long.packets.clear()
    for number, payload in enumerate(companded(tone(700, 0.5))):
        short.speak(payload)
        if number == 10:
            short.press("5")
        await short.until(lambda packet: packet.timestamp % 160 == short.packets[0].timestamp % 160)
    assert (await desk.event(KeyHeard)).key == "5"
    spoken = []
    while len(spoken) < 4:
        packet = await long.until(lambda packet: packet.payload_type == 0 and len(packet.payload) == 320)
        if packet.payload.count(0xFF) < 100:  # no silence that filled a stall
            spoken.append(packet)
    assert level_at(heard(spoken[1:]), 700) > -26
    await long.until(lambda packet: packet.payload_type == 101 and packet.payload[1] & 0x80)
    assert len({packet.timestamp for packet in long.packets if packet.payload_type == 101}) == 1  # one press
