"""``lookup``: asking the customer store, with every way it can end (M10, M17)."""

from __future__ import annotations

from ivr.menu.activity import Activity, Conversation
from ivr.menu.events import Event, LookUp, LookupEnded
from ivr.menu.model import LookupStep, local

MEANWHILE_AFTER = 1.0
"""Seconds of silence after which the caller is told to wait, so that two are never reached."""
MEANWHILE_AGAIN = 4.0
"""Seconds of silence between two such words."""

MEANWHILE_NEEDS = 1.5
"""Seconds before the limit in which nobody is told to wait once more."""


class LookingUp(Activity):
    """The answer counts once what sounds has been said, so that no word is cut in the middle."""

    step: LookupStep

    def __init__(self, talk: Conversation, step: LookupStep, number: int) -> None:
        super().__init__(talk, step)
        self.number = number
        self.source = talk.menu.data[step.use]
        self.ended: str = ""
        """Exit that was found while something sounded."""
        self.said_meanwhile = False

    def begin(self) -> None:
        values = self.talk.facts.needed(self.source.needs)
        if values is None:
            self.talk.facts.forget(self.source.gives)
            self.talk.leave("not_found", self.step.exits["not_found"])
            return
        once = self.source.once
        key = self.talk.facts.once_key(self.step.use, values) if once else ""
        named = {local(name): value for name, value in values.items()}
        self.talk.tell(LookUp(self.number, local(self.step.use), named, self.source.limit, once, key))
        self.ring_in("limit", self.source.limit)
        if self.step.say:
            self.play(self.talk.pieces(self.step.say), self.talk.menu.manners.interrupt)
        else:
            self.prompt_over()

    def prompt_over(self) -> None:
        if self.ended:
            self.follow()
        elif self.step.meanwhile:
            self.ring_in("meanwhile", MEANWHILE_AGAIN if self.said_meanwhile else MEANWHILE_AFTER)

    def rang(self, timer: str) -> None:
        if timer == "meanwhile":
            if self.said_meanwhile and self.talk.stage.timers["limit"] - self.talk.now < MEANWHILE_NEEDS:
                return
            self.said_meanwhile = True
            self.play(self.talk.pieces([self.step.meanwhile]), self.talk.menu.manners.interrupt)
        elif timer == "limit":
            self.talk.facts.forget(self.source.gives)
            self.over("slow")

    def outside(self, event: Event) -> None:
        if not isinstance(event, LookupEnded) or event.lookup != self.number or self.ended:
            return
        facts = self.talk.facts
        facts.forget(self.source.gives)
        for name in self.source.gives:
            if local(name) in event.values:
                facts.put(name, event.values[local(name)])
        if event.outcome == "ok" and self.step.grants:
            facts.prove(self.step.grants, self.source.needs)
        self.over(event.outcome)

    def over(self, exit: str) -> None:
        self.ended = exit
        self.silence_timers("limit", "meanwhile")
        if self.talk.stage.playing is None:
            self.follow()

    def follow(self) -> None:
        self.talk.leave(self.ended, self.step.exits.get(self.ended, self.talk.menu.on_fault))
