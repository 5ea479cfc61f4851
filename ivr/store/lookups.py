"""The look-ups the store answers: what each needs and what it gives, by the names menus use.

`needs` and `gives` of a menu's `data:` section must be part of these.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """One look-up."""

    needs: tuple[str, ...]
    gives: tuple[str, ...]
    secret: tuple[str, ...] = ()


OPERATIONS: dict[str, Operation] = {
    "find_caller": Operation(("phone",), ("account", "first_name", "language")),
    "find_account": Operation(("account",), ("first_name",)),
    "check_pin": Operation(("account", "pin"), ("tries_left", "locked"), secret=("pin",)),
    "balance": Operation(("account",), ("amount_due", "due_date")),
    "last_bill": Operation(("account",), ("bill_amount", "bill_date")),
    "payments": Operation(("account",), ("payments",)),
    "pay_method": Operation(("account",), ("method_id", "method_name", "method_last4")),
    "pay": Operation(("account", "pay_amount", "method_id"), ("receipt",)),
    "promise": Operation(("account", "pay_amount", "promise_date"), ("promise_id",)),
    "outage": Operation(("phone",), ("area", "back_at")),
}

METHOD_NAMES = {
    "bank account": {"es": "cuenta bancaria", "de": "Bankkonto"},
    "card": {"es": "tarjeta", "de": "Karte"},
}
"""The usual ways to pay, as they are said in other languages than English."""


def spoken_method(name: str, language: str) -> str:
    """What a caller hears for a way to pay; a name not known here is said as it is written."""
    return METHOD_NAMES.get(name, {}).get(language.partition("-")[0], name)
