"""Sound in packets of the length the peer asked for. RFC 8866 sections 6.4 and 6.5 (ptime, maxptime).

G.711 has no frames: it can be cut and joined at every octet, and an octet is one step of the timestamp.
"""

from __future__ import annotations

OCTETS = 8
"""Of G.711 in a millisecond."""

Piece = tuple[int, bytes, bool]
"""Timestamp, payload, marker."""


class Cutter:
    """Joins and cuts sound into packets of `octets`; what is no full packet yet waits for more."""

    def __init__(self, octets: int) -> None:
        self.octets = octets
        self._waiting = b""
        self._timestamp = 0
        self._marker = False

    def feed(self, timestamp: int, payload: bytes, marker: bool) -> list[Piece]:
        """The packets that are full now. Sound that does not follow what waits sends that off first."""
        pieces: list[Piece] = []
        if self._waiting and (marker or timestamp != (self._timestamp + len(self._waiting)) & 0xFFFFFFFF):
            pieces += self.rest()
        if not self._waiting:
            self._timestamp, self._marker = timestamp, marker
        self._waiting += payload
        while len(self._waiting) >= self.octets:
            pieces.append((self._timestamp, self._waiting[: self.octets], self._marker))
            self._waiting = self._waiting[self.octets :]
            self._timestamp = (self._timestamp + self.octets) & 0xFFFFFFFF
            self._marker = False
        return pieces

    def rest(self) -> list[Piece]:
        """What waits, as a packet that is too short: something else is to be sent now."""
        if not self._waiting:
            return []
        piece = (self._timestamp, self._waiting, self._marker)
        self._waiting = b""
        return [piece]
