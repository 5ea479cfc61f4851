"""``record``: what the caller says after the beep, until silence, the end key, or the longest time.

    words ──▶ StartRecording ──▶ RecordingEnded ──▶ go
                   │  end key: StopRecording, and its RecordingEnded is waited for
                   └─ a key of `everywhere`: StopRecording, and there at once

No secret question is ever open while this is done, and no key pressed meanwhile becomes part of the sound.
"""

from __future__ import annotations

from ivr.menu.activity import Activity, Conversation
from ivr.menu.events import Event, RecordingEnded, StartRecording, StopRecording
from ivr.menu.model import RecordStep

END_PATIENCE = 5.0
"""Seconds beyond the longest time after which the end of a recording is taken for lost."""


class Recording(Activity):
    step: RecordStep

    def __init__(self, talk: Conversation, step: RecordStep, number: int) -> None:
        super().__init__(talk, step)
        self.number = number
        self.begun = self.stopped = False

    def begin(self) -> None:
        self.talk.keys.drop_all()  # what was typed ahead is no part of a message
        self.talk.facts.forget([self.step.answer])
        self.play(self.talk.pieces(self.step.say), self.talk.menu.manners.interrupt)

    def prompt_over(self) -> None:
        if self.begun:
            return
        self.begun = True
        self.talk.keys.drop_all()
        self.talk.tell(StartRecording(self.number, self.step.name, self.step.most, self.step.wait))
        self.ring_in("recording", self.step.most + END_PATIENCE)

    def keys_waiting(self) -> None:
        if not self.begun:
            super().keys_waiting()
            return
        newest, _ = self.talk.keys.last_two()
        choice = self.talk.everywhere(newest)
        if choice is not None and choice.go != "REPEAT" and newest != self.step.end_key:
            self.stop()
            self.act_on(choice, newest)
            return
        self.talk.keys.drop_all()
        if newest == self.step.end_key:
            self.stop()

    def stop(self) -> None:
        if self.begun and not self.stopped:
            self.stopped = True
            self.talk.tell(StopRecording())
            self.ring_in("recording", END_PATIENCE)

    def outside(self, event: Event) -> None:
        if not isinstance(event, RecordingEnded) or event.recording != self.number or not self.begun:
            return
        self.stopped = True
        if event.file:
            self.talk.facts.put(self.step.answer, event.file)
        self.talk.leave("go", self.step.go)

    def rang(self, timer: str) -> None:
        if timer == "recording":
            self.stop()
            self.talk.leave("go", self.step.go)

    def given_up(self) -> None:
        self.stop()
