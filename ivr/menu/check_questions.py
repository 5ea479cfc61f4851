"""Questions: keys that mean two things, misses that never lead on, answers that cannot be given."""

from __future__ import annotations

from ivr.menu.activity import KEY_NAMES
from ivr.menu.check_report import Report, questions, written
from ivr.menu.model import AskStep, Choice, Manners, MenuStep, Miss, Take
from ivr.menu.schema import Keys, meant

MOST_CHOICES = 5
"""What people remember of a spoken list."""


def check_questions(report: Report, recogniser_languages: frozenset[str] | None) -> None:
    menu = report.menu
    _check_keys(report, ("everywhere",), menu.everywhere)
    _check_phrases(report, ("everywhere",), menu.everywhere, recogniser_languages)
    check_taken(report)
    _check_misses(report, ("defaults",), menu.manners, None)
    for step, manners in questions(menu):
        at: Keys = ("steps", step.name)
        _check_misses(report, at, manners, step)
        _check_hearing(report, at, manners, recogniser_languages)
        if isinstance(step, MenuStep):
            _check_menu(report, at, step)
            _check_phrases(report, (*at, "choices"), step.choices, recogniser_languages)
        else:
            _check_take(report, (*at, "take"), step.take)


def _check_menu(report: Report, at: Keys, step: MenuStep) -> None:
    _check_keys(report, (*at, "choices"), step.choices)
    if len(step.choices) > MOST_CHOICES:
        message = f"has {len(step.choices)} choices; people remember {MOST_CHOICES}, split it into two menus"
        report.unproven(step, "too_many_choices", (*at, "choices"), message, key=True)
    for number, choice in enumerate(step.choices):
        if not choice.press and "speech" not in step.manners.listen:
            report.wrong((*at, "choices", number), "can only be said, and speech is not listened to; add press:")


def check_taken(report: Report) -> None:
    """No choice has a key that leads somewhere else everywhere, be it in a menu that is run."""
    taken = {choice.press: choice.go for choice in report.menu.everywhere if choice.press}
    for step, _ in questions(report.menu):
        for number, choice in enumerate(step.choices if isinstance(step, MenuStep) else ()):
            if choice.press in taken:
                key = KEY_NAMES.get(choice.press, choice.press)
                message = f"{key} leads to {taken[choice.press]} everywhere; give this choice another key"
                report.wrong(("steps", step.name, "choices", number, "press"), message)


def _check_keys(report: Report, at: Keys, choices: tuple[Choice, ...]) -> None:
    keys: dict[str, int] = {}
    phrases: dict[tuple[str, str], int] = {}
    for number, choice in enumerate(choices):
        if choice.press in keys:
            key = KEY_NAMES.get(choice.press, choice.press)
            message = (
                f"{key} is also the key of choice {keys[choice.press] + 1}; every choice needs a key of its own"
            )
            report.wrong((*at, number, "press"), message)
        elif choice.press:
            keys[choice.press] = number
        for language, phrase in _spoken(choice):
            if (language, phrase) in phrases:
                first = phrases[language, phrase] + 1
                where = "twice here" if first == number + 1 else f"also in choice {first}"
                place: Keys = (*at, number, "speak", language) if language else (*at, number, "speak")
                report.wrong(place, f"{phrase!r} is {where}; say each thing once")
            phrases.setdefault((language, phrase), number)


def _spoken(choice: Choice) -> list[tuple[str, str]]:
    """Language and phrase; no language for a list that serves all."""
    if not choice.speak_in:
        return [("", phrase) for phrase in choice.speak]
    return [(language, phrase) for language, rows in choice.speak_in.items() for phrase in rows]


def _check_phrases(report: Report, at: Keys, choices: tuple[Choice, ...], heard: frozenset[str] | None) -> None:
    """Phrases in every language that the menu speaks, or one list where no two languages are heard."""
    codes = [language.code for language in report.menu.languages]
    several = [code for code in codes if heard is not None and code in heard]
    for number, choice in enumerate(choices):
        where: Keys = (*at, number, "speak")
        for code in choice.speak_in:
            if code not in codes:
                message = (
                    f"is no language of this menu{meant(code, codes)}; take it out, or add it under languages:"
                )
                report.wrong((*where, code), message, key=True)
        missing = [code for code in codes if choice.speak_in and code not in choice.speak_in]
        if missing:
            message = f"has no phrases in {', '.join(missing)}; add {missing[0]}: with what callers say there"
            report.wrong(where, message, key=True)
        elif choice.speak and not choice.speak_in and len(several) > 1:
            groups = ", ".join(f"{code}: […]" for code in several)
            message = f"is one list, and callers are heard in {', '.join(several)}; write {{{groups}}}"
            report.wrong(where, message, key=True)


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
