"""Questions answered with digits: ``ask``, reading the answer back, and a callback's missing number.

digit … digit ──length, end key or inter_digit_timeout──▶ fits? ──▶ confirm? ──▶ done
  star, then a digit within between_keys: the choice of `everywhere` (M8, M15); star alone: REPEAT
  one digit alone that cannot be the answer: the choice of `everywhere`, for callers who do what other prompts
  said ("press 9 now") in the middle of a number; where more digits may follow, after the pause between keys
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ivr.menu.activity import Conversation
from ivr.menu.answers import most_digits, value_of, yes_no_phrases, yes_or_no
from ivr.menu.events import Piece
from ivr.menu.key_ledger import Press
from ivr.menu.model import AnyStep, AskStep, CallbackStep, Take, local
from ivr.menu.question import Question

Done = Callable[[object], None]


class StarFirst(Question):
    """A question in which digits are the answer, so that `everywhere` needs a star before them."""

    star_at: float | None = None
    """When a star was pressed that waits for its digit."""

    def take_key(self, press: Press) -> None:
        if self.star_at is not None:
            self.after_star(press, self.star_at)
        elif press.key == "*" and self.manners.end_key != "*":
            self.star_at = press.at
            self.silence_timers("between_keys")
            self.ring_in("star", self.manners.between_keys)
        else:
            self.take_answer_key(press)

    def after_star(self, press: Press, star_at: float) -> None:
        self.star_at = None
        self.silence_timers("star")
        if press.at - star_at > self.manners.between_keys:
            self.clear()
            self.take_key(press)
        elif press.key == "*":
            self.star_at = press.at
            self.ring_in("star", self.manners.between_keys)
        elif not self.everywhere_keyed(press.key, keys=2):
            self.missed("no_match")

    def rang(self, timer: str) -> None:
        if timer != "star":
            super().rang(timer)
            return
        self.star_at = None
        self.talk.keys.consume(newest=1)
        choice = self.talk.everywhere("*")
        if choice is None or choice.go == "REPEAT":
            self.repeat()
        else:
            self.talk.take_everywhere(choice, "everywhere star")

    def only_everywhere(self) -> None:
        newest, before = self.talk.keys.last_two()
        choice = self.talk.everywhere(newest)
        if choice is not None and before == "*":
            self.act_on(choice, newest)
        elif newest != "*":
            self.talk.keys.drop_all()

    def take_answer_key(self, press: Press) -> None:
        """A key that is no star."""
        raise NotImplementedError

    def clear(self) -> None:
        self.star_at = None
        self.silence_timers("star", "between_keys")
        self.talk.keys.drop_held()

    def in_answer(self) -> bool:
        return self.star_at is not None


class AskingDigits(StarFirst):
    """``ask``."""

    def __init__(self, talk: Conversation, step: AskStep) -> None:
        super().__init__(talk, step, step.manners)
        self.say = step.say
        self.take: Take = step.take
        self.name = step.answer
        self.secret = step.secret or step.answer in talk.menu.secrets
        self.confirm = step.confirm
        self.done: Done = lambda value: talk.leave("go", step.go)
        self.digits = ""
        self.digits_spoken = step.take.kind != "yes_no"

    def prompts(self) -> tuple[Piece, ...]:
        return self.talk.pieces(self.say)

    def phrases(self) -> Iterable[str]:
        return yes_no_phrases(self.talk.facts.language) if self.take.kind == "yes_no" else ()

    def in_answer(self) -> bool:
        return bool(self.digits) or super().in_answer()

    def clear(self) -> None:
        super().clear()
        self.digits = ""

    def take_answer_key(self, press: Press) -> None:
        if press.key == self.manners.end_key:
            self.complete(self.digits, end_key=True)
        elif press.key in "0123456789":
            self.digits += press.key
            if len(self.digits) >= most_digits(self.take):
                self.keyed()
            else:
                self.ring_in("between_keys", self.manners.between_keys)
        else:
            self.missed("no_match")

    def rang(self, timer: str) -> None:
        if timer == "between_keys":
            self.keyed()
        else:
            super().rang(timer)

    def take_phrase(self, phrase: str) -> None:
        digits = phrase.replace(" ", "")
        if digits.isascii() and digits.isdigit() and self.digits_spoken:
            self.clear()
            self.complete(digits)
            return
        answer = yes_or_no(phrase, self.talk.facts.language) if self.take.kind == "yes_no" else None
        if answer is not None:
            self.clear()
            self.answered(answer)
        elif not self.everywhere_said(phrase):
            self.missed("no_match")

    def keyed(self) -> None:
        """No more digits follow, by their number or by a pause."""
        alone = len(self.digits) == 1 and not self.fits(self.digits)
        if not (alone and self.everywhere_keyed(self.digits)):
            self.complete(self.digits)

    def fits(self, digits: str) -> bool:
        return value_of(digits, self.take, self.talk.facts.today(self.talk.now)) is not None

    def complete(self, digits: str, *, end_key: bool = False) -> None:
        self.silence_timers("between_keys")
        value = value_of(digits, self.take, self.talk.facts.today(self.talk.now))
        if not end_key:
            until = self.talk.now + self.manners.between_keys
            self.talk.keys.end_key_may_follow(self.manners.end_key, until, secret=self.secret)
        if value is None:
            self.refuse()
            return
        self.talk.keys.consume(secret=self.secret)
        self.digits = ""
        self.answered(value)

    def refuse(self) -> None:
        """The answer does not fit. What follows it is typed for something else, but its end key is not."""
        self.talk.keys.drop_held()
        self.digits = ""
        self.missed("no_match")

    def answered(self, value: object) -> None:
        if self.confirm:
            self.talk.become(Confirming(self.talk, self.step, self, value))
        else:
            self.accept(value)

    def accept(self, value: object) -> None:
        self.understood()
        self.talk.facts.put(self.name, value)
        self.done(value)


class AskingNumber(AskingDigits):
    """A telephone number that a callback step does not have (M17)."""

    def __init__(self, talk: Conversation, step: CallbackStep, done: Done) -> None:
        ask = AskStep(
            name=step.name,
            line=step.line,
            say=(step.ask,),
            take=Take("phone"),
            answer=step.number,
            go=step.ok,
            manners=step.manners,
        )
        super().__init__(talk, ask)
        self.step = step
        self.done = done


class Confirming(StarFirst):
    """Reads an answer back: 1 is right, 2 asks again."""

    def __init__(self, talk: Conversation, step: AnyStep, asking: AskingDigits, value: object) -> None:
        super().__init__(talk, step, asking.manners)
        self.asking = asking
        self.value = value

    def prompts(self) -> tuple[Piece, ...]:
        return self.talk.pieces([self.asking.confirm], {local(self.asking.name): self.value})

    def phrases(self) -> Iterable[str]:
        return yes_no_phrases(self.talk.facts.language)

    def take_answer_key(self, press: Press) -> None:
        if press.key in "12":
            self.talk.keys.consume()
            self.decide(press.key == "1")
        elif not self.everywhere_keyed(press.key):
            self.missed("no_match")

    def take_phrase(self, phrase: str) -> None:
        answer = yes_or_no(phrase, self.talk.facts.language)
        if answer is not None:
            self.decide(answer)
        elif not self.everywhere_said(phrase):
            self.missed("no_match")

    def decide(self, right: bool) -> None:
        if right:
            self.asking.accept(self.value)
        else:
            self.talk.become(self.asking)
