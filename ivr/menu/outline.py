"""The menu as a caller hears it: words, keys, and what follows, as an indented tree.

A step that several ways lead to has a part of its own; the ways to it are references, and so are circles.
Everything else is told where it is reached, so that a page reads from top to bottom like a call.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

from ivr.menu.exits import Exit, everywhere_exits, exits, last_way, next_steps, phrases_of
from ivr.menu.model import (
    AnyStep,
    AskStep,
    CallbackStep,
    CheckStep,
    Choice,
    HandoffStep,
    LookupStep,
    Manners,
    Menu,
    RecordStep,
    ReturnStep,
    RunStep,
    SayStep,
    TransferStep,
)

ENDS = {
    "END": "the call ends",
    "BACK": "back to the question before",
    "REPEAT": "says it again",
    "RETURN": "back to what was asked for",
}
_WHEN = {
    "when_negative": "is below zero",
    "when_zero": "is zero",
    "when_empty": "is not known",
    "when_past": "is a day gone by",
}
_HOLE = re.compile(r"(?<!\{)\{([a-z][a-z0-9_]*)(?::[a-z]+)?\}")
_DEEPEST = 7
"""Indents after which a step gets a part of its own: further in, nothing is left of 80 columns."""


@dataclass(frozen=True, slots=True)
class OutlineLine:
    depth: int
    text: str
    step: str = ""
    """The step that begins here; empty for a line that belongs to the one above."""
    line: int = 0
    """Of the menu file, where a step begins."""


def outline(menu: Menu, language: str = "") -> list[OutlineLine]:
    """The whole menu in that language, or in its first one; steps nothing leads to come last."""
    return list(_Outline(menu, language or menu.languages[0].code).lines())


def words_of(menu: Menu, prompts: tuple[str, ...], language: str, key: str = "") -> str:
    """The usual wording of prompts with ``‹amount due›`` for values, and the key where it is said."""
    book = menu.language(language).book
    return " ".join(plain_words(book.prompts[one].text, key) for one in prompts if one in book.prompts)


def plain_words(text: str, key: str = "") -> str:
    """A prompt's text for a reader: ``{amount_due:money}`` is ``‹amount due›``."""

    def value(hole: re.Match[str]) -> str:
        name = hole[1]
        return key if name == "key" and key else f"‹{name.replace('_', ' ')}›"

    return " ".join(_HOLE.sub(value, text).replace("{{", "{").replace("}}", "}").split())


class _Outline:
    def __init__(self, menu: Menu, language: str) -> None:
        self.menu = menu
        self.language = language
        self.told: set[str] = set()
        self.waiting: deque[str] = deque()
        """Steps that were referred to and have no part yet."""
        self.people: deque[str] = deque()
        """The same, of steps that lead to people; they come after everything a caller can do alone."""
        self.ways = Counter(name for step in menu.steps.values() for name in next_steps(menu, step))
        self.ways.update(level.start for level in menu.levels.values())
        self.ways.update(one.target for one in everywhere_exits(menu))

    def lines(self) -> Iterator[OutlineLine]:
        self.waiting.append(self.menu.start)
        yield from self.everywhere()
        while self.waiting:
            name = self.waiting.popleft()
            if name not in self.told and name in self.menu.steps:
                yield OutlineLine(0, "")
                yield from self.part(self.menu.steps[name], 0)
            if not self.waiting:
                self.waiting.extend(self.people)
                self.people.clear()
            if not self.waiting:
                self.waiting.extend(one for one in self.menu.steps if one not in self.told)

    def everywhere(self) -> Iterator[OutlineLine]:
        yield OutlineLine(0, f"{self.menu.title or self.menu.name}: what a caller hears")
        ways = everywhere_exits(self.menu)
        if ways:
            yield OutlineLine(0, "At any time:")
        for one in ways:
            yield OutlineLine(1, f"{self.chosen(one)}: {self.towards(one)}")
        manners = self.menu.manners
        yield OutlineLine(0, "After a question, where it says nothing else:")
        yield from self.misses(manners, 1)

    def part(self, step: AnyStep, depth: int) -> Iterator[OutlineLine]:
        self.told.add(step.name)
        yield OutlineLine(depth, f"{step.name}: {self.does(step)}", step.name, step.line)
        if step.requires:
            yield OutlineLine(depth + 1, f"only for callers who are {step.requires}; others go to the proof first")
            self.refer(self.menu.levels[step.requires].start)
        said = self.said(step)
        if said:
            yield OutlineLine(depth + 1, f"“{said}”")
        yield from self.other_words(step, depth + 1)
        if isinstance(step, SayStep) and step.each is not None:
            line = words_of(self.menu, (step.each.say,), self.language)
            most = f"at most {step.each.most}, " if step.each.most else ""
            yield OutlineLine(depth + 1, f"for each of {step.each.of} ({most}in order): “{line}”")
        if isinstance(step, AskStep) and step.confirm:
            back = words_of(self.menu, (step.confirm,), self.language)
            yield OutlineLine(depth + 1, f"reads it back: “{back}”")
        yield from self.ways_out(step, depth + 1)

    def other_words(self, step: AnyStep, depth: int) -> Iterator[OutlineLine]:
        """What a prompt says while a value is zero, empty, negative or gone by."""
        book = self.menu.language(self.language).book
        for prompt in (book.prompts[one] for one in step.say if one in book.prompts):
            for variant in prompt.variants:
                when = f"{variant.variable.replace('_', ' ')} {_WHEN[variant.condition]}"
                yield OutlineLine(depth, f"if {when}: “{plain_words(variant.text)}”")

    def ways_out(self, step: AnyStep, depth: int) -> Iterator[OutlineLine]:
        by_target: dict[tuple[str, str, bool], list[Exit]] = {}
        for one in exits(self.menu, step):
            proof = one.name == "requires" or (one.name == "failed" and step.requires and not step.miss)
            if proof or one.kind == "miss":
                continue
            alone = one.name if one.choice is not None else ""
            by_target.setdefault((one.target, alone, one.kind == "failure"), []).append(one)
        for (target, _, _), ways in by_target.items():
            label = self.label(step, ways)
            if self.inline(target, depth):
                if label:
                    yield OutlineLine(depth, f"{label}:")
                yield from self.part(self.menu.steps[target], depth + bool(label))
            else:
                yield OutlineLine(depth, f"{label}: {self.towards(ways[0])}" if label else self.towards(ways[0]))
        manners = getattr(step, "manners", None)
        if isinstance(manners, Manners) and not isinstance(step, CallbackStep):
            yield from self.misses(manners, depth, self.menu.manners)

    def inline(self, target: str, depth: int) -> bool:
        """Whether the step is told right here: nothing else leads to it, and there is room."""
        return (
            target in self.menu.steps
            and target not in self.told
            and self.ways[target] == 1
            and target != self.menu.start
            and depth < _DEEPEST
        )

    def label(self, step: AnyStep, ways: list[Exit]) -> str:
        first = ways[0]
        if first.choice is not None:
            return self.chosen(first)
        if isinstance(step, CheckStep):
            named = [f"if {one.why}" if one.why else "otherwise" for one in ways]
            return " or ".join(named)
        if first.name in ("go", "run", "return"):
            return ""
        return ", ".join(one.name.replace("_", " ") for one in ways)

    def chosen(self, one: Exit) -> str:
        """``1 “For your balance, press 1.” (only if …)``."""
        choice = one.choice
        assert choice is not None
        offer = words_of(self.menu, (choice.offer,), self.language, one.label) if choice.offer else ""
        words = f"“{offer}”" if offer else self.spoken(choice)
        only = f" (only if {one.why})" if one.why else ""
        return f"{one.label} {words}{only}".rstrip()

    def spoken(self, choice: Choice) -> str:
        phrases = phrases_of(choice, self.language) if choice.press else ()
        return f"or saying {', '.join(f'“{phrase}”' for phrase in phrases[:2])}" if phrases else ""

    def misses(self, manners: Manners, depth: int, usual: Manners | None = None) -> Iterator[OutlineLine]:
        for what, rows, same in (
            ("silence", manners.no_input, usual and usual.no_input),
            ("an answer that does not fit", manners.no_match, usual and usual.no_match),
        ):
            if rows == same or not rows:
                continue
            says = [f"“{words_of(self.menu, row.say, self.language)}”" for row in rows if row.say]
            where = self.towards(Exit("miss", what, last_way(rows))) if last_way(rows) else "asks for ever"
            yield OutlineLine(depth, f"{what}: {', then '.join([*says, where])}")

    def towards(self, one: Exit) -> str:
        """Where an exit leads, as a reference; the step gets its part later."""
        target = self.menu.start if one.target == "START" else one.target
        if target in ENDS:
            return ENDS[target]
        self.refer(target)
        return f"→ {target}"

    def refer(self, name: str) -> None:
        if name in self.told:
            return
        people = isinstance(self.menu.steps.get(name), (HandoffStep, TransferStep, CallbackStep))
        (self.people if people else self.waiting).append(name)

    def said(self, step: AnyStep) -> str:
        return words_of(self.menu, step.say, self.language)

    def does(self, step: AnyStep) -> str:
        match step:
            case LookupStep():
                return f"looks up {step.use}" + (" (done once, never again)" if self._once(step) else "")
            case CheckStep():
                return "depends on what is known"
            case HandoffStep():
                return f"connects to a person for {step.queue}"
            case TransferStep():
                return f"connects to {step.to}"
            case CallbackStep():
                return "notes a number to call back"
            case AskStep():
                return f"asks for {step.answer.replace('_', ' ')}{' (secret)' if step.secret else ''}"
            case SayStep():
                return "says"
            case RunStep():
                return f"plays the menu {step.menu}"
            case ReturnStep():
                return f"comes back from the menu of {step.run}"
            case RecordStep():
                return f"records what the caller says after the beep, at most {step.most:g} s"
            case _:
                return (
                    "asks" if hasattr(step, "choices") else type(step).__name__.removesuffix("Step").lower() + "s"
                )

    def _once(self, step: LookupStep) -> bool:
        return step.use in self.menu.data and self.menu.data[step.use].once
