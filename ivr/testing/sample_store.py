"""The sample customers in a store of their own, for calls that are only tried out. Nothing real is touched."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from datetime import date
from pathlib import Path
from typing import Self

from ivr.clock import Clock
from ivr.store.contracts import LookupResult
from ivr.store.importing import parse_customers
from ivr.store.sqlite import SqliteStore
from ivr.store.sqlite_pins import PinHasher

CHEAP = PinHasher(time_cost=1, memory=8)
"""The PINs of the samples are public; a test call must not pay for hiding them."""


class SampleStore:
    """A `SqliteStore` in a temporary folder, asked from code that does not run on a loop. Use it in a `with`."""

    def __init__(self, clock: Clock, *, currency: str = "USD", customers: bytes = b"", path: str = "") -> None:
        """`customers` are added to the samples, or change them: a CSV or JSON file called `path`."""
        self._clock = clock
        self._customers, self._path = customers, path
        self._currency = currency
        self._runner = asyncio.Runner()
        self._folder = Path(tempfile.mkdtemp(prefix="ivr-"))
        self._store: SqliteStore

    def __enter__(self) -> Self:
        path = self._folder / "samples.db"
        _made(self._clock.utc().date(), self._currency, self._clock, path)
        self._store = self._runner.run(self._open(path))
        if self._customers:
            try:
                self._runner.run(self._add())
            except BaseException:
                self.__exit__()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._store.close())
        self._runner.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def look_up(self, name: str, values: dict[str, object], key: str) -> LookupResult:
        """See `ivr.store.contracts.Customers.look_up`."""
        return self._runner.run(self._store.look_up(name, values, key=key))

    async def _add(self) -> None:
        """Raises ImportRowsError with every mistake."""
        rows = parse_customers(self._customers, self._path, known=await self._store.accounts())
        await self._store.import_customers(rows, path=self._path)

    async def _open(self, path: Path) -> SqliteStore:
        return await SqliteStore.open(path, currency=self._currency, clock=self._clock, hasher=CHEAP)


_templates: dict[tuple[date, str], bytes] = {}
"""A made store by its day, because making one costs fifty times as much as copying it."""


def _made(day: date, currency: str, clock: Clock, path: Path) -> None:
    """A fresh store of that day at `path`, if one of the day was made before."""
    if (day, currency) not in _templates:

        async def make() -> None:
            store = await SqliteStore.open(path, currency=currency, clock=clock, hasher=CHEAP)
            await store.close()

        asyncio.run(make())
        _templates[day, currency] = path.read_bytes()
        return
    path.write_bytes(_templates[day, currency])
