"""Promises to call back, and what agents were doing when the engine stopped."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from ivr.store.contracts import Callback
from ivr.store.sqlite_connection import rows, unit_of_work
from ivr.store.sqlite_customers import utc_text
from ivr.store.sqlite_records import to_json


def note_callback(db: Database, callback: Callback) -> None:
    """One visit promises one number one call: the same again replaces it, with the newer reason and data."""
    columns = {
        name: _clean(getattr(callback, name)) for name in ("number", "queue", "reason", "call_id", "ticket")
    }
    data = to_json(callback.attached_data)
    with unit_of_work(db):
        if callback.call_id:
            db.execute(
                "DELETE FROM callbacks WHERE call_id = ? AND number = ? AND queue = ?",
                [columns["call_id"], columns["number"], columns["queue"]],
            )
        db.table("callbacks").insert({**columns, "attached_data": data, "noted": utc_text(callback.noted)})


def read_callbacks(db: Database) -> list[Callback]:
    """Oldest first: the order in which they are due."""
    all_ = "SELECT c.*, p.place FROM callbacks c LEFT JOIN callback_places p ON p.ticket = c.ticket AND c.ticket"
    return [_callback(one) for one in rows(db, f"{all_} <> '' ORDER BY c.noted, c.id")]


def _callback(row: dict[str, Any]) -> Callback:
    place = json.loads(row["place"] or "{}")
    return Callback(
        number=row["number"],
        queue=row["queue"],
        reason=row["reason"],
        call_id=row["call_id"],
        attached_data=json.loads(row["attached_data"]),
        noted=datetime.fromisoformat(row["noted"]),
        ticket=row["ticket"],
        tries=int(place.get("tries") or 0),
        not_before=_moment(place.get("not_before")),
        outcome=row["outcome"],
        over=_moment(row["over"]),
    )


def finish_callbacks(db: Database, outcome: str, now: datetime, *, call_id: str = "", ticket: str = "") -> int:
    """Of a ticket; or of a call, and then only what people are to ring. How many were open."""
    with unit_of_work(db):
        if ticket:
            return close_callbacks(db, outcome, now, "ticket = ?", ticket)
        return close_callbacks(db, outcome, now, "ticket = '' AND call_id = ?", call_id)


def close_callbacks(db: Database, outcome: str, now: datetime, which: str, value: str) -> int:
    """Inside a unit of work. `which` is a condition of ours with one place for `value`."""
    change = f"UPDATE callbacks SET outcome = ?, over = ? WHERE outcome = '' AND {which}"
    return int(db.execute(change, [outcome, utc_text(now), value]).rowcount)


def save_agent_state(db: Database, agent: str, state: dict[str, Any], now: datetime) -> None:
    with unit_of_work(db):
        db.table("agent_states").insert(
            {"agent": _clean(agent), "state": to_json(state), "saved": utc_text(now)}, pk="agent", replace=True
        )


def read_agent_states(db: Database) -> dict[str, dict[str, Any]]:
    return {
        one["agent"]: json.loads(one["state"]) for one in rows(db, "SELECT * FROM agent_states ORDER BY agent")
    }


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
