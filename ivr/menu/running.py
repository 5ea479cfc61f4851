"""``run``: into another menu, with some of our values, and back at its RETURN with some of its own."""

from __future__ import annotations

from ivr.menu.activity import Activity, Conversation
from ivr.menu.model import ReturnStep, RunStep


class Running(Activity):
    """The other menu begins as if it had never been run: only what is handed over is known there."""

    step: RunStep

    def __init__(self, talk: Conversation, step: RunStep) -> None:
        super().__init__(talk, step)

    def begin(self) -> None:
        if self.step.say:
            self.play(self.talk.pieces(self.step.say), self.talk.menu.manners.interrupt)
        else:
            self.prompt_over()

    def prompt_over(self) -> None:
        facts = self.talk.facts
        before = facts.all()
        facts.forget([name for name in facts.values if name.startswith(f"{self.step.name}/")])
        facts.assign(self.step.takes, before)
        self.talk.leave("run", self.step.go)


class Returning(Activity):
    step: ReturnStep

    def __init__(self, talk: Conversation, step: ReturnStep) -> None:
        super().__init__(talk, step)

    def begin(self) -> None:
        self.talk.facts.assign(self.step.gives)
        self.talk.facts.proved_as(self.step.same)
        self.talk.leave("return", self.step.go)
