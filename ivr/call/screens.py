"""Agents' desktops over a restart of the engine: where their events go is on disk, and so is what they showed.

After a kill every desktop that was subscribed is asked, with a full snapshot, whether it is still there. One that
answers is logged on as before (AG16, H9); one that does not stays lost until it logs on by itself. Calls do not
outlive the engine: the items that desktops still show are ended, so that nobody waits on a ghost.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ivr.call.presence import user_view
from ivr.call.remembering import RECORDS_LOOKED_AT, close_records
from ivr.errors import IvrError
from ivr.ici.client import EventSender
from ivr.ici.subscriptions import Subscription, check_callback
from ivr.ici.switchboard import IciRefusal, PhoneCallChanged, PhoneCallItem, Switchboard, UserChanged
from ivr.store.contracts import Store

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange

AFTER_ALL = 1_000_000
"""Sequence number of the last word on an item of before: more than any call had, or it counts as an old one."""
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


async def find_ghosts(store: Store) -> list[tuple[str, PhoneCallItem]]:
    """Items of calls that were live when the engine was killed; to be asked before their records are closed."""
    open_ones = [document for document in await store.calls(RECORDS_LOOKED_AT) if document.get("ended") is None]
    return [ghost for document in open_ones for ghost in ghosts_of(document)]


async def bring_back(
    exchange: Exchange,
    switchboard: Switchboard,
    sender: EventSender,
    screens: dict[str, dict[str, Any]],
    ghosts: list[tuple[str, PhoneCallItem]],
    restarted: datetime,
) -> None:
    """After a restart: ask every desktop whether it is there, end what it still shows, and close the records."""
    await asyncio.gather(*(_ask(exchange, switchboard, sender, user, screen) for user, screen in screens.items()))
    told = []
    for user, item in ghosts:
        if switchboard.has_user(user) and sender.subscription_of(user) is not None:
            logger.info("ghost_ended agent=%s item=%s", user, item.id)
            told.append(sender.publish(user, PhoneCallChanged(item)))
    await asyncio.gather(*told)
    await close_records(exchange, restarted)


async def _ask(
    exchange: Exchange, switchboard: Switchboard, sender: EventSender, user: str, screen: dict[str, Any]
) -> None:
    url, app_id, workcenter = (str(screen.get(name) or "") for name in ("app_url", "app_id", "workcenter"))
    if sender.subscription_of(user) is not None:
        return  # logged on again already
    try:
        if not switchboard.has_user(user):
            raise IciRefusal("ICI-UNKNOWN-USER", "no agent of the settings any more")
        check_callback(url, app_id, exchange.rooms.settings.ici.callbacks)
    except IciRefusal as refusal:
        logger.warning("screen_not_brought_back agent=%s cause=%s", user, refusal)
        await save_screen(exchange.rooms.store, user, None)
        return
    subscription = Subscription(url, app_id, user, workcenter)
    sender.release(sender.open(subscription), [])
    there = await sender.publish(user, UserChanged(user_view(exchange, user)))
    if not there or sender.subscription_of(user) is not subscription:
        return
    try:
        await switchboard.log_on(user, workcenter)
    except IciRefusal as refusal:
        logger.warning("screen_not_brought_back agent=%s cause=%s", user, refusal)
        sender.end(user, "logged_off", str(refusal))
        await save_screen(exchange.rooms.store, user, None)
        return
    logger.info("screen_brought_back agent=%s", user)


def ghosts_of(document: dict[str, Any]) -> list[tuple[str, PhoneCallItem]]:
    """The items of a call that was live when the engine was killed, with their agents; ended now.

    Those are all whose end no screen has acknowledged, whatever became of them.
    """
    found = []
    for handoff in document.get("handoffs") or []:
        for offer in handoff.get("offers") or []:
            if offer.get("item") and not offer.get("gone"):
                remote = offer.get("remote") or [document.get("caller") or ""]
                item = PhoneCallItem(
                    id=offer["item"],
                    status="ended",
                    direction=offer.get("direction") or "inbound",
                    remote_numbers=tuple(map(str, remote)),
                    called_number=str(offer.get("called") or document.get("called") or ""),
                    queue_id=str(handoff.get("queue") or ""),
                    attached_data="",
                    sequence=AFTER_ALL,
                    started_at=datetime.fromisoformat(offer["at"]),
                    reason="failed",
                )
                found.append((str(offer["agent"]), item))
    return found
