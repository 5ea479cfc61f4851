"""Reading typed fields out of YAML nodes, every mistake with its place: what `connector_file` is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

from ivr.config.connectors import Body
from ivr.config.templates import holes
from ivr.errors import Problem
from ivr.menu.build import seconds
from ivr.menu.schema import meant, near
from ivr.menu.source import Mapping, Node, Scalar, Sequence

T = TypeVar("T", bound=str)
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""RFC 9110 section 5.6.2, token."""


class Fields:
    """One group of ``key: value`` lines. A mistake is noted and a harmless value given, so that all are found."""

    def __init__(self, node: Node, where: str, path: str, problems: list[Problem]) -> None:
        self.node, self.where, self.path, self.problems = node, where, path, problems

    def wrong(self, message: str, place: Node | None = None, key: str = "") -> None:
        at = place or self.node
        where = ".".join(part for part in (self.where, key) if part)
        self.problems.append(Problem(self.path, message, at.line, at.column, where))

    def known(self, names: Iterable[str]) -> bool:
        """Whether this is a group at all; keys that are not known are told, and read as what was meant."""
        if not isinstance(self.node, Mapping):
            self.wrong("is no group; write {key: value, …}")
            return False
        known = list(names)
        entries: list[tuple[Scalar, Node]] = []
        for key, value in self.node.entries:
            if key.text not in known:
                self.wrong(f"is not known here{meant(key.text, known)}", key, key.text)
                free = [name for name in known if self.node.key(name) is None]
                key = Scalar(near(key.text, free) or key.text, key.line, key.column)
            if all(key.text != before.text for before, _ in entries):
                entries.append((key, value))
        self.node = Mapping(tuple(entries), self.node.line, self.node.column)
        return True

    def get(self, key: str) -> Node | None:
        return self.node.get(key) if isinstance(self.node, Mapping) else None

    def inner(self, key: str) -> Fields | None:
        """The group under `key`, if there is one."""
        node = self.get(key)
        return None if node is None else Fields(node, f"{self.where}.{key}", self.path, self.problems)

    def text(self, key: str, default: str = "") -> str:
        node = self.get(key)
        if node is None:
            return default
        if not isinstance(node, Scalar) or not node.text.strip():
            self.wrong("is no text; write one word or one line", node, key)
            return default
        return node.text.strip()

    def one_of(self, key: str, words: Iterable[T], default: T, *, slips: bool = False) -> T:
        """`slips`: what is told as a slip of the pen is read as what was meant."""
        text, known = self.text(key), list(words)
        if not text:
            return default
        for word in known:
            if word == text:
                return word
        self.wrong(f"{text!r} is not one of {', '.join(known)}{meant(text, known)}", self.get(key), key)
        wanted = near(text, known) if slips else ""
        return next((word for word in known if word == wanted), default)

    def variable(self, key: str) -> str:
        """Name of an environment variable. What looks like a secret itself is not repeated in the message."""
        text = self.text(key)
        if text and not _VARIABLE.fullmatch(text):
            message = "is no name of an environment variable; write one in capitals, and the secret into it"
            self.wrong(message, self.get(key), key)
        return text

    def header(self, key: str) -> str:
        text = self.text(key)
        if text and not _HEADER.fullmatch(text):
            self.wrong(f"{text!r} is no name of an HTTP header", self.get(key), key)
        return text

    def whole(self, key: str, default: int, least: int, most: int) -> int:
        text = self.text(key)
        if not text:
            return default
        if not re.fullmatch(r"[0-9]{1,6}", text) or not least <= int(text) <= most:
            self.wrong(f"{text!r} is no whole number from {least} to {most}", self.get(key), key)
            return default
        return int(text)

    def time(self, key: str, default: float) -> float:
        text = self.text(key)
        if not text:
            return default
        if not re.fullmatch(r"[0-9]{1,6}(ms|s|m|h)", text) or seconds(text) <= 0:
            self.wrong(f"{text!r} is no time; write 800ms, 2s or 1m", self.get(key), key)
            return default
        return seconds(text)

    def truth(self, key: str) -> bool:
        return self.one_of(key, ("false", "true"), "false") == "true"

    def texts(self, key: str) -> tuple[str, ...]:
        """One text or a list of them."""
        node = self.get(key)
        if node is None:
            return ()
        items = node.items if isinstance(node, Sequence) else (node,)
        found = []
        for item in items:
            if isinstance(item, Scalar) and item.text.strip():
                found.append(item.text.strip())
            else:
                self.wrong("is no list of words; write [one, two]", item, key)
        return tuple(found)

    def template(self, key: str) -> str:
        text = self.text(key)
        self.holes(text, self.get(key), key)
        return text

    def holes(self, text: str, place: Node | None, key: str, *, whole: bool = False) -> None:
        """`whole` allows ``{name:number}``, where the template is one value by itself."""
        try:
            kinds = [kind for _, kind in holes(text)]
        except ValueError as error:
            self.wrong(str(error), place, key)
            return
        if any(kinds) and not (whole and re.fullmatch(r"\{[^{}]*\}", text)):
            self.wrong("has a kind inside a longer text; leave the colon and the kind away", place, key)

    def pairs(self, key: str, *, headers: bool = False, kinds: bool = False) -> tuple[tuple[str, str], ...]:
        """Names to templates, in the order of the file; with `kinds` a template may be ``{name:number}``."""
        node = self.get(key)
        if node is None:
            return ()
        if not isinstance(node, Mapping):
            self.wrong("is no group; write {name: value, …}", node, key)
            return ()
        found = []
        for name, value in node.entries:
            if not isinstance(value, Scalar):
                self.wrong("is no text; write one value", value, f"{key}.{name.text}")
            elif headers and not _HEADER.fullmatch(name.text):
                self.wrong(f"{name.text!r} is no name of an HTTP header", name, key)
            else:
                self.holes(value.text, value, f"{key}.{name.text}", whole=kinds)
                found.append((name.text, value.text))
        return tuple(found)

    def body(self, key: str) -> Body:
        """Names to templates or to groups of them."""
        node = self.get(key)
        return () if node is None else self._body(node, key)

    def _body(self, node: Node, where: str) -> Body:
        if not isinstance(node, Mapping):
            self.wrong('is no group; write {name: "{value}", …}', node, where)
            return ()
        found: list[tuple[str, str | Body]] = []
        for name, value in node.entries:
            at = f"{where}.{name.text}"
            if isinstance(value, Scalar):
                self.holes(value.text, value, at, whole=True)
                found.append((name.text, value.text))
            elif isinstance(value, Mapping):
                found.append((name.text, self._body(value, at)))
            else:
                self.wrong("is a list; write one value or a group", value, at)
        return tuple(found)
