"""Contact records, and where agents' desktops and supervisors want their events; documents are JSON."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal

from sqlite_utils import Database

from ivr.store.sqlite_connection import rows, unit_of_work
from ivr.store.sqlite_customers import utc_text
from ivr.store.sqlite_records import to_json


def save_contact(db: Database, contact: dict[str, Any]) -> None:
    """Insert or replace by id."""
    columns = {name: _clean(contact.get(name)) for name in ("id", "call_id", "account", "agent", "began")}
    with unit_of_work(db):
        db.table("contacts").insert({**columns, "document": to_json(contact)}, pk="id", replace=True)


def read_contacts(db: Database, call_id: str, account: str, most: int) -> list[dict[str, Any]]:
    """Newest first; an empty text asks for all."""
    found = rows(
        db,
        "SELECT document FROM contacts WHERE (? = '' OR call_id = ?) AND (? = '' OR account = ?)"
        " ORDER BY began DESC, rowid DESC LIMIT ?",
        _clean(call_id),
        _clean(call_id),
        _clean(account),
        _clean(account),
        max(most, 0),
    )
    return [json.loads(one["document"]) for one in found]


Watched = Literal["screens", "monitors"]
"""The table of agents' own desktops, and that of supervisors' feeds: one row a user in each."""


def save_screen(
    db: Database, user: str, screen: dict[str, Any] | None, now: datetime, table: Watched = "screens"
) -> None:
    """None forgets it."""
    with unit_of_work(db):
        if screen is None:
            db.execute(f"DELETE FROM {table} WHERE user = ?", [_clean(user)])
        else:
            row = {"user": _clean(user), "screen": to_json(screen), "saved": utc_text(now)}
            db.table(table).insert(row, pk="user", replace=True)


def read_screens(db: Database, table: Watched = "screens") -> dict[str, dict[str, Any]]:
    return {one["user"]: json.loads(one["screen"]) for one in rows(db, f"SELECT * FROM {table} ORDER BY user")}


def _clean(value: object) -> str:
    """For a column; SQLite takes no lone surrogates."""
    return str(value or "").encode("utf-8", "replace").decode()
