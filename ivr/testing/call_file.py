"""A test call as it is written: one YAML file that plays a caller and says what must come of it.

Read with places, as menus are, so that every mistake and every failure has its line. What is understood at
the text level is listed in `ACTIONS`, `GIVEN` and `EXPECTED`; `pace`, ``timing: answer`` and ``audio`` mean
nothing without sound and are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from ivr.errors import Problem
from ivr.menu.schema import meant
from ivr.menu.source import Mapping, Node, Scalar, Sequence, read
from ivr.testing.cases import cases
from ivr.testing.desks import ANSWERS_AFTER, STATES, Desk, Fault
from ivr.testing.said import value_of
from ivr.testing.simulation import Outcome

ACTIONS = ("hear", "press", "say", "silence", "hang_up", "answered_by", "sends_back", "talk", "fault")
BESIDE = ("within", "during", "with", "as_text", "optional", "anywhere", "stops_within", "pace", "entered", "note")
"""Keys that may stand beside an action."""
HEAD = ("test", "menu", "level", "given", "each", "call", "expect", "note")
GIVEN = ("now", "caller", "store", "answers", "agents", "faults", "note")
EXPECTED = (
    "path", "visited", "not_visited", "handoff", "goals", "language", "ended_by", "never_appears", "agent_states",
    "timing", "note",
)  # fmt: skip
WITH_SOUND = ("audio",)
"""Expectations of the deeper levels."""
HANDOFF = ("queue", "reason", "agent", "outcome", "attached_data")
CALLER = ("number",)
TIMING = ("answer", "longest_silence", "total")
LEVELS = ("text", "audio", "sip")
DESK = ("id", "name", "skills", "state", "answers_after", "ignores")
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True, slots=True)
class Action:
    """One line under ``call:``."""

    kind: str
    value: Any
    line: int
    beside: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TestCall:
    """One test file."""

    __test__ = False  # the name is the field's; pytest is not to collect it

    path: str
    name: str
    menu: str
    now: datetime
    """UTC."""
    caller: str
    desks: tuple[Desk, ...]
    faults: dict[str, Fault]
    answers: dict[str, dict[str, object]]
    """What look-ups give, instead of asking the store."""
    customers: bytes
    """CSV or JSON of customers, beside the samples or in their places; empty for none."""
    store_line: int
    levels: tuple[str, ...]
    actions: tuple[Action, ...]
    expect: dict[str, Any]
    lines: dict[str, int]
    """Line of each expectation."""
    line: int = 0
    """Of ``given:``, or of the test."""


NOON = datetime(2026, 3, 2, 15, 15, tzinfo=UTC)
"""A Monday at 10:15 in New York, where a test says nothing."""


def test_files(folder: Path, menu: str) -> list[Path]:
    """The tests of a menu: ``tests/NAME/*.yaml`` beside it."""
    return sorted((folder / "tests" / menu).glob("*.yaml"))


test_files.__test__ = False  # type: ignore[attr-defined]


def read_tests(path: Path, shown: str = "") -> tuple[list[TestCall], list[Problem]]:
    """The tests of a file, one for every case of ``each:``; or every mistake in it, and no tests."""
    shown = shown or str(path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return [], [Problem(shown, f"cannot be read: {error}")]
    root, problems = read(text, shown)
    reader = _Reader(shown, path.parent)
    reader.problems += problems
    tests = []
    if isinstance(root, Mapping):
        tests = [reader.test(one, called) for called, one in cases(root, reader.wrong)]
    if not tests and not reader.problems:
        reader.problems.append(Problem(shown, "is not a test; write test:, given:, call: and expect:"))
    problems = list(dict.fromkeys(reader.problems))
    return ([] if problems else tests), problems


def read_test(path: Path, shown: str = "") -> tuple[TestCall | None, list[Problem]]:
    """The first test of a file; see `read_tests`."""
    tests, problems = read_tests(path, shown)
    return (tests[0] if tests else None), problems


class _Reader:
    def __init__(self, path: str, folder: Path) -> None:
        self.path = path
        self.folder = folder
        self.problems: list[Problem] = []

    def wrong(self, message: str, place: Node, where: str = "") -> None:
        self.problems.append(Problem(self.path, message, place.line, place.column, where))

    def test(self, root: Mapping, called: str) -> TestCall:
        """`called` tells cases apart."""
        self.known(root, HEAD, "")
        given = self.mapping(root.get("given"), "given")
        expect = self.mapping(root.get("expect"), "expect")
        if given is not None:
            self.known(given, GIVEN, "given")
        if expect is not None:
            self.known(expect, (*EXPECTED, *WITH_SOUND), "expect")
            if isinstance(handoff := expect.get("handoff"), Mapping):
                self.known(handoff, HANDOFF, "handoff")
            if (timing := self.mapping(expect.get("timing"), "timing")) is not None:
                self.known(timing, TIMING, "timing")
                for key, limit in timing.entries:
                    if most(plain(limit)) is None:
                        self.wrong('is no limit; write "< 90s"', limit, f"timing.{key.text}")
        for needed in ("test", "call"):
            if root.get(needed) is None:
                self.wrong(f"has no {needed}:", root)
        get: Callable[[str], Node | None] = given.get if given is not None else lambda _: None
        return TestCall(
            path=self.path,
            name=str(plain(root.get("test")) or "") + called,
            menu=str(plain(root.get("menu")) or ""),
            now=self.now(get("now")),
            caller=self.caller(get("caller")),
            desks=tuple(self.desks(get("agents"))),
            faults=self.faults(get("faults")),
            answers=self.answers(get("answers")),
            customers=self.customers(get("store")),
            store_line=getattr(get("store"), "line", 0),
            levels=self.levels(root.get("level")),
            actions=tuple(self.actions(root.get("call"))),
            expect={key.text: plain(value) for key, value in expect.entries} if expect is not None else {},
            line=given.line if given is not None else root.line,
            lines={key.text: key.line for key, _ in expect.entries} if expect is not None else {},
        )

    def known(self, node: Mapping, names: tuple[str, ...], where: str) -> None:
        for key, _ in node.entries:
            if key.text not in names:
                hint = meant(key.text, names) or f"; there are {', '.join(names)}"
                self.wrong(f"{key.text!r} is not known{hint}", key, where)

    def mapping(self, node: Node | None, where: str) -> Mapping | None:
        if node is not None and not isinstance(node, Mapping):
            self.wrong("needs keys with values below it", node, where)
            return None
        return node

    def now(self, node: Node | None) -> datetime:
        if node is None:
            return NOON
        try:
            moment = datetime.fromisoformat(str(plain(node)))
        except ValueError:
            self.wrong("is no time; write 2026-03-02T10:15-05:00", node, "now")
            return NOON
        if moment.tzinfo is None:
            self.wrong("has no zone; write 2026-03-02T10:15-05:00", node, "now")
            return NOON
        return moment.astimezone(UTC)

    def caller(self, node: Node | None) -> str:
        """Telephone number; empty for withheld."""
        if isinstance(node, Mapping):
            self.known(node, CALLER, "caller")
        number = plain(node.get("number")) if isinstance(node, Mapping) else plain(node)
        return "" if number in (None, "withheld", "anonymous") else str(number)

    def levels(self, node: Node | None) -> tuple[str, ...]:
        found = plain(node)
        wanted = LEVELS if found is None else tuple(found if isinstance(found, list) else [found])
        for one in wanted:
            if one not in LEVELS:
                self.wrong(f"{one!r} is not one of {', '.join(LEVELS)}", node or _NOWHERE, "level")
        return wanted

    def desks(self, node: Node | None) -> list[Desk]:
        if node is None:
            return [Desk("desk1")]
        rows = node.items if isinstance(node, Sequence) else (node,)
        if not isinstance(node, Sequence) or not all(isinstance(row, Mapping) and row.get("id") for row in rows):
            self.wrong("needs a list such as [{id: desk1, state: available}]", node, "agents")
            return []
        return [self.desk(row) for row in rows if isinstance(row, Mapping)]

    def desk(self, row: Mapping) -> Desk:
        self.known(row, DESK, "agents")
        state = str(plain(row.get("state")) or "available")
        if state not in STATES:
            self.wrong(f"{state!r} is not one of {', '.join(STATES)}", row.get("state") or row, "agents")
        skills = plain(row.get("skills")) or []
        after = row.get("answers_after")
        seconds = ANSWERS_AFTER if after is None else duration(plain(after))
        if seconds is None:
            self.wrong(f"{plain(after)!r} is no time; write 5s or 800ms", after or row, "answers_after")
        return Desk(
            id=str(plain(row.get("id"))),
            skills=tuple(skills if isinstance(skills, list) else [skills]),
            state=state,
            answers_after=seconds or 0.0,
            ignores=plain(row.get("ignores")) == "true",
        )

    def faults(self, node: Node | None) -> dict[str, Fault]:
        found = {}
        for row in node.items if isinstance(node, Sequence) else ():
            if (fault := self.fault(row)) is not None:
                found[fault[0]] = fault[1]
        if node is not None and not isinstance(node, Sequence):
            self.wrong("needs a list such as [{data: balance, becomes: down}]", node, "faults")
        return found

    def fault(self, row: Node | None) -> tuple[str, Fault] | None:
        fault = plain(row)
        told = fault if isinstance(fault, dict) else {}
        outcome = next((one for one in OUTCOMES if one == told.get("becomes")), None)
        after = str(told.get("after", "0"))
        if (
            not told.get("data")
            or outcome is None
            or not after.isdigit()
            or set(told) - {"data", "becomes", "after"}
        ):
            message = f"needs {{data: NAME, becomes: WHAT}} with one of {', '.join(OUTCOMES)}; after: is a number"
            self.wrong(message, row or _NOWHERE, "faults")
            return None
        return str(told["data"]), Fault(outcome, int(after))

    def answers(self, node: Node | None) -> dict[str, dict[str, object]]:
        found = plain(node)
        if found is None:
            return {}
        if not isinstance(found, dict) or not all(isinstance(values, dict) for values in found.values()):
            self.wrong(
                'needs look-ups with values: {last_bill: {bill_amount: "42.10"}}', node or _NOWHERE, "answers"
            )
            return {}
        return {name: {key: _value(value) for key, value in values.items()} for name, values in found.items()}

    def customers(self, node: Node | None) -> bytes:
        """A file beside the test, CSV or JSON as for ``ivr customers import``, or the customers themselves."""
        found = plain(node)
        if node is None or found is None:
            return b""
        if isinstance(node, Scalar):
            try:
                return (self.folder / node.text).read_bytes()
            except OSError as error:
                why = error.strerror or str(error)
                self.wrong(f"{node.text} cannot be read: {why}; name a file beside this one", node, "store")
                return b""
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            self.wrong(
                'needs a file, or a list such as [{account: "4000000002", amount_due: "0.00"}]', node, "store"
            )
            return b""
        return json.dumps(found).encode()

    def actions(self, node: Node | None) -> list[Action]:
        if node is None:
            return []
        if not isinstance(node, Sequence):
            self.wrong("needs a list of what the caller does: - hear: …, - press: …", node, "call")
            return []
        found = []
        for row in node.items:
            action = self.action(row)
            if action is not None:
                found.append(action)
        return found

    def action(self, row: Node) -> Action | None:
        if not isinstance(row, Mapping):
            if isinstance(row, Scalar) and row.text in ("hang_up", "silence"):
                return Action(row.text, "", row.line)
            self.wrong(f"is no action; write one of {', '.join(ACTIONS)}", row, "call")
            return None
        kinds = [key.text for key, _ in row.entries if key.text in ACTIONS]
        self.known(row, (*ACTIONS, *BESIDE), "call")
        if len(kinds) != 1:
            if all(key.text in (*ACTIONS, *BESIDE) for key, _ in row.entries):
                self.wrong(f"needs exactly one of {', '.join(ACTIONS)}", row, "call")
            return None
        beside = {key.text: plain(value) for key, value in row.entries if key.text != kinds[0]}
        for name in ("within", "stops_within"):
            if name in beside and duration(beside[name]) is None:
                self.wrong(f"{beside[name]!r} is no time; write 5s or 800ms", row, name)
        value = plain(row.get(kinds[0]))
        if kinds[0] == "fault":
            value = self.fault(row.get("fault"))
        if "entered" in beside and (kinds[0] != "sends_back" or not isinstance(beside["entered"], dict)):
            self.wrong("needs values beside sends_back:, such as {agent_wish: pay}", row, "entered")
        if kinds[0] in ("silence", "talk") and duration(value) is None:
            self.wrong(f"{value!r} is no time; write 5s or 800ms", row, kinds[0])
        return Action(kinds[0], value, row.line, beside)


_NOWHERE = Scalar("", 0, 0)


def _value(value: object) -> object:
    """A value a look-up gives: a list of rows, or what people type."""
    if isinstance(value, list):
        return [{key: value_of(str(one)) for key, one in row.items()} for row in value if isinstance(row, dict)]
    return value_of(str(value))


def plain(node: Node | None) -> Any:
    """Texts, lists and dicts; every scalar stays the text it is."""
    match node:
        case Scalar():
            return node.text
        case Mapping():
            return {key.text: plain(value) for key, value in node.entries}
        case Sequence():
            return [plain(item) for item in node.items]
        case _:
            return None


def duration(text: object) -> float | None:
    """Seconds of ``5s``, ``800ms``, ``2m``; None for anything else."""
    for unit, factor in (("ms", 0.001), ("s", 1.0), ("m", 60.0)):
        number = str(text).removesuffix(unit)
        if number != str(text):
            try:
                return float(number) * factor
            except ValueError:
                return None
    return None


def most(text: object) -> float | None:
    """Seconds of ``< 90s``; None for anything else."""
    sign, _, limit = str(text).partition(" ")
    return duration(limit.strip()) if sign in ("<", "<=") else None
