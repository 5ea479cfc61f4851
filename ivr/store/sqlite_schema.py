"""What is in the file, and how an older file becomes a newer one.

`PRAGMA user_version` counts the migrations a file has been through, `PRAGMA application_id` marks it as ours.
Money is whole hundredths of the currency, days are ISO 8601 dates, times are ISO 8601 in UTC.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from sqlite_utils import Database

from ivr.errors import StoreError

APPLICATION_ID = 0x49565231
"""``IVR1``."""


def _first(db: Database) -> None:
    db.table("meta").create({"name": str, "value": str}, pk="name", not_null={"value"})
    _customers(db)
    _money(db)
    _what_happened(db)


def _customers(db: Database) -> None:
    db.table("customers").create(
        {
            "account": str,
            "phone": str,
            "first_name": str,
            "last_name": str,
            "language": str,
            "amount_due": int,
            "due_date": str,
            "bill_amount": int,
            "bill_date": str,
            "method_name": str,
            "method_last4": str,
            "area": str,
            "notes": str,
            "pin_hash": str,
            "sample": int,
        },
        pk="account",
        not_null={"phone", "first_name", "last_name", "language", "amount_due", "pin_hash", "sample"},
    )
    db.table("customers").create_index(["phone"])
    # Apart from the customers and without a foreign key: numbers that are no account are counted too.
    db.table("pin_attempts").create(
        {"account": str, "failures": int, "locked_until": str, "tried": str},
        pk="account",
        not_null={"failures", "tried"},
    )
    db.table("outages").create(
        {"id": int, "area": str, "back_at": str, "zone": str, "sample": int},
        pk="id",
        not_null={"area", "back_at", "zone", "sample"},
    )
    db.table("outages").create_index(["area"])


def _money(db: Database) -> None:
    db.execute(
        "CREATE TABLE payments (id INTEGER PRIMARY KEY, account TEXT NOT NULL"
        " REFERENCES customers(account) ON DELETE CASCADE, paid_on TEXT NOT NULL, cents INTEGER NOT NULL,"
        " method_id TEXT, receipt TEXT UNIQUE, key TEXT UNIQUE, booked TEXT)"
    )
    db.table("payments").create_index(["account", "paid_on"])
    db.execute(
        "CREATE TABLE promises (id TEXT PRIMARY KEY, account TEXT NOT NULL"
        " REFERENCES customers(account) ON DELETE CASCADE, cents INTEGER NOT NULL, promise_date TEXT NOT NULL,"
        " key TEXT UNIQUE, noted TEXT NOT NULL)"
    )
    db.table("promises").create_index(["account"])


def _what_happened(db: Database) -> None:
    db.table("calls").create(
        {"id": str, "started": str, "ended": str, "caller": str, "document": str}, pk="id", not_null={"document"}
    )
    db.table("calls").create_index(["started"])
    db.table("calls").create_index(["ended"])
    db.table("calls").create_index(["caller"])
    db.table("callbacks").create(
        {
            "id": int,
            "number": str,
            "queue": str,
            "reason": str,
            "call_id": str,
            "attached_data": str,
            "noted": str,
        },
        pk="id",
        not_null={"number", "attached_data", "noted"},
    )
    db.table("agent_states").create({"agent": str, "state": str, "saved": str}, pk="agent", not_null={"state"})


def _contacts_and_screens(db: Database) -> None:
    db.table("contacts").create(
        {"id": str, "call_id": str, "account": str, "agent": str, "began": str, "document": str},
        pk="id",
        not_null={"call_id", "agent", "began", "document"},
    )
    db.table("contacts").create_index(["call_id"])
    db.table("contacts").create_index(["account", "began"])
    db.table("screens").create({"user": str, "screen": str, "saved": str}, pk="user", not_null={"screen"})


def _bindings(db: Database) -> None:
    db.table("bindings").create({"user": str, "bindings": str, "saved": str}, pk="user", not_null={"bindings"})


def _floor(db: Database) -> None:
    db.table("queue_days").create(
        {"day": str, "queue": str, "figures": str, "saved": str}, pk=("day", "queue"), not_null={"figures"}
    )
    db.table("callback_places").create(
        {"ticket": str, "place": str, "saved": str}, pk="ticket", not_null={"place"}
    )


def _monitors(db: Database) -> None:
    db.table("monitors").create({"user": str, "screen": str, "saved": str}, pk="user", not_null={"screen"})


def _watches(db: Database) -> None:
    db.table("watches").create({"user": str, "watches": str, "saved": str}, pk="user", not_null={"watches"})


def _callback_states(db: Database) -> None:
    """Promises of before have no ticket; those whose place is still kept get theirs, the others are for people."""
    for name in ("ticket", "outcome", "over"):
        db.execute(f"ALTER TABLE callbacks ADD COLUMN {name} TEXT NOT NULL DEFAULT ''")
    for ticket, text in db.execute("SELECT ticket, place FROM callback_places").fetchall():
        place = json.loads(text)
        whose = [str(place.get(name) or "") for name in ("call", "caller", "queue")]
        db.execute(
            "UPDATE callbacks SET ticket = ? WHERE call_id = ? AND number = ? AND queue = ?", [ticket, *whose]
        )


MIGRATIONS: tuple[Callable[[Database], None], ...] = (
    *(_first, _contacts_and_screens, _floor, _bindings, _monitors),
    _watches,
    _callback_states,
)
"""Append only: the place of a migration is the version it leads to."""


def version_of(db: Database, path: Path) -> int:
    """Migrations this file has been through; 0 for a new one. Raises StoreError if it is not ours or too new."""
    version, mark = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id"))
    if mark != APPLICATION_ID and (version or db.table_names()):
        raise StoreError(f"{path} is an SQLite file of another program; name another file with store.path")
    if version > len(MIGRATIONS):
        raise StoreError(
            f"the store {path} was written by a newer version (schema {version}, known up to {len(MIGRATIONS)}); "
            "install that version again, or name another file with store.path"
        )
    return int(version)


def migrate(db: Database, version: int) -> None:
    """From `version` to the newest; called inside a unit of work, so that it happens completely or not at all."""
    for number, migration in enumerate(MIGRATIONS[version:], version + 1):
        migration(db)
        db.execute(f"PRAGMA user_version={number}")
    db.execute(f"PRAGMA application_id={APPLICATION_ID}")
