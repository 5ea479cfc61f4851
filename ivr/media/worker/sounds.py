"""Sounds of a worker: each file read once, encoded once for each codec, shared by all calls.

Reading happens in a thread of its own, because a slow disk must not stop the clock of all calls. The
thread sleeps unless a sound is missing. What was not played for longest is forgotten first.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import OrderedDict
from pathlib import Path

from ivr.media.g711 import Codec
from ivr.media.player import Sound, slices
from ivr.media.wav import SoundFileError, read_wav

log = logging.getLogger(__name__)

LIMIT = 64 * 1024 * 1024
"""Octets of encoded sound kept: more than two hours."""

Key = tuple[str, Codec, int, int]


class Sounds:
    """Encoded sounds by file and codec. A file that was changed is read again."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._sounds: OrderedDict[Key, Sound] = OrderedDict()
        self._size = 0
        self._missing: queue.SimpleQueue[tuple[Key, Sound] | threading.Event | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[Key, Sound, str]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read, name="sounds", daemon=True)
        self._thread.start()

    def get(self, path: str, codec: Codec) -> Sound:
        """The sound, perhaps still being read."""
        self.collect()
        try:
            stat = Path(path).stat()
        except OSError as error:
            log.warning("sound_unreadable path=%s why=%s", path, error.strerror)
            return Sound(codec, state="unreadable")
        key: Key = (path, codec, stat.st_mtime_ns, stat.st_size)
        sound = self._sounds.get(key)
        if sound is None:
            sound = self._sounds[key] = Sound(codec)
            self._missing.put((key, sound))
        else:
            self._sounds.move_to_end(key)
        return sound

    def collect(self) -> None:
        """Account for what was read since the last call, and forget what is too much."""
        while not self._done.empty():
            key, sound, why = self._done.get_nowait()
            if why:
                log.warning("sound_unreadable path=%s why=%s", key[0], why)
                self._sounds.pop(key, None)
            elif self._sounds.get(key) is sound:
                self._size += _size(sound)
        while self._size > self._limit and len(self._sounds) > 1:
            _, sound = self._sounds.popitem(last=False)
            self._size -= _size(sound)

    @property
    def size(self) -> int:
        """Octets of encoded sound kept."""
        return self._size

    def settle(self) -> None:
        """Wait until all that was asked for is read. Not for the thread that keeps the clock."""
        read = threading.Event()
        self._missing.put(read)
        read.wait()
        self.collect()

    def close(self) -> None:
        """End the thread."""
        self._missing.put(None)
        self._thread.join()

    def _read(self) -> None:
        while (wanted := self._missing.get()) is not None:
            if isinstance(wanted, threading.Event):
                wanted.set()
                continue
            key, sound = wanted
            try:
                sound.payloads = slices(read_wav(Path(key[0])), sound.codec)
                sound.state = "ready"
                self._done.put((key, sound, ""))
            except (SoundFileError, MemoryError) as error:
                sound.state = "unreadable"
                self._done.put((key, sound, str(error)))


def _size(sound: Sound) -> int:
    return sum(map(len, sound.payloads))
