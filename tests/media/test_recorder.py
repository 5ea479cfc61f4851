"""Recording a caller: what is kept, what never is, and who may read it."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media.test_voice import noise, vowel
from sounds import likeness

from ivr.media.g711 import Samples, decode, encode
from ivr.media.messages import LegClosed, PlayEnded, RecordingClosed
from ivr.media.voice import EnergyDetector
from ivr.media.wav import read_wav
from ivr.media.worker.recorder import BEEP, BEEP_PLAY, Recording, Tapes, beep

FRAME = 160


class Line:
    """Feeds one recording, 20 ms a packet, in virtual time."""

    def __init__(self, *, longest: float = 60.0, patience: float = 3.0) -> None:
        self.ends: list[str] = []
        self.recording = Recording(
            "1",
            Path("/nowhere/x.wav"),
            longest,
            patience,
            lambda _, why: self.ends.append(why),
            EnergyDetector(),
        )
        self.now = 100.0
        self.recording.begin(self.now)

    def hears(self, samples: Samples, *, key: bool = False, ahead: int = 1) -> Line:
        data = encode("PCMU", samples)
        for start in range(0, len(data) - FRAME + 1, FRAME):
            self.now += 0.02
            self.recording.feed("PCMU", data[start : start + FRAME], ahead, self.now, key=key)
            self.recording.expire(self.now)
        return self


def test_silence_ends_it_and_what_was_said_is_kept() -> None:
    line = Line().hears(noise(0.5, -70)).hears(vowel(2.0)).hears(noise(4.0, -70))
    assert line.ends == ["silence"]
    assert 5.0 <= line.recording.seconds <= 5.7


def test_a_pause_between_two_sentences_does_not_end_it() -> None:
    line = Line().hears(vowel(1.0)).hears(noise(2.0, -70)).hears(vowel(1.0))
    assert line.ends == []


def test_a_caller_who_says_nothing_leaves_nothing() -> None:
    line = Line().hears(noise(5.0, -70))
    assert line.ends == ["silence"]
    assert line.recording.seconds == 0.0


def test_a_phone_that_sends_nothing_ends_it_too() -> None:
    line = Line()
    line.recording.expire(line.now + 2.9)
    assert line.ends == []
    line.recording.expire(line.now + 3.0)
    assert line.ends == ["silence"]


def test_the_longest_time_ends_it() -> None:
    line = Line(longest=2.0).hears(vowel(3.0))
    assert line.ends == ["longest"]
    assert line.recording.seconds == pytest.approx(2.0)


def test_nothing_counts_before_the_beep_is_over() -> None:
    line = Line()
    line.recording = Recording("1", Path("x"), 9, 3, lambda _, why: None, EnergyDetector())
    line.hears(vowel(1.0))
    assert not line.recording.sound


def test_the_tone_of_a_key_is_never_in_it(tone: Any, level_at: Any) -> None:
    line = Line().hears(vowel(1.0)).hears(tone(697, 0.2), key=True).hears(tone(697, 0.2))
    sound = np.frombuffer(bytes(line.recording.sound), "<i2")
    assert not sound[8000:9600].any()
    assert level_at(sound[9600:11200], 697) > -25


def test_lost_packets_keep_their_time() -> None:
    line = Line().hears(vowel(1.0)).hears(vowel(0.02), ahead=4)
    assert line.recording.seconds == pytest.approx(1.0 + 4 * 0.02)


def test_the_file_is_whole_and_for_its_owner_only(tmp_path) -> None:
    tapes = Tapes()
    file = tmp_path / "recordings" / "c-1.wav"
    recording = Recording("1", file, 60, 3, lambda _, why: None, EnergyDetector())
    recording.spoke, recording.sound = True, bytearray(vowel(0.5).tobytes())
    tapes.keep("a", recording, "stopped")
    tapes.close()
    assert tapes.told() == [RecordingClosed("a", "1", 0.5, "stopped")]
    assert np.array_equal(read_wav(file), vowel(0.5))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [one.name for one in file.parent.iterdir()] == ["c-1.wav"]


def test_a_disk_that_takes_nothing_is_told(tmp_path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    tapes = Tapes()
    recording = Recording("1", tmp_path / "taken" / "c.wav", 60, 3, lambda _, why: None, EnergyDetector())
    recording.spoke, recording.sound = True, bytearray(vowel(0.5).tobytes())
    tapes.keep("a", recording, "silence")
    tapes.close()
    assert tapes.told() == [RecordingClosed("a", "1", 0.0, "unwritable")]


def test_the_beep_is_a_beep(heard: Any, level_at: Any) -> None:
    sound = decode("PCMA", b"".join(beep("PCMA").payloads))
    assert level_at(sound[400:2000], BEEP) == pytest.approx(-16, abs=1)


async def test_a_caller_is_recorded_from_the_wire(desk: Any, phone: Any, companded: Any, tmp_path: Path) -> None:
    caller, file = phone(), tmp_path / "recordings" / "c-1.wav"
    await desk.call("a", caller)
    desk.workers.record("a", "1", file, longest=30, patience=3)
    await desk.event(PlayEnded, play=BEEP_PLAY, finished=True)
    await desk.settled("a")
    for payload in companded(vowel(1.5)):
        caller.speak(payload)
        await caller.receive()
    desk.workers.stop_recording("a")
    told = await desk.event(RecordingClosed, leg="a", recording="1")
    assert (told.why, told.seconds) == ("stopped", pytest.approx(1.5, abs=0.1))
    assert len(read_wav(file)) == pytest.approx(12000, abs=800)
    assert likeness(read_wav(file), vowel(1.5)[1600:10000]) > 0.85


async def test_what_was_said_before_hanging_up_is_kept(
    desk: Any, phone: Any, companded: Any, tmp_path: Path
) -> None:
    caller, file = phone(), tmp_path / "recordings" / "c-1.wav"
    await desk.call("a", caller)
    desk.workers.record("a", "1", file, longest=30, patience=3)
    await desk.event(PlayEnded, play=BEEP_PLAY)
    await desk.settled("a")
    for payload in companded(vowel(1.0)):
        caller.speak(payload)
        await caller.receive()
    closed = await desk.workers.close_leg("a")
    assert isinstance(closed, LegClosed)
    assert closed.recorded == pytest.approx(1.0, abs=0.1)
    await desk.event(RecordingClosed, why="closed")
    assert file.exists()
