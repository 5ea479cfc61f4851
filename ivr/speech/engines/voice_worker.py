"""The process in which pyttsx3 speaks: one thread, one utterance at a time, every result checked.

Run as ``python -m ivr.speech.engines.voice_worker FOLDER``; FOLDER is for the file of the moment. Frames in
are jobs, frames out are 8 kHz samples ready for the telephone or an error. pyttsx3 and espeak-ng lose
utterances silently, and end the process at some mistakes: this is why they live here.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import shutil
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from ivr.errors import IvrError
from ivr.speech.contracts import SAMPLE_RATE
from ivr.speech.engines.worker_pipe import WorkerPipe
from ivr.speech.sound import levelled, resampled, to_pcm, trimmed
from ivr.speech.wav import BadWav, Sound, decode_wav
from ivr.speech.wording import pause_after, pause_before, seconds_at_least

DATA_PATH_LIMIT = 140
"""espeak-ng keeps its data path in 160 characters and cuts off the rest without a word."""
WARM_UPS = 5
"""Tries at the first utterance of a fresh process, the one that is most often lost."""
TRIES = 3
"""Tries at any other utterance whose file comes out empty."""
NORMAL_RATE = 175
"""Words a minute at which espeak-ng speaks when nobody asks; `seconds_at_least` is meant at about this rate."""


class PyttsxVoice:
    """pyttsx3 over the espeak-ng library of the espeakng-loader package."""

    def __init__(self, folder: Path, pipe: WorkerPipe) -> None:
        self._pipe = pipe
        self._file = folder / "utterance.wav"
        self._library, self._engine = _load(folder)
        self._rate = 0
        self._finished = threading.Event()
        self._engine.connect("finished-utterance", lambda name, completed: self._finished.set())
        self.voices = sorted(voice.id for voice in self._engine.getProperty("voices"))
        self._warm_up()

    def _warm_up(self) -> None:
        for _ in range(WARM_UPS):
            with suppress(BadWav):
                self._utter("Ready.", "gmw/en-us", NORMAL_RATE)
                return
        raise IvrError("the voice makes no sound")

    def render(self, text: str, voice: str, rate: int) -> bytes:
        """Telephone samples of `text`, which `wording.normalised` has passed. Raises IvrError."""
        sound = self._utter_surely(text, voice, rate)
        least = seconds_at_least(text) * NORMAL_RATE / max(rate, NORMAL_RATE)
        if sound.seconds < least:
            raise IvrError(f"came out as {sound.seconds:.2f} s; it needs {least:.2f} s at least")
        if abs(sound.samples).max() == 0:
            raise IvrError("came out silent; this voice cannot say it")
        shaped = levelled(resampled(sound, SAMPLE_RATE))
        return to_pcm(trimmed(shaped, pause_before(text), pause_after(text)))

    def _utter_surely(self, text: str, voice: str, rate: int) -> Sound:
        for _ in range(TRIES - 1):
            with suppress(BadWav):
                return self._utter(text, voice, rate)
        return self._utter(text, voice, rate)

    def _utter(self, text: str, voice: str, rate: int) -> Sound:
        """One utterance through a file: two in one runAndWait would leave only the last.

        runAndWait comes back after 10 ms whether or not espeak-ng's own thread has written the file, so
        what counts is pyttsx3's notice that the utterance is finished. Should it never come, the engine
        ends this process, or its own end does.
        """
        self._file.unlink(missing_ok=True)
        self._finished.clear()
        self._engine.setProperty("voice", voice)
        if rate != self._rate:
            self._engine.setProperty("rate", rate)
            self._rate = rate
        # A command still in espeak-ng's queue makes pyttsx3 cancel it, and the new utterance with it.
        self._library.espeak_Synchronize()
        # Without punctuation espeak-ng lets the voice fall as at the end of a sentence; a piece goes on.
        whole = text if pause_after(text) > 0.1 else f"{text},"
        self._engine.save_to_file(whole, str(self._file))
        self._engine.runAndWait()
        if not self._pipe.wait_for(self._finished):
            raise SystemExit
        spoken_by = self._engine.getProperty("voice")
        if spoken_by != voice.lower():
            raise IvrError(f"was spoken by {spoken_by}; no voice of this name could be loaded")
        try:
            data = self._file.read_bytes()
        except FileNotFoundError as error:
            raise IvrError("the voice wrote no file") from error
        finally:
            self._file.unlink(missing_ok=True)
        return decode_wav(data)


def _load(folder: Path) -> tuple[ctypes.CDLL, Any]:
    """pyttsx3 over the loader's library. Without the data path the library ends the process, saying nothing."""
    import espeakng_loader

    data = Path(espeakng_loader.get_data_path())
    if len(str(data)) > DATA_PATH_LIMIT:
        short = folder / "espeak-ng-data"
        short.symlink_to(data)
        data = short
    os.environ["ESPEAK_DATA_PATH"] = str(data)
    library = ctypes.CDLL(espeakng_loader.get_library_path(), ctypes.RTLD_GLOBAL)
    import pyttsx3

    return library, pyttsx3.init(driverName="espeak")


def _variants() -> list[str]:
    """Names that may follow a voice after a plus sign, such as ``f3``."""
    folder = Path(os.environ["ESPEAK_DATA_PATH"]) / "voices" / "!v"
    return sorted(file.name for file in folder.iterdir()) if folder.is_dir() else []


def main() -> None:
    pipe = WorkerPipe()
    folder = Path(sys.argv[1])
    try:
        _serve(pipe, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # the engine may be gone without having had the time to


def _serve(pipe: WorkerPipe, folder: Path) -> None:
    """Until the engine is gone."""
    try:
        voice = PyttsxVoice(folder, pipe)
    except (IvrError, OSError, RuntimeError, ImportError) as error:
        pipe.write({"error": f"pyttsx3 cannot start: {error}"})
        return
    version = importlib.metadata.version("pyttsx3")
    pipe.write({"hello": f"pyttsx3 {version}", "voices": voice.voices, "variants": _variants()})
    while frame := pipe.read():
        job = frame[0]
        try:
            sound = voice.render(job["text"], job["voice"], job["rate"])
        except (IvrError, OSError, RuntimeError, ValueError) as error:
            pipe.write({"job": job["job"], "error": str(error)})
        else:
            pipe.write({"job": job["job"]}, sound)


if __name__ == "__main__":
    main()
