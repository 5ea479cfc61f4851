"""Reading a prompt file (M5, M19): ``id: text`` or ``id: {text: …, audio: …, when_zero: …}``."""

from __future__ import annotations

import re
from difflib import get_close_matches

from ivr.errors import IvrError, Problem
from ivr.menu.prompt_book import CONDITIONS, Condition, PromptBook, PromptText, Variant
from ivr.menu.source import Mapping, Node, Scalar, Sequence, read
from ivr.menu.template import Hole, Pause, Words, faults, parse
from ivr.menu.words import language as words_of

_ID = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")
_RECORDING = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:[./][A-Za-z0-9_][A-Za-z0-9_-]*)*\.wav")
"""Inside the language's folder: no leading slash or dot, nothing that climbs out of it."""
_NAME = re.compile(r"\{([a-z][a-z0-9_]*)[:}]")
"""A value in a text that cannot be read otherwise."""
_OPTIONS = ("text", "audio", "also", *CONDITIONS)
MOST_BROKEN = 20
"""Lines that are told before the rest of the file is given up."""
MOST_TEXT = 1000
"""Characters of one prompt: more than a minute of speech."""


def read_prompts(text: str, path: str, language: str) -> tuple[PromptBook, list[Problem]]:
    """The prompts of a file, and every mistake in it. An entry with a mistake is left out."""
    node, problems, cut = _read(text, path)
    reader = _Reader(path, language)
    reader.problems += problems
    prompts = reader.book(node)
    whole = not cut and isinstance(node, Mapping) and bool(node.entries)
    book = PromptBook(language, path, prompts, reader.spoilt, whole)
    return book, sorted(reader.problems, key=lambda problem: (problem.line, problem.column))


def _read(text: str, path: str) -> tuple[Node, list[Problem], bool]:
    """The file, and what is wrong with its form: a line that is broken is taken out, and the others are read.
    True if any was."""
    node, problems = read(text, path)
    found: list[Problem] = []
    while problems and isinstance(node, Mapping) and not node.entries and len(found) < MOST_BROKEN:
        lines, broken = text.split("\n"), problems[0].line - 1
        if not 0 <= broken < len(lines) or not lines[broken].strip():
            break
        found.append(problems[0])
        lines[broken] = ""
        text = "\n".join(lines)
        node, problems = read(text, path)
    return node, found + [one for one in problems if all(one.line != before.line for before in found)], bool(found)


class _Reader:
    def __init__(self, path: str, language: str) -> None:
        self.path = path
        self.language = language
        self.problems: list[Problem] = []
        self.spoilt: dict[str, PromptText] = {}

    def wrong(self, message: str, place: Node, where: str = "") -> None:
        self.problems.append(Problem(self.path, message, place.line, place.column, where))

    def book(self, node: Node) -> dict[str, PromptText]:
        if not isinstance(node, Mapping):
            self.wrong("is not a prompt file; write one prompt a line, such as main.head: Main menu.", node)
            return {}
        self.head(node)
        prompts = {}
        for key, value in node.entries:
            if key.text == "prompts":
                continue
            if _ID.fullmatch(key.text) is None:
                self.wrong(
                    "is no prompt id; write lower-case words joined by dots, as in main.head", key, key.text
                )
            elif (prompt := self.prompt(key, value)) is not None:
                prompts[key.text] = prompt
            else:
                names = tuple(dict.fromkeys(_NAME.findall(_all_text(value))))
                self.spoilt[key.text] = PromptText(key.text, key.line, "", (), names)
        return prompts

    def head(self, node: Mapping) -> None:
        head = node.get("prompts")
        if head is None:
            if node.entries or not self.problems:
                self.wrong(f"has no language; write prompts: {self.language} first", node)
        elif not isinstance(head, Scalar) or head.text != self.language:
            found = repr(head.text) if isinstance(head, Scalar) else "a group"
            self.wrong(f"is {found}; the menu says this file is {self.language!r}", head, "prompts")

    def prompt(self, key: Scalar, value: Node) -> PromptText | None:
        if isinstance(value, Scalar):
            value = Mapping(((Scalar("text", value.line, value.column), value),), value.line, value.column)
        if not isinstance(value, Mapping):
            self.wrong("is a list; write a text, or {text: …, audio: …}", value, key.text)
            return None
        before = len(self.problems)
        self.options(key.text, value)
        text = self.text(key, value.get("text"), key.text)
        variants = self.variants(key.text, value)
        audio = self.audio(key.text, value.get("audio"), text)
        also = self.also(key.text, value.get("also"))
        if len(self.problems) > before:
            return None
        names: dict[str, None] = dict.fromkeys(_names(text))
        for variant in variants:
            names |= dict.fromkeys((variant.variable, *_names(variant.text)))
        return PromptText(key.text, key.line, text, audio, tuple(names), variants, also)

    def options(self, where: str, value: Mapping) -> None:
        for option, _ in value.entries:
            if option.text not in _OPTIONS:
                near = get_close_matches(option.text, _OPTIONS, 1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(_OPTIONS)}"
                self.wrong(f"has no option {option.text!r}{hint}", option, where)

    def text(self, key: Scalar, node: Node | None, where: str) -> str:
        """A usable text, or the empty one with a problem."""
        place = node or key
        if not isinstance(node, Scalar):
            self.wrong("has no text; write what is said", place, where)
            return ""
        if found := faults(node.text):
            for message in found:
                self.wrong(message, place, where)
            return ""
        parts = parse(node.text)
        try:
            if any(isinstance(part, Hole) for part in parts):
                words_of(self.language)
        except IvrError as error:
            self.wrong(str(error), place, where)
            return ""
        if all(isinstance(part, Pause) for part in parts):
            self.wrong("has nothing to say; write a text", place, where)
        elif len(node.text) > MOST_TEXT:
            self.wrong(f"has {len(node.text)} characters; at most {MOST_TEXT}, split it", place, where)
        return " ".join(node.text.split())

    def variants(self, where: str, value: Mapping) -> tuple[Variant, ...]:
        found: list[Variant] = []
        for option, node in value.entries:
            if option.text not in CONDITIONS:
                continue
            if not isinstance(node, Mapping):
                self.wrong(f"{option.text} needs values with texts: {{due_date: 'You owe …'}}", node, where)
                continue
            for variable, said in node.entries:
                found.append(self.variant(option.text, variable, said, where))
        return tuple(found)

    def variant(self, condition: Condition, variable: Scalar, said: Node, where: str) -> Variant:
        text = self.text(variable, said, where)
        if re.fullmatch(r"[a-z][a-z0-9_]*", variable.text) is None:
            self.wrong(f"{variable.text!r} is no value; write its name in lower case", variable, where)
        elif condition == "when_empty" and variable.text in _names(text):
            self.wrong(f"says {variable.text} where it is empty; leave it out of this text", said, where)
        return Variant(condition, variable.text, text)

    def also(self, where: str, node: Node | None) -> tuple[tuple[str, str], ...]:
        """Fixed words in other languages: a value would need that language's words, and a caller who has them."""
        if node is None:
            return ()
        if not isinstance(node, Mapping):
            self.wrong("also needs languages with texts: {es: 'Para español, presione 2.'}", node, where)
            return ()
        found = []
        for code, said in node.entries:
            text = self.text(code, said, where)
            if _names(text):
                self.wrong("also says fixed words only; leave the values out", said, where)
            elif code.text == self.language:
                self.wrong(f"also is for other languages than {self.language!r}; use text", code, where)
            found.append((code.text, " ".join(part.text for part in parse(text) if isinstance(part, Words))))
        return tuple(found)

    def audio(self, where: str, node: Node | None, text: str) -> tuple[str, ...]:
        if node is None or not text:
            return ()
        items = node.items if isinstance(node, Sequence) else (node,)
        entries = []
        for item in items:
            if not isinstance(item, Scalar) or not (item.text.startswith("{") or _RECORDING.fullmatch(item.text)):
                found = repr(item.text) if isinstance(item, Scalar) else "a group"
                self.wrong(f"{found} is no recording; write a file such as you_owe.wav", item, where)
                return ()
            entries.append(item.text)
        self.same_parts(where, node, text, entries)
        return tuple(entries)

    def same_parts(self, where: str, node: Node, text: str, entries: list[str]) -> None:
        """The list must name a file for every stretch of words, with the values, or without any of them."""
        parts = [part for part in parse(text) if not isinstance(part, Pause)]
        shown = [str(part) if isinstance(part, Hole) else "FILE.wav" for part in parts]
        found = [entry if entry.startswith("{") else "FILE.wav" for entry in entries]
        if found not in (shown, [part for part in shown if part == "FILE.wav"]):
            self.wrong(f"has recordings {found}; the text needs {shown}", node, where)


def _names(text: str) -> list[str]:
    return [part.name for part in parse(text) if isinstance(part, Hole)]


def _all_text(node: Node) -> str:
    """Everything that is written there."""
    if isinstance(node, Scalar):
        return node.text
    inner = node.items if isinstance(node, Sequence) else [value for _, value in node.entries]
    return " ".join(map(_all_text, inner))
