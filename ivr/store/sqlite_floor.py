"""What the floor wants to know after a restart: the day's figures of each queue, and places of callbacks."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from ivr.store.sqlite_callbacks import close_callbacks
from ivr.store.sqlite_connection import rows, unit_of_work
from ivr.store.sqlite_customers import utc_text
from ivr.store.sqlite_records import to_json


def save_queue_days(db: Database, day: str, figures: dict[str, dict[str, Any]], now: datetime) -> None:
    """The sums of one day so far, by queue; what was there of these queues is replaced."""
    with unit_of_work(db):
        for queue, document in figures.items():
            columns = {"day": day, "queue": queue, "figures": to_json(document), "saved": utc_text(now)}
            db.table("queue_days").insert(columns, pk=("day", "queue"), replace=True)


def read_queue_days(db: Database, first: str, last: str) -> dict[str, dict[str, dict[str, Any]]]:
    """By day, then by queue; both days are included."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for one in rows(db, "SELECT * FROM queue_days WHERE day BETWEEN ? AND ? ORDER BY day, queue", first, last):
        found.setdefault(one["day"], {})[one["queue"]] = json.loads(one["figures"])
    return found


def save_callback_place(
    db: Database, ticket: str, document: dict[str, Any] | None, now: datetime, outcome: str = ""
) -> None:
    with unit_of_work(db):
        if document is None:
            db.execute("DELETE FROM callback_places WHERE ticket = ?", [ticket])
            if outcome:
                close_callbacks(db, outcome, now, "ticket = ?", ticket)
            return
        columns = {"ticket": ticket, "place": to_json(document), "saved": utc_text(now)}
        db.table("callback_places").insert(columns, pk="ticket", replace=True)


def read_callback_places(db: Database) -> dict[str, dict[str, Any]]:
    return {
        one["ticket"]: json.loads(one["place"])
        for one in rows(db, "SELECT * FROM callback_places ORDER BY saved, ticket")
    }
