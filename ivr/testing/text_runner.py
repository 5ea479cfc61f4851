"""Running test calls as text: no sound, virtual time, some twenty milliseconds a call.

A caller who presses or speaks has heard what was said before, unless ``during`` names the prompt that is cut
off. ``hear`` waits for its prompts, and fails as soon as the menu waits for the caller instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ivr.call.keys import MASK
from ivr.errors import ImportRowsError, Problem
from ivr.menu.activity import KEY_NAMES
from ivr.menu.events import PlayPrompt
from ivr.menu.model import Menu
from ivr.testing.call_file import Action, TestCall, duration, most
from ivr.testing.call_names import unknown_names
from ivr.testing.clock import FakeClock
from ivr.testing.desks import Fault, Stage
from ivr.testing.sample_store import SampleStore
from ivr.testing.simulation import Call, Heard

PATIENCE = 120.0
"""Seconds of virtual time a caller waits for a prompt, if the menu does not wait for him."""
_SIGNS = {name: sign for sign, name in KEY_NAMES.items()}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one test."""

    test: TestCall
    problems: tuple[Problem, ...]
    """Empty: passed. Each has the line of the test file, and says where in the menu the call was."""
    path: tuple[str, ...]
    """Steps the call went through."""

    @property
    def passed(self) -> bool:
        return not self.problems


class _Failed(Exception):
    pass


def run_test(menu: Menu, test: TestCall, *, currency: str = "USD") -> Result:
    """Play the test against `menu` and compare. A store of its own, with the sample customers."""
    strange = unknown_names(menu, test)
    if strange:
        return Result(test, tuple(strange), ())
    clock = FakeClock(test.now)
    try:
        with SampleStore(clock, currency=currency, customers=test.customers, path=test.path) as store:
            stage = _stage(menu, test, store)
            player = _Player(menu, test, Call(menu, stage, clock, caller=test.caller, currency=currency), stage)
            player.play()
            return Result(test, tuple(player.problems), tuple(player.call.record.path))
    except ImportRowsError as error:
        told = [f"{one.where}: {one.message}" if one.where else one.message for one in error.problems]
        found = [Problem(test.path, one, test.store_line, 0, "store") for one in told]
        return Result(test, tuple(found), ())


def _stage(menu: Menu, test: TestCall, store: SampleStore) -> Stage:
    stage = Stage(store, menu=menu, desks=test.desks, planned=dict(test.faults))
    stage.given.update(test.answers)
    return stage


class _Player:
    def __init__(self, menu: Menu, test: TestCall, call: Call, stage: Stage) -> None:
        self.menu = menu
        self.stage = stage
        self.test = test
        self.call = call
        self.problems: list[Problem] = []
        self.cursor = 0
        """Plays that were heard and are done with."""
        self.own: list[tuple[float, float]] = []
        """When the caller was silent or talking by himself: from, until, in seconds since the answer."""

    def play(self) -> None:
        self.call.answer()
        for action in self.test.actions:
            try:
                getattr(self, f"do_{action.kind}")(action)
            except _Failed as failed:
                self.problems.append(self.problem(str(failed), action.line, action.kind))
                break
        else:
            if not self.call.over:
                self.call.listen()
        if not self.problems:
            self.call.hang_up()
            self.compare()
        for name in dict.fromkeys(self.stage.unanswered):
            by = self.menu.answered[name].connector.name
            message = f"{name} is answered by {by}, which no test asks; write answers: {{{name}: {{…}}}}"
            self.problems.append(Problem(self.test.path, message, self.test.line, 0, "given"))

    def problem(self, message: str, line: int, where: str) -> Problem:
        return Problem(self.test.path, f"{message} [{self.place()}]", line, 0, where)

    def place(self) -> str:
        path = self.call.record.path
        step = self.call.step or self.menu.steps.get(path[-1] if path else "")
        if step is None:
            return self.menu.path
        file = self.menu.file_of(step.name)
        return f"{step.name}, {file}:{step.line}"

    # --- actions --------------------------------------------------------------------------------------------

    def do_hear(self, action: Action) -> None:
        wanted = action.value if isinstance(action.value, list) else [action.value]
        if action.beside.get("anywhere") == "true":
            said = {prompt for play in self.call.heard for prompt in play.prompts}
            wanted = [one for one in wanted if one not in said]
            if not wanted:
                return
        heard = self.heard_all([str(one) for one in wanted], duration(action.beside.get("within")) or PATIENCE)
        if isinstance(heard, str):
            if action.beside.get("optional") == "true":
                return
            raise _Failed(heard)
        for name, value in (action.beside.get("with") or {}).items():
            if heard.values.get(name, "") != value:
                if name in self.menu.secrets:
                    raise _Failed(f"{name} is secret; a test cannot compare it")
                raise _Failed(f"{name} is {heard.values.get(name, '')!r} and not {value!r}")

    def heard_all(self, wanted: list[str], within: float) -> Heard | str:
        """The play in which the last of them was heard, or what was heard instead."""
        until = self.call.clock.monotonic() + within
        at, rest = self.cursor, list(wanted)
        while True:
            while at < len(self.call.heard) and rest:
                play = self.call.heard[at]
                for prompt in play.prompts:
                    if rest and prompt == rest[0]:
                        rest.pop(0)
                if not rest:
                    self.cursor = at
                    return play
                at += 1
            if self.call.over or self.call.callers_turn or not self.call.step_on(until):
                said = [prompt for play in self.call.heard[self.cursor :] for prompt in play.prompts]
                instead = ", ".join(said) if said else "nothing"
                ended = "; the call is over" if self.call.over else ""
                return f"{rest[0]} was not heard; heard was {instead}{ended}"

    def do_press(self, action: Action) -> None:
        self.until_turn(action)
        before, sounding = len(self.call.heard), self.call.playing
        for key in str(action.value).split():
            for sign in [_SIGNS[key]] if key in _SIGNS else key:
                self.call.press(sign)
        self.new_from(before, sounding)
        self.stopped(action, sounding)

    def do_say(self, action: Action) -> None:
        self.until_turn(action)
        words = str(action.beside.get("as_text") or action.value)
        if words.endswith(".wav"):
            raise _Failed("a recording says nothing here; write as_text: beside it")
        before, sounding = len(self.call.heard), self.call.playing
        if not self.call.say(words):
            raise _Failed("nobody listens to speech here")
        self.new_from(before, sounding)
        self.stopped(action, sounding)

    def stopped(self, action: Action, sounding: PlayPrompt | None) -> None:
        """Without sound a prompt stops at once, or it does not."""
        if "stops_within" in action.beside and sounding is not None and self.call.playing is sounding:
            raise _Failed(f"{', '.join(sounding.prompts)} is not interrupted and goes on")

    def do_fault(self, action: Action) -> None:
        name, fault = action.value
        asked = self.stage.asked.get(name, 0)
        self.stage.planned = {**self.stage.planned, name: Fault(fault.becomes, asked + fault.after)}

    def new_from(self, before: int, sounding: PlayPrompt | None) -> None:
        """What was heard before the caller did something is done with, unless it goes on."""
        goes_on = sounding is not None and self.call.playing is sounding
        self.cursor = max(self.cursor, before - goes_on)

    def until_turn(self, action: Action) -> None:
        """The caller hears everything first, or waits for the prompt he cuts off."""
        if self.call.over:
            raise _Failed(f"the call is over ({self.call.record.end_by}: {self.call.record.end_reason})")
        during = action.beside.get("during")
        if not during:
            if self.call.handoff is None:
                self.call.listen()
            return
        heard = self.heard_all([str(during)], PATIENCE)
        if isinstance(heard, str):
            raise _Failed(heard)
        if self.call.playing is None or during not in self.call.playing.prompts:
            raise _Failed(f"{during} has been said already; press during: before the next hear:")

    def do_silence(self, action: Action) -> None:
        self.call.listen()
        begun = self.call.seconds
        self.call.wait(duration(action.value) or 0.0)
        self.own.append((begun, self.call.seconds))

    do_talk = do_silence

    def do_answered_by(self, action: Action) -> None:
        until = self.call.clock.monotonic() + (duration(action.beside.get("within")) or PATIENCE)
        while not self.call.with_agent and self.call.step_on(until):
            pass
        if self.call.with_agent != str(action.value):
            raise _Failed(f"answered was by {self.call.with_agent or 'nobody'}, not by {action.value}")

    def do_sends_back(self, action: Action) -> None:
        if not self.call.with_agent or self.call.with_agent == "outside":
            raise _Failed("no agent has the call; write answered_by: before")
        self.call.entered.update(action.beside.get("entered") or {})
        before = len(self.call.heard)
        self.call.send_back(str(action.value))
        self.cursor = max(self.cursor, before)

    def do_hang_up(self, action: Action) -> None:
        self.call.hang_up()

    # --- expectations -----------------------------------------------------------------------------------------

    def compare(self) -> None:
        for name, wanted in self.test.expect.items():
            check = getattr(self, f"expect_{name}", None)
            if check is not None and (message := check(wanted)):
                self.problems.append(self.problem(message, self.test.lines[name], name))

    def expect_path(self, wanted: list[str]) -> str:
        went = self.call.record.path
        if went == wanted:
            return ""
        same = next((n for n, (a, b) in enumerate(zip(went, wanted, strict=False)) if a != b), None)
        at = min(len(went), len(wanted)) if same is None else same
        there = went[at] if at < len(went) else "nothing more"
        return (
            f"step {at + 1} is {there}, not {wanted[at] if at < len(wanted) else 'the end'}; went {' '.join(went)}"
        )

    def expect_visited(self, wanted: list[str]) -> str:
        missing = [step for step in wanted if step not in self.call.record.path]
        return f"the call never came to {', '.join(missing)}; it went {self.way()}" if missing else ""

    def expect_not_visited(self, unwanted: list[str]) -> str:
        came = [step for step in unwanted if step in self.call.record.path]
        return f"the call came to {', '.join(came)}; it went {self.way()}" if came else ""

    def expect_goals(self, wanted: list[str]) -> str:
        return (
            "" if self.call.record.goals == wanted else f"goals are {', '.join(self.call.record.goals) or 'none'}"
        )

    def expect_language(self, wanted: str) -> str:
        return "" if self.call.record.language == wanted else f"the language is {self.call.record.language}"

    def expect_ended_by(self, wanted: str) -> str:
        return "" if self.call.record.end_by == wanted else f"the call was ended by {self.call.record.end_by}"

    def expect_handoff(self, wanted: Any) -> str:
        handoffs = self.call.record.handoffs
        if wanted in ("none", "no"):
            return f"the call was handed to {handoffs[-1].queue}" if handoffs else ""
        if not handoffs:
            return "the call was not handed to anybody"
        last = handoffs[-1]
        for name, value in wanted.items():
            if name in ("queue", "reason", "agent", "outcome"):
                if getattr(last, name) != value:
                    return f"{name} of the handoff is {getattr(last, name) or 'empty'!r}, not {value!r}"
            elif name == "attached_data":
                for application, fields in value.items():
                    there = last.attached_data.get(application, {})
                    for key, text in fields.items():
                        if there.get(key) != text:
                            return f"{key} on the agent's screen is {there.get(key)!r}, not {text!r}"
        return ""

    def expect_agent_states(self, wanted: dict[str, list[str]]) -> str:
        answered = {one.agent for one in self.call.record.handoffs if one.outcome == "answered"}
        for name, states in wanted.items():
            desk = next((one for one in self.stage.desks if one.id == name), None)
            if desk is None:
                return f"{name} is not among given: agents:"
            went = self.stage.states(desk, answered, over=self.call.over)
            if went != states:
                return f"{name} was {', '.join(went)}, not {', '.join(states)}"
        return ""

    def expect_timing(self, wanted: dict[str, str]) -> str:
        """How long it takes to answer is nothing without sound."""
        took = {"total": self.call.seconds, "longest_silence": self.longest_silence()}
        for name, limit in wanted.items():
            if name in took and took[name] >= (most(limit) or 0.0):
                return f"{name} is {took[name]:.1f} s, not {limit}"
        return ""

    def longest_silence(self) -> float:
        """In which the caller hears nothing, does nothing of his own, and neither waits with music nor talks."""
        answered = self.call.record.answered or self.call.record.started
        waited = []
        for one in self.call.record.handoffs:
            begun = (one.started - answered).total_seconds()
            waited.append((begun, begun + (one.waited or 0.0)))
        if self.call.with_agent:
            waited.append((waited[-1][1] if waited else 0.0, self.call.seconds))
        sounded = [(one["at"], one["at"] + one["played"]) for one in self.call.record.prompts]
        longest, end = 0.0, 0.0
        for begun, until in sorted([*sounded, *self.own, *waited, (self.call.seconds, self.call.seconds)]):
            longest, end = max(longest, begun - end), max(end, until)
        return longest

    def expect_never_appears(self, wanted: Any) -> str:
        document = repr(self.call.record.document())
        found = [value for value in wanted.get("values", ()) if value in document]
        return f"{MASK * 4} appears in the record ({len(found)} of the values)" if found else ""

    def way(self) -> str:
        return " ".join(self.call.record.path)
