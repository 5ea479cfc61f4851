"""Opening hours of the menu's queues, told to the floor when they begin and end (RT9, RT10)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ivr.agents import events as floor
from ivr.menu.hours import is_open

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange

LOOK_EVERY = 10.0
"""Seconds between two looks at the clock."""


class QueueHours:
    """In the zone of the hours, so that a night when clocks change has what it has of hours."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._closed: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self.look()
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY, self.start)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def look(self) -> None:
        """Tell the floor what has changed since the last look."""
        menu, utc = self._exchange.menu, self._exchange.rooms.clock.utc()
        for name, queue in menu.queues.items():
            hours = menu.hours.get(queue.open)
            closed = hours is not None and not is_open(hours, utc)
            if closed and name not in self._closed:
                self._closed.add(name)
                self._exchange.tell_floor(floor.QueueClosed(name))
            elif not closed and name in self._closed:
                self._closed.discard(name)
                self._exchange.tell_floor(floor.QueueOpened(name))
