"""Steps that lead to people: ``handoff`` to an agent, ``transfer`` outside, a noted ``callback``."""

from __future__ import annotations

from ivr.menu.activity import Activity, Conversation
from ivr.menu.answers import can_be_called
from ivr.menu.asking import AskingNumber
from ivr.menu.events import (
    CallbackNoted,
    CancelHandoff,
    CancelTransfer,
    DataEntered,
    Event,
    HandoffClosed,
    HandoffEnded,
    HandoffResumed,
    NoteCallback,
    PlaceFound,
    PlaceTold,
    SentBack,
    StartHandoff,
    StartTransfer,
    StepLeft,
    TakePlace,
    TellWaiting,
    TransferEnded,
)
from ivr.menu.hours import is_open
from ivr.menu.model import CallbackStep, Choice, HandoffStep, TransferStep

ONE = "1"
"""The key a waiting caller presses for what the words offer."""
NOTED_WITHIN = 5.0
"""Seconds a callback may take to be on disk."""


class HandingOff(Activity):
    """``handoff``: its words first, then the queue, from which the keys of `everywhere` lead out."""

    step: HandoffStep

    def __init__(self, talk: Conversation, step: HandoffStep) -> None:
        super().__init__(talk, step)
        self.since: float | None = None
        """Monotonic time the caller began to wait; None before and after."""
        self.with_agent = False
        self.may_resume = False
        """The caller has been asked whether to take a lost place again."""
        self.wants_a_call = False

    def begin(self) -> None:
        self.talk.facts.reason = self.step.reason
        if not self.closed():  # nobody is promised a person who has gone home
            self.play(self.talk.pieces(self.step.say), self.talk.menu.manners.interrupt)

    def closed(self) -> bool:
        """Whether the queue is closed at this hour; the step is left then."""
        queue = self.talk.menu.queues[self.step.queue]
        hours = self.talk.menu.hours.get(queue.open)
        if hours is None or is_open(hours, self.talk.facts.utc(self.talk.now)):
            return False
        fields, live = self.talk.facts.attached()
        unwaited = fields | dict.fromkeys(live, "0")
        self.talk.tell(HandoffClosed(self.step.queue, self.step.reason, self.talk.menu.application, unwaited))
        self.talk.leave("closed", self.step.exits["closed"])
        return True

    def prompt_over(self) -> None:
        if self.since is not None or self.with_agent or self.closed():
            return
        fields, live = self.talk.facts.attached()
        self.since = self.talk.now
        waiting = self.talk.pieces([self.step.waiting] if self.step.waiting else [])
        self.talk.tell(
            StartHandoff(
                self.step.queue,
                self.step.reason,
                self.step.priority_raise,
                self.talk.menu.application,
                fields,
                live,
                waiting,
                tells_place=bool(self.step.place),
                asks_to_resume=bool(self.step.resume),
            )
        )

    def keys_waiting(self) -> None:
        newest, _ = self.talk.keys.last_two()
        choice = None if self.with_agent else self.talk.everywhere(newest)
        if choice is not None and choice.go != "REPEAT" and not self.leads_here(choice):
            self.act_on(choice, newest)
            return
        self.talk.keys.drop_all()
        if newest == ONE and self.since is not None:
            self.pressed_one()
        if self.since is None and self.talk.stage.playing is not None and self.talk.stage.keys_may_interrupt():
            self.talk.stage.stop()
            self.prompt_over()

    def pressed_one(self) -> None:
        """The key of the queue: the lost place again where that was asked, a call back where that is offered."""
        if self.may_resume:
            self.may_resume = False
            self.talk.tell(TakePlace())
        elif "callback" in self.step.exits:
            self.wants_a_call = True
            self.talk.leave("callback", self.step.exits["callback"])

    def tell(self, prompt: str) -> None:
        if pieces := self.talk.pieces([prompt]):
            self.talk.tell(TellWaiting(pieces, (prompt,)))

    def leads_here(self, choice: Choice) -> bool:
        """Whether the caller already waits for what the key asks for; to queue again would lose the place.
        The emergency queue is not left for another one, by a key pressed in fear."""
        target = self.talk.menu.steps.get(choice.go)
        if not isinstance(target, HandoffStep):
            return False
        return target.queue == self.step.queue or (
            self.since is not None and self.step.queue == self.talk.menu.emergency
        )

    def stop_waiting(self) -> None:
        """The caller no longer waits, whyever."""
        if self.since is not None:
            self.talk.facts.waited += self.talk.now - self.since
            self.since = None

    def given_up(self) -> None:
        """The caller chose something else."""
        if self.since is not None:
            self.talk.tell(CancelHandoff(self.wants_a_call))
            self.stop_waiting()

    def outside(self, event: Event) -> None:
        if isinstance(event, DataEntered):
            self.talk.facts.enter(event.values)
        elif isinstance(event, HandoffResumed) and self.with_agent:
            self.with_agent, self.since = False, self.talk.now
        elif isinstance(event, SentBack) and self.with_agent and event.step in self.talk.menu.steps:
            self.talk.leave("sent back", event.step)
        elif isinstance(event, PlaceTold) and self.since is not None and self.step.place:
            self.talk.facts.position, self.talk.facts.wait_range = event.position, event.wait_range
            self.tell(self.step.place)
        elif isinstance(event, PlaceFound) and self.since is not None and self.step.resume:
            self.may_resume = True
            self.tell(self.step.resume)
        if not isinstance(event, HandoffEnded) or self.since is None:
            return
        self.stop_waiting()
        if event.outcome == "answered":
            self.with_agent = True
            self.talk.keys.drop_all()
            self.talk.tell(StepLeft(self.step.name, "answered"))
        else:
            self.talk.leave(event.outcome, self.step.exits[event.outcome])


class Transferring(Activity):
    """``transfer``: to an outside number. While it rings the keys of `everywhere` still act (M14)."""

    step: TransferStep

    def __init__(self, talk: Conversation, step: TransferStep) -> None:
        super().__init__(talk, step)
        self.asked = self.over = False
        self.away = False

    def begin(self) -> None:
        self.play(self.talk.pieces(self.step.say), self.talk.menu.manners.interrupt)

    def prompt_over(self) -> None:
        if not self.asked:
            self.asked = True
            self.talk.tell(StartTransfer(self.step.to))

    def keys_waiting(self) -> None:
        if not self.asked:
            super().keys_waiting()
            return
        newest, _ = self.talk.keys.last_two()
        choice = None if self.away else self.talk.everywhere(newest)
        if choice is not None and choice.go != "REPEAT" and not self.led_here(choice):
            self.act_on(choice, newest)
        else:
            self.talk.keys.drop_all()

    def led_here(self, choice: Choice) -> bool:
        """Whether this is what the key's own queue ends with: who asks for it again would only lose time."""
        target = self.talk.menu.steps.get(choice.go)
        return isinstance(target, HandoffStep) and self.step.name in target.exits.values()

    def given_up(self) -> None:
        if self.asked and not self.over:
            self.talk.tell(CancelTransfer())

    def outside(self, event: Event) -> None:
        if not isinstance(event, TransferEnded) or not self.asked or self.away:
            return
        self.over = True
        if event.outcome == "failed":
            self.talk.leave("failed", self.step.failed)
            return
        self.away = True
        self.talk.tell(StepLeft(self.step.name, "answered"))


class NotingCallback(Activity):
    """``callback``: on disk first, then its words, so that nothing is promised that could be lost."""

    step: CallbackStep

    def __init__(self, talk: Conversation, step: CallbackStep, queue: str) -> None:
        super().__init__(talk, step)
        self.queue = queue
        self.asked = self.noted = False

    def begin(self) -> None:
        number = self.talk.facts.all().get(self.step.number)
        if not can_be_called(number):
            self.talk.become(AskingNumber(self.talk, self.step, lambda _: self.talk.become(self)))
            return
        fields, live = self.talk.facts.attached()
        fields |= {name: str(int(self.talk.facts.waited)) for name in live}
        self.asked = True
        self.ring_in("note", NOTED_WITHIN)
        reason, keep_place = self.talk.facts.reason, self.step.keep_place
        language = self.talk.facts.language
        self.talk.tell(
            NoteCallback(str(number), self.queue, reason, fields, keep_place, self.step.rings, language)
        )

    def outside(self, event: Event) -> None:
        if not isinstance(event, CallbackNoted) or not self.asked or self.noted:
            return
        self.silence_timers("note")
        if not event.noted:
            self.talk.leave("failed", self.step.failed)
            return
        self.noted = True
        self.play(self.talk.pieces(self.step.say), self.talk.menu.manners.interrupt)

    def prompt_over(self) -> None:
        if self.noted:
            self.talk.leave("ok", self.step.ok)

    def rang(self, timer: str) -> None:
        if timer == "note":
            self.talk.leave("failed", self.step.failed)
