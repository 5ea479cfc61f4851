"""A test call as it is written: one YAML file that plays a caller and says what must come of it.

Read with places, as menus are, so that every mistake and every failure has its line. What is understood at
the text level is listed in `ACTIONS` and `EXPECTED`; `level`, `stops_within`, `pace`, `talk` and the like
mean nothing without sound and are passed over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ivr.errors import Problem
from ivr.menu.schema import meant
from ivr.menu.source import Mapping, Node, Scalar, Sequence, read

ACTIONS = ("hear", "press", "say", "silence", "hang_up", "answered_by", "talk")
BESIDE = ("within", "during", "with", "as_text", "optional", "stops_within", "pace", "note")
"""Keys that may stand beside an action."""
HEAD = ("test", "menu", "level", "given", "call", "expect", "note")
GIVEN = ("now", "caller", "store", "agents", "faults", "note")
EXPECTED = ("path", "visited", "not_visited", "handoff", "goals", "language", "ended_by", "never_appears", "note")
WITH_SOUND = ("agent_states", "timing", "audio")
"""Expectations of the deeper levels."""
OUTCOMES = ("ok", "not_found", "refused", "slow", "down")


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
    agents: tuple[dict[str, Any], ...]
    faults: dict[str, str]
    actions: tuple[Action, ...]
    expect: dict[str, Any]
    lines: dict[str, int]
    """Line of each expectation."""


NOON = datetime(2026, 3, 2, 15, 15, tzinfo=UTC)
"""A Monday at 10:15 in New York, where a test says nothing."""


def test_files(folder: Path, menu: str) -> list[Path]:
    """The tests of a menu: ``tests/NAME/*.yaml`` beside it."""
    return sorted((folder / "tests" / menu).glob("*.yaml"))


test_files.__test__ = False  # type: ignore[attr-defined]


def read_test(path: Path, shown: str = "") -> tuple[TestCall | None, list[Problem]]:
    """The test, and every mistake in it; no test where there is one."""
    shown = shown or str(path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return None, [Problem(shown, f"cannot be read: {error}")]
    root, problems = read(text, shown)
    reader = _Reader(shown)
    reader.problems += problems
    test = reader.test(root) if isinstance(root, Mapping) else None
    if test is None and not reader.problems:
        reader.problems.append(Problem(shown, "is not a test; write test:, given:, call: and expect:"))
    return (None if reader.problems else test), reader.problems


class _Reader:
    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[Problem] = []

    def wrong(self, message: str, place: Node, where: str = "") -> None:
        self.problems.append(Problem(self.path, message, place.line, place.column, where))

    def test(self, root: Mapping) -> TestCall:
        self.known(root, HEAD, "")
        given = self.mapping(root.get("given"), "given")
        expect = self.mapping(root.get("expect"), "expect")
        if given is not None:
            self.known(given, GIVEN, "given")
        if expect is not None:
            self.known(expect, (*EXPECTED, *WITH_SOUND), "expect")
        for needed in ("test", "call"):
            if root.get(needed) is None:
                self.wrong(f"has no {needed}:", root)
        get: Callable[[str], Node | None] = given.get if given is not None else lambda _: None
        return TestCall(
            path=self.path,
            name=str(plain(root.get("test")) or ""),
            menu=str(plain(root.get("menu")) or ""),
            now=self.now(get("now")),
            caller=self.caller(get("caller")),
            agents=tuple(self.agents(get("agents"))),
            faults=self.faults(get("faults")),
            actions=tuple(self.actions(root.get("call"))),
            expect={key.text: plain(value) for key, value in expect.entries} if expect is not None else {},
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
        number = plain(node.get("number")) if isinstance(node, Mapping) else plain(node)
        return "" if number in (None, "withheld", "anonymous") else str(number)

    def agents(self, node: Node | None) -> list[dict[str, Any]]:
        rows = plain(node)
        if rows is None:
            return [{"id": "desk1", "state": "available"}]
        if not isinstance(rows, list) or not all(isinstance(row, dict) and row.get("id") for row in rows):
            self.wrong("needs a list such as [{id: desk1, state: available}]", node or _NOWHERE, "agents")
            return []
        return rows

    def faults(self, node: Node | None) -> dict[str, str]:
        found = {}
        for row in node.items if isinstance(node, Sequence) else ():
            fault = plain(row)
            name, outcome = (fault.get("data"), fault.get("becomes")) if isinstance(fault, dict) else (None, None)
            if not name or outcome not in OUTCOMES:
                message = f"needs {{data: NAME, becomes: WHAT}} with one of {', '.join(OUTCOMES)}"
                self.wrong(message, row, "faults")
            else:
                found[str(name)] = str(outcome)
        if node is not None and not isinstance(node, Sequence):
            self.wrong("needs a list such as [{data: balance, becomes: down}]", node, "faults")
        return found

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
        for name in ("within",):
            if name in beside and duration(beside[name]) is None:
                self.wrong(f"{beside[name]!r} is no time; write 5s or 800ms", row, name)
        value = plain(row.get(kinds[0]))
        if kinds[0] in ("silence", "talk") and duration(value) is None:
            self.wrong(f"{value!r} is no time; write 5s or 800ms", row, kinds[0])
        return Action(kinds[0], value, row.line, beside)


_NOWHERE = Scalar("", 0, 0)


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
