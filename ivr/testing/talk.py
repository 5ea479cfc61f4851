"""Trying a menu by keyboard: what is typed, and what is told about the call.

4000000002#  *  star    keys
say my bill             speech
wait 5s                 silence
now 9                   a key at once, barging in
values                  what is known about the caller
hangup                  end the call
!slow balance           the look-up is too slow from now on; as well
                        down, refused, not_found
!ok balance due=84.20   it gives these values
!store balance          it is answered as before
!agents busy            people: answer, busy, closed, failed or wait
!enter NAME=some words  the agent fills in a value
!back main              the agent sends the call back to a step
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ivr.call.keys import MASK
from ivr.menu import events as menu
from ivr.menu.activity import KEY_NAMES
from ivr.menu.facts import plain
from ivr.menu.model import Menu
from ivr.menu.schema import meant
from ivr.testing.call_file import OUTCOMES, duration
from ivr.testing.clock import FakeClock
from ivr.testing.said import value_of, words
from ivr.testing.simulation import Call, Surroundings

HELP = __doc__.split("\n\n", 1)[1].rstrip()
PEOPLE = ("answer", "busy", "closed", "failed", "wait")
MENDS = ("store", "agents")
KEYS = frozenset("0123456789*#")
_SIGNS = {name: sign for sign, name in KEY_NAMES.items()}
Out = Callable[[str, str], None]
"""Told of each line: its kind (time, say, look, key, note, wrong) and its text."""


class Talk:
    """One call that a person plays. Everything it tells goes to `out`."""

    def __init__(
        self,
        loaded: Menu,
        around: Surroundings,
        clock: FakeClock,
        out: Out,
        *,
        caller: str = "",
        currency: str = "USD",
        watch: Callable[[menu.Command], None] | None = None,
        connected: bool = False,
    ) -> None:
        """`connected` says that `around` asks the menu's connectors."""
        self.menu = loaded
        self.connected = connected
        self.around = around
        self._out = out
        self._also = watch
        self._keys: deque[str] = deque()
        """Keys that nobody has taken yet."""
        self._beeped: menu.StartRecording | None = None
        """The recording whose beep was told."""
        self.call = Call(
            loaded, around, clock, caller=caller, currency=currency, watch=self._watch, watch_lookup=self._looked
        )

    def begin(self) -> None:
        self.call.answer()

    # --- what is typed --------------------------------------------------------------------------------------

    def line(self, text: str) -> None:
        """One typed line, in virtual time: everything is heard out first, but for ``now``."""
        text = text.strip()
        if not text or text.startswith("# "):
            return
        word, _, rest = text.partition(" ")
        if word not in ("now", "values", "?", "help") and not text.startswith("!"):
            self.settle()
        if not self.command(text):
            self.press(rest if word == "now" else text)

    def settle(self) -> None:
        """Hear everything out, and say what the call waits for."""
        self.call.listen()
        if not self.call.over and (left := self.call.timers.get("no_input")) is not None:
            self._tell("note", f"waits {left:.1f} s for an answer")
        elif self.call.recording is not None and self.call.recording is not self._beeped:
            self._beeped = self.call.recording
            self._tell("note", "beep: records what you say; wait 5s is silence")
        elif self.call.handoff is not None:
            self._tell("note", f"waits for a person of the queue {self.call.handoff.queue}")

    def command(self, text: str) -> bool:
        """Do what was typed if it is no key; whether it was."""
        word, _, rest = text.partition(" ")
        if text.startswith("!enter ") or text == "!enter":
            self._enter(text.removeprefix("!enter"))
        elif text.startswith("!back ") or text == "!back":
            self._send_back(text.removeprefix("!back").strip())
        elif text.startswith("!"):
            self._change(text[1:].split())
        elif word == "say":
            if not self.call.say(rest):
                self._tell("wrong", "nobody listens to speech here; press a key")
        elif word == "wait":
            if (seconds := duration(rest if rest else "5s")) is None:
                self._tell("wrong", f"{rest!r} is no time; write wait 5s")
            else:
                self.call.wait(seconds)
        elif word in ("hangup", "hang_up", "q", "quit"):
            self._tell("note", "you hang up")
            self.call.hang_up()
        elif word == "values":
            for name, value in self.call.values().items():
                if value:
                    self._tell("note", f"{name} = {value}")
        elif word in ("?", "help"):
            self._tell("note", HELP)
        else:
            return False
        return True

    def press(self, text: str) -> None:
        """Keys, with ``star`` and ``hash`` as words."""
        for part in text.split():
            keys = [_SIGNS[part]] if part in _SIGNS else list(part)
            if not set(keys) <= KEYS:
                self._tell("wrong", f"{text!r} is neither keys nor a command; ? shows what there is")
                return
            for key in keys:
                self.key(key)

    def key(self, key: str) -> None:
        """One key of the telephone, now."""
        self._keys.append(key)
        self.call.press(key)

    def _change(self, parts: list[str]) -> None:
        what, rest = (parts[0], parts[1:]) if parts else ("", [])
        if what in ("answer", "busy", "closed", "failed") and not rest and self.call.handoff is not None:
            self.call.people_do(what)  # type: ignore[arg-type]
        elif what == "agents" and len(rest) == 1 and rest[0] in PEOPLE:
            self.around.people = rest[0]  # type: ignore[assignment]
            self._tell("note", f"people will {rest[0]}" if rest[0] in ("answer", "wait") else f"people: {rest[0]}")
        elif what not in (*OUTCOMES, *MENDS):
            known = (*OUTCOMES, *MENDS)
            self._tell("wrong", f"!{what} is not known{meant(what, known)}; ? shows what there is")
        elif not rest or rest[0] not in self.menu.data:
            named = rest[0] if rest else ""
            self._tell("wrong", f"there is no look-up {named!r}{meant(named, self.menu.data)}")
        else:
            self._fault(what, rest[0], rest[1:])

    def _enter(self, text: str) -> None:
        name, _, value = (part.strip() for part in text.partition("="))
        named = {one: field for field, one in self.menu.from_agent.items()}
        if name not in named:
            there = ", ".join(named) or "none (they stand in attached_data: from_agent:)"
            known = meant(name, named) or f"; known are {there}"
            self._tell("wrong", f"{name!r} is nothing that agents enter for this menu{known}")
        else:
            self.call.entered[name] = value
            self._tell("note", f"the agent enters {named[name]}: {value or 'nothing'}")

    def _send_back(self, step: str) -> None:
        if not self.call.with_agent or self.call.with_agent == "outside":
            self._tell("wrong", "no agent has the call; wait until one answers")
        elif step not in self.menu.steps:
            self._tell("wrong", f"{step!r} is no step of this menu{meant(step, self.menu.steps)}")
        else:
            self._tell("note", f"{self.call.with_agent} sends the call back to {step}")
            self.call.send_back(step)

    def _fault(self, outcome: str, name: str, given: list[str]) -> None:
        self.around.faults.pop(name, None)
        self.around.given.pop(name, None)
        if outcome == "ok":
            pairs = (one.partition("=") for one in given)
            self.around.given[name] = {key: value_of(value) for key, _, value in pairs}
        elif outcome != "store":
            self.around.faults[name] = outcome  # type: ignore[assignment]
        self._tell("note", f"{name} is {'answered as before' if outcome == 'store' else outcome} from now on")

    # --- what is told ---------------------------------------------------------------------------------------

    def where(self) -> str:
        """Step, file and line."""
        step = self.call.step
        if step is None:
            return ""
        return f"{step.name}  {self.menu.file_of(step.name)}:{step.line}"

    def _tell(self, kind: str, text: str) -> None:
        for line in text.splitlines():
            self._out(kind, line)

    def _watch(self, command: menu.Command) -> None:
        match command:
            case menu.StepEntered():
                step = self.menu.steps[command.step]
                file = self.menu.file_of(step.name)
                self._tell("step", f"{clock_of(self.call.seconds)}  {step.name}  {file}:{step.line}")
            case menu.StepLeft():
                who = f": {self.call.with_agent} answers" if command.exit == "answered" else ""
                self._tell("note", f"left by {command.exit}{who}")
            case menu.PlayPrompt():
                self._tell("say", f"“{words(command.pieces)}”")
            case menu.LookUp():
                shown = self._shown(command.values)
                self._tell("look", f"looks up {command.name}{f' with {shown}' if shown else ''}")
            case menu.KeysConsumed():
                self._taken(command.count, secret=command.secret)
            case menu.KeysDropped():
                self._taken(command.count, secret=True, why=" (thrown away)")
            case menu.StartHandoff():
                self._handoff(command)
            case menu.HandoffClosed():
                self._tell("look", f"the queue {command.queue} is closed at this hour")
            case menu.StartTransfer():
                self._tell("look", f"connects to {command.to}: {self.around.outside}")
            case menu.NoteCallback():
                self._tell("look", f"notes to call back {command.number}")
            case menu.GoalReached():
                self._tell("note", f"goal {command.goal}")
            case menu.HangUp():
                self._tell("note", f"hangs up: {command.reason}")
            case _:
                pass
        if self._also is not None:
            self._also(command)

    def _handoff(self, command: menu.StartHandoff) -> None:
        self._tell("look", f"looks for a person: queue {command.queue}, reason {command.reason}")
        fields = " ".join(f"{name}={value}" for name, value in command.fields.items() if value and name != "PATH")
        self._tell("look", f"the agent's screen: {fields}")
        for field, name in self.menu.from_agent.items():
            if text := self.call.entered.get(name):
                self._tell("look", f"and of an agent before: {field}={text}")
        if command.waiting:
            self._tell("say", f"“{words(command.waiting)}”, then music")

    def _taken(self, count: int, *, secret: bool, why: str = "") -> None:
        taken = [self._keys.popleft() for _ in range(min(count, len(self._keys)))]
        if taken:
            self._tell("key", f"key {MASK * len(taken) if secret else ''.join(taken)}{why}")

    def _looked(self, name: str, outcome: str, values: dict[str, object]) -> None:
        shown = self._shown(values)
        wanted = self.around.fault(name) is not None
        by = self.menu.answered.get(name)
        if outcome == "down" and not wanted and by is not None and by.connector.kind != "sqlite":
            why = f"{name} is answered by the connector {by.connector.name}, not by the store"
            if self.connected:
                why = f"the connector {by.connector.name} did not answer as it should"
            self._tell(
                "note", f"{why}; try {'' if self.connected else 'ivr talk --connect, or '}!ok {name} NAME=VALUE"
            )
        late = f" (the limit is {self.menu.data[name].limit:g} s)" if outcome == "slow" else ""
        self._tell("look", f"{name}: {outcome}{late}{f', {shown}' if shown else ''}")

    def _shown(self, values: dict[str, object]) -> str:
        secret = self.menu.secrets
        return " ".join(f"{name}={MASK * 4 if name in secret else plain(value)}" for name, value in values.items())


def clock_of(seconds: float) -> str:
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"
