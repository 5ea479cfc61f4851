from __future__ import annotations

from datetime import date
from decimal import Decimal

from ivr.store.numbers import is_account
from ivr.store.pins import is_pin
from ivr.store.samples import LOCKED_SAMPLES, SHOWN, sample_customers, sample_pins
from ivr.store.sqlite import SqliteStore

TODAY = date(2026, 11, 22)


def test_the_first_four_are_the_ones_people_are_told_about() -> None:
    told = [
        (
            row.account,
            row.pin,
            row.values["phone"],
            str(row.values["amount_due"]),
            row.values["due_date"] and (row.values["due_date"] - TODAY).days,
            str(row.values["bill_amount"]),
            row.values["method_name"],
            row.values["method_last4"],
            row.values["language"],
            len(row.payments),
            row.account in LOCKED_SAMPLES,
        )
        for row in sample_customers(TODAY)[:4]
    ]
    assert told == [
        ("4000000002", "2580", "+15550100", "84.20", 12, "84.20", "bank account", "4417", "en", 3, False),
        ("4000000010", "1397", "+15550101", "0.00", None, "61.05", "card", "0923", "es", 2, False),
        ("4000000028", "4071", "+15550102", "1312.07", -5, "1312.07", "", "", "en", 0, False),
        ("4000000036", "9924", "+15550103", "19.99", 20, "19.99", "", "", "en", 0, True),
    ]
    assert list(sample_pins()) == list(SHOWN)


def test_thirty_more_could_be_real_people() -> None:
    everybody = sample_customers(TODAY)
    assert len(everybody) == 34
    assert all(is_account(row.account) and is_pin(row.pin) for row in everybody)
    assert len({row.account for row in everybody}) == len({row.values["phone"] for row in everybody}) == 34
    assert all(row.values["phone"].startswith("+1555") for row in everybody)
    assert {row.values["language"] for row in everybody} == {"en", "es"}
    assert {row.values["method_name"] for row in everybody} == {"bank account", "card", ""}
    assert len({row.pin for row in everybody}) == 34
    for row in everybody:
        values = row.values
        assert (values["amount_due"] > 0) == (values["due_date"] is not None), row.account
        assert bool(values["method_name"]) == (len(values["method_last4"]) == 4), row.account
        assert (values["bill_amount"] is None) == (values["bill_date"] is None), row.account
        assert all(paid.paid > 0 and paid.paid_on < TODAY for paid in row.payments), row.account


def test_the_samples_are_the_same_every_time_but_for_the_day() -> None:
    assert sample_customers(TODAY) == sample_customers(TODAY)
    later = sample_customers(date(2027, 1, 1))
    assert [row.pin for row in later] == [row.pin for row in sample_customers(TODAY)]
    assert later[0].values["due_date"] == date(2027, 1, 13)


def test_no_pin_is_in_the_repr_of_a_customer() -> None:
    for row in sample_customers(TODAY):
        assert f"'{row.pin}'" not in repr(row)


async def test_the_samples_are_in_a_new_store_as_they_are_in_the_table(store: SqliteStore) -> None:
    for row in sample_customers(TODAY):
        customer = await store.customer(row.account)
        assert customer is not None
        assert {name: getattr(customer, name) for name in row.values} == row.values
        paid = [(one["paid_on"], one["paid"]) for one in await store.payments(row.account)]
        assert paid == [(one.paid_on, one.paid) for one in row.payments]
    locked = [one.account for one in await store.customers() if one.locked_until]
    assert locked == ["4000000036"]


async def test_money_of_the_samples_is_exact(store: SqliteStore) -> None:
    assert sum(one.amount_due for one in await store.customers()) == sum(
        (row.values["amount_due"] for row in sample_customers(TODAY)), Decimal(0)
    )
