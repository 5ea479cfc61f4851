"""Recording one leg of a conversation: every packet in its place, no keys, and a file that always plays."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sounds import tone_level

from ivr.media.g711 import SILENCE, Samples, encode, transcode
from ivr.media.g711_wav import header, laid_down, read_g711, side_by_side
from ivr.media.messages import RecordingClosed
from ivr.media.player import Playlist
from ivr.media.wav import SoundFileError
from ivr.media.worker.company import Company
from ivr.media.worker.mixing import Mix
from ivr.media.worker.recorder import Tapes
from ivr.media.worker.track import Track
from ivr.media.worker.track_file import TrackFile, Waiting

FRAME = 160
QUIET = bytes([SILENCE["PCMU"]])


class Memory:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.sound = b""
        self.closed = False

    def put(self, sound: bytes) -> None:
        self.sound += sound

    def gap(self, samples: int) -> None:
        self.sound += QUIET * samples

    def close(self) -> None:
        self.closed = True


class Line:
    """Packets of 20 ms to one track that begins at second 100. Packet n is the letter n, 160 times."""

    def __init__(self) -> None:
        self.sink = Memory()
        self.track = Track("r1", "PCMU", 100.0, self.sink)

    def packet(self, number: int, *, late: float = 0.0, shift: int = 0, ssrc: int = 7, key: bool = False) -> None:
        """The packet of `number` times 20 ms, arriving `late`; `shift`: what its timestamp says otherwise."""
        arrives = 100.0 + (number + 1) * 0.02 + late
        timestamp = (0xFFFFFF00 + number * FRAME + shift) & 0xFFFFFFFF
        self.track.feed("PCMU", bytes([number % 200]) * FRAME, ssrc, timestamp, arrives, key=key)

    def sound(self) -> list[int | None]:
        """Which packet stands in each 20 ms; None for silence."""
        self.track.close()
        sound = self.sink.sound
        pieces = [sound[at : at + FRAME] for at in range(0, len(sound), FRAME)]
        assert all(len(set(piece)) == 1 for piece in pieces), "a packet stands across a border"
        return [None if piece[0] == QUIET[0] else piece[0] for piece in pieces]


def test_packets_stand_where_their_timestamps_put_them_whatever_the_jitter() -> None:
    line = Line()
    for number, late in enumerate((0.0, 0.05, 0.03, 0.01, 0.09, 0.0) * 30):
        line.packet(number, late=late)
    assert line.sound() == list(range(180))
    assert line.sink.closed


def test_packets_that_overtake_each_other_are_put_in_order_and_lost_ones_leave_silence() -> None:
    line = Line()
    for number in (0, 1, 3, 2, 4, 7, 8):
        line.packet(number, late=0.04)
    assert line.sound()[2:] == [0, 1, 2, 3, 4, None, None, 7, 8]


def test_a_worker_that_stood_still_for_a_second_leaves_no_gap_and_no_shift() -> None:
    line = Line()
    for number in range(50):
        line.packet(number)
    for number in range(50, 100):  # all at once, when it wakes
        line.packet(number, late=(100 - number) * 0.02)
    for number in range(100, 200):
        line.packet(number)
    assert line.sound() == list(range(200))


def test_who_begins_later_has_silence_before_and_a_long_silence_is_kept() -> None:
    line = Line()
    line.packet(25)
    line.packet(26)
    line.packet(199)
    assert line.sound() == [*[None] * 25, 25, 26, *[None] * 172, 199]


def test_a_new_stream_and_a_jump_of_timestamps_go_by_the_clock_of_arrival() -> None:
    line = Line()
    for number in range(10):
        line.packet(number)
    for number in range(30, 40):
        line.packet(number, ssrc=9, shift=77777)
    for number in range(50, 60):
        line.packet(number, ssrc=9, shift=-5_000_000)
    quiet = [None] * 10
    assert line.sound() == [*range(10), *quiet, *quiet, *range(30, 40), *quiet, *range(50, 60)]


def test_timestamps_that_stood_still_during_a_pause_are_found_out_within_a_second_or_two() -> None:
    line = Line()
    for number in range(50):
        line.packet(number)
    for number in range(150, 350):  # two seconds of pause that the timestamps do not know
        line.packet(number, shift=-100 * FRAME)
    sound = line.sound()
    assert [sound[number] for number in range(260, 350)] == [number % 200 for number in range(260, 350)]


def test_the_tone_of_a_key_is_not_kept_and_takes_no_time_away() -> None:
    line = Line()
    for number in range(10):
        line.packet(number, key=3 <= number < 6)
    assert line.sound() == [0, 1, 2, None, None, None, 6, 7, 8, 9]


def test_no_more_than_a_second_and_a_tenth_is_only_in_memory() -> None:
    line = Line()
    for number in range(500):
        line.packet(number)
        assert (number + 1) * FRAME - len(line.sink.sound) <= 8000 + 800


def test_a_law_changes_in_the_middle_and_the_file_keeps_its_own() -> None:
    sink = Memory()
    track = Track("r1", "PCMU", 100.0, sink)
    loud: Samples = np.full(FRAME, 8000, np.int16)
    track.feed("PCMA", encode("PCMA", loud), 7, 0, 100.02, key=False)
    track.close()
    assert sink.sound == transcode(encode("PCMA", loud), "PCMA", "PCMU") != encode("PCMA", loud)


# --- what is heard ------------------------------------------------------------------------------------


class Silent(Company):
    def __init__(self) -> None:
        super().__init__(outgoing=None)  # type: ignore[arg-type]


def conversation() -> tuple[Silent, Silent, Silent]:
    """Caller, agent, colleague; all are recorded for the caller's conversation."""
    legs = Silent(), Silent(), Silent()
    for number, leg in enumerate(legs):
        leg.take_down(Track(f"r{number}", "PCMU", 0.0, Memory()), legs[0])
    return legs


def heard(*legs: Silent) -> list[bool]:
    return [leg.track_now() is not None for leg in legs]


def test_nothing_is_kept_of_who_is_in_a_menu_on_hold_or_muted() -> None:
    caller, agent, colleague = conversation()
    assert heard(caller, agent, colleague) == [False, False, False]
    caller.join(agent)
    assert heard(caller, agent, colleague) == [True, True, False]
    caller.hold(Playlist([]))
    assert heard(caller, agent) == [False, False]
    caller.unhold()
    agent.muted.add("from")
    assert heard(caller, agent) == [True, False]
    agent.muted.clear()
    caller.part()
    assert heard(caller, agent) == [False, False]


def test_two_agents_among_themselves_are_not_recorded_and_in_a_conference_everybody_is() -> None:
    caller, agent, colleague = conversation()
    caller.hold(Playlist([]))
    agent.join(colleague)
    assert heard(caller, agent, colleague) == [False, False, False]
    caller.unhold()
    mix = Mix()
    for leg in (agent, colleague):
        leg.enter(mix)
    assert heard(agent, colleague) == [False, False]
    caller.enter(mix)
    assert heard(caller, agent, colleague) == [True, True, True]


# --- the file -----------------------------------------------------------------------------------------


def test_the_file_is_its_owners_alone_and_plays_at_every_moment(tmp_path: Path) -> None:
    tapes, path = Tapes(), tmp_path / "2026-11-22" / "call-r1.wav"
    file = TrackFile("caller", "r1", path, "PCMU", tapes.do, Waiting())
    tone = np.round(8000 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)).astype(np.int16)
    file.put(encode("PCMU", tone))
    file.gap(8001)
    file.close()
    tapes.close()
    assert tapes.told() == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    sound = read_g711(path)
    assert (len(sound), path.stat().st_size % 2) == (16001, 0)
    assert tone_level(sound[:8000], 440) > 0.99 and not sound[8000:].any()


def test_a_file_that_cannot_be_written_is_told_once_and_the_rest_is_let_go(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    tapes, waiting = Tapes(), Waiting()
    file = TrackFile("caller", "r1", tmp_path / "taken" / "x.wav", "PCMU", tapes.do, waiting)
    for _ in range(3):
        file.put(b"x" * 8000)
    file.close()
    tapes.close()
    assert tapes.told() == [RecordingClosed("caller", "r1", 0.0, "unwritable")]
    assert waiting.octets == 0


def test_a_disk_that_stands_still_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.media.worker.track_file.MOST_WAITING", 80_000)
    asked: list[object] = []
    waiting = Waiting()
    file = TrackFile("caller", "r1", tmp_path / "x.wav", "PCMU", asked.append, waiting)
    for _ in range(60):
        file.put(b"x" * 8000)
    assert waiting.octets <= 88_000
    told = [news for work in asked if (news := work()) is not None]  # type: ignore[operator]
    assert [(news.recording, news.why) for news in told] == [("r1", "unwritable")]
    assert len(read_g711(tmp_path / "x.wav")) >= 80_000


WRITER = """
import sys, time
from pathlib import Path
from ivr.media.worker.recorder import Tapes
from ivr.media.worker.track import Track
from ivr.media.worker.track_file import TrackFile, Waiting
track = Track("r1", "PCMA", 0.0, TrackFile("caller", "r1", Path(sys.argv[1]), "PCMA", Tapes().do, Waiting()))
for number in range(1_000_000):
    track.feed("PCMA", bytes([number % 200]) * 160, 7, number * 160, number / 50, key=False)
    time.sleep(0.0001)
"""


def test_a_killed_worker_leaves_a_file_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], env={**os.environ, "PYTHONPATH": "."}
    ) as writer:
        until = time.monotonic() + 20
        while (not path.exists() or path.stat().st_size < 40_000) and time.monotonic() < until:
            time.sleep(0.01)
        writer.kill()
    promised = int.from_bytes(path.read_bytes()[54:58], "little")
    assert 8000 <= promised <= path.stat().st_size - 58
    assert path.read_bytes()[:58] == header("PCMA", promised)
    assert len(read_g711(path)) == promised


@pytest.mark.parametrize("raw", [b"", b"RIFF" + bytes(100)])
def test_any_other_file_is_refused_by_name(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "x.wav").write_bytes(raw)
    with pytest.raises(SoundFileError, match=r"x\.wav: (has 0 octets|is no recording)"):
        read_g711(tmp_path / "x.wav")


def test_files_are_laid_beside_each_other_by_their_seconds() -> None:
    one: Samples = np.full(4, 20000, np.int16)
    both = side_by_side(one, laid_down([(0.0, one), (2 / 8000, one)], 6))
    assert both.tolist() == [[20000, 20000]] * 2 + [[20000, 32767]] * 2 + [[0, 20000]] * 2
