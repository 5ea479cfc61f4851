from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ivr.store.contracts import LookupResult
from ivr.store.numbers import luhn_ok
from ivr.store.rows import CustomerRow
from ivr.store.sqlite import SqliteStore

ROOT = Path(__file__).parents[2]
MARIA, METHOD = "4000000002", "4000000002-bank-account-4417"


async def pay(store: SqliteStore, amount: object, key: str = "", **more: object) -> LookupResult:
    values = {"account": MARIA, "pay_amount": amount, "method_id": METHOD, **more}
    return await store.look_up("pay", values, key=key)


async def promise(store: SqliteStore, day: object, key: str = "", **more: object) -> LookupResult:
    values = {"account": MARIA, "pay_amount": Decimal("84.20"), "promise_date": day, **more}
    return await store.look_up("promise", values, key=key)


async def due(store: SqliteStore, account: str = MARIA) -> tuple[Decimal, date | None]:
    customer = await store.customer(account)
    assert customer is not None
    return customer.amount_due, customer.due_date


async def test_a_payment_is_booked_and_lowers_what_is_due(store: SqliteStore) -> None:
    result = await pay(store, Decimal("30.00"), "call-1")
    receipt = str(result.values["receipt"])
    assert result.outcome == "ok" and len(receipt) == 7 and luhn_ok(receipt)
    assert await due(store) == (Decimal("54.20"), date(2026, 12, 4))
    assert (await store.payments(MARIA))[0] == {"paid_on": date(2026, 11, 22), "paid": Decimal("30.00")}


async def test_paying_everything_leaves_no_day_it_is_due_on(store: SqliteStore) -> None:
    assert (await pay(store, Decimal("84.20"))).outcome == "ok"
    assert await due(store) == (Decimal("0.00"), None)
    assert (await pay(store, Decimal("0.01"))).outcome == "refused"


@pytest.mark.parametrize(
    "amount",
    [Decimal("84.21"), Decimal("0"), Decimal("-1"), Decimal("NaN"), Decimal("1.005"), None, "", 84.2, True],
)
async def test_no_more_is_taken_than_is_due_and_nothing_for_an_odd_amount(
    store: SqliteStore, amount: object
) -> None:
    result = await pay(store, amount)
    assert (result.outcome, result.values) == ("refused", {})
    assert await due(store) == (Decimal("84.20"), date(2026, 12, 4))
    assert len(await store.payments(MARIA)) == 3


@pytest.mark.parametrize("method", ["", None, "4000000010-card-0923", "4000000002-bank-account-9999"])
async def test_only_the_method_on_file_pays(store: SqliteStore, method: object) -> None:
    assert (await pay(store, Decimal("84.20"), method_id=method)).outcome == "refused"
    assert await due(store) == (Decimal("84.20"), date(2026, 12, 4))


async def test_who_has_no_method_on_file_cannot_pay(store: SqliteStore) -> None:
    result = await pay(store, Decimal("1.00"), account="4000000028", method_id="4000000028--")
    assert result.outcome == "refused"


async def test_the_same_key_books_once_and_hears_the_same_receipt(
    store: SqliteStore, path: Path, clock: Any, hasher: Any
) -> None:
    first = await pay(store, Decimal("20.00"), "call-1/pay_now")
    again = await pay(store, Decimal("20.00"), "call-1/pay_now")
    await store.close()
    later = await SqliteStore.open(path, clock=clock, hasher=hasher)
    restarted = await pay(later, Decimal("20.00"), "call-1/pay_now")
    assert first.values == again.values == restarted.values
    assert await due(later) == (Decimal("64.20"), date(2026, 12, 4))
    other = await pay(later, Decimal("20.00"), "call-2/pay_now")
    assert other.outcome == "ok" and other.values != first.values
    assert await due(later) == (Decimal("44.20"), date(2026, 12, 4))
    await later.close()


async def test_two_payments_at_once_with_one_key_book_once(
    store: SqliteStore, path: Path, clock: Any, hasher: Any
) -> None:
    other = await SqliteStore.open(path, clock=clock, hasher=hasher)
    results = await asyncio.gather(*(pay(one, Decimal("10.00"), "key") for one in (store, other) * 4))
    assert {result.outcome for result in results} == {"ok"}
    assert len({result.values["receipt"] for result in results}) == 1
    assert await due(store) == (Decimal("74.20"), date(2026, 12, 4))
    await other.close()


async def test_payments_at_once_with_different_keys_take_no_more_than_is_due(
    store: SqliteStore, path: Path, clock: Any, hasher: Any
) -> None:
    other = await SqliteStore.open(path, clock=clock, hasher=hasher)
    payers = [pay(one, Decimal("30.00"), f"key-{number}") for number, one in enumerate((store, other) * 3)]
    outcomes = [result.outcome for result in await asyncio.gather(*payers)]
    assert sorted(outcomes) == ["ok", "ok", "refused", "refused", "refused", "refused"]
    assert await due(other) == (Decimal("24.20"), date(2026, 12, 4))
    await other.close()


async def test_without_a_key_every_payment_is_its_own(store: SqliteStore) -> None:
    first, second = await pay(store, Decimal("1.00")), await pay(store, Decimal("1.00"))
    assert first.values["receipt"] != second.values["receipt"]
    assert (await due(store))[0] == Decimal("82.20")


async def test_a_key_that_asks_for_something_else_is_refused(store: SqliteStore) -> None:
    await pay(store, Decimal("1.00"), "key")
    assert (await pay(store, Decimal("2.00"), "key")).outcome == "refused"
    card = {"account": "4000000048", "method_id": "4000000048-card-7730"}
    assert (await pay(store, Decimal("1.00"), "key", **card)).outcome in {"refused", "not_found"}
    assert (await due(store))[0] == Decimal("83.20")


CHILD = """
import asyncio, os, signal, sys
from decimal import Decimal
from pathlib import Path
from ivr.store.sqlite import SqliteStore

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]))
    values = {"account": "4000000002", "pay_amount": Decimal("84.20"), "method_id": "4000000002-bank-account-4417"}
    result = await store.look_up("pay", values, key="the call")
    print(result.values["receipt"], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_a_payment_told_about_survives_a_kill(store: SqliteStore, path: Path) -> None:
    child = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", CHILD, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert child.returncode == -9, child.stderr
    assert (await due(store))[0] == Decimal("0.00")
    assert (await pay(store, Decimal("84.20"), "the call")).values["receipt"] == child.stdout.strip()
    assert len(await store.payments(MARIA)) == 4


PAYING_ON = """
import asyncio, sys
from decimal import Decimal
from pathlib import Path
from ivr.store.sqlite import SqliteStore

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]))
    values = {"account": "4000000002", "pay_amount": Decimal("0.01"), "method_id": "4000000002-bank-account-4417"}
    for number in range(8000):
        result = await store.look_up("pay", values, key=f"key-{number}")
        print(result.values["receipt"], flush=True)

asyncio.run(main())
"""


async def test_a_kill_amid_payments_loses_none_and_leaves_none_half_booked(store: SqliteStore, path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PAYING_ON,
        str(path),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert child.stdout is not None
    receipts = [(await child.stdout.readline()).decode().strip() for _ in range(20)]
    child.kill()
    receipts += (await child.stdout.read()).decode().split()
    assert await child.wait() == -9
    booked = len(await store.payments(MARIA)) - 3
    assert len(receipts) <= booked <= len(receipts) + 1  # one may be booked and not yet told
    assert (await due(store))[0] == Decimal("84.20") - booked * Decimal("0.01")
    for number, receipt in enumerate(receipts):
        assert (await pay(store, Decimal("0.01"), f"key-{number}")).values == {"receipt": receipt}


async def test_a_promise_is_noted_once_and_changes_nothing_that_is_due(store: SqliteStore) -> None:
    first = await promise(store, date(2026, 11, 30), "call-1")
    again = await promise(store, date(2026, 11, 30), "call-1")
    assert first.outcome == "ok" and luhn_ok(str(first.values["promise_id"]))
    assert again.values == first.values
    assert await store.promises(MARIA) == [
        {"promise_id": first.values["promise_id"], "amount": Decimal("84.20"), "promise_date": date(2026, 11, 30)}
    ]
    assert await due(store) == (Decimal("84.20"), date(2026, 12, 4))


async def test_two_promises_at_once_with_one_key_are_one(store: SqliteStore) -> None:
    results = await asyncio.gather(*(promise(store, date(2026, 11, 30), "key") for _ in range(4)))
    assert len({str(result.values) for result in results}) == 1
    assert len(await store.promises(MARIA)) == 1


@pytest.mark.parametrize("day", [date(2026, 11, 21), date(1, 1, 1), None, "soon", 20261130, datetime(2027, 1, 1)])
async def test_no_promise_for_a_day_that_is_past_or_none(store: SqliteStore, day: object) -> None:
    assert (await promise(store, day)).outcome == "refused"
    assert await store.promises(MARIA) == []


async def test_a_caller_late_in_the_evening_may_promise_for_today(store: SqliteStore, clock: Any) -> None:
    clock.now = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)  # half past ten in New York, the 22nd
    assert (await promise(store, date(2026, 11, 22))).outcome == "ok"
    clock.now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # the 22nd is over everywhere
    assert (await promise(store, date(2026, 11, 22))).outcome == "refused"


@pytest.mark.parametrize(
    ("account", "amount"),
    [("4000000010", "0.00"), ("4000000010", "5.00"), (MARIA, "84.21"), (MARIA, "-1.00"), (MARIA, None)],
)
async def test_no_promise_where_nothing_or_less_is_due(store: SqliteStore, account: str, amount: object) -> None:
    result = await promise(store, date(2026, 12, 1), account=account, pay_amount=amount)
    assert result.outcome == "refused"


async def test_a_new_card_on_file_does_not_pay_what_was_read_out_for_the_old_one(store: SqliteStore) -> None:
    await store.import_customers([CustomerRow(MARIA, {"method_name": "card", "method_last4": "1111"})])
    assert (await pay(store, Decimal("84.20"))).outcome == "refused"
    assert (await pay(store, Decimal("84.20"), method_id="4000000002-card-1111")).outcome == "ok"
