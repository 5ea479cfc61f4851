"""The sound of one telephone: 50 packets a second out, and how punctual those are that come in.

What the engine sends of its own (prompts, music, silence) is held against an ideal clock through the stream's
earliest packet. What it relays carries the moment it was spoken, so that this process being late is not taken for
the engine being late. Arrivals are the kernel's (SO_TIMESTAMPNS).
"""

from __future__ import annotations

import socket
import struct
import time
from array import array

SO_TIMESTAMPNS = 35
"""linux/asm-generic/socket.h; Python's socket module does not name it."""
TIMESPEC = struct.Struct("qq")
HEADER = struct.Struct("!BBHII")
SPOKEN = struct.Struct("!8sQ144s")
MAGIC = b"benchmrk"
REST = bytes(0xF8 + number * 5 % 8 & 0xFF for number in range(144))
KEYS = "0123456789*#"
EVENT = struct.Struct("!BBH")
EVENT_TYPE = 101
MARKER = 0x80
SHORTEST = 10
"""Packets of a stretch from which on its clock can be judged."""
GAPS = (30.0, 40.0)
"""Milliseconds between two packets that are counted as gaps, where 20 are right."""


class Pacing:
    """Of all telephones together; milliseconds."""

    def __init__(self) -> None:
        self.late = array("f")
        """Lateness of the engine's own sound."""
        self.transit = array("f")
        """From the speaker's `send` to the listener's socket, of relayed sound."""
        self.gaps = dict.fromkeys(GAPS, 0)
        self.relay_gaps = dict.fromkeys(GAPS, 0)
        """As they would be if the speaker had been punctual."""
        self.most = {"gap": 0.0, "relay_gap": 0.0}
        self.heard = 0
        self.lost = 0
        self.said = 0

    def note_gap(self, gap: float, relayed: bool) -> None:
        name, counts = ("relay_gap", self.relay_gaps) if relayed else ("gap", self.gaps)
        self.most[name] = max(self.most[name], gap)
        for limit in GAPS:
            counts[limit] += gap > limit


class Voice:
    """One telephone's RTP."""

    def __init__(self, number: int, pacing: Pacing) -> None:
        self._pacing = pacing
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])
        self._ssrc = number + 1
        self._sent = 0
        self._speaking = False
        self._pressing: list[bytes] = []
        self._pressed = 0
        """Timestamp of the press."""
        self._turns = 0
        self._number = -1
        self._last = 0
        self._spoken = 0
        self._stretch = array("d")
        self._began = self._first = 0

    def count_in(self, pacing: Pacing) -> None:
        """From now on, and nothing of before."""
        self._pacing, self._stretch = pacing, array("d")
        self._number, self._last, self._spoken = -1, 0, 0

    def talk_to(self, port: int) -> None:
        self.socket.connect(("127.0.0.1", port))
        self._speaking = True

    def press(self, key: str) -> None:
        """For 80 ms, RFC 4733 section 2.5."""
        code = KEYS.index(key)
        ends = [EVENT.pack(code, MARKER | 10, 800)] * 3
        self._pressing = [EVENT.pack(code, 10, duration) for duration in (160, 320, 480, 640)] + ends
        self._pressed = self._sent * 160

    def turn(self) -> None:
        """Once in 20 ms: hear what has come, say the next."""
        self._turns += 1
        self._hear(3 if self._turns % 8 == 0 else 1)
        if not self._speaking:
            return
        timestamp = self._sent * 160
        kind, payload = 0, SPOKEN.pack(MAGIC, time.time_ns(), REST)
        if self._pressing:
            kind, payload = EVENT_TYPE, self._pressing.pop(0)
            timestamp = self._pressed
        header = HEADER.pack(0x80, kind, self._sent & 0xFFFF, timestamp & 0xFFFFFFFF, self._ssrc)
        self._sent += 1
        self._pacing.said += 1
        try:
            self.socket.send(header + payload)
        except OSError:
            pass

    def _hear(self, most: int) -> None:
        for _ in range(most):
            try:
                data, extra, _, _ = self.socket.recvmsg(2048, 64)
            except OSError:
                return
            seconds, nanoseconds = TIMESPEC.unpack(extra[0][2])
            self._heard(data, seconds * 1_000_000_000 + nanoseconds)

    def _heard(self, data: bytes, at: int) -> None:
        pacing = self._pacing
        _, kind, number, timestamp, _ = HEADER.unpack_from(data)
        pacing.heard += 1
        relayed = data[12:20] == MAGIC
        spoken = SPOKEN.unpack_from(data, 12)[1] if relayed else 0
        follows = number == (self._number + 1) & 0xFFFF and kind < MARKER
        if relayed:
            pacing.transit.append((at - spoken) / 1e6)
            if follows and self._spoken:
                pacing.note_gap((at - self._last - (spoken - self._spoken)) / 1e6 + 20, relayed=True)
            self.end_stretch()
        else:
            if follows and not self._spoken and self._last:
                pacing.note_gap((at - self._last) / 1e6, relayed=False)
            elif kind >= MARKER:
                self.end_stretch()
            if not self._stretch:
                self._began, self._first = at, timestamp
            behind = (timestamp - self._first & 0xFFFFFFFF) * 125_000
            self._stretch.append((at - self._began - behind) / 1e6)
        if self._number >= 0 and (missing := (number - self._number - 1) & 0xFFFF) < 1000:
            pacing.lost += missing
        self._number, self._last, self._spoken = number, at, spoken

    def end_stretch(self) -> None:
        """What was heard from one clock is judged."""
        stretch, self._stretch = self._stretch, array("d")
        if len(stretch) >= SHORTEST:
            least = min(stretch)
            self._pacing.late.extend([late - least for late in stretch])

    def close(self) -> None:
        self._hear(1000)
        self.end_stretch()
        self.socket.close()
