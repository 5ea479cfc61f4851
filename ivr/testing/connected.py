"""Look-ups of a call that is tried out, put to the connectors of the menu as the engine puts them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Self

from ivr.call.lookups import open_connectors
from ivr.menu import events as menu_events
from ivr.menu.model import Menu
from ivr.store.connector_pool import ConnectorPool
from ivr.store.contracts import LookupResult
from ivr.testing.simulation import Surroundings


@dataclass
class Connected(Surroundings):
    """Asks real systems what the customer store does not answer; use it in a `with`.

    A look-up that is marked ``once`` is really done there. The call stands still until the answer, at most for the
    look-up's limit.
    """

    pool: ConnectorPool = field(default_factory=ConnectorPool)
    _runner: asyncio.Runner = field(default_factory=asyncio.Runner)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self.pool.close())
        self._runner.close()

    def prepare(self, menu: Menu) -> None:
        """Raises SettingsError with every variable and every library that its connectors miss."""
        open_connectors(menu, self.pool)

    def elsewhere(self, menu: Menu, command: menu_events.LookUp) -> LookupResult:
        by = menu.answered[command.name]
        return self._runner.run(self.pool.look_up(by, command.values, key=command.key, limit=command.limit))
