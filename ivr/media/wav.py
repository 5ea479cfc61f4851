"""Reading and writing the one kind of WAV file that is sound here: 8 kHz, mono, 16 bit linear."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from ivr.errors import IvrError
from ivr.media.g711 import SAMPLE_RATE, Samples

LONGEST = 3600
"""Seconds; a longer file is taken for a mistake."""


class SoundFileError(IvrError):
    """A sound file that cannot be played; the text names the file, what was found and what is needed."""


def read_wav(path: Path) -> Samples:
    """The samples of a WAV file of 8 kHz, mono, 16 bit. Raises SoundFileError for any other."""
    try:
        with wave.open(str(path), "rb") as file:
            _check(path, file)
            data = file.readframes(file.getnframes())
    except OSError as error:
        raise SoundFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (wave.Error, EOFError) as error:
        raise SoundFileError(
            f"{path}: is no WAV file of linear samples ({error or 'it ends too early'}); "
            "save it as WAV, PCM, 8000 Hz, mono, 16 bit"
        ) from error
    return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16)


def _check(path: Path, file: wave.Wave_read) -> None:
    rate, channels, bits = file.getframerate(), file.getnchannels(), 8 * file.getsampwidth()
    if (rate, channels, bits) != (SAMPLE_RATE, 1, 16):
        raise SoundFileError(
            f"{path}: has {rate} Hz, {channels} channel(s), {bits} bit; needed is {SAMPLE_RATE} Hz, mono, 16 bit"
        )
    if file.getnframes() > LONGEST * SAMPLE_RATE:
        raise SoundFileError(f"{path}: lasts {file.getnframes() // SAMPLE_RATE} s; the longest is {LONGEST} s")


def write_wav(path: Path, samples: Samples) -> None:
    """Write 8 kHz, mono, 16 bit. Raises OSError when the file cannot be written."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.astype("<i2", copy=False).tobytes())
