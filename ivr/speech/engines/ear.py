"""One recogniser process under supervision, and the sessions it listens for.

::

    start -> loading -> listening --worker dies--> (back-off) -> loading -> …
                           |                            |
             finish: a ticket, an answer     finish: error at once, feed: dropped

A death costs the utterances in flight; the sessions are opened again on the next worker.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ivr.errors import IvrError, WorkerDied
from ivr.speech.contracts import SAMPLE_RATE, Grammar, Recognition
from ivr.speech.digit_words import primary
from ivr.speech.engines.worker_process import WorkerProcess

log = logging.getLogger(__name__)

MODULE = "ivr.speech.engines.recogniser_worker"
LOAD_TIMEOUT = 60.0
"""Seconds for the models to load."""
FINISH_TIMEOUT = 2.0
"""Seconds to an answer; a caller who hears nothing for longer speaks again."""
MOST_BEHIND = 128 * 1024
"""Octets waiting for the worker beyond the pipe's own; eight seconds of one voice, one of eight."""
LONGEST = 40 * SAMPLE_RATE * 2
"""Octets of one utterance; nobody answers a question for 40 seconds, and the decoder's lattice grows."""
FIRST_WAIT, LONGEST_WAIT = 0.25, 30.0
"""Seconds until a dead worker is replaced; doubled at every death until one has answered."""


@dataclass(slots=True)
class _Session:
    grammar: Grammar
    fed: int = 0
    """Octets of this utterance."""
    lost: bool = False
    """Some of its sound was dropped, so what remains could be taken for something else."""


class Ear:
    """Sessions in, answers out; see `ivr.speech.contracts.Recogniser` for the promises."""

    def __init__(self, models: Mapping[str, Path], on_missing: Callable[[str, str], None]) -> None:
        """`on_missing` is told each language and word a grammar asks for and the model has not."""
        self.loaded: dict[str, dict[str, Any]] = {}
        """By language: what the worker said of the model."""
        self.failed: dict[str, str] = {}
        """By language: why it cannot be heard."""
        self.dropped = 0
        """Pieces of sound that were thrown away."""
        self.restarts = 0
        self._models = dict(models)
        self._on_missing = on_missing
        self._sessions: dict[str, _Session] = {}
        self._tickets: dict[int, asyncio.Future[Recognition]] = {}
        self._last_ticket = 0
        self._frames = 0
        self._worker: WorkerProcess | None = None
        self._up = asyncio.Event()
        self._supervisor: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._sessions)

    def __contains__(self, session: str) -> bool:
        return session in self._sessions

    async def start(self) -> None:
        """Load the models. Raises nothing for a bad one: `failed` has it then."""
        await self._load()
        if self.loaded:
            self._supervisor = asyncio.create_task(self._supervise(), name="ear")

    async def stop(self) -> None:
        if self._supervisor:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
        self._up.clear()
        worker, self._worker = self._worker, None
        if worker:
            await worker.stop()
        self._fail_tickets()

    async def ready(self) -> None:
        """Wait until the worker listens, after a death."""
        await self._up.wait()

    # --- sessions -----------------------------------------------------------------------------------

    def open(self, name: str, grammar: Grammar) -> None:
        self._sessions[name] = _Session(grammar)
        self._send_open(name, grammar)

    def feed(self, name: str, pcm: bytes) -> None:
        session = self._sessions[name]
        session.fed += len(pcm)
        worker = self._worker
        if worker is None or worker.backlog > MOST_BEHIND or session.fed > LONGEST:
            session.lost = True
            self.dropped += 1
            return
        worker.write({"do": "feed", "session": name}, pcm)

    async def finish(self, name: str) -> Recognition:
        session = self._sessions[name]
        lost, session.lost, session.fed = session.lost, False, 0
        if lost:
            self._send_open(name, session.grammar)  # forget the rest of it
        worker = self._worker
        if lost or worker is None:
            return Recognition("error")
        self._last_ticket += 1
        ticket, frames = self._last_ticket, self._frames
        answer = self._tickets[ticket] = asyncio.get_running_loop().create_future()
        worker.write({"do": "finish", "session": name, "ticket": ticket})
        try:
            return await asyncio.wait_for(answer, FINISH_TIMEOUT)
        except TimeoutError:
            stuck = frames == self._frames
            log.warning("recognition_late stuck=%s behind=%d", stuck, worker.backlog)
            if stuck:
                worker.kill()
            return Recognition("error")
        finally:
            self._tickets.pop(ticket, None)

    def close(self, name: str) -> None:
        del self._sessions[name]
        if self._worker:
            self._worker.write({"do": "close", "session": name})

    def _send_open(self, name: str, grammar: Grammar) -> None:
        if self._worker:
            model = grammar.language if grammar.language in self.loaded else primary(grammar.language)
            frame = {"do": "open", "session": name, "model": model, "language": grammar.language}
            self._worker.write({**frame, "phrases": grammar.phrases, "digits": grammar.digits})

    # --- the worker ---------------------------------------------------------------------------------

    async def _load(self) -> None:
        """A worker with every model that does not end it. Raises IvrError when none can be started."""
        while self._models:
            arguments = (f"{language}={path}" for language, path in self._models.items())
            worker = await WorkerProcess.spawn(MODULE, *arguments)
            loading: list[str] = []
            try:
                async with asyncio.timeout(LOAD_TIMEOUT):
                    await self._hear_loading(worker, loading)
            except (WorkerDied, TimeoutError) as error:
                worker.kill()
                await worker.stop()
                guilty = loading[-1] if loading else next(iter(self._models))
                self.failed[guilty] = str(error) or f"loading took longer than {LOAD_TIMEOUT:.0f} s"
                del self._models[guilty]
                continue
            except BaseException:
                worker.kill()
                await worker.stop()
                raise
            self._models = {language: self._models[language] for language in self.loaded}
            if not self._models:
                await worker.stop()
                return
            self._worker = worker
            self._up.set()
            log.info("recogniser_started languages=%s pid=%d", ",".join(self.loaded), worker.pid)
            return

    async def _hear_loading(self, worker: WorkerProcess, loading: list[str]) -> None:
        self.loaded = {}
        while True:
            frame, _ = await worker.read()
            match frame:
                case {"loading": language}:
                    loading.append(language)
                case {"failed": language, "why": why}:
                    self.failed[language] = why
                case {"loaded": language}:
                    self.loaded[language] = frame
                case {"ready": True}:
                    return

    async def _supervise(self) -> None:
        wait = FIRST_WAIT
        while True:
            answered = await self._listen()
            wait = FIRST_WAIT if answered else min(2 * wait, LONGEST_WAIT)
            self.restarts += 1
            models = dict(self._models)
            await asyncio.sleep(wait)
            with suppress(IvrError):
                await self._load()
            if self._worker is None:
                self._models = models  # they did load once: a machine out of memory recovers
                continue
            for name, session in self._sessions.items():
                self._send_open(name, session.grammar)

    async def _listen(self) -> bool:
        """Until the worker dies; whether it ever answered."""
        worker, answered = self._worker, False
        if worker is None:
            return False
        try:
            while True:
                frame, _ = await worker.read()
                self._frames += 1
                answered = self._told(frame) or answered
        except WorkerDied as death:
            log.warning("recogniser_died why=%r lost=%d", str(death), len(self._tickets))
        self._up.clear()
        self._worker = None
        await worker.stop()
        self._fail_tickets()
        for session in self._sessions.values():
            session.lost = session.lost or session.fed > 0
        return answered

    def _told(self, frame: dict[str, Any]) -> bool:
        if "missing" in frame:
            for word in frame["missing"]:
                self._on_missing(frame["language"], word)
            return False
        waiting = self._tickets.get(frame.pop("ticket", 0))
        if waiting and not waiting.done():
            waiting.set_result(Recognition(**frame))
        return True

    def _fail_tickets(self) -> None:
        for waiting in self._tickets.values():
            if not waiting.done():
                waiting.set_result(Recognition("error"))
