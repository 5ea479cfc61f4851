from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from ivr.media.g711 import decode, encode, silence, transcode

EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)
EVERY_CODE = bytes(range(256))
LAWS: Any = ["PCMU", "PCMA"]


@pytest.mark.parametrize(
    ("codec", "code", "sample"),
    [
        ("PCMU", 0xFF, 0),
        ("PCMU", 0x80, 32124),  # ITU-T G.711 table 2a: 8031 steps of 4
        ("PCMU", 0x00, -32124),
        ("PCMU", 0xEF, 132),  # 33 steps: where the second segment begins
        ("PCMA", 0xD5, 8),
        ("PCMA", 0x55, -8),
        ("PCMA", 0xAA, 32256),  # ITU-T G.711 table 1a: 4032 steps of 8
        ("PCMA", 0x2A, -32256),
    ],
)
def test_the_codes_of_the_recommendation_have_its_values(codec: Any, code: int, sample: int) -> None:
    assert decode(codec, bytes((code,)))[0] == sample


@pytest.mark.parametrize("codec", LAWS)
def test_every_code_survives_decoding_and_encoding(codec: Any) -> None:
    codes = encode(codec, decode(codec, EVERY_CODE))
    different = [code for code in range(256) if codes[code] != code]
    assert different == ([0x7F] if codec == "PCMU" else [])  # µ-law has two zeros; the positive one is sent


@pytest.mark.parametrize("codec", LAWS)
def test_every_sample_is_coded_to_one_of_the_two_nearest_values(codec: Any) -> None:
    values = np.unique(decode(codec, EVERY_CODE).astype(int))
    coded = decode(codec, encode(codec, EVERY_SAMPLE)).astype(int)
    above = values[np.clip(np.searchsorted(values, EVERY_SAMPLE), 0, len(values) - 1)]
    below = values[np.clip(np.searchsorted(values, EVERY_SAMPLE, side="right") - 1, 0, len(values) - 1)]
    assert np.all((coded == above) | (coded == below))


def test_the_tables_agree_with_the_standard_library_of_older_pythons() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import audioop  # from Python 3.13 on out of audioop-lts, which the test extra brings
    samples = EVERY_SAMPLE.tobytes()
    assert decode("PCMU", EVERY_CODE).tobytes() == audioop.ulaw2lin(EVERY_CODE, 2)
    assert decode("PCMA", EVERY_CODE).tobytes() == audioop.alaw2lin(EVERY_CODE, 2)
    assert encode("PCMA", EVERY_SAMPLE) == audioop.lin2alaw(samples, 2)
    multiples = EVERY_SAMPLE[(EVERY_SAMPLE % 4 == 0) & (EVERY_SAMPLE > -32000)]  # audioop cuts two bits off first
    assert encode("PCMU", multiples) == audioop.lin2ulaw(multiples.tobytes(), 2)


@pytest.mark.parametrize(("codec", "floor"), [("PCMU", 35), ("PCMA", 35)])
@pytest.mark.parametrize("level", [-10, -20, -30])
def test_a_tone_keeps_its_signal_to_noise_ratio(codec: Any, floor: float, level: float, tone: Any) -> None:
    samples = tone(1020, 1.0, level).astype(float)
    noise = decode(codec, encode(codec, samples.astype(np.int16))).astype(float) - samples
    assert 10 * np.log10(np.sum(samples**2) / np.sum(noise**2)) > floor


def test_transcoding_an_octet_is_decoding_and_encoding_it() -> None:
    assert transcode(EVERY_CODE, "PCMU", "PCMA") == encode("PCMA", decode("PCMU", EVERY_CODE))
    assert transcode(EVERY_CODE, "PCMA", "PCMU") == encode("PCMU", decode("PCMA", EVERY_CODE))
    assert transcode(EVERY_CODE, "PCMA", "PCMA") is EVERY_CODE


@pytest.mark.parametrize("codec", LAWS)
def test_silence_is_the_smallest_sound(codec: Any) -> None:
    assert len(silence(codec)) == 160
    assert np.all(np.abs(decode(codec, silence(codec))) <= 8)
