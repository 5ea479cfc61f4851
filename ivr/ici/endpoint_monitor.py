"""The feed for supervisors: who wants it, and a look at the figures every few seconds."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping
from typing import Any

from ivr.config.settings import IciSettings
from ivr.ici import monitor
from ivr.ici.client import EventSender
from ivr.ici.dialect import Dialect
from ivr.ici.endpoint_trace import IciTrace
from ivr.ici.subscriptions import Subscription, check_callback
from ivr.ici.switchboard import IciRefusal, MonitorDataChanged, Switchboard

log = logging.getLogger(__name__)


class MonitorFeed:
    """Subscriptions of their own, beside those of the agents' screens: losing one costs nobody the log-on.

    They are on disk before they are acknowledged, and `restore` goes on with them after a kill: the figures are
    full snapshots, so the first one after it is all that a supervisor has missed.
    """

    def __init__(
        self,
        switchboard: Switchboard,
        settings: IciSettings,
        dialect: Dialect,
        tls: ssl.SSLContext | None = None,
        trace: IciTrace | None = None,
    ) -> None:
        self._switchboard = switchboard
        self._settings = settings
        self._sender = EventSender(settings, dialect, self._lost, tls=tls, trace=trace)
        self._told: dict[str, str] = {}
        """What each supervisor was told last."""
        self._looking: asyncio.Task[None] | None = None
        self._forgetting: set[asyncio.Task[None]] = set()

    async def subscribe(self, user: str, app_url: str, app_id: str) -> Callable[[], None]:
        """On disk when this returns: what to do once the answer is on its way.

        Raises `IciRefusal` for a callback that is not allowed."""
        check_callback(app_url, app_id, self._settings.callbacks)
        screen = self._sender.open(Subscription(app_url, app_id, user))
        await self._switchboard.keep_monitor(user, app_url, app_id)
        self._told.pop(user, None)

        def begin() -> None:
            self._sender.release(screen, [])
            self._begin()

        return begin

    async def unsubscribe(self, user: str, app_url: str, app_id: str) -> Callable[[], None]:
        """What to do once the answer is on its way. Raises `IciRefusal` when there is no such subscription."""
        current = self._sender.subscription_of(user)
        if current is None or current.key != (app_url, app_id, user):
            raise IciRefusal("ICI-NOT-SUBSCRIBED", f"user {user!r} has no monitor of this appUrl and appId")
        await self._switchboard.keep_monitor(user, "", "")
        return lambda: self._leave(user, current)

    async def restore(self, monitors: Mapping[str, Mapping[str, Any]]) -> None:
        """Go on with the subscriptions of before a restart; who is gone meanwhile is found out by the first post.

        One whose user or address the settings do not have any more is forgotten.
        """
        for user, kept in monitors.items():
            if self._sender.subscription_of(user) is not None:
                continue  # has subscribed again already
            url, app_id = (str(kept.get(name) or "") for name in ("app_url", "app_id"))
            try:
                if not self._switchboard.has_user(user):
                    raise IciRefusal("ICI-UNKNOWN-USER", "no agent of the settings any more")
                check_callback(url, app_id, self._settings.callbacks)
            except IciRefusal as refusal:
                log.warning("monitor_not_brought_back user=%s cause=%s", user, refusal)
                await self._switchboard.keep_monitor(user, "", "")
                continue
            self._sender.release(self._sender.open(Subscription(url, app_id, user)), [])
            log.info("monitor_brought_back user=%s", user)
        if self._sender.users():
            self._begin()

    async def close(self) -> None:
        """Tell everybody, and look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await self._sender.close()
        if self._forgetting:
            await asyncio.wait(set(self._forgetting))

    def _begin(self) -> None:
        self._look()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._keep_looking())

    def _leave(self, user: str, subscription: Subscription) -> None:
        if self._sender.subscription_of(user) is subscription:
            self._sender.end(user, "unsubscribed", "The supervisor looks no more")

    def _lost(self, user: str) -> None:
        log.info("monitor_lost user=%s", user)
        task = asyncio.get_running_loop().create_task(self._forget(user))
        self._forgetting.add(task)
        task.add_done_callback(self._forgetting.discard)

    async def _forget(self, user: str) -> None:
        if self._sender.subscription_of(user) is None:  # else he has subscribed again meanwhile
            await self._switchboard.keep_monitor(user, "", "")

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
