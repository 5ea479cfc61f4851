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
    columns = {name: _clean(getattr(callback, name)) for name in ("number", "queue", "reason", "call_id")}
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
    return [
        Callback(
            number=one["number"],
            queue=one["queue"],
            reason=one["reason"],
            call_id=one["call_id"],
            attached_data=json.loads(one["attached_data"]),
            noted=datetime.fromisoformat(one["noted"]),
        )
        for one in rows(db, "SELECT * FROM callbacks ORDER BY noted, id")
    ]


def save_agent_state(db: Database, agent: str, state: dict[str, Any], now: datetime) -> None:
    with unit_of_work(db):
        db.table("agent_states").insert(
            {"agent": _clean(agent), "state": to_json(state), "saved": utc_text(now)}, pk="agent", replace=True
        )


def read_agent_states(db: Database) -> dict[str, dict[str, Any]]:
    return {
        one["agent"]: json.loads(one["state"]) for one in rows(db, "SELECT * FROM agent_states ORDER BY agent")
    }


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
