"""Who hears whom: everybody has a voice of his own, which is looked for in what the others heard."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable

import numpy as np
from sounds import likeness

from ivr.media.g711 import SAMPLE_RATE, Samples
from ivr.testing.phone import PhoneCall

HEARD = 0.85
"""Likeness from which on a sound was heard (`sounds.likeness`)."""
STRANGE = 0.5
"""Likeness that no other voice comes near: voices are noise, alike by chance to 0.2 at most."""
LENGTH = 0.75
"""Seconds of one utterance."""
PIECE = 800
"""Samples that are looked for as one: five packets, so that what a busy machine tears often is found all the same.
Noise is unmistakable even so."""
PATIENCE = 20.0
"""Seconds within which an utterance that is said again and again arrives whole."""


def voice(name: str) -> Samples:
    """Noise in the band of a telephone, another for each name and always the same for one."""
    count = round(LENGTH * SAMPLE_RATE)
    noise = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(count)
    spectrum = np.fft.rfft(noise)
    hertz = np.fft.rfftfreq(count, 1 / SAMPLE_RATE)
    spectrum[(hertz < 300) | (hertz > 3400)] = 0
    sound = np.fft.irfft(spectrum, count)
    return (sound * (3000 / sound.std())).clip(-32000, 32000).astype(np.int16)


class Voice:
    """One end of a call that somebody speaks and listens at."""

    def __init__(self, name: str, call: PhoneCall, *, of: object) -> None:
        """`of` is the scenario: people of the same name have another voice in another one."""
        self.name = name
        self.call = call
        self.sound = voice(f"{name} of {of}")

    async def say(self) -> None:
        await self.call.play(self.sound)

    def since(self, mark: int) -> Samples:
        """What was heard from that sample of the recording on."""
        return self.call.recording[mark:]

    def account(self, mark: int) -> str:
        """What there was to hear, for a failure."""
        heard, reception = self.since(mark).astype(float), self.call.sound.reception
        loud = (heard**2).mean() ** 0.5 if len(heard) else 0.0
        return (
            f"{self.name} has heard {len(heard) / SAMPLE_RATE:.1f} s of loudness {loud:.0f},"
            f" {reception.received} packets, {self.call.sound.dropped} dropped, {self.call.sound.sent} sent"
        )

    @property
    def mark(self) -> int:
        """Where the recording is now."""
        return len(self.call.recording)


async def hear_each_other(*voices: Voice) -> None:
    """Each says something until each of the others has heard it; one after the other where there are three."""
    if len(voices) == 2:
        await _until_heard(voices, voices, "do not hear each other")
        return
    for speaker in voices:
        others = [one for one in voices if one is not speaker]
        await _until_heard([speaker], others, f"do not all hear {speaker.name}")


async def _until_heard(speakers: list[Voice] | tuple[Voice, ...], hearers: object, failure: str) -> None:
    assert isinstance(hearers, (list, tuple))
    missing = {(hearer, speaker) for hearer in hearers for speaker in speakers if hearer is not speaker}
    marks = {hearer: hearer.mark for hearer in hearers}
    found: dict[str, float] = {}

    def still_missing() -> bool:
        for hearer, speaker in list(missing):
            alike = likeness(hearer.since(marks[hearer]), speaker.sound, PIECE)
            found[f"{hearer.name} hears {speaker.name}"] = round(alike, 2)
            if alike > HEARD:
                missing.discard((hearer, speaker))
        return bool(missing)

    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                await asyncio.gather(*(speaker.say() for speaker in speakers))
                if not await _briefly(still_missing):
                    return
    except TimeoutError:
        what = "; ".join(hearer.account(marks[hearer]) for hearer in hearers)
        names = ", ".join(dict.fromkeys(one.name for one in (*speakers, *hearers)))
        raise AssertionError(f"{names} {failure}: {found}; {what}") from None


async def _briefly(missing: Callable[[], bool]) -> bool:
    """Whether it is still so when the last packets have had time to arrive."""
    for _ in range(6):
        await asyncio.sleep(0.04)
        if not missing():
            return False
    return True


def heard_nothing_of(hearer: Voice, speaker: Voice, mark: int) -> None:
    """Since that sample of his recording the one has not heard the other."""
    alike = likeness(hearer.since(mark), speaker.sound, PIECE)
    assert alike < STRANGE, f"{hearer.name} hears {speaker.name}: {alike:.2f}"


async def hears_clip(hearer: Voice, clip: Samples, what: str) -> None:
    """Until the last second that was heard is a part of that sound, such as the music."""
    alike, mark = 0.0, hearer.mark
    try:
        async with asyncio.timeout(PATIENCE):
            while alike < HEARD:
                await asyncio.sleep(0.25)
                if len(heard := hearer.since(mark)) >= SAMPLE_RATE:
                    alike = likeness(clip, heard[-SAMPLE_RATE:])
    except TimeoutError:
        raise AssertionError(f"{hearer.name} does not hear {what}: {alike:.2f}") from None
