"""Values as callers hear them: ``84.20`` is "eighty-four dollars" and "and twenty cents".

Every text returned is one sound, rendered once and kept. They are cut where pieces come again: digits
one by one, whole amounts and cents apart. Nothing here knows today's date unless it is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from babel.numbers import get_currency_precision

from ivr.errors import IvrError
from ivr.menu.words import MOST, Language, language

SOON = 300
"""Days; a date further away than this is said with its year."""
MOST_PLACES = 9
"""Decimals of a number."""
MOST_SPELLED = 64
"""Characters of a text that is spelled or read digit by digit; a caller has given up long before."""
MOST_TEXT = 300
"""Characters of a name or another text that is said as it is."""


@dataclass(frozen=True, slots=True)
class _Manner:
    """What a formatter may need besides the value."""

    words: Language
    currency: str
    today: date | None


def formatters() -> tuple[str, ...]:
    """Every name that may stand after the colon in ``{name:formatter}``."""
    return tuple(_FORMATTERS)


def say_value(
    value: object, formatter: str, language_code: str, *, currency: str = "USD", today: date | None = None
) -> tuple[str, ...]:
    """The words of `value`, one text per sound; an empty `formatter` says a value by its type.

    With `today`, dates more than SOON days away have their year. Raises IvrError for an unknown formatter or
    language and for a value the formatter cannot say. The error names the type found and never the value,
    which may be secret.
    """
    try:
        say = _FORMATTERS[formatter or "plain"]
    except KeyError:
        raise IvrError(f"no formatter {formatter!r}; there are {', '.join(_FORMATTERS)}") from None
    return tuple(say(value, _Manner(language(language_code), currency, today)))


def is_empty(value: object) -> bool:
    """Nothing that could be said: None, empty text, an empty list. Zero is a value."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, list | tuple) and not value)


def is_zero(value: object) -> bool:
    """A number, or its text, that is nought."""
    number = _amount(value)
    return number is not None and number == 0


def is_negative(value: object) -> bool:
    """A number, or its text, below nought."""
    number = _amount(value)
    return number is not None and number < 0


def is_before(value: object, day: date) -> bool:
    """A date, or its text, before `day`."""
    found = _day(value)
    return found is not None and found < day


def closed_set(formatter: str, language_code: str, *, currency: str = "USD") -> Iterator[str]:
    """Texts of a formatter that are few enough to be rendered beforehand; none for most formatters."""
    manner = _Manner(language(language_code), currency, None)
    words, coins = manner.words, manner.words.coins.get(currency)
    if formatter in ("digits", "phone"):
        yield from (words.cardinal(digit) + rest for digit in range(10) for rest in ("", ","))
    if formatter == "phone":
        yield words.plus
    if formatter == "key":
        yield from (words.cardinal(digit) for digit in range(10))
        yield from words.keys.values()
    if formatter == "ordinal":
        yield from (words.ordinal(number) for number in range(1, 32))
    if formatter == "money" and coins is not None and get_currency_precision(currency) == 2:
        yield from (words.with_part(words.counted(number, coins.part)) for number in range(1, 100))


# --- numbers ---------------------------------------------------------------------------------------


def _money(value: object, manner: _Manner) -> Iterator[str]:
    words = manner.words
    places = get_currency_precision(manner.currency)
    amount = _decimal(value, "money").quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    if amount < 0:
        yield words.credit
    whole, part = divmod(abs(int(amount.scaleb(places))), 10**places)
    coins = words.coins.get(manner.currency)
    if coins is None or places != 2:
        noun = coins.whole if coins else words.currency(manner.currency)
        fraction = _fraction(f"{part:0{places}}", words)
        yield f"{words.cardinal(whole)}{fraction} {noun.many}" if part else words.counted(whole, noun)
        return
    if whole or not part:
        yield words.counted(whole, coins.whole)
    if part:
        cents = words.counted(part, coins.part)
        yield words.with_part(cents) if whole else cents


def _number(value: object, manner: _Manner) -> Iterator[str]:
    number = _decimal(value, "number")
    words = manner.words
    whole, _, fraction = f"{abs(number):f}".partition(".")
    sign = f"{words.minus} " if number < 0 else ""
    yield sign + words.cardinal(int(whole)) + (_fraction(fraction, words) if fraction.strip("0") else "")


def _fraction(digits: str, words: Language) -> str:
    return f" {words.point} {' '.join(words.cardinal(int(digit)) for digit in digits)}"


def _ordinal(value: object, manner: _Manner) -> Iterator[str]:
    number = _decimal(value, "ordinal")
    if number != int(number) or number < 1:
        raise IvrError(
            "cannot say a fraction, zero or a negative number as ordinal; needed: a whole number from 1"
        )
    yield manner.words.ordinal(int(number))


def _decimal(value: object, formatter: str) -> Decimal:
    """A number below MOST, from a number or its text. A float is refused: it cannot hold most amounts."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise _wrong(value, formatter, "a Decimal, a whole number or its text")
    try:
        number = Decimal(value)
    except (InvalidOperation, ValueError):
        raise _wrong(value, formatter, "digits such as 84.20") from None
    if not number.is_finite() or abs(number) >= MOST or int(number.as_tuple().exponent) < -MOST_PLACES:
        raise _wrong(value, formatter, f"a number below {MOST} with at most {MOST_PLACES} decimals")
    return number


def _amount(value: object) -> Decimal | None:
    try:
        return _decimal(value, "number")
    except IvrError:
        return None


# --- dates and times -------------------------------------------------------------------------------


def _date(value: object, manner: _Manner) -> Iterator[str]:
    day = _day(value)
    if day is None:
        raise _wrong(value, "date", "a date, or its text such as 2026-12-04")
    yield manner.words.month_day(day)
    if manner.today is not None and abs((day - manner.today).days) > SOON:
        yield manner.words.with_year(day.year)


def _day(value: object) -> date | None:
    """The day of a date, of a date with time, or of the text of either."""
    day = _parsed(value, datetime.fromisoformat) if isinstance(value, str) else value
    if isinstance(day, datetime):
        return day.date()
    return day if isinstance(day, date) else None


def _time(value: object, manner: _Manner) -> Iterator[str]:
    moment = value
    if isinstance(moment, str):
        moment = _parsed(moment, datetime.fromisoformat if "-" in moment[:5] else time.fromisoformat)
    if isinstance(moment, datetime):
        moment = moment.time()
    if not isinstance(moment, time):
        raise _wrong(value, "time", "a time of day, or its text such as 18:30")
    yield manner.words.clock(moment)


def _parsed(value: object, parse: Callable[[str], object]) -> object:
    """`value` parsed, or None where it is not that kind of text."""
    try:
        return parse(str(value))
    except ValueError:
        return None


# --- digits and letters ----------------------------------------------------------------------------


def _digits(value: object, manner: _Manner) -> Iterator[str]:
    """One sound per digit; the last of a group has a comma, which the voice turns into a short rest."""
    yield from _in_groups(_groups(_digit_text(value, "digits")), manner.words)


def _phone(value: object, manner: _Manner) -> Iterator[str]:
    """Groups counted from the right, four and then threes. North America's own plus one is not said as plus."""
    text = re.sub(r"[\s().-]", "", value) if isinstance(value, str) else value
    if isinstance(text, str) and text.startswith("+"):
        text = text[1:]
        if not text.startswith("1"):
            yield manner.words.plus
    digits = _digit_text(text, "phone")
    head, tail = digits[:-4], digits[-4:]
    first = len(head) % 3
    groups = [head[:first], *(head[at : at + 3] for at in range(first, len(head), 3)), tail]
    yield from _in_groups([group for group in groups if group], manner.words)


def _groups(digits: str) -> list[str]:
    """3-3-4 for ten as in telephone numbers, fours where they fit, else threes with no single digit left over."""
    count = len(digits)
    if count <= 4:
        sizes = [count]
    elif count % 4 == 0:
        sizes = [4] * (count // 4)
    else:
        sizes = [3] * (count // 3)
        if count % 3 == 1:
            sizes[-1] = 4
        elif count % 3 == 2:
            sizes.append(2)
    groups, at = [], 0
    for size in sizes:
        groups.append(digits[at : at + size])
        at += size
    return groups


def _in_groups(groups: list[str], words: Language) -> Iterator[str]:
    for number, group in enumerate(groups, 1):
        for place, digit in enumerate(group, 1):
            rest = "," if place == len(group) and number < len(groups) else ""
            yield words.cardinal(int(digit)) + rest


def _digit_text(value: object, formatter: str) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]+", text) or len(text) > MOST_SPELLED:
        raise _wrong(value, formatter, f"at most {MOST_SPELLED} digits 0 to 9")
    return text


def _key(value: object, manner: _Manner) -> Iterator[str]:
    sign = {"star": "*", "hash": "#"}.get(str(value), str(value))
    if sign in manner.words.keys:
        yield manner.words.keys[sign]
    elif len(sign) == 1 and sign in "0123456789":
        yield manner.words.cardinal(int(sign))
    else:
        raise _wrong(value, "key", "a key 0 to 9, star or hash")


def _spell(value: object, manner: _Manner) -> Iterator[str]:
    """One sound per sign. Spaces are left out; a sign that has no name is too."""
    if isinstance(value, bool) or not isinstance(value, str | int) or len(str(value)) > MOST_SPELLED:
        raise _wrong(value, "spell", f"a text of at most {MOST_SPELLED} characters")
    words = manner.words
    for sign in str(value):
        letter = sign if sign == "ß" else sign.upper()
        if letter.isascii() and letter.isdigit():
            yield words.cardinal(int(letter))
        elif letter.isalpha():
            yield words.letters.get(letter, letter)
        elif sign in words.signs:
            yield words.signs[sign]


# --- texts -----------------------------------------------------------------------------------------


def _name(value: object, manner: _Manner) -> Iterator[str]:
    """Names in capitals are lowered: a voice would spell them."""
    text = _clean(value, "name")
    yield text.title() if text.isupper() and len(text) > 2 else text


def _clean(value: object, formatter: str) -> str:
    """Text fit for a voice: no control characters (a NUL ends what espeak reads), spaces single."""
    if not isinstance(value, str):
        raise _wrong(value, formatter, "a text")
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in value).split())
    if not text or len(text) > MOST_TEXT:
        raise _wrong(value, formatter, f"a text of 1 to {MOST_TEXT} characters")
    return text


def _list(value: object, manner: _Manner) -> Iterator[str]:
    """One sound per item, the last with its joining word."""
    if not isinstance(value, list | tuple) or not value:
        raise _wrong(value, "list", "a list of at least one")
    items = [" ".join(_plain(item, manner)) for item in value]
    for item in items[:-1]:
        yield f"{item},"
    yield manner.words.last(items[-1]) if len(items) > 1 else items[0]


def _plain(value: object, manner: _Manner) -> Iterator[str]:
    """Said by its type, where the prompt names no formatter."""
    if isinstance(value, datetime) or not isinstance(value, date | time | str | list | tuple):
        yield from (_date if isinstance(value, datetime) else _number)(value, manner)
    elif isinstance(value, str):
        yield _clean(value, "plain")
    elif isinstance(value, list | tuple):
        yield from _list(value, manner)
    else:
        yield from (_date if isinstance(value, date) else _time)(value, manner)


def _wrong(value: object, formatter: str, needed: str) -> IvrError:
    kind = "nothing" if is_empty(value) else type(value).__name__
    return IvrError(f"cannot say {kind} as {formatter}; needed: {needed}")


_FORMATTERS: dict[str, Callable[[object, _Manner], Iterator[str]]] = {
    "money": _money,
    "date": _date,
    "time": _time,
    "digits": _digits,
    "number": _number,
    "ordinal": _ordinal,
    "phone": _phone,
    "name": _name,
    "spell": _spell,
    "list": _list,
    "key": _key,
    "plain": _plain,
}
