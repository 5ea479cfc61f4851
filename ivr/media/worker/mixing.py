"""Three and more who hear each other: every leg gets the sum of the others, without itself.

A bridge of two passes packets on as they come. A sum needs the sound of the same moment from everybody, so each
member has a short buffer here; once in a round of 20 ms one frame is taken out of each, whoever's slot comes
first, and added up. It costs nothing while nobody is in a conference.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from ivr.errors import LocalProtocolError
from ivr.media.g711 import FRAME_OCTETS, Codec, Samples, decode, encode

MOST = 8
"""Legs in one conference."""
DEPTH = 2 * FRAME_OCTETS
"""Samples that are gathered before somebody's sound begins, or begins again: 40 ms against jitter."""
DEEPEST = 10 * FRAME_OCTETS
"""Samples above which the oldest are left out, back to DEPTH: after a stall nobody stays behind the others."""
MOST_MISSING = 5
"""Lost packets filled with silence, so that what follows keeps its place."""
KEY_HELD = 0.1
"""Seconds a key that one member pressed is held towards the others."""

Sum = npt.NDArray[np.int32]


class Member(Protocol):
    """As much of a leg as a conference needs to know."""

    @property
    def on_hold(self) -> bool: ...

    @property
    def may_be_heard(self) -> bool: ...

    @property
    def may_hear(self) -> bool: ...

    def send_key(self, key: str, duration: float) -> None: ...


class Voice:
    """What one member says, in order, until its turn."""

    def __init__(self) -> None:
        self._samples: Samples = np.zeros(0, np.int16)
        self._flows = False

    def put(self, samples: Samples, ahead: int) -> None:
        """Sound came, `ahead` packets after the newest before it; what is late fits nowhere any more."""
        if ahead <= 0:
            return
        if 1 < ahead <= MOST_MISSING + 1 and self._flows:
            samples = np.concatenate((np.zeros(len(samples) * (ahead - 1), np.int16), samples))
        self._samples = np.concatenate((self._samples, samples))
        if len(self._samples) > DEEPEST:
            self._samples = self._samples[-DEPTH:]

    def take(self) -> Samples | None:
        """The next 20 ms; None while there is nothing, or not enough to begin with."""
        if len(self._samples) < (FRAME_OCTETS if self._flows else DEPTH):
            self._flows = False
            return None
        self._flows = True
        frame, self._samples = self._samples[:FRAME_OCTETS], self._samples[FRAME_OCTETS:]
        return frame


class Mix:
    """One conference. Members enter and leave; an empty one is forgotten by them all."""

    def __init__(self) -> None:
        self._voices: dict[Member, Voice] = {}
        self._round = -1
        self._frames: dict[Member, Samples] = {}
        """Of this round."""
        self._sum: Sum | None = None

    def enter(self, leg: Member) -> None:
        """Raises LocalProtocolError when there is no room."""
        if len(self._voices) >= MOST:
            raise LocalProtocolError(f"conference of {len(self._voices)} legs; at most {MOST} are possible")
        self._voices[leg] = Voice()

    def leave(self, leg: Member) -> None:
        self._voices.pop(leg, None)
        if self._sum is not None and (frame := self._frames.pop(leg, None)) is not None:
            self._sum = self._sum - frame

    def put(self, leg: Member, codec: Codec, payload: bytes, ahead: int) -> None:
        """A packet of a member."""
        self._voices[leg].put(decode(codec, payload), ahead)

    def press(self, leg: Member, key: str) -> None:
        """A member pressed a key: the others' telephones hear it too."""
        for other in self._voices:
            if other is not leg and not other.on_hold:
                other.send_key(key, KEY_HELD)

    def heard_by(self, leg: Member, round_number: int, codec: Codec) -> bytes | None:
        """What a member hears in this round; None for silence."""
        if round_number != self._round:
            self._turn(round_number)
        others = len(self._frames) - (leg in self._frames)
        if not others or self._sum is None or not leg.may_hear:
            return None
        own = self._frames.get(leg)
        heard = self._sum if own is None else self._sum - own
        return encode(codec, np.clip(heard, -32768, 32767).astype(np.int16))

    def _turn(self, round_number: int) -> None:
        """Take everybody's next frame; who is on hold or muted falls silent without falling behind."""
        self._round = round_number
        self._frames = {}
        total: Sum | None = None
        for leg, voice in self._voices.items():
            frame = voice.take()
            if frame is not None and leg.may_be_heard:
                self._frames[leg] = frame
                total = frame.astype(np.int32) if total is None else total + frame
        self._sum = total
