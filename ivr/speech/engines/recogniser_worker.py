"""The process in which vosk listens. One thread: more ears are more processes.

Run as ``python -m ivr.speech.engines.recogniser_worker LANGUAGE=FOLDER …``. Frames in: ``open``, ``feed``,
``finish``, ``close``, each with a session; out: what was loaded, which words a grammar lacks, and one
answer for every ``finish``. vosk ends its process at some mistakes; this is why it lives here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from ivr.errors import IvrError
from ivr.speech.contracts import SAMPLE_RATE, Grammar, Recognition
from ivr.speech.engines.vosk_model import ModelFolder, look_at
from ivr.speech.engines.worker_pipe import WorkerPipe
from ivr.speech.grammar import UNKNOWN, Heard, Listening, prepare, understand


class Vocabulary:
    """A loaded model and the spellings of its words. Case matters to vosk, and models differ in it."""

    def __init__(self, folder: ModelFolder) -> None:
        import vosk

        vosk.SetLogLevel(-1)
        self.folder = folder
        try:
            self.model = vosk.Model(str(folder.path))
        except Exception as error:  # the library raises nothing narrower
            raise IvrError(f"vosk cannot load {folder.path}: {error}") from error
        self._decoder = vosk.KaldiRecognizer

    def spelling(self, word: str) -> str | None:
        for form in dict.fromkeys((word, word.lower(), word.upper(), word.capitalize())):
            if self.model.vosk_model_find_word(form) >= 0:
                return form
        return None

    def decoder(self, words: Sequence[str]) -> Any:
        """Listens for `words`: checked before, for vosk ends the process when it is given none."""
        if not words or not all(words):
            raise IvrError("a grammar without words")
        decoder = self._decoder(self.model, self.folder.rate, json.dumps(list(words), ensure_ascii=False))
        decoder.SetWords(True)
        return decoder


class Session:
    """One caller's ears: the decoders of the grammar of the moment, all fed with the same sound."""

    def __init__(self, vocabulary: Vocabulary, grammar: Grammar) -> None:
        self.listening: Listening = prepare(grammar, vocabulary.spelling)
        self._rate = vocabulary.folder.rate
        self._decoders = [vocabulary.decoder(words) for words in self.listening.lists]
        self._begin()

    def _begin(self) -> None:
        self._resampler = soxr.ResampleStream(SAMPLE_RATE, self._rate, 1, dtype="int16")
        self._heard: list[list[dict[str, Any]]] = [[] for _ in self._decoders]

    def feed(self, pcm: bytes, *, last: bool = False) -> None:
        samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2")
        if self._rate != SAMPLE_RATE:
            samples = self._resampler.resample_chunk(samples, last=last)
        octets = samples.tobytes()
        for decoder, heard in zip(self._decoders, self._heard, strict=True):
            if octets and decoder.AcceptWaveform(octets):
                heard += _words(decoder.Result())  # vosk's own end of an utterance: keep on, the end is ours

    def finish(self) -> Recognition:
        """What was said since the last finish; ready for the next utterance afterwards."""
        self.feed(b"", last=True)
        results = []
        for decoder, heard in zip(self._decoders, self._heard, strict=True):
            words = heard + _words(decoder.FinalResult())
            lowest = min((word.get("conf", 0.0) for word in words if word["word"] != UNKNOWN), default=0.0)
            results.append(Heard(tuple(word["word"] for word in words), min(1.0, lowest)))
        self._begin()
        return understand(self.listening, results)


def _words(result: str) -> list[dict[str, Any]]:
    words: list[dict[str, Any]] = json.loads(result).get("result", [])
    return words


class Worker:
    """The sessions of one process."""

    def __init__(self, pipe: WorkerPipe) -> None:
        self._pipe = pipe
        self._models: dict[str, Vocabulary] = {}
        self._sessions: dict[str, Session] = {}

    def load(self, language: str, path: Path) -> None:
        """Tell before and after, so that the engine knows whose model ended the process."""
        self._pipe.write({"loading": language})
        try:
            vocabulary = Vocabulary(look_at(path))
        except (IvrError, ImportError, OSError) as error:
            self._pipe.write({"failed": language, "why": str(error)})
            return
        self._models[language] = vocabulary
        folder = vocabulary.folder
        self._pipe.write({"loaded": language, "rate": folder.rate, "grammars": folder.takes_grammars})

    def handle(self, frame: dict[str, Any], pcm: bytes) -> None:
        name = frame["session"]
        match frame["do"]:
            case "open":
                self._open(name, frame)
            case "feed" if name in self._sessions:
                self._sessions[name].feed(pcm)
            case "finish":
                session = self._sessions.get(name)
                answer = session.finish() if session else Recognition("error")
                self._pipe.write({"ticket": frame["ticket"], **asdict(answer)})
            case "close":
                self._sessions.pop(name, None)

    def _open(self, name: str, frame: dict[str, Any]) -> None:
        grammar = Grammar(frame["language"], tuple(frame["phrases"]), frame["digits"])
        session = self._sessions[name] = Session(self._models[frame["model"]], grammar)
        if session.listening.missing:
            self._pipe.write({"missing": session.listening.missing, "language": grammar.language})


def main() -> None:
    pipe = WorkerPipe()
    worker = Worker(pipe)
    for argument in sys.argv[1:]:
        language, _, path = argument.partition("=")
        worker.load(language, Path(path))
    pipe.write({"ready": True})
    while frame := pipe.read():
        worker.handle(*frame)


if __name__ == "__main__":
    main()
