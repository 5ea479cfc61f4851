"""What others hear of one leg while a conversation is recorded: G.711 in order of time, with the silence between.

A packet belongs where its timestamp puts it, not where it arrived: jitter and a late worker leave no gaps.
The clock of arrival decides where a stream begins, and where it goes on when its timestamps have lost that place.

::

    since        handed over            tail            newest
      |-----------------------------------|----------------|
      0                               written          written + len(tail)

The last tenth of a second stays in memory for packets that overtook each other, and no more than another second
with it: that is what a worker that is killed takes with it.
"""

from __future__ import annotations

from typing import Final, Protocol

from ivr.media.g711 import SAMPLE_RATE, SILENCE, Codec, transcode
from ivr.media.rtp import forward

CHUNK: Final = SAMPLE_RATE
"""Octets that are handed over at once: a second."""
REORDER: Final = SAMPLE_RATE // 10
"""Octets that stay for packets that come late."""
EARLY: Final = SAMPLE_RATE // 5
"""Samples a packet may lie after its arrival: its stream began with a late one."""
LATE: Final = 3 * SAMPLE_RATE
"""Samples a packet may lie before its arrival: a network, or we, stood still so long."""
STEADY: Final = SAMPLE_RATE
"""Samples of a stream after which even the least late of them says where it is."""


class Sink(Protocol):
    """Where a track goes. Never blocks."""

    def put(self, sound: bytes) -> None:
        """The next octets."""
        ...

    def gap(self, samples: int) -> None:
        """The next samples are silence."""
        ...

    def close(self) -> None: ...


class Track:
    """One leg's share in a conversation."""

    def __init__(self, name: str, codec: Codec, since: float, sink: Sink) -> None:
        """`since`: the monotonic second the track begins with."""
        self.name = name
        self.codec: Codec = codec
        self._since = since
        self._sink = sink
        self._silence = bytes([SILENCE[codec]])
        self._written = 0
        self._tail = bytearray()
        self._ssrc: int | None = None
        self._timestamp = self._place = 0
        """Of the newest packet."""
        self._least_late, self._looked_at = LATE, 0
        self.closed = False

    def feed(self, codec: Codec, payload: bytes, ssrc: int, timestamp: int, now: float, *, key: bool) -> None:
        """Sound that others hear. While a `key` is down its tone is not kept."""
        if self.closed:
            return
        sound = self._silence * len(payload) if key else transcode(payload, codec, self.codec)
        place = self._find(ssrc, timestamp, len(payload), now)
        start = place - self._written
        if start < 0:  # what was there has been handed over
            sound, start = sound[-start:], 0
        if start > len(self._tail) + CHUNK:
            self._hand_over(len(self._tail))
            self._sink.gap(place - self._written)
            self._written, start = place, 0
        elif start > len(self._tail):
            self._tail += self._silence * (start - len(self._tail))
        self._tail[start : start + len(sound)] = sound
        if len(self._tail) >= CHUNK + REORDER:
            self._hand_over(len(self._tail) - REORDER)

    def close(self) -> None:
        """No more sound comes."""
        if not self.closed:
            self.closed = True
            self._hand_over(len(self._tail))
            self._sink.close()

    def _find(self, ssrc: int, timestamp: int, samples: int, now: float) -> int:
        """Where a packet belongs, in samples since the beginning."""
        arrived = max(round((now - self._since) * SAMPLE_RATE) - samples, 0)
        place = self._place + forward(timestamp, self._timestamp, 32)
        late = arrived - place
        if ssrc != self._ssrc or not -EARLY <= late <= LATE:
            self._ssrc, place = ssrc, arrived
            self._least_late, self._looked_at = LATE, place
        elif place - self._looked_at >= STEADY:
            if min(late, self._least_late) > EARLY:  # timestamps stood still while nothing was sent
                place = arrived
            self._least_late, self._looked_at = LATE, place
        else:
            self._least_late = min(self._least_late, late)
        self._timestamp, self._place = timestamp, max(place, 0)
        return self._place

    def _hand_over(self, octets: int) -> None:
        if octets:
            self._sink.put(bytes(self._tail[:octets]))
            del self._tail[:octets]
            self._written += octets
