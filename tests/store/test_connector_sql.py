"""A database of somebody else's, asked through SQLAlchemy."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio

from ivr.config.connectors import Answered, Breaking, Connector, Taken
from ivr.store.connector_pool import ConnectorPool

READ = "SELECT due, due_on FROM bills WHERE account = :account"
GIVES = (Taken("amount_due", ("due",), "money"), Taken("due_date", ("due_on",), "date"))
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS due FROM n"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "bills.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE bills (account TEXT, due NUMERIC, due_on TEXT)")
        db.executemany(
            "INSERT INTO bills VALUES (?, ?, ?)",
            [("4000000002", 84.2, "2026-12-04"), ("7", 1, None), ("7", 2, None)],
        )
    db.close()
    return path


@pytest_asyncio.fixture
async def pool():
    made = ConnectorPool()
    yield made
    await made.close()


def asked(database: Path, read: str = READ, **more: object) -> Answered:
    connector = Connector("bills", "sql", url=f"sqlite:///{database}", at_once=2, breaking=Breaking(100))
    return Answered("balance", connector, read=read, gives=GIVES, **more)  # type: ignore[arg-type]


async def test_a_row_becomes_the_values_of_the_menu(pool: ConnectorPool, database: Path) -> None:
    result = await pool.look_up(asked(database), {"account": "4000000002"}, limit=5)
    assert result.outcome == "ok"
    assert result.values == {"amount_due": Decimal("84.2"), "due_date": date(2026, 12, 4)}


async def test_no_row_is_nobody_and_two_are_too_where_only_one_is_meant(
    pool: ConnectorPool, database: Path
) -> None:
    assert (await pool.look_up(asked(database), {"account": "1"}, limit=5)).outcome == "not_found"
    assert (await pool.look_up(asked(database), {"account": "7"}, limit=5)).outcome == "ok"
    assert (await pool.look_up(asked(database, only_one=True), {"account": "7"}, limit=5)).outcome == "not_found"


async def test_what_a_caller_types_is_a_parameter_and_never_sql(pool: ConnectorPool, database: Path) -> None:
    for value in ("' OR 1=1 --", "4000000002' --", "%", "x; DROP TABLE bills"):
        assert (await pool.look_up(asked(database), {"account": value}, limit=5)).outcome == "not_found"
    assert (await pool.look_up(asked(database), {"account": "4000000002"}, limit=5)).outcome == "ok"


async def test_days_and_amounts_can_be_parameters(pool: ConnectorPool, database: Path) -> None:
    read = "SELECT due, due_on FROM bills WHERE due_on = :day AND due = :amount + 0"
    values = {"day": date(2026, 12, 4), "amount": Decimal("84.20")}
    assert (await pool.look_up(asked(database, read), values, limit=5)).outcome == "ok"


async def test_a_statement_that_writes_is_stopped_by_the_database(pool: ConnectorPool, database: Path) -> None:
    sneaky = "WITH x AS (SELECT 1) DELETE FROM bills WHERE account = :account"
    assert (await pool.look_up(asked(database, sneaky), {"account": "7"}, limit=5)).outcome == "down"
    with sqlite3.connect(database) as db:
        assert db.execute("SELECT count(*) FROM bills").fetchone() == (3,)
    db.close()


async def test_a_statement_without_end_is_slow_ends_and_gives_its_thread_back(
    pool: ConnectorPool, database: Path
) -> None:
    endless = asked(database, ENDLESS)
    results = await asyncio.gather(*(pool.look_up(endless, {}, limit=0.3) for _ in range(4)))
    assert [result.outcome for result in results] == ["slow"] * 4
    other = Answered("balance", endless.connector, read=READ, gives=GIVES)
    assert (await pool.look_up(other, {"account": "4000000002"}, limit=5)).outcome == "ok"


async def test_the_loop_goes_on_while_a_database_is_asked(pool: ConnectorPool, database: Path) -> None:
    pool.prepare(asked(database).connector)
    turns = 0
    waiting = asyncio.create_task(pool.look_up(asked(database, ENDLESS), {}, limit=0.3))
    while not waiting.done():
        turns += 1
        await asyncio.sleep(0.01)
    assert turns > 5


async def test_a_database_that_is_not_there_is_down_and_no_value_is_logged(
    pool: ConnectorPool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    nowhere = asked(tmp_path / "not" / "there.db")
    assert (await pool.look_up(nowhere, {"account": "4000000002"}, limit=5)).outcome == "down"
    assert "connector_failed connector=bills outcome=down why='OperationalError from the database'" in caplog.text
    assert "4000000002" not in caplog.text


async def test_the_address_can_come_from_the_environment(
    pool: ConnectorPool, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLS_URL", f"sqlite:///{database}")
    by = Answered("balance", Connector("bills", "sql", url_from="BILLS_URL"), read=READ, gives=GIVES)
    assert (await pool.look_up(by, {"account": "4000000002"}, limit=5)).outcome == "ok"
