"""The recogniser over vosk: callers shared out among worker processes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from ivr.errors import IvrError
from ivr.speech.contracts import Grammar, Recognition
from ivr.speech.digit_words import primary
from ivr.speech.engines.ear import Ear

log = logging.getLogger(__name__)


class VoskRecogniser:
    """`Recogniser` over vosk models, one folder per language.

    A language whose model cannot be used is heard by keys only; `why` says so after start.
    """

    def __init__(self, models: Mapping[str, Path], workers: int = 1) -> None:
        self.languages: frozenset[str] = frozenset(models)
        self.why = "off: not started"
        self._models = {language: path.absolute() for language, path in models.items()}
        self._ears = [Ear(self._models, self._missing) for _ in range(max(1, workers))]
        self._warned: set[tuple[str, str]] = set()
        self._unheard = 0

    @property
    def dropped(self) -> int:
        """Pieces of sound thrown away, because nobody could keep up or listened."""
        return self._unheard + sum(ear.dropped for ear in self._ears)

    @property
    def restarts(self) -> int:
        """Workers that had to be replaced."""
        return sum(ear.restarts for ear in self._ears)

    async def start(self) -> None:
        """Load the models. A bad one is a warning, never an error."""
        try:
            await asyncio.gather(*(ear.start() for ear in self._ears))
        except IvrError as error:
            await self.stop()
            self.languages, self.why = frozenset(), f"off: {error}"
            log.warning("speech_recognition_off why=%r", str(error))
            return
        loaded = [set(ear.loaded) for ear in self._ears]
        self.languages = frozenset(set.intersection(*loaded))
        self.why = self._explained()
        for language, reason in self._failed().items():
            log.warning("keys_only language=%s why=%r", language, reason)
        for language in sorted(self.languages):
            if not self._ears[0].loaded[language]["grammars"]:
                log.warning("model_without_grammars language=%s needs=graph/HCLr.fst,graph/Gr.fst", language)

    async def stop(self) -> None:
        await asyncio.gather(*(ear.stop() for ear in self._ears))

    async def ready(self) -> None:
        """Wait until every worker listens: after one had died."""
        await asyncio.gather(*(ear.ready() for ear in self._ears))

    def check(self, grammar: Grammar) -> None:
        """Warn now, before calls, about the words of `grammar` that its model lacks."""
        if self._hears(grammar.language):
            self._ears[0].open("\0check", grammar)
            self._ears[0].close("\0check")

    def open(self, session: str, grammar: Grammar) -> None:
        if not self._hears(grammar.language):
            self.close(session)
            return
        ear = self._ear_of(session) or min(self._ears, key=len)
        ear.open(session, grammar)

    def feed(self, session: str, pcm: bytes) -> None:
        if ear := self._ear_of(session):
            ear.feed(session, pcm)
        else:
            self._unheard += 1

    async def finish(self, session: str) -> Recognition:
        ear = self._ear_of(session)
        return await ear.finish(session) if ear else Recognition("error")

    def close(self, session: str) -> None:
        if ear := self._ear_of(session):
            ear.close(session)

    def _ear_of(self, session: str) -> Ear | None:
        return next((ear for ear in self._ears if session in ear), None)

    def _hears(self, language: str) -> bool:
        return language in self.languages or primary(language) in self.languages

    def _missing(self, language: str, word: str) -> None:
        if (language, word) not in self._warned:
            self._warned.add((language, word))
            log.warning("word_not_in_model language=%s word=%r", language, word)

    def _failed(self) -> dict[str, str]:
        return {language: why for ear in self._ears for language, why in ear.failed.items()}

    def _explained(self) -> str:
        parts = []
        if self.languages:
            names = (f"{language} ({self._models[language].name})" for language in sorted(self.languages))
            parts.append(f"on: {', '.join(names)}")
        if failed := self._failed():
            parts.append("off: " + ", ".join(f"{language} ({why})" for language, why in failed.items()))
        return "; ".join(parts) or "off: no vosk model for en; set IVR_VOSK_MODEL"
