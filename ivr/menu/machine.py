"""The conversation of one call as a pure state machine.

    CallAnswered ─▶ step ─▶ step ─▶ … ─▶ END ─▶ HangUp
                     │  requires what is not proved: the level's start … RETURN
                     │  a key or phrase of `everywhere`, from any step
                     └─ anything impossible: on_fault, and if that fails too, HangUp

A step is done by an `Activity`; the machine hands it events, keeps the order of the steps and never
stays anywhere without a timer, a play, or an answer from outside to wait for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from ivr.menu.activity import Activity
from ivr.menu.asking import AskingDigits
from ivr.menu.events import (
    CallAnswered,
    CallerHungUp,
    Command,
    Event,
    GoalReached,
    HangUp,
    KeyPressed,
    PhraseHeard,
    Piece,
    PromptEnded,
    SpeechBegan,
    StepEntered,
    StepLeft,
)
from ivr.menu.facts import Facts
from ivr.menu.key_ledger import KeyLedger
from ivr.menu.looking_up import LookingUp
from ivr.menu.model import (
    AnyStep,
    AskStep,
    CallbackStep,
    CheckStep,
    Choice,
    HandoffStep,
    LookupStep,
    Menu,
    MenuStep,
    RecordStep,
    ReturnStep,
    RunStep,
    SayStep,
    TransferStep,
    scope,
)
from ivr.menu.prompts import compose
from ivr.menu.question import AskingMenu
from ivr.menu.reaching_people import HandingOff, NotingCallback, Transferring
from ivr.menu.recording import Recording
from ivr.menu.running import Returning, Running
from ivr.menu.stage import Stage
from ivr.menu.telling import Checking, Saying

logger = logging.getLogger(__name__)

MOST_STEPS_AT_ONCE = 60
"""Steps passed without the caller hearing or doing anything; more is a circle."""
MOST_FAULTS = 3
"""Faults in one call after which it is ended."""
KEY_GRACE = 0.3
"""Seconds the key that cut a prompt off may come later than the news that it was cut off; which of the two
comes first must not decide what the key means."""
KEYS = frozenset("0123456789*#ABCD")


class MenuMachine:
    """Plays `menu` for one caller. `recogniser_languages`: languages in which speech is heard."""

    def __init__(
        self,
        menu: Menu,
        *,
        call_id: str,
        recogniser_languages: frozenset[str] = frozenset(),
        currency: str = "USD",
        start: str = "",
        language: str = "",
    ) -> None:
        """`start` and `language` are those of a customer who is rung back; else the menu's own."""
        self.menu = menu
        self.facts = Facts(menu, call_id)
        if language:
            self.facts.put("language", language)
        self._start = start if start in menu.steps else menu.start
        self.stage = Stage()
        self.keys = KeyLedger(self.stage.tell)
        self.now = 0.0
        self.ended = False
        self._call_id = call_id
        self._languages = recogniser_languages
        self._currency = currency
        self._activity: Activity | None = None
        self._next: tuple[str, str] | None = None
        """Exit and target of the step that is being left."""
        self._left = False
        """Whether StepLeft has been told of the step the call is at."""
        self._returns: list[str] = []
        """Steps that wait for a level to be proved."""
        self._questions: list[str] = []
        """Questions passed, for BACK."""
        self._queue = ""
        """Queue of the last handoff."""
        self._aftermath = False
        """Since a handoff that found nobody, until the caller chooses something."""
        self._lookups = self._recordings = 0
        self._faults = 0

    def __repr__(self) -> str:
        return f"<MenuMachine {self.menu.name} call {self._call_id} at {self.step or 'no step'}>"

    @property
    def step(self) -> str:
        """Name of the step the call is at; empty before the first and after the end."""
        return self._activity.step.name if self._activity and not self.ended else ""

    # --- events in, commands out -----------------------------------------------------------------------

    @property
    def deadline(self) -> float | None:
        """Monotonic time to call `expire`; None while only an event can move the call."""
        return None if self.ended else min(self.stage.timers.values(), default=None)

    def handle(self, event: Event, now: float) -> list[Command]:
        """What happened; what to do about it. Nothing once the call is over."""
        if self.ended:
            return []
        self.now = max(now, self.now)
        self._guarded(lambda: self._take(event))
        return self._commands()

    def expire(self, now: float) -> list[Command]:
        """The deadline has come; too early a call does nothing."""
        self.now = max(now, self.now)
        while not self.ended and (due := self._due()):
            self._guarded(lambda timer=due: self._rang(timer))  # type: ignore[misc]
        return self._commands()

    def _due(self) -> str:
        name, at = min(self.stage.timers.items(), key=lambda one: one[1], default=("", 0.0))
        return name if name and at <= self.now else ""

    def _commands(self) -> list[Command]:
        commands, self.stage.commands = self.stage.commands, []
        return commands

    def _take(self, event: Event) -> None:
        if isinstance(event, CallerHungUp):
            self._hung_up()
        elif isinstance(event, KeyPressed):
            self._key(event.key)
        elif self._activity is None:
            if isinstance(event, CallAnswered):
                self.facts.begin(event.calling_number, event.utc, self.now)
                self._next = ("", self._start)
        elif isinstance(event, PromptEnded):
            self._prompt_ended(event)
        elif isinstance(event, SpeechBegan):
            self._activity.speech_began()
        elif isinstance(event, PhraseHeard):
            self._activity.phrase(event)
        else:
            self._activity.outside(event)

    def _key(self, key: str) -> None:
        if key not in KEYS:
            logger.warning("unknown_key call=%s", self._call_id)
            return
        if self.keys.press(key, self.now):
            self._end_key_swallowed()
        elif self._activity is not None:
            self._activity.keys_waiting()

    def _end_key_swallowed(self) -> None:
        """The key meant nothing, but it has silenced what was being said: say it again."""
        cut = self.stage.cut_off is not None or (
            self.stage.playing is not None and self.stage.keys_may_interrupt()
        )
        if cut and self.stage.play_again(self.now):
            for timer in ("no_input", "cut_off"):
                self.stage.timers.pop(timer, None)

    def _prompt_ended(self, event: PromptEnded) -> None:
        assert self._activity is not None
        if not self.stage.ended(event.play, finished=event.finished):
            return
        if not event.finished and not self._activity.is_question:
            self.stage.timers["cut_off"] = self.now + KEY_GRACE
        else:
            self._activity.prompt_over()

    def _rang(self, timer: str) -> None:
        self.stage.timers.pop(timer)
        assert self._activity is not None
        if timer == "play":
            logger.warning("prompt_end_lost call=%s step=%s", self._call_id, self.step)
            self.stage.playing = None
        if timer in ("play", "cut_off"):
            self._activity.prompt_over()
        else:
            self._activity.rang(timer)

    def _hung_up(self) -> None:
        self.keys.drop_all()
        if self._activity is not None:
            self._say_left("hung_up")
        self._over()

    # --- the way through the menu ------------------------------------------------------------------------

    def _guarded(self, act: Callable[[], None]) -> None:
        """Do it, then go where it leads. The last line of defence: a fault here costs the step, not the call."""
        try:
            act()
            self._walk()
        except Exception as error:
            # Neither the text of the error nor its traceback is logged: they could hold what a caller typed.
            trace = error.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            line = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else "?"
            logger.error(
                "menu_fault call=%s step=%s error=%s at=%s", self._call_id, self.step, type(error).__name__, line
            )
            self._fault()

    def _fault(self) -> None:
        """Something impossible: `on_fault`, unless that is where it happened or it happens again and again."""
        self._faults += 1
        if (
            self._faults > MOST_FAULTS
            or self.step == self.menu.on_fault
            or self.menu.on_fault not in self.menu.steps
        ):
            self._hang_up("fault")
            return
        self._next = ("fault", self.menu.on_fault)
        try:
            self._walk()
        except Exception as error:  # see _guarded
            logger.error("menu_fault call=%s on_fault error=%s", self._call_id, type(error).__name__)
            self._hang_up("fault")

    def _walk(self) -> None:
        """Go on until the call stays somewhere."""
        passed = 0
        while self._next is not None and not self.ended:
            exit, target = self._next
            self._next = None
            passed += 1
            if passed > MOST_STEPS_AT_ONCE:
                logger.error("menu_circle call=%s step=%s", self._call_id, self.step)
                self._fault()
                return
            self._go(exit, target)
        if self._activity is not None and not self._activity.is_question:
            self.stage.stop_listening()

    def _go(self, exit: str, target: str) -> None:
        if self._activity is not None:
            self._activity.given_up()
            self._say_left(exit)
        if self.stage.playing is not None:
            self.stage.stop()
        self.stage.cut_off = None
        self.stage.timers.clear()
        if target == "END" or (target == "RETURN" and self.menu.runs_inside and not self._returns):
            self._hang_up("end of menu")
            return
        self._enter(self.menu.steps[self._resolved(target)])

    def _resolved(self, target: str) -> str:
        """The step that a target means."""
        if target == "START":
            self._returns.clear()
            return self.menu.start
        if target == "RETURN":
            if not self._returns:
                logger.error("return_to_nowhere call=%s step=%s", self._call_id, self.step)
                return self.menu.on_fault
            return self._returns.pop()
        if target == "BACK":
            while self._questions and self._questions[-1] == self.step:
                self._questions.pop()
            return self._questions.pop() if self._questions else self.menu.start
        if target == "REPEAT":
            return self.step or self.menu.start
        return target

    def _enter(self, step: AnyStep) -> None:
        self.facts.path.append(step.name)
        self._left = False
        self.tell(StepEntered(step.name))
        self._activity = Activity(self, step)
        if step.requires and not self.facts.holds(step.requires):
            self._detour(step)
            return
        if step.miss and self._tried_enough(step.miss):
            self._returns.clear()
            self.leave("failed", self.menu.levels[step.miss].failed)
            return
        self._note_topic(step)
        self.facts.assign(step.set)
        if step.goal:
            self.tell(GoalReached(step.goal))
        self._activity = self._activity_for(step)
        if self._activity.is_question:
            self._questions = [*self._questions[-50:], step.name]
        self._activity.begin()

    def _detour(self, step: AnyStep) -> None:
        """To the proof first, and back by RETURN; callers who have used up their tries do not get another."""
        level = self.menu.levels[step.requires]
        self._note_topic(step)
        if self.facts.tries.get(step.requires, 0) >= level.tries:
            self._returns.clear()
            self.leave("failed", level.failed)
            return
        self._returns = [one for one in self._returns if one != step.name] + [step.name]
        self.leave("requires", level.start)

    def _tried_enough(self, level: str) -> bool:
        self.facts.tries[level] = self.facts.tries.get(level, 0) + 1
        return self.facts.tries[level] >= self.menu.levels[level].tries

    def _note_topic(self, step: AnyStep) -> None:
        """TOPIC is the last business step: what led to a person, the proof and plain choices of way are none."""
        led_to_person = isinstance(step, (HandoffStep, TransferStep, CallbackStep, CheckStep, RunStep, ReturnStep))
        if not led_to_person and not self._returns and not self._aftermath:
            self.facts.topic = step.name

    def _activity_for(self, step: AnyStep) -> Activity:
        match step:
            case SayStep():
                return Saying(self, step)
            case MenuStep():
                return AskingMenu(self, step)
            case AskStep():
                return AskingDigits(self, step)
            case LookupStep():
                self._lookups += 1
                return LookingUp(self, step, self._lookups)
            case CheckStep():
                return Checking(self, step)
            case HandoffStep():
                self._queue, self._aftermath = step.queue, True
                return HandingOff(self, step)
            case TransferStep():
                return Transferring(self, step)
            case CallbackStep():
                return NotingCallback(self, step, self._queue)
            case RecordStep():
                self._recordings += 1
                return Recording(self, step, self._recordings)
            case RunStep():
                return Running(self, step)
            case ReturnStep():
                return Returning(self, step)

    def _say_left(self, exit: str) -> None:
        if not self._left and self._activity is not None:
            self._left = True
            self.tell(StepLeft(self._activity.step.name, exit))

    def _hang_up(self, reason: str) -> None:
        self.keys.drop_all()
        self._say_left("fault" if reason == "fault" else "go")
        self.stage.stop_listening()
        self.tell(HangUp(reason))
        self._over()

    def _over(self) -> None:
        self.ended = True
        self._next = None
        self.stage.timers.clear()

    # --- for activities ------------------------------------------------------------------------------------

    def tell(self, command: Command) -> None:
        if isinstance(command, StepLeft):
            self._left = True
        self.stage.tell(command)

    def doing(self, activity: Activity) -> bool:
        return self._activity is activity and self._next is None and not self.ended

    def leave(self, exit: str, target: str) -> None:
        if exit.startswith(("key ", "said ")):
            self._aftermath = False
        self._next = (exit, target)

    def become(self, activity: Activity) -> None:
        self.stage.stop()
        self.stage.cut_off = None
        self.stage.timers.clear()
        self._activity = activity
        activity.begin()

    def hears(self, language: str) -> bool:
        return language in self._languages

    def pieces(self, prompts: Iterable[str], extra: dict[str, object] | None = None) -> tuple[Piece, ...]:
        book = self.menu.language(self.facts.language).book
        extra, place = extra or {}, scope(self.step)
        found: tuple[Piece, ...] = ()
        for prompt in prompts:
            text = book.prompts.get(prompt)
            if text is None:
                continue
            values, today = extra, None
            if any(
                name != "key" for name in text.variables
            ):  # most need nothing, and nothing is gathered for them
                values, today = self.facts.seen_from(place) | extra, self.facts.today(self.now)
            secret = not self.menu.secrets.isdisjoint(place + name for name in text.variables)
            found += compose(book, prompt, values, currency=self._currency, secret=secret, today=today)
        return found

    def everywhere(self, key: str) -> Choice | None:
        return next((one for one in self._everywhere() if key and one.press == key), None)

    def everywhere_speech(self) -> list[Choice]:
        return [one for one in self._everywhere() if one.phrases(self.facts.language)]

    def _everywhere(self) -> list[Choice]:
        facts = self.facts.all()
        return [one for one in self.menu.everywhere if one.show_if is None or one.show_if.holds(facts)]

    def take_everywhere(self, choice: Choice, exit: str) -> None:
        assert self._activity is not None
        self.facts.assign(choice.set)
        if choice.go == "REPEAT":
            self._activity.repeat()
            return
        self._returns.clear()
        self._aftermath = False
        self.leave(exit, choice.go)
