from __future__ import annotations

import sqlite3
from typing import Any

from ivr.store import sqlite_schema
from ivr.store.sqlite import SqliteStore
from ivr.store.sqlite_schema import MIGRATIONS


def contact(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"call-{number}-h1.1",
        "call_id": f"call-{number}",
        "account": "4000000002",
        "agent": "desk1",
        "began": f"2026-11-22T15:{number:02d}:00+00:00",
        "notes": [],
        **more,
    }


async def test_contacts_are_found_by_call_and_by_account_newest_first(store: SqliteStore) -> None:
    first, second = contact(1), contact(2, agent="desk2")
    unknown, moved = contact(3, account=None), contact(1, id="call-1-h1.2", agent="desk2")
    for one in (second, first, unknown, moved):
        await store.save_contact(one)
    assert await store.contacts(account="4000000002") == [second, moved, first]
    assert await store.contacts(call_id="call-1") == [moved, first]
    assert await store.contacts(call_id="call-1", account="4000000010") == []
    assert await store.contacts(most=1) == [unknown]


async def test_a_contact_saved_again_is_the_same_contact(store: SqliteStore) -> None:
    await store.save_contact(contact(1))
    await store.save_contact(contact(1, notes=[{"text": "\ud800 wants a paper bill"}]))
    assert [one["notes"] for one in await store.contacts()] == [[{"text": "\ud800 wants a paper bill"}]]


async def test_screens_outlive_the_process_until_they_are_forgotten(
    store: SqliteStore, path: Any, hasher: Any
) -> None:
    screen = {"app_url": "http://127.0.0.1:9/event", "app_id": "A", "workcenter": ""}
    await store.save_screen("desk1", screen)
    await store.save_screen("desk2", screen)
    await store.save_screen("desk2", None)
    await store.save_monitor("desk2", screen)
    await store.save_monitor("desk1", screen)
    await store.save_monitor("desk1", None)
    await store.close()
    again = await SqliteStore.open(path, hasher=hasher)
    assert (await again.screens(), await again.monitors()) == ({"desk1": screen}, {"desk2": screen})
    await again.close()


async def test_a_store_of_before_gets_the_new_tables_and_keeps_its_customers(
    path: Any, hasher: Any, clock: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", MIGRATIONS[:1])
    older = await SqliteStore.open(path, hasher=hasher, clock=clock)
    await older.close()
    with sqlite3.connect(path) as file:
        assert not file.execute("SELECT name FROM sqlite_master WHERE name = 'contacts'").fetchall()
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", MIGRATIONS)
    newer = await SqliteStore.open(path, hasher=hasher, clock=clock)
    await newer.save_contact(contact(1))
    assert await newer.contacts(call_id="call-1") == [contact(1)]
    assert await newer.customer("4000000002") is not None
    await newer.close()
