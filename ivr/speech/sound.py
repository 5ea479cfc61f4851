"""Shaping sound for the telephone: rate, level, and the silence around it.

Pure arithmetic on samples of -1.0 to 1.0. Levels are dBov, relative to full scale (ITU-T G.100.1).
"""

from __future__ import annotations

import numpy as np
import soxr

from ivr.speech.contracts import SAMPLE_RATE
from ivr.speech.wav import Sound

PIPELINE = "1"
"""Part of every cache key: count it up whenever this room makes different sound of the same text or recording."""

LEVEL = -20.0
"""dBov of the active speech. Some 3 dB above what hands-free talkers reach, below where G.711 distorts peaks."""
PEAK = 10 ** (-1 / 20)
"""No sample beyond -1 dBFS: resampling and companding may still add a little."""
FRAME = 0.02
"""Seconds over which a level is measured."""
ACTIVE = 30.0
"""dB below the loudest frame at which a frame no longer counts as speech."""
SILENT = 10 ** (-50 / 20)
"""Amplitude below which leading and trailing samples are silence."""
EDGE = 0.005
"""Seconds kept before and after the trimmed sound, faded, so that it does not click."""


def resampled(sound: Sound, rate: int = SAMPLE_RATE) -> Sound:
    if sound.rate == rate:
        return sound
    return Sound(rate, np.asarray(soxr.resample(sound.samples, sound.rate, rate, quality="HQ"), np.float64))


def active_level(sound: Sound) -> float:
    """dBov: mean power of the frames that are within ACTIVE dB of the loudest; -inf for silence."""
    size = max(1, round(sound.rate * FRAME))
    count = max(1, len(sound.samples) // size)
    padded = np.resize(sound.samples, count * size) if len(sound.samples) < size else sound.samples[: count * size]
    power = np.square(padded.reshape(count, size)).mean(axis=1)
    loudest = power.max(initial=0.0)
    if loudest <= 0:
        return float("-inf")
    return float(10 * np.log10(power[power >= loudest * 10 ** (-ACTIVE / 10)].mean()))


def levelled(sound: Sound, level: float = LEVEL) -> Sound:
    """The same sound at `level`, or as near to it as PEAK allows; silence stays silence."""
    now = active_level(sound)
    if now == float("-inf"):
        return sound
    gain = min(10 ** ((level - now) / 20), PEAK / float(np.abs(sound.samples).max()))
    return Sound(sound.rate, sound.samples * gain)


def trimmed(sound: Sound, before: float, after: float) -> Sound:
    """Without its own leading and trailing silence, and with exactly these pauses (seconds) instead."""
    loud = np.flatnonzero(np.abs(sound.samples) > SILENT)
    if len(loud) == 0:
        return silence(before + after, sound.rate)
    edge = round(EDGE * sound.rate)
    first, last = max(0, loud[0] - edge), min(len(sound.samples), loud[-1] + 1 + edge)
    body = sound.samples[first:last].copy()
    ramp = np.linspace(0, 1, min(edge, len(body)), endpoint=False)
    body[: len(ramp)] *= ramp
    body[len(body) - len(ramp) :] *= ramp[::-1]
    pads = np.zeros(round(before * sound.rate)), np.zeros(round(after * sound.rate))
    return Sound(sound.rate, np.concatenate((pads[0], body, pads[1])))


def silence(seconds: float, rate: int = SAMPLE_RATE) -> Sound:
    return Sound(rate, np.zeros(max(1, round(seconds * rate))))


def to_pcm(sound: Sound) -> bytes:
    """Linear 16-bit little-endian samples; what is too loud is clipped, never wrapped round."""
    return np.clip(np.rint(sound.samples * 32768), -32768, 32767).astype("<i2").tobytes()


def from_pcm(pcm: bytes, rate: int = SAMPLE_RATE) -> Sound:
    return Sound(rate, np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2").astype(np.float64) / 32768)
