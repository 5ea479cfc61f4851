"""Shared by the tests of this room."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ivr.errors import IvrError
from ivr.speech.contracts import SAMPLE_RATE
from ivr.speech.engines.pyttsx3_voice import Pyttsx3Voice
from ivr.speech.sound import silence, to_pcm

SPEECH = "IVR_TEST_SPEECH"


def recordings_or_skip(environ: dict[str, str]) -> Path:
    """The folder of test recordings; without one skip here, but fail in CI, where it must not be missing."""
    folder = environ.get(SPEECH, "")
    if folder and Path(folder).is_dir():
        return Path(folder)
    why = f"{SPEECH} names no folder with the test model and the recordings (it is {folder!r})"
    if environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def speech_recordings() -> Path:
    """Folder with ``vosk-test-model``, ``digits-dev`` and ``people-dev``."""
    return recordings_or_skip(dict(os.environ))


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
