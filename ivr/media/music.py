"""Music for those who wait, made here: nobody else's rights, the same on every machine.

Eight chords, each picked upwards and down again in eighths, with notes that ring into the next ones. The
ends of the loop ring into its beginning, so it goes round without a seam.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ivr.media.g711 import SAMPLE_RATE, Samples

LEVEL = -20.0
"""dBov of the whole; speech on telephone lines is about 6 dB quieter."""
NOTE = 0.375
"""Seconds from one note to the next."""
RING = 1.8
"""Seconds until a note is gone."""
CHORDS = (
    (60, 64, 67, 71, 74, 71, 67, 64),
    (57, 60, 64, 67, 72, 67, 64, 60),
    (65, 69, 72, 76, 79, 76, 72, 69),
    (67, 71, 74, 76, 79, 76, 74, 71),
    (64, 67, 71, 74, 76, 74, 71, 67),
    (57, 60, 64, 67, 71, 67, 64, 60),
    (62, 65, 69, 72, 77, 72, 69, 65),
    (67, 71, 74, 77, 79, 77, 74, 71),
)
"""MIDI note numbers; 69 is the A of 440 Hz. Low enough to be soft, high enough for a telephone's 300 Hz."""
PARTIALS = ((1, 1.0), (2, 0.35), (3, 0.12), (4, 0.05))


def hold_music() -> Samples:
    """One round of 24 seconds, 8 kHz mono."""
    notes = [note for chord in CHORDS for note in chord]
    length = round(len(notes) * NOTE * SAMPLE_RATE)
    loop = np.zeros(length)
    for position, note in enumerate(notes):
        sound = _note(note, accent=position % len(CHORDS[0]) == 0)
        places = (round(position * NOTE * SAMPLE_RATE) + np.arange(len(sound))) % length
        loop[places] += sound
    loop *= 32768 * 10 ** (LEVEL / 20) / np.sqrt(np.mean(loop**2))
    return np.round(_soften_ends(np.clip(loop, -32767, 32767))).astype(np.int16)


RINGING_TONE = (1.0, 4.0)
"""Seconds of sound and of silence of the ringing tone, ETSI ETR 187 and ITU-T E.180: 425 Hz in most countries."""


def ringing_tone() -> Samples:
    """What somebody hears whose call rings at the other end: one round of 5 seconds, 8 kHz mono."""
    sound, pause = (round(seconds * SAMPLE_RATE) for seconds in RINGING_TONE)
    time = np.arange(sound) / SAMPLE_RATE
    tone = 32768 * 10 ** (LEVEL / 20) * np.sqrt(2) * np.sin(2 * np.pi * 425 * time)
    return np.concatenate((_soften_ends(tone), np.zeros(pause))).astype(np.int16)


def _note(note: int, *, accent: bool) -> npt.NDArray[np.float64]:
    time = np.arange(round(RING * SAMPLE_RATE)) / SAMPLE_RATE
    frequency = 440 * 2 ** ((note - 69) / 12)
    tone = sum(
        weight * np.exp(-time * (1.6 + 0.9 * partial)) * np.sin(2 * np.pi * frequency * partial * time)
        for partial, weight in PARTIALS
        if frequency * partial < 3400
    )
    attack = np.minimum(time / 0.015, 1.0)
    release = np.minimum((RING - time) / 0.2, 1.0)
    return np.asarray(tone * attack * release * (1.0 if accent else 0.75), dtype=np.float64)


def _soften_ends(loop: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """5 ms down at the end, up at the beginning: no click where a file player adds a gap of its own."""
    edge = round(0.005 * SAMPLE_RATE)
    slope = np.sin(np.linspace(0, np.pi / 2, edge))
    loop[:edge] *= slope
    loop[-edge:] *= slope[::-1]
    return loop
