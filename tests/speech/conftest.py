"""Shared by the tests of this room."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from ivr.errors import IvrError
from ivr.speech.contracts import SAMPLE_RATE
from ivr.speech.engines.pyttsx3_voice import Pyttsx3Voice
from ivr.speech.sound import silence, to_pcm


@pytest.fixture
async def voice() -> AsyncIterator[Pyttsx3Voice]:
    """The real synthesiser, warm."""
    voice = Pyttsx3Voice()
    await voice.start()
    yield voice
    await voice.stop()


class CountingVoice:
    """A synthesiser that keeps count, and says any text as a stretch of loud samples."""

    name = "counting 1"

    def __init__(self) -> None:
        self.said: list[tuple[str, str, int]] = []

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def render(self, text: str, voice: str, rate: int) -> bytes:
        self.said.append((text, voice, rate))
        if voice == "nobody":
            raise IvrError(f"no voice {voice!r} for {text!r}")
        return to_pcm(silence(0.1)) + b"\x00\x40" * SAMPLE_RATE


@pytest.fixture
def counting_voice() -> Iterator[CountingVoice]:
    yield CountingVoice()
