"""Any database SQLAlchemy knows, read only."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from ivr.config.connectors import Answered, Connector
from ivr.errors import IvrError
from ivr.store.connector_contract import ConnectorDown, ConnectorSlow, from_environment
from ivr.store.connector_threads import Threads
from ivr.store.replies import MOST_ROWS, Reply

try:
    import sqlalchemy
    from sqlalchemy import exc
except ImportError as missing:
    raise IvrError(
        "a connector of kind sql needs SQLAlchemy; install it with: pip install 'ivr[sql]'"
    ) from missing

READ_ONLY = {
    "postgresql": ("SET TRANSACTION READ ONLY", "SET LOCAL statement_timeout = {ms}"),
    "mysql": ("SET SESSION MAX_EXECUTION_TIME = {ms}", "START TRANSACTION READ ONLY"),
    "mariadb": ("SET SESSION max_statement_time = {seconds}", "START TRANSACTION READ ONLY"),
    "oracle": ("SET TRANSACTION READ ONLY",),
    "sqlite": ("PRAGMA query_only = ON",),
}
"""What makes a transaction one that cannot write and does not outlive its limit, where the database can be told.

Whatever the database, only one SELECT is accepted in connectors.yaml, and the transaction is rolled back. The
user in the URL should have no right to write all the same.
"""
SQLITE_STEPS = 1000
"""Steps of SQLite's machine between two looks at the clock; some 10 µs."""


class SqlAdapter:
    """One database, with a small pool of connections and as many threads."""

    def __init__(self, connector: Connector) -> None:
        self.connector = connector
        self._threads = Threads(connector.name, connector.at_once)
        self._engine: Any = None
        self._making = threading.Lock()

    async def ask(self, answered: Answered, values: Mapping[str, object], key: str, limit: float) -> Reply:
        deadline = time.monotonic() + limit
        rows = await self._threads.run(lambda: self._read(answered, dict(values), deadline))
        return Reply(rows, table=True)

    async def close(self) -> None:
        self._threads.close()
        if self._engine is not None:
            self._engine.dispose()

    # --- in a thread --------------------------------------------------------------------------------

    def _read(self, answered: Answered, values: dict[str, object], deadline: float) -> list[dict[str, object]]:
        left = deadline - time.monotonic()
        if left <= 0:
            raise ConnectorSlow("no connection was free in time")
        try:
            with self._connected().connect() as connection:
                self._limit(connection, left, deadline)
                statement = sqlalchemy.text(answered.read.rstrip("; \n"))
                dialect = connection.dialect.name
                wanted = {name: _parameter(values.get(name), dialect) for name in statement.compile().params}
                found = connection.execute(statement, wanted)
                rows = [dict(row) for row in found.mappings().fetchmany(MOST_ROWS)]
                connection.rollback()
                return rows
        except (exc.SQLAlchemyError, OSError) as error:
            if time.monotonic() >= deadline:
                raise ConnectorSlow("the database did not answer in time") from None
            # The chained error quotes the statement's parameters, which may be secret.
            raise ConnectorDown(f"{type(error).__name__} from the database") from None

    def _connected(self) -> Any:
        """Made at first use: the driver may be missing, the variable unset."""
        with self._making:
            return self._made()

    def _made(self) -> Any:
        if self._engine is None:
            connector = self.connector
            url = from_environment(connector.url_from) if connector.url_from else connector.url
            try:
                self._engine = sqlalchemy.create_engine(
                    url,
                    pool_size=connector.at_once,
                    max_overflow=0,
                    pool_pre_ping=True,
                    pool_timeout=connector.limit,
                    hide_parameters=True,
                )
            except ImportError as error:
                raise ConnectorDown(f"the database's driver is missing: {error}; install it with pip") from None
        return self._engine

    def _limit(self, connection: Any, left: float, deadline: float) -> None:
        kind = connection.dialect.name
        if kind == "sqlite":
            raw = connection.connection.driver_connection
            raw.set_progress_handler(lambda: time.monotonic() >= deadline, SQLITE_STEPS)
        for statement in READ_ONLY.get(kind, ()):
            text = statement.format(ms=max(1, round(left * 1000)), seconds=round(left, 3))
            connection.execute(sqlalchemy.text(text))


def _parameter(value: object, dialect: str) -> object:
    """Amounts and days as what they are, so that a statement can reckon with them; SQLite has no such types, and
    compares their text by the column's affinity."""
    if dialect != "sqlite":
        return value
    if isinstance(value, date):
        return value.isoformat()
    return f"{value:f}" if isinstance(value, Decimal) else value
