"""How a question listens: times too short to answer in, an end key that everywhere needs, words taken twice."""

from __future__ import annotations

from ivr.menu.activity import KEY_NAMES
from ivr.menu.check_report import Report, questions, written
from ivr.menu.model import AskStep, Choice, Manners, MenuStep, RecordStep
from ivr.menu.schema import Keys

LEAST_WAIT = 1.0
"""Seconds of silence that people need to begin an answer at all."""
LEAST_BETWEEN_KEYS = 0.5
"""Seconds in which a practised finger comes from one key to the next."""

MOST_BETWEEN_KEYS = 10.0
"""Seconds of pause that end a number. A key of everywhere alone acts after it: nobody in danger waits longer."""


def check_listening(report: Report) -> None:
    menu = report.menu
    _check_times(report, ("defaults",), menu.manners)
    for step, manners in questions(menu):
        at: Keys = ("steps", step.name)
        _check_times(report, at, manners)
        if isinstance(step, AskStep):
            place = (*at, "end_key") if written(report, (*at, "end_key")) else ("defaults", "end_key")
            _check_end_key(report, place, manners)
            _check_interrupt(report, at, manners)
    for one in menu.steps.values():
        if isinstance(one, RecordStep) and one.wait < LEAST_WAIT:
            _too_short(report, ("steps", one.name, "wait"), one.wait, LEAST_WAIT)


def _check_times(report: Report, at: Keys, manners: Manners) -> None:
    if manners.wait < LEAST_WAIT and written(report, (*at, "wait")):
        _too_short(report, (*at, "wait"), manners.wait, LEAST_WAIT)
    if manners.between_keys < LEAST_BETWEEN_KEYS and written(report, (*at, "between_keys")):
        _too_short(report, (*at, "between_keys"), manners.between_keys, LEAST_BETWEEN_KEYS)
    if manners.between_keys > MOST_BETWEEN_KEYS and written(report, (*at, "between_keys")):
        message = f"is {manners.between_keys:g} s, and only then does a key of everywhere act by itself"
        report.wrong((*at, "between_keys"), f"{message}; write {MOST_BETWEEN_KEYS:g}s or less")


def _check_interrupt(report: Report, at: Keys, manners: Manners) -> None:
    """Keys of a number that may not interrupt its question are thrown away, those of everywhere with them."""
    taken = next((choice for choice in report.menu.everywhere if choice.press), None)
    if taken is None or "keys" not in manners.listen or manners.interrupt in ("any", "keys"):
        return
    place = (*at, "interrupt") if written(report, (*at, "interrupt")) else ("defaults", "interrupt")
    key = KEY_NAMES.get(taken.press, taken.press)
    message = f"is {manners.interrupt}: while a number is asked for, {key} does not lead to {taken.go}"
    report.wrong(place, f"{message}; write any or keys")


def _too_short(report: Report, at: Keys, found: float, least: float) -> None:
    report.wrong(at, f"is {found * 1000:.0f} ms, in which nobody can answer; write {least * 1000:.0f}ms or more")


def _check_end_key(report: Report, at: Keys, manners: Manners) -> None:
    """Inside a number star leads to the keys of everywhere, and a key of everywhere alone is no end."""
    taken = {choice.press: choice.go for choice in report.menu.everywhere if choice.press}
    if not taken or "keys" not in manners.listen:
        return
    key = KEY_NAMES.get(manners.end_key, manners.end_key)
    if manners.end_key == "*":
        digit = next((press for press in taken if press != "*"), "9")
        report.wrong(
            at, f"{key} leads to the keys of everywhere, as star and {digit}; write another key, such as hash"
        )
    elif manners.end_key in taken:
        message = f"{key} leads to {taken[manners.end_key]} everywhere; write another key, such as hash"
        report.wrong(at, message)


def check_said(report: Report) -> None:
    """No choice is said with the words that lead somewhere else everywhere, be it in a menu that is run."""
    menu = report.menu
    taken: dict[tuple[str, str], str] = {}
    for choice in menu.everywhere:
        for language, phrase in _phrases(report, choice):
            taken[language, phrase] = choice.go
    for step, _ in questions(menu):
        for number, choice in enumerate(step.choices if isinstance(step, MenuStep) else ()):
            told: set[str] = set()
            for language, phrase in _phrases(report, choice):
                go = taken.get((language, phrase), choice.go)
                if go != choice.go and phrase not in told:
                    told.add(phrase)
                    at: Keys = ("steps", step.name, "choices", number, "speak")
                    at = (*at, language) if choice.speak_in else at
                    report.wrong(at, f"{phrase!r} leads to {go} everywhere; say this choice with other words")


def _phrases(report: Report, choice: Choice) -> list[tuple[str, str]]:
    codes = [language.code for language in report.menu.languages]
    return [(code, phrase) for code in codes for phrase in choice.phrases(code)]
