"""A real worker process over loopback: playing, keys, hold, figures."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ivr.errors import IvrError, LocalProtocolError
from ivr.media.messages import KeyHeard, MediaSilent, PlayEnded, StreamFormat
from ivr.media.rtcp import NTP_OFFSET, RtcpReport
from ivr.media.telephone_event import TelephoneEvent

ToneFile = Callable[[float, float], Path]
SILENCE = b"\xff" * 160


def is_sound(packet: Any) -> bool:
    return packet.payload_type == 0 and packet.payload != SILENCE


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
async def test_the_tone_in_the_file_is_the_tone_on_the_wire(
    codec: Any, desk: Any, phone: Any, tone_file: ToneFile, heard: Any, level_at: Any
) -> None:
    caller = phone()
    payload_type = {"PCMU": 0, "PCMA": 8}[codec]
    await desk.call("a", caller, StreamFormat(codec, payload_type))
    desk.workers.play("a", "hello", [tone_file(1000, 0.3), tone_file(1700, 0.2)])
    first = await caller.until(lambda packet: packet.marker and packet.payload.count(packet.payload[:1]) < 160)
    packets = [first, *await caller.collect(24)]
    assert {packet.payload_type for packet in packets} == {payload_type}
    samples = heard(packets, codec)
    assert level_at(samples[:2400], 1000) == pytest.approx(-20, abs=0.3)
    assert level_at(samples[:2400], 1700) < -55
    assert level_at(samples[2400:4000], 1700) == pytest.approx(-20, abs=0.3)
    ended = await desk.event(PlayEnded)
    assert (ended.leg, ended.play, ended.finished, ended.played, ended.why) == (
        "a",
        "hello",
        True,
        0.5,
        "finished",
    )


async def test_packets_are_numbered_without_gaps_and_stamped_by_the_clock(desk: Any, phone: Any) -> None:
    caller = phone()
    await desk.call("a", caller)
    packets = await caller.collect(30)
    steps = [(b.sequence_number - a.sequence_number) % 65536 for a, b in pairwise(packets)]
    times = [(b.timestamp - a.timestamp) % 2**32 for a, b in pairwise(packets)]
    assert set(steps) == {1}
    assert all(time % 160 == 0 and time > 0 for time in times)
    assert len({packet.ssrc for packet in packets}) == 1
    assert all(packet.payload == SILENCE for packet in packets)


async def test_a_talk_spurt_begins_with_the_marker_and_only_there(
    desk: Any, phone: Any, tone_file: ToneFile
) -> None:
    caller = phone()
    await desk.call("a", caller)
    await caller.collect(3)
    desk.workers.play("a", "hello", [tone_file(1000, 0.2)])
    await desk.event(PlayEnded)
    await caller.collect(14)
    sound = [packet for packet in caller.packets if is_sound(packet)]
    assert len(sound) == 10
    assert [packet.marker for packet in sound] == [True] + [False] * 9
    assert not any(packet.marker for packet in caller.packets if not is_sound(packet))


async def test_a_key_stops_the_prompt_within_two_packets(desk: Any, phone: Any, tone_file: ToneFile) -> None:
    caller = phone()
    await desk.call("a", caller)
    desk.workers.play("a", "menu", [tone_file(1000, 5.0)])
    await caller.until(is_sound)
    caller.press("5")
    after = await caller.collect(12)
    assert sum(is_sound(packet) for packet in after) <= 2
    assert not any(is_sound(packet) for packet in after[2:])
    key = await desk.event(KeyHeard)
    assert (key.leg, key.key, key.stopped) == ("a", "5", "menu")
    ended = await desk.event(PlayEnded)
    assert (ended.play, ended.why, ended.finished) == ("menu", "key", False)
    assert 0 < ended.played < 5.0
    assert not [event for event in desk.events if isinstance(event, KeyHeard)]


@pytest.mark.parametrize("interrupt", ["never", "speech"])
async def test_a_key_leaves_a_prompt_alone_that_it_must_not_stop(
    interrupt: str, desk: Any, phone: Any, tone_file: ToneFile
) -> None:
    caller = phone()
    await desk.call("a", caller)
    desk.workers.play("a", "law", [tone_file(1000, 0.4)], interrupt=interrupt)
    await caller.until(is_sound)
    caller.press("1")
    key = await desk.event(KeyHeard)
    assert (key.key, key.stopped) == ("1", None)
    ended = await desk.event(PlayEnded)
    assert (ended.why, ended.played) == ("finished", 0.4)


async def test_every_play_ends_exactly_once(desk: Any, phone: Any, tone_file: ToneFile) -> None:
    caller = phone()
    await desk.call("a", caller)
    desk.workers.play("a", "one", [tone_file(1000, 3)])
    desk.workers.play("a", "two", [tone_file(1000, 3)])
    desk.workers.stop("a")
    desk.workers.play("a", "three", [tone_file(1000, 3)])
    await desk.workers.close_leg("a")
    desk.workers.play("a", "four", [tone_file(1000, 3)])
    await desk.event(PlayEnded, play="one", why="replaced")
    await desk.event(PlayEnded, play="two", why="stopped")
    await desk.event(PlayEnded, play="three", why="closed")
    await desk.event(PlayEnded, play="four", why="closed")
    assert desk.events == []


async def test_a_file_that_cannot_be_read_is_passed_over_and_told(
    desk: Any, phone: Any, tone_file: ToneFile, tmp_path: Path
) -> None:
    caller = phone()
    await desk.call("a", caller)
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF but no more")
    files = [tmp_path / "missing.wav", broken, tone_file(1000, 0.1)]
    desk.workers.play("a", "parts", files)
    ended = await desk.event(PlayEnded)
    assert (ended.why, ended.finished, ended.played) == ("unreadable", False, 0.1)


async def test_a_loop_goes_round_until_it_is_stopped(desk: Any, phone: Any, tone_file: ToneFile) -> None:
    caller = phone()
    await desk.call("a", caller)
    desk.workers.play("a", "music", [tone_file(1000, 0.1)], loop=True)
    await caller.until(is_sound)
    packets = await caller.collect(20)
    assert all(is_sound(packet) for packet in packets)
    desk.workers.stop("a")
    ended = await desk.event(PlayEnded)
    assert ended.why == "stopped" and ended.played > 0.3


async def test_a_peer_that_holds_us_gets_nothing(desk: Any, phone: Any) -> None:
    caller = phone()
    await desk.call("a", caller)
    await caller.collect(3)
    desk.workers.set_remote("a", caller.address, StreamFormat(send=False))
    await desk.settled("a")
    while True:  # what was on its way
        try:
            caller.socket.recv(2048)
        except BlockingIOError:
            break
    other = phone()
    await desk.call("b", other)
    await other.collect(10)  # ten packet times of another call go by
    with pytest.raises(BlockingIOError):
        caller.socket.recv(2048)
    desk.workers.set_remote("a", caller.address, StreamFormat())
    again = await caller.receive()
    assert (again.timestamp - caller.packets[-2].timestamp) % 2**32 >= 10 * 160
    assert (again.sequence_number - caller.packets[-2].sequence_number) % 65536 <= 4


async def test_the_figures_of_a_leg_count_what_came_and_what_did_not(desk: Any, phone: Any) -> None:
    caller = phone()
    await desk.call("a", caller)
    for number in range(20):
        if number in (7, 8):  # lost on the way
            caller.sequence_number = (caller.sequence_number + 1) & 0xFFFF
            caller.timestamp = (caller.timestamp + 160) & 0xFFFFFFFF
        else:
            caller.speak(SILENCE)
    caller.press("1")
    await desk.event(KeyHeard)
    caller.press("2")
    await desk.event(KeyHeard, key="2")
    await caller.collect(5)
    closed = await desk.workers.close_leg("a")
    assert (closed.leg, closed.lost) == ("a", 2)
    assert closed.received >= 18 + 7
    assert closed.sent >= 5
    assert closed.jitter >= 0
    assert closed.dropped == 0


async def test_keys_are_sent_to_the_peer_as_events(desk: Any, phone: Any) -> None:
    caller = phone()
    await desk.call("a", caller, StreamFormat(event_payload_type=97))
    desk.workers.send_key("a", "4")
    desk.workers.send_key("a", "#", 0.06)
    packets = [await caller.until(lambda packet: packet.payload_type == 97) for _ in range(7 + 5)]
    events = [TelephoneEvent.decode(packet.payload) for packet in packets]
    assert [event.key for event in events] == ["4"] * 7 + ["#"] * 5
    assert [event.duration for event in events[:7]] == [160, 320, 480, 640, 800, 800, 800]
    assert [event.end for event in events] == [False] * 4 + [True] * 3 + [False] * 2 + [True] * 3
    assert [packet.marker for packet in packets] == [n in (0, 7) for n in range(12)]
    assert len({packet.timestamp for packet in packets[:7]}) == 1
    with pytest.raises(LocalProtocolError, match="no key"):
        desk.workers.send_key("a", "E")


async def test_silence_of_the_peer_is_told_once(make_desk: Any, phone: Any) -> None:
    desk = await make_desk(silence_timeout=0.2)
    caller = phone()
    await desk.call("a", caller)
    silent = await desk.event(MediaSilent)
    assert (silent.leg, silent.seconds) == ("a", 0.2)
    await caller.collect(40)
    assert desk.events == []


async def test_sound_goes_where_it_comes_from(desk: Any, phone: Any) -> None:
    announced, real, stranger = phone(), phone(), phone()
    await desk.call("a", announced)
    real.target = stranger.target = announced.target
    real.speak(SILENCE)
    await real.collect(5)
    stranger.press("1")
    real.press("2")
    assert (await desk.event(KeyHeard)).key == "2"
    closed = await desk.workers.close_leg("a")
    assert closed.dropped == 6


async def test_a_peer_that_moves_is_followed_at_once_and_heard_from_there_alone(desk: Any, phone: Any) -> None:
    before, after = phone(), phone()
    await desk.call("a", before)
    before.speak(SILENCE)
    await before.collect(2)  # settled: the socket is connected to it
    desk.workers.set_remote("a", after.address, StreamFormat())
    after.target = before.target
    await after.collect(2)  # before it has said a word
    before.press("1")
    after.press("2")
    assert (await desk.event(KeyHeard)).key == "2"


async def test_occupied_ports_are_skipped_and_running_out_says_what_to_do(desk: Any, phone: Any) -> None:
    opened = []
    with pytest.raises(IvrError, match=r"media\.ports"):
        for number in range(31):
            opened.append((await desk.workers.open_leg(f"l{number}", "127.0.0.1")).port)
    assert len(opened) == len(set(opened)) > 10
    assert all(port % 2 == 0 for port in opened)
    await desk.workers.close_leg("l0")
    assert (await desk.workers.open_leg("again", "127.0.0.1")).port not in opened[1:]


async def test_an_address_that_is_not_ours_is_refused_in_words(desk: Any) -> None:
    with pytest.raises(IvrError, match=r"192\.0\.2\.1"):
        await desk.workers.open_leg("a", "192.0.2.1")


async def test_the_same_name_twice_is_refused(desk: Any) -> None:
    await desk.workers.open_leg("a", "127.0.0.1")
    with pytest.raises(LocalProtocolError, match="open already"):
        await desk.workers.open_leg("a", "127.0.0.1")


async def test_closing_twice_gives_zeros(desk: Any) -> None:
    await desk.workers.open_leg("a", "127.0.0.1")
    await desk.workers.close_leg("a")
    assert (await desk.workers.close_leg("a")).sent == 0


async def test_health_tells_of_each_worker(desk: Any, phone: Any) -> None:
    await desk.call("a", phone())
    async with asyncio.timeout(10):
        while "stalls" not in desk.workers.health[0]:
            await asyncio.sleep(0.05)
    health = desk.workers.health[0]
    assert health["alive"] and health["legs"] == 1 and health["pid"] == desk.workers.pids[0]
    assert health["faults"] == 0
    assert np.isfinite(health["latest"])


async def test_the_peer_gets_a_report_and_a_goodbye(desk: Any, phone: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reports:
        reports.setblocking(False)
        for _ in range(20):  # the port above a free one is nearly always free too
            caller = phone()
            host, port = caller.address
            with contextlib.suppress(OSError):
                reports.bind((host, port + 1))
                break
        else:
            raise AssertionError("of twenty free ports none has a free one above it")
        await desk.call("a", caller)
        for _ in range(10):
            caller.speak(SILENCE)
        caller.press("1")
        await desk.event(KeyHeard)
        caller.press("2")
        await desk.event(KeyHeard, key="2")
        (packet,) = await caller.collect(1)
        closed = await desk.workers.close_leg("a")
        data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(reports, 2048), 20)
    report = RtcpReport.decode(data)
    assert report.bye and report.ssrc == packet.ssrc
    assert report.sender is not None
    assert (report.sender.packets, report.sender.octets) == (closed.sent, closed.sent * 160)
    assert abs(report.sender.ntp / 2**32 - NTP_OFFSET - time.time()) < 60
    (block,) = report.reports
    assert (block.ssrc, block.lost) == (caller.ssrc, 0)
    assert block.highest >= 65530 + 10 + 6
