"""Where telephones are registered, and which watch whom: one row a user."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from ivr.store.sqlite_connection import rows, unit_of_work
from ivr.store.sqlite_customers import utc_text
from ivr.store.sqlite_records import to_json


def save_bindings(
    db: Database, user: str, bindings: list[dict[str, Any]], now: datetime, table: str = "bindings"
) -> None:
    """All of a user's; none takes the row away. The column has the name of the table."""
    name = user.encode("utf-8", "replace").decode()
    with unit_of_work(db):
        if bindings:
            document = {"user": name, table: to_json(bindings), "saved": utc_text(now)}
            db.table(table).insert(document, pk="user", replace=True)
        else:
            db.execute(f"DELETE FROM [{table}] WHERE user = ?", [name])


def read_bindings(db: Database, table: str = "bindings") -> dict[str, list[dict[str, Any]]]:
    return {one["user"]: json.loads(one[table]) for one in rows(db, f"SELECT * FROM [{table}] ORDER BY user")}
