"""What strangers send, what dies, and what must go on all the same."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from ivr.errors import IvrError
from ivr.media.messages import AudioHeard, KeyHeard, PlayEnded, SpeechEnded, SpeechStarted, WorkerLost
from ivr.media.rtp import RtpPacket
from ivr.media.telephone_event import TelephoneEvent
from ivr.media.worker import process
from ivr.media.worker.control import LIMIT, SOUND_LIMIT, Control
from ivr.media.worker.frames import FrameReader, decode_event

SILENCE = b"\xff" * 160

MALFORMED = {
    "empty": b"",
    "five octets": b"\x80\x00\x00\x01\x00",
    "version 0": b"\x00" * 172,
    "version 1": b"\x40" + bytes(171),
    "empty event": RtpPacket(101, 1, 1, 1, b"").encode(),
    "half an event": RtpPacket(101, 1, 1, 1, b"\x01\x0a").encode(),
    "event 16": RtpPacket(101, 1, 1, 1, TelephoneEvent(16, False, 10, 160).encode()).encode(),
    "padding longer than the packet": b"\xa0\x00" + bytes(9) + b"\x01" + bytes(159) + b"\xff",
    "fifteen sources in ten octets": b"\x8f\x00" + bytes(20),
    "endless extension": b"\x90\x00" + bytes(10) + b"\xbe\xde\xff\xff",
    "a codec nobody agreed to": RtpPacket(18, 1, 1, 1, bytes(20)).encode(),
    "RTCP on the RTP port": b"\x80\xc8\x00\x06" + bytes(24),
    "2000 octets of ones": b"\xff" * 2000,
    "SIP": b"OPTIONS sip:a@b SIP/2.0\r\n\r\n",
}


async def test_a_call_survives_what_is_no_sound(desk: Any, phone: Any) -> None:
    for oddity, data in MALFORMED.items():
        caller = phone()
        await desk.call(oddity, caller)
        caller.speak(SILENCE)
        for _ in range(3):
            caller.send(data)
        caller.press("1")
        assert (await desk.event(KeyHeard)).leg == oddity
        await caller.collect(2)
        closed = await desk.workers.close_leg(oddity)
        assert (oddity, closed.dropped) == (oddity, 3)


async def test_reports_survive_it_too(desk: Any, phone: Any) -> None:
    for oddity, data in MALFORMED.items():
        caller = phone()
        await desk.call(oddity, caller)
        host, port = caller.target
        caller.socket.sendto(data, (host, port + 1))
        caller.press("1")
        assert (await desk.event(KeyHeard)).leg == oddity
        await caller.collect(2)
        closed = await desk.workers.close_leg(oddity)
        assert (oddity, closed.dropped) == (oddity, 0 if oddity == "RTCP on the RTP port" else 1)


async def test_a_peer_whose_port_is_closed_hurts_nobody(desk: Any, phone: Any) -> None:
    gone, caller = phone(), phone()
    await desk.call("gone", gone)
    gone.speak(SILENCE)
    await gone.collect(3)
    gone.socket.close()
    await desk.call("a", caller)
    await caller.collect(10)
    caller.press("1")
    assert (await desk.event(KeyHeard)).leg == "a"


def voice(seconds: float) -> Any:
    """Pulses of 120 Hz through a formant, swelling: what the detector takes for speech."""
    time = np.arange(round(seconds * 8000)) / 8000
    phase = 2 * np.pi * np.cumsum(120 * (1 + 0.04 * np.sin(8 * np.pi * time))) / 8000
    sound = sum(np.sin(n * phase) * (np.exp(-(((n * 120 - 650) / 200) ** 2)) + 0.03) for n in range(1, 28))
    sound = sound * (0.6 + 0.4 * np.sin(6 * np.pi * time))
    return np.round(sound / np.abs(sound).max() * 9000).astype(np.int16)


async def test_speech_stops_the_prompt_and_is_handed_over(
    desk: Any, phone: Any, tone_file: Any, companded: Any
) -> None:
    caller = phone()
    await desk.call("a", caller)
    desk.workers.listen("a", True)
    desk.workers.play("a", "menu", [tone_file(1000, 5.0)])
    await caller.until(lambda packet: packet.payload != SILENCE)
    for payload in [SILENCE] * 20 + companded(voice(0.6), "PCMU") + [SILENCE] * 40:
        caller.speak(payload)
    started = await desk.event(SpeechStarted)
    assert (started.leg, started.stopped) == ("a", "menu")
    ended = await desk.event(PlayEnded)
    assert (ended.play, ended.why, ended.finished) == ("menu", "speech", False)
    await desk.event(SpeechEnded)
    chunks = [len(event.pcm) for event in desk.events if isinstance(event, AudioHeard)]
    assert chunks[0] == 15 * 320
    assert set(chunks[1:-1]) == {5 * 320} and 0 < chunks[-1] <= 5 * 320
    assert 1.0 < sum(chunks) / 16000 < 1.7


@pytest.mark.parametrize(("listen", "interrupt"), [(False, "any"), (True, "keys"), (True, "never")])
async def test_speech_leaves_a_prompt_alone_that_it_must_not_stop(
    listen: bool, interrupt: str, desk: Any, phone: Any, tone_file: Any, companded: Any
) -> None:
    caller = phone()
    await desk.call("a", caller)
    desk.workers.listen("a", listen)
    desk.workers.play("a", "menu", [tone_file(1000, 0.4)], interrupt=interrupt)
    await caller.until(lambda packet: packet.payload != SILENCE)
    for payload in companded(voice(0.5), "PCMU"):
        caller.speak(payload)
    ended = await desk.event(PlayEnded)
    assert (ended.why, ended.played) == ("finished", 0.4)
    assert any(isinstance(event, SpeechStarted) for event in desk.events) is listen
    assert all(event.stopped is None for event in desk.events if isinstance(event, SpeechStarted))


async def test_a_killed_worker_is_told_and_another_takes_its_place(desk: Any, phone: Any) -> None:
    first = phone()
    await desk.call("a", first)
    await desk.call("b", phone())
    (pid,) = desk.workers.pids
    os.kill(pid, signal.SIGKILL)
    lost = await desk.event(WorkerLost)
    assert sorted(lost.legs) == ["a", "b"]
    assert (await desk.workers.close_leg("a")).sent == 0
    again = phone()
    await desk.call("a", again)
    again.press("6")
    assert (await desk.event(KeyHeard)).key == "6"
    assert desk.workers.pids != (pid,) and len(desk.workers.pids) == 1


async def test_a_worker_that_hangs_is_replaced(desk: Any, phone: Any, monkeypatch: Any) -> None:
    await desk.call("a", phone())
    (pid,) = desk.workers.pids
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(process, "HUNG_AFTER", 0.3)  # not before: a busy machine is slow to start it
    assert (await desk.event(WorkerLost)).legs == ("a",)
    monkeypatch.setattr(process, "HUNG_AFTER", 60.0)
    again = phone()
    await desk.call("b", again)
    again.press("6")
    assert (await desk.event(KeyHeard)).key == "6"
    assert pid not in desk.workers.pids


async def test_who_waits_for_a_dying_worker_is_told(desk: Any, phone: Any) -> None:
    (pid,) = desk.workers.pids
    await desk.workers.open_leg("a", "127.0.0.1")
    os.kill(pid, signal.SIGSTOP)
    opening = asyncio.create_task(desk.workers.open_leg("b", "127.0.0.1"))
    closing = asyncio.create_task(desk.workers.close_leg("a"))
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(IvrError, match="media worker ended"):
        await opening
    assert (await closing).leg == "a"
    assert (await desk.event(WorkerLost)).legs


async def test_a_stalled_worker_leaves_out_what_it_missed(desk: Any, phone: Any) -> None:
    caller = phone()
    await desk.call("a", caller)
    await caller.collect(5)
    (pid,) = desk.workers.pids
    os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(0.5)  # the stall itself
    os.kill(pid, signal.SIGCONT)
    await caller.collect(40)
    packets = caller.packets[4:]
    steps = [(b.timestamp - a.timestamp) % 2**32 for a, b in pairwise(packets)]
    numbers = [(b.sequence_number - a.sequence_number) % 65536 for a, b in pairwise(packets)]
    assert max(steps) >= 15 * 160  # 25 packet times went by, a few at most were made up for
    assert set(numbers) == {1}
    assert all(step % 160 == 0 for step in steps)


async def test_signals_for_the_whole_group_leave_the_sound_to_the_engine(desk: Any, phone: Any) -> None:
    caller = phone()
    await desk.call("a", caller)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(desk.workers.pids[0], number)
    caller.press("1")
    assert (await desk.event(KeyHeard)).key == "1"


async def test_a_worker_ends_when_its_engine_is_gone(desk: Any, phone: Any) -> None:
    await desk.call("a", phone())
    home = desk.workers._homes[0]
    child = home.process._process
    home.process._ending = True
    home.process._writer.transport.abort()
    assert await asyncio.wait_for(child.wait(), 20) == 0


@pytest.fixture
def control() -> Any:
    ours, theirs = socket.socketpair()
    made = Control(theirs)
    yield made, ours
    ours.close()
    theirs.close()


def test_an_engine_that_does_not_read_loses_sound_first_and_blocks_nobody(control: Any) -> None:
    worker, engine = control
    for _ in range(4000):
        worker.emit(AudioHeard("a", bytes(1600)))
    dropped = worker.dropped
    assert 0 < dropped < 4000
    for _ in range(50):
        worker.emit(KeyHeard("a", "1", 0.0, None))
    assert worker.dropped == dropped
    reader, got = FrameReader(), []
    engine.setblocking(False)
    while True:
        try:
            got += reader.feed(engine.recv(1 << 20))
        except BlockingIOError:
            if worker.interest & 4 == 0:  # EPOLLOUT: nothing waits any more
                break
            worker.flush()
    events = [decode_event(*frame) for frame in got]
    assert sum(isinstance(event, AudioHeard) for event in events) == 4000 - dropped
    assert events[-50:] == [KeyHeard("a", "1", 0.0, None)] * 50
    assert SOUND_LIMIT < LIMIT


def test_an_engine_that_never_reads_does_not_fill_the_memory(control: Any) -> None:
    worker, _ = control
    for _ in range(60_000):
        worker.emit(PlayEnded("a" * 40, "b" * 40, 0.0, True, 0.0))
    assert worker.dropped > 0
    assert worker._waiting <= LIMIT


def test_a_closed_engine_is_noticed(control: Any) -> None:
    worker, engine = control
    engine.close()
    assert worker.read() == []
    assert worker.closed
