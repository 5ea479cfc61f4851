"""Screens behind a host that is in trouble, as when SAP restarts (H10).

::

    lost --pause--> one of them is asked --no answer--> a longer pause, and again --for too long--> given up
                             |
                             | any answer: the host is well
                             v
                    all others are asked, a few at a time

One scout for each host: hundreds of screens do not knock at a server that is just coming up. Pauses double, and a
random factor spreads them, so that several engines do not come in step.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

from ivr.call.tasks import Tasks
from ivr.clock import Clock
from ivr.ici.subscriptions import Subscription

FIRST: Final = 2.0
"""Seconds until a host is asked for the first time."""
LONGEST: Final = 60.0
"""Seconds between two questions at most."""
SPREAD: Final = 1.5
"""Pauses are longer by a random factor up to this."""
PATIENCE: Final = 900.0
"""Seconds after which screens are given up: their sessions at the other side have ended by then."""
TOGETHER: Final = 16
"""Screens asked at the same time, once the host is well."""
logger = logging.getLogger(__name__)


class LostScreens:
    """`ask` says False while the host is in trouble; `give_up` is told of a screen that is waited for no more."""

    def __init__(
        self,
        ask: Callable[[Subscription], Awaitable[bool]],
        give_up: Callable[[Subscription], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._ask = ask
        self._give_up = give_up
        self._clock = clock
        self._waiting: dict[str, dict[str, Subscription]] = {}
        """By host and port, then by user."""
        self._tasks = Tasks("lost screens")

    @property
    def users(self) -> list[str]:
        """Those whose screens are waited for."""
        return sorted(user for screens in self._waiting.values() for user in screens)

    def add(self, subscription: Subscription) -> None:
        """Ask for it until its host is well. Of one user's, the newest counts."""
        host = urlsplit(subscription.app_url).netloc
        if host in self._waiting:
            self._waiting[host][subscription.user] = subscription
            return
        self._waiting[host] = {subscription.user: subscription}
        self._tasks.spawn(self._watch(host))

    async def stop(self) -> None:
        self._tasks.cancel()
        await self._tasks.wait()

    async def _watch(self, host: str) -> None:
        screens = self._waiting[host]
        began, pause = self._clock.monotonic(), FIRST
        try:
            while screens:
                await asyncio.sleep(pause * random.uniform(1.0, SPREAD))
                pause = min(2 * pause, LONGEST)
                if self._clock.monotonic() - began > PATIENCE:
                    await self._leave(host, screens)
                elif await self._answered(screens, random.choice(list(screens.values()))):
                    seconds = self._clock.monotonic() - began
                    logger.info(
                        "callback_host_back host=%s after=%.0f screens=%d", host, seconds, len(screens) + 1
                    )
                    await self._ask_all(screens)
                    began, pause = self._clock.monotonic(), FIRST
        finally:
            del self._waiting[host]

    async def _ask_all(self, screens: dict[str, Subscription]) -> None:
        everybody = list(screens.values())
        for begin in range(0, len(everybody), TOGETHER):
            some = everybody[begin : begin + TOGETHER]
            await asyncio.gather(*(self._answered(screens, one) for one in some))

    async def _answered(self, screens: dict[str, Subscription], subscription: Subscription) -> bool:
        """Ask one, and wait for it no more when it is known what became of it."""
        known = await self._ask(subscription)
        if known and screens.get(subscription.user) is subscription:
            del screens[subscription.user]
        return known

    async def _leave(self, host: str, screens: dict[str, Subscription]) -> None:
        logger.warning("screens_given_up host=%s users=%s", host, ",".join(screens))
        while screens:
            await self._give_up(screens.popitem()[1])
