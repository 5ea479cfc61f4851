"""Several voices at work, for rendering many prompts before anybody calls."""

from __future__ import annotations

import asyncio
import os

from ivr.speech.contracts import Synthesiser
from ivr.speech.engines.pyttsx3_voice import Pyttsx3Voice

MOST = 4
"""Processes. Beyond it the disk is what is waited for."""


class VoicePool:
    """`Synthesiser` over several of one kind. Each is a process whose engine stays on one thread.

    Worth it for hundreds of prompts; a call's own pieces are rendered by the engine's single voice.
    """

    def __init__(self, voices: list[Synthesiser] | None = None) -> None:
        """One voice for every processor that may be used, at most MOST, unless some are given."""
        count = max(1, min(MOST, len(os.sched_getaffinity(0))))
        self.voices: list[Synthesiser] = voices or [Pyttsx3Voice() for _ in range(count)]
        self.name = self.voices[0].name
        self._idle: asyncio.Queue[Synthesiser] = asyncio.Queue()
        for voice in self.voices:
            self._idle.put_nowait(voice)

    async def start(self) -> None:
        """Only the first is started: an unknown voice is found there; the others start with their first work."""
        await self.voices[0].start()

    async def stop(self) -> None:
        await asyncio.gather(*(voice.stop() for voice in self.voices))

    async def render(self, text: str, voice: str, rate: int) -> bytes:
        idle = await self._idle.get()
        try:
            return await idle.render(text, voice, rate)
        finally:
            self._idle.put_nowait(idle)
