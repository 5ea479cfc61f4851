"""WAV files of G.711: 8 kHz, mono, 8 bits a sample, as it came over the wire. RFC 2361 appendix A."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

import numpy as np

from ivr.media.g711 import SAMPLE_RATE, Codec, Samples, decode
from ivr.media.wav import SoundFileError

FORMAT: Final[dict[Codec, int]] = {"PCMA": 6, "PCMU": 7}
"""WAVE_FORMAT_ALAW and WAVE_FORMAT_MULAW."""
HEADER: Final = struct.Struct("<4sI4s4sIHHIIHHH4sII4sI")
"""RIFF, fmt of 18 octets, fact, and the head of data: a format that is not PCM has a fact chunk."""


def header(codec: Codec, samples: int) -> bytes:
    """Of a file with so many samples, 58 octets.

    >>> header("PCMA", 8000)[20:22], len(header("PCMU", 0))
    (b'\\x06\\x00', 58)
    """
    return HEADER.pack(
        *(b"RIFF", HEADER.size - 8 + samples + samples % 2, b"WAVE"),
        *(b"fmt ", 18, FORMAT[codec], 1, SAMPLE_RATE, SAMPLE_RATE, 1, 8, 0),
        *(b"fact", 4, samples),
        *(b"data", samples),
    )


def read_g711(path: Path) -> Samples:
    """The linear samples of such a file; what stands behind those that its header promises is left out.

    Raises SoundFileError for any other file, and one that cannot be read.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SoundFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(raw) < HEADER.size:
        raise SoundFileError(f"{path}: has {len(raw)} octets; a conversation has {HEADER.size} and more")
    samples = HEADER.unpack_from(raw)[-1]
    for codec in FORMAT:
        if raw[: HEADER.size] == header(codec, samples):
            return decode(codec, raw[HEADER.size : HEADER.size + samples])
    raise SoundFileError(f"{path}: is no recording of a conversation, WAV of G.711, 8000 Hz, mono")


def side_by_side(left: Samples, right: Samples) -> Samples:
    """Two sounds as one with two channels; the shorter ends in silence."""
    both = np.zeros((max(len(left), len(right)), 2), np.int16)
    both[: len(left), 0], both[: len(right), 1] = left, right
    return both


def laid_down(parts: list[tuple[float, Samples]], length: int) -> Samples:
    """Sounds at their seconds, added up, in so many samples."""
    total = np.zeros(length, np.int32)
    for at, sound in parts:
        start = round(at * SAMPLE_RATE)
        piece = sound[: max(length - start, 0)]
        total[start : start + len(piece)] += piece
    return np.clip(total, -32768, 32767).astype(np.int16)
