from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.speech.wav import BadWav, decode_wav, encode_wav

WAVE = (0.0, 0.5, -0.5, 0.25)


def riff(code: int, bits: int, body: bytes, *, channels: int = 1, rate: int = 8000, extra: bytes = b"") -> bytes:
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", code, channels, rate, rate * block, block, bits) + extra
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


@pytest.mark.parametrize(
    ("code", "bits", "body"),
    [
        (1, 8, bytes([128, 192, 64, 160])),
        (1, 16, struct.pack("<4h", 0, 16384, -16384, 8192)),
        (1, 24, b"".join(int(v * 2**23).to_bytes(3, "little", signed=True) for v in WAVE)),
        (1, 32, struct.pack("<4i", *(int(v * 2**31) for v in WAVE))),
        (3, 32, struct.pack("<4f", *WAVE)),
        (3, 64, struct.pack("<4d", *WAVE)),
    ],
)
def test_every_width_of_linear_samples_is_the_same_sound(code: int, bits: int, body: bytes) -> None:
    assert decode_wav(riff(code, bits, body)).samples == pytest.approx(WAVE, abs=1e-9)


def test_g711_octets_expand_as_the_recommendation_says() -> None:
    # ITU-T G.711: mu-law 0xFF and 0x7F are zero, 0x80 is the greatest positive value, 8031 of 8192;
    # A-law 0xD5 is +1 of 4096, 0xAA the greatest, 4032 of 4096.
    mu = decode_wav(riff(7, 8, bytes([0xFF, 0x7F, 0x80, 0x00]))).samples
    assert mu * 8192 == pytest.approx([0, 0, 8031, -8031])
    a = decode_wav(riff(6, 8, bytes([0xD5, 0x55, 0xAA, 0x2A]))).samples
    assert a * 4096 == pytest.approx([1, -1, 4032, -4032])


def test_channels_are_mixed_to_one() -> None:
    both = decode_wav(riff(1, 16, struct.pack("<4h", 8192, 24576, -8192, 8192), channels=2))
    assert both.samples == pytest.approx([0.5, 0.0])


def test_an_extensible_header_names_its_kind_in_the_extension() -> None:
    extra = struct.pack("<HHIH", 22, 16, 4, 1) + bytes(14)
    assert decode_wav(riff(0xFFFE, 16, struct.pack("<h", 8192), extra=extra)).samples == pytest.approx([0.25])


def test_a_streamed_file_with_an_endless_length_is_read_to_its_end() -> None:
    data = bytearray(riff(1, 16, struct.pack("<2h", 8192, 8192)))
    data[40:44] = b"\xff\xff\xff\xff"
    assert len(decode_wav(bytes(data)).samples) == 2


def test_chunks_before_the_samples_are_passed_over() -> None:
    plain = riff(1, 16, struct.pack("<h", 8192))
    assert len(decode_wav(plain[:36] + b"LIST\x03\x00\x00\x00abc\x00" + plain[36:]).samples) == 1


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"ID3\x04 an mp3 file with a wrong name", "WAV file: it is an MP3 with another name; save it as WAV"),
        (b"\xff\xfb\x90\x64 the same without a title", "it is an MP3 with another name"),
        (b"OggS\x00\x02", "it is Ogg with another name"),
        (b"\x00\x00\x00\x20ftypM4A ", "it is MPEG-4 with another name"),
        (b"", "it is empty; save it as WAV"),
        (b"hello", "it begins with 68 65 6c 6c; save it as WAV"),
        (riff(1, 16, b""), "no samples"),
        (riff(2, 4, b"\x00" * 8), "kind 2 with 4 bits"),
        (riff(1, 16, b"\0\0", channels=0), "0 channels"),
        (riff(1, 16, b"\0\0", rate=0), "0 Hz"),
        (riff(1, 0, b"\0\0"), "0 bits"),
        (riff(3, 32, struct.pack("<f", float("nan"))), "no numbers"),
        (riff(1, 16, b"\0\0")[:30], "cut short"),
        (b"RIFF\x04\x00\x00\x00WAVE", "ends before its samples"),
    ],
)
def test_what_cannot_be_read_is_named(data: bytes, found: str) -> None:
    with pytest.raises(BadWav, match=found):
        decode_wav(data)


@given(st.binary(max_size=120))
def test_strangers_octets_are_refused_in_one_way_only(body: bytes) -> None:
    for data in (body, b"RIFF\0\0\0\0WAVE" + body, b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + body):
        try:
            sound = decode_wav(data)
        except BadWav:
            continue
        assert np.isfinite(sound.samples).all()


def test_what_is_written_reads_back() -> None:
    pcm = struct.pack("<3h", 1, -32768, 32767)
    data = encode_wav(pcm)
    assert (len(data), int.from_bytes(data[4:8], "little")) == (50, 42)
    sound = decode_wav(data)
    assert sound.rate == 8000
    assert list(sound.samples * 32768) == [1, -32768, 32767]
