"""What became of callers today, by queue: counted by the floor, kept in the store, begun anew at midnight."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, date
from typing import TYPE_CHECKING, Any

from ivr.errors import IvrError

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange

SAVED_WITHIN = 1.0
"""Seconds after a change: a killed engine forgets no more of the figures than that."""
logger = logging.getLogger(__name__)


class Daybook:
    """The day is that of the office: in the zone of the menu's first opening hours, else UTC."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._day = self.today()
        self._timer: asyncio.TimerHandle | None = None

    def today(self) -> date:
        zones = [hours.zone for hours in self._exchange.menu.hours.values()]
        return self._exchange.rooms.clock.utc().astimezone(zones[0] if zones else UTC).date()

    async def open(self) -> None:
        """Go on with what was counted before a restart."""
        day = self.today().isoformat()
        known = await self._exchange.rooms.store.queue_days(day, day)
        self._exchange.agents.begin_figures(known.get(day))

    def changed(self) -> None:
        """Something was counted: on disk within a second, in one piece with what follows meanwhile."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SAVED_WITHIN, self._save)

    def _save(self) -> None:
        self._timer = None
        self._exchange.tasks.spawn(self.save())

    async def close(self) -> None:
        """What has not been saved yet is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            await self.save()

    async def save(self) -> None:
        day, figures = self._day, self.document()
        if self.today() != self._day:
            self._exchange.agents.begin_figures()
            self._day = self.today()
        try:
            await self._exchange.rooms.store.save_queue_days(day.isoformat(), figures)
        except IvrError as error:
            logger.error("figures_not_saved day=%s error=%s", day, error)

    def document(self) -> dict[str, dict[str, Any]]:
        """By queue: counts and both service levels."""
        return {name: figures.document() for name, figures in self._exchange.agents.figures().items()}
