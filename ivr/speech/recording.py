"""A recorded prompt on its way from the studio to the telephone: measured, cut, levelled, or refused.

The level is that of `active_level`: RMS over the 20 ms frames within 30 dB of the loudest, in dBov. It is close to
the active speech level of ITU-T P.56 (pauses do not count, as they do not for the ear), needs no filter bank as
loudness in LUFS does (ITU-R BS.1770 is made for programmes on loudspeakers, not for 3.4 kHz of telephone), and it
is the measure the synthetic voice is levelled by, so that recorded and spoken pieces of one sentence match.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ivr.errors import IvrError
from ivr.speech.contracts import SAMPLE_RATE
from ivr.speech.sound import EDGE, LEVEL, active_level, levelled, resampled
from ivr.speech.wav import Samples, Sound, decode_channels
from ivr.speech.wording import pause_after, pause_before, seconds_at_least

FULL = 0.998
"""Of full scale: nearer, a sample counts as clipped. Leaves room for the rounding of 8-bit files."""
CLIPPED = 4
"""Samples in a row at full scale that nobody can talk; three may be a peak that was met exactly."""
FLAT = 10
"""Samples in a row of exactly the same highest value below full scale: the top was cut off before."""
LOUD = 0.1
"""Of full scale: below it, quantisation alone makes flat tops."""
TOO_QUIET = -55.0
"""dBov of active speech: 35 dB would have to be added, and the noise of the room with them."""
NOISY = 20.0
"""dB between speech and room below which a listener hears the room."""
SHORT_OF_LEVEL = 3.0
"""dB by which peaks may keep a recording from the level before it is told."""
STEP = 0.01
"""Seconds over which beginning and end of the speech are looked for."""
BELOW = 38.0
"""dB below the loudest step at which the speech has ended; unvoiced endings (s, f) are that weak."""
ABOVE_ROOM = 6.0
"""dB over the room's own noise that a step must have to be speech."""
LEAD, TAIL = 0.02, 0.06
"""Seconds kept before and after, for the breath of a consonant."""
HIGHEST_RATE = 48_000
"""Hz. What a studio delivers above it is not kept; the telephone takes 8,000 of it."""


class BadRecording(IvrError):
    """A recording that must be made again. The text says why."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What meters say about a sound."""

    seconds: float
    level: float
    """dBov of the active speech; -inf for silence."""
    peak: float
    """dBFS of the highest sample; -inf for silence."""
    before: float
    """Seconds of silence at the beginning."""
    after: float
    """Seconds of silence at the end."""
    noise: float
    """dBov of the quietest tenth, the room."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A recording fit to be played."""

    sound: Sound
    was: Measured
    now: Measured
    notes: tuple[str, ...]
    """What a person should listen for."""


def measured(sound: Sound) -> Measured:
    first, last = _speech(sound)
    powers = _powers(sound)
    return Measured(
        seconds=sound.seconds,
        level=active_level(sound),
        peak=_decibel(float(np.abs(sound.samples).max(initial=0.0)) ** 2),
        before=first / sound.rate,
        after=(len(sound.samples) - last) / sound.rate,
        noise=_decibel(float(np.quantile(powers, 0.1))),
    )


def prepared(data: bytes, text: str) -> Prepared:
    """A WAV file, of any rate, width and number of channels, as the recording of `text`.

    Raises BadRecording for clipping, silence and words that are missing, and BadWav for what is no WAV file.
    """
    rate, channels = decode_channels(data)
    _refuse_clipping(channels, rate)
    sound = _one_channel(rate, channels)
    was = measured(sound)
    if was.level < TOO_QUIET:
        raise BadRecording(f"is silent or far too quiet ({_shown(was.level)}); record it again, nearer")
    if rate > HIGHEST_RATE or rate < SAMPLE_RATE:
        sound = resampled(sound, HIGHEST_RATE if rate > HIGHEST_RATE else SAMPLE_RATE)
    done = levelled(_cut(sound, text), LEVEL)
    spoken = done.seconds - pause_before(text) - pause_after(text)
    if spoken < 2 * seconds_at_least(text):
        raise BadRecording(f"has {spoken:.1f} s of speech for {len(text.split())} words; record all of the text")
    now = measured(done)
    notes = []
    if now.level < LEVEL - SHORT_OF_LEVEL:
        notes.append(f"stays at {now.level:.0f} dBov, as its peaks allow no more")
    if was.level - was.noise < NOISY:
        notes.append(f"only {was.level - was.noise:.0f} dB louder than the room")
    return Prepared(done, was, now, tuple(notes))


def _refuse_clipping(channels: Samples, rate: int) -> None:
    """Full scale is what the format can hold; or lower, where the sound was turned down after it was clipped."""
    for channel in channels:
        sizes = np.abs(channel)
        peak = float(sizes.max(initial=0.0))
        turned_down = LOUD < peak < FULL
        full = np.concatenate(([False], sizes >= (peak if turned_down else FULL), [False]))
        edges = np.flatnonzero(full[1:] != full[:-1])
        runs = edges[1::2] - edges[::2]
        clipped = np.flatnonzero(runs >= (FLAT if turned_down else CLIPPED))
        if len(clipped):
            at = edges[::2][clipped[0]] / rate
            places = "place" if len(clipped) == 1 else "places"
            raise BadRecording(
                f"is clipped in {len(clipped)} {places}, first at {at:.2f} s; record it again with less gain"
            )


def _one_channel(rate: int, channels: Samples) -> Sound:
    """The mixture; the louder channel where the two cancel each other (one plugged the wrong way round)."""
    centred = channels - channels.mean(axis=1, keepdims=True)
    mixed = centred.mean(axis=0)
    powers = np.square(centred).mean(axis=1)
    if np.square(mixed).mean() < powers.max() / 100:
        mixed = centred[int(powers.argmax())]
    return Sound(rate, mixed)


def _cut(sound: Sound, text: str) -> Sound:
    """From the first sound to the last, and the pauses that the punctuation of `text` asks for."""
    first, last = _speech(sound)
    first = max(0, first - round(LEAD * sound.rate))
    last = min(len(sound.samples), last + round(TAIL * sound.rate))
    body = sound.samples[first:last].copy()
    ramp = np.linspace(0, 1, min(round(EDGE * sound.rate), len(body)), endpoint=False)
    body[: len(ramp)] *= ramp
    body[len(body) - len(ramp) :] *= ramp[::-1]
    pads = (np.zeros(round(pause(text) * sound.rate)) for pause in (pause_before, pause_after))
    before, after = pads
    return Sound(sound.rate, np.concatenate((before, body, after)))


def _powers(sound: Sound) -> Samples:
    size = max(1, round(sound.rate * STEP))
    count = max(1, len(sound.samples) // size)
    framed = np.resize(sound.samples, count * size).reshape(count, size)
    powers: Samples = np.square(framed).mean(axis=1)
    return powers


def _speech(sound: Sound) -> tuple[int, int]:
    """First sample of the speech and the first after it; all of the sound when nothing stands out."""
    powers = _powers(sound)
    loudest = float(powers.max(initial=0.0))
    room = float(np.quantile(powers, 0.1))
    threshold = max(loudest * 10 ** (-BELOW / 10), min(room * 10 ** (ABOVE_ROOM / 10), loudest / 2))
    loud = np.flatnonzero(powers >= threshold) if loudest > 0 else np.array([], int)
    if len(loud) == 0:
        return 0, len(sound.samples)
    size = max(1, round(sound.rate * STEP))
    return int(loud[0]) * size, min(len(sound.samples), (int(loud[-1]) + 1) * size)


def _decibel(power: float) -> float:
    return float(10 * np.log10(power)) if power > 0 else float("-inf")


def _shown(level: float) -> str:
    return "no sound at all" if level == float("-inf") else f"{level:.0f} dBov"
