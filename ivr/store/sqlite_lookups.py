"""Answers to look-ups that only read. Values come from strangers: whatever they are, there is an outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlite_utils import Database

from ivr.store.contracts import Customer, LookupResult
from ivr.store.lookups import spoken_method
from ivr.store.sqlite_connection import rows
from ivr.store.sqlite_customers import customers_with_phone, read_customer, utc_text
from ivr.store.sqlite_payments import method_id, payments

NOT_FOUND = LookupResult("not_found")


def find_caller(db: Database, values: Mapping[str, Any], now: datetime) -> LookupResult:
    """Who calls from this number.

    Two customers with one number, a household or an office, are nobody: taking the first would greet a person by
    another's name and show the agent a wrong account. The caller says which account is meant instead.
    """
    found = customers_with_phone(db, values.get("phone"), now)
    if len(found) != 1:
        return NOT_FOUND
    one = found[0]
    return LookupResult("ok", {"account": one.account, "first_name": one.first_name, "language": one.language})


def find_account(db: Database, values: Mapping[str, Any], now: datetime) -> LookupResult:
    one = _customer(db, values, now)
    return LookupResult("ok", {"first_name": one.first_name}) if one else NOT_FOUND


def balance(db: Database, values: Mapping[str, Any], now: datetime) -> LookupResult:
    one = _customer(db, values, now)
    return LookupResult("ok", {"amount_due": one.amount_due, "due_date": one.due_date}) if one else NOT_FOUND


def last_bill(db: Database, values: Mapping[str, Any], now: datetime) -> LookupResult:
    one = _customer(db, values, now)
    if one is None or one.bill_amount is None:
        return NOT_FOUND
    return LookupResult("ok", {"bill_amount": one.bill_amount, "bill_date": one.bill_date})


def pay_method(db: Database, values: Mapping[str, Any], now: datetime) -> LookupResult:
    """The name in the caller's language where the menu hands it over, else in the customer's own."""
    one = _customer(db, values, now)
    if one is None or not one.method_name:
        return NOT_FOUND
    language = values.get("language")
    name = spoken_method(one.method_name, language if isinstance(language, str) and language else one.language)
    return LookupResult(
        "ok",
        {
            "method_id": method_id(one.account, one.method_name, one.method_last4),
            "method_name": name,
            "method_last4": one.method_last4,
        },
    )


def outage(db: Database, values: Mapping[str, Any], now: datetime) -> LookupResult:
    """Whether it is dark where this number belongs. Several customers with one number are fine in one place."""
    areas = {one.area for one in customers_with_phone(db, values.get("phone"), now)}
    if len(areas) != 1:
        return NOT_FOUND
    area = areas.pop()
    found = rows(
        db, "SELECT * FROM outages WHERE area = ? AND back_at > ? ORDER BY back_at DESC", area, utc_text(now)
    )
    if not area or not found:
        return NOT_FOUND
    back_at = datetime.fromisoformat(found[0]["back_at"]).astimezone(ZoneInfo(found[0]["zone"]))
    return LookupResult("ok", {"area": area, "back_at": back_at})


def _customer(db: Database, values: Mapping[str, Any], now: datetime) -> Customer | None:
    account = values.get("account")
    return read_customer(db, account, now) if isinstance(account, str) else None


READERS: dict[str, Callable[[Database, Mapping[str, Any], datetime], LookupResult]] = {
    "find_caller": find_caller,
    "find_account": find_account,
    "balance": balance,
    "last_bill": last_bill,
    "payments": payments,
    "pay_method": pay_method,
    "outage": outage,
}
