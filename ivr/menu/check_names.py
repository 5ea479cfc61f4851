"""Names that must mean something: targets, look-ups, queues, levels, hours, values."""

from __future__ import annotations

from collections.abc import Iterable

from ivr.menu.check_report import Report, questions, written_ways
from ivr.menu.check_secrets import settings
from ivr.menu.model import (
    BUILT_IN,
    RESERVED_TARGETS,
    SETTABLE,
    AskStep,
    CallbackStep,
    CheckStep,
    HandoffStep,
    LookupStep,
    Menu,
    MenuStep,
    RecordStep,
    RunStep,
    SayStep,
)
from ivr.menu.schema import Keys, find, meant
from ivr.menu.schema import near as near_word

MOST_TOLD = 5
"""Places at which the same unknown step is told one by one."""


def check_names(report: Report, *, borrows: bool) -> None:
    """`borrows`: levels and queues may be those of the menu that runs this one."""
    _check_targets(report)
    _check_languages_set(report)
    _check_set(report)
    _check_things(report, borrows)
    _check_values(report)


def known_values(menu: Menu) -> frozenset[str]:
    """Values that something in the menu gives, or an agent."""
    return own_values(menu).union(menu.from_agent.values())


def own_values(menu: Menu) -> frozenset[str]:
    """Values that something in the menu gives."""
    names = set(BUILT_IN).union(menu.takes)
    for source in menu.data.values():
        names.update(source.gives)
    for step in menu.steps.values():
        names.update(step.set)
        if isinstance(step, (AskStep, RecordStep)):
            names.add(step.answer)
        if isinstance(step, RunStep):
            names.update(step.gives)
        if isinstance(step, MenuStep):
            names.update(*(choice.set for choice in step.choices))
    for choice in menu.everywhere:
        names.update(choice.set)
    for _, manners in questions(menu):
        names.update(*(miss.set for miss in (*manners.no_input, *manners.no_match)))
    return frozenset(names)


def _check_languages_set(report: Report) -> None:
    """A call cannot change to a language that has no prompts."""
    codes = [language.code for language in report.menu.languages]
    for at, given in settings(report):
        for name, setting in given:
            if name == "language" and isinstance(setting, str) and setting not in codes:
                report.wrong((*at, name), f"{setting!r} is no language of this menu{meant(setting, codes)}")


def _check_set(report: Report) -> None:
    """What the engine keeps itself, such as the path, nobody else can set."""
    for at, given in settings(report):
        for name, _ in given:
            if name in BUILT_IN - SETTABLE:
                message = f"sets {name!r}, which the engine keeps itself and no menu can change"
                report.wrong((*at, name), f"{message}; use another name, such as my_{name}")


def _check_targets(report: Report) -> None:
    lost: dict[str, list[Keys]] = {}
    unused = set(report.menu.steps) - {target for _, target in written_ways(report)}
    for at, target in written_ways(report):
        if target in RESERVED_TARGETS:
            if at == ("start",) or (at[0] == "levels" and at[2] == "start"):
                report.wrong(at, f"{target} is no step; write the name of a step")
            elif at == ("defaults", "on_fault") and target != "END":
                report.wrong(at, f"{target} depends on where the fault happens; write a step, or END")
            elif target == "REPEAT" and not {"choices", "everywhere", "no_input", "no_match"} & set(at):
                report.wrong(at, "REPEAT stands only in choices, misses and everywhere; write a step")
            elif target == "RETURN" and not report.menu.levels and not report.menu.runs_inside:
                why = "leads back from proving a level, or from a menu with takes: or gives:, and this has none"
                report.wrong(at, f"RETURN {why}; write a step")
            continue
        if target not in report.menu.steps:
            report.doubt.ways = True
            lost.setdefault(target, []).append(at)
    for target, places in lost.items():
        near = f"; did you mean {target.upper()}?" if target.upper() in RESERVED_TARGETS else ""
        message = f"{target!r} is no step of this menu{near or meant(target, report.menu.steps)}"
        if len(places) > MOST_TOLD and (
            unused or not near_word(target, report.menu.steps)
        ):  # one mistake: the step has another name now
            first = find(report.root, places[0]).line
            lines = list(dict.fromkeys(str(find(report.root, at).line) for at in places))
            lines = [line for line in lines if line != str(first)]
            more = f" and {len(lines) - MOST_TOLD} more" if len(lines) > MOST_TOLD else ""
            message += f" (also in lines {', '.join(lines[:MOST_TOLD])}{more})"
            places = places[:1]
        for at in places:
            report.wrong(at, message)


def _check_things(report: Report, borrows: bool) -> None:
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
        if isinstance(step, LookupStep):
            _one(report, (*at, "use"), step.use, menu.data, "look-up under data:")
        if menu.levels or not borrows:
            _one(report, (*at, "requires"), step.requires, menu.levels, "level")
            _one(report, (*at, "miss"), step.miss, menu.levels, "level")
            if isinstance(step, LookupStep):
                _one(report, (*at, "grants"), step.grants, menu.levels, "level")
        if isinstance(step, HandoffStep) and (menu.queues or not borrows):
            _one(report, (*at, "queue"), step.queue, menu.queues, "queue")


def _one(report: Report, at: Keys, name: str, known: Iterable[str], what: str) -> None:
    if name and name not in known:
        report.doubt.ways = report.doubt.levels = report.doubt.values = True
        report.doubt.grants |= at[-1] == "grants"
        if name in report.doubt.lost:  # it stands where nothing can be read
            return
        report.wrong(at, f"{name!r} is no {what} of this menu{meant(name, known)}")


def _check_values(report: Report) -> None:
    menu, known = report.menu, known_values(report.menu)
    for name, source in menu.data.items():
        for number, need in enumerate(source.needs):
            _value(report, ("data", name, "needs", number), need, known)
    for field, name in menu.fields.items():
        _value(report, ("attached_data", "fields", field), name, known)
    for number, name in enumerate(menu.gives):
        _value(report, ("gives", number), name, known)
    for number, choice in enumerate(menu.everywhere):
        if choice.show_if is not None:
            for name in sorted(choice.show_if.names - {""}):
                _value(report, ("everywhere", number, "show_if"), name, known)
    for step in menu.steps.values():
        at: Keys = ("steps", step.name)
        if isinstance(step, SayStep) and step.each is not None:
            _value(report, (*at, "each", "of"), step.each.of, known)
        if isinstance(step, CallbackStep):
            _value(report, (*at, "number"), step.number, known)
        if isinstance(step, RunStep) and "language" in step.gives:
            report.wrong((*at, "gives", "language"), "is the same in all menus; take it out", key=True)
        if isinstance(step, CheckStep):
            for number, when in enumerate(step.when):
                for name in sorted(when.condition.names - {""}):
                    _value(report, (*at, "when", number, "if"), name, known)
        if isinstance(step, MenuStep):
            for number, choice in enumerate(step.choices):
                for name in sorted(choice.show_if.names - {""} if choice.show_if else ()):
                    _value(report, (*at, "choices", number, "show_if"), name, known)


def _value(report: Report, at: Keys, name: str, known: frozenset[str]) -> None:
    if name not in known and name not in report.doubt.lost:
        near = meant(name, known) or "; name what a look-up gives, an ask: takes, or a set: sets"
        report.wrong(at, f"{name!r} is a value that nothing gives{near}")
