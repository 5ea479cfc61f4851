"""A menu run by another one (``run``): its steps and values put into the other's under names of their own.

    steps:  survey, a run step   ──▶  survey/first ──▶ … ──▶ RETURN  ──▶  what comes after survey
    values: with {ours ──▶ survey/theirs}                    gives {survey/theirs ──▶ ours}

What is played is one menu, so that every proof holds for it and the machine knows nothing of files. Ours are
the languages, `everywhere`, levels, queues and their hours, attached data, and what happens at a fault; its
own are the steps, look-ups and the manners of its questions. BACK may lead out of it, END ends the call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ivr.menu.check_report import own_ways
from ivr.menu.expressions import Name, renamed
from ivr.menu.model import (
    BUILT_IN,
    AnyStep,
    AskStep,
    CallbackStep,
    CheckStep,
    Choice,
    DataSource,
    HandoffStep,
    Language,
    LookupStep,
    Manners,
    Menu,
    MenuStep,
    Miss,
    RecordStep,
    ReturnStep,
    RunStep,
    SayStep,
    Setting,
    TransferStep,
)

MOST_STEPS = 5000
"""Steps of a menu with all it runs."""
MOST_DEEP = 5
"""Menus inside each other."""


class TooLarge(Exception):
    """More steps than MOST_STEPS."""


def placed(menu: Menu, inner: Mapping[str, Menu]) -> Menu:
    """`menu` with every menu it runs inside it; `inner` are those, ready to be played, by the name of the file.

    A run step whose menu is not there stays as it is. Raises TooLarge.
    """
    steps: dict[str, AnyStep] = {}
    data, secrets = dict(menu.data), set(menu.secrets)
    parts: dict[str, str] = {}
    for step in menu.steps.values():
        other = inner.get(step.menu) if isinstance(step, RunStep) else None
        if not isinstance(step, RunStep) or other is None:
            steps[step.name] = step
            continue
        place = _Place(f"{step.name}/", other)
        steps[step.name] = place.entered(step)
        steps |= place.steps()
        returning = place.returning(step)
        steps[returning.name] = returning
        data |= place.data()
        secrets |= {place.value(name) for name in other.secrets}
        parts |= {place.prefix: other.path} | {place.prefix + one: path for one, path in other.parts.items()}
        if len(steps) > MOST_STEPS:
            raise TooLarge
    languages = tuple(_with_prompts(language, inner.values()) for language in menu.languages)
    return replace(menu, steps=steps, data=data, secrets=frozenset(secrets), parts=parts, languages=languages)


def _with_prompts(language: Language, inner: Any) -> Language:
    """The prompts of all menus; an id means the same in all of them, which the check sees to."""
    prompts = dict(language.book.prompts)
    for menu in inner:
        for other in menu.languages:
            if other.code == language.code:
                prompts = {**other.book.prompts, **prompts}
    return replace(language, book=replace(language.book, prompts=prompts))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a menu is put: what its steps and values are called there."""

    prefix: str
    menu: Menu

    def value(self, name: str) -> str:
        return name if name in BUILT_IN else self.prefix + name

    def target(self, name: str) -> str:
        if name == "START":
            return self.prefix + self.menu.start
        return self.prefix + name if name == "RETURN" or name in self.menu.steps else name

    def sets(self, settings: Mapping[str, Setting]) -> dict[str, Setting]:
        return {
            self.value(name): Name(self.value(one.name)) if isinstance(one, Name) else one
            for name, one in settings.items()
        }

    def entered(self, step: RunStep) -> RunStep:
        takes = {self.prefix + theirs: ours for theirs, ours in step.takes.items()}
        gives = {ours: self.value(theirs) for ours, theirs in step.gives.items()}
        return replace(step, takes=takes, gives=gives, go=self.prefix + self.menu.start)

    def returning(self, step: RunStep) -> ReturnStep:
        gives: dict[str, Setting] = {ours: Name(self.value(theirs)) for ours, theirs in step.gives.items()}
        same = {ours: self.value(theirs) for ours, theirs in step.gives.items()}
        for theirs, ours in step.takes.items():
            if isinstance(ours, Name):
                same[ours.name] = self.prefix + theirs
        name = f"{self.prefix}RETURN"
        return ReturnStep(name=name, line=step.line, run=step.name, gives=gives, same=same, go=step.go)

    def data(self) -> dict[str, DataSource]:
        return {
            self.prefix + name: replace(
                source,
                needs=tuple(self.value(one) for one in source.needs),
                gives=tuple(self.value(one) for one in source.gives),
                secret=frozenset(self.value(one) for one in source.secret),
                optional=frozenset(self.value(one) for one in source.optional),
            )
            for name, source in self.menu.data.items()
        }

    def steps(self) -> dict[str, AnyStep]:
        """Those that a caller can come to from its start; others, such as its own proof of a level, stay out."""
        found: dict[str, AnyStep] = {}
        coming = [self.menu.start]
        while coming:
            step = self.menu.steps.get(coming.pop())
            if step is None or self.prefix + step.name in found:
                continue
            found[self.prefix + step.name] = self.step(step)
            coming += [self.menu.start if target == "START" else target for _, target in own_ways(step)]
            if isinstance(step, (MenuStep, AskStep)):
                rows = (*step.manners.no_input, *step.manners.no_match)
                coming += [self.menu.start if row.go == "START" else row.go for row in rows if row.go]
        order = [self.prefix + name for name in self.menu.steps]
        return {name: found[name] for name in order if name in found}

    def step(self, step: AnyStep) -> AnyStep:
        changes: dict[str, Any] = {"name": self.prefix + step.name, "set": self.sets(step.set)}
        changes |= dict(self.changes(step))
        made: AnyStep = replace(step, **changes)
        return made

    def changes(self, step: AnyStep) -> Iterator[tuple[str, Any]]:
        match step:
            case SayStep():
                yield "go", self.target(step.go)
                if step.each is not None:
                    yield "each", replace(step.each, of=self.value(step.each.of))
            case MenuStep():
                yield "choices", tuple(self.choice(choice) for choice in step.choices)
                yield "manners", self.manners(step.manners)
            case AskStep():
                yield "go", self.target(step.go)
                yield "answer", self.value(step.answer)
                yield "manners", self.manners(step.manners)
            case LookupStep():
                yield "use", self.prefix + step.use
                yield "exits", self.exits(step.exits)
            case CheckStep():
                rows = [replace(one, condition=renamed(one.condition, self.value)) for one in step.when]
                yield "when", tuple(replace(one, go=self.target(one.go)) for one in rows)
                yield "otherwise", self.target(step.otherwise)
            case HandoffStep():
                yield "exits", self.exits(step.exits)
            case TransferStep():
                yield "failed", self.target(step.failed)
            case CallbackStep():
                yield "number", self.value(step.number)
                yield "rings", self.target(step.rings) if step.rings else ""
                yield "ok", self.target(step.ok)
                yield "failed", self.target(step.failed)
                yield "manners", self.manners(step.manners)
            case RecordStep():
                yield "answer", self.value(step.answer)
                yield "go", self.target(step.go)
            case RunStep():
                yield "takes", self.sets(step.takes)
                yield "gives", {self.value(ours): self.value(theirs) for ours, theirs in step.gives.items()}
                yield "go", self.target(step.go)
            case ReturnStep():
                yield "run", self.prefix + step.run
                yield "gives", self.sets(step.gives)
                yield "same", {self.value(ours): self.value(theirs) for ours, theirs in step.same.items()}
                yield "go", self.target(step.go)

    def exits(self, exits: Mapping[str, str]) -> dict[str, str]:
        return {name: self.target(target) for name, target in exits.items()}

    def choice(self, choice: Choice) -> Choice:
        shown = None if choice.show_if is None else renamed(choice.show_if, self.value)
        return replace(choice, go=self.target(choice.go), show_if=shown, set=self.sets(choice.set))

    def manners(self, manners: Manners) -> Manners:
        no_input = tuple(self.miss(row) for row in manners.no_input)
        return replace(manners, no_input=no_input, no_match=tuple(self.miss(row) for row in manners.no_match))

    def miss(self, miss: Miss) -> Miss:
        return replace(miss, set=self.sets(miss.set), go=self.target(miss.go))
