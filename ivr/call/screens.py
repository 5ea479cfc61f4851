"""Agents' desktops over a restart of the engine: where their events go is on disk, and so is what they showed.

After a kill every desktop that was subscribed is asked, with a full snapshot, whether it is still there. One that
answers is logged on as before (AG16, H9); one that says that it is not stays lost until it logs on by itself; one
whose host is in trouble is asked again (`lost_screens`). Calls do not outlive the engine: the items that desktops
still show are ended, so that nobody waits on a ghost.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ivr.agents import events as floor
from ivr.call.kept_calls import KeptCalls, kept_items
from ivr.call.lost_screens import LostScreens
from ivr.call.presence import user_view
from ivr.call.remembering import RECORDS_LOOKED_AT, close_records
from ivr.errors import IvrError
from ivr.ici.attached_data import Limits
from ivr.ici.client import EventSender
from ivr.ici.client_http import HostFailure
from ivr.ici.subscriptions import Subscription, check_callback
from ivr.ici.switchboard import IciRefusal, PhoneCallChanged, PhoneCallItem, Switchboard, UserChanged
from ivr.store.contracts import Store

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange

logger = logging.getLogger(__name__)


async def save_screen(store: Store, user: str, screen: dict[str, Any] | None) -> None:
    """None forgets it. A store that fails costs the subscription its life over a restart, and nothing else."""
    try:
        await store.save_screen(user, screen)
    except IvrError as error:
        logger.error("screen_not_saved agent=%s error=%s", user, error)


async def save_monitor(store: Store, user: str, monitor: dict[str, Any] | None) -> None:
    """As `save_screen`, of a supervisor's feed."""
    try:
        await store.save_monitor(user, monitor)
    except IvrError as error:
        logger.error("monitor_not_saved user=%s error=%s", user, error)


async def forget_screens(store: Store) -> None:
    """The engine stops in good order, and every desktop is told that its subscription is over."""
    try:
        for user in await store.screens():
            await store.save_screen(user, None)
        for user in await store.monitors():
            await store.save_monitor(user, None)
    except IvrError as error:
        logger.info("screens_not_forgotten cause=%s", error)


async def open_records(store: Store) -> list[dict[str, Any]]:
    """Of calls that were live when the engine was killed; to be asked for before they are closed."""
    return [document for document in await store.calls(RECORDS_LOOKED_AT) if document.get("ended") is None]


async def find_ghosts(store: Store) -> list[tuple[str, PhoneCallItem]]:
    """The items of those calls."""
    return [ghost for document in await open_records(store) for ghost in ghosts_of(document)]


class Screens:
    """Desktops that were subscribed and of which nobody knows whether they still are: after a kill of ours, and
    after their host was in trouble (H9, H10). Each is asked; who answers is logged on as before."""

    def __init__(self, exchange: Exchange, switchboard: Switchboard, sender: EventSender, kept: KeptCalls) -> None:
        self._exchange, self._switchboard, self._sender, self._kept = exchange, switchboard, sender, kept
        self._ghosts: dict[str, list[PhoneCallItem]] = {}
        """What screens that could not be asked yet still have to be told."""
        self.lost = LostScreens(self._ask, self._forget, exchange.rooms.clock)

    async def bring_back(
        self,
        screens: dict[str, dict[str, Any]],
        ghosts: list[tuple[str, PhoneCallItem]],
        restarted: datetime,
    ) -> None:
        """After a restart: ask every desktop whether it is there, end what it still shows, close the records."""
        for user, item in ghosts:
            self._ghosts.setdefault(user, []).append(item)
        await asyncio.gather(*(self._ask_first(user, screen) for user, screen in screens.items()))
        for user in [user for user in self._ghosts if self._sender.subscription_of(user) is not None]:
            await self._tell_ghosts(user)  # who has logged on again by himself
        await close_records(self._exchange, restarted, self._kept.lock)

    def unreachable(self, subscription: Subscription, failure: str) -> None:
        """A screen was lost: it knows that, or its host must be well before anybody can tell."""
        if isinstance(failure, HostFailure):
            self.lost.add(subscription)
        else:
            self._exchange.tasks.spawn(self._forget(subscription))

    async def stop(self) -> None:
        await self.lost.stop()

    async def _ask_first(self, user: str, screen: dict[str, Any]) -> None:
        url, app_id, workcenter = (str(screen.get(name) or "") for name in ("app_url", "app_id", "workcenter"))
        if self._sender.subscription_of(user) is not None:
            return  # logged on again already
        subscription = Subscription(url, app_id, user, workcenter)
        try:
            if not self._switchboard.has_user(user):
                raise IciRefusal("ICI-UNKNOWN-USER", "no agent of the settings any more")
            check_callback(url, app_id, self._exchange.rooms.settings.ici.callbacks)
        except IciRefusal as refusal:
            logger.warning("screen_not_brought_back agent=%s cause=%s", user, refusal)
            await self._forget(subscription)
            return
        if not await self._ask(subscription):
            self.lost.add(subscription)

    async def _ask(self, subscription: Subscription) -> bool:
        """False while the host is in trouble; else it is known what became of the screen."""
        user, sender = subscription.user, self._sender
        if sender.subscription_of(user) is not None:
            return True
        try:
            self._exchange.phones.set_workcenter(user, subscription.workcenter)
            self._exchange.phone_changed(user)
        except IvrError as error:
            logger.warning("screen_not_brought_back agent=%s cause=%s", user, error)
            await self._forget(subscription)
            return True
        word = UserChanged(user_view(self._exchange, user, if_found=True))
        failure = await sender.ask(subscription, word)
        if isinstance(failure, HostFailure):
            return False
        if failure:
            await self._forget(subscription)
        elif sender.subscription_of(user) is None:
            await self._found(subscription, word)
        return True

    async def _found(self, subscription: Subscription, word: UserChanged) -> None:
        """The desktop is there, and was told this word of its agent: told again is only what differs from it."""
        user, exchange, switchboard = subscription.user, self._exchange, self._switchboard
        screen = self._sender.open(subscription)
        exchange.tell_floor(floor.ScreenFound(user))
        await exchange.agent_saved(user)
        await switchboard.keep_screen(user, subscription.app_url, subscription.app_id, subscription.workcenter)
        calls = [PhoneCallChanged(item) for item in switchboard.items(user)]
        self._sender.release(screen, [UserChanged(switchboard.user(user)), *calls], told=[word])
        logger.info("screen_brought_back agent=%s", user)
        await self._tell_ghosts(user)

    async def _tell_ghosts(self, user: str) -> None:
        told = []
        for item in self._ghosts.pop(user, []):
            logger.info("ghost_ended agent=%s item=%s", user, item.id)
            told.append(self._sender.publish(user, PhoneCallChanged(item)))
        await asyncio.gather(*told)

    async def _forget(self, subscription: Subscription) -> None:
        if self._sender.subscription_of(subscription.user) is None:  # else he has logged on again
            await save_screen(self._exchange.rooms.store, subscription.user, None)


def ghosts_of(document: dict[str, Any]) -> list[tuple[str, PhoneCallItem]]:
    """The items of a call that was live when the engine was killed, with their agents; ended now.

    Those are all whose end no screen has acknowledged, whatever became of them.
    """
    found = kept_items(document, Limits())
    return [(item.agent, item.snapshot()) for item, entry in found if not entry.get("gone")]
