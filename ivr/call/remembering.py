"""What the call records tell the floor after a restart: who spoke with whom, and whose wait was cut off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ivr.call.contact import closed_late as contact_closed_late
from ivr.call.record import closed_late
from ivr.store.numbers import plain_phone

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange


RECORDS_LOOKED_AT = 2000
"""Newest records among which those are that a killed engine left open: more than it can have had calls."""
logger = logging.getLogger(__name__)


async def remember_callers(exchange: Exchange, restarted: datetime) -> None:
    """Tell the floor what the records know of calls from before."""
    remember(exchange, await exchange.rooms.store.calls(RECORDS_LOOKED_AT), restarted)


async def close_records(exchange: Exchange, restarted: datetime, lock: asyncio.Lock) -> None:
    """No call goes on from before a restart: its record would be open for ever.

    Only once no desktop shows it any more: an open record is how a next start would know of that. `lock` keeps
    what agents write about these calls meanwhile.
    """
    store = exchange.rooms.store
    async with lock:
        for document in await store.calls(RECORDS_LOOKED_AT):
            if document["ended"] is None and datetime.fromisoformat(document["started"]) < restarted:
                logger.warning("call_record_closed_late call=%s", document["id"])
                contacts = await store.contacts(call_id=document["id"])
                await store.save_call(closed_late(document, restarted, contacts))
        for contact in await store.contacts(most=RECORDS_LOOKED_AT):
            if contact["ended"] is None and datetime.fromisoformat(contact["began"]) < restarted:
                await store.save_contact(contact_closed_late(contact))


def remember(exchange: Exchange, records: Iterable[dict[str, Any]], restarted: datetime) -> None:
    """`records` newest first. One that was open when an engine died had a caller who may dial again (RT12)."""
    now, utc = exchange.rooms.clock.monotonic(), exchange.rooms.clock.utc()
    for record in reversed(list(records)):
        caller = plain_phone(record.get("caller") or "")
        if datetime.fromisoformat(record["started"]) >= restarted:
            continue
        for number, handoff in enumerate(record.get("handoffs") or (), 1):
            at = now - (utc - datetime.fromisoformat(handoff["started"])).total_seconds()
            if handoff.get("agent"):
                exchange.agents.remember_agent(caller, handoff["agent"], at)
            elif at <= now and (lost := _cut_off(record, handoff, restarted)) is not None:
                since = now - (utc - lost).total_seconds()
                exchange.agents.remember_place(f"{record['id']}-h{number}", caller, handoff["queue"], at, since)


def _cut_off(record: dict[str, Any], handoff: dict[str, Any], restarted: datetime) -> datetime | None:
    """When the engine that was killed is known to have been: by this start, or by an earlier one."""
    if record["ended"] is None and not handoff.get("outcome"):
        return restarted
    earlier = handoff.get("cut_off")
    return datetime.fromisoformat(earlier) if earlier else None
