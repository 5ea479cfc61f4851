from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.store.lookups import OPERATIONS
from ivr.store.sqlite import SqliteStore


@pytest.mark.parametrize(
    ("name", "values", "answer"),
    [
        (
            "find_caller",
            {"phone": "+15550100"},
            {"account": "4000000002", "first_name": "Maria", "language": "en"},
        ),
        (
            "find_caller",
            {"phone": "15550101"},
            {"account": "4000000010", "first_name": "Carlos", "language": "es"},
        ),
        (
            "find_caller",
            {"phone": "+1 (555) 01-02"},
            {"account": "4000000028", "first_name": "Walter", "language": "en"},
        ),
        ("find_account", {"account": "4000000036"}, {"first_name": "Priya"}),
        ("balance", {"account": "4000000002"}, {"amount_due": Decimal("84.20"), "due_date": date(2026, 12, 4)}),
        ("balance", {"account": "4000000010"}, {"amount_due": Decimal("0.00"), "due_date": None}),
        ("balance", {"account": "4000000028"}, {"amount_due": Decimal("1312.07"), "due_date": date(2026, 11, 17)}),
        ("balance", {"account": "4000000036"}, {"amount_due": Decimal("19.99"), "due_date": date(2026, 12, 12)}),
        (
            "last_bill",
            {"account": "4000000010"},
            {"bill_amount": Decimal("61.05"), "bill_date": date(2026, 10, 28)},
        ),
        (
            "pay_method",
            {"account": "4000000002"},
            {"method_id": "4000000002-bank-account-4417", "method_name": "bank account", "method_last4": "4417"},
        ),
        (
            "pay_method",
            {"account": "4000000010"},
            {"method_id": "4000000010-card-0923", "method_name": "tarjeta", "method_last4": "0923"},
        ),
        (
            "pay_method",
            {"account": "4000000010", "language": "en"},
            {"method_id": "4000000010-card-0923", "method_name": "card", "method_last4": "0923"},
        ),
    ],
)
async def test_a_customer_hears_what_is_on_file(
    store: SqliteStore, name: str, values: dict[str, object], answer: dict[str, object]
) -> None:
    result = await store.look_up(name, values)
    assert (result.outcome, result.values) == ("ok", answer)


async def test_payments_come_newest_first_and_as_exact_money(store: SqliteStore) -> None:
    result = await store.look_up("payments", {"account": "4000000002"})
    assert result.values["payments"] == [
        {"paid_on": date(2026, 11, 3), "paid": Decimal("79.55")},
        {"paid_on": date(2026, 10, 4), "paid": Decimal("81.10")},
        {"paid_on": date(2026, 9, 3), "paid": Decimal("96.32")},
    ]
    assert str(result.values["payments"][1]["paid"]) == "81.10"  # type: ignore[index]


async def test_an_outage_is_told_in_the_time_of_the_place_it_is_in(store: SqliteStore, clock: Any) -> None:
    result = await store.look_up("outage", {"phone": "+15550100"})
    back_at = result.values["back_at"]
    assert result.outcome == "ok" and result.values["area"] == "Riverside"
    assert isinstance(back_at, datetime)
    assert back_at.isoformat() == "2026-11-23T06:00:00-05:00"
    clock.now = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
    assert (await store.look_up("outage", {"phone": "+15550100"})).outcome == "not_found"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("find_caller", {"phone": "+15559999"}),
        ("find_caller", {"phone": ""}),
        ("find_caller", {"phone": "anonymous"}),
        ("find_caller", {}),
        ("find_account", {"account": "4000000341"}),
        ("find_account", {"account": "4000000003"}),
        ("balance", {"account": "9000000001"}),
        ("last_bill", {"account": "4000000184"}),
        ("payments", {"account": "4000000028"}),
        ("pay_method", {"account": "4000000028"}),
        ("pay", {"account": "4000000341", "pay_amount": Decimal(1), "method_id": "x"}),
        ("promise", {"account": "4000000341", "pay_amount": Decimal(1), "promise_date": date(2026, 12, 1)}),
        ("outage", {"phone": "+15550101"}),
        ("outage", {"phone": "+15559999"}),
    ],
)
async def test_what_is_not_there_is_not_found(store: SqliteStore, name: str, values: dict[str, object]) -> None:
    result = await store.look_up(name, values)
    assert (result.outcome, result.values) == ("not_found", {})


async def test_a_number_two_customers_share_is_nobodys(store: SqliteStore) -> None:
    from ivr.store.rows import CustomerRow

    await store.import_customers([CustomerRow("4000000010", {"phone": "+15550100"})])
    assert (await store.look_up("find_caller", {"phone": "+15550100"})).outcome == "not_found"
    # Riverside and Old Town: the number does not say which of the two is dark either.
    assert (await store.look_up("outage", {"phone": "+15550100"})).outcome == "not_found"
    await store.import_customers([CustomerRow("4000000010", {"area": "Riverside"})])
    assert (await store.look_up("outage", {"phone": "+15550100"})).values["area"] == "Riverside"


async def test_a_look_up_gives_the_values_it_is_listed_with_and_no_others(store: SqliteStore, clock: Any) -> None:
    values: dict[str, object] = {
        "phone": "+15550100",
        "account": "4000000002",
        "pin": "2580",
        "pay_amount": Decimal("1.00"),
        "method_id": "4000000002-bank-account-4417",
        "promise_date": date(2026, 12, 1),
    }
    for name, operation in OPERATIONS.items():
        result = await store.look_up(name, values)
        assert result.outcome == "ok", name
        assert set(result.values) == set(operation.gives), name


async def test_a_look_up_nobody_knows_is_down_and_says_so(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await store.look_up("balanse", {"account": "4000000002"})).outcome == "down"
    assert "there is no look-up 'balanse'; known are find_caller, find_account" in caplog.text


async def test_a_closed_store_is_down(store: SqliteStore) -> None:
    await store.close()
    for name in OPERATIONS:
        assert (await store.look_up(name, {"account": "4000000002", "phone": "+15550100"})).outcome == "down", name


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(st.characters(), max_size=30),
    st.sampled_from(
        ["4000000002", "\ud800", "4000000002\x00", "٤٠٠٠٠٠٠٠٠٢", "' OR 1=1 --", "9" * 400, "1e999999"]
    ),
    st.binary(max_size=8),
    st.lists(st.integers(), max_size=2),
    st.dates(),
    st.datetimes(),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(OPERATIONS)),
    values=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("phone", "account", "pin", "pay_amount", "method_id", "promise_date", "language"), ODD
        ),
    ),
    key=st.text(st.characters(), max_size=10),
)
async def test_no_value_of_a_stranger_raises(
    store: SqliteStore, name: str, values: dict[str, object], key: str
) -> None:
    result = await store.look_up(name, values, key=key)
    assert result.outcome in {"ok", "not_found", "refused"}
    assert "pin" not in result.values
