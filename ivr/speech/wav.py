"""Reading any linear or G.711 WAV file a recording studio or a telephone writes, and writing the one kind we keep.

Pure: bytes in, samples out. The layout is Microsoft's RIFF (chunks of four letters and a 32-bit length)::

    RIFF len WAVE | fmt  len  code channels rate octets/s block bits [extensible: … code] | data len samples …
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ivr.errors import IvrError
from ivr.speech.contracts import SAMPLE_RATE

Samples = NDArray[np.float64]

PCM, FLOAT, A_LAW, MU_LAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
HEADER = 44
"""Octets before the samples in a file that `encode_wav` wrote."""


class BadWav(IvrError):
    """A file that is not a WAV we can read. The text says what was found."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Samples of one channel, -1.0 to 1.0."""

    rate: int
    """Hz."""
    samples: Samples

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


def encode_wav(pcm: bytes, rate: int = SAMPLE_RATE) -> bytes:
    """A WAV file of linear 16-bit little-endian mono samples."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, PCM, 1, rate, rate * 2, 2, 16)
    data = b"data" + struct.pack("<I", len(pcm)) + pcm
    return b"RIFF" + struct.pack("<I", 4 + len(form) + len(data)) + b"WAVE" + form + data


def decode_wav(data: bytes) -> Sound:
    """The sound of a WAV file, its channels mixed to one.

    Raises BadWav when it is no WAV file, when its samples are compressed, or when there are none.
    """
    rate, channels = decode_channels(data)
    return Sound(rate, channels.mean(axis=0))


def decode_channels(data: bytes) -> tuple[int, Samples]:
    """Rate, and one row of samples for each channel. Raises what `decode_wav` does."""
    code, channels, rate, bits, body = _chunks(data)
    if not 1 <= channels <= 64 or not 1000 <= rate <= 768_000:
        raise BadWav(f"the WAV header says {channels} channels at {rate} Hz; save it again as 16-bit PCM")
    samples = _samples(code, bits, body)
    frames = len(samples) // channels
    if frames == 0:
        raise BadWav("the WAV file has no samples; record it again")
    apart = np.ascontiguousarray(samples[: frames * channels].reshape(frames, channels).T)
    if not np.isfinite(apart).all():
        raise BadWav("the WAV file has samples that are no numbers; save it again as 16-bit PCM")
    return rate, apart


def _looks_like(data: bytes) -> str:
    """What a file named ``.wav`` is instead, in words for who recorded it."""
    if not data:
        return "it is empty"
    if data[:3] == b"ID3" or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0):
        return "it is an MP3 with another name"
    known = {b"OggS": "Ogg", b"fLaC": "FLAC", b"FORM": "AIFF", b"caff": "CAF"}
    if data[:4] in known or data[4:8] == b"ftyp":
        return f"it is {known.get(data[:4], 'MPEG-4')} with another name"
    return f"it begins with {data[:4].hex(' ')}"


def _chunks(data: bytes) -> tuple[int, int, int, int, bytes]:
    """Format code, channels, rate, bits and the octets of the samples."""
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise BadWav(f"not a WAV file: {_looks_like(data)}; save it as WAV, 16-bit PCM")
    form: tuple[int, int, int, int] | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + size]  # a length beyond the end (streamed file) takes what is there
        if name == b"fmt ":
            form = _format(body)
        elif name == b"data":
            if form is None:
                raise BadWav("the WAV file has samples before their format; save it again as 16-bit PCM")
            return *form, body
        at += 8 + size + size % 2
    raise BadWav("the WAV file ends before its samples; copy or record it again")


def _format(body: bytes) -> tuple[int, int, int, int]:
    if len(body) < 16:
        raise BadWav("the WAV header is cut short; save it again as 16-bit PCM")
    code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if code == EXTENSIBLE and len(body) >= 26:
        code = int.from_bytes(body[24:26], "little")
    return code, channels, rate, bits


def _samples(code: int, bits: int, body: bytes) -> Samples:
    width = bits // 8
    body = body[: len(body) // width * width] if width else b""
    if code == PCM and bits == 8:
        return (np.frombuffer(body, np.uint8).astype(np.float64) - 128) / 128
    if code == PCM and bits in (16, 32):
        return np.frombuffer(body, f"<i{width}").astype(np.float64) / 2.0 ** (bits - 1)
    if code == PCM and bits == 24:
        octets = np.frombuffer(body, np.uint8).reshape(-1, 3).astype(np.int32)
        return ((octets[:, 0] << 8 | octets[:, 1] << 16 | octets[:, 2] << 24) >> 8) / 2.0**23
    if code == FLOAT and bits in (32, 64):
        return np.clip(np.frombuffer(body, f"<f{width}").astype(np.float64), -1, 1)
    if code in (A_LAW, MU_LAW) and bits == 8:
        table = _MU_LAW if code == MU_LAW else _A_LAW
        return table[np.frombuffer(body, np.uint8)]
    raise BadWav(f"the WAV file has samples of kind {code} with {bits} bits; save it again as 16-bit PCM")


def _expand_mu_law() -> Samples:
    """ITU-T G.711 table 2a/2b, scaled to 1.0 at 2**13 quantising steps."""
    octets = ~np.arange(256) & 0xFF
    size = ((2 * (octets & 0x0F) + 33) << (octets >> 4 & 7)) - 33
    return np.where(octets & 0x80, -size, size) / 2.0**13


def _expand_a_law() -> Samples:
    """ITU-T G.711 table 1a/1b, scaled to 1.0 at 2**12 quantising steps."""
    octets = np.arange(256) ^ 0x55
    part, low = octets >> 4 & 7, octets & 0x0F
    size = np.where(part == 0, 2 * low + 1, (2 * low + 33) << np.maximum(part - 1, 0))
    return np.where(octets & 0x80, size, -size) / 2.0**12


_MU_LAW = _expand_mu_law()
_A_LAW = _expand_a_law()
