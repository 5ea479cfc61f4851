"""Proving a PIN against the file: argon2id hashes, and every failure on disk before the answer is given.

A known and an unknown account cost the same: one read, one hash, one durable write; and they answer in the same
shape. Otherwise a stranger with a telephone could find out which accounts exist.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlite_utils import Database

from ivr.clock import Clock
from ivr.errors import StoreError
from ivr.store.contracts import LookupResult
from ivr.store.numbers import is_account
from ivr.store.pins import Attempts, attempt, is_pin
from ivr.store.sqlite_connection import Connection, row, unit_of_work
from ivr.store.sqlite_customers import utc_text

log = logging.getLogger(__name__)

HASH_THREADS = 2
"""Hashes at once. Bounds memory (19 MiB each) and leaves other look-ups their thread."""
MOST_IMPORT_THREADS = 32
"""At an import; 600 MiB together."""
MOST_STRANGERS = 10_000
"""Numbers without an account whose failures are remembered; the oldest are forgotten first."""


@dataclass(frozen=True)
class PinHasher:
    """argon2id (RFC 9106), by default with the memory OWASP asks for and one pass more: some 40 ms a hash.

    Four digits fall to anybody who has the file, whatever the hash: it is readable by its owner only.
    """

    time_cost: int = 3
    memory: int = 19_456
    """KiB."""

    @cached_property
    def _hasher(self) -> PasswordHasher:
        return PasswordHasher(time_cost=self.time_cost, memory_cost=self.memory, parallelism=1)

    @cached_property
    def dummy(self) -> str:
        """Hash of a PIN nobody knows, to spend the time of a real one on."""
        return self.hash(secrets.token_hex(16))

    def hash(self, pin: str) -> str:
        return self._hasher.hash(pin)

    def verify(self, pin_hash: str, pin: str) -> bool:
        """Costs the same whether right or wrong. A damaged hash fits no PIN."""
        try:
            return self._hasher.verify(pin_hash, pin)
        except (VerificationError, InvalidHashError):
            return False

    def outdated(self, pin_hash: str) -> bool:
        """Whether it was made with other costs than today's."""
        return self._hasher.check_needs_rehash(pin_hash)


def import_threads() -> int:
    """One for every processor this process may use."""
    return min(MOST_IMPORT_THREADS, len(os.sched_getaffinity(0)))


@dataclass
class PinCheck:
    """The look-up ``check_pin``, in threads of its own, so that a hash delays nobody's balance."""

    connection: Connection
    clock: Clock
    hasher: PinHasher
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(HASH_THREADS, thread_name_prefix="ivr-pin"), repr=False
    )

    async def check(self, values: Mapping[str, object]) -> LookupResult:
        """One attempt. A caller who hangs up meanwhile takes no failure back: a thread runs to its end."""
        account, pin = values.get("account"), values.get("pin")
        loop = asyncio.get_running_loop()
        try:
            attempt_made = loop.run_in_executor(self.threads, self._check, account, pin)
        except RuntimeError:
            raise StoreError("the store is closed") from None
        return await attempt_made

    def _check(self, account: object, pin: object) -> LookupResult:
        number = account if isinstance(account, str) and is_account(account) else ""
        stored = self.connection.submit(lambda db: _stored_hash(db, number)).result()
        right = self.hasher.verify(
            stored or self.hasher.dummy, pin if isinstance(pin, str) and is_pin(pin) else "-"
        )
        right = right and stored is not None
        new_hash = self.hasher.hash(str(pin)) if right and self.hasher.outdated(stored or "") else ""
        now = self.clock.utc()
        let_in, after = self.connection.submit(lambda db: _attempt(db, number, right, new_hash, now)).result()
        if after.locked:
            log.warning("pin_locked account=%s until=%s", number, after.locked_until)
        # A number that cannot be an account is in no table and shows no lock; no existing account is like that.
        shown = {"tries_left": str(after.tries_left), "locked": after.locked}
        if let_in:
            return LookupResult("ok", shown)
        return LookupResult("not_found" if stored is None else "refused", shown)

    async def hashes(self, pins: list[str]) -> list[str]:
        """Hash many, with every processor of this machine: argon2 lets other threads run meanwhile."""
        loop = asyncio.get_running_loop()
        made = [loop.run_in_executor(self.many, self.hasher.hash, pin) for pin in pins]
        return list(await asyncio.gather(*made))

    @cached_property
    def many(self) -> ThreadPoolExecutor:
        """For imports only: made when first asked for."""
        return ThreadPoolExecutor(import_threads(), thread_name_prefix="ivr-import")

    async def close(self) -> None:
        """Attempts under way are finished first."""
        await asyncio.to_thread(self.threads.shutdown, True)
        if "many" in self.__dict__:
            await asyncio.to_thread(self.many.shutdown, True)


def _stored_hash(db: Database, account: str) -> str | None:
    found = row(db, "SELECT pin_hash FROM customers WHERE account = ?", account)
    return found["pin_hash"] if found else None


def _attempt(db: Database, account: str, right: bool, new_hash: str, now: datetime) -> tuple[bool, Attempts]:
    """Judge by what is on disk now, not by what was when hashing began: guesses made side by side all count."""
    with unit_of_work(db):
        found = row(db, "SELECT failures, locked_until FROM pin_attempts WHERE account = ?", account)
        let_in, after = attempt(_attempts(found), right, now)
        until = utc_text(after.locked_until) if after.locked_until else None
        db.execute(
            "INSERT OR REPLACE INTO pin_attempts (account, failures, locked_until, tried) VALUES (?, ?, ?, ?)",
            [account, after.failures if account else 0, until if account else None, utc_text(now)],
        )
        if let_in and new_hash:
            db.execute("UPDATE customers SET pin_hash = ? WHERE account = ?", [new_hash, account])
        _forget_strangers(db)
    return let_in, after


def _attempts(found: Mapping[str, object] | None) -> Attempts:
    if found is None:
        return Attempts()
    until = found["locked_until"]
    return Attempts(int(str(found["failures"])), datetime.fromisoformat(str(until)) if until else None)


def _forget_strangers(db: Database) -> None:
    """Keep what callers can make the file hold within bounds. Counting is cheap: the table is its own index."""
    counted = row(db, "SELECT count(*) AS many FROM pin_attempts")
    customers = row(db, "SELECT count(*) AS many FROM customers")
    if counted and customers and counted["many"] > customers["many"] + MOST_STRANGERS:
        db.execute(
            "DELETE FROM pin_attempts WHERE account IN (SELECT account FROM pin_attempts WHERE account NOT IN"
            " (SELECT account FROM customers) ORDER BY tried LIMIT ?)",
            [MOST_STRANGERS // 10],
        )


def lock(db: Database, account: str, failures: int, until: datetime, now: datetime) -> None:
    db.execute(
        "INSERT OR REPLACE INTO pin_attempts (account, failures, locked_until, tried) VALUES (?, ?, ?, ?)",
        [account, failures, utc_text(until), utc_text(now)],
    )


def unlock(db: Database, account: str) -> bool:
    """True if there is such an account; its failures are forgotten."""
    with unit_of_work(db):
        db.execute("DELETE FROM pin_attempts WHERE account = ?", [account])
        return row(db, "SELECT account FROM customers WHERE account = ?", account) is not None
