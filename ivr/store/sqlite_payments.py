"""Money: what came in, what is promised, and booking both exactly once.

The key of a `pay` or `promise` is looked for inside the transaction that would book it, so two calls with one
key, at once or an hour apart, book once and hear the same number.

Nothing is booked beyond what is due. A slip of the finger (842.00 for 84.20) is the likelier reason than the
wish to pay ahead, and a credit is for a person to arrange: such a payment is refused, and the money stays.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any

from sqlite_utils import Database

from ivr.store.contracts import LookupResult
from ivr.store.money import from_cents, to_cents
from ivr.store.numbers import is_account, sayable_number
from ivr.store.sqlite_connection import row, rows, unit_of_work
from ivr.store.sqlite_customers import utc_text

log = logging.getLogger(__name__)

LAST_ZONE = timezone(timedelta(hours=-12))
"""Where a day ends last: what is past there is past for every caller, whatever zone menus speak in."""
LONGEST_KEY = 200


def payments(db: Database, values: Mapping[str, Any], now: datetime) -> LookupResult:
    """Newest first."""
    history = payment_rows(db, values.get("account"))
    return LookupResult("ok", {"payments": history}) if history else LookupResult("not_found")


def payment_rows(db: Database, account: object) -> list[dict[str, object]]:
    if not is_account(account):
        return []
    found = rows(
        db, "SELECT paid_on, cents FROM payments WHERE account = ? ORDER BY paid_on DESC, id DESC", account
    )
    return [{"paid_on": date.fromisoformat(one["paid_on"]), "paid": from_cents(one["cents"])} for one in found]


def method_id(account: str, name: str, last4: str) -> str:
    """Names a way to pay; another one on file gets another id, so that nobody pays from one he did not hear."""
    return f"{account}-{name.replace(' ', '-')}-{last4}"


def pay(db: Database, values: Mapping[str, Any], now: datetime, key: str) -> LookupResult:
    """Book a payment by the method on file, and lower what is due by it."""
    account, cents = values.get("account"), to_cents(values.get("pay_amount"))
    if not is_account(account):
        return LookupResult("not_found")
    key = _stored_key(key)
    with unit_of_work(db):
        customer = _debtor(db, account)
        if customer is None:
            return LookupResult("not_found")
        if booked := row(db, "SELECT account, cents, receipt FROM payments WHERE key = ?", key):
            return _again(booked, account, cents, {"receipt": booked["receipt"]})
        method = method_id(account, customer["method_name"] or "", customer["method_last4"] or "")
        if why := _no_payment(customer, cents, values.get("method_id") == method):
            log.info("payment_refused account=%s why=%s key=%s", account, why, key)
            return LookupResult("refused")
        receipt = sayable_number(secrets.randbelow, lambda n: _taken(db, "payments", "receipt", n))
        _book(db, customer, int(cents or 0), method, receipt, key, now)
    log.info("payment_booked account=%s receipt=%s key=%s", account, receipt, key)
    return LookupResult("ok", {"receipt": receipt})


def _no_payment(customer: Mapping[str, Any], cents: int | None, method_right: bool) -> str:
    """Why not; empty when it may be booked."""
    if cents is None or cents <= 0:
        return "no_amount"
    if not customer["method_name"] or not method_right:
        return "not_the_method_on_file"
    return "more_than_due" if cents > customer["amount_due"] else ""


def _book(
    db: Database, customer: Mapping[str, Any], cents: int, method: str, receipt: str, key: str, now: datetime
) -> None:
    account = customer["account"]
    db.table("payments").insert(
        {
            "account": account,
            "paid_on": now.date().isoformat(),
            "cents": cents,
            "method_id": method,
            "receipt": receipt,
            "key": key,
            "booked": utc_text(now),
        }
    )
    left = customer["amount_due"] - cents
    # A date goes with an amount: nothing due is due on no day.
    db.table("customers").update(
        account, {"amount_due": left, "due_date": customer["due_date"] if left > 0 else None}
    )


def promise(db: Database, values: Mapping[str, Any], now: datetime, key: str) -> LookupResult:
    """Note a promise to pay; refused when the day is past, when nothing is due or less than is promised."""
    account, cents, day = (
        values.get("account"),
        to_cents(values.get("pay_amount")),
        _date(values.get("promise_date")),
    )
    if not is_account(account):
        return LookupResult("not_found")
    key = _stored_key(key)
    with unit_of_work(db):
        customer = _debtor(db, account)
        if customer is None:
            return LookupResult("not_found")
        if noted := row(db, "SELECT account, cents, id FROM promises WHERE key = ?", key):
            return _again(noted, account, cents, {"promise_id": noted["id"]})
        if day is None or day < now.astimezone(LAST_ZONE).date() or not 0 < (cents or 0) <= customer["amount_due"]:
            log.info("promise_refused account=%s key=%s", account, key)
            return LookupResult("refused")
        number = sayable_number(secrets.randbelow, lambda n: _taken(db, "promises", "id", n))
        db.table("promises").insert(
            {
                "id": number,
                "account": account,
                "cents": cents,
                "promise_date": day.isoformat(),
                "key": key,
                "noted": utc_text(now),
            }
        )
    log.info("promise_noted account=%s promise=%s key=%s", account, number, key)
    return LookupResult("ok", {"promise_id": number})


def promise_rows(db: Database, account: object) -> list[dict[str, object]]:
    """Newest first."""
    if not is_account(account):
        return []
    found = rows(db, "SELECT * FROM promises WHERE account = ? ORDER BY noted DESC", account)
    return [
        {
            "promise_id": p["id"],
            "amount": from_cents(p["cents"]),
            "promise_date": date.fromisoformat(p["promise_date"]),
        }
        for p in found
    ]


def _debtor(db: Database, account: object) -> dict[str, Any] | None:
    return row(db, "SELECT * FROM customers WHERE account = ?", account)


def _again(
    booked: Mapping[str, Any], account: object, cents: int | None, answer: dict[str, object]
) -> LookupResult:
    """The same key again: the same answer, unless it asks for something else than the first time."""
    if (booked["account"], booked["cents"]) == (account, cents):
        return LookupResult("ok", answer)
    log.error("key_used_for_something_else account=%s", account)
    return LookupResult("refused")


def _stored_key(key: str) -> str:
    """Without a key every request is its own."""
    plain = key[:LONGEST_KEY].encode("ascii", "backslashreplace").decode("ascii")
    return plain or f"none-{secrets.token_hex(16)}"


def _taken(db: Database, table: str, column: str, number: str) -> bool:
    return row(db, f'SELECT 1 AS one FROM "{table}" WHERE "{column}" = ?', number) is not None


def _date(value: object) -> date | None:
    if isinstance(value, datetime):
        return None
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, date) else None
