"""Finding sounds in recordings."""

from __future__ import annotations

import numpy as np

from ivr.media.g711 import Samples


def likeness(recording: Samples, clip: Samples) -> float:
    """How much of `clip` is somewhere in `recording`: 1 for the very same sound, near 0 for another.

    Normalised cross-correlation at the best offset; it is the fingerprint of the sound, whatever its words.
    """
    sound, pattern = recording.astype(np.float64), clip.astype(np.float64)
    if len(sound) < len(pattern):
        return 0.0
    size = 1 << (len(sound) + len(pattern)).bit_length()
    spectrum = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(pattern, size))
    products = np.fft.irfft(spectrum, size)[: len(sound) - len(pattern) + 1]
    energy = np.concatenate([[0.0], np.cumsum(sound**2)])
    windows = energy[len(pattern) :] - energy[: len(energy) - len(pattern)]
    scale = np.sqrt(np.maximum(windows, 1.0) * max(1.0, float((pattern**2).sum())))
    return float((products / scale).max())


def tone_level(recording: Samples, hertz: float) -> float:
    """Loudest share of one frequency in any half second, 0 to 1."""
    best, time = 0.0, np.arange(4000) / 8000
    wave = np.exp(-2j * np.pi * hertz * time)
    for start in range(0, max(1, len(recording) - 4000), 800):
        part = recording[start : start + 4000].astype(np.float64)
        power = float((part**2).sum())
        if len(part) == 4000 and power > 4000 * 500**2:
            best = max(best, 2 * abs(np.vdot(wave, part)) ** 2 / (4000 * power))
    return best
