"""Keys only."""

from __future__ import annotations

import logging

from ivr.speech.contracts import Grammar, Recognition

log = logging.getLogger(__name__)


class NoRecogniser:
    """`Recogniser` that hears nothing; says once why."""

    languages: frozenset[str] = frozenset()

    def __init__(self, why: str = "off: no vosk model for en; set IVR_VOSK_MODEL") -> None:
        self.why = why

    async def start(self) -> None:
        log.warning("speech_recognition_off why=%r", self.why)

    async def stop(self) -> None: ...

    def open(self, session: str, grammar: Grammar) -> None: ...

    def feed(self, session: str, pcm: bytes) -> None: ...

    async def finish(self, session: str) -> Recognition:
        return Recognition("error")

    def close(self, session: str) -> None: ...
