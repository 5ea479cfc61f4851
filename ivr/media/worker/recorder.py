"""What a caller says after the beep, from the wire to a file.

    beep ──over──▶ recording ──silence, longest time, stopped, leg closed──▶ written ──▶ RecordingClosed

Frames are gathered in memory (a megabyte a minute) and written at the end, by a thread: a slow disk must not
stop the clock of all calls. A file is whole or not there, and only its owner may read it. While a key is
down its tone is replaced by silence: what is typed is never in a recording.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ivr.media.g711 import SAMPLE_RATE, Codec, Samples, decode, silence
from ivr.media.messages import RecordingClosed, RecordingEnd
from ivr.media.player import Sound
from ivr.media.voice import FRAME_BYTES, VoiceActivity, VoiceDetector, VoiceEnded, VoiceStarted
from ivr.media.worker.hearing import MOST_MISSING, detector

log = logging.getLogger(__name__)

BEEP, BEEP_SECONDS, BEEP_LEVEL = 1000.0, 0.3, -16.0
"""Hz, seconds, dBov: the tone answering machines have."""
BEEP_PLAY = "beep"

OnEnd = Callable[["Recording", RecordingEnd], None]


def beep(codec: Codec) -> Sound:
    time = np.arange(round(BEEP_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    tone = 32768 * 10 ** (BEEP_LEVEL / 20) * np.sqrt(2) * np.sin(2 * np.pi * BEEP * time)
    edge = np.minimum(1, np.minimum(time, time[::-1]) / 0.01)  # no click at either end
    samples: Samples = np.round(tone * edge).astype(np.int16)
    return Sound.of(samples, codec)


class Recording:
    """One recording of one leg, while it goes on."""

    def __init__(
        self,
        name: str,
        file: Path,
        longest: float,
        patience: float,
        on_end: OnEnd,
        voice_detector: VoiceDetector | None = None,
    ) -> None:
        """`longest`: seconds of sound. `patience`: seconds without speech that end it."""
        self.name = name
        self.file = file
        self.spoke = False
        self.sound = bytearray()
        self._most = round(longest * SAMPLE_RATE) * 2
        self._patience = patience
        self._activity = VoiceActivity(voice_detector or detector(), hang_over=patience)
        self._frames = bytearray()
        self._on_end = on_end
        self._since: float | None = None
        self.over = False

    @property
    def seconds(self) -> float:
        """Of sound kept; nothing is kept of a caller who said nothing."""
        return len(self.sound) / 2 / SAMPLE_RATE if self.spoke else 0.0

    def begin(self, now: float) -> None:
        """The beep is over."""
        if self._since is None:
            self._since = now

    def feed(self, codec: Codec, payload: bytes, ahead: int, now: float, *, key: bool) -> None:
        """Sound came, `ahead` packets after the newest before it; nothing counts before the beep is over."""
        if self._since is None or self.over or ahead <= 0:
            return
        missing = len(payload) * (ahead - 1) if ahead <= MOST_MISSING + 1 else 0
        self._frames += decode(codec, silence(codec, missing)).tobytes() if missing else b""
        self._frames += bytes(2 * len(payload)) if key else decode(codec, payload).tobytes()
        while len(self._frames) >= FRAME_BYTES and not self.over:
            frame = bytes(self._frames[:FRAME_BYTES])
            del self._frames[:FRAME_BYTES]
            self._take(frame, now, key)

    def _take(self, frame: bytes, now: float, key: bool) -> None:
        self.sound += frame
        for event in self._activity.feed(frame, now, key=key):
            self.spoke |= isinstance(event, VoiceStarted)
            if isinstance(event, VoiceEnded):
                self.end("silence")
                return
        if len(self.sound) >= self._most:
            self.end("longest")

    def expire(self, now: float) -> None:
        """Time went on; the phone may have stopped sending, or the caller never began to speak."""
        if self._since is None or self.over:
            return
        fell_silent = any(isinstance(event, VoiceEnded) for event in self._activity.expire(now))
        if fell_silent or (not self.spoke and now >= self._since + self._patience):
            self.end("silence")

    def end(self, why: RecordingEnd) -> None:
        if not self.over:
            self.over = True
            self._on_end(self, why)


Work = Callable[[], RecordingClosed | None]


class Tapes:
    """The thread that writes recordings. `ready` is readable when something is to be told."""

    def __init__(self) -> None:
        self.ready = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._work: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[RecordingClosed] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="tapes", daemon=True)
        self._thread.start()

    def keep(self, leg: str, recording: Recording, why: RecordingEnd) -> None:
        self.do(lambda: _keep(leg, recording, why))

    def do(self, work: Work) -> None:
        """Carry this out, after what was asked before; its answer is told."""
        self._work.put(work)

    def told(self) -> list[RecordingClosed]:
        """What was written since the last call."""
        try:
            os.eventfd_read(self.ready)
        except BlockingIOError:
            pass
        told = []
        while not self._done.empty():
            told.append(self._done.get_nowait())
        return told

    def close(self) -> None:
        """Write what is still to be written, and end the thread."""
        self._work.put(None)
        self._thread.join()

    def _write(self) -> None:
        while (work := self._work.get()) is not None:
            if (news := work()) is not None:
                self._done.put(news)
                os.eventfd_write(self.ready, 1)


def _keep(leg: str, recording: Recording, why: RecordingEnd) -> RecordingClosed:
    seconds = round(recording.seconds, 3)
    try:
        if seconds:
            _write_file(recording.file, bytes(recording.sound))
    except OSError as error:
        log.error("recording_not_kept leg=%s why=%s", leg, error.strerror)
        seconds, why = 0.0, "unwritable"
    return RecordingClosed(leg, recording.name, seconds, why)


def _write_file(file: Path, sound: bytes) -> None:
    """A WAV file for its owner only; whole, on disk, or not there."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_suffix(".part")
    draft.unlink(missing_ok=True)
    number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(number, "wb") as stream:
        with wave.open(stream, "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(SAMPLE_RATE)
            wav.writeframes(sound)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
