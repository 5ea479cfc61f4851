"""Reading YAML as text with places, before anything is given a type (M1, M2).

YAML's own typing is never asked: ``22:30``, ``0012345``, ``no`` and ``08`` stay what they look like, and
the schema decides later what each of them means. What office workers cannot be expected to debug (tabs,
anchors, tags, the same key twice) is a mistake with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from ivr.errors import Problem
from ivr.menu.source_faults import explained

MOST_OCTETS = 1_000_000
"""A hand-written file is a hundredth of this; more is a mistake or an attack."""
MOST_DEPTH = 20
"""The menu language nests seven deep at most."""
MOST_NODES = 100_000
_FAST: Any = getattr(yaml, "CSafeLoader", None)
"""The parser in C, ten times as fast, where PyYAML was built with libyaml. Its messages and places for text that
is no YAML are others, so such a file is read again in Python: what an editor is told does not depend on it."""
_WIDE = re.compile("((?:^|\\n) *|[\\w\"']: *)[\u00a0\u2007\u202f]")
NOTHING_LOST = ("has a tab", "has a no-break", "cannot be a key")
"""How complaints begin after which the nodes are all there nevertheless."""
BOOLEAN_LOOKALIKES = frozenset({"on", "off", "yes", "no"})
"""Other YAML tools read these keys as true or false (M2)."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value or key, exactly as written."""

    text: str
    line: int
    """First line is 1."""
    column: int
    """First column is 1."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """``key: value`` pairs in the order of the file. Every key is there once."""

    entries: tuple[tuple[Scalar, Node], ...]
    line: int
    column: int
    _places: dict[str, tuple[Scalar, Node]] = field(init=False, repr=False, compare=False)
    """The entries by name: a menu of a thousand steps is asked for each of them again and again."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_places", {key.text: (key, value) for key, value in self.entries})

    def get(self, name: str) -> Node | None:
        found = self._places.get(name)
        return found[1] if found else None

    def key(self, name: str) -> Scalar | None:
        """Where `name` is written."""
        found = self._places.get(name)
        return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    line: int
    column: int


Node = Scalar | Mapping | Sequence


def decode(octets: bytes, path: str) -> tuple[str, list[Problem]]:
    """Text of a file's octets; empty text with a problem when they are too many or not UTF-8."""
    if len(octets) > MOST_OCTETS:
        return "", [Problem(path, f"has {len(octets)} octets; at most {MOST_OCTETS} are read, split the file")]
    try:
        return octets.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        column = error.start - octets.rfind(b"\n", 0, error.start)
        message = f"is not UTF-8 text: octet {octets[error.start]:#04x}; save the file with encoding UTF-8"
        return "", [Problem(path, message, line, column)]


def read(text: str, path: str) -> tuple[Node, list[Problem]]:
    """The nodes of a file. With problems the node holds what could be read; it may be an empty mapping."""
    if len(text) > MOST_OCTETS:
        problem = Problem(path, f"has {len(text)} characters; at most {MOST_OCTETS} are read, split the file")
        return Mapping((), 1, 1), [problem]
    text, wide = _without_wide_spaces(text, path)
    text, problems, indented = _without_tabs(text, path)
    problems = wide + problems
    if indented:
        return Mapping((), 1, 1), problems
    reader, node = _Reader(path), None
    if _FAST is not None:
        node = reader.fast(text, _FAST)
    if node is None:
        reader = _Reader(path)
        node = reader.read(text)
    return node, sorted(problems + reader.problems, key=lambda problem: (problem.line, problem.column))


def _without_tabs(text: str, path: str) -> tuple[str, list[Problem], bool]:
    """Tabs as spaces, a problem for each line with one, and whether any stands where depth is read from."""
    if "\t" not in text:
        return text, [], False
    problems, indented = [], False
    for number, line in enumerate(text.split("\n"), 1):
        if "\t" in line:
            problems.append(Problem(path, "has a tab; write spaces instead", number, line.index("\t") + 1))
            indented |= "\t" in line[: len(line) - len(line.lstrip())]
    return text.replace("\t", " "), problems, indented


def _without_wide_spaces(text: str, path: str) -> tuple[str, list[Problem]]:
    """No-break spaces, which look like others and are none, as ordinary ones where YAML needs those: before a line
    and behind a colon. Inside a text they are fine. Word processors write them."""
    problems: list[Problem] = []
    for found in _WIDE.finditer(text):
        line, column = text.count("\n", 0, found.end()) + 1, found.end() - text.rfind("\n", 0, found.end()) - 1
        if not problems or problems[-1].line != line:
            problems.append(Problem(path, "has a no-break space; write an ordinary one", line, column))
    return _WIDE.sub(lambda found: found[1] + " ", text) if problems else text, problems


class _Stop(Exception):
    """Reading on would only make noise."""


class _Reader:
    """Builds nodes from the parser's events, so that nothing is resolved, shared or repeated on the way."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[Problem] = []
        self.nodes = 0

    def fast(self, text: str, loader: Any) -> Node | None:
        """As `read`; None for text with mistakes."""
        try:
            node = self.document(iter(yaml.parse(text, Loader=loader)))
        except (_Stop, yaml.YAMLError):
            return None
        return None if self.problems else node

    def read(self, text: str) -> Node:
        empty = Mapping((), 1, 1)
        try:
            events = iter(yaml.parse(text, Loader=yaml.SafeLoader))
            return self.document(events) or empty
        except _Stop:
            return empty
        except yaml.MarkedYAMLError as error:
            message, (line, column) = explained(error, text)
            self.problems.append(Problem(self.path, message, line, column))
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            column = error.position - text.rfind("\n", 0, error.position)
            message = f"has the character U+{_code(error.character):04X}, which no text may hold; remove it"
            self.problems.append(Problem(self.path, message, line, column))
        return empty

    def document(self, events: Iterator[Any]) -> Node | None:
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                self.wrong("begins a second document; a file holds one, remove the '---'", event)
                raise _Stop
            if isinstance(event, yaml.NodeEvent):
                root = self.node(event, events, 1)
        return root

    def node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        self.nodes += 1
        if depth > MOST_DEPTH or self.nodes > MOST_NODES:
            needed = f"at most {MOST_DEPTH} levels" if depth > MOST_DEPTH else f"at most {MOST_NODES} values"
            self.wrong(f"too much for a menu; {needed} are read", event)
            raise _Stop
        if isinstance(event, yaml.AliasEvent):
            self.wrong(
                f"*{event.anchor} is a YAML alias; write the value out, or the word star for the key", event
            )
            return Scalar("", *_place(event))
        if event.anchor is not None:
            self.wrong(
                f"&{event.anchor} is a YAML anchor; remove it and write values out where they are used", event
            )
        if event.tag is not None:
            self.wrong(f"{event.tag} is a YAML tag; remove it, types come from the menu language", event)
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(event.value, *_place(event))
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(event, events, depth)
        return self.mapping(event, events, depth)

    def sequence(self, start: Any, events: Iterator[Any], depth: int) -> Sequence:
        items: list[Node] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self.node(event, events, depth + 1))
        return Sequence(tuple(items), *_place(start))

    def mapping(self, start: Any, events: Iterator[Any], depth: int) -> Mapping:
        entries: dict[str, tuple[Scalar, Node]] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self.node(event, events, depth + 1)
            value = self.node(next(events), events, depth + 1)
            if not isinstance(key, Scalar):
                self.wrong("a key must be one word before a colon, not a list or a group", event)
            elif key.text in entries:
                first = entries[key.text][0].line
                self.wrong(f"is written twice, first in line {first}; keep one", event, key.text)
            else:
                if key.text.lower() in BOOLEAN_LOOKALIKES:
                    self.wrong("cannot be a key, other programs read it as true or false", event, key.text)
                entries[key.text] = (key, value)
        return Mapping(tuple(entries.values()), *_place(start))

    def wrong(self, message: str, event: Any, where: str = "") -> None:
        self.problems.append(Problem(self.path, message, *_place(event), where=where))


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _code(character: object) -> int:
    """Code point of what PyYAML calls a character, which may be its number already."""
    return ord(character) if isinstance(character, str) else int(str(character))
