"""Money as whole cents inside the store and as Decimal outside; never a float on the way."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

MOST_CENTS = 10**11
"""A thousand million: far above any bill, far below what a 64-bit column holds."""


def to_cents(value: object) -> int | None:
    """`value` (Decimal, int or text such as ``84.20``) in cents; None when it is no exact amount of money.

    >>> to_cents(Decimal("84.20")), to_cents("0.005"), to_cents("NaN")
    (8420, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        return None
    if isinstance(value, str) and (len(value) > 30 or not value.isascii() or "_" in value):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    # The size is looked at before scaling: 1E+999999 must not be multiplied out.
    if not amount.is_finite() or (amount and not -12 < amount.adjusted() < 12):
        return None
    cents = amount * 100
    if cents != cents.to_integral_value() or abs(cents) > MOST_CENTS:
        return None
    return int(cents)


def from_cents(cents: int) -> Decimal:
    """Always with two places.

    >>> from_cents(1990)
    Decimal('19.90')
    """
    return Decimal(cents).scaleb(-2)
