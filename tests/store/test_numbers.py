from __future__ import annotations

import doctest
from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.store import money, numbers
from ivr.store.lookups import spoken_method
from ivr.store.money import from_cents, to_cents
from ivr.store.numbers import is_account, luhn_ok, plain_phone, sayable_number


@pytest.mark.parametrize("module", [money, numbers])
def test_the_examples_in_the_docstrings_hold(module: object) -> None:
    failed, tried = doctest.testmod(module)  # type: ignore[arg-type]
    assert (failed, tried > 0) == (0, True)


@pytest.mark.parametrize(
    ("value", "cents"),
    [
        (Decimal("84.20"), 8420),
        (Decimal("84.2"), 8420),
        (Decimal("84.200"), 8420),
        ("0.01", 1),
        ("-25.00", -2500),
        (5000, 500_000),
        (0, 0),
        (Decimal("0.001"), None),
        (Decimal("1E+999999"), None),
        (Decimal("1E-999999"), None),
        (Decimal("-Infinity"), None),
        (Decimal("sNaN"), None),
        (10**30, None),
        (84.2, None),
        (True, None),
        ("", None),
        ("1_000", None),
        ("٨", None),
        ("9" * 1000, None),
        (b"1", None),
    ],
)
def test_only_exact_amounts_are_money(value: object, cents: int | None) -> None:
    assert to_cents(value) == cents


@given(st.integers(-(10**11), 10**11))
def test_money_comes_back_as_it_went_in(cents: int) -> None:
    assert to_cents(from_cents(cents)) == cents
    assert to_cents(str(from_cents(cents))) == cents
    assert from_cents(cents).as_tuple().exponent == -2


@given(st.text(st.sampled_from("0123456789"), min_size=2, max_size=20), st.data())
def test_one_mistyped_digit_never_passes(payload: str, data: st.DataObject) -> None:
    number = payload + numbers.luhn_digit(payload)
    assert luhn_ok(number)
    place = data.draw(st.integers(0, len(number) - 1))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[place]]))
    assert not luhn_ok(number[:place] + other + number[place + 1 :])


@pytest.mark.parametrize(
    "text", ["", "0", "4000000003", "40000000028", "٤٠٠٠٠٠٠٠٠٢", "4000000002\n", None, 4000000002]
)
def test_what_cannot_be_an_account_is_none(text: object) -> None:
    assert is_account("4000000002") and not is_account(text)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+15550100", "+15550100"),
        ("0049 30 / 123-456", "+4930123456"),
        ("911", "911"),
        ("1" * 16, ""),
        ("+", ""),
        ("+1+5550100", ""),
        ("anonymous", ""),
        ("", ""),
        (None, ""),
        (15550100, ""),
        ("+٩٩٩", ""),
    ],
)
def test_a_telephone_number_is_read_as_people_write_it(written: object, number: str) -> None:
    assert plain_phone(written) == number


def test_a_receipt_is_drawn_until_it_is_free_and_grows_when_few_are() -> None:
    draws: Iterator[int] = iter([0, 5, 5])
    first, second = numbers.luhn_digit("100000"), numbers.luhn_digit("100005")
    assert sayable_number(lambda below: next(draws), lambda n: n == "100000" + first) == "100005" + second
    longer = sayable_number(lambda below: below - 1, lambda n: len(n) == 7)
    assert (longer[:-1], luhn_ok(longer)) == ("9999999", True)


def test_a_way_to_pay_is_said_in_the_callers_language() -> None:
    assert spoken_method("card", "es-419") == "tarjeta"
    assert spoken_method("card", "en") == "card"
    assert spoken_method("PayPal", "es") == "PayPal"
