"""A leg that is listened to: packets to frames, frames to utterances, utterances in chunks to the engine."""

from __future__ import annotations

from ivr.media.g711 import Codec, decode, silence
from ivr.media.messages import AudioHeard, SpeechEnded, SpeechStarted
from ivr.media.voice import (
    FRAME_BYTES,
    EnergyDetector,
    VoiceActivity,
    VoiceDetector,
    VoiceEnded,
    VoiceEvent,
    VoiceHeard,
    VoiceStarted,
    WebRtcDetector,
)

CHUNK = 5 * FRAME_BYTES
"""Octets of an AudioHeard: 100 ms. Only the first of an utterance is longer: it brings what came before."""
MOST_MISSING = 5
"""Lost packets filled with silence, so that a word keeps its length."""

Heard = SpeechStarted | AudioHeard | SpeechEnded


def detector() -> VoiceDetector:
    """The best one this installation has."""
    try:
        return WebRtcDetector()
    except ImportError:
        return EnergyDetector()


class Hearing:
    """What one leg says."""

    def __init__(self, leg: str, voice_detector: VoiceDetector | None = None) -> None:
        self._leg = leg
        self._activity = VoiceActivity(voice_detector or detector())
        self._frames = bytearray()
        self._chunk = bytearray()

    def feed(
        self, codec: Codec, payload: bytes, ahead: int, now: float, *, prompt: bool = False, key: bool = False
    ) -> list[Heard]:
        """Sound came, `ahead` packets after the newest before it; late packets are of no use any more."""
        if ahead <= 0:
            return []
        if 1 < ahead <= MOST_MISSING + 1:
            payload = silence(codec, len(payload) * (ahead - 1)) + payload
        sound = decode(codec, payload).tobytes()
        if not self._frames and len(sound) == FRAME_BYTES:  # what nearly every packet is
            return self._tell(self._activity.feed(sound, now, prompt=prompt, key=key), now)
        self._frames += sound
        heard: list[Heard] = []
        while len(self._frames) >= FRAME_BYTES:
            frame = bytes(self._frames[:FRAME_BYTES])
            del self._frames[:FRAME_BYTES]
            heard += self._tell(self._activity.feed(frame, now, prompt=prompt, key=key), now)
        return heard

    def expire(self, now: float) -> list[Heard]:
        """Time went on; the caller's phone may have stopped sending."""
        return self._tell(self._activity.expire(now), now)

    def _tell(self, events: list[VoiceEvent], now: float) -> list[Heard]:
        told: list[Heard] = []
        if not events:
            return told
        for event in events:
            match event:
                case VoiceStarted(before):
                    told.append(SpeechStarted(self._leg, now, None))
                    told.append(AudioHeard(self._leg, before))
                case VoiceHeard(frame):
                    self._chunk += frame
                case VoiceEnded():
                    told += self._chunks(1)
                    told.append(SpeechEnded(self._leg, now))
            told += self._chunks(CHUNK)
        return told

    def _chunks(self, least: int) -> list[Heard]:
        told: list[Heard] = []
        while len(self._chunk) >= least:
            told.append(AudioHeard(self._leg, bytes(self._chunk[:CHUNK])))
            del self._chunk[:CHUNK]
        return told
