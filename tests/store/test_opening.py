from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import stat
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from ivr.errors import StoreError
from ivr.store import sqlite_schema
from ivr.store.sqlite import SqliteStore
from ivr.store.sqlite_connection import BUSY_TIMEOUT
from ivr.store.sqlite_schema import APPLICATION_ID, MIGRATIONS

ROOT = Path(__file__).parents[2]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


def tear(path: Path) -> None:
    """Two pages as they were, then nothing but noughts: what a lost disk block looks like."""
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\x00" * (len(whole) - 8192))


async def test_a_missing_file_is_made_with_the_samples_for_its_owner_only(store: SqliteStore, path: Path) -> None:
    assert len(await store.customers()) == 34
    assert mode(path) == 0o600
    with sqlite3.connect(path) as other:
        assert other.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


async def test_what_is_there_is_kept_at_the_next_start(store: SqliteStore, path: Path, clock: Any) -> None:
    await store.unlock("4000000036")
    await store.close()
    clock.advance(days=30)
    again = await SqliteStore.open(path, clock=clock)
    customer = await again.customer("4000000036")
    assert customer is not None and customer.locked_until is None
    assert str(customer.due_date) == "2026-12-12"  # counted from the first start, not from this one
    await again.close()


async def test_an_empty_file_becomes_a_store(tmp_path: Path, hasher: Any) -> None:
    (tmp_path / "ivr.db").touch()
    store = await SqliteStore.open(tmp_path / "ivr.db", hasher=hasher)
    assert len(await store.customers()) == 34
    await store.close()


async def test_a_missing_file_is_an_error_where_none_is_to_be_made(path: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no store at .*ivr\.db; `ivr serve` makes it"):
        await SqliteStore.open(path, create=False)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "content", [b"not a database, by no means" * 100, b"SQLite format 3\x00" + b"\xff" * 4096]
)
async def test_a_file_of_something_else_is_named_with_the_remedy(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ivr.db"
    path.write_bytes(content)
    with pytest.raises(StoreError) as caught:
        await SqliteStore.open(path)
    assert str(caught.value).startswith(f"the store {path} cannot be used: ")
    assert str(caught.value).endswith("or name another with store.path")
    assert path.read_bytes() == content


async def test_a_torn_file_is_found_at_the_start(store: SqliteStore, path: Path) -> None:
    await store.close()
    tear(path)
    with pytest.raises(StoreError, match=r"cannot be used: .*move it away"):
        await SqliteStore.open(path)


async def test_damage_that_shows_itself_later_is_down_and_not_an_exception(
    store: SqliteStore, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with sqlite3.connect(path) as other:
        other.execute("ALTER TABLE customers RENAME TO gone")
    assert (await store.look_up("balance", {"account": "4000000002"})).outcome == "down"
    assert (await store.look_up("check_pin", {"account": "4000000002", "pin": "2580"})).outcome == "down"
    assert "lookup_down name=balance" in caplog.text and "2580" not in caplog.text
    with pytest.raises(StoreError, match=f"the store {path} did not answer: no such table: customers"):
        await store.customers()


async def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs (x)")
    with pytest.raises(StoreError, match=r"other\.db is an SQLite file of another program"):
        await SqliteStore.open(path)


async def test_a_file_of_a_newer_version_is_left_alone(store: SqliteStore, path: Path) -> None:
    await store.close()
    with sqlite3.connect(path) as other:
        other.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    with pytest.raises(StoreError, match="was written by a newer version"):
        await SqliteStore.open(path)


async def test_promises_of_an_older_file_find_the_places_that_are_kept_for_them(path: Path, hasher: Any) -> None:
    before = MIGRATIONS[:6]
    path.parent.mkdir(exist_ok=True)
    with sqlite3.connect(path) as other:
        db = Database(other)
        for migration in before:
            migration(db)
        db.execute(f"PRAGMA user_version={len(before)}")
        db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        for number in ("1", "2"):
            columns = {"number": f"+1555010{number}", "queue": "general", "call_id": f"call-{number}"}
            db.table("callbacks").insert(columns | {"attached_data": "{}", "noted": "2026-11-22T15:00:00+00:00"})
        place = json.dumps({"call": "call-2", "caller": "+15550102", "queue": "general", "tries": 1})
        db.execute("INSERT INTO callback_places (ticket, place) VALUES ('call-2-c1', ?)", [place])
    async with await SqliteStore.open(path, hasher=hasher) as store:
        found = [(one.call_id, one.ticket, one.tries, one.outcome) for one in await store.callbacks()]
    assert found == [("call-1", "", 0, ""), ("call-2", "call-2-c1", 1, "")]


async def test_an_older_file_is_brought_up_to_date_completely_or_not_at_all(
    store: SqliteStore, path: Path, hasher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def second(db: Any) -> None:
        db.table("customers").add_column("nickname", str)

    def third(db: Any) -> None:
        db.table("outages").add_column("cause", str)
        raise sqlite3.OperationalError("disk I/O error")

    def shape() -> tuple[int, bool, bool]:
        with sqlite3.connect(path) as other:
            text = str(other.execute("SELECT group_concat(sql) FROM sqlite_master").fetchone())
            return other.execute("PRAGMA user_version").fetchone()[0], "nickname" in text, "cause" in text

    await store.close()
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", (*MIGRATIONS, second, third))
    with pytest.raises(StoreError, match="disk I/O error"):
        await SqliteStore.open(path, hasher=hasher)
    assert shape() == (len(MIGRATIONS), False, False)
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", (*MIGRATIONS, second))
    for _ in range(2):
        newer = await SqliteStore.open(path, hasher=hasher)
        assert shape() == (len(MIGRATIONS) + 1, True, False)
        assert (await newer.look_up("find_account", {"account": "4000000002"})).values == {"first_name": "Maria"}
        await newer.close()


async def test_amounts_do_not_change_their_currency(store: SqliteStore, path: Path) -> None:
    await store.close()
    with pytest.raises(StoreError, match=r"holds USD, but store\.currency is EUR; set store\.currency to USD"):
        await SqliteStore.open(path, currency="EUR")


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    path = (Path("/sys") if os.geteuid() == 0 else folder) / "ivr.db"  # root writes into any folder of its own
    with pytest.raises(StoreError) as caught:
        await SqliteStore.open(path)
    assert str(caught.value).startswith(f"the store {path} cannot be opened for writing: ")
    assert "make the file and its folder writable, or name another file with store.path" in str(caught.value)


async def test_a_folder_in_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot be opened for writing: Is a directory"):
        await SqliteStore.open(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file/ivr\.db cannot be opened for writing: "):
        await SqliteStore.open(tmp_path / "file" / "ivr.db")


async def test_another_process_writes_while_the_store_is_open(store: SqliteStore, path: Path) -> None:
    script = """
import asyncio, sys
from pathlib import Path
from ivr.store.sqlite import SqliteStore

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]), create=False)
    for number in range(20):
        await store.save_call({"id": f"theirs-{number}", "started": "2026-11-22T15:00:00Z"})
    print(await store.unlock("4000000036"))
    await store.close()

asyncio.run(main())
"""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        str(path),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    wait = asyncio.ensure_future(child.communicate())
    written = 0
    while not wait.done():
        await store.save_call({"id": f"ours-{written}", "started": "2026-11-22T15:00:00Z"})
        written += 1
    assert (await wait)[0].strip() == b"True"
    ids = {record["id"] for record in await store.calls(100_000)}
    assert ids == {f"theirs-{n}" for n in range(20)} | {f"ours-{n}" for n in range(written)}
    assert (await store.customer("4000000036")).locked_until is None  # type: ignore[union-attr]


async def test_processes_that_make_the_same_file_at_once_make_it_once(path: Path, hasher: Any) -> None:
    stores = await asyncio.gather(*(SqliteStore.open(path, hasher=hasher) for _ in range(5)))
    for store in stores:
        assert len(await store.customers()) == 34
        assert len(await store.payments("4000000002")) == 3
    for store in stores:
        await store.close()


async def test_a_writer_that_does_not_let_go_makes_the_store_down_not_stuck(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert BUSY_TIMEOUT < 8  # the sample menu gives a payment eight seconds
    await store._connection.run(lambda db: db.execute("PRAGMA busy_timeout=20"))
    values = {"account": "4000000002", "pay_amount": Decimal("1.00"), "method_id": "4000000002-bank-account-4417"}
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert (await store.look_up("pay", values, key="k")).outcome == "down"
        assert (await store.look_up("balance", {"account": "4000000002"})).outcome == "ok"  # readers never wait
        with pytest.raises(StoreError, match="another program holds it; end that program or try again"):
            await store.save_call({"id": "x"})
        other.execute("ROLLBACK")
    assert (await store.look_up("pay", values, key="k")).outcome == "ok"
    other.close()


async def test_closing_twice_is_harmless(store: SqliteStore) -> None:
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="is closed"):
        await store.calls()
