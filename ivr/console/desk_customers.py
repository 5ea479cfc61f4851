"""The local customer store, where there is one: read by the desk, never written."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from ivr.store.contracts import Customer
from ivr.store.sqlite import SqliteStore

LAST_CONTACTS = 3
"""As many as an agent reads while the telephone rings."""


class CustomerFile:
    """Opened at the first question, so that a desk without calls touches nothing."""

    def __init__(self, path: Path, currency: str) -> None:
        self._path = path
        self._currency = currency
        self._store: SqliteStore | None = None
        self._opening = asyncio.Lock()

    async def find(self, account: str) -> Customer | None:
        """The record of an account. Raises StoreError when the file cannot be used."""
        return await (await self._opened()).customer(account)

    async def contacts(self, account: str) -> list[dict[str, Any]]:
        """Who spoke with this customer the last times, newest first. Raises StoreError."""
        return await (await self._opened()).contacts(account=account, most=LAST_CONTACTS)

    async def _opened(self) -> SqliteStore:
        async with self._opening:
            if self._store is None:
                self._store = await SqliteStore.open(self._path, currency=self._currency, create=False)
        return self._store

    async def close(self) -> None:
        if self._store is not None:
            await self._store.close()
            self._store = None
