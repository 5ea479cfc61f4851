"""Presses and what networks and telephones do to them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.errors import LocalProtocolError, RemoteProtocolError
from ivr.media.rtp import RtpPacket
from ivr.media.telephone_event import (
    KEYS,
    EventReceiver,
    EventSender,
    KeyPressed,
    KeyReleased,
    TelephoneEvent,
)

Packets = list[RtpPacket]


def press(
    key: str,
    timestamp: int = 1000,
    first: int = 100,
    *,
    packets: int = 5,
    ends: int = 3,
    ssrc: int = 7,
    code: int | None = None,
) -> Packets:
    """A press as a good telephone sends it: a packet every 20 ms, then the end three times."""
    made = []
    for number in range(packets + ends):
        duration = min(number + 1, packets) * 160
        event = TelephoneEvent(KEYS.index(key) if code is None else code, number >= packets, 10, duration)
        sequence_number = (first + number) & 0xFFFF
        made.append(RtpPacket(101, sequence_number, timestamp & 0xFFFFFFFF, ssrc, event.encode(), number == 0))
    return made


def long_press(key: str, seconds: float, timestamp: int = 0) -> Packets:
    """A press in segments of 0xFFFF timestamp units, RFC 4733 section 2.5.1.3."""
    made: Packets = []
    total, held = int(seconds * 8000), 0
    while held < total:
        held = min(held + 400, total)
        full, duration = divmod(held, 0xFFFF)
        if duration < 400 and full:  # the segment before is told to be full first
            made.append(_segment(key, timestamp + (full - 1) * 0xFFFF, 0xFFFF, len(made)))
        made.append(_segment(key, timestamp + full * 0xFFFF, duration, len(made)))
    last = made[-1]
    end = TelephoneEvent(KEYS.index(key), True, 10, TelephoneEvent.decode(last.payload).duration).encode()
    return made + [RtpPacket(101, last.sequence_number + n, last.timestamp, 7, end) for n in (1, 2, 3)]


def _segment(key: str, timestamp: int, duration: int, number: int) -> RtpPacket:
    event = TelephoneEvent(KEYS.index(key), False, 10, duration)
    return RtpPacket(101, number, timestamp & 0xFFFFFFFF, 7, event.encode(), number == 0)


def without(packets: Packets, *numbers: int) -> Packets:
    return [packet for number, packet in enumerate(packets) if number not in numbers]


def keys(packets: Iterable[RtpPacket], receiver: EventReceiver | None = None) -> str:
    """Keys heard when the packets come 20 ms apart."""
    receiver = receiver or EventReceiver()
    told = [event for n, packet in enumerate(packets) for event in receiver.handle(packet, n * 0.02)]
    return "".join(event.key for event in told if isinstance(event, KeyPressed))


ONE, NEXT = press("1"), press("1", 2600, 120)


@pytest.mark.parametrize(
    ("packets", "heard"),
    [
        pytest.param(ONE, "1", id="nothing wrong"),
        pytest.param(without(ONE, 0), "1", id="marker lost"),
        pytest.param(without(ONE, 0, 1, 2, 3, 4), "1", id="whole start lost, one of three ends is enough"),
        pytest.param(ONE[-1:], "1", id="only the last end came"),
        pytest.param(ONE[:1], "1", id="only the first packet came"),
        pytest.param(ONE[:5], "1", id="all ends lost"),
        pytest.param([*ONE, *ONE[-1:] * 4], "1", id="seven ends"),
        pytest.param([packet for packet in ONE for _ in (1, 2)], "1", id="every packet twice"),
        pytest.param([ONE[2], ONE[0], ONE[1], *ONE[3:]], "1", id="start out of order"),
        pytest.param([*ONE[:3], ONE[6], *ONE[3:6]], "1", id="end before the middle"),
        pytest.param(ONE + NEXT, "11", id="the same key twice"),
        pytest.param(ONE[:5] + NEXT[1:5], "11", id="the same key twice without any marker or end between"),
        pytest.param(ONE + press("2", 2600, 120), "12", id="two keys"),
        pytest.param(ONE[:5] + press("2", 2600, 120), "12", id="two keys, the ends of the first lost"),
        pytest.param(ONE + NEXT + ONE, "11", id="an old press comes again"),
        pytest.param(ONE + press("2", 2600, 120) + ONE[2:4], "12", id="late packets of the press before"),
        pytest.param(ONE + press("2", 40000, 400) + ONE, "12", id="a press comes again much later"),
        pytest.param(press("2", 2600, 120) + ONE, "2", id="all of a press is late"),
        pytest.param(press("9", 0xFFFFFF00, 0xFFFD) + press("9", 0x700, 12), "99", id="both counters wrap"),
        pytest.param(press("*", 0xFFFFFFFF, 0xFFFF), "*", id="wrap inside a press"),
        pytest.param(ONE + press("2", 500, 3000, ssrc=8), "12", id="a new source with earlier timestamps"),
        pytest.param(ONE + press("2", 500, 40000), "12", id="a stream begun anew under the same name"),
        pytest.param(press("D"), "D", id="the last key"),
        pytest.param(press("0", code=16), "", id="flash is no key"),
        pytest.param(press("0", code=255) + ONE, "1", id="an unknown event, then a key"),
        pytest.param(long_press("5", 5.0), "5", id="held for 5 s"),
        pytest.param(long_press("5", 20.0), "5", id="held for 20 s, three segments"),
        pytest.param(
            without(long_press("5", 10.0), 0, 163, 164, 165, 166), "5", id="held, packets lost at the seam"
        ),
    ],
)
def test_one_press_is_one_key(packets: Packets, heard: str) -> None:
    assert keys(packets) == heard


def test_a_gateway_that_moves_the_timestamp_along_presses_once() -> None:
    crawl = [
        RtpPacket(101, 100 + n, 1000 + n * 160, 7, TelephoneEvent(5, False, 10, 160).encode(), n == 0)
        for n in range(10)
    ]
    assert keys(crawl) == "5"


def test_dialling_machines_press_fast() -> None:
    string = "4000000002#"
    packets = [p for n, key in enumerate(string) for p in press(key, 1000 + n * 800, 100 + n * 6, packets=3)]
    assert keys(packets) == string


def test_the_length_of_a_press_is_told_at_its_end() -> None:
    receiver = EventReceiver()
    told = [event for packet in ONE for event in receiver.handle(packet, 0.0)]
    assert told == [KeyPressed("1"), KeyReleased("1", 800)]
    receiver = EventReceiver()
    told = [event for packet in long_press("5", 20.0) for event in receiver.handle(packet, 0.0)]
    assert told == [KeyPressed("5"), KeyReleased("5", 160_000)]


def test_a_press_whose_ends_got_lost_is_over_by_itself() -> None:
    receiver = EventReceiver()
    assert receiver.deadline is None
    receiver.handle(ONE[0], 10.0)
    receiver.handle(ONE[1], 10.02)
    assert receiver.pressed
    assert receiver.deadline == pytest.approx(10.17)
    assert receiver.expire(10.16) == []
    assert receiver.expire(10.17) == [KeyReleased("1", 320)]
    assert not receiver.pressed and receiver.deadline is None
    assert receiver.handle(ONE[4], 10.4) == []  # late, and known


def test_what_is_no_key_is_counted() -> None:
    receiver = EventReceiver()
    assert keys(press("0", code=16), receiver) == ""
    assert receiver.ignored == 8


@pytest.mark.parametrize("payload", [b"", b"\x01", b"\x01\x0a\x00"])
def test_half_an_event_is_refused_and_forgotten(payload: bytes) -> None:
    receiver = EventReceiver()
    with pytest.raises(RemoteProtocolError, match="4"):
        receiver.handle(RtpPacket(101, 1, 1, 7, payload), 0.0)
    assert keys(ONE, receiver) == "1"


@given(
    st.lists(
        st.tuples(
            st.integers(0, 65535), st.integers(0, 2**32 - 1), st.integers(0, 3), st.binary(min_size=4, max_size=8)
        ),
        max_size=60,
    )
)
def test_no_packets_confuse_it_for_good(stream: list[tuple[int, int, int, bytes]]) -> None:
    receiver = EventReceiver()
    for number, (sequence_number, timestamp, ssrc, payload) in enumerate(stream):
        receiver.handle(RtpPacket(101, sequence_number, timestamp, ssrc, payload), number * 0.02)
    assert keys(press("7", ssrc=99) + press("8", 3000, 140, ssrc=99), receiver) == "78"


@pytest.mark.parametrize("key", list(KEYS))
def test_what_the_sender_sends_the_receiver_hears(key: str) -> None:
    sender, packets = EventSender(key, 0.1), []
    while (packet := sender.next()) is not None:
        packets.append(RtpPacket(101, len(packets), 0, 7, packet[1], packet[0]))
    assert [packet.marker for packet in packets] == [True] + [False] * 6
    assert keys(packets) == key
    assert TelephoneEvent.decode(packets[-1].payload) == TelephoneEvent(KEYS.index(key), True, 10, 800)
    assert sender.done


@pytest.mark.parametrize(("key", "duration"), [("E", 0.1), ("", 0.1), ("12", 0.1), ("1", 0), ("1", 9), ("1", -1)])
def test_the_sender_refuses_what_cannot_be_pressed(key: str, duration: float) -> None:
    with pytest.raises(LocalProtocolError, match="needed"):
        EventSender(key, duration)


def test_octets_of_an_event_are_those_of_the_standard() -> None:
    event = TelephoneEvent.decode(bytes.fromhex("0b8a0640"))
    assert event == TelephoneEvent(11, True, 10, 1600)
    assert event.key == "#"
    assert event.encode().hex() == "0b8a0640"
