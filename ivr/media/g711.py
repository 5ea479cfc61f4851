"""PCMU and PCMA: 8 bits a sample, companded. ITU-T G.711; on the wire RFC 3551 section 4.5.14.

Both laws cut the magnitude of a sample into eight segments, each twice as long as the one before, with
16 steps in each: a float of 3 bits exponent and 4 bits mantissa. µ-law adds 33 steps first so that the
segments start at powers of two and transmits all bits inverted; A-law keeps its first segment linear and
inverts every second bit. The tables here are made from that rule once; nothing is computed per sample.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Codec = Literal["PCMU", "PCMA"]
Samples = npt.NDArray[np.int16]

SAMPLE_RATE = 8000
FRAME_OCTETS = 160
"""20 ms of either law."""

MU_BIAS = 33 << 2
"""33 of the 14-bit steps of µ-law, in 16-bit samples."""
MU_CLIP = 32767 - MU_BIAS


def _mu_expand() -> Samples:
    code = ~np.arange(256) & 0xFF
    magnitude = (((code & 0x0F) << 3) + MU_BIAS << ((code >> 4) & 7)) - MU_BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _a_expand() -> Samples:
    code = np.arange(256) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 0x0F
    magnitude = np.where(
        exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0)
    )
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _mu_compress() -> npt.NDArray[np.uint8]:
    sample = np.arange(-32768, 32768)
    biased = np.minimum(np.abs(sample), MU_CLIP) + MU_BIAS
    exponent = np.floor(np.log2(biased)).astype(int) - 7
    code = (np.where(sample < 0, 0x80, 0)) | (exponent << 4) | ((biased >> (exponent + 3)) & 0x0F)
    return _by_unsigned((~code & 0xFF).astype(np.uint8))


def _a_compress() -> npt.NDArray[np.uint8]:
    sample = np.arange(-32768, 32768)
    magnitude = np.where(sample < 0, ~sample, sample) >> 4  # 0 to 2047: 11 bits
    exponent = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(int) - 3, 0)
    mantissa = (magnitude >> np.maximum(exponent - 1, 0)) & 0x0F
    code = np.where(sample < 0, 0, 0x80) | (exponent << 4) | mantissa
    return _by_unsigned((code ^ 0x55).astype(np.uint8))


def _by_unsigned(table: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """From the order -32768..32767 to the order of the same bits read as unsigned: an index without a shift."""
    return np.concatenate((table[32768:], table[:32768]))


_EXPAND: dict[Codec, Samples] = {"PCMU": _mu_expand(), "PCMA": _a_expand()}
_COMPRESS: dict[Codec, npt.NDArray[np.uint8]] = {"PCMU": _mu_compress(), "PCMA": _a_compress()}

SILENCE: dict[Codec, int] = {"PCMU": 0xFF, "PCMA": 0xD5}
"""The code of the smallest positive sample."""


def decode(codec: Codec, payload: bytes) -> Samples:
    """Linear samples, 16 bit, of companded octets."""
    return _EXPAND[codec][np.frombuffer(payload, np.uint8)]


def encode(codec: Codec, samples: Samples) -> bytes:
    """Companded octets of linear samples."""
    return _COMPRESS[codec][samples.astype(np.int16, copy=False).view(np.uint16)].tobytes()


def _transcoding(source: Codec, target: Codec) -> bytes:
    return encode(target, _EXPAND[source])


TRANSCODE: dict[tuple[Codec, Codec], bytes] = {
    ("PCMU", "PCMA"): _transcoding("PCMU", "PCMA"),
    ("PCMA", "PCMU"): _transcoding("PCMA", "PCMU"),
}
"""For `bytes.translate`: octet to octet, without linear samples between."""


def transcode(payload: bytes, source: Codec, target: Codec) -> bytes:
    """From one law to the other; the same octets if they are the same law."""
    return payload if source == target else payload.translate(TRANSCODE[source, target])


def silence(codec: Codec, octets: int = FRAME_OCTETS) -> bytes:
    """Digital silence."""
    return bytes((SILENCE[codec],)) * octets
