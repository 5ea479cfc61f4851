from __future__ import annotations

import numpy as np
import pytest

from ivr.speech.sound import LEVEL, PEAK, active_level, from_pcm, levelled, resampled, silence, to_pcm, trimmed
from ivr.speech.wav import Sound


def tone(hertz: float, seconds: float, amplitude: float, rate: int = 8000) -> Sound:
    return Sound(rate, amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate))


def test_a_full_scale_sine_is_three_decibels_below_overload() -> None:
    assert active_level(tone(1000, 1, 1.0)) == pytest.approx(-3.01, abs=0.01)


def test_pauses_do_not_count_into_the_level() -> None:
    spoken = tone(1000, 1, 0.1)
    paused = Sound(8000, np.concatenate((spoken.samples, np.zeros(16000))))
    assert active_level(paused) == pytest.approx(active_level(spoken), abs=0.01)


@pytest.mark.parametrize("amplitude", [0.001, 0.05, 0.9])
def test_every_loudness_comes_out_at_the_set_level(amplitude: float) -> None:
    assert active_level(levelled(tone(500, 0.5, amplitude))) == pytest.approx(LEVEL, abs=0.05)


def test_a_sound_with_a_sharp_peak_is_not_clipped_to_reach_the_level() -> None:
    samples = tone(500, 1, 0.01).samples
    samples[4000] = 0.5
    out = levelled(Sound(8000, samples))
    assert np.abs(out.samples).max() <= PEAK + 1e-9
    assert active_level(out) < LEVEL


def test_silence_stays_silence() -> None:
    assert not levelled(silence(0.1)).samples.any()
    assert active_level(silence(0.001)) == float("-inf")


def test_trimming_leaves_exactly_the_pauses_asked_for() -> None:
    samples = np.concatenate((np.zeros(4000), tone(1000, 0.5, 0.5).samples, np.zeros(6000)))
    out = trimmed(Sound(8000, samples), 0.1, 0.25)
    loud = np.flatnonzero(np.abs(out.samples) > 0.01)
    assert loud[0] / 8000 == pytest.approx(0.1, abs=0.01)
    assert (len(out.samples) - loud[-1]) / 8000 == pytest.approx(0.25, abs=0.01)
    assert out.seconds == pytest.approx(0.85, abs=0.02)


def test_a_sound_that_begins_loud_fades_in_without_a_click() -> None:
    out = trimmed(Sound(8000, np.ones(800)), 0.0, 0.0)
    assert out.samples[0] == 0
    assert np.abs(np.diff(out.samples)).max() < 0.05


def test_resampling_keeps_the_tone_and_drops_what_8_khz_cannot_carry() -> None:
    both = Sound(22050, tone(1000, 1, 0.4, 22050).samples + tone(6000, 1, 0.4, 22050).samples)
    spectrum = np.abs(np.fft.rfft(resampled(both).samples))
    assert resampled(both).seconds == pytest.approx(1, abs=0.01)
    assert int(spectrum.argmax()) == pytest.approx(1000, abs=2)
    assert spectrum[1990:2010].max() < spectrum.max() / 1000  # 6000 Hz would fold to 2000


def test_what_is_too_loud_is_clipped_and_not_wrapped() -> None:
    assert to_pcm(Sound(8000, np.array([2.0, -2.0, 0.0]))) == b"\xff\x7f\x00\x80\x00\x00"


def test_samples_survive_the_way_to_octets_and_back() -> None:
    pcm = np.arange(-32768, 32768, 77).astype("<i2").tobytes()
    assert to_pcm(from_pcm(pcm)) == pcm
