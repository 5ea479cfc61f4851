"""Customers in the file: putting them in, and reading them for people and for look-ups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlite_utils import Database

from ivr.store.contracts import Customer
from ivr.store.money import from_cents, to_cents
from ivr.store.numbers import is_account, plain_phone
from ivr.store.rows import DEFAULTS, CustomerRow
from ivr.store.sqlite_connection import row, rows

MONEY = ("amount_due", "bill_amount")


def utc_text(at: datetime) -> str:
    """Sorts as text in the order of time: always UTC, always microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def add_customer(db: Database, new: CustomerRow, pin_hash: str, *, sample: bool = False) -> None:
    """One the file does not know yet, with past payments.

    Plain SQL here and in `update_customer`: an import holds up other processes' payments for as long as it writes,
    and asking for the shape of the table before each row would take some fifteen times as long.
    """
    columns = {**_columns({**DEFAULTS, **new.values}), "pin_hash": pin_hash, "sample": int(sample)}
    names, marks = ", ".join(("account", *columns)), ", ".join("?" * (len(columns) + 1))
    db.execute(f"INSERT INTO customers ({names}) VALUES ({marks})", [new.account, *columns.values()])
    for past in new.payments:
        db.execute(
            "INSERT INTO payments (account, paid_on, cents) VALUES (?, ?, ?)",
            [new.account, past.paid_on.isoformat(), to_cents(past.paid)],
        )


def update_customer(db: Database, new: CustomerRow, pin_hash: str) -> None:
    """What `new` does not name stays; so does the PIN when `pin_hash` is empty. A sample is none any more."""
    columns = {**_columns(new.values), "sample": 0, **({"pin_hash": pin_hash} if pin_hash else {})}
    sets = ", ".join(f"{name} = ?" for name in columns)
    db.execute(f"UPDATE customers SET {sets} WHERE account = ?", [*columns.values(), new.account])


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """The names become SQL, so only the known ones pass."""
    columns: dict[str, Any] = {}
    for name in DEFAULTS.keys() & values.keys():
        value = values[name]
        if name in MONEY:
            columns[name] = None if value is None else to_cents(value)
        else:
            columns[name] = value.isoformat() if isinstance(value, date) else value
    return columns


_SELECT = (
    "SELECT c.*, p.locked_until FROM customers c LEFT JOIN pin_attempts p"
    " ON p.account = c.account AND p.locked_until > ?"
)


def read_customer(db: Database, account: str, now: datetime) -> Customer | None:
    if not is_account(account):
        return None
    found = row(db, f"{_SELECT} WHERE c.account = ?", utc_text(now), account)
    return _customer(found) if found else None


def read_customers(db: Database, now: datetime) -> list[Customer]:
    """All, in the order of their accounts."""
    return [_customer(found) for found in rows(db, f"{_SELECT} ORDER BY c.account", utc_text(now))]


def _customer(found: Mapping[str, Any]) -> Customer:
    return Customer(
        account=found["account"],
        phone=found["phone"],
        first_name=found["first_name"],
        last_name=found["last_name"],
        language=found["language"],
        amount_due=from_cents(found["amount_due"]),
        due_date=_day(found["due_date"]),
        bill_amount=_money(found["bill_amount"]),
        bill_date=_day(found["bill_date"]),
        method_name=found["method_name"] or "",
        method_last4=found["method_last4"] or "",
        locked_until=datetime.fromisoformat(found["locked_until"]) if found["locked_until"] else None,
        notes=found["notes"] or "",
        area=found["area"] or "",
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _money(cents: int | None) -> Decimal | None:
    return None if cents is None else from_cents(cents)


def customers_with_phone(db: Database, phone: object, now: datetime) -> list[Customer]:
    """Everybody with this number. Telephones that leave out the plus are understood."""
    number = plain_phone(phone)
    if not number:
        return []
    numbers = {number, "+" + number.lstrip("+")}
    marks = ", ".join("?" * len(numbers))
    found = rows(db, f"{_SELECT} WHERE c.phone IN ({marks})", utc_text(now), *sorted(numbers))
    return [_customer(one) for one in found]


def known_accounts(db: Database) -> set[str]:
    return {found["account"] for found in rows(db, "SELECT account FROM customers")}


def sample_accounts(db: Database) -> set[str]:
    return {found["account"] for found in rows(db, "SELECT account FROM customers WHERE sample = 1")}


def remove_samples(db: Database, but: Iterable[str]) -> int:
    """Take out the sample customers with all that hangs on them, and the sample outages."""
    kept = set(but)
    gone = sample_accounts(db) - kept
    for account in sorted(gone):
        db.execute("DELETE FROM customers WHERE account = ?", [account])
        db.execute("DELETE FROM pin_attempts WHERE account = ?", [account])
    db.execute("DELETE FROM outages WHERE sample = 1")
    return len(gone)
