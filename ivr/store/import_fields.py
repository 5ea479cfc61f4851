"""The fields of a customer in a file: what may stand there, and what to say when something else does.

No message repeats a PIN, nor anything that has the shape of one: columns get shifted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal

from ivr.store.money import MOST_CENTS, from_cents, to_cents
from ivr.store.numbers import ACCOUNT_LENGTH, luhn_ok, plain_phone
from ivr.store.pins import is_pin


class Bad(Exception):
    """A value that does not fit; the text says what was found and what is needed."""


class Number(str):
    """A JSON number, as it was written. Accounts, telephones and PINs are texts, not numbers."""


def shown(value: object) -> str:
    """The value for a message, cut short; hidden where it could be a PIN."""
    text = str(value)
    if is_pin(text.strip()):
        return "a number of four digits"
    return repr(text if len(text) <= 40 else text[:37] + "...")


def account(text: str) -> str:
    _no_number(text)
    if not text:
        raise Bad("is empty; write the account number, ten digits")
    if re.fullmatch(r"[0-9.,]+[eE]\+?[0-9]+", text):
        raise Bad(f"is {shown(text)}, shortened by a spreadsheet; format the column as text and export it again")
    if not re.fullmatch(r"[0-9]+", text) or len(text) != ACCOUNT_LENGTH:
        raise Bad(f"is {shown(text)}; write the account number, ten digits without spaces")
    if not luhn_ok(text):
        raise Bad(f"{shown(text)} has a wrong check digit; compare it with the bill, a digit is mistyped")
    return text


def pin(text: str) -> str:
    if isinstance(text, Number):
        raise Bad("is a number; put it in quotes, or noughts at its start are lost")
    if text and not is_pin(text):
        raise Bad("must be four digits; format the column as text, or a spreadsheet drops noughts at its start")
    return text


def phone(text: str) -> str:
    _no_number(text)
    bare = plain_phone(text)
    if text and not re.fullmatch(r"\+[1-9][0-9]{6,14}", bare):
        raise Bad(f"is {shown(text)}; write it with plus and country code, like +15550100")
    return bare


def first_name(text: str) -> str:
    if not text:
        raise Bad("is empty; write what the customer is greeted by")
    return words(text)


def words(text: str) -> str:
    if len(text) > 200:
        raise Bad(f"has {len(text)} characters; 200 are the most")
    if any(not character.isprintable() for character in text):
        raise Bad(f"is {shown(text)}; take out line breaks and control characters")
    return text


def language(text: str) -> str:
    if text and not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?", text):
        raise Bad(f"is {shown(text)}; write a language code, like en or es")
    return text or "en"


def money(text: str) -> Decimal:
    if not re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,2})?", text):
        raise Bad(f"is {shown(text)}; write the amount like 84.20, without sign of currency or thousands")
    cents = to_cents(text)
    if cents is None:
        raise Bad(f"is {shown(text)}; amounts reach up to {from_cents(MOST_CENTS)}")
    return from_cents(cents)


def amount_due(text: str) -> Decimal:
    return money(text) if text else Decimal("0.00")


def bill_amount(text: str) -> Decimal | None:
    amount = money(text) if text else None
    if amount is not None and amount < 0:
        raise Bad(f"is {shown(text)}; a bill is not below nought")
    return amount


def day(text: str) -> date | None:
    if not text:
        return None
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise Bad(f"is {shown(text)}; there is no such day") from None
    raise Bad(f"is {shown(text)}; write year-month-day, like 2026-12-04")


def method_last4(text: str) -> str:
    _no_number(text)
    if text and not re.fullmatch(r"[0-9]{4}", text):
        # Never echoed: it may be the whole number of a card.
        raise Bad(
            "must be the last four digits and no more; whole card or bank account numbers do not belong here"
        )
    return text


def _no_number(text: str) -> None:
    if isinstance(text, Number):
        raise Bad("is a number; put it in quotes, as text")


FIELDS: dict[str, Callable[[str], object]] = {
    "account": account,
    "pin": pin,
    "phone": phone,
    "first_name": first_name,
    "last_name": words,
    "language": language,
    "amount_due": amount_due,
    "due_date": day,
    "bill_amount": bill_amount,
    "bill_date": day,
    "method_name": words,
    "method_last4": method_last4,
    "area": words,
    "notes": words,
}
NEW_NEEDS = ("pin", "phone", "first_name")
"""Besides the account; a telephone may be empty, but must be said to be."""
TOGETHER = (("bill_amount", "bill_date"), ("method_name", "method_last4"))
