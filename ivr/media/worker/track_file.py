"""The file of a track: a WAV file of G.711 that can be played at any moment, even after a kill.

The header is brought up to date after every piece that is on disk, never before: what it promises is there. A
reader of RIFF ignores what stands behind. Octets as they came are half the size of linear samples, and all of it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ivr.media.g711 import SAMPLE_RATE, SILENCE, Codec
from ivr.media.g711_wav import HEADER, header
from ivr.media.messages import RecordingClosed

MOST_WAITING: Final = 32 * 1024 * 1024
"""Octets that wait for the disk, of all tracks together; a disk that stands still longer loses the rest."""
BLOCK: Final = 1 << 16

Do = Callable[[Callable[[], RecordingClosed | None]], None]
log = logging.getLogger(__name__)


class Waiting:
    """Octets between the worker's loop and its disk. Each side counts its own, so that no lock is needed."""

    def __init__(self) -> None:
        self.given = self.taken = 0

    @property
    def octets(self) -> int:
        return self.given - self.taken


class TrackFile:
    """The sink of one track. `do` has a thread carry something out, in order; all of it happens there."""

    def __init__(self, leg: str, name: str, path: Path, codec: Codec, do: Do, waiting: Waiting) -> None:
        """`leg` is the one that is told when nothing can be written any more."""
        self._leg = leg
        self._name = name
        self._path = path
        self._codec: Codec = codec
        self._do = do
        self._waiting = waiting
        self._file = -1
        self._samples = 0
        self._broken = False
        self._do(lambda: self._try(self._open))

    # --- on the loop -------------------------------------------------------------------------------------

    def put(self, sound: bytes) -> None:
        if self._waiting.octets > MOST_WAITING:
            self._do(lambda: self._fail("the disk is too slow"))
            return
        self._waiting.given += len(sound)
        self._do(lambda: self._append(sound))

    def gap(self, samples: int) -> None:
        self._do(lambda: self._try(lambda: self._write_silence(samples)))

    def close(self) -> None:
        self._do(lambda: self._try(self._close))

    # --- in the thread -----------------------------------------------------------------------------------

    def _append(self, sound: bytes) -> RecordingClosed | None:
        self._waiting.taken += len(sound)
        return self._try(lambda: self._write(sound))

    def _try(self, work: Callable[[], None]) -> RecordingClosed | None:
        if self._broken:
            return None
        try:
            work()
        except OSError as error:
            return self._fail(error.strerror or str(error))
        return None

    def _fail(self, why: str) -> RecordingClosed | None:
        """What is on disk stays there; the engine is told once."""
        if self._broken:
            return None
        self._broken = True
        log.error("track_not_kept leg=%s recording=%s why=%r", self._leg, self._name, why)
        if self._file >= 0:
            os.close(self._file)
        return RecordingClosed(self._leg, self._name, self._samples / SAMPLE_RATE, "unwritable")

    def _open(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        _write_all(self._file, header(self._codec, 0), 0)

    def _write(self, sound: bytes) -> None:
        _write_all(self._file, sound, HEADER.size + self._samples)
        self._samples += len(sound)
        _write_all(self._file, header(self._codec, self._samples), 0)

    def _write_silence(self, samples: int) -> None:
        block = bytes([SILENCE[self._codec]]) * min(samples, BLOCK)
        for start in range(0, samples, BLOCK):
            self._write(block[: samples - start])

    def _close(self) -> None:
        if self._samples % 2:
            _write_all(self._file, b"\0", HEADER.size + self._samples)
        os.fsync(self._file)
        os.close(self._file)
        self._file, self._broken = -1, True


def _write_all(file: int, data: bytes, place: int) -> None:
    while data:
        written = os.pwrite(file, data, place)
        data, place = data[written:], place + written
