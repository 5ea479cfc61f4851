"""The telephone system as SAP's side sees it: implements `ivr.ici.switchboard.Switchboard`."""

from __future__ import annotations

import logging

from ivr.agents import events as floor
from ivr.call.exchange import Exchange
from ivr.call.offer import Offer
from ivr.call.screens import save_screen
from ivr.call.presence import WORKMODE_TEXTS, user_view
from ivr.errors import IvrError
from ivr.ici.switchboard import (
    IciRefusal,
    ItemAttachedDataChanged,
    PhoneCallItem,
    QueueView,
    UserView,
)

logger = logging.getLogger(__name__)


class ExchangeSwitchboard:
    """Operations of agents, turned into events of the floor."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self._agents = {agent.id: agent for agent in exchange.rooms.settings.agents}

    # --- reading --------------------------------------------------------------------------------------------

    def has_user(self, user: str) -> bool:
        return user in self._agents

    def password_of(self, user: str) -> str:
        return self._agents[user].password if user in self._agents else ""

    def user(self, user: str) -> UserView:
        return user_view(self.exchange, user)

    def queues(self) -> list[QueueView]:
        now = self.exchange.rooms.clock.monotonic()
        agents = self.exchange.agents
        return [
            QueueView(name, name, agents.queue_length(name), agents.longest_wait(name, now))
            for name in self.exchange.menu.queues
        ]

    def workmodes(self, user: str) -> list[tuple[int, str]]:
        return list(WORKMODE_TEXTS.items())

    def item(self, item_id: str) -> PhoneCallItem | None:
        offer = self.exchange.items.get(item_id)
        return offer.snapshot() if offer else None

    def owner(self, item_id: str) -> str:
        offer = self.exchange.items.get(item_id)
        return offer.agent if offer else ""

    def items(self, user: str) -> list[PhoneCallItem]:
        return [offer.snapshot() for offer in self.exchange.items.values() if offer.agent == user and offer.live]

    # --- agents ---------------------------------------------------------------------------------------------

    async def log_on(self, user: str, workcenter: str) -> None:
        try:
            self.exchange.phones.set_workcenter(user, workcenter)
        except IvrError as error:
            raise IciRefusal("ICI-BAD-VALUE", str(error)) from error
        self.exchange.tell_floor(floor.LoggedOn(user))

    async def keep_screen(self, user: str, app_url: str, app_id: str, workcenter: str) -> None:
        screen = {"app_url": app_url, "app_id": app_id, "workcenter": workcenter}
        await save_screen(self.exchange.rooms.store, user, screen)

    async def log_off(self, user: str, cause: str) -> None:
        logger.info("agent_logoff agent=%s cause=%s", user, cause)
        await save_screen(self.exchange.rooms.store, user, None)
        self.exchange.tell_floor(floor.WorkmodeChosen(user, floor.WORKMODE_LOGGED_OFF))

    async def screen_lost(self, user: str) -> None:
        self.exchange.screen_lost(user)
        await save_screen(self.exchange.rooms.store, user, None)

    async def set_workmode(self, user: str, workmode: int) -> None:
        known = workmode in WORKMODE_TEXTS or workmode > 999
        if not known:
            raise IciRefusal("ICI-BAD-VALUE", f"workmode {workmode} is not known; 1, 2, 3 or above 999 is needed")
        off = self.exchange.agents.agent(user).state is floor.AgentState.OFF
        if off and workmode != floor.WORKMODE_LOGGED_OFF:
            raise IciRefusal("ICI-STATE", f"{user} is logged off; subscribe before choosing workmode {workmode}")
        self.exchange.tell_floor(floor.WorkmodeChosen(user, workmode))

    async def set_queues(self, user: str, queues: list[str]) -> None:
        unknown = [queue for queue in queues if queue not in self.exchange.menu.queues]
        if unknown:
            known = ", ".join(self.exchange.menu.queues)
            raise IciRefusal("ICI-BAD-VALUE", f"queue {unknown[0]} is not known; known are {known}")
        mine = set(user_view(self.exchange, user).queues)
        if set(queues) != mine:
            raise IciRefusal(
                "ICI-BAD-VALUE", f"queues follow skills here; {user} serves {', '.join(sorted(mine)) or 'none'}"
            )

    # --- calls ----------------------------------------------------------------------------------------------

    def _offer(self, item_id: str, operation: str, *states: str) -> Offer:
        offer = self.exchange.items.get(item_id)
        if offer is None:
            raise IciRefusal("ICI-UNKNOWN-ITEM", f"item {item_id} is not known", item_id=item_id)
        if states and offer.status not in states:
            raise IciRefusal(
                "ICI-STATE", f"Operation {operation} not allowed in state {offer.status}", item_id=item_id
            )
        return offer

    async def accept(self, user: str, item_id: str) -> None:
        offer = self._offer(item_id, "accept", "alerting", "connected")
        if offer.status == "alerting":  # else the telephone was quicker, which counts as accept
            self.exchange.tell_floor(floor.Accepted(user, offer.handoff.ticket))

    async def reject(self, user: str, item_id: str) -> None:
        offer = self._offer(item_id, "reject", "alerting")
        self.exchange.tell_floor(floor.Rejected(user, offer.handoff.ticket))

    async def drop(self, user: str, item_id: str) -> None:
        offer = self._offer(item_id, "drop", "connected", "held")
        self.exchange.agent_hung_up(offer, "dropped on the desktop")

    async def hold(self, user: str, item_id: str) -> None:
        self._offer(item_id, "hold").hold()

    async def unhold(self, user: str, item_id: str) -> None:
        self._offer(item_id, "unhold").unhold()

    async def send_dtmf(self, user: str, item_id: str, digits: str) -> None:
        self._offer(item_id, "sendDTMF").send_keys(digits)

    async def set_attached_data(self, user: str, item_id: str, document: str) -> None:
        """`document` is the whole item, already merged with what was there."""
        offer = self._offer(item_id, "setAttachedData")
        handoff = offer.handoff
        version = handoff.take_from(user, document)
        if version is None:
            return
        offer.contact.take(version)
        holders = {other.agent for other in handoff.offers if other.live}
        for other in holders | {user} if version.guarded else holders - {user}:
            self.exchange.rooms.publisher.publish(other, ItemAttachedDataChanged(item_id, handoff.document))
        if handoff.visit.over:
            await self.exchange.rooms.store.save_call(handoff.visit.record.document())
