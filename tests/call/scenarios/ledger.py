"""What one desktop saw and asked for, as a table a tester can read; and whether it is the table that is expected.

::

    --  the caller waits                      a step of the scenario
    ->  accept item 1                         what SAP's side asks of us
    <-  item 1: connected                     what we tell SAP's side
    <?  agent: Logged off (1), Logged Off     the same, unless what comes next overtakes it
          may drop, hold                      ... and what of it is new since the last time

What is told about calls must come in just this order, and so must what is told about the agent. The two are not
compared with each other: an agent's state is on disk before it is told, a call's is not. Nothing may come before
a step that it follows in the table; later is possible where the machine was held up.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise

from ivr.ici.attached_data import read
from ivr.ici.switchboard import (
    IciEvent,
    ItemAttachedDataChanged,
    PhoneCallChanged,
    PhoneCallItem,
    SubscriptionEnded,
    UserChanged,
    UserView,
)

STEP, ASKED, TOLD, MAYBE = "--", "->", "<-", "<?"
MORE = "      "
NONE = "none"
SPELLINGS = {"set_workmode": "setCurrentWorkmode", "send_dtmf": "sendDTMF"}
"""Where ICI's name is not that of `CrmClient` with capitals."""
"""Before the further lines of a row."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, with what belongs under it."""

    kind: str
    text: str
    more: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join((f"  {self.kind}  {self.text}", *(MORE + line for line in self.more)))

    @property
    def about_agent(self) -> bool:
        return self.kind == TOLD and self.text.startswith("agent:")


@dataclass
class Ledger:
    """One desktop's. `names` turns ids of agents, numbers and queues into the words of the scenario."""

    owner: str
    names: Callable[[str], str]
    rows: list[Row] = field(default_factory=list)
    _begun: int = 0
    _items: dict[str, str] = field(default_factory=dict)
    _shown: dict[str, dict[str, str]] = field(default_factory=dict)

    def step(self, text: str) -> None:
        self.rows.append(Row(STEP, text))

    def asked(self, operation: str, *arguments: str) -> None:
        head, *tail = operation.split("_")
        name = SPELLINGS.get(operation) or head + "".join(map(str.title, tail))
        self.rows.append(Row(ASKED, " ".join((name, *map(self._word, arguments)))))

    def refused(self, code: str) -> None:
        last = self.rows[-1]
        self.rows[-1] = Row(ASKED, last.text, (*last.more, f"refused: {code}"))

    def told(self, event: IciEvent) -> None:
        match event:
            case PhoneCallChanged(item):
                row = self._call(item)
            case UserChanged(user):
                row = self._agent(user)
            case ItemAttachedDataChanged(item_id, document):
                row = Row(TOLD, f"{self._word(item_id)}: attached data", (f"data {_blocks(document)}",))
            case SubscriptionEnded(reason):
                row = Row(TOLD, f"subscription ended: {reason}")
            case _:
                row = Row(TOLD, type(event).__name__)
        if not (row.about_agent and row in self._last_about_agent()):
            self.rows.append(row)

    def _last_about_agent(self) -> list[Row]:
        """The newest of this log-on: a state that is told once more and looks the same needs no line."""
        return [row for row in self.rows[self._begun :] if row.about_agent][-1:]

    def begins_again(self) -> None:
        """The desktop is told its agent's state anew, whether it is another or not."""
        self._begun = len(self.rows)

    def _call(self, item: PhoneCallItem) -> Row:
        name = self._items.setdefault(item.id, f"item {len(self._items) + 1}")
        now = {
            "is": item.direction,
            "with": ", ".join(map(self.names, item.remote_numbers)) or NONE,
            "queue": self.names(item.queue_id) or NONE,
            "beside": self._word(item.linked_item_id) or NONE,
            "data": _blocks(item.attached_data),
            "may": ", ".join(item.capabilities) or NONE,
        }
        before = self._shown.get(item.id, {"beside": NONE})
        self._shown[item.id] = now
        ended = f", {item.reason}" if item.reason else ""
        more = tuple(f"{key} {value}" for key, value in now.items() if before.get(key) != value)
        return Row(TOLD, f"{name}: {item.status}{ended}", more)

    def _agent(self, user: UserView) -> Row:
        then = f", then {user.next_workmode}" if user.next_workmode is not None else ""
        return Row(TOLD, f"agent: {user.workmode_text} ({user.workmode}{then}), {user.presence}")

    def _word(self, text: str) -> str:
        """An item by its number at this desktop, anybody else by name; a document by its blocks."""
        if text.startswith("<"):
            return _blocks(text)
        return self._items.get(text) or self.names(text)

    def name_item(self, item_id: str) -> None:
        """Of an operation that makes one: it may be answered before the item is told, or behind it."""
        self._items.setdefault(item_id, f"item {len(self._items) + 1}")


def _blocks(document: str) -> str:
    return ", ".join(read(document)) or NONE


def text_of(sections: dict[str, list[Row]]) -> str:
    """All desktops of a scenario, one after the other."""
    return "\n".join("\n".join((owner, *map(str, rows), "")) for owner, rows in sections.items())


def sections_of(text: str) -> dict[str, list[Row]]:
    """The other way round. What stands before the first table is for people."""
    sections: dict[str, list[Row]] = {}
    owner = ""
    for line in text.splitlines():
        if line.startswith(MORE):
            last = sections[owner][-1]
            sections[owner][-1] = Row(last.kind, last.text, (*last.more, line.strip()))
        elif line[2:4] in (STEP, ASKED, TOLD, MAYBE) and line.startswith("  "):
            sections.setdefault(owner, []).append(Row(line[2:4], line[4:].strip()))
        elif line:
            owner = line
    return sections


def differences(expected: list[Row], seen: list[Row]) -> str:
    """Empty, or what is not as it should be, with the table of what was seen beside the expected one."""
    expected = [row for row in map(partial(_settled, seen), expected) if row]
    for stream in (_steps, _about_calls, _about_agent):
        if list(stream(expected)) != list(stream(seen)):
            return "\n".join(difflib.unified_diff(_lines(expected), _lines(seen), "expected", "seen", "", "", 99))
    for about in (_about_calls, _about_agent):
        for row, least, number in zip(about(seen), _behind(expected, about), _behind(seen, about), strict=True):
            if number < least:
                return f"too early, behind {number} steps instead of {least}:\n{row}"
    return ""


def _settled(seen: list[Row], row: Row) -> Row | None:
    """A row that may be missing: as it was told, or None."""
    told = replace(row, kind=TOLD) if row.kind == MAYBE else row
    return None if row.kind == MAYBE and told not in seen else told


def kept(sections: dict[str, list[Row]], before: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """New tables, in which rows may be missing that might be missing in the old ones."""
    tables = {owner: list(rows) for owner, rows in sections.items()}
    for owner, rows in before.items():
        for row, below in pairwise(rows):
            table, told = tables.get(owner, []), replace(row, kind=TOLD)
            if row.kind != MAYBE:
                continue
            if told in table:
                table[table.index(told)] = row
            elif below in table:
                table.insert(table.index(below), row)
    return tables


def _steps(rows: Iterable[Row]) -> Iterator[Row]:
    return (row for row in rows if row.kind != TOLD)


def _about_calls(rows: Iterable[Row]) -> Iterator[Row]:
    return (row for row in rows if row.kind == TOLD and not row.about_agent)


def _about_agent(rows: Iterable[Row]) -> Iterator[Row]:
    return (row for row in rows if row.about_agent)


def _behind(rows: list[Row], about: Callable[[Iterable[Row]], Iterator[Row]]) -> list[int]:
    """How many steps stand before each of the rows."""
    steps, counted = 0, []
    for row in rows:
        steps += row.kind != TOLD
        if list(about([row])):
            counted.append(steps)
    return counted


def _lines(rows: list[Row]) -> list[str]:
    return [line for row in rows for line in str(row).splitlines()]
