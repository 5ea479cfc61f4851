"""Proof that no prompt says a value that may be empty there (M7: definite assignment over all paths).

A value counts as set at a step if every way from the start sets it: by a look-up's ``ok``, an answer, a
``set:``, or a condition that holds only when it is set. What a level's proof sets on all its ways counts
after ``requires``. What an ``ok`` may come without (``optional:``, and what a customer of the store may have none
of) is not set by it. A look-up that fails takes back what it gives, and a handoff what agents enter, who may have
taken it out again. BACK is taken to lose nothing. Where only agents send callers, nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ivr.config.operations import OPERATIONS
from ivr.menu.check_names import known_values
from ivr.menu.check_prompts import uses
from ivr.menu.check_report import Report, miss_ways
from ivr.menu.expressions import Comparison, Condition, Joined, Name, Not, Test
from ivr.menu.model import (
    BUILT_IN,
    AnyStep,
    AskStep,
    CallbackStep,
    CheckStep,
    HandoffStep,
    LookupStep,
    Manners,
    Menu,
    MenuStep,
    RecordStep,
    ReturnStep,
    RunStep,
    SayStep,
    Setting,
    TransferStep,
    local,
    scope,
)

Set = frozenset[str]
Edge = tuple[str, Set]
"""Target, and what is set when it is come to."""
KEPT = frozenset({"language", "phone"})
"""What a failed look-up does not take back."""


def check_values(report: Report) -> None:
    menu = report.menu
    known = known_values(menu).union(*(step.takes for step in menu.steps.values() if isinstance(step, RunStep)))
    known -= report.doubt.lost | report.doubt.unread
    reached = _Ways(menu, known, vague=report.doubt.ways).everything()
    rows = {step.each.say for step in menu.steps.values() if isinstance(step, SayStep) and step.each}
    for at, prompt in uses(report):
        if at[0] != "steps" or prompt in rows or prompt in report.doubt.unlike:
            continue
        step = menu.steps[str(at[1])]
        there = reached.get(step.name)
        if there is None:
            continue
        there |= _only_here(step, at)
        for name in sorted({_value(step, name) for name in _wanted(menu, prompt)} & known - there):
            message = f"{prompt} says {{{local(name)}}}, which may be empty here; set it on every way, or give"
            report.unproven(step, "may_be_empty", at, f"{message} the prompt a when_empty: wording")


def _wanted(menu: Menu, prompt: str) -> Set:
    """Values the prompt cannot do without, in some language."""
    texts = (language.book.prompts.get(prompt) for language in menu.languages)
    return frozenset().union(*(set(text.variables) - text.may_be_empty for text in texts if text))


def _value(step: AnyStep, name: str) -> str:
    """What a value of a prompt is called where the step stands."""
    return name if name in BUILT_IN else scope(step.name) + name


def _only_here(step: AnyStep, at: tuple[str | int, ...]) -> Set:
    """What is set at one place of a step only: the answer read back, what an offer's condition needs."""
    if isinstance(step, AskStep) and at[2] == "confirm":
        return frozenset({step.answer})
    if isinstance(step, CallbackStep) and at[2] == "say":
        return frozenset({step.number})
    if isinstance(step, MenuStep) and at[2] == "choices" and isinstance(at[3], int):
        show_if = step.choices[at[3]].show_if
        return implied(show_if) if show_if else frozenset()
    return frozenset()


class _Ways:
    """What is set at each step, as the meet over all ways that lead to it."""

    def __init__(self, menu: Menu, known: Set, *, vague: bool) -> None:
        """`vague`: some ways may be missing, by which a proof may come to its end."""
        self.menu = menu
        self.vague = vague
        self.known = known
        self.proved: dict[str, Set] = dict.fromkeys(menu.levels, frozenset())
        for level in menu.levels:
            self.proved[level] = self.by_proof(level)

    def everything(self) -> dict[str, Set]:
        begin = (BUILT_IN - {"phone"}).union(self.menu.takes)
        alone = [step.name for step in self.menu.steps.values() if "unreachable" in step.allow]
        return self.flow(self.menu.start, begin, *alone, anywhere=True)

    def by_proof(self, level: str) -> Set:
        """What is set on every way from the level's start to RETURN."""
        reached = self.flow(self.menu.levels[level].start, frozenset(), anywhere=False)
        returns = [
            there
            for name, before in reached.items()
            for target, there in self.edges(self.menu.steps[name], before)
            if target == "RETURN"
        ]
        if not returns:
            return self.known if self.vague else frozenset()
        return frozenset.intersection(*returns)

    def flow(self, start: str, begin: Set, *others: str, anywhere: bool) -> dict[str, Set]:
        """Sets after a step's own ``requires`` and ``set``, by step; `others` are begun at too."""
        reached: dict[str, Set] = {}
        coming: list[Edge] = [(name, begin) for name in (start, *others)]
        while coming:
            name, there = coming.pop()
            step = self.menu.steps.get(self.menu.start if name == "START" else name)
            if step is None:
                continue
            raw = there & reached[step.name] if step.name in reached else there
            inside = raw | self.proved.get(step.requires, frozenset()) if step.requires else raw
            inside = _assigned(step.set, inside)
            if reached.get(step.name) == inside:
                continue
            reached[step.name] = inside
            coming += self.edges(step, inside)
            if anywhere:
                coming += self.from_anywhere(step, raw)
        return reached

    def from_anywhere(self, step: AnyStep, there: Set) -> Iterator[Edge]:
        """Ways out of any step: `everywhere`, faults, a caller who is stuck, a proof that is needed or fails."""
        yield self.menu.on_fault, there
        yield self.menu.agent_stuck, there
        for choice in self.menu.everywhere:
            yield choice.go, _assigned(choice.set, there)
        for name in {step.requires, step.miss} & set(self.menu.levels):
            yield self.menu.levels[name].failed, there
        if step.requires in self.menu.levels:
            yield self.menu.levels[step.requires].start, there

    def edges(self, step: AnyStep, there: Set) -> Iterator[Edge]:
        match step:
            case SayStep() | RecordStep():  # a recording may be empty
                yield step.go, there - {getattr(step, "answer", "")}
            case RunStep():
                yield step.go, _assigned(step.takes, frozenset(one for one in there if not _within(step, one)))
            case ReturnStep():
                yield step.go, _assigned(step.gives, there)
            case MenuStep():
                for choice in step.choices:
                    shown = there | (implied(choice.show_if) if choice.show_if else frozenset())
                    yield choice.go, _assigned(choice.set, shown)
                yield from _misses(step.manners, there)
            case AskStep():
                yield step.go, there | {step.answer}
                yield from _misses(step.manners, there)
            case LookupStep():
                gives = frozenset(self.menu.data[step.use].gives)
                for exit, target in step.exits.items():
                    lacking = self.optional(step.use) - KEPT if exit == "ok" else gives - KEPT
                    yield target, (there | gives) - lacking if exit == "ok" else there - lacking
            case CheckStep():
                for when in step.when:
                    yield when.go, there | implied(when.condition)
                    there |= implied(Not(when.condition))
                yield step.otherwise, there
            case HandoffStep():
                for target in step.exits.values():
                    yield target, there.difference(self.menu.from_agent.values())
            case TransferStep():
                yield step.failed, there
            case CallbackStep():
                yield step.ok, there | {step.number}
                yield step.failed, there | {step.number}
                if step.rings:  # another call: all that is known is whom it rings
                    yield step.rings, BUILT_IN.union(self.menu.takes)

    def optional(self, use: str) -> Set:
        """What the look-up may answer without, by its own line and by what the customer store knows."""
        name, source = local(use), self.menu.data[use]
        by = self.menu.answered.get(name)
        operation = (by.operation if by.connector.kind == "sqlite" else "") if by is not None else name
        stored = OPERATIONS[operation].optional if operation in OPERATIONS else ()
        return source.optional.union(scope(use) + one for one in stored) & frozenset(source.gives)


def _within(step: RunStep, name: str) -> bool:
    """Whether it is a value of the menu that `step` runs."""
    return name.startswith(f"{step.name}/")


def implied(condition: Condition) -> Set:
    """Values that are set whenever the condition holds."""
    match condition:
        case Test(name=name, present=True):
            return frozenset({name})
        case Not(inner=Test(name=name, present=False)):
            return frozenset({name})
        case Comparison():
            return condition.names
        case Joined(every=every, parts=parts):
            sets = [implied(part) for part in parts]
            return frozenset().union(*sets) if every else frozenset.intersection(*sets)
    return frozenset()


def _assigned(settings: Mapping[str, Setting], there: Set) -> Set:
    """After a ``set:``; a copy of an empty value is empty."""
    copied = {name for name, one in settings.items() if isinstance(one, Name) and one.name not in there}
    return (there | frozenset(settings)) - copied


def _misses(manners: Manners, there: Set) -> Iterable[Edge]:
    for at, target in miss_ways(manners, ()):
        kind, number = str(at[0]), int(at[1])
        rows = manners.no_input if kind == "no_input" else manners.no_match
        yield target, _assigned(rows[number].set, there)
