"""A menu after loading: what the machine plays. Times are seconds; each step knows its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from ivr.config.connectors import Answered
from ivr.menu.expressions import Condition, Name
from ivr.menu.prompts import PromptBook

Interrupt = Literal["any", "keys", "speech", "never"]
Kind = Literal["digits", "money", "date", "yes_no", "phone", "number"]
Setting = Name | Decimal | bool | str
"""What ``set:`` gives: a copy of another value, or a word, number or truth."""

RESERVED_TARGETS = frozenset({"START", "BACK", "REPEAT", "RETURN", "END"})
BUILT_IN = frozenset({"phone", "level", "language", "path", "reason", "topic", "misses", "waited"}) | {
    "position",
    "wait_least",
    "wait_most",
}
"""Values that every call has (M17). The last three are known while a caller waits for a person: the place, and the
range of the wait in whole minutes, which are empty where nobody can say."""
SETTABLE = frozenset({"phone", "language"})
"""Of these, what a menu may set itself; all others are the engine's, and a ``set:`` of them would be lost."""
ASK_NUMBER = "callback.ask_number"
"""Prompt with which a callback step asks for a number when it has none and names no prompt itself."""


@dataclass(frozen=True, slots=True)
class Miss:
    """What happens at one silence or one unfit answer."""

    say: tuple[str, ...] = ()
    set: Mapping[str, Setting] = field(default_factory=dict)
    go: str = ""
    """Empty: ask again."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to a menu and where it leads."""

    go: str
    press: str = ""
    """``0``-``9``, ``*``, ``#``; empty if it can only be said."""
    speak: tuple[str, ...] = ()
    """What may be said for it, in the first language where each has phrases of its own."""
    speak_in: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Phrases by language; empty: `speak` is listened for in every language."""
    offer: str = ""
    """Prompt that names it, with ``{key}``."""
    show_if: Condition | None = None
    set: Mapping[str, Setting] = field(default_factory=dict)
    line: int = 0

    def phrases(self, language: str) -> tuple[str, ...]:
        """What may be said for it in that language."""
        return self.speak_in.get(language, ()) if self.speak_in else self.speak


@dataclass(frozen=True, slots=True)
class Manners:
    """How a question listens."""

    listen: frozenset[str]
    """Of ``keys`` and ``speech``."""
    interrupt: Interrupt
    wait: float
    """Seconds of silence after the prompt that count as no input."""
    between_keys: float
    """Seconds between two keys of one answer."""
    end_key: str
    """``#``, ``*`` or a digit."""
    sure_enough: float
    """Confidence below which speech is no match."""
    no_input: tuple[Miss, ...]
    no_match: tuple[Miss, ...]


@dataclass(frozen=True, slots=True)
class Take:
    """What an answer in digits must be."""

    kind: Kind
    length: int | None = None
    """Digits; None: until the end key or a pause."""
    check: Literal["luhn", "mod97", ""] = ""
    least: Decimal | None = None
    most: Decimal | None = None
    within: float | None = None
    """Seconds from now within which a date must lie."""


@dataclass(frozen=True, slots=True)
class Each:
    """Rows of a list value, one prompt per row."""

    of: str
    say: str
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What all steps have."""

    name: str
    line: int
    say: tuple[str, ...] = ()
    note: str = ""
    goal: str = ""
    requires: str = ""
    miss: str = ""
    """Level whose tries this step counts."""
    set: Mapping[str, Setting] = field(default_factory=dict)
    """Done when the step begins, after what it requires."""
    allow: Mapping[str, str] = field(default_factory=dict)
    """Proofs that the editor has silenced here, and why (M20)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SayStep(Step):
    go: str
    each: Each | None = None
    interrupt: Interrupt = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuStep(Step):
    choices: tuple[Choice, ...]
    manners: Manners


@dataclass(frozen=True, slots=True, kw_only=True)
class AskStep(Step):
    take: Take
    answer: str
    """Value that the answer becomes (``as``)."""
    go: str
    manners: Manners
    secret: bool = False
    confirm: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupStep(Step):
    use: str
    exits: Mapping[str, str]
    """``ok not_found refused slow down`` to targets; ``slow`` is always there, ``refused`` may be missing."""
    grants: str = ""
    meanwhile: str = ""


@dataclass(frozen=True, slots=True)
class When:
    condition: Condition
    go: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStep(Step):
    when: tuple[When, ...]
    otherwise: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffStep(Step):
    queue: str
    reason: str
    exits: Mapping[str, str]
    """``busy closed failed`` to targets; ``callback``, if there: where key 1 leads while the caller waits."""
    priority_raise: int = 0
    waiting: str = ""
    place: str = ""
    """Prompt with place and wait, said at entry and now and then."""
    resume: str = ""
    """Prompt that asks a caller who was cut off just now whether to take the place again, with key 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStep(Step):
    to: str
    failed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackStep(Step):
    number: str
    """Value that holds the telephone number."""
    ok: str
    failed: str
    manners: Manners
    ask: str = ASK_NUMBER
    keep_place: bool = False
    rings: str = ""
    """Step at which the call begins when the customer has been rung; empty: people ring, from the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordStep(Step):
    """Records what the caller says after the beep."""

    answer: str
    """Value that names the recording (``as``); empty when nothing was said."""
    most: float
    """Seconds."""
    wait: float
    """Seconds of silence that end it."""
    end_key: str
    go: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStep(Step):
    """Another menu, whose steps are among this menu's as ``STEP/NAME``, and its values likewise."""

    menu: str
    takes: Mapping[str, Setting] = field(default_factory=dict)
    """Its values and what they begin with (``with``)."""
    gives: Mapping[str, str] = field(default_factory=dict)
    """Our values, and its values that they become at RETURN."""
    go: str
    """What comes after it; in a menu ready to be played its first step, and ReturnStep has what comes after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnStep(Step):
    """Where a run menu's RETURN leads: its values become ours, and the call goes on."""

    run: str
    """The step that ran it."""
    gives: Mapping[str, Setting]
    same: Mapping[str, str]
    """Our values and its values that are the same thing, for what was proved of them."""
    go: str


AnyStep = (
    SayStep
    | MenuStep
    | AskStep
    | LookupStep
    | CheckStep
    | HandoffStep
    | TransferStep
    | CallbackStep
    | RecordStep
    | RunStep
    | ReturnStep
)


def local(name: str) -> str:
    """A step's or value's name in its own file: ``stars`` of ``survey/stars``."""
    return name.rpartition("/")[2]


def scope(name: str) -> str:
    """The rest of it, ``survey/``; empty in the menu itself."""
    return name[: len(name) - len(local(name))]


@dataclass(frozen=True, slots=True)
class Language:
    """A language the menu speaks."""

    code: str
    voice: str
    """Voice of the synthesiser; empty: its own choice for the language."""
    book: PromptBook


@dataclass(frozen=True, slots=True)
class Level:
    """Something a caller can prove."""

    start: str
    tries: int
    failed: str


@dataclass(frozen=True, slots=True)
class Hours:
    """When somebody is there, in local time of the zone."""

    zone: ZoneInfo
    week: tuple[tuple[time, time] | None, ...]
    """Monday first; from, until; until midnight is 00:00. None: closed."""
    closed_on: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class DataSource:
    """A look-up this menu may use."""

    needs: tuple[str, ...]
    gives: tuple[str, ...]
    limit: float
    """Seconds."""
    secret: frozenset[str] = frozenset()
    once: bool = False
    optional: frozenset[str] = frozenset()
    """Of `gives`, what an ``ok`` may come without."""
    requires: str = ""
    """Level without which nobody may be told what it gives."""


@dataclass(frozen=True, slots=True)
class Spill:
    after: float
    """Seconds of waiting."""
    to: str
    """``any_agent``, a queue, ``tel:…`` or ``sip:…``."""


@dataclass(frozen=True, slots=True)
class Queue:
    """Callers who wait for people with these skills."""

    name: str
    skills: tuple[str, ...]
    priority: int
    open: str
    """``always`` or a name under ``hours:``."""
    ring: float
    """Seconds an agent's telephone rings."""
    longest: float | None = None
    """Seconds after which waiting ends with ``busy``."""
    spill: tuple[Spill, ...] = ()
    strategy: str = ""
    """Who of the free agents is rung; empty for the settings' way."""


@dataclass(frozen=True, slots=True, order=True)
class AgentField:
    """A field of the attached data that agents fill in."""

    application: str
    name: str

    def __str__(self) -> str:
        return f"{self.application} {self.name}"


@dataclass(frozen=True, slots=True)
class Menu:
    """A menu with everything it needs, ready to be played."""

    name: str
    title: str
    path: str
    version: str
    """Short hash of all files it was read from."""
    start: str
    languages: tuple[Language, ...]
    manners: Manners
    """Defaults of all questions."""
    stuck: int
    """Misses in one call after which the caller is taken for stuck."""
    on_fault: str
    everywhere: tuple[Choice, ...]
    levels: Mapping[str, Level]
    hours: Mapping[str, Hours]
    data: Mapping[str, DataSource]
    queues: Mapping[str, Queue]
    application: str
    fields: Mapping[str, str]
    """Field of the attached data to value."""
    from_agent: Mapping[AgentField, str]
    """What agents enter, and the value it becomes when a call comes back from them; each may be empty."""
    steps: Mapping[str, AnyStep]
    secrets: frozenset[str]
    """Values that must never be told to anybody but a look-up."""
    files: tuple[str, ...] = ()
    """All files it was read from."""
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    """Of the menus it runs: ``survey/``, which their steps begin with, and the file."""
    emergency: str = ""
    """The queue that is the emergency line; empty where there is none."""
    no_emergency: str = ""
    """Why there is none, in the editor's words; empty where nothing is said of it."""
    runs_inside: bool = False
    """Written to be run by other menus: it says what it `takes` and `gives`, and RETURN ends it."""
    answered: Mapping[str, Answered] = field(default_factory=dict)
    """Who answers each look-up; the customer store where it is not named."""

    def language(self, code: str) -> Language:
        """The language of that code; the first one where there is none."""
        return next((one for one in self.languages if one.code == code), self.languages[0])

    def file_of(self, step: str) -> str:
        """The file a step is written in."""
        return self.parts.get(scope(step), self.path)

    @property
    def agent_stuck(self) -> str:
        """Where callers go who do not get on: the last way out of the default misses."""
        ways = [miss.go for miss in self.manners.no_match if miss.go]
        return ways[-1] if ways else self.on_fault
