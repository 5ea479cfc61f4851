"""Conditions as people say them: ``amount_due is more than 0``."""

from __future__ import annotations

from decimal import Decimal

from ivr.menu.expressions import Comparison, Condition, Joined, Name, Not, Operand, Test

_SIGNS = {
    "==": "is",
    "!=": "is not",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
}


def in_words(condition: Condition) -> str:
    """One line for an outline or a picture; brackets only where they are needed."""
    match condition:
        case Test():
            return f"{condition.name} is {'set' if condition.present else 'empty'}"
        case Comparison():
            if condition.other is True or condition.other is False:
                yes = (condition.sign == "==") == condition.other
                return f"{condition.name} is {'true' if yes else 'false'}"
            return f"{condition.name} {_SIGNS[condition.sign]} {operand(condition.other)}"
        case Not():
            return f"not {_inner(condition.inner)}"
        case Joined():
            return (" and " if condition.every else " or ").join(_inner(part) for part in condition.parts)


def _inner(condition: Condition) -> str:
    words = in_words(condition)
    return f"({words})" if isinstance(condition, Joined) else words


def operand(value: Operand) -> str:
    """The right side of a comparison, or what ``set:`` gives."""
    if isinstance(value, Name):
        return value.name
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else f"‘{value}’"
