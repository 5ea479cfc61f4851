"""The numbers people have: accounts, telephones, and receipts short enough to be said aloud."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeGuard

ACCOUNT_LENGTH = 10


def luhn_digit(payload: str) -> str:
    """The digit that makes ``payload + digit`` pass the check of ISO/IEC 7812-1 annex B.

    >>> luhn_digit("400000000")
    '2'
    """
    total = 0
    for place, digit in enumerate(reversed(payload)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def luhn_ok(digits: str) -> bool:
    return len(digits) > 1 and luhn_digit(digits[:-1]) == digits[-1]


def is_account(text: object) -> TypeGuard[str]:
    """Whether `text` could be the number of an account: ten ASCII digits with a right check digit."""
    return isinstance(text, str) and bool(re.fullmatch(r"[0-9]{10}", text)) and luhn_ok(text)


def plain_phone(text: object) -> str:
    """A telephone number without the marks people write into it; empty when it is none.

    >>> plain_phone("+1 (555) 010-0"), plain_phone("00 1 5550100"), plain_phone("softphone")
    ('+15550100', '+15550100', '')
    """
    if not isinstance(text, str) or len(text) > 40:
        return ""
    bare = re.sub(r"[\s().\-/]", "", text)
    if bare.startswith("00"):
        bare = "+" + bare[2:]
    return bare if re.fullmatch(r"\+?[0-9]{3,15}", bare) else ""


def sayable_number(draw: Callable[[int], int], taken: Callable[[str], bool]) -> str:
    """A number not `taken` yet: six digits and a check digit, longer only when those have become rare.

    `draw(n)` gives a number below n. Drawn at random, so that one receipt does not tell the next; with a check
    digit, so that one misheard over the telephone is noticed.
    """
    width = 6
    while True:
        for _ in range(4):
            payload = str(10 ** (width - 1) + draw(9 * 10 ** (width - 1)))
            number = payload + luhn_digit(payload)
            if not taken(number):
                return number
        width += 1
