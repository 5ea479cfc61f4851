"""What keyed or spoken digits mean, by the kind a question takes (M15, M16)."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from ivr.menu.model import Take

MOST_DIGITS = 32
"""An answer of open length ends here by itself."""
MOST_OF_KIND = {"money": 9, "number": 12, "phone": 15}
"""Digits; a telephone number has at most 15 (ITU-T E.164 section 6)."""
FIXED = {"date": 4, "yes_no": 1}
LEAST_PHONE = 3
"""Digits of the shortest number anybody can be called back on."""
YES_NO = {
    "en": (("yes", "right", "correct", "yes it is", "that is right"), ("no", "wrong", "again", "no it is not")),
    "es": (("sí", "correcto", "sí es correcto", "está bien"), ("no", "otra vez", "no es correcto")),
    "de": (("ja", "richtig", "stimmt"), ("nein", "falsch", "noch einmal")),
    "fr": (("oui", "correct", "c'est correct"), ("non", "encore", "c'est faux")),
}
"""By language: what is said for yes, and for no."""


def fixed_length(take: Take) -> int | None:
    """Digits after which the answer is complete by itself; None when an end key or a pause ends it."""
    return take.length or FIXED.get(take.kind)


def most_digits(take: Take) -> int:
    return fixed_length(take) or MOST_OF_KIND.get(take.kind, MOST_DIGITS)


def value_of(digits: str, take: Take, today: date) -> object | None:
    """The value that digits stand for; None if they do not fit. Money is keyed in cents, dates as MMDD."""
    if not re.fullmatch(r"[0-9]+", digits) or len(digits) > most_digits(take):
        return None
    if (fixed := fixed_length(take)) is not None and len(digits) != fixed:
        return None
    if take.check == "luhn" and not luhn(digits):
        return None
    if take.check == "mod97" and int(digits) % 97 != 1:
        return None
    match take.kind:
        case "money":
            return _within(Decimal(digits) / 100, take)
        case "number":
            return _within(Decimal(digits), take)
        case "date":
            return _day(digits, take, today)
        case "yes_no":
            return {"1": True, "2": False}.get(digits)
        case "phone":
            return digits if len(digits) >= LEAST_PHONE else None
    return digits


def can_be_called(value: object) -> bool:
    """Whether this is a telephone number: a withheld one is not, nor is the name of a softphone's user.

    >>> can_be_called("+1 (555) 010-0"), can_be_called("anonymous"), can_be_called("me")
    (True, False, False)
    """
    digits = re.sub(r"[\s().-]", "", str(value)).removeprefix("+")
    return re.fullmatch(r"[0-9]+", digits) is not None and LEAST_PHONE <= len(digits) <= MOST_OF_KIND["phone"]


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B: every second digit from the right doubled, the sum a multiple of ten."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def yes_or_no(phrase: str, language: str) -> bool | None:
    """What a spoken answer to a yes-no question means; None if it is neither."""
    yes, no = YES_NO.get(language.split("-")[0], ((), ()))
    return True if phrase in yes else False if phrase in no else None


def yes_no_phrases(language: str) -> tuple[str, ...]:
    yes, no = YES_NO.get(language.split("-")[0], ((), ()))
    return (*yes, *no)


def _within(value: Decimal, take: Take) -> Decimal | None:
    too_little = take.least is not None and value < take.least
    too_much = take.most is not None and value > take.most
    return None if too_little or too_much else value


def _day(digits: str, take: Take, today: date) -> date | None:
    month, day = int(digits[:2]), int(digits[2:])
    for year in range(today.year, today.year + 9):
        try:
            candidate = date(year, month, day)
        except ValueError:
            continue
        if candidate >= today:
            near = take.within is None or (candidate - today).days * 86400 <= take.within
            return candidate if near else None
    return None
