"""Words that stand for nothing: neither a value's name nor a text in quotes.

``set: {pay_amount: amount_dew}`` would pay the text "amount_dew". So a text stands in quotes of its own, and a
word without them is a value, a number, true or false. Names that the menu has anyway need none: a language, a
level, and the reason of a handoff, each beside the value that holds it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ivr.menu.check_names import known_values
from ivr.menu.check_report import Report, written
from ivr.menu.expressions import bare_words, is_quoted
from ivr.menu.model import CheckStep, HandoffStep, MenuStep, Miss, RunStep, Setting
from ivr.menu.schema import Keys, find, near
from ivr.menu.source import Scalar


def check_words(report: Report) -> None:
    known = known_values(report.menu)
    for at, setting in _settings(report):
        node = find(report.root, at)
        if isinstance(setting, str) and isinstance(node, Scalar) and not is_quoted(node.text):
            _check(report, at, str(at[-1]), node.text, known)
    for at in _conditions(report):
        node = find(report.root, at)
        if isinstance(node, Scalar):
            for beside, word in bare_words(node.text, known):
                _check(report, at, beside, word, known)


def _check(report: Report, at: Keys, beside: str, word: str, known: frozenset[str]) -> None:
    if word in report.doubt.lost or word in _names(report, beside):
        return
    close = near(word, sorted(known))
    hint = f"; did you mean {close}?" if close else ""
    message = f"{word!r} is a value that nothing gives{hint}"
    report.wrong(at, f"{message}; a text stands in quotes of its own: \"'{word}'\"")


def _names(report: Report, beside: str) -> frozenset[str]:
    """What the value `beside` is compared with or set to without quotes. Unknown languages are told elsewhere."""
    menu = report.menu
    if beside == "language":
        return frozenset(language.code for language in menu.languages)
    if beside == "level":
        return frozenset(menu.levels)
    if beside == "reason":
        return frozenset(step.reason for step in menu.steps.values() if isinstance(step, HandoffStep))
    return frozenset()


def _settings(report: Report) -> Iterator[tuple[Keys, Setting]]:
    """Every value that the file sets or hands over, and where; languages stand in another check."""
    menu = report.menu
    groups: list[tuple[Keys, dict[str, Setting]]] = [
        (("everywhere", number, "set"), dict(choice.set)) for number, choice in enumerate(menu.everywhere)
    ]
    groups += _of_misses(("defaults",), "no_input", menu.manners.no_input)
    groups += _of_misses(("defaults",), "no_match", menu.manners.no_match)
    for step in menu.steps.values():
        at: Keys = ("steps", step.name)
        groups.append(((*at, "set"), dict(step.set)))
        if isinstance(step, RunStep):
            groups.append(((*at, "with"), dict(step.takes)))
        if isinstance(step, MenuStep):
            groups += [((*at, "choices", number, "set"), dict(one.set)) for number, one in enumerate(step.choices)]
        manners = getattr(step, "manners", None)
        for kind in ("no_input", "no_match"):
            if manners is not None and written(report, (*at, kind)):
                groups += _of_misses(at, kind, getattr(manners, kind))
    for at, group in groups:
        for name, setting in group.items():
            if name != "language":
                yield (*at, name), setting


def _of_misses(at: Keys, kind: str, rows: tuple[Miss, ...]) -> list[tuple[Keys, dict[str, Setting]]]:
    return [((*at, kind, number, "set"), dict(miss.set)) for number, miss in enumerate(rows)]


def _conditions(report: Report) -> Iterator[Keys]:
    for number, choice in enumerate(report.menu.everywhere):
        if choice.show_if is not None:
            yield ("everywhere", number, "show_if")
    for step in report.menu.steps.values():
        if isinstance(step, CheckStep):
            yield from (("steps", step.name, "when", number, "if") for number in range(len(step.when)))
        if isinstance(step, MenuStep):
            for number, choice in enumerate(step.choices):
                if choice.show_if is not None:
                    yield ("steps", step.name, "choices", number, "show_if")
