"""The embedded store: one SQLite file behind the contracts of `ivr.store.contracts`."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlite_utils import Database

from ivr.clock import Clock, SystemClock
from ivr.errors import ImportRowsError, Problem, StoreError
from ivr.store import (
    sqlite_bindings,
    sqlite_callbacks,
    sqlite_contacts,
    sqlite_customers,
    sqlite_floor,
    sqlite_payments,
    sqlite_records,
)
from ivr.store.contracts import Callback, Customer, LookupResult, Store
from ivr.store.lookups import OPERATIONS
from ivr.store.rows import CustomerRow, ImportSummary
from ivr.store.samples import LOCKED_SAMPLES, SAMPLE_LOCK, sample_customers, sample_outages
from ivr.store.sqlite_connection import Connection, row, unit_of_work
from ivr.store.sqlite_lookups import READERS
from ivr.store.sqlite_pins import PinCheck, PinHasher, lock, unlock
from ivr.store.sqlite_schema import migrate, version_of

log = logging.getLogger(__name__)

HASHED_AT_ONCE = 16
"""PINs between two reports of progress."""


class SqliteStore:
    """Everything durable, in one file that other processes may use at the same time.

    Made by `open`; its methods run in threads of their own and never hold up the loop. After `close`
    look-ups answer ``down`` and everything else raises StoreError.
    """

    def __init__(
        self,
        path: Path,
        *,
        currency: str = "USD",
        clock: Clock | None = None,
        hasher: PinHasher | None = None,
    ) -> None:
        self.path = path
        self.currency = currency
        self.clock = clock or SystemClock()
        self._connection = Connection(path)
        self._pins = PinCheck(self._connection, self.clock, hasher or PinHasher())

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        currency: str = "USD",
        clock: Clock | None = None,
        create: bool = True,
        hasher: PinHasher | None = None,
    ) -> Self:
        """Open the file at `path`, or make it with the sample customers when it is missing.

        With `create` off a missing file is an error. Raises StoreError with path and remedy when the file is
        damaged, not ours, of another currency, or cannot be written.
        """
        store = cls(path, currency=currency, clock=clock, hasher=hasher)
        try:
            await store._connection.open(create, store._prepare)
        except BaseException:
            await store._pins.close()
            raise
        return store

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """What was handed in before is finished. Harmless the second time."""
        await self._pins.close()
        await self._connection.close()

    # --- opening ------------------------------------------------------------------------------------

    def _prepare(self, db: Database) -> None:
        self._pins.hasher.dummy  # noqa: B018  made now, or the first unknown account would take twice as long
        if version_of(db, self.path) == 0:
            self._make(db)
        with unit_of_work(db):
            migrate(db, version_of(db, self.path))
        for table in db.table_names():
            db.execute(
                f'SELECT * FROM "{table}" LIMIT 1'
            ).fetchone()  # a torn file shows itself here, not in a call
        meta = row(db, "SELECT value FROM meta WHERE name = 'currency'")
        if meta and meta["value"] != self.currency:
            raise StoreError(
                f"the store {self.path} holds {meta['value']}, but store.currency is {self.currency}; "
                f"set store.currency to {meta['value']}, or name another file with store.path"
            )

    def _make(self, db: Database) -> None:
        """The tables and the samples at once, so that nobody ever finds half of them."""
        now = self.clock.utc()
        samples = sample_customers(now.date())
        hashes = list(self._pins.threads.map(self._pins.hasher.hash, (one.pin for one in samples)))
        with unit_of_work(db):
            if version_of(db, self.path) != 0:
                return  # another process was quicker
            migrate(db, 0)
            for customer, pin_hash in zip(samples, hashes, strict=True):
                sqlite_customers.add_customer(db, customer, pin_hash, sample=True)
            for account in sorted(LOCKED_SAMPLES):
                lock(db, account, 5, now + SAMPLE_LOCK, now)
            for out in sample_outages(now):
                back_at = sqlite_customers.utc_text(out.back_at)
                db.table("outages").insert({"area": out.area, "back_at": back_at, "zone": out.zone, "sample": 1})
            db.table("meta").insert_all(
                [
                    {"name": "currency", "value": self.currency},
                    {"name": "made", "value": sqlite_customers.utc_text(now)},
                ]
            )
        log.info("store_made path=%s customers=%d", self.path, len(samples))

    # --- customers ----------------------------------------------------------------------------------

    async def look_up(self, name: str, values: Mapping[str, object], *, key: str = "") -> LookupResult:
        """See `ivr.store.contracts.Customers.look_up` and, for names and values, `ivr.store.lookups`.

        Cancelling it does not take a payment back that has begun.
        """
        try:
            return await self._answer(name, values, key)
        except (sqlite3.Error, StoreError) as error:
            # Neither the values nor the chained traceback go into the log: a PIN may be among them.
            log.error("lookup_down name=%s path=%s error=%s", name, self.path, error)
            return LookupResult("down")

    async def _answer(self, name: str, values: Mapping[str, object], key: str) -> LookupResult:
        values, now = dict(values), self.clock.utc()
        if name == "check_pin":
            return await self._pins.check(values)
        if name == "pay":
            return await self._connection.run(lambda db: sqlite_payments.pay(db, values, now, key))
        if name == "promise":
            return await self._connection.run(lambda db: sqlite_payments.promise(db, values, now, key))
        if reader := READERS.get(name):
            return await self._connection.run(lambda db: reader(db, values, now))
        raise StoreError(f"there is no look-up {name!r}; known are {', '.join(OPERATIONS)}")

    async def customer(self, account: str) -> Customer | None:
        now = self.clock.utc()
        return await self._connection.run(lambda db: sqlite_customers.read_customer(db, account, now))

    async def customers(self) -> list[Customer]:
        """In the order of their accounts."""
        now = self.clock.utc()
        return await self._connection.run(lambda db: sqlite_customers.read_customers(db, now))

    async def payments(self, account: str) -> list[dict[str, object]]:
        """``paid_on`` and ``paid`` of each, newest first."""
        return await self._connection.run(lambda db: sqlite_payments.payment_rows(db, account))

    async def promises(self, account: str) -> list[dict[str, object]]:
        """``promise_id``, ``amount`` and ``promise_date`` of each, newest first."""
        return await self._connection.run(lambda db: sqlite_payments.promise_rows(db, account))

    async def sample_accounts(self) -> set[str]:
        """Sample customers nobody has imported over: the ones whose PINs are the public ones."""
        return await self._connection.run(sqlite_customers.sample_accounts)

    async def unlock(self, account: str) -> bool:
        return await self._connection.run(lambda db: unlock(db, account))

    async def accounts(self) -> set[str]:
        """The numbers of all accounts."""
        return await self._connection.run(sqlite_customers.known_accounts)

    async def import_customers(
        self,
        customers: Sequence[CustomerRow],
        *,
        path: str = "",
        without_samples: bool = False,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> ImportSummary:
        """Add and update, all or none of them; `without_samples` takes the sample customers out.

        `on_progress` hears of PINs hashed and PINs to hash: that is what takes long, and nothing is locked
        meanwhile. Raises ImportRowsError when a new customer has no PIN.
        """
        with_pin = [one for one in customers if one.pin]
        hashes: dict[str, str] = {}
        for begin in range(0, len(with_pin), HASHED_AT_ONCE):
            some = with_pin[begin : begin + HASHED_AT_ONCE]
            made = await self._pins.hashes([one.pin for one in some])
            hashes.update(zip((one.account for one in some), made, strict=True))
            if on_progress:
                on_progress(len(hashes), len(with_pin))
        return await self._connection.run(lambda db: _import(db, customers, hashes, path, without_samples))

    # --- what happened ------------------------------------------------------------------------------

    async def save_call(self, record: dict[str, Any]) -> None:
        await self._connection.run(lambda db: sqlite_records.save_call(db, record))

    async def call(self, call_id: str) -> dict[str, Any] | None:
        return await self._connection.run(lambda db: sqlite_records.read_call(db, call_id))

    async def calls(self, most: int = 50) -> list[dict[str, Any]]:
        return await self._connection.run(lambda db: sqlite_records.read_calls(db, most))

    async def note_callback(self, callback: Callback) -> None:
        await self._connection.run(lambda db: sqlite_callbacks.note_callback(db, callback))

    async def callbacks(self) -> list[Callback]:
        """Oldest first."""
        return await self._connection.run(sqlite_callbacks.read_callbacks)

    async def finish_callbacks(self, outcome: str, *, call_id: str = "", ticket: str = "") -> int:
        now = self.clock.utc()
        work = sqlite_callbacks.finish_callbacks
        return await self._connection.run(lambda db: work(db, outcome, now, call_id=call_id, ticket=ticket))

    async def save_agent_state(self, agent: str, state: dict[str, Any]) -> None:
        now = self.clock.utc()
        await self._connection.run(lambda db: sqlite_callbacks.save_agent_state(db, agent, state, now))

    async def agent_states(self) -> dict[str, dict[str, Any]]:
        return await self._connection.run(sqlite_callbacks.read_agent_states)

    async def save_queue_days(self, day: str, figures: dict[str, dict[str, Any]]) -> None:
        now = self.clock.utc()
        await self._connection.run(lambda db: sqlite_floor.save_queue_days(db, day, figures, now))

    async def queue_days(self, first: str, last: str) -> dict[str, dict[str, dict[str, Any]]]:
        return await self._connection.run(lambda db: sqlite_floor.read_queue_days(db, first, last))

    async def save_callback_place(self, ticket: str, place: dict[str, Any] | None, *, outcome: str = "") -> None:
        now, work = self.clock.utc(), sqlite_floor.save_callback_place
        await self._connection.run(lambda db: work(db, ticket, place, now, outcome))

    async def callback_places(self) -> dict[str, dict[str, Any]]:
        return await self._connection.run(sqlite_floor.read_callback_places)

    async def save_contact(self, contact: dict[str, Any]) -> None:
        await self._connection.run(lambda db: sqlite_contacts.save_contact(db, contact))

    async def contacts(self, *, call_id: str = "", account: str = "", most: int = 50) -> list[dict[str, Any]]:
        return await self._connection.run(lambda db: sqlite_contacts.read_contacts(db, call_id, account, most))

    async def save_screen(self, user: str, screen: dict[str, Any] | None) -> None:
        now = self.clock.utc()
        await self._connection.run(lambda db: sqlite_contacts.save_screen(db, user, screen, now))

    async def screens(self) -> dict[str, dict[str, Any]]:
        return await self._connection.run(sqlite_contacts.read_screens)

    async def save_monitor(self, user: str, monitor: dict[str, Any] | None) -> None:
        now = self.clock.utc()
        await self._connection.run(lambda db: sqlite_contacts.save_screen(db, user, monitor, now, "monitors"))

    async def monitors(self) -> dict[str, dict[str, Any]]:
        return await self._connection.run(lambda db: sqlite_contacts.read_screens(db, "monitors"))

    async def save_bindings(self, user: str, bindings: list[dict[str, Any]]) -> None:
        now = self.clock.utc()
        await self._connection.run(lambda db: sqlite_bindings.save_bindings(db, user, bindings, now))

    async def bindings(self) -> dict[str, list[dict[str, Any]]]:
        return await self._connection.run(sqlite_bindings.read_bindings)

    async def save_watches(self, user: str, watches: list[dict[str, Any]]) -> None:
        now = self.clock.utc()
        await self._connection.run(lambda db: sqlite_bindings.save_bindings(db, user, watches, now, "watches"))

    async def watches(self) -> dict[str, list[dict[str, Any]]]:
        return await self._connection.run(lambda db: sqlite_bindings.read_bindings(db, "watches"))


if TYPE_CHECKING:
    _: type[Store] = SqliteStore  # the contract is held by the type checker


def _import(
    db: Database, customers: Sequence[CustomerRow], hashes: Mapping[str, str], path: str, without_samples: bool
) -> ImportSummary:
    with unit_of_work(db):
        removed = sqlite_customers.remove_samples(db, (c.account for c in customers)) if without_samples else 0
        there = sqlite_customers.known_accounts(db)
        missing = [one for one in customers if one.account not in there and not one.pin]
        if missing:
            raise ImportRowsError(
                [
                    Problem(path, "is a new customer; give a PIN, four digits", c.line, where=c.account)
                    for c in missing
                ]
            )
        for one in customers:
            put = sqlite_customers.update_customer if one.account in there else sqlite_customers.add_customer
            put(db, one, hashes.get(one.account, ""))
    added = sum(one.account not in there for one in customers)
    log.info("customers_imported added=%d updated=%d removed=%d", added, len(customers) - added, removed)
    return ImportSummary(added, len(customers) - added, removed)
