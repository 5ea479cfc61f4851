"""The telephone system as SAP's side sees it: implements `ivr.ici.switchboard.Switchboard`."""

from __future__ import annotations

import logging

from ivr.agents import events as floor
from ivr.call.consultation import Consultation, ConsultItem
from ivr.call.dialling import dial
from ivr.call.exchange import Exchange
from ivr.call.handoff import Handoff
from ivr.call.item import Item
from ivr.call.kept_calls import KeptCalls
from ivr.call.kept_dialogs import open_record
from ivr.call.offer import Offer
from ivr.call.outgoing_offer import OutgoingOffer
from ivr.call.presence import served_by, user_view, workmode_texts
from ivr.call.screens import save_monitor, save_screen
from ivr.call.transfer_target import Kind, find_target
from ivr.config.workmode_check import LAST_OF_SAP
from ivr.errors import IvrError
from ivr.ici.attached_data import merge
from ivr.ici.capabilities import NotAllowed
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
        self.kept = KeptCalls(exchange.rooms)
        """What is known of calls from before a restart."""

    # --- reading --------------------------------------------------------------------------------------------

    def has_user(self, user: str) -> bool:
        return user in self._agents

    def users(self) -> list[str]:
        return list(self._agents)

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
        return list(workmode_texts(self.exchange, user).items())

    def item(self, item_id: str) -> PhoneCallItem | None:
        item = self.exchange.items.get(item_id) or self.kept.get(item_id)
        return item.snapshot() if item else None

    def owner(self, item_id: str) -> str:
        item = self.exchange.items.get(item_id) or self.kept.get(item_id)
        return item.agent if item else ""

    def items(self, user: str) -> list[PhoneCallItem]:
        return [item.snapshot() for item in self.exchange.items.values() if item.agent == user and item.live]

    # --- agents ---------------------------------------------------------------------------------------------

    async def log_on(self, user: str, workcenter: str) -> None:
        try:
            self.exchange.phones.set_workcenter(user, workcenter)
        except IvrError as error:
            raise IciRefusal("ICI-BAD-VALUE", str(error)) from error
        self.exchange.phone_changed(user)
        self.exchange.tell_floor(floor.LoggedOn(user))
        await self.exchange.agent_saved(user)

    async def keep_screen(self, user: str, app_url: str, app_id: str, workcenter: str) -> None:
        screen = {"app_url": app_url, "app_id": app_id, "workcenter": workcenter}
        await save_screen(self.exchange.rooms.store, user, screen)

    async def keep_monitor(self, user: str, app_url: str, app_id: str) -> None:
        monitor = {"app_url": app_url, "app_id": app_id} if app_url else None
        await save_monitor(self.exchange.rooms.store, user, monitor)

    async def log_off(self, user: str, cause: str) -> None:
        logger.info("agent_logoff agent=%s cause=%s", user, cause)
        self.exchange.tell_floor(floor.WorkmodeChosen(user, floor.WORKMODE_LOGGED_OFF))
        await self.exchange.agent_saved(user)
        # last: a kill in between leaves a screen of somebody logged off, not somebody at work whose screen is lost
        await save_screen(self.exchange.rooms.store, user, None)

    async def screen_lost(self, user: str) -> None:
        self.exchange.screen_lost(user)
        await save_screen(self.exchange.rooms.store, user, None)

    async def set_workmode(self, user: str, workmode: int) -> None:
        texts = workmode_texts(self.exchange, user)
        if workmode not in texts and (workmode <= LAST_OF_SAP or max(texts) > LAST_OF_SAP):
            listed = ", ".join(f"{code} ({text})" for code, text in texts.items())
            more = "" if max(texts) > LAST_OF_SAP else f", and a site's own above {LAST_OF_SAP}"
            raise IciRefusal("ICI-BAD-VALUE", f"the work mode {workmode} is unknown; there are: {listed}{more}")
        state = self.exchange.agents.agent(user).state
        wraps_up = (floor.AgentState.WRAP_UP, floor.AgentState.IN_CALL, floor.AgentState.ON_HOLD)
        if workmode == floor.WORKMODE_WRAP_UP and state not in wraps_up:
            raise IciRefusal("ICI-STATE", f"{user} is {state}; workmode 4 is chosen in wrap-up or in a call")
        off = state is floor.AgentState.OFF
        if off and workmode != floor.WORKMODE_LOGGED_OFF:
            raise IciRefusal("ICI-STATE", f"{user} is logged off; subscribe before choosing workmode {workmode}")
        self.exchange.tell_floor(floor.WorkmodeChosen(user, workmode))
        await self.exchange.agent_saved(user)

    async def set_queues(self, user: str, queues: list[str]) -> None:
        unknown = [queue for queue in queues if queue not in self.exchange.menu.queues]
        if unknown:
            known = ", ".join(self.exchange.menu.queues)
            raise IciRefusal("ICI-BAD-VALUE", f"queue {unknown[0]} is not known; known are {known}")
        mine = served_by(self.exchange, user)
        if foreign := [queue for queue in queues if queue not in mine]:
            raise IciRefusal(
                "ICI-BAD-VALUE",
                f"{user} has not the skills of {foreign[0]}; possible are {', '.join(mine) or 'none'}",
            )
        rules = self.exchange.menu.queues
        left = (queue for queue in mine if queue not in queues and rules[queue].priority < floor.EMERGENCY)
        self.exchange.tell_floor(floor.QueuesLeft(user, frozenset(left)))
        await self.exchange.agent_saved(user)

    # --- calls ----------------------------------------------------------------------------------------------

    def _item(self, item_id: str, operation: str, *states: str) -> Item:
        item = self.exchange.items.get(item_id)
        if item is None:
            raise IciRefusal("ICI-UNKNOWN-ITEM", f"item {item_id} is not known", item_id=item_id)
        if states and item.status not in states:
            raise _not_allowed(operation, item)
        return item

    def _offer(self, item_id: str, operation: str, *states: str) -> Offer:
        """An item that has a telephone of its own."""
        item = self._item(item_id, operation, *states)
        if not isinstance(item, Offer):
            raise _not_allowed(operation, item)
        return item

    def _customer(self, item_id: str, operation: str, *states: str) -> Offer:
        """An item by which its agent has the caller, and nobody besides."""
        offer = self._offer(item_id, operation, *states)
        if not isinstance(offer.handoff, Handoff) or offer.consultation is not None:
            raise _not_allowed(operation, offer)
        return offer

    def _pair(self, item_id: str, other_id: str, operation: str) -> Consultation:
        """The consultation that these two items are of, in either order."""
        one, other = self._item(item_id, operation), self._item(other_id, operation)
        for first, second in ((one, other), (other, one)):
            if isinstance(first, ConsultItem) and first.live and first.consultation.asker is second:
                return first.consultation
        raise IciRefusal(
            "ICI-STATE",
            f"Operation {operation} needs the two calls of a consultation; {item_id} and {other_id} are not",
            item_id=item_id,
        )

    async def accept(self, user: str, item_id: str) -> None:
        offer = self._offer(item_id, "accept", "alerting", "connected")
        if offer.status == "alerting":  # else the telephone was quicker, which counts as accept
            self.exchange.tell_floor(floor.Accepted(user, offer.handoff.ticket))

    async def reject(self, user: str, item_id: str) -> None:
        offer = self._offer(item_id, "reject", "alerting")
        self.exchange.tell_floor(floor.Rejected(user, offer.handoff.ticket))

    async def reroute(self, user: str, item_id: str, queue: str) -> None:
        self.exchange.transfers.reroute(self._customer(item_id, "reroute", "alerting"), queue)

    async def drop(self, user: str, item_id: str) -> None:
        item = self._item(item_id, "drop")
        dialling = isinstance(item, OutgoingOffer) and item.live
        if not dialling and item.status not in ("dialing", "connected", "held", "conferenced"):
            raise _not_allowed("drop", item)
        if isinstance(item, ConsultItem):
            item.consultation.drop()
        elif isinstance(item, Offer) and item.consultation is not None and not item.consultation.conferenced:
            handoff = item.consultation.customer
            self.exchange.part(handoff)
            handoff.visit.hang_up("agent", "dropped on the desktop")
        elif isinstance(item, Offer):
            item.handoff.agent_left(item, "dropped on the desktop")

    async def hold(self, user: str, item_id: str) -> None:
        self._customer(item_id, "hold").hold()

    async def unhold(self, user: str, item_id: str) -> None:
        self._customer(item_id, "unhold").unhold()

    async def mute(self, user: str, item_id: str, *, on: bool) -> None:
        item = self._item(item_id, "mute")
        offer = item.consultation.asker if isinstance(item, ConsultItem) else self._offer(item_id, "mute")
        offer.mute(on)

    async def send_dtmf(self, user: str, item_id: str, digits: str) -> None:
        item = self._item(item_id, "sendDTMF", "connected")
        party = item.consultation if isinstance(item, ConsultItem) else self._offer(item_id, "sendDTMF")
        party.send_keys(digits)

    # --- more than one call -----------------------------------------------------------------------------------

    async def blind_transfer(self, user: str, item_id: str, destination: str) -> None:
        self.exchange.transfers.blind(self._customer(item_id, "blindTransfer", "connected", "held"), destination)

    async def consult(self, user: str, item_id: str, destination: str) -> str:
        return self._consult(self._customer(item_id, "consult", "connected"), destination).item.item_id

    def _consult(self, offer: Offer, destination: str, document: str = "") -> Consultation:
        handoff = offer.handoff
        assert isinstance(handoff, Handoff)
        kinds: tuple[Kind, ...] = ("agent", "number")
        to = find_target(self.exchange, handoff.visit, destination, by=offer.agent, kinds=kinds)
        together = merge(handoff.document, document, limits=handoff.data.limits) if document else ""
        handoff = handoff.led_by(offer)
        handoff.asked += 1
        consultation = Consultation(handoff.asked, offer, handoff, to)
        if together:
            consultation.take_from(offer.agent, together)
        consultation.begin()
        return consultation

    async def dial(self, user: str, destination: str, document: str) -> str:
        """A call of the agent's own; with a caller on hold, a question about him (ICI.md section 2.2)."""
        if (offer := self._caller_on_hold(user)) is not None:
            return self._consult(offer, destination, document).item.item_id
        return await dial(self.exchange, user, destination, document)

    def _caller_on_hold(self, user: str) -> Offer | None:
        """Or a colleague."""
        for item in self.exchange.items.values():
            if not isinstance(item, Offer) or item.agent != user or item.status != "held":
                continue
            if item.part in ("single", "direct"):
                return item
        return None

    async def toggle(self, user: str, item_id: str, other_id: str) -> None:
        self._pair(item_id, other_id, "toggle").toggle()

    async def warm_transfer(self, user: str, item_id: str, consult_item_id: str) -> None:
        self._pair(item_id, consult_item_id, "warmTransfer").warm_transfer()

    async def conference(self, user: str, item_id: str, consult_item_id: str) -> None:
        self._pair(item_id, consult_item_id, "conference").conference()

    def check_version(self, user: str, item_id: str, document: str, version: int) -> None:
        kept = self.kept.get(item_id)
        data = kept.data if kept else self._item(item_id, "setAttachedData").handoff.data
        data.check(user, document, version)

    async def set_attached_data(self, user: str, item_id: str, document: str) -> None:
        """`document` is the whole item, already merged with what was there."""
        if (kept := self.kept.get(item_id)) is not None:
            await self.kept.write(kept, user, document)
            return
        item = self._item(item_id, "setAttachedData")
        errand = item.handoff
        version = errand.take_from(user, document)
        if version is None:
            return
        if isinstance(errand, Consultation) and not errand.conferenced:
            errand.customer.note_asked(version, errand.ticket)
        mine = item.consultation.asker if isinstance(item, ConsultItem) else item
        if isinstance(mine, Offer):
            await mine.contact.take(version)
        told = {other.agent: other for other in (*errand.items(), item)}
        for agent, other in told.items():
            if agent != user or version.guarded:
                event = ItemAttachedDataChanged(other.item_id, errand.document, errand.data.number)
                self.exchange.rooms.publisher.publish(agent, event)
        visit = errand.visit
        await self.exchange.rooms.store.save_call(visit.record.document() if visit.over else open_record(visit))


def _not_allowed(operation: str, item: Item) -> IciRefusal:
    snapshot = item.snapshot()
    return NotAllowed(operation, snapshot.status, snapshot.capabilities, item_id=item.item_id)
