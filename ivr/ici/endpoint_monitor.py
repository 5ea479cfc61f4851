"""The feed for supervisors: who wants it, and a look at the figures every few seconds."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable

from ivr.config.settings import IciSettings
from ivr.ici import monitor
from ivr.ici.client import EventSender
from ivr.ici.dialect import Dialect
from ivr.ici.subscriptions import Subscription, check_callback
from ivr.ici.switchboard import IciRefusal, MonitorDataChanged, Switchboard

log = logging.getLogger(__name__)


class MonitorFeed:
    """Subscriptions of their own, beside those of the agents' screens: losing one costs nobody the log-on."""

    def __init__(
        self,
        switchboard: Switchboard,
        settings: IciSettings,
        dialect: Dialect,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._switchboard = switchboard
        self._settings = settings
        self._sender = EventSender(settings, dialect, lambda user: log.info("monitor_lost user=%s", user), tls=tls)
        self._told: dict[str, str] = {}
        """What each supervisor was told last."""
        self._looking: asyncio.Task[None] | None = None

    def subscribe(self, user: str, app_url: str, app_id: str) -> Callable[[], None]:
        """What to do once the answer is on its way. Raises `IciRefusal` for a callback that is not allowed."""
        check_callback(app_url, app_id, self._settings.callbacks)
        screen = self._sender.open(Subscription(app_url, app_id, user))
        self._told.pop(user, None)

        def begin() -> None:
            self._sender.release(screen, [])
            self._look()
            if self._looking is None or self._looking.done():
                self._looking = asyncio.get_running_loop().create_task(self._keep_looking())

        return begin

    def unsubscribe(self, user: str, app_url: str, app_id: str) -> Callable[[], None]:
        """What to do once the answer is on its way. Raises `IciRefusal` when there is no such subscription."""
        current = self._sender.subscription_of(user)
        if current is None or current.key != (app_url, app_id, user):
            raise IciRefusal("ICI-NOT-SUBSCRIBED", f"user {user!r} has no monitor of this appUrl and appId")
        return lambda: self._leave(user, current)

    async def close(self) -> None:
        """Tell everybody, and look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await self._sender.close()

    def _leave(self, user: str, subscription: Subscription) -> None:
        if self._sender.subscription_of(user) is subscription:
            self._sender.end(user, "unsubscribed", "The supervisor looks no more")

    async def _keep_looking(self) -> None:
        while self._sender.users():
            await asyncio.sleep(monitor.PERIOD)
            self._look()

    def _look(self) -> None:
        """Tell those who were told something else, together where they are behind one address."""
        switchboard = self._switchboard
        try:
            form = monitor.data_form(
                switchboard.queues(), [switchboard.user(user) for user in switchboard.users()]
            )
        except Exception:  # the last line of defence: one look that fails must not be the last one
            log.exception("monitor_broken")
            return
        waiting = [user for user in self._sender.users() if self._told.get(user) != form]
        self._told = dict.fromkeys(self._sender.users(), form)
        if waiting:
            self._sender.publish_all(waiting, MonitorDataChanged(form))
