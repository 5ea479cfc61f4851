"""Does the caller speak? Onset, end, and what was said just before the onset.

::

             3 of 5 frames are speech                 600 ms without speech
    silence ---------------------------> speaking ---------------------------> silence

A detector looks at one frame, the machine here at the row of them. Taking voice for a barge-in must be
hard to trick (strict, with a level gate), holding on to it must not cut words (lenient).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ivr.errors import LocalProtocolError

FRAME_SAMPLES = 160
"""20 ms at 8 kHz."""
FRAME_BYTES = 2 * FRAME_SAMPLES
FRAME_SECONDS = 0.02
GATE = -45.0
"""dBov: quieter frames are no speech. Speech on telephone lines lies about -26, quiet talkers at -36."""
GATE_OVER_PROMPT = -38.0
"""dBov while a prompt plays: what returns of our own sound must not interrupt it."""


class VoiceDetector(Protocol):
    """Judges single frames of 20 ms, 16 bit linear, 8 kHz. Has memory, so one for each leg.

    It is asked about frames that are loud enough only: most are not, and asking costs more than the level.
    """

    def strict(self, frame: bytes) -> bool:
        """Speech beyond doubt: for the onset."""
        ...

    def lenient(self, frame: bytes) -> bool:
        """Perhaps speech: for going on."""
        ...


class WebRtcDetector:
    """The detector of WebRTC: mode 3 for the onset, mode 2 for the end. Raises ImportError where it is missing."""

    def __init__(self) -> None:
        import webrtcvad

        self._strict: Any = webrtcvad.Vad(3)
        self._lenient: Any = webrtcvad.Vad(2)

    def strict(self, frame: bytes) -> bool:
        return bool(self._strict.is_speech(frame, 8000))

    def lenient(self, frame: bytes) -> bool:
        return bool(self._lenient.is_speech(frame, 8000))


class EnergyDetector:
    """Level above a noise floor that follows the line: down at once, up slowly. Needs nothing but numbers."""

    RISE = 0.1
    """dB a frame: 5 dB a second."""

    def __init__(self, *, above: float = 12.0, holding: float = 8.0) -> None:
        """`above` and `holding`: dB over the floor for the onset and for going on."""
        self._above, self._holding = above, holding
        self._floor = -60.0

    def strict(self, frame: bytes) -> bool:
        return self._over(frame) > self._above

    def lenient(self, frame: bytes) -> bool:
        return self._over(frame) > self._holding

    def _over(self, frame: bytes) -> float:
        level = level_dbov(frame)
        self._floor = max(min(level, self._floor + self.RISE), -75.0)
        return level - self._floor


def level_dbov(frame: bytes) -> float:
    """Mean power in dB against full scale; -96 for digital silence. ITU-T G.100.1."""
    samples = np.frombuffer(frame, np.int16).astype(np.float32)
    power = float(samples.dot(samples)) / max(len(samples), 1)
    return 10 * math.log10(power / 32768.0**2) if power > 0 else -96.0


@dataclass(frozen=True, slots=True)
class VoiceStarted:
    """Speech began; `before` is the sound up to and with the frame that proved it."""

    before: bytes


@dataclass(frozen=True, slots=True)
class VoiceHeard:
    """One more frame while speech goes on."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class VoiceEnded:
    """No speech for the hang-over time."""


VoiceEvent = VoiceStarted | VoiceHeard | VoiceEnded


class VoiceActivity:
    """Frames in, beginnings and ends of speech out."""

    def __init__(self, detector: VoiceDetector, *, hang_over: float = 0.6, before: float = 0.3) -> None:
        """`hang_over`: seconds of silence that end speech. `before`: seconds kept from before the onset."""
        self._detector = detector
        self._hang_over = hang_over
        self._recent: deque[bool] = deque(maxlen=5)
        self._before: deque[bytes] = deque(maxlen=max(round(before / FRAME_SECONDS), 1))
        self._silent = 0
        self._last = 0.0
        self.speaking = False

    def feed(self, frame: bytes, now: float, *, prompt: bool = False, key: bool = False) -> list[VoiceEvent]:
        """One frame of 20 ms came. `prompt`: we are playing, `key`: a key is down, whose tone is no speech.

        Raises LocalProtocolError for a frame of another length.
        """
        if len(frame) != FRAME_BYTES:
            raise LocalProtocolError(f"a frame of {len(frame)} octets; needed are {FRAME_BYTES}")
        self._last = now
        return self._speech(frame) if self.speaking else self._silence(frame, prompt, key)

    @property
    def deadline(self) -> float | None:
        """When to call `expire`: packets may stop where a caller does (silence suppression)."""
        return self._last + self._hang_over if self.speaking else None

    def expire(self, now: float) -> list[VoiceEvent]:
        """Time went on without a frame."""
        if not self.speaking or now < self._last + self._hang_over:
            return []
        return self._end()

    def _silence(self, frame: bytes, prompt: bool, key: bool) -> list[VoiceEvent]:
        self._before.append(frame)
        if key:
            self._recent.clear()
            return []
        loud = level_dbov(frame) > (GATE_OVER_PROMPT if prompt else GATE)
        speech = loud and self._detector.strict(frame)
        self._recent.append(speech)
        if not speech or sum(self._recent) < 3:
            return []
        self.speaking, self._silent = True, 0
        self._recent.clear()
        before = b"".join(self._before)
        self._before.clear()
        return [VoiceStarted(before)]

    def _speech(self, frame: bytes) -> list[VoiceEvent]:
        voiced = self._detector.lenient(frame) and level_dbov(frame) > GATE
        self._silent = 0 if voiced else self._silent + 1
        heard: list[VoiceEvent] = [VoiceHeard(frame)]
        if self._silent * FRAME_SECONDS >= self._hang_over - 1e-9:
            heard += self._end()
        return heard

    def _end(self) -> list[VoiceEvent]:
        self.speaking = False
        return [VoiceEnded()]
