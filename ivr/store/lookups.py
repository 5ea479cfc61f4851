"""What callers hear of the store's answers, and the operations it has."""

from __future__ import annotations

from ivr.config.operations import OPERATIONS, Operation

__all__ = ["METHOD_NAMES", "OPERATIONS", "Operation", "spoken_method"]

METHOD_NAMES = {
    "bank account": {"es": "cuenta bancaria", "de": "Bankkonto"},
    "card": {"es": "tarjeta", "de": "Karte"},
}
"""The usual ways to pay, as they are said in other languages than English."""


def spoken_method(name: str, language: str) -> str:
    """What a caller hears for a way to pay; a name not known here is said as it is written."""
    return METHOD_NAMES.get(name, {}).get(language.partition("-")[0], name)
