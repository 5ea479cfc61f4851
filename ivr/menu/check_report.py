"""Where the checks write down what they find, and the ways that lead from step to step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ivr.errors import Problem
from ivr.menu.model import (
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
    TransferStep,
    local,
    scope,
)
from ivr.menu.schema import Keys, find, place, where
from ivr.menu.source import Mapping as Group
from ivr.menu.source import Node, Sequence

PROOFS = frozenset(
    {
        "unreachable",
        "too_many_choices",
        "never_leaves",
        "circle",
        "dead_end",
        "may_be_empty",
        "missing_exit",
        "no_agent",
    }
)
"""Checks that an editor may silence on a step, with a reason."""
PROTECTED = frozenset({"emergency", "secret", "bypassed"})
"""Checks that nobody may silence: the emergency line, secrets, and what only its owner may hear."""
Way = tuple[Keys, str]
"""Where a target is written, and the target."""


@dataclass(frozen=True, slots=True)
class Silenced:
    """A proof that failed and that the editor has allowed to."""

    problem: Problem
    proof: str
    why: str


@dataclass
class Doubt:
    """What mistakes found so far leave open: no check builds on it, so that no mistake is told twice over."""

    lost: set[str] = field(default_factory=set)
    """Names that may be values after all."""
    unread: set[str] = field(default_factory=set)
    """Words of conditions with mistakes: they may be known to be set where the condition holds."""
    patched: set[str] = field(default_factory=set)
    """Steps that may have more keys than are known."""
    ways: bool = False
    """Some step may lead elsewhere, or to another queue."""
    levels: bool = False
    """Something may prove or need a level that seems not to."""
    grants: bool = False
    """Something may prove a level that nothing proves as it is."""
    values: bool = False
    """Something may give any value."""
    unlike: set[str] = field(default_factory=set)
    """Prompts that say other values in another language: one of them is wrong."""

    start: bool = False
    """The call begins at the wrong step, and so most steps are not come to."""

    def add(self, other: Doubt) -> None:
        self.lost |= other.lost
        self.unread |= other.unread
        self.patched |= other.patched
        self.ways |= other.ways
        self.levels |= other.levels
        self.grants |= other.grants
        self.values |= other.values
        self.unlike |= other.unlike


class Report:
    def __init__(
        self, menu: Menu, root: Node, parts: Mapping[str, Node] | None = None, *, doubt: Doubt | None = None
    ) -> None:
        """`root` gives the places; `parts` those of the menus it runs, by what their steps begin with."""
        self.doubt = doubt or Doubt()
        self.menu = menu
        self.root = root
        self.parts = parts or {}
        self.problems: list[Problem] = []
        self.silenced: list[Silenced] = []

    def wrong(self, at: Keys, message: str, *, key: bool = False) -> None:
        """A mistake at a value, or with `key` at the name before it."""
        self._note(self.problem(at, message, key=key))

    def _note(self, problem: Problem) -> None:
        if problem.line:  # else it is about something that was made up
            self.problems.append(problem)

    def problem(self, at: Keys, message: str, *, key: bool = False) -> Problem:
        root, path = self.root, self.menu.path
        if at[:1] == ("steps",) and scope(str(at[1])) in self.parts:
            root, path = self.parts[scope(str(at[1]))], self.menu.file_of(str(at[1]))
            at = ("steps", local(str(at[1])), *at[2:])
        while at and isinstance(at[-1], int) and not isinstance(find(root, at[:-1]), Sequence):
            at = at[:-1]  # a list of one may be written without brackets
        node = find(root, at)
        line, column = place(root, at) if key else (node.line, node.column)
        return Problem(path, message, line, column, where(at))

    def unproven(self, step: AnyStep, proof: str, at: Keys, message: str, *, key: bool = False) -> None:
        """A proof that failed; only noted if the editor allowed it on this step."""
        problem = self.problem(at, f"{message} [{proof}]", key=key)
        if proof in step.allow and proof not in PROTECTED:
            self.silenced.append(Silenced(problem, proof, step.allow[proof]))
        else:
            self._note(problem)


def questions(menu: Menu) -> Iterator[tuple[MenuStep | AskStep, Manners]]:
    for step in menu.steps.values():
        if isinstance(step, (MenuStep, AskStep)):
            yield step, step.manners


def own_ways(step: AnyStep) -> Iterator[Way]:
    """Where a step leads by itself and by its answers; its misses and `everywhere` are not among them."""
    at: Keys = ("steps", step.name)
    match step:
        case SayStep() | AskStep() | RecordStep():
            yield (*at, "go"), step.go
        case RunStep():
            yield (*at, "menu" if scope(step.go) else "go"), step.go
        case ReturnStep():
            yield ("steps", step.run, "go"), step.go
        case MenuStep():
            for number, choice in enumerate(step.choices):
                yield (*at, "choices", number, "go"), choice.go
        case LookupStep() | HandoffStep():
            for exit, target in step.exits.items():
                yield (*at, exit), target
        case CheckStep():
            for number, when in enumerate(step.when):
                yield (*at, "when", number, "go"), when.go
            yield (*at, "else"), step.otherwise
        case TransferStep():
            yield (*at, "failed"), step.failed
        case CallbackStep():
            yield (*at, "ok"), step.ok
            yield (*at, "failed"), step.failed
            if step.rings:
                yield (*at, "rings"), step.rings


def miss_ways(manners: Manners, at: Keys) -> Iterator[Way]:
    for kind, rows in (("no_input", manners.no_input), ("no_match", manners.no_match)):
        for number, miss in enumerate(rows):
            if miss.go:
                yield (*at, kind, number, "go"), miss.go


def menu_ways(menu: Menu) -> Iterator[Way]:
    """Targets that stand outside the steps."""
    yield ("start",), menu.start
    yield ("defaults", "on_fault"), menu.on_fault
    yield from miss_ways(menu.manners, ("defaults",))
    for number, choice in enumerate(menu.everywhere):
        yield ("everywhere", number, "go"), choice.go
    for name, level in menu.levels.items():
        yield ("levels", name, "start"), level.start
        yield ("levels", name, "failed"), level.failed


def written_ways(report: Report) -> Iterator[Way]:
    """Every target of the file, once: misses that a question has from the defaults only there, and what they
    have from ``on_fault`` not at all."""
    for way in menu_ways(report.menu):
        if way[0][:1] != ("defaults",) or written(report, way[0][:2]):
            yield way
    for step in report.menu.steps.values():
        yield from own_ways(step)
    for step, manners in questions(report.menu):
        at: Keys = ("steps", step.name)
        own = {key for key in ("no_input", "no_match") if written(report, (*at, key))}
        yield from (way for way in miss_ways(manners, at) if way[0][2] in own)


def written(report: Report, at: Keys) -> bool:
    """Whether the file has that key."""
    holder = find(report.root, at[:-1])
    return isinstance(holder, Group) and holder.get(str(at[-1])) is not None
