"""Who speaks is heard, who does not is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ivr.errors import LocalProtocolError
from ivr.media.g711 import Samples, decode, encode
from ivr.media.voice import (
    EnergyDetector,
    VoiceActivity,
    VoiceDetector,
    VoiceEnded,
    VoiceEvent,
    VoiceHeard,
    VoiceStarted,
    WebRtcDetector,
    level_dbov,
)
from ivr.media.wav import read_wav


def vowel(seconds: float, level: float = -24.0) -> Samples:
    """A voice that hums: 120 Hz pulses through two formants, swelling three times a second."""
    time = np.arange(round(seconds * 8000)) / 8000
    pitch = 120 * (1 + 0.04 * np.sin(2 * np.pi * 4 * time))
    phase = 2 * np.pi * np.cumsum(pitch) / 8000
    sound = sum(
        np.sin(number * phase)
        * (
            np.exp(-(((number * 120 - 650) / 200) ** 2))
            + 0.5 * np.exp(-(((number * 120 - 1200) / 250) ** 2))
            + 0.03
        )
        for number in range(1, 28)
    )
    sound = sound * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time))
    return (
        np.asarray(sound / np.sqrt(np.mean(sound**2)) * 32768 * 10 ** (level / 20))
        .clip(-32767, 32767)
        .astype(np.int16)
    )


def noise(seconds: float, level: float) -> Samples:
    sound = np.random.default_rng(1).normal(0, 32768 * 10 ** (level / 20), round(seconds * 8000))
    return sound.clip(-32767, 32767).astype(np.int16)


def listen(samples: Samples, detector: VoiceDetector, **more: bool) -> list[tuple[float, VoiceEvent]]:
    """All events with the second of the frame that brought them, through G.711 and back."""
    activity = VoiceActivity(detector)
    data = decode("PCMU", encode("PCMU", samples)).tobytes()
    frames = [data[start : start + 320] for start in range(0, len(data) - 319, 320)]
    return [
        (n * 0.02, event) for n, frame in enumerate(frames) for event in activity.feed(frame, n * 0.02, **more)
    ]


def ends(events: list[tuple[float, VoiceEvent]]) -> list[tuple[float, str]]:
    return [(round(at, 2), type(event).__name__) for at, event in events if not isinstance(event, VoiceHeard)]


DETECTORS = pytest.mark.parametrize("detector", [WebRtcDetector, EnergyDetector])


@DETECTORS
def test_a_word_begins_and_ends(detector: Any) -> None:
    events = listen(np.concatenate([noise(1.0, -70), vowel(1.0), noise(1.5, -70)]), detector())
    (begin, started), (end, ended) = ends(events)
    assert (started, ended) == ("VoiceStarted", "VoiceEnded")
    assert 1.0 <= begin <= 1.25
    assert 2.5 <= end <= 2.9  # the word ends at 2.0, the hang-over is 0.6


@DETECTORS
@pytest.mark.parametrize(
    "sound", [noise(3, -60), np.zeros(24000, np.int16), vowel(2, -50)], ids=["hiss", "nothing", "far away"]
)
def test_what_is_quiet_is_no_voice(detector: Any, sound: Samples) -> None:
    assert ends(listen(sound, detector())) == []


def test_the_sound_before_the_onset_is_kept() -> None:
    samples = np.concatenate([noise(1.0, -70), vowel(1.0)])
    events = listen(samples, WebRtcDetector())
    at, started = events[0]
    assert isinstance(started, VoiceStarted)
    assert len(started.before) == 15 * 320
    sent = decode("PCMU", encode("PCMU", samples)).tobytes()
    end = (round(at / 0.02) + 1) * 320
    assert started.before == sent[end - 15 * 320 : end]
    assert isinstance(events[1][1], VoiceHeard) and events[1][1].frame == sent[end : end + 320]


def test_a_prompt_raises_the_level_that_counts() -> None:
    assert ends(listen(vowel(1.0, -42), WebRtcDetector())) != []
    assert ends(listen(vowel(1.0, -42), WebRtcDetector(), prompt=True)) == []
    assert ends(listen(vowel(1.0, -24), WebRtcDetector(), prompt=True)) != []


def test_the_tone_of_a_key_is_no_voice() -> None:
    assert ends(listen(vowel(1.0), WebRtcDetector(), key=True)) == []


def test_a_pause_shorter_than_the_hang_over_does_not_cut() -> None:
    events = listen(np.concatenate([vowel(0.6), noise(0.4, -70), vowel(0.6), noise(1.2, -70)]), WebRtcDetector())
    assert [name for _, name in ends(events)] == ["VoiceStarted", "VoiceEnded"]


def test_a_telephone_that_stops_sending_ends_the_word() -> None:
    activity = VoiceActivity(WebRtcDetector())
    assert activity.deadline is None
    data = vowel(0.5).tobytes()
    for n in range(25):
        activity.feed(data[n * 320 : (n + 1) * 320], n * 0.02)
    assert activity.speaking
    assert activity.deadline == pytest.approx(0.48 + 0.6)
    assert activity.expire(1.07) == []
    assert activity.expire(1.08) == [VoiceEnded()]
    assert activity.deadline is None


def test_a_frame_of_another_length_is_our_own_fault() -> None:
    with pytest.raises(LocalProtocolError, match="320"):
        VoiceActivity(EnergyDetector()).feed(bytes(160), 0.0)


def test_levels_are_against_full_scale(tone: Any) -> None:
    assert level_dbov(tone(1000, 0.02, -20).tobytes()) == pytest.approx(-20, abs=0.01)
    assert level_dbov(bytes(320)) == -96


@pytest.mark.speech
def test_recorded_digits_are_heard(speech_folder: Path) -> None:
    files = sorted((speech_folder / "digits-dev").rglob("*.wav"))[::10]
    assert files
    heard = sum(
        any(
            name == "VoiceStarted"
            for _, name in ends(
                listen(np.concatenate([noise(0.3, -70), read_wav(file), noise(0.8, -70)]), WebRtcDetector())
            )
        )
        for file in files
    )
    assert heard >= 0.95 * len(files)
