"""What the caller hears and who may interrupt it: plays, listening, and the clocks that run beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ivr.menu.events import Command, Listen, Piece, PlayPrompt, StopListening, StopPrompt
from ivr.menu.model import Interrupt

PLAY_GRACE = 30.0
"""Seconds on top of any prompt's length after which its end is taken for lost."""
SLOWEST_SPEECH = 0.25
"""Seconds a character of text takes to be spoken at most."""


@dataclass(frozen=True, slots=True)
class Play:
    """A prompt that was sent to be played."""

    number: int
    pieces: tuple[Piece, ...]
    interrupt: Interrupt


class Stage:
    """Numbers plays and remembers whether one still sounds."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.timers: dict[str, float] = {}
        """Name of the clock to the time it rings. Cleared when the caller moves on."""
        self.playing: Play | None = None
        self.cut_off: Play | None = None
        """The last play, if it was interrupted and nothing has been played since."""
        self._number = 0
        self._listening = False

    def tell(self, command: Command) -> None:
        self.commands.append(command)

    def play(self, pieces: tuple[Piece, ...], interrupt: Interrupt, now: float) -> bool:
        """Play; False if there is nothing to be heard."""
        self.playing = self.cut_off = None
        self.timers.pop("cut_off", None)
        if not pieces:
            return False
        self._number += 1
        self.playing = Play(self._number, pieces, interrupt)
        letters = sum(len(piece.text) for piece in pieces)
        self.timers["play"] = now + PLAY_GRACE + letters * SLOWEST_SPEECH
        prompts = tuple(dict.fromkeys(piece.prompt for piece in pieces))
        self.tell(PlayPrompt(self._number, pieces, prompts, interrupt))
        return True

    def ended(self, number: int, *, finished: bool) -> bool:
        """True if that play was still sounding, as far as we knew."""
        if self.playing is None or self.playing.number != number:
            return False
        self.cut_off = None if finished else self.playing
        self.playing = None
        self.timers.pop("play", None)
        return True

    def stop(self) -> None:
        """Fall silent, if anything sounds."""
        if self.playing is not None:
            self.cut_off, self.playing = self.playing, None
            self.timers.pop("play", None)
            self.tell(StopPrompt())

    def play_again(self, now: float) -> bool:
        """Play what was cut off, or is being cut off by a key that meant nothing."""
        play = self.playing or self.cut_off
        return play is not None and self.play(play.pieces, play.interrupt, now)

    def keys_may_interrupt(self) -> bool:
        """Whether a key stops what sounds; True in silence."""
        return self.playing is None or self.playing.interrupt in ("any", "keys")

    def speech_may_interrupt(self) -> bool:
        return self.playing is None or self.playing.interrupt in ("any", "speech")

    def listen(self, language: str, phrases: Iterable[str], *, digits: bool) -> None:
        self._listening = True
        self.tell(Listen(language, tuple(dict.fromkeys(phrases)), digits))

    def stop_listening(self) -> None:
        if self._listening:
            self._listening = False
            self.tell(StopListening())
