"""One call in virtual time: the real menu machine, with words for sound and settings for people.

Everything outside the machine that a call needs is played here: prompts take as long as speaking them
would, look-ups are answered by a store or by a fault, agents answer or do not. The record is the real one.
Time passes only when it is told to, so a call replays alike every time.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ivr.call.entered import RETURNING
from ivr.call.record import CallRecord, HandoffRecord
from ivr.menu import events as menu_events
from ivr.menu.facts import plain
from ivr.menu.machine import MenuMachine
from ivr.menu.model import AnyStep, Menu
from ivr.store.contracts import LookupResult
from ivr.testing.clock import FakeClock
from ivr.testing.said import spoken, words

LOOKUP_TIME = 0.2
"""Seconds an answer takes."""
NOTED_TIME = 0.05
Outcome = Literal["ok", "not_found", "refused", "slow", "down"]
PeopleDo = Literal["answer", "busy", "closed", "failed", "wait"]
MOST_AT_ONCE = 10_000
"""Things that may happen while a call is listened to; more is a circle."""


class Asked(Protocol):
    """Who answers look-ups: `SampleStore`, or a test's own."""

    def look_up(self, name: str, values: dict[str, object], key: str) -> LookupResult: ...


@dataclass
class Surroundings:
    """What the call meets outside the menu. May be changed while it goes on."""

    store: Asked
    faults: dict[str, Outcome] = field(default_factory=dict)
    """Look-up to what becomes of it, instead of asking the store."""
    given: dict[str, dict[str, object]] = field(default_factory=dict)
    """Look-up to the values it gives with ``ok``."""
    people: PeopleDo = "answer"
    people_after: float = 4.0
    """Seconds until somebody answers, or nobody does."""
    agent: str = "desk1"
    outside: Literal["answered", "failed"] = "answered"
    """What becomes of transfers to outside numbers."""
    callbacks: bool = True
    """Whether callbacks can be noted."""
    length: Callable[[menu_events.PlayPrompt], float] | None = None
    """Seconds a prompt takes; by its letters where nobody measures it."""

    def fault(self, name: str) -> Outcome | None:
        """What becomes of a look-up that is asked now, instead of an answer."""
        return self.faults.get(name)

    def nobody_answers(self, name: str) -> None:
        """A look-up was asked that the store does not answer."""

    def elsewhere(self, menu: Menu, command: menu_events.LookUp) -> LookupResult:
        """The answer of whoever answers in place of the store; nobody, here."""
        self.nobody_answers(command.name)
        return LookupResult("down")

    def person(self, command: menu_events.StartHandoff) -> tuple[PeopleDo, str, float]:
        """What people do for a caller who waits from now on, who of them, and after how many seconds."""
        return self.people, self.agent, self.people_after


@dataclass(frozen=True, slots=True)
class Heard:
    """A prompt that began to sound."""

    at: float
    """Seconds since the call was answered."""
    prompts: tuple[str, ...]
    words: str
    """As they were said; what is secret is masked."""
    values: dict[str, str] = field(repr=False)
    """All values at that moment, but the secret ones."""
    language: str = ""


class Call:
    """A caller and a menu. `watch` is told of every command of the machine."""

    def __init__(
        self,
        menu: Menu,
        around: Surroundings,
        clock: FakeClock,
        *,
        caller: str = "",
        called: str = "ivr",
        currency: str = "USD",
        watch: Callable[[menu_events.Command], None] | None = None,
        watch_lookup: Callable[[str, str, dict[str, object]], None] | None = None,
    ) -> None:
        """`watch_lookup` is told of answers: name, outcome, values."""
        self.menu = menu
        self.around = around
        self.clock = clock
        languages = frozenset(known.code for known in menu.languages)
        self.machine = MenuMachine(menu, call_id="try", recogniser_languages=languages, currency=currency)
        self.record = CallRecord(
            id="try",
            caller=caller or "anonymous",
            called=called,
            started=clock.utc(),
            menu=f"{menu.name}@{menu.version}",
        )
        self.heard: list[Heard] = []
        self.playing: menu_events.PlayPrompt | None = None
        self.playing_until = 0.0
        self.playing_from = 0.0
        self.handoff: menu_events.StartHandoff | None = None
        """The caller waits for a person."""
        self.with_agent = ""
        """Who talks to the caller now; ``outside`` for a transfer."""
        self.entered: dict[str, str] = {}
        """What agents have entered for the menu (``from_agent:``), by the menu's names."""
        self.over = False
        self._caller = caller
        self._watch = watch or (lambda command: None)
        self._watch_lookup = watch_lookup or (lambda name, outcome, values: None)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0
        self._began = clock.monotonic()
        self._listening: menu_events.Listen | None = None
        self.recording: menu_events.StartRecording | None = None
        """The caller has heard the beep."""
        self._recorded_from = 0.0
        self._spoken = False
        """Whether the caller said anything since the beep."""

    # --- what the caller does ---------------------------------------------------------------------------

    def answer(self) -> None:
        """The call begins."""
        self.record.answered = self.clock.utc()
        self._tell(menu_events.CallAnswered(self._caller, self.record.called, self.clock.utc()))

    def press(self, key: str) -> None:
        """One key; a prompt that may be interrupted by keys falls silent first, as in the media worker."""
        if self.over:
            return
        self.record.keys.pressed(key, self.seconds)
        if self.playing is not None and self.playing.interrupt in ("any", "keys"):
            self._play_over(finished=False)
        self._tell(menu_events.KeyPressed(key))

    def say(self, words: str) -> bool:
        """Speak; False if nobody listens. What is not among the phrases is heard as nothing that fits."""
        if self.recording is not None and not self.over:
            self._spoken = True
            return True
        if self.over or self._listening is None:
            return False
        if self.playing is not None and self.playing.interrupt in ("any", "speech"):
            self._play_over(finished=False)
        self._tell(menu_events.SpeechBegan())
        listening = self._listening
        said = " ".join(words.lower().split())
        digits = said.replace(" ", "")
        known = listening is not None and any(f" {phrase} " in f" {said} " for phrase in listening.phrases)
        number = listening is not None and listening.digits and digits.isdigit()
        self._tell(menu_events.PhraseHeard(digits if number else said if known else "", 1.0))
        return True

    def hang_up(self) -> None:
        if not self.over:
            for command in self.machine.handle(menu_events.CallerHungUp(), self.clock.monotonic()):
                self._do(command)
            self._end("caller", "BYE")

    def wait(self, seconds: float) -> None:
        """Time passes; whatever is due happens when it is due."""
        end = self.clock.monotonic() + seconds
        while not self.over and (at := self.next_event) is not None and at <= end:
            self._advance(at)
        if not self.over:
            self.clock.advance(max(0.0, end - self.clock.monotonic()))

    def listen(self) -> None:
        """Until everything is said and it is the caller's turn, or only time could change something."""
        for _ in range(MOST_AT_ONCE):
            if self.over or (self.playing is None and not self._due):
                return
            at = self.next_event
            if at is None or (self.playing is None and (self.handoff or self.recording) is not None):
                return
            self._advance(at)

    def step_on(self, until: float) -> bool:
        """Let the next thing happen, if it is due by `until` (monotonic seconds); whether it was."""
        at = self.next_event
        if self.over or at is None or at > until:
            return False
        self._advance(at)
        return True

    # --- where it is --------------------------------------------------------------------------------------

    @property
    def seconds(self) -> float:
        """Since the call was answered."""
        return self.clock.monotonic() - self._began

    @property
    def step(self) -> AnyStep | None:
        """The step the call is at."""
        return self.menu.steps.get(self.machine.step)

    @property
    def callers_turn(self) -> bool:
        """Nothing sounds, and a question waits for an answer."""
        return self.playing is None and not self._due and "no_input" in self.machine.stage.timers

    @property
    def next_event(self) -> float | None:
        """Monotonic time of the next thing that happens by itself."""
        times = [self._due[0][0]] if self._due else []
        if self.machine.deadline is not None:
            times.append(self.machine.deadline)
        if self.playing is not None:
            times.append(self.playing_until)
        return max(min(times), self.clock.monotonic()) if times else None

    @property
    def timers(self) -> dict[str, float]:
        """Clocks that run, by name, to the seconds that are left."""
        now = self.clock.monotonic()
        return {name: at - now for name, at in sorted(self.machine.stage.timers.items()) if name != "play"}

    def values(self) -> dict[str, str]:
        """What is known about the caller, without what is secret."""
        facts = self.machine.facts.all()
        return {name: plain(value) for name, value in facts.items() if name not in self.menu.secrets}

    # --- time ---------------------------------------------------------------------------------------------

    def _advance(self, at: float) -> None:
        self.clock.advance(max(0.0, at - self.clock.monotonic()))
        now = self.clock.monotonic()
        if self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[2]()
        elif self.playing is not None and self.playing_until <= now:
            self._play_over(finished=True)
        else:
            for command in self.machine.expire(now):
                self._do(command)

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._due, (self.clock.monotonic() + seconds, self._order, do))

    def _tell(self, event: menu_events.Event) -> None:
        if isinstance(event, RETURNING) and self.menu.from_agent:
            self._tell(menu_events.DataEntered(dict(self.entered)))
        if not self.over:
            for command in self.machine.handle(event, self.clock.monotonic()):
                self._do(command)

    # --- what the machine says ------------------------------------------------------------------------------

    def _do(self, command: menu_events.Command) -> None:
        self._watch(command)
        match command:
            case menu_events.PlayPrompt():
                self._play(command)
            case menu_events.StopPrompt():
                self.playing = None
            case menu_events.Listen():
                self._listening = command
            case menu_events.StopListening():
                self._listening = None
            case menu_events.LookUp():
                self._look_up(command)
            case menu_events.StartHandoff():
                self._hand_off(command)
            case menu_events.StartRecording():
                self._record(command)
            case menu_events.StopRecording():
                self._recorded()
            case menu_events.CancelHandoff():
                self._handoff_over("abandoned", "")
            case menu_events.StartTransfer():
                self._later(self.around.people_after, self._transferred)
            case menu_events.NoteCallback():
                noted = self.around.callbacks
                if noted and self.record.handoffs:
                    self.record.handoffs[-1].outcome = "callback"
                self._later(NOTED_TIME, lambda: self._tell(menu_events.CallbackNoted(noted)))
            case menu_events.HangUp():
                self._end("system", command.reason)
            case _:
                self._note(command)

    def _note(self, command: menu_events.Command) -> None:
        match command:
            case menu_events.StepEntered():
                self.record.enter(command.step, self.seconds)
            case menu_events.StepLeft():
                self.record.leave(command.step, command.exit)
            case menu_events.KeysConsumed():
                self.record.keys.consumed(command.count, secret=command.secret)
            case menu_events.KeysDropped():
                self.record.keys.dropped(command.count)
            case menu_events.HandoffClosed():
                data, moment = {command.application: dict(command.fields)}, self.clock.utc()
                closed = HandoffRecord(command.queue, command.reason, data, moment, outcome="closed", waited=0.0)
                self.record.handoffs.append(closed)
            case menu_events.GoalReached():
                self.record.goals.append(command.goal)

    def _play(self, command: menu_events.PlayPrompt) -> None:
        self.playing = command
        self.playing_from = self.clock.monotonic()
        self.playing_until = self.playing_from + (self.around.length or spoken)(command)
        language = self.machine.facts.language
        self.heard.append(Heard(self.seconds, command.prompts, words(command.pieces), self.values(), language))

    def _play_over(self, *, finished: bool) -> None:
        command, self.playing = self.playing, None
        if command is None:
            return
        entry = {
            "prompts": list(command.prompts),
            "at": round(self.playing_from - self._began, 3),
            "played": round(self.clock.monotonic() - self.playing_from, 3),
            "why": "finished" if finished else "interrupted",
        }
        self.record.prompts.append(entry)
        self._tell(menu_events.PromptEnded(command.play, finished))

    def _look_up(self, command: menu_events.LookUp) -> None:
        operation = operation_of(self.menu, command.name)
        outcome = self.around.fault(command.name)
        if outcome == "slow":
            self.record.lookups.append({"name": command.name, "outcome": "slow", "seconds": command.limit})
            self._watch_lookup(command.name, "slow", {})
            return
        if outcome is not None and outcome != "ok":
            result = LookupResult(outcome)
        elif command.name in self.around.given:
            result = LookupResult("ok", dict(self.around.given[command.name]))
        elif operation is None:
            result = self.around.elsewhere(self.menu, command)
        else:
            result = self.around.store.look_up(operation, dict(command.values), command.key)
        entry = {"name": command.name, "outcome": result.outcome, "seconds": LOOKUP_TIME}
        self.record.lookups.append(entry)
        ended = menu_events.LookupEnded(command.lookup, result.outcome, dict(result.values))
        self._later(LOOKUP_TIME, lambda: self._answered(command.name, ended))

    def _answered(self, name: str, ended: menu_events.LookupEnded) -> None:
        self._watch_lookup(name, ended.outcome, ended.values)
        self._tell(ended)

    def _record(self, command: menu_events.StartRecording) -> None:
        """Until the caller falls silent: at once, unless he speaks (`say`) first."""
        self.recording, self._recorded_from, self._spoken = command, self.clock.monotonic(), False
        self._later(command.silence, lambda: self._recorded(command))

    def _recorded(self, command: menu_events.StartRecording | None = None) -> None:
        recording = self.recording
        if recording is None or (command is not None and command is not recording):
            return
        self.recording = None
        seconds = self.clock.monotonic() - self._recorded_from
        file = f"{self.record.id}-{recording.step}.wav" if self._spoken else ""
        self._tell(menu_events.RecordingEnded(recording.recording, file, seconds if file else 0.0))

    # --- people -----------------------------------------------------------------------------------------------

    def _hand_off(self, command: menu_events.StartHandoff) -> None:
        self.handoff = command
        fields = dict(command.fields) | dict.fromkeys(command.live_fields, "0")
        blocks = {command.application: fields}
        for place, name in self.menu.from_agent.items():
            if text := self.entered.get(name):
                blocks.setdefault(place.application, {})[place.name] = text
        self.record.handoffs.append(HandoffRecord(command.queue, command.reason, blocks, self.clock.utc()))
        if command.waiting:
            prompts = tuple(dict.fromkeys(piece.prompt for piece in command.waiting))
            language = self.machine.facts.language
            self.heard.append(Heard(self.seconds, prompts, words(command.waiting), self.values(), language))
        people, agent, after = self.around.person(command)
        if people != "wait":
            self._later(after, lambda: self.people_do(people, command, agent))

    def people_do(self, what: PeopleDo, command: menu_events.StartHandoff | None = None, agent: str = "") -> None:
        """Somebody answers the caller who waits, or nobody will; nothing if that caller waits no more."""
        if self.handoff is None or (command is not None and self.handoff is not command) or what == "wait":
            return
        agent = (agent or self.around.agent) if what == "answer" else ""
        outcomes: dict[str, str] = {"answer": "answered", "busy": "overflow"}
        self._handoff_over(outcomes.get(what, what), agent)
        if what == "answer":
            self.with_agent = agent
            self._tell(menu_events.HandoffEnded("answered", agent))
        else:
            self._tell(menu_events.HandoffEnded(what))

    def send_back(self, step: str) -> None:
        """The agent who talks to the caller sends him back to a step of the menu."""
        self.with_agent = ""
        self._tell(menu_events.SentBack(step))

    def _handoff_over(self, outcome: str, agent: str) -> None:
        if self.handoff is None:
            return
        record = self.record.handoffs[-1]
        waited = (self.clock.utc() - record.started).total_seconds()
        fields = record.attached_data.get(self.handoff.application, {})
        fields.update({name: str(int(waited)) for name in self.handoff.live_fields})
        record.outcome, record.waited, record.agent = outcome, waited, agent
        self.handoff = None

    def _transferred(self) -> None:
        if self.around.outside == "answered":
            self.with_agent = "outside"
        self._tell(menu_events.TransferEnded(self.around.outside))

    def _end(self, by: str, reason: str) -> None:
        self._handoff_over("abandoned", "")
        self.over = True
        self.playing = None
        self.record.end(by, reason)
        self.record.ended = self.clock.utc()
        self.record.language = self.machine.facts.language


def operation_of(menu: Menu, name: str) -> str | None:
    """What the customer store calls a look-up; None where somebody else is asked, who is not here."""
    by = getattr(menu, "answered", {}).get(name)
    if by is None:
        return name
    return str(by.operation) if by.connector.kind == "sqlite" else None
