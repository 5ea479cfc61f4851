"""The ways out of a step, as an editor reads them: each with the name a call record gives it.

For everything that looks at a menu from outside: the graph, the outline, the differences.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ivr.menu.activity import KEY_NAMES
from ivr.menu.condition_words import in_words
from ivr.menu.model import (
    AnyStep,
    AskStep,
    CallbackStep,
    CheckStep,
    Choice,
    HandoffStep,
    LookupStep,
    Menu,
    MenuStep,
    Miss,
    RecordStep,
    ReturnStep,
    RunStep,
    SayStep,
    TransferStep,
)

ExitKind = Literal["key", "ok", "failure", "miss", "everywhere"]
"""The caller chose; it went well, or simply on; it did not; nothing fitting came; a key that always works."""

_WELL = frozenset({"ok", "go"})
"""Exits of look-ups and the like that are no failure."""


@dataclass(frozen=True, slots=True)
class Exit:
    """One way out of a step."""

    kind: ExitKind
    name: str
    """As in `StepLeft`: ``key 1``, ``ok``, ``no_input``, ``when 1``, ``requires``."""
    target: str
    """A step, or one of the reserved words."""
    why: str = ""
    """The condition under which it is taken or offered, in words."""
    choice: Choice | None = None
    """What the caller chooses with; None where nobody chooses."""

    @property
    def label(self) -> str:
        """Short enough for a picture: ``1``, ``star``, ``ok``, ``if amount_due is more than 0``."""
        if self.choice is not None:
            return key_name(self.choice)
        if self.name.startswith("when "):
            return f"if {self.why}"
        return self.name.replace("_", " ")


def key_name(choice: Choice) -> str:
    """The key of a choice as people write it; its first phrase where it can only be said."""
    if choice.press:
        return KEY_NAMES.get(choice.press, choice.press)
    return f"“{next(iter(phrases_of(choice)), '?')}”"


def phrases_of(choice: Choice, language: str = "") -> tuple[str, ...]:
    """What can be said for it, in that language or in the first one that has phrases."""
    return (choice.phrases(language) if language else ()) or choice.speak


def all_phrases(choice: Choice) -> frozenset[str]:
    """What can be said for it in any language."""
    return frozenset(choice.speak).union(*choice.speak_in.values())


def exits(menu: Menu, step: AnyStep) -> tuple[Exit, ...]:
    """All ways out of `step` but those of ``everywhere``, in the order of the file."""
    return (*_proof(menu, step), *_own(step), *_misses(menu, step))


def everywhere_exits(menu: Menu) -> tuple[Exit, ...]:
    """The ways out that every step has."""
    return tuple(_chosen(choice, "everywhere") for choice in menu.everywhere)


def _proof(menu: Menu, step: AnyStep) -> Iterator[Exit]:
    if step.requires in menu.levels:
        yield Exit("ok", "requires", menu.levels[step.requires].start, f"not {step.requires} yet")
    counted = step.miss or step.requires
    if counted in menu.levels:
        tries = menu.levels[counted].tries
        yield Exit("failure", "failed", menu.levels[counted].failed, f"{tries} tries to be {counted} are used up")


def _own(step: AnyStep) -> Iterator[Exit]:
    match step:
        case SayStep() | AskStep() | RecordStep():
            yield Exit("ok", "go", step.go)
        case RunStep():
            yield Exit("ok", "run", step.go)
        case ReturnStep():
            yield Exit("ok", "return", step.go)
        case MenuStep():
            for choice in step.choices:
                yield _chosen(choice, "key")
        case LookupStep() | HandoffStep():
            for name, target in step.exits.items():
                yield Exit("ok" if name in _WELL else "failure", name, target)
        case CheckStep():
            for number, when in enumerate(step.when, 1):
                yield Exit("ok", f"when {number}", when.go, in_words(when.condition))
            yield Exit("ok", "else", step.otherwise)
        case TransferStep():
            yield Exit("failure", "failed", step.failed)
        case CallbackStep():
            yield Exit("ok", "ok", step.ok)
            if step.rings:
                yield Exit("ok", "rings", step.rings)
            yield Exit("failure", "failed", step.failed)


def _chosen(choice: Choice, kind: ExitKind) -> Exit:
    why = in_words(choice.show_if) if choice.show_if is not None else ""
    if choice.press:
        key = KEY_NAMES.get(choice.press, choice.press)
        name = f"everywhere {key}" if kind == "everywhere" else f"key {key}"
    else:
        name = f"said {next(iter(phrases_of(choice)), '')}"
    return Exit(kind, name, choice.go, why, choice)


def _misses(menu: Menu, step: AnyStep) -> Iterator[Exit]:
    """Where silence and unfit answers lead at last; those the menu's defaults say are not repeated."""
    manners = getattr(step, "manners", None)
    if manners is None:
        return
    for name, rows, usual in (
        ("no_input", manners.no_input, menu.manners.no_input),
        ("no_match", manners.no_match, menu.manners.no_match),
    ):
        if rows != usual and (target := last_way(rows)):
            yield Exit("miss", name, target)


def last_way(rows: tuple[Miss, ...]) -> str:
    """Where a list of misses leads in the end; empty if it asks for ever."""
    return next((miss.go for miss in reversed(rows) if miss.go), "")


def default_misses(menu: Menu) -> tuple[Exit, ...]:
    """Where silence and unfit answers lead in every question that says nothing else."""
    ways = (("no_input", menu.manners.no_input), ("no_match", menu.manners.no_match))
    return tuple(Exit("miss", name, target) for name, rows in ways if (target := last_way(rows)))


def next_steps(menu: Menu, step: AnyStep) -> list[str]:
    """Steps that an exit of this one leads to, each once; ``START`` is the start, other reserved words none."""
    found = (menu.start if one.target == "START" else one.target for one in exits(menu, step))
    return [name for name in dict.fromkeys(found) if name in menu.steps]
