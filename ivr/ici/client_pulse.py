"""Hosts of desktops are asked from time to time whether anybody is there.

A desktop that was killed, or whose machine is gone, hears no event and so is not missed until there is one: its
agent would be shown as reachable, and the next caller would wait for a screen that does not answer. One connection
for each host and port, however many screens are behind it, and no message: screens of a host that does not take it
are sent the word of their agents again, and what follows is decided as for every event (H3).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import urlsplit

from ivr.config.settings import IciSettings
from ivr.ici.client import EventSender
from ivr.ici.subscriptions import Subscription
from ivr.ici.switchboard import Switchboard, UserChanged

TOGETHER: Final = 16
"""Hosts asked at the same time."""
SPREAD: Final = 1.25
"""Pauses are longer by a random factor up to this, so that several engines do not come in step."""
logger = logging.getLogger(__name__)


class Pulse:
    """`subscriptions` says whom to ask; `missing` is told of each user whose host takes no connection."""

    def __init__(
        self,
        subscriptions: Callable[[], Iterable[Subscription]],
        missing: Callable[[str], object],
        *,
        every: float,
        patience: float,
    ) -> None:
        """`every`: seconds between two rounds, 0 for none. `patience`: seconds a connection may take."""
        self._subscriptions = subscriptions
        self._missing = missing
        self._every = every
        self._patience = patience
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._every:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def ask(self) -> None:
        """One round."""
        users: dict[tuple[str, int], list[str]] = {}
        for subscription in self._subscriptions():
            users.setdefault(_address(subscription.app_url), []).append(subscription.user)
        hosts = list(users)
        for begin in range(0, len(hosts), TOGETHER):
            some = hosts[begin : begin + TOGETHER]
            there = await asyncio.gather(*(self._is_there(*host) for host in some))
            for host in [host for host, answers in zip(some, there, strict=True) if not answers]:
                logger.info("callback_host_silent host=%s port=%d screens=%d", *host, len(users[host]))
                for user in users[host]:
                    self._missing(user)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every * random.uniform(1.0, SPREAD))
            await self.ask()

    async def _is_there(self, host: str, port: int) -> bool:
        try:
            async with asyncio.timeout(self._patience):
                _, writer = await asyncio.open_connection(host, port)
        except OSError:  # TimeoutError is one
            return False
        writer.close()
        return True


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def pulse_of(sender: EventSender, switchboard: Switchboard, settings: IciSettings) -> Pulse:
    """For the screens of an engine."""

    def missing(user: str) -> None:
        sender.publish(user, UserChanged(switchboard.user(user)))

    return Pulse(sender.subscriptions, missing, every=settings.heartbeat, patience=settings.post_timeout)
