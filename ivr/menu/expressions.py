"""Conditions of ``if:`` and ``show_if:``: comparisons joined by ``and``, ``or`` and ``not`` (M4).

    condition  = all, { "or", all }
    all        = one, { "and", one }
    one        = "not", one | "(", condition, ")" | value, test
    test       = "is", [ "not" ], ( "set" | "empty" ) | ( "==" | "!=" | "<" | "<=" | ">" | ">=" ), operand
    operand    = a value's name | a number | true | false | 'words in quotes' | a word that is a name elsewhere

A comparison with a value that is not set is false, whichever way it is written.

>>> condition = parse("amount_due > 0 and not locked == true", frozenset({"amount_due", "locked"}))
>>> condition.holds({"amount_due": Decimal("84.20")})
True
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NoReturn

from ivr.errors import IvrError

Values = Mapping[str, object]
_TOKEN = re.compile(r"\s*(==|!=|<=|>=|<|>|\(|\)|'[^']*'|\"[^\"]*\"|[A-Za-z0-9_.+-]+|\S)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_RESERVED = frozenset({"and", "or", "not", "is", "set", "empty"})
MOST_LENGTH = 300
"""Characters; a longer condition is two steps."""


class ExpressionError(IvrError):
    """A condition that cannot be read. `column` counts from 1 within the condition."""

    def __init__(self, message: str, column: int) -> None:
        self.column = column
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Name:
    """An operand that stands for a value of the call."""

    name: str


Operand = Name | Decimal | bool | str


@dataclass(frozen=True, slots=True)
class Test:
    """``x is set``, or ``x is empty`` when `present` is false."""

    name: str
    present: bool

    def holds(self, values: Values) -> bool:
        return is_set(values.get(self.name)) == self.present

    @property
    def names(self) -> frozenset[str]:
        return frozenset({self.name})


@dataclass(frozen=True, slots=True)
class Comparison:
    name: str
    sign: str
    other: Operand

    def holds(self, values: Values) -> bool:
        other = values.get(self.other.name) if isinstance(self.other, Name) else self.other
        value = values.get(self.name)
        if value is None or other is None:
            return False
        left, right = _alike(value, other)
        if type(left) is not type(right):
            return self.sign == "!="
        try:
            return bool(_COMPARE[self.sign](left, right))
        except TypeError:
            return False

    @property
    def names(self) -> frozenset[str]:
        return frozenset({self.name} | ({self.other.name} if isinstance(self.other, Name) else set()))


@dataclass(frozen=True, slots=True)
class Not:
    inner: Condition

    def holds(self, values: Values) -> bool:
        return not self.inner.holds(values)

    @property
    def names(self) -> frozenset[str]:
        return self.inner.names


@dataclass(frozen=True, slots=True)
class Joined:
    """Several conditions; `every` says whether all of them must hold or one is enough."""

    every: bool
    parts: tuple[Condition, ...]

    def holds(self, values: Values) -> bool:
        return (all if self.every else any)(part.holds(values) for part in self.parts)

    @property
    def names(self) -> frozenset[str]:
        return frozenset().union(*(part.names for part in self.parts))


Condition = Test | Comparison | Not | Joined


def renamed(condition: Condition, name: Callable[[str], str]) -> Condition:
    """The same condition about values that have other names."""
    match condition:
        case Test(name=one, present=present):
            return Test(name(one), present)
        case Comparison(name=one, sign=sign, other=other):
            return Comparison(name(one), sign, Name(name(other.name)) if isinstance(other, Name) else other)
        case Not(inner=inner):
            return Not(renamed(inner, name))
        case Joined(every=every, parts=parts):
            return Joined(every, tuple(renamed(part, name) for part in parts))


def is_set(value: object) -> bool:
    """Whether there is anything to say: nothing, no text and no rows are empty; zero and false are not."""
    return value is not None and value != "" and value != [] and value != ()


def parse(text: str, known: frozenset[str]) -> Condition:
    """Read a condition; words on the right that are in `known` are values. Raises ExpressionError."""
    if len(text) > MOST_LENGTH:
        raise ExpressionError(f"has {len(text)} characters; at most {MOST_LENGTH} make a condition", 1)
    parser = _Parser(text, known)
    condition = parser.condition(0)
    if parser.at < len(parser.tokens):
        parser.fail("expected 'and', 'or' or the end")
    return condition


def faults(text: str, known: frozenset[str]) -> tuple[list[ExpressionError], list[str]]:
    """Every mistake in a condition, and the values it names: after each mistake reading goes on behind the next
    ``and`` or ``or``."""
    if len(text) > MOST_LENGTH:
        return [ExpressionError(f"has {len(text)} characters; at most {MOST_LENGTH} make a condition", 1)], []
    parser = _Parser(text, known)
    found: list[ExpressionError] = []
    while True:
        try:
            parser.condition(0)
            if parser.at == len(parser.tokens):
                return found, parser.named
            if not (found and parser.take(")")):  # of a bracket that was begun before a mistake
                parser.fail("expected 'and', 'or' or the end")
        except ExpressionError as error:
            found.append(error)
        while not parser.take("and", "or"):
            if parser.at >= len(parser.tokens):
                return found, parser.named
            parser.at += 1


def bare_words(text: str, known: frozenset[str]) -> list[tuple[str, str]]:
    """Words compared with that are neither values nor in quotes, each after the value it is compared with. A slip
    of the pen in a value's name looks like that."""
    parser = _Parser(text, known)
    try:
        parser.condition(0)
    except ExpressionError:
        return []
    return parser.bare


class _Parser:
    def __init__(self, text: str, known: frozenset[str]) -> None:
        self.tokens = [(match[1], match.start(1) + 1) for match in _TOKEN.finditer(text)]
        self.end = len(text) + 1
        self.known = known
        self.at = 0
        self.named: list[str] = []
        self.bare: list[tuple[str, str]] = []

    def peek(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self, *wanted: str) -> bool:
        found = self.peek() in wanted and bool(self.peek())
        self.at += found
        return found

    def fail(self, needed: str) -> NoReturn:
        token, column = self.tokens[self.at] if self.at < len(self.tokens) else ("", self.end)
        raise ExpressionError(f"{needed} at {token!r}" if token else f"{needed}, but it ends here", column)

    def condition(self, depth: int) -> Condition:
        if depth > 10:
            self.fail("expected at most ten brackets inside each other")
        parts = [self.all(depth)]
        while self.take("or"):
            parts.append(self.all(depth))
        return parts[0] if len(parts) == 1 else Joined(False, tuple(parts))

    def all(self, depth: int) -> Condition:
        parts = [self.one(depth)]
        while self.take("and"):
            parts.append(self.one(depth))
        return parts[0] if len(parts) == 1 else Joined(True, tuple(parts))

    def one(self, depth: int) -> Condition:
        if self.take("not"):
            return Not(self.one(depth + 1))
        if self.take("("):
            inner = self.condition(depth + 1)
            if not self.take(")"):
                self.fail("expected ')'")
            return inner
        return self.test(self.name())

    def name(self) -> str:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.peek()) or self.peek() in _RESERVED:
            self.fail("expected a value's name")
        self.at += 1
        self.named.append(self.tokens[self.at - 1][0])
        return self.named[-1]

    def test(self, name: str) -> Condition:
        if self.take("is"):
            negated = self.take("not")
            if not self.take("set", "empty"):
                self.fail("expected 'set' or 'empty'")
            return Test(name, (self.tokens[self.at - 1][0] == "set") != negated)
        if not self.take(*_COMPARE):
            self.fail(f"expected 'is' or one of {' '.join(_COMPARE)}")
        return Comparison(name, self.tokens[self.at - 1][0], self.operand())

    def operand(self) -> Operand:
        token = self.peek()
        if not re.fullmatch(r"'[^']*'|\"[^\"]*\"|[A-Za-z0-9_.+-]+", token) or token in _RESERVED:
            self.fail("expected a value, a number, true, false or a word")
        self.at += 1
        if token[0] in "'\"":
            return token[1:-1]
        if token in self.known:
            return Name(token)
        meant = literal(token)
        if isinstance(meant, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", token):
            self.bare.append((self.named[-1], token))
        return meant


def is_quoted(text: str) -> bool:
    """Whether it stands in quotes of its own, one kind or the other."""
    return len(text) > 1 and text[0] == text[-1] and text[0] in "'\""


def literal(text: str) -> Decimal | bool | str:
    """What a word stands for that is no value's name: a truth, a number, a text in quotes, or itself."""
    if is_quoted(text):
        return text[1:-1]
    if text in ("true", "false"):
        return text == "true"
    return Decimal(text) if re.fullmatch(r"-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,9})?", text) else text


def _alike(left: object, right: object) -> tuple[object, object]:
    """Both in one type where there is one: numbers as Decimal, days and truths as what they say."""
    return _plain(left, right), _plain(right, left)


def _plain(value: object, beside: object) -> object:
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return Decimal(str(value))
    if isinstance(value, str) and isinstance(beside, (int, float, Decimal)) and not isinstance(beside, bool):
        return Decimal(value) if re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,9})?", value) else value
    if isinstance(value, str) and isinstance(beside, bool):
        return value == "true" if value in ("true", "false") else value
    if isinstance(value, str) and isinstance(beside, date):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return value
    return value
