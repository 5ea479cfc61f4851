"""Questions: prompting, waiting, misses (M9), and menus, whose answer is one key or phrase.

prompting ──ended──▶ waiting ──no_input_timeout──▶ miss 1, 2, … ──▶ its way out
    │  key or speech, if it may interrupt   │
    └──────────────▶ answering ◀────────────┘
"""

from __future__ import annotations

from collections.abc import Iterable

from ivr.menu.activity import KEY_NAMES, Activity, Conversation
from ivr.menu.events import PhraseHeard, Piece
from ivr.menu.key_ledger import Press
from ivr.menu.model import AnyStep, Choice, Manners, MenuStep, Miss

LONGEST_UTTERANCE = 20.0
"""Seconds after which speech that nobody has made anything of counts as no match."""


class Question(Activity):
    """What menus, asks and confirmations share."""

    is_question = True

    def __init__(self, talk: Conversation, step: AnyStep, manners: Manners) -> None:
        super().__init__(talk, step)
        self.manners = manners
        self.speaking = False
        self.asked = False
        """Whether it has been said since the call came to it."""
        self.way_out: tuple[str, str] | None = None
        """Exit and target to follow when the last words are said."""

    # --- for the kinds of question -----------------------------------------------------------------------

    def prompts(self) -> tuple[Piece, ...]:
        """The question itself."""
        raise NotImplementedError

    def take_key(self, press: Press) -> None:
        """A key that may be part of the answer; it is held by the ledger."""
        raise NotImplementedError

    def take_phrase(self, phrase: str) -> None:
        """What was said, in lower case with single spaces, sure enough."""
        raise NotImplementedError

    def phrases(self) -> Iterable[str]:
        """What may be said besides the phrases of `everywhere`."""
        return ()

    digits_spoken = False

    def clear(self) -> None:
        """Forget a half given answer."""

    def in_answer(self) -> bool:
        """Whether an answer is half given."""
        return False

    # --- asking --------------------------------------------------------------------------------------------

    def begin(self) -> None:
        self.asked = False
        if len(self.talk.keys):
            if "keys" in self.manners.listen and self.manners.interrupt in ("any", "keys"):
                self.keys_waiting()  # what was typed ahead may answer it before it is said
            else:
                self.talk.keys.drop_all()
        if not self.talk.doing(self) or self.asked:
            return
        if self.in_answer():
            self.hear()
        else:
            self.ask(self.prompts())

    def ask(self, pieces: tuple[Piece, ...]) -> None:
        self.asked = True
        self.silence_timers("no_input", "speech")
        self.speaking = False
        if self.manners.interrupt in ("any", "speech"):
            self.hear()
        else:
            self.talk.stage.stop_listening()
        self.play(pieces, self.manners.interrupt)

    def repeat(self) -> None:
        self.clear()
        self.ask(self.prompts())

    def hear(self) -> None:
        """Listen to speech, if the question wants it and somebody can."""
        language = self.talk.facts.language
        if "speech" not in self.manners.listen or not self.talk.hears(language) or self.way_out:
            self.talk.stage.stop_listening()
            return
        everywhere = [phrase for choice in self.talk.everywhere_speech() for phrase in choice.phrases(language)]
        self.talk.stage.listen(language, [*self.phrases(), *everywhere], digits=self.digits_spoken)

    def prompt_over(self) -> None:
        if self.way_out:
            self.talk.leave(*self.way_out)
            return
        if self.manners.interrupt not in ("any", "speech"):
            self.hear()
        if not self.in_answer() and not self.speaking:
            self.ring_in("no_input", self.manners.wait)

    # --- answers -------------------------------------------------------------------------------------------

    def keys_waiting(self) -> None:
        if self.way_out:
            super().keys_waiting()
            return
        if "keys" not in self.manners.listen or not self.talk.stage.keys_may_interrupt():
            self.only_everywhere()
            return
        while len(self.talk.keys) and self.talk.doing(self):
            press = self.talk.keys.take()
            if press is None:
                return
            self.talk.stage.stop()
            self.silence_timers("no_input", "speech")
            self.speaking = False
            self.take_key(press)

    def only_everywhere(self) -> None:
        """Keys do not answer just now; those of `everywhere` still act."""
        newest, _ = self.talk.keys.last_two()
        choice = self.talk.everywhere(newest)
        if choice is not None and choice.go != "REPEAT":
            self.act_on(choice, newest)
        else:
            self.talk.keys.drop_all()

    def speech_began(self) -> None:
        if self.way_out or "speech" not in self.manners.listen:
            return
        if self.talk.stage.speech_may_interrupt():
            self.speaking = True
            self.talk.stage.stop()
            self.silence_timers("no_input")
            self.ring_in("speech", LONGEST_UTTERANCE)

    def phrase(self, heard: PhraseHeard) -> None:
        if self.way_out or "speech" not in self.manners.listen or not self.talk.stage.speech_may_interrupt():
            return
        self.speaking = False
        self.silence_timers("no_input", "speech")
        self.talk.stage.stop()
        said = " ".join(heard.phrase.lower().split())
        if not said or heard.confidence < self.manners.sure_enough:
            self.missed("no_match")
            return
        self.take_phrase(said)

    def everywhere_said(self, said: str) -> bool:
        """Follow a choice of `everywhere` that was said."""
        choice, phrase = spoken(self.talk.everywhere_speech(), said, self.talk.facts.language)
        if choice is None:
            return False
        self.talk.keys.drop_all()
        self.talk.take_everywhere(choice, f"said {phrase}")
        return True

    def everywhere_keyed(self, key: str, *, keys: int = 1) -> bool:
        """Follow a choice of `everywhere` whose key is the newest of those held."""
        choice = self.talk.everywhere(key)
        if choice is None:
            return False
        self.talk.keys.consume(newest=keys)
        self.talk.take_everywhere(choice, f"everywhere {KEY_NAMES.get(key, key)}")
        return True

    def understood(self) -> None:
        """The question is answered: its next miss is a first one again."""
        self.talk.facts.answered[self.step.name] = 0

    # --- misses --------------------------------------------------------------------------------------------

    def rang(self, timer: str) -> None:
        if timer == "no_input":
            self.missed("no_input")
        elif timer == "speech":
            self.speaking = False
            self.missed("no_match")

    def missed(self, kind: str) -> None:
        """Silence (``no_input``) or an unfit answer (``no_match``)."""
        self.talk.keys.drop_all()
        self.clear()
        self.talk.stage.stop()
        self.silence_timers("no_input", "speech", "between_keys", "star")
        facts = self.talk.facts
        facts.misses += 1
        facts.stuck += 1
        count = facts.answered[self.step.name] = facts.answered.get(self.step.name, 0) + 1
        if facts.stuck >= self.talk.menu.stuck:
            facts.stuck = 0
            self.talk.leave(kind, self.talk.menu.agent_stuck)
            return
        rows = self.manners.no_input if kind == "no_input" else self.manners.no_match
        self.after_miss(kind, rows[min(count, len(rows)) - 1])

    def after_miss(self, kind: str, miss: Miss) -> None:
        self.talk.facts.assign(miss.set)
        words = self.talk.pieces(miss.say)
        if not miss.go:
            said = set(miss.say)
            self.ask(words + tuple(piece for piece in self.prompts() if piece.prompt not in said))
        elif miss.go == "REPEAT":
            self.ask(words + self.prompts())
        elif words:
            self.asked = True
            self.way_out = (kind, miss.go)
            self.talk.stage.stop_listening()
            self.play(words, self.manners.interrupt)
        else:
            self.talk.leave(kind, miss.go)


class AskingMenu(Question):
    """``menu``: one key or one phrase."""

    step: MenuStep

    def __init__(self, talk: Conversation, step: MenuStep) -> None:
        super().__init__(talk, step, step.manners)

    def choices(self) -> list[Choice]:
        facts = self.talk.facts.all()
        return [one for one in self.step.choices if one.show_if is None or one.show_if.holds(facts)]

    def prompts(self) -> tuple[Piece, ...]:
        pieces = self.talk.pieces(self.step.say)
        for choice in self.choices():
            if choice.offer:
                pieces += self.talk.pieces([choice.offer], {"key": KEY_NAMES.get(choice.press, choice.press)})
        return pieces

    def phrases(self) -> Iterable[str]:
        language = self.talk.facts.language
        return [phrase for choice in self.choices() for phrase in choice.phrases(language)]

    def take_key(self, press: Press) -> None:
        for choice in self.choices():
            if choice.press == press.key:
                self.talk.keys.consume()
                self.chosen(choice, f"key {KEY_NAMES.get(press.key, press.key)}")
                return
        if not self.everywhere_keyed(press.key):
            self.missed("no_match")

    def take_phrase(self, phrase: str) -> None:
        choices = [*self.choices(), *self.talk.everywhere_speech()]
        choice, found = spoken(choices, phrase, self.talk.facts.language)
        if choice is None:
            self.missed("no_match")
        elif any(choice is one for one in self.step.choices):
            self.talk.keys.drop_all()
            self.chosen(choice, f"said {found}")
        else:
            self.everywhere_said(phrase)

    def chosen(self, choice: Choice, exit: str) -> None:
        self.talk.facts.assign(choice.set)
        if choice.go == "REPEAT":
            self.repeat()
            return
        self.understood()
        self.talk.leave(exit, choice.go)


def spoken(choices: Iterable[Choice], said: str, language: str) -> tuple[Choice | None, str]:
    """The choice that was said, and its phrase: word for word, or else the longest phrase that what was
    said contains, unless two choices have equally long ones."""
    rows = [(len(phrase.split()), phrase, choice) for choice in choices for phrase in choice.phrases(language)]
    for _, phrase, choice in rows:
        if phrase == said:
            return choice, phrase
    within = [row for row in rows if f" {row[1]} " in f" {said} "]
    longest = max((row[0] for row in within), default=0)
    best = [row for row in within if row[0] == longest]
    if not best or any(row[2].go != best[0][2].go for row in best):
        return None, ""
    return best[0][2], best[0][1]
