"""Questions: keys that mean two things, misses that never lead on, answers that cannot be given."""

from __future__ import annotations

from ivr.menu.activity import KEY_NAMES
from ivr.menu.check_report import Report, questions, written
from ivr.menu.model import AskStep, Choice, Manners, MenuStep, Miss, Take
from ivr.menu.schema import Keys

MOST_CHOICES = 5
"""What people remember of a spoken list."""


def check_questions(report: Report, recogniser_languages: frozenset[str] | None) -> None:
    menu = report.menu
    _check_keys(report, ("everywhere",), menu.everywhere)
    _check_misses(report, ("defaults",), menu.manners, None)
    for step, manners in questions(menu):
        at: Keys = ("steps", step.name)
        _check_misses(report, at, manners, step)
        _check_hearing(report, at, manners, recogniser_languages)
        if isinstance(step, MenuStep):
            _check_menu(report, at, step)
        else:
            _check_take(report, (*at, "take"), step.take)
            if step.secret and step.confirm:
                report.wrong((*at, "confirm"), "would read a secret aloud; remove confirm: or secret:")


def _check_menu(report: Report, at: Keys, step: MenuStep) -> None:
    _check_keys(report, (*at, "choices"), step.choices)
    if len(step.choices) > MOST_CHOICES:
        message = f"has {len(step.choices)} choices; people remember {MOST_CHOICES}, split it into two menus"
        report.unproven(step, "too_many_choices", (*at, "choices"), message, key=True)
    taken = {choice.press: choice.go for choice in report.menu.everywhere if choice.press}
    for number, choice in enumerate(step.choices):
        if choice.press in taken:
            key = KEY_NAMES.get(choice.press, choice.press)
            message = f"{key} leads to {taken[choice.press]} everywhere; give this choice another key"
            report.wrong((*at, "choices", number, "press"), message)
        if not choice.press and "speech" not in step.manners.listen:
            report.wrong((*at, "choices", number), "can only be said, and speech is not listened to; add press:")


def _check_keys(report: Report, at: Keys, choices: tuple[Choice, ...]) -> None:
    keys: dict[str, int] = {}
    phrases: dict[str, int] = {}
    for number, choice in enumerate(choices):
        if choice.press in keys:
            key = KEY_NAMES.get(choice.press, choice.press)
            message = (
                f"{key} is also the key of choice {keys[choice.press] + 1}; every choice needs a key of its own"
            )
            report.wrong((*at, number, "press"), message)
        elif choice.press:
            keys[choice.press] = number
        for phrase in choice.speak:
            if phrase in phrases:
                first = phrases[phrase] + 1
                where = "twice here" if first == number + 1 else f"also in choice {first}"
                report.wrong((*at, number, "speak"), f"{phrase!r} is {where}; say each thing once")
            phrases.setdefault(phrase, number)


def _check_misses(report: Report, at: Keys, manners: Manners, step: MenuStep | AskStep | None) -> None:
    for kind, rows in (("no_input", manners.no_input), ("no_match", manners.no_match)):
        if not written(report, (*at, kind)) or _leaves(rows):
            continue
        message = "never leads on; end the list with a line that has go:"
        if step is None:
            report.wrong((*at, kind), message, key=True)
        else:
            report.unproven(step, "never_leaves", (*at, kind), message, key=True)


def _leaves(rows: tuple[Miss, ...]) -> bool:
    """Whether the last line, which is the one that comes again and again, leads on."""
    return bool(rows) and rows[-1].go not in ("", "REPEAT")


def _check_hearing(report: Report, at: Keys, manners: Manners, heard: frozenset[str] | None) -> None:
    if heard is None or "keys" in manners.listen:
        return
    deaf = [language.code for language in report.menu.languages if language.code not in heard]
    if deaf:
        message = f"can only be answered by speech, which is not heard in {', '.join(deaf)}; add keys to listen:"
        key = (*at, "listen") if written(report, (*at, "listen")) else at
        report.wrong(key, message, key=True)


def _check_take(report: Report, at: Keys, take: Take) -> None:
    wrong = [
        ("length", take.length is not None and take.kind not in ("digits", "phone", "number"), "digits"),
        ("check", bool(take.check) and take.kind != "digits", "digits"),
        ("least", take.least is not None and take.kind not in ("money", "number"), "money and number"),
        ("most", take.most is not None and take.kind not in ("money", "number"), "money and number"),
        ("within", take.within is not None and take.kind != "date", "date"),
    ]
    for key, is_wrong, kinds in wrong:
        if is_wrong:
            report.wrong((*at, key), f"means nothing for {take.kind}, only for {kinds}; remove it", key=True)
    if take.least is not None and take.most is not None and take.least > take.most:
        report.wrong((*at, "least"), f"{take.least} is more than most: {take.most}; no amount fits")
