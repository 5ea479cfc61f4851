"""What the call records tell the floor after a restart: who spoke with whom, and whose wait was cut off."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ivr.call.record import closed_late
from ivr.store.numbers import plain_phone

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange


RECORDS_LOOKED_AT = 2000
"""Newest records among which those are that a killed engine left open: more than it can have had calls."""
logger = logging.getLogger(__name__)


async def close_records(exchange: Exchange, restarted: datetime) -> None:
    """No call goes on from before a restart: its record would be open for ever."""
    store = exchange.rooms.store
    documents = await store.calls(RECORDS_LOOKED_AT)
    remember(exchange, documents, restarted)
    for document in documents:
        if document["ended"] is None and datetime.fromisoformat(document["started"]) < restarted:
            logger.warning("call_record_closed_late call=%s", document["id"])
            await store.save_call(closed_late(document))


def remember(exchange: Exchange, records: Iterable[dict[str, Any]], restarted: datetime) -> None:
    """`records` newest first. One that was open when the engine died had a caller who may dial again (RT12)."""
    now, utc = exchange.rooms.clock.monotonic(), exchange.rooms.clock.utc()
    for record in reversed(list(records)):
        caller = plain_phone(record.get("caller") or "")
        if datetime.fromisoformat(record["started"]) >= restarted:
            continue
        for number, handoff in enumerate(record.get("handoffs") or (), 1):
            at = now - (utc - datetime.fromisoformat(handoff["started"])).total_seconds()
            if handoff.get("agent"):
                exchange.agents.remember_agent(caller, handoff["agent"], at)
            elif record["ended"] is None and not handoff.get("outcome") and at <= now:
                exchange.agents.remember_place(f"{record['id']}-h{number}", caller, handoff["queue"], at, now)
