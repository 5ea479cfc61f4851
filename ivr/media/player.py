"""Playing: sounds in packets, one after the other.

A sound is encoded and cut once and shared by every call that plays it; a playlist is one call's place in
its sounds. Reading a file may take time, so a sound can be asked for before it is there: the playlist
waits for it at its turn, and gives up after `PATIENCE` packet times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ivr.media.g711 import FRAME_OCTETS, SAMPLE_RATE, Codec, Samples, encode, silence

PACKET_SECONDS = 0.02
PATIENCE = 250
"""Packet times a playlist waits for a sound: 5 s."""


@dataclass(slots=True)
class Sound:
    """One encoded sound, cut into payloads of 20 ms. Filled once, then only read."""

    codec: Codec
    payloads: tuple[bytes, ...] = ()
    state: Literal["loading", "ready", "unreadable"] = "loading"

    @classmethod
    def of(cls, samples: Samples, codec: Codec) -> Sound:
        return cls(codec, slices(samples, codec), "ready")


def slices(samples: Samples, codec: Codec) -> tuple[bytes, ...]:
    """Encoded payloads of 20 ms; the last one is filled up with silence.

    Encoded second by second, so that an hour of sound does not keep other threads waiting.
    """
    seconds = range(0, len(samples), SAMPLE_RATE)
    data = b"".join(encode(codec, samples[start : start + SAMPLE_RATE]) for start in seconds)
    data += silence(codec, -len(data) % FRAME_OCTETS)
    return tuple(data[start : start + FRAME_OCTETS] for start in range(0, len(data), FRAME_OCTETS))


class Playlist:
    """One call's place in a row of sounds."""

    def __init__(self, sounds: Sequence[Sound], *, loop: bool = False) -> None:
        self._sounds = list(sounds)
        self._loop = loop
        self._sound = 0
        self._packet = 0
        self._waited = 0
        self.sent = 0
        """Packets handed out."""
        self.unreadable = 0
        """Sounds that were passed over."""
        self.ended = False
        """There is nothing more; true from the moment the last payload was handed out."""
        self._skip()

    @property
    def codec(self) -> Codec:
        """What the payloads that `next` hands out are encoded in."""
        return self._sounds[0].codec if self._sounds else "PCMU"

    @property
    def played(self) -> float:
        """Seconds handed out, rounds of a loop included."""
        return self.sent * PACKET_SECONDS

    def next(self) -> bytes | None:
        """The payload that is due; None when the sound is still being read, or nothing is left."""
        self._skip()
        if self.ended:
            return None
        sound = self._sounds[self._sound]
        if sound.state == "loading":
            self._waited += 1
            return None
        payload = sound.payloads[self._packet]
        self._packet += 1
        self._waited = 0
        self.sent += 1
        self._skip()
        return payload

    def _skip(self) -> None:
        """Step over sounds that are finished, empty, unreadable or not read in time."""
        steps = 0
        while not self.ended:
            if self._sound == len(self._sounds):
                if not self._loop or steps > len(self._sounds) or not self._sounds:
                    self.ended = True
                    return
                self._sound = 0
            sound = self._sounds[self._sound]
            late = sound.state == "loading" and self._waited >= PATIENCE
            if sound.state == "loading" and not late:
                return
            if sound.state == "ready" and self._packet < len(sound.payloads):
                return
            self.unreadable += late or sound.state == "unreadable"
            self._sound += 1
            self._packet = self._waited = 0
            steps += 1
