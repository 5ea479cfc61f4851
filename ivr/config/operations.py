"""The look-ups the customer store answers: what each needs and what it gives, by the names menus use.

`needs` and `gives` of a menu's `data:` section must be part of these. They stand on the ground floor because
menus are checked against them where no store is open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Operation:
    """One look-up."""

    needs: tuple[str, ...]
    gives: tuple[str, ...]
    secret: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    """Of `gives`, what a customer may have none of."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """What `gives` are, but for texts: ``digits money number date moment list truth``."""


OPERATIONS: dict[str, Operation] = {
    "find_caller": Operation(
        ("phone",),
        ("account", "first_name", "language"),
        optional=("first_name", "language"),
        kinds={"account": "digits"},
    ),
    "find_account": Operation(("account",), ("first_name",), optional=("first_name",)),
    "check_pin": Operation(
        ("account", "pin"),
        ("tries_left", "locked"),
        secret=("pin",),
        kinds={"tries_left": "number", "locked": "truth"},
    ),
    "balance": Operation(
        ("account",),
        ("amount_due", "due_date"),
        optional=("due_date",),
        kinds={"amount_due": "money", "due_date": "date"},
    ),
    "last_bill": Operation(
        ("account",),
        ("bill_amount", "bill_date"),
        optional=("bill_date",),
        kinds={"bill_amount": "money", "bill_date": "date"},
    ),
    "payments": Operation(("account",), ("payments",), kinds={"payments": "list"}),
    "pay_method": Operation(
        ("account",), ("method_id", "method_name", "method_last4"), kinds={"method_last4": "digits"}
    ),
    "pay": Operation(("account", "pay_amount", "method_id"), ("receipt",)),
    "promise": Operation(("account", "pay_amount", "promise_date"), ("promise_id",)),
    "outage": Operation(("phone",), ("area", "back_at"), kinds={"back_at": "moment"}),
}
