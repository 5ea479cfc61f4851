"""One durable document per call. The document is JSON; what is searched by is a column beside it."""

from __future__ import annotations

import json
from typing import Any

from sqlite_utils import Database

from ivr.store.sqlite_connection import row, rows, unit_of_work

SAVE = "INSERT OR REPLACE INTO calls (id, started, ended, caller, document) VALUES (?, ?, ?, ?, ?)"
"""Written out: a busy hour saves many calls a second, and looking at the table before each takes twice as long."""


def save_call(db: Database, record: dict[str, Any]) -> None:
    """Insert or replace by id."""
    columns = [_text(record.get(name)) for name in ("id", "started", "ended", "caller")]
    document = to_json(record)
    with unit_of_work(db):
        db.execute(SAVE, [*columns, document])


def read_call(db: Database, call_id: str) -> dict[str, Any] | None:
    """``last`` is the newest that has ended."""
    if call_id == "last":
        newest = "ORDER BY ended DESC, started DESC, rowid DESC LIMIT 1"
        found = row(db, f"SELECT document FROM calls WHERE ended IS NOT NULL {newest}")
    else:
        found = row(db, "SELECT document FROM calls WHERE id = ?", _text(call_id))
    return json.loads(found["document"]) if found else None


def read_calls(db: Database, most: int) -> list[dict[str, Any]]:
    """Newest first."""
    found = rows(db, "SELECT document FROM calls ORDER BY started DESC, rowid DESC LIMIT ?", max(most, 0))
    return [json.loads(one["document"]) for one in found]


def to_json(document: object) -> str:
    """ASCII only, so that no odd character of a stranger's SIP header stops a record. Times become ISO 8601."""
    return json.dumps(document, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, set | frozenset | tuple):
        return sorted(map(str, value))
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _text(value: object) -> str | None:
    """For a column; SQLite takes no lone surrogates. Nothing and the empty text are both NULL."""
    if value is None or value == "":
        return None
    return str(_plain(value)).encode("utf-8", "replace").decode()
