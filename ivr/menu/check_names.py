"""Names that must mean something: targets, look-ups, queues, levels, hours, values."""

from __future__ import annotations

from collections.abc import Iterable

from ivr.menu.check_report import Report, questions, written_ways
from ivr.menu.expressions import Name
from ivr.menu.model import (
    BUILT_IN,
    RESERVED_TARGETS,
    AskStep,
    CallbackStep,
    CheckStep,
    HandoffStep,
    LookupStep,
    Menu,
    MenuStep,
    SayStep,
    Setting,
)
from ivr.menu.schema import Keys, meant


def check_names(report: Report) -> None:
    _check_targets(report)
    _check_things(report)
    _check_values(report)
    _check_secrets(report)


def known_values(menu: Menu) -> frozenset[str]:
    """Values that something in the menu gives."""
    names = set(BUILT_IN)
    for source in menu.data.values():
        names.update(source.gives)
    for step in menu.steps.values():
        names.update(step.set)
        if isinstance(step, AskStep):
            names.add(step.answer)
        if isinstance(step, MenuStep):
            names.update(*(choice.set for choice in step.choices))
    for choice in menu.everywhere:
        names.update(choice.set)
    for _, manners in questions(menu):
        names.update(*(miss.set for miss in (*manners.no_input, *manners.no_match)))
    return frozenset(names)


def _check_targets(report: Report) -> None:
    for at, target in written_ways(report):
        if target in RESERVED_TARGETS:
            if at == ("start",) or (at[0] == "levels" and at[2] == "start"):
                report.wrong(at, f"{target} is no step; write the name of a step")
            elif at == ("defaults", "on_fault") and target != "END":
                report.wrong(at, f"{target} depends on where the fault happens; write a step, or END")
            elif target == "REPEAT" and not {"choices", "everywhere", "no_input", "no_match"} & set(at):
                report.wrong(at, "REPEAT stands only in choices, misses and everywhere; write a step")
            elif target == "RETURN" and not report.menu.levels:
                report.wrong(at, "RETURN leads back from proving a level, and this menu has none; write a step")
            continue
        if target not in report.menu.steps:
            report.dangling = True
            report.wrong(at, f"{target!r} is no step of this menu{meant(target, report.menu.steps)}")


def _check_things(report: Report) -> None:
    menu = report.menu
    for name, queue in menu.queues.items():
        if queue.open != "always" and queue.open not in menu.hours:
            known = meant(queue.open, [*menu.hours, "always"])
            report.wrong(("queues", name, "open"), f"{queue.open!r} is neither always nor under hours:{known}")
        for number, spill in enumerate(queue.spill):
            to = spill.to
            if ":" not in to and to != "any_agent" and to not in menu.queues:
                known = meant(to, [*menu.queues, "any_agent"])
                report.wrong(("queues", name, "spill", number, "to"), f"{to!r} is no queue{known}")
    for step in menu.steps.values():
        at: Keys = ("steps", step.name)
        _one(report, (*at, "requires"), step.requires, menu.levels, "level")
        _one(report, (*at, "miss"), step.miss, menu.levels, "level")
        if isinstance(step, LookupStep):
            _one(report, (*at, "use"), step.use, menu.data, "look-up under data:")
            _one(report, (*at, "grants"), step.grants, menu.levels, "level")
        if isinstance(step, HandoffStep):
            _one(report, (*at, "queue"), step.queue, menu.queues, "queue")


def _one(report: Report, at: Keys, name: str, known: Iterable[str], what: str) -> None:
    if name and name not in known:
        report.wrong(at, f"{name!r} is no {what} of this menu{meant(name, known)}")


def _check_values(report: Report) -> None:
    menu, known = report.menu, known_values(report.menu)
    for name, source in menu.data.items():
        for number, need in enumerate(source.needs):
            _value(report, ("data", name, "needs", number), need, known)
    for field, name in menu.fields.items():
        _value(report, ("attached_data", "fields", field), name, known)
    for number, choice in enumerate(menu.everywhere):
        if choice.show_if is not None:
            for name in sorted(choice.show_if.names):
                _value(report, ("everywhere", number, "show_if"), name, known)
    for step in menu.steps.values():
        at: Keys = ("steps", step.name)
        if isinstance(step, SayStep) and step.each is not None:
            _value(report, (*at, "each", "of"), step.each.of, known)
        if isinstance(step, CallbackStep):
            _value(report, (*at, "number"), step.number, known)
        if isinstance(step, CheckStep):
            for number, when in enumerate(step.when):
                for name in sorted(when.condition.names - {""}):
                    _value(report, (*at, "when", number, "if"), name, known)
        if isinstance(step, MenuStep):
            for number, choice in enumerate(step.choices):
                for name in sorted(choice.show_if.names - {""} if choice.show_if else ()):
                    _value(report, (*at, "choices", number, "show_if"), name, known)


def _value(report: Report, at: Keys, name: str, known: frozenset[str]) -> None:
    if name not in known:
        near = meant(name, known) or "; name what a look-up gives, an ask: takes, or a set: sets"
        report.wrong(at, f"{name!r} is a value that nothing gives{near}")


def _check_secrets(report: Report) -> None:
    """A secret may go to look-ups only."""
    menu = report.menu
    for field, name in menu.fields.items():
        if name in menu.secrets:
            report.wrong(("attached_data", "fields", field), f"{name!r} is secret; no agent may see it, remove it")
    for step in menu.steps.values():
        _copies(report, ("steps", step.name, "set"), step.set.items())
        if isinstance(step, MenuStep):
            for number, choice in enumerate(step.choices):
                _copies(report, ("steps", step.name, "choices", number, "set"), choice.set.items())
        if isinstance(step, CallbackStep) and step.number in menu.secrets:
            report.wrong(("steps", step.name, "number"), f"{step.number!r} is secret; name a telephone number")


def _copies(report: Report, at: Keys, settings: Iterable[tuple[str, Setting]]) -> None:
    for name, setting in settings:
        if isinstance(setting, Name) and setting.name in report.menu.secrets:
            report.wrong((*at, name), f"copies the secret {setting.name!r}; a secret may go to look-ups only")
