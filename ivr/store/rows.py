"""A customer as one is put into the store: from a file or from the samples. With the PIN, unlike `Customer`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class PastPayment:
    """Money that came in before the store knew of it."""

    paid_on: date
    paid: Decimal


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """One customer to be added or updated."""

    account: str
    values: dict[str, Any]
    """By the names of `Customer`; a name that is missing keeps what the store has (or its default, if new)."""
    pin: str = field(default="", repr=False)
    """Empty keeps the PIN of a customer the store has."""
    line: int = 0
    """Where it stands in the file; 0 when it comes from none."""
    payments: tuple[PastPayment, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import did."""

    added: int
    updated: int
    removed: int = 0
    """Sample customers that were taken out."""


DEFAULTS: dict[str, Any] = {
    "phone": "",
    "first_name": "",
    "last_name": "",
    "language": "en",
    "amount_due": Decimal("0.00"),
    "due_date": None,
    "bill_amount": None,
    "bill_date": None,
    "method_name": "",
    "method_last4": "",
    "area": "",
    "notes": "",
}
"""What a new customer has where the file says nothing."""
