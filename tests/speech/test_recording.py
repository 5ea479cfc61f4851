"""Recordings of a voice talent: measured, cut, levelled, refused."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from ivr.speech.engines.recordings import keep_recording, recorded_text, text_file
from ivr.speech.recording import BadRecording, measured, prepared
from ivr.speech.sound import LEVEL
from ivr.speech.wav import BadWav, Sound, decode_wav
from ivr.speech.wording import pause_after

TEXT = "Please say your account number."


def talk(
    rate: int, seconds: float = 2.0, size: float = 0.2, before: float = 0.7, after: float = 1.1
) -> np.ndarray:
    """Syllables of 250 ms with the room's noise around them."""
    noise = np.random.default_rng(7).normal(0, 10 ** (-66 / 20), round(rate * (before + seconds + after)))
    at = np.arange(round(rate * seconds)) / rate
    voice = size * np.sin(2 * np.pi * 180 * at) * (0.55 - 0.45 * np.cos(2 * np.pi * 4 * at))
    first = round(rate * before)
    noise[first : first + len(voice)] += voice
    return noise


def wav(channels: np.ndarray, rate: int, bits: int = 16) -> bytes:
    rows = np.atleast_2d(channels)
    if bits == 32:
        body, code = rows.T.astype("<f4").tobytes(), 3
    else:
        whole = np.clip(np.rint(rows.T * 2 ** (bits - 1)), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1).astype("<i4")
        octets = whole.reshape(-1, 1).view(np.uint8).reshape(-1, 4)[:, : bits // 8]
        body, code = octets.tobytes(), 1
    width = len(rows) * bits // 8
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, code, len(rows), rate, rate * width, width, bits)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(body))
        + b"WAVE"
        + form
        + b"data"
        + struct.pack("<I", len(body))
        + body
    )


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000, 96000])
@pytest.mark.parametrize(("bits", "count"), [(16, 1), (24, 2), (32, 1)])
def test_any_wav_is_cut_and_brought_to_the_level(rate: int, bits: int, count: int) -> None:
    done = prepared(wav(np.tile(talk(rate), (count, 1)), rate, bits), TEXT)
    assert done.now.level == pytest.approx(LEVEL, abs=0.2)
    assert done.sound.rate == min(rate, 48_000)
    assert done.now.before < 0.05, "the silence before is cut"
    assert done.now.after == pytest.approx(pause_after(TEXT) + 0.06, abs=0.05), "the pause of a full stop"
    assert done.was.before == pytest.approx(0.7, abs=0.05)
    assert done.was.after == pytest.approx(1.1, abs=0.05)
    assert done.notes == ()


def test_a_quiet_and_a_loud_recording_end_at_one_level() -> None:
    quiet, loud = (prepared(wav(talk(16000, size=size), 16000), TEXT) for size in (0.02, 0.9))
    assert quiet.now.level == pytest.approx(loud.now.level, abs=0.3)
    assert loud.was.level - quiet.was.level > 25


def test_a_piece_inside_a_sentence_gets_no_pause_of_a_full_stop() -> None:
    inside, at_the_end = (prepared(wav(talk(8000), 8000), text) for text in ("You owe", "You owe."))
    assert at_the_end.sound.seconds - inside.sound.seconds == pytest.approx(0.27, abs=0.01)


def test_clipping_is_refused_with_its_place_even_in_one_channel() -> None:
    loud = np.clip(talk(8000, size=1.6), -1, 1)
    for channels in (loud, np.stack((talk(8000), loud))):
        with pytest.raises(BadRecording, match=r"is clipped in \d+ places, first at 0\.\d\d s; record it again"):
            prepared(wav(channels, 8000), TEXT)


def test_clipping_that_was_turned_down_afterwards_is_refused_too() -> None:
    with pytest.raises(BadRecording, match="is clipped"):
        prepared(wav(np.clip(talk(8000, size=1.6), -1, 1) * 0.5, 8000), TEXT)


def test_a_peak_that_just_touches_full_scale_is_no_clipping() -> None:
    samples = talk(8000, size=0.3)
    samples[9000:9003] = 1.0
    assert prepared(wav(samples, 8000), TEXT).now.peak < 0


@pytest.mark.parametrize("size", [0.0, 0.0005])
def test_silence_is_refused(size: float) -> None:
    samples = np.zeros(8000) if size == 0 else talk(8000, size=size)
    with pytest.raises(BadRecording, match="is silent or far too quiet"):
        prepared(wav(samples, 8000), TEXT)


def test_a_recording_that_is_too_short_for_its_words_is_refused() -> None:
    text = "You can press a key at any time, or say what you need, and for a person press zero."
    with pytest.raises(BadRecording, match=r"has 0\.\d s of speech for 19 words"):
        prepared(wav(talk(8000, seconds=0.3), 8000), text)


def test_channels_that_cancel_each_other_are_not_added() -> None:
    one = talk(8000)
    assert prepared(wav(np.stack((one, -one)), 8000), TEXT).was.level > -30


def test_a_constant_offset_is_taken_away() -> None:
    done = prepared(wav(talk(8000) + 0.1, 8000), TEXT)
    assert abs(float(done.sound.samples.mean())) < 0.001


def test_a_noisy_room_and_peaks_that_stop_the_level_are_told() -> None:
    noise = np.random.default_rng(1).normal(0, 0.02, 30400)
    assert any("louder than the room" in note for note in prepared(wav(talk(8000) + noise, 8000), TEXT).notes)
    peaky = talk(8000, size=0.05)
    peaky[12000] = 0.9
    assert any("its peaks allow no more" in note for note in prepared(wav(peaky, 8000), TEXT).notes)


def test_what_is_no_wav_is_told_as_such() -> None:
    with pytest.raises(BadWav):
        prepared(b"ID3 an mp3", TEXT)


def test_silence_measures_as_minus_infinity() -> None:
    meter = measured(Sound(8000, np.zeros(800)))
    assert meter.level == meter.peak == float("-inf")
    assert meter.seconds == pytest.approx(0.1)


def test_a_kept_recording_has_its_text_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "en" / "main.head.wav"
    done = prepared(wav(talk(44100), 44100), TEXT)
    keep_recording(path, done.sound, TEXT)
    assert recorded_text(path) == TEXT
    assert decode_wav(path.read_bytes()).seconds == pytest.approx(done.sound.seconds, abs=0.001)
    assert sorted(one.name for one in path.parent.iterdir()) == ["main.head.txt", "main.head.wav"]
    text_file(path).unlink()
    assert recorded_text(path) is None
