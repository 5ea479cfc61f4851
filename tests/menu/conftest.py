"""Playing whole calls against a menu in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ivr.menu.events import (
    CallAnswered,
    Command,
    Event,
    KeyPressed,
    LookUp,
    LookupEnded,
    PlayPrompt,
    PromptEnded,
    StepEntered,
    StepLeft,
    StopPrompt,
)
from ivr.menu.load import load_menu
from ivr.menu.machine import MenuMachine
from ivr.menu.model import Menu

MENUS = Path(__file__).parents[2] / "menus"
MONDAY_MORNING = datetime(2026, 3, 2, 15, 15, tzinfo=UTC)
"""10:15 in New York."""


class Playbook:
    """Plays events to a machine and remembers all it said, in order."""

    def __init__(self, menu: Menu, languages: frozenset[str] = frozenset()) -> None:
        self.machine = MenuMachine(menu, call_id="c1", recogniser_languages=languages)
        self.now = 1000.0
        self.commands: list[Command] = []
        self.last: list[Command] = []
        self.play: PlayPrompt | None = None

    def hears(self, event: Event) -> Playbook:
        return self.note(self.machine.handle(event, self.now))

    def note(self, commands: list[Command]) -> Playbook:
        self.last = commands
        self.commands += commands
        for command in commands:
            if isinstance(command, PlayPrompt):
                self.play = command
            elif isinstance(command, StopPrompt):
                self.play = None
        return self

    def does(self, *expected: Command) -> Playbook:
        """These commands came last, in this order, among others."""
        rest = iter(self.last)
        for command in expected:
            assert command in rest, f"{command} not in order in {self.last}"
        return self

    def answered(self, number: str = "+15550100", utc: datetime = MONDAY_MORNING) -> Playbook:
        return self.hears(CallAnswered(number, "ivr", utc))

    def keys(self, keys: str, pace: float = 0.12) -> Playbook:
        for key in keys:
            self.now += pace
            self.hears(KeyPressed(key))
        return self

    def listens(self, seconds: float = 3.0) -> Playbook:
        """The prompt plays to its end."""
        assert self.play is not None, "nothing is playing"
        ended, self.play = self.play, None
        self.now += seconds
        return self.hears(PromptEnded(ended.play, True))

    def waits(self, seconds: float) -> Playbook:
        """Time passes; every deadline is kept."""
        end = self.now + seconds
        gathered: list[Command] = []
        while (deadline := self.machine.deadline) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.note(self.machine.expire(self.now))
            gathered += self.last
        self.now = end
        self.last = gathered
        return self

    def finds(self, outcome: str = "ok", **values: object) -> Playbook:
        """The look-up that was asked last is answered."""
        lookup = [command for command in self.commands if isinstance(command, LookUp)][-1]
        return self.hears(LookupEnded(lookup.lookup, outcome, values))  # type: ignore[arg-type]

    @property
    def heard(self) -> list[str]:
        """Ids of the prompts played last."""
        plays = [command for command in self.last if isinstance(command, PlayPrompt)]
        return list(plays[-1].prompts) if plays else []

    @property
    def words(self) -> str:
        """What the prompts played last say."""
        plays = [command for command in self.last if isinstance(command, PlayPrompt)]
        return " ".join(piece.text for piece in plays[-1].pieces) if plays else ""

    @property
    def path(self) -> list[str]:
        return [command.step for command in self.commands if isinstance(command, StepEntered)]

    @property
    def exits(self) -> list[tuple[str, str]]:
        return [(command.step, command.exit) for command in self.commands if isinstance(command, StepLeft)]

    def all(self, kind: type[Command]) -> list[Command]:
        return [command for command in self.commands if isinstance(command, kind)]

    # --- the sample up to well-known places ------------------------------------------------------------

    def to_main(self) -> Playbook:
        self.answered().listens()
        return self.finds(account="4000000002", first_name="Ana", language="en")

    def to_pin(self) -> Playbook:
        self.to_main().keys("1").keys("4000000002#").keys("1")
        return self.finds(first_name="Ana")

    def to_balance(self) -> Playbook:
        self.to_pin().keys("2580")
        self.finds(tries_left="3", locked=False)
        return self.finds(amount_due=Decimal("84.20"), due_date=date(2026, 3, 15))


@pytest.fixture(scope="session")
def northgas() -> Menu:
    return load_menu("northgas", MENUS)


@pytest.fixture
def call(northgas: Menu) -> Playbook:
    return Playbook(northgas)


@pytest.fixture
def spoken_call(northgas: Menu) -> Playbook:
    """A call on an engine that hears English."""
    return Playbook(northgas, frozenset({"en"}))


HEAD = """\
ivr: 1
name: small
start: {start}
languages:
  - {{code: en, prompts: en.yaml}}
  - {{code: es, prompts: es.yaml}}
defaults:
  on_fault: bye
{defaults}
"""


@pytest.fixture
def small(tmp_path: Path) -> Callable[..., Playbook]:
    """Makes a menu from its steps, and calls it. Prompts are named in the steps and say their own id."""

    def make(
        body: str, *, start: str = "first", defaults: str = "", prompts: str = "", hears: str = ""
    ) -> Playbook:
        import re

        text = HEAD.format(start=start, defaults=defaults) + body
        if "\n  bye:" not in text:
            text += "\n  bye: {type: say, say: p.bye, go: END}\n"
        (tmp_path / "small.yaml").write_text(text)
        ids = dict.fromkeys(re.findall(r"\bp\.[a-z_]+", text))
        given = dict(re.findall(r"^(p\.[a-z_]+): (.*)$", prompts, re.MULTILINE))
        for language in ("en", "es"):
            lines = [f"{one}: {given.get(one, repr(one.replace('.', ' ') + ' ' + language))}" for one in ids]
            (tmp_path / f"{language}.yaml").write_text("\n".join([f"prompts: {language}", *lines]) + "\n")
        return Playbook(load_menu("small", tmp_path), frozenset({hears} if hears else ()))

    return make
