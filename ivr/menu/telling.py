"""Steps that do not ask: saying something, and choosing a way by what is known."""

from __future__ import annotations

from ivr.menu.activity import Activity, Conversation
from ivr.menu.events import Piece
from ivr.menu.model import CheckStep, SayStep, local


class Saying(Activity):
    """``say``: prompts, with ``each`` one more for every row of a list, then on."""

    step: SayStep
    repeats = True

    def __init__(self, talk: Conversation, step: SayStep) -> None:
        super().__init__(talk, step)

    def begin(self) -> None:
        self.play(self.pieces(), self.step.interrupt)

    repeat = begin

    def pieces(self) -> tuple[Piece, ...]:
        pieces = self.talk.pieces(self.step.say)
        each = self.step.each
        rows = self.talk.facts.values.get(each.of) if each else None
        if each is None or not isinstance(rows, (list, tuple)):
            return pieces
        for row in rows[: each.most]:
            pieces += self.talk.pieces([each.say], dict(row) if isinstance(row, dict) else {local(each.of): row})
        return pieces

    def prompt_over(self) -> None:
        self.talk.leave("go", self.step.go)


class Checking(Activity):
    """``check``: the first condition that holds; takes no time."""

    step: CheckStep

    def __init__(self, talk: Conversation, step: CheckStep) -> None:
        super().__init__(talk, step)

    def begin(self) -> None:
        if not self.step.say:
            self.prompt_over()
            return
        self.play(self.talk.pieces(self.step.say), self.talk.menu.manners.interrupt)

    def prompt_over(self) -> None:
        facts = self.talk.facts.all()
        for number, when in enumerate(self.step.when, 1):
            if when.condition.holds(facts):
                self.talk.leave(f"when {number}", when.go)
                return
        self.talk.leave("else", self.step.otherwise)
