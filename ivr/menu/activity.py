"""One step while it is being done. The machine has one activity at a time and hands it what happens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ivr.menu.events import Command, Event, PhraseHeard, Piece
from ivr.menu.facts import Facts
from ivr.menu.key_ledger import KeyLedger
from ivr.menu.model import AnyStep, Choice, Interrupt, Menu
from ivr.menu.stage import Stage

KEY_NAMES = {"*": "star", "#": "hash"}


class Conversation(Protocol):
    """What an activity may ask of the machine."""

    menu: Menu
    facts: Facts
    keys: KeyLedger
    stage: Stage
    now: float
    """Monotonic seconds of the event being handled."""

    def doing(self, activity: Activity) -> bool:
        """Whether this is still what the call is at; one that is not does nothing more."""
        ...

    def leave(self, exit: str, target: str) -> None:
        """Leave the step by `exit` and go to `target`, a step or a reserved word."""
        ...

    def become(self, activity: Activity) -> None:
        """Go on with another activity within the same step."""
        ...

    def hears(self, language: str) -> bool:
        """Whether speech in that language can be recognised."""
        ...

    def tell(self, command: Command) -> None: ...

    def pieces(self, prompts: Iterable[str], extra: dict[str, object] | None = None) -> tuple[Piece, ...]:
        """The prompts in the caller's language with the values of this moment and `extra`."""
        ...

    def everywhere(self, key: str) -> Choice | None:
        """What a key does in every step."""
        ...

    def everywhere_speech(self) -> list[Choice]: ...

    def take_everywhere(self, choice: Choice, exit: str) -> None:
        """Follow a choice of ``everywhere``."""
        ...


class Activity:
    """What every step does where it has nothing better to do."""

    is_question = False
    repeats = False
    """Whether REPEAT means something at once, before any question."""

    def __init__(self, talk: Conversation, step: AnyStep) -> None:
        self.talk = talk
        self.step = step

    def begin(self) -> None:
        """The step was entered."""

    def repeat(self) -> None:
        """REPEAT: say it again."""

    def keys_waiting(self) -> None:
        """A key was pressed. Those of `everywhere` act, others are kept for the next question (M14).

        A key that follows others typed ahead belongs to them, or nobody could type ahead a number with
        a 0 or a 9; a star before it makes it the choice of `everywhere` again.
        """
        newest, before = self.talk.keys.last_two()
        choice = self.talk.everywhere(newest)
        if choice is not None and (choice.go != "REPEAT" or self.repeats) and before in ("", "*"):
            self.act_on(choice, newest)
        elif self.talk.stage.playing is not None and self.talk.stage.keys_may_interrupt():
            self.talk.stage.stop()
            self.prompt_over()
        elif self.talk.stage.timers.pop("cut_off", None) is not None:
            self.prompt_over()

    def act_on(self, choice: Choice, key: str) -> None:
        """Take the newest key as a choice of `everywhere`; what was typed before it is thrown away."""
        self.talk.keys.hold_newest()
        self.talk.keys.consume()
        self.talk.take_everywhere(choice, f"everywhere {KEY_NAMES.get(key, key)}")

    def given_up(self) -> None:
        """The step is left, by whatever way: nothing must go on without it."""

    def speech_began(self) -> None:
        """The caller speaks where nobody asked."""

    def phrase(self, heard: PhraseHeard) -> None:
        """The caller said something where nobody asked."""

    def prompt_over(self) -> None:
        """What sounded has ended, or was interrupted."""

    def outside(self, event: Event) -> None:
        """An answer from outside the conversation."""

    def rang(self, timer: str) -> None:
        """A timer of `stage.timers` is due; it has been removed."""

    # --- helpers ---------------------------------------------------------------------------------------

    def play(self, pieces: tuple[Piece, ...], interrupt: Interrupt) -> None:
        if not self.talk.stage.play(pieces, interrupt, self.talk.now):
            self.prompt_over()

    def ring_in(self, timer: str, seconds: float) -> None:
        self.talk.stage.timers[timer] = self.talk.now + seconds

    def silence_timers(self, *timers: str) -> None:
        for timer in timers:
            self.talk.stage.timers.pop(timer, None)
