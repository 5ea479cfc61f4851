"""One SQLite file, one connection, and the one thread that owns it.

Everything that touches the file is a function of a `Database` handed to this thread; functions that write open
a `unit_of_work` themselves. Another process may read and write the same file meanwhile: readers never wait
(write-ahead log), writers wait for each other for at most `BUSY_TIMEOUT`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlite_utils import Database

from ivr.errors import StoreError

log = logging.getLogger(__name__)
T = TypeVar("T")

BUSY_TIMEOUT = 3.0
"""Seconds to wait for another process's write; below the limit a menu gives a payment."""


class Connection:
    """The owner thread. Made by `open`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ivr-store")
        self._db: Database | None = None

    async def open(self, create: bool, prepare: Callable[[Database], None]) -> None:
        """Open the file and `prepare` it in the owner thread. Raises StoreError with path and remedy."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._open, create, prepare)
        except BaseException:
            self._thread.shutdown(wait=False)
            raise

    def _open(self, create: bool, prepare: Callable[[Database], None]) -> None:
        self._make_file(create)
        try:
            connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT)
            self._db = Database(connection, execute_plugins=False)
            self._set_pragmas(self._db)
            prepare(self._db)
        except sqlite3.Error as error:
            self._close()
            raise StoreError(f"the store {self.path} cannot be used: {error}; {_remedy(error)}") from error
        except BaseException:
            self._close()
            raise

    def _make_file(self, create: bool) -> None:
        """An empty file that only its owner may read: it will hold people's data and PIN hashes."""
        if not create and not self.path.exists():
            raise StoreError(
                f"there is no store at {self.path}; `ivr serve` makes it, or name another with store.path"
            )
        try:
            if create:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | (os.O_CREAT if create else 0) | os.O_CLOEXEC, 0o600))
        except OSError as error:
            reason = error.strerror or str(error)
            raise StoreError(
                f"the store {self.path} cannot be opened for writing: {reason}; "
                "make the file and its folder writable, or name another file with store.path"
            ) from error

    def _set_pragmas(self, db: Database) -> None:
        _write_ahead(db)
        db.execute("PRAGMA synchronous=FULL")  # a commit is on disk when it returns, not only in the log's buffer
        db.execute("PRAGMA foreign_keys=ON")

    async def run(self, work: Callable[[Database], T]) -> T:
        """`work(db)` in the owner thread. Raises StoreError when the file does not answer."""
        try:
            return await asyncio.wrap_future(self.submit(work))
        except sqlite3.Error as error:
            raise StoreError(f"the store {self.path} did not answer: {error}; {_remedy(error)}") from error

    def submit(self, work: Callable[[Database], T]) -> Future[T]:
        """The same from a thread that is not the owner and may wait; sqlite3.Error comes as it is."""
        try:
            return self._thread.submit(self._with_db, work)
        except RuntimeError:
            raise StoreError(f"the store {self.path} is closed") from None

    def _with_db(self, work: Callable[[Database], T]) -> T:
        if self._db is None:
            raise StoreError(f"the store {self.path} is closed")
        return work(self._db)

    async def close(self) -> None:
        """Everything handed in before is done first. Harmless the second time."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        except RuntimeError:
            return
        self._thread.shutdown(wait=False)

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


@contextmanager
def unit_of_work(db: Database) -> Iterator[Database]:
    """All or nothing, and on disk when it is left.

    IMMEDIATE, because a transaction that reads first and then wants to write is refused at once, without
    waiting, when another process has written in between (https://sqlite.org/lang_transaction.html).
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
    except BaseException:
        db.rollback()
        raise
    try:
        db.execute("COMMIT")
    except BaseException:
        db.rollback()
        raise


def rows(db: Database, sql: str, *values: Any) -> list[dict[str, Any]]:
    """All rows at once: a cursor left open would hold its snapshot and keep the log from being checkpointed."""
    return list(db.query(sql, list(values)))


def row(db: Database, sql: str, *values: Any) -> dict[str, Any] | None:
    return next(iter(rows(db, sql, *values)), None)


def _write_ahead(db: Database) -> None:
    """Two processes that make the same file at once may refuse each other this change without waiting."""
    pause = threading.Event()
    for attempt in range(60):
        try:
            db.execute("PRAGMA journal_mode=WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or attempt == 59:
                raise
            pause.wait(0.05)


def _remedy(error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text or "busy" in text:
        return "another program holds it; end that program or try again"
    if "full" in text:
        return "the disk is full; make room"
    if "readonly" in text or "unable to open" in text:
        return "make the file and its folder writable, or name another file with store.path"
    return (
        "move it away (a fresh one is made at the next start), restore a backup, or name another with store.path"
    )
