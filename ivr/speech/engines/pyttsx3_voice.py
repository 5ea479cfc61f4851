"""The synthesiser over pyttsx3: one worker process, one job at a time, replaced when it hangs or dies."""

from __future__ import annotations

import asyncio
import difflib
import importlib.metadata
import logging
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from ivr.errors import IvrError, WorkerDied
from ivr.speech.contracts import SAMPLE_RATE
from ivr.speech.engines.worker_process import WorkerProcess
from ivr.speech.sound import silence, to_pcm
from ivr.speech.wording import is_pause, normalised, pause_after

log = logging.getLogger(__name__)

MODULE = "ivr.speech.engines.voice_worker"
START_TIMEOUT = 30.0
"""Seconds for the worker to load; 0.3 s on a calm machine."""
SLOWEST, FASTEST = 80, 450
"""Words a minute espeak-ng can speak. Beyond them it keeps the wrong speed for everything that follows."""
JOB_TIMEOUT, PER_CHARACTER = 5.0, 0.003
"""Seconds one utterance may take, and what every character adds. Measured: 0.0003 s a character."""


class Pyttsx3Voice:
    """`Synthesiser` over pyttsx3 and espeak-ng.

    Voices are named as pyttsx3 lists them (``gmw/en-us``, ``roa/es-419``), with an espeak-ng variant
    behind a plus sign if wished (``gmw/en-us+f3``). The last part alone (``en-us``) will do: it is unique.
    """

    def __init__(self, module: str = MODULE) -> None:
        versions = (f"{name} {importlib.metadata.version(name)}" for name in ("pyttsx3", "espeakng-loader"))
        self.name = ", ".join(versions)
        self.voices: tuple[str, ...] = ()
        """Known after start."""
        self.restarts = 0
        """Workers that had to be replaced."""
        self._module = module
        self._variants: tuple[str, ...] = ()
        self._worker: WorkerProcess | None = None
        self._folder: Path | None = None
        self._turn = asyncio.Lock()
        self._job = 0

    async def start(self) -> None:
        """Start the worker. Raises IvrError when it cannot speak."""
        async with self._turn:
            await self._ready()

    async def stop(self) -> None:
        async with self._turn:
            worker, self._worker = self._worker, None
            if worker:
                await worker.stop()
            await self._tidy()

    def check_voice(self, voice: str) -> str:
        """The full name of `voice`. Needs a start before.

        Raises IvrError, naming similar ones, for a voice that does not exist.
        """
        base, plus, variant = voice.lower().partition("+")
        full = next((known for known in self.voices if base in (known, known.rpartition("/")[2])), None)
        if full is None:
            raise IvrError(f"no voice {voice!r}; {_similar(base, self.voices)}")
        if not plus:
            return full
        for known in self._variants:
            if known.lower() == variant:
                return f"{full}+{known}"
        raise IvrError(f"no variant {variant!r} of the voice {base!r}; {_similar(variant, self._variants)}")

    async def render(self, text: str, voice: str, rate: int) -> bytes:
        """Sound of `text`, level and pauses as the telephone wants them.

        Raises IvrError naming text and voice; WorkerDied, one of them, when two workers died of it.
        """
        plain = normalised(text)
        if not SLOWEST <= rate <= FASTEST:
            raise IvrError(f"the voice cannot speak {rate} words a minute; choose {SLOWEST} to {FASTEST}")
        if is_pause(plain):
            return to_pcm(silence(pause_after(plain), SAMPLE_RATE))
        async with self._turn:
            await self._ready()
            voice = self.check_voice(voice)
            try:
                return await self._ask(plain, voice, rate)
            except WorkerDied as death:
                log.warning("voice_worker_died why=%r", str(death))
                self.restarts += 1
                await self._ready()
                return await self._ask(plain, voice, rate)

    async def _ask(self, text: str, voice: str, rate: int) -> bytes:
        worker = self._worker
        assert worker is not None
        self._job += 1
        worker.write({"job": self._job, "text": text, "voice": voice, "rate": rate})
        limit = JOB_TIMEOUT + PER_CHARACTER * len(text)
        try:
            message, sound = await asyncio.wait_for(worker.read(), limit)
        except TimeoutError:
            self.restarts += 1
            await self._drop()
            log.warning("voice_worker_killed why=too-slow seconds=%.1f", limit)
            raise IvrError(f"voice {voice}: {_short(text)} took longer than {limit:.0f} s") from None
        except BaseException:  # dead, or the waiting was cancelled: either way this worker is out of step
            await self._drop()
            raise
        if "error" in message:
            raise IvrError(f"voice {voice}: {_short(text)} {message['error']}")
        return sound

    async def _ready(self) -> None:
        if self._worker and self._worker.running:
            return
        await self._drop()
        self._folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="ivr-voice-"))
        worker = self._worker = await WorkerProcess.spawn(self._module, str(self._folder))
        try:
            hello, _ = await asyncio.wait_for(worker.read(), START_TIMEOUT)
        except TimeoutError:
            await self._drop()
            raise IvrError(f"the voice worker was not ready within {START_TIMEOUT:.0f} s") from None
        except BaseException:
            await self._drop()
            raise
        if "error" in hello:
            await self._drop()
            raise IvrError(str(hello["error"]))
        self.voices, self._variants = tuple(hello["voices"]), tuple(hello["variants"])
        log.info("voice_started engine=%r voices=%d pid=%d", self.name, len(self.voices), worker.pid)

    async def _drop(self) -> None:
        worker, self._worker = self._worker, None
        if worker:
            worker.kill()
            with suppress(ConnectionError):
                await worker.stop()
        await self._tidy()

    async def _tidy(self) -> None:
        folder, self._folder = self._folder, None
        if folder:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _similar(name: str, known: tuple[str, ...]) -> str:
    tail = name.rpartition("/")[2]
    alike = [voice for voice in known if tail[:2] and voice.rpartition("/")[2].startswith(tail[:2])]
    close = list(dict.fromkeys(difflib.get_close_matches(name, known, 4, 0.5) + alike))[:6]
    return f"similar: {', '.join(close)}" if close else f"known are {', '.join(known[:12])} …"
