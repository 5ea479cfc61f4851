"""Formatters that cannot say what they are given: ``{amount_due:date}`` would be an error in the caller's ear.

A value has a kind where all that can set it tells one: a question, a line of connectors.yaml, the customer store.
Of a value with another source, such as an agent or the menu that runs this one, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from ivr.config.operations import OPERATIONS
from ivr.errors import Problem
from ivr.menu.check_prompts import uses
from ivr.menu.check_report import Report, questions
from ivr.menu.expressions import Name
from ivr.menu.model import AskStep, CallbackStep, Menu, MenuStep, RecordStep, RunStep, SayStep, Setting
from ivr.menu.prompt_book import PromptBook, PromptText
from ivr.menu.template import Hole, parse

BUILT_IN_KINDS = {"phone": "phone", "misses": "number", "waited": "number", "position": "number"} | {
    "wait_least": "number",
    "wait_most": "number",
}
"""Of what every call has; the other values are texts."""
TAKEN_KINDS = {"yes_no": "truth"}
GIVEN_KINDS = {"cents": "money", "date": "date", "time": "moment", "money": "money", "number": "number"} | {
    "truth": "truth"
}
"""What ``as:`` of connectors.yaml makes of a value; texts may be anything that a text can say."""
SAYS: dict[str, frozenset[str]] = {
    "money": frozenset({"money", "number"}),
    "number": frozenset({"money", "number", "digits"}),
    "ordinal": frozenset({"number", "digits"}),
    "date": frozenset({"date", "moment"}),
    "time": frozenset({"time", "moment"}),
    "digits": frozenset({"digits", "number"}),
    "phone": frozenset({"phone", "digits"}),
    "key": frozenset({"number", "digits"}),
    "name": frozenset({"phone", "digits"}),
    "spell": frozenset({"number", "digits", "phone"}),
    "list": frozenset({"list"}),
    "plain": frozenset({"money", "number", "digits", "date", "time", "moment", "phone", "list"}),
}
"""Kinds that each formatter can say, besides texts."""
WORDS = {"money": "an amount", "number": "a number", "digits": "digits", "date": "a date", "time": "a time"} | {
    "moment": "a date with time",
    "truth": "yes or no",
    "phone": "a telephone number",
    "list": "a list",
}


def check_formatters(report: Report) -> None:
    kinds = kinds_of(report.menu)
    used = {prompt for _, prompt in uses(report)}
    rows = {step.each.say for step in report.menu.steps.values() if isinstance(step, SayStep) and step.each}
    for book in (language.book for language in report.menu.languages):
        for prompt in book.prompts.values():
            if prompt.id in used - rows:
                report.problems += _mistakes(book, prompt, kinds)


def _mistakes(book: PromptBook, prompt: PromptText, kinds: Mapping[str, frozenset[str]]) -> Iterator[Problem]:
    texts = (prompt.text, *(variant.text for variant in prompt.variants))
    holes = (part for text in texts for part in parse(text) if isinstance(part, Hole))
    for hole in dict.fromkeys(holes):
        found, says = kinds.get(hole.name, frozenset()), SAYS.get(hole.formatter or "plain", frozenset())
        if found and says.isdisjoint(found):
            words = " or ".join(WORDS[kind] for kind in sorted(found))
            yield Problem(book.path, f"{hole} says {words}; {_instead(hole, found)}", prompt.line, where=prompt.id)


def _instead(hole: Hole, found: frozenset[str]) -> str:
    fitting = [name for name, says in SAYS.items() if says >= found and name != "plain"]
    if not fitting:
        return "nothing can say that; ask for it in a check, and say a prompt for each answer"
    return f"write {' or '.join(f'{{{hole.name}:{name}}}' for name in fitting)}"


def kinds_of(menu: Menu) -> dict[str, frozenset[str]]:
    """Kinds of the values of which all sources are known, by name."""
    found: dict[str, set[str]] = {}
    for name, kind in _sources(menu):
        found.setdefault(name, set()).add(kind)
    return {name: frozenset(kinds) for name, kinds in found.items() if "" not in kinds}


def _sources(menu: Menu) -> Iterator[tuple[str, str]]:
    """Each value with each kind it may be; an empty kind where that cannot be said."""
    yield from BUILT_IN_KINDS.items()
    for name in (*menu.takes, *menu.from_agent.values()):
        yield name, ""
    yield from _looked_up(menu)
    for step in menu.steps.values():
        yield from _set(step.set)
        match step:
            case AskStep():
                yield step.answer, TAKEN_KINDS.get(step.take.kind, step.take.kind)
            case CallbackStep():
                yield step.number, "phone"
            case RecordStep():
                yield step.answer, ""
            case RunStep():
                yield from ((name, "") for name in step.gives)
            case MenuStep():
                for choice in step.choices:
                    yield from _set(choice.set)
    for choice in menu.everywhere:
        yield from _set(choice.set)
    for _, manners in questions(menu):
        for miss in (*manners.no_input, *manners.no_match):
            yield from _set(miss.set)


def _looked_up(menu: Menu) -> Iterator[tuple[str, str]]:
    for name, source in menu.data.items():
        by = menu.answered.get(name)
        if by is None or by.connector.kind == "sqlite":
            operation = OPERATIONS.get(name if by is None else by.operation)
            kinds: Mapping[str, str] = operation.kinds if operation is not None else {}
        else:
            kinds = {one.name: "list" if one.each else GIVEN_KINDS.get(one.kind, "") for one in by.gives}
        for value in source.gives:
            yield value, kinds.get(value, "")


def _set(settings: Mapping[str, Setting]) -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        is_number = isinstance(value, Decimal)
        yield name, "" if isinstance(value, str | Name) else "number" if is_number else "truth"
