"""Files, playlists, music, and the store of encoded sounds."""

from __future__ import annotations

import os
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ivr.media.g711 import decode
from ivr.media.music import hold_music
from ivr.media.player import PATIENCE, Playlist, Sound
from ivr.media.wav import SoundFileError, read_wav, write_wav
from ivr.media.worker.sounds import Sounds


def sound(*payloads: bytes) -> Sound:
    return Sound("PCMU", payloads, "ready")


def play_out(playlist: Playlist, most: int = 1000) -> list[bytes | None]:
    played: list[bytes | None] = []
    while not playlist.ended and len(played) < most:
        played.append(playlist.next())
    return played


def test_sounds_follow_each_other_without_a_gap() -> None:
    playlist = Playlist([sound(b"a", b"b"), sound(), sound(b"c")])
    assert play_out(playlist) == [b"a", b"b", b"c"]
    assert (playlist.sent, playlist.played, playlist.unreadable) == (3, 0.06, 0)
    assert playlist.next() is None


def test_the_end_is_known_with_the_last_packet() -> None:
    playlist = Playlist([sound(b"a")])
    assert not playlist.ended
    playlist.next()
    assert playlist.ended


def test_a_loop_begins_again() -> None:
    assert play_out(Playlist([sound(b"a"), sound(b"b")], loop=True), 5) == [b"a", b"b", b"a", b"b", b"a"]


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("sounds", [[], [sound()], [Sound("PCMU", state="unreadable")]])
def test_nothing_to_play_ends_at_once_even_in_a_loop(sounds: list[Sound], loop: bool) -> None:
    assert Playlist(sounds, loop=loop).ended


def test_a_sound_still_being_read_is_waited_for_at_its_turn() -> None:
    late = Sound("PCMU")
    playlist = Playlist([sound(b"a"), late, sound(b"c")])
    assert [playlist.next() for _ in range(3)] == [b"a", None, None]
    late.payloads, late.state = (b"b",), "ready"
    assert play_out(playlist) == [b"b", b"c"]
    assert playlist.sent == 3


def test_a_sound_that_never_comes_is_passed_over() -> None:
    playlist = Playlist([Sound("PCMU"), sound(b"b")])
    played = play_out(playlist)
    assert played == [None] * PATIENCE + [b"b"]
    assert playlist.unreadable == 1


def test_the_last_packet_is_filled_with_silence() -> None:
    made = Sound.of(np.full(200, 1000, np.int16), "PCMA")
    assert [len(payload) for payload in made.payloads] == [160, 160]
    assert np.all(np.abs(decode("PCMA", made.payloads[1])[40:]) <= 8)


def test_a_file_comes_back_as_it_was_written(tmp_path: Path, tone: Any) -> None:
    path = tmp_path / "tone.wav"
    samples = tone(440, 0.5)
    write_wav(path, samples)
    assert np.array_equal(read_wav(path), samples)


@pytest.mark.parametrize(
    ("rate", "channels", "octets", "found"),
    [(16000, 1, 2, "16000 Hz"), (8000, 2, 2, r"2 channel\(s\)"), (8000, 1, 1, "8 bit"), (22050, 2, 3, "24 bit")],
)
def test_other_kinds_of_files_are_refused_with_what_is_needed(
    rate: int, channels: int, octets: int, found: str, tmp_path: Path
) -> None:
    path = tmp_path / "other.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(octets)
        file.setframerate(rate)
        file.writeframes(bytes(channels * octets * 100))
    with pytest.raises(SoundFileError, match=f"other.wav.*{found}.*needed is 8000 Hz, mono, 16 bit"):
        read_wav(path)


@pytest.mark.parametrize("data", [b"", b"RIFF", b"not sound at all", b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x06\0"])
def test_files_that_are_no_sound_are_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.wav"
    path.write_bytes(data)
    with pytest.raises(SoundFileError, match=r"bad\.wav.*8000 Hz"):
        read_wav(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SoundFileError, match=r"gone\.wav.*No such file"):
        read_wav(tmp_path / "gone.wav")


def test_music_is_pleasantly_loud_and_never_clips() -> None:
    music = hold_music()
    assert 20 <= len(music) / 8000 <= 30
    power = np.mean((music / 32768.0) ** 2)
    assert 10 * np.log10(power) == pytest.approx(-20, abs=0.5)
    assert np.abs(music.astype(int)).max() < 0.6 * 32768
    seconds = np.sqrt(np.mean(music.reshape(-1, 8000).astype(float) ** 2, axis=1))
    assert 20 * np.log10(seconds.max() / seconds.min()) < 9  # no second is silent, none stands out


def test_music_goes_round_without_a_click_and_is_the_same_every_time() -> None:
    music = hold_music()
    assert np.array_equal(music, hold_music())
    steps = np.abs(np.diff(music.astype(int)))
    assert abs(int(music[0]) - int(music[-1])) <= np.percentile(steps, 50)
    edge = 400  # the tails of the last notes ring into the beginning
    assert np.sqrt(np.mean(music[:edge].astype(float) ** 2)) > 300


@pytest.fixture
def sounds() -> Iterator[Sounds]:
    made = Sounds(limit=40_000)
    yield made
    made.close()


def read(sounds: Sounds, path: Path, codec: Any = "PCMU") -> Sound:
    """The sound when the reading thread is done with it."""
    found = sounds.get(str(path), codec)
    sounds.settle()
    return found


def test_a_file_is_encoded_once_for_each_codec(sounds: Sounds, tone_file: Any) -> None:
    path = tone_file(500, 1.0)
    first = read(sounds, path)
    assert len(first.payloads) == 50
    assert sounds.get(str(path), "PCMU") is first
    other = read(sounds, path, "PCMA")
    assert other is not first and other.codec == "PCMA"
    assert sounds.size == 16_000


def test_a_changed_file_is_read_again(sounds: Sounds, tone_file: Any, tone: Any) -> None:
    path = tone_file(500, 1.0)
    first = read(sounds, path)
    write_wav(path, tone(700, 0.5))
    os.utime(path, ns=(1, 1))
    second = read(sounds, path)
    assert (len(first.payloads), len(second.payloads)) == (50, 25)


def test_what_was_not_played_for_longest_is_forgotten(sounds: Sounds, tone_file: Any) -> None:
    paths = [tone_file(frequency, 2.0) for frequency in (300, 400, 500)]
    one, two = read(sounds, paths[0]), read(sounds, paths[1])
    assert sounds.get(str(paths[0]), "PCMU") is one
    read(sounds, paths[2])
    assert sounds.size == 32_000
    assert sounds.get(str(paths[0]), "PCMU") is one
    assert read(sounds, paths[1]) is not two
