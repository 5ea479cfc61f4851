"""One direction of a bridge: what comes on one leg goes out on the other at once.

No jitter buffer here. The phone at the far end has one, fitted to its own playing; a second one in the
middle would add its delay to every word without making the far one smaller. So packets leave in the
order and rhythm they came in, in our numbering but with the *gaps* of the original: the far phone sees
what was lost and when, and conceals it. Timestamps run on the source's clock from where ours stood.
"""

from __future__ import annotations

from ivr.media.rtp import forward
from ivr.media.worker.outgoing import PACKET_TIME, Outgoing

LOST_THREAD = 100
"""A jump in the numbers of more than this is a new stream."""
LOST_TIME = 8000
"""Timestamp units; likewise."""


class Relay:
    """Renumbers the packets of one source for one target."""

    FILL_AFTER = 0.13
    """Seconds without a packet after which the target's own silence fills in: two packets of the longest time."""

    def __init__(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing
        self._ssrc: int | None = None
        self._first = self._highest = self._timestamp = 0
        self._number_shift = self._time_shift = 0
        self._next: int | None = None
        self.last = float("-inf")
        """When a packet was relayed last."""

    def forward(
        self,
        payload_type: int,
        sequence_number: int,
        timestamp: int,
        ssrc: int,
        payload: bytes,
        *,
        marker: bool,
        elapsed: int,
        now: float,
        sound: bool = True,
    ) -> None:
        """Send it on as `payload_type`. `elapsed`: where the target's clock stands, in timestamp units.

        Sound in packets of another length than the target wants is cut anew, and numbered one after the other:
        what is lost then shows in the timestamps alone.
        """
        out = self._outgoing
        broken = self._broken(sequence_number, timestamp, ssrc)
        if broken:
            self._anchor(sequence_number, timestamp, ssrc, elapsed)
            marker = True
        elif forward(sequence_number, self._first, 16) < 0:
            return  # from before we joined: its number is taken
        at = (timestamp + self._time_shift) & 0xFFFFFFFF
        if sound and out.cuts(len(payload)):
            if broken or forward(sequence_number, self._highest, 16) > 0:  # a late one fits nowhere
                out.sound(payload_type, at, payload, marker=marker)
                self._highest, self._timestamp = sequence_number, timestamp
                self._next = out.sequence_number
                self._number_shift = out.sequence_number - sequence_number - 1
            self.last = now
            return
        number = (sequence_number + self._number_shift) & 0xFFFF
        out.put(payload_type, number, at, payload, marker=marker, duration=len(payload) if sound else PACKET_TIME)
        if forward(sequence_number, self._highest, 16) >= 0:
            self._highest, self._timestamp = sequence_number, timestamp
            self._next = out.sequence_number = (number + 1) & 0xFFFF
        if forward(sequence_number, self._first, 16) > 0x4000:
            self._first = (sequence_number - LOST_THREAD) & 0xFFFF  # keep the comparison inside half the circle
        self.last = now

    def _broken(self, sequence_number: int, timestamp: int, ssrc: int) -> bool:
        """A new stream, or the target sent something of its own meanwhile."""
        return (
            ssrc != self._ssrc
            or self._next != self._outgoing.sequence_number
            or abs(forward(sequence_number, self._highest, 16)) > LOST_THREAD
            or abs(forward(timestamp, self._timestamp, 32)) > LOST_TIME * 9  # a key may be held for 8.19 s
        )

    def _anchor(self, sequence_number: int, timestamp: int, ssrc: int, elapsed: int) -> None:
        out = self._outgoing
        self._ssrc = ssrc
        self._first = self._highest = sequence_number
        self._number_shift = out.sequence_number - sequence_number
        self._time_shift = out.on_clock(elapsed) - timestamp
