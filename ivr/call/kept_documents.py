"""The attached data of a call, as its record keeps it for a next start of the engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ivr.call.item import Item
    from ivr.ici.travelling_data import TravellingData


def documents_of(items: Iterable[Item]) -> list[dict[str, Any]]:
    """For the record: each document that items of a call show, and which those are."""
    found: dict[int, tuple[TravellingData, list[str]]] = {}
    for item in items:
        data = item.handoff.data
        found.setdefault(id(data), (data, []))[1].append(item.item_id)
    return [data.saved() | {"items": ids} for data, ids in found.values()]
