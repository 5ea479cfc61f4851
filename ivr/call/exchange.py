"""All calls of the house, and everybody they meet: routes events to calls, and the floor's commands to people."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Any

from ivr.agents import events as floor
from ivr.agents.floor import Floor
from ivr.agents.saved import SavedCallback
from ivr.call.calling_back import CallingBack
from ivr.call.colleague_call import Asking
from ivr.call.consultation import Consultation
from ivr.call.daybook import Daybook
from ivr.call.destination import place_of
from ivr.call.direct import DirectBridges
from ivr.call.draft import DRAFT
from ivr.call.handoff import Handoff
from ivr.call.item import Item
from ivr.call.leg_owner import LegOwner
from ivr.call.locator import Locator
from ivr.call.outside import OutsideCall
from ivr.call.phones import Phones
from ivr.call.presence import tell_change
from ivr.call.queue_hours import QueueHours
from ivr.call.queues import queue_rules
from ivr.call.referral import Referral
from ivr.call.remembering import remember_callers
from ivr.call.rooms import Rooms
from ivr.call.succession import take_place
from ivr.call.tasks import Tasks
from ivr.call.telephone_transfer import TelephoneTransfers
from ivr.call.telephones import Telephones
from ivr.call.transfer import Transfers
from ivr.call.trunks import Trunks
from ivr.call.visit import Visit
from ivr.errors import LocalProtocolError
from ivr.ici.switchboard import EndReason
from ivr.media.messages import MediaEvent, WorkerLost
from ivr.menu.events import HandoffEnded, StartHandoff, TransferEnded
from ivr.menu.model import Menu
from ivr.sip import events as sip

ITEMS_KEPT = 2000
"""Items that stay readable and writable after their call, for what agents add during wrap-up."""
GOODBYE_WAIT = 3.0
"""Seconds that live calls have to answer our BYE when the engine stops."""
logger = logging.getLogger(__name__)


class Exchange:
    """Owns visits, handoffs, items and the floor. Everything runs on the event loop's thread."""

    def __init__(self, rooms: Rooms, menu: Menu, agents_floor: Floor) -> None:
        self.rooms = rooms
        self.menu = menu
        """What the next caller gets; live calls keep theirs."""
        self.draft: Menu | None = None
        """What who dials `draft` gets; None where no draft is served."""
        self.agents = agents_floor
        self.people = {agent.id: agent for agent in rooms.settings.agents}
        self.locator = Locator(rooms.names, rooms.signalling.flow_to, rooms.clock)
        self.trunks = Trunks(rooms.settings.sip.trunks, rooms.signalling, self.locator, rooms.clock)
        self.phones = Phones(rooms, self.locator, self.trunks.is_down)
        self.telephones = Telephones(rooms, self.phone_changed)
        self.direct = DirectBridges(rooms.signalling)
        self.tasks = Tasks("exchange")
        self.visits: dict[str, Visit] = {}
        self.legs: dict[str, LegOwner] = {}
        self.handoffs: dict[str, Handoff] = {}
        self.consultations: dict[str, Consultation | Asking] = {}
        """By ticket: what an agent's telephone rings for, or is picked up for, that is no caller's handoff."""
        self.transfers = Transfers(self)
        self.telephone_transfers = TelephoneTransfers(self)
        self.items: OrderedDict[str, Item] = OrderedDict()
        self.outside: dict[str, OutsideCall | Referral] = {}
        self.accepting = False
        """False before everything is ready, and while stopping: new calls get 503."""
        self.late_pops = 0
        self.calls_total = 0
        self.calls_refused = 0
        self._inbox: deque[floor.Event | None] = deque()
        self._working = False
        self._leg_gone = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self.watchers: list[Callable[[str], None]] = []
        """Told of every agent who has changed, once it is on disk."""
        self.daybook = Daybook(self)
        self.calling_back = CallingBack(self)
        self.queue_hours = QueueHours(self)
        self._told: dict[str, asyncio.Task[None]] = {}

    # --- events of the rooms below -----------------------------------------------------------------------

    def on_sip(self, event: sip.Output) -> None:
        """Everything the SIP user agent has to tell."""
        if isinstance(event, sip.IncomingCall):
            self._incoming(event)
            return
        if isinstance(event, (sip.Registered, sip.RegistrationToKeep, sip.WatchesChanged)):
            self.telephones.on_registered(event)
            return
        if self.trunks.takes(event):
            return
        if isinstance(event, sip.WayFailed):
            logger.warning("way_failed leg=%s at=%s status=%d", event.leg, place_of(event.flow), event.status)
            self.locator.failed(event.flow)
            return
        if isinstance(event, sip.ReferRequested):
            self.telephone_transfers.asked(event)
            return
        name = getattr(event, "leg", "")
        leg = self.legs.get(name)
        if leg is None:
            return
        if isinstance(leg, Visit) and name != leg.sip_leg:
            return  # another call has taken that one's place
        if not self.direct.takes(event):
            leg.on_sip(event)
        over = isinstance(event, (sip.CallEnded, sip.CallCancelled, sip.CallRefused))
        if over and not self.rooms.signalling.user_agent.has_leg(name):  # a refused call may be made again
            self.legs.pop(name, None)
            if isinstance(leg, Visit):
                self.legs.pop(leg.leg, None)
            self._leg_gone.set()

    def on_media(self, event: MediaEvent) -> None:
        """Everything the media workers have to tell."""
        if isinstance(event, WorkerLost):
            for name in event.legs:
                self.direct.lost(name)
                if leg := self.legs.get(name):
                    leg.sound_lost()
            return
        leg = self.legs.get(event.leg)
        if leg is not None:
            leg.on_media(event)

    # --- menus ----------------------------------------------------------------------------------------------

    def use_menu(self, menu: Menu) -> None:
        """The next caller gets this menu. Queues of menus that live calls still play stay open for them.

        Raises LocalProtocolError for a queue that could not work; nothing has changed then.
        """
        playing = [visit.menu for visit in self.visits.values() if not visit.draft]
        self.agents.use_queues(queue_rules([*playing, menu]))
        self.menu = menu

    def is_draft(self, called: str) -> bool:
        return self.draft is not None and called.lower() == DRAFT

    def menu_for(self, called: str) -> Menu:
        """By what was dialled."""
        return self.draft if self.draft is not None and self.is_draft(called) else self.menu

    # --- visits ---------------------------------------------------------------------------------------------

    def _incoming(self, incoming: sip.IncomingCall) -> None:
        sip_settings = self.rooms.settings.sip
        if not self.accepting:  # how many there may be is for the guard in front of us to say
            self.calls_refused += 1
            logger.warning("call_refused caller=%s why=not ready", incoming.calling_number)
            headers = [("Retry-After", str(sip_settings.retry_after))]
            self.rooms.signalling.refuse(incoming.leg, 503, headers=headers)
            return
        if incoming.replaces:
            take_place(self, incoming)
            return
        if self.telephone_transfers.takes(incoming):
            return
        self.calls_total += 1
        stamp = self.rooms.clock.utc().strftime("%Y%m%d-%H%M%S")
        visit = Visit(f"{stamp}-{secrets.token_hex(3)}", incoming, self)
        self.visits[visit.id] = visit
        self.rooms.signalling.trace.name(incoming.call_id, visit.id)
        self.legs[visit.leg] = visit
        visit.tasks.spawn(visit.begin())

    def visit_over(self, visit: Visit) -> None:
        """The caller is gone: withdraw everything that was done for him."""
        self.visits.pop(visit.id, None)
        self.cancel_handoff(visit)
        self.cancel_transfer(visit)
        self.tasks.spawn(visit.close())

    # --- handoffs -------------------------------------------------------------------------------------------

    def start_handoff(self, visit: Visit, command: StartHandoff) -> None:
        ticket = self.begin_handoff(visit, command)
        self.tell_floor(self.handoffs[ticket].joins())

    def begin_handoff(
        self,
        visit: Visit,
        command: StartHandoff,
        *,
        since: float | None = None,
        sent_to: tuple[str, ...] = (),
    ) -> str:
        """A new ticket, of which the floor is still to be told. `since`, `sent_to`: see `Handoff`."""
        ticket = f"{visit.id}-h{len(visit.record.handoffs) + 1}"
        self.handoffs[ticket] = Handoff(ticket, visit, command, self, since=since, sent_to=sent_to)
        visit.save()
        return ticket

    def handoff_of(self, visit: Visit) -> Handoff | None:
        """The handoff of this visit that is not over."""
        return next((handoff for handoff in self.handoffs.values() if handoff.visit is visit), None)

    def partner_of(self, visit: Visit) -> str | None:
        """The leg of whom the caller talks with."""
        outside = self.outside.get(visit.id)
        if isinstance(outside, OutsideCall) and outside.joined:
            return outside.leg
        handoff = self.handoff_of(visit)
        agent = handoff.joined if handoff is not None else None
        if agent is None or (agent.consultation is not None and not agent.consultation.with_caller):
            return None
        return agent.leg

    def straighten(self, visit: Visit) -> None:
        """Caller and agent hear each other again: their voices may go straight, as they did before."""
        handoff = self.handoff_of(visit)
        if handoff is not None and handoff.joined is not None:
            handoff.joined.straighten()

    def cancel_handoff(self, visit: Visit, *, for_callback: bool = False) -> None:
        """The caller left the queue, or hung up while talking."""
        handoff = self.handoff_of(visit)
        if handoff is None:
            return
        if handoff.joined is not None:
            self.part(handoff, "failed" if visit.record.end_by == "failure" else "normal")
        else:
            self.tell_floor(floor.CallerLeft(handoff.ticket, "callback" if for_callback else "abandoned"))

    def part(self, handoff: Handoff, reason: EndReason = "normal") -> None:
        """Agent and caller are no longer together."""
        offer = handoff.joined
        self.handoffs.pop(handoff.ticket, None)
        if offer is not None:
            if offer.consultation is not None:
                offer.consultation.over(reason)
            handoff.joined = None
            offer.end(reason)
            self.tell_floor(floor.AgentCallEnded(offer.agent, handoff.ticket))

    def remember(self, item: Item) -> None:
        self.items[item.item_id] = item
        while len(self.items) > ITEMS_KEPT:
            oldest = next(iter(self.items))
            if self.items[oldest].live:
                break
            del self.items[oldest]

    def screen_lost(self, user: str) -> None:
        """The agent's desktop does not take events any more (H3)."""
        self.tell_floor(floor.ScreenLost(user))

    # --- the floor ------------------------------------------------------------------------------------------

    def tell_floor(self, event: floor.Event) -> None:
        """Tell the floor, and do what it says; what that causes is told after it, never in the middle."""
        self._inbox.append(event)
        self._work()

    def _work(self) -> None:
        if self._working:
            return
        self._working = True
        try:
            while self._inbox:
                for command in self._ask_floor(self._inbox.popleft()):
                    self._do(command)
        finally:
            self._working = False
        self._set_timer()

    def _ask_floor(self, event: floor.Event | None) -> list[floor.Command]:
        now = self.rooms.clock.monotonic()
        try:
            return self.agents.expire(now) if event is None else self.agents.handle(event, now)
        except LocalProtocolError as error:  # a fault of ours; the other events of the inbox must not suffer
            logger.error("floor_refused event=%s why=%s", type(event).__name__, error)
            return []

    def restore(self, states: dict[str, dict[str, Any]], callbacks: Sequence[SavedCallback] = ()) -> None:
        """Agents as they were before a restart (AG18). Their screens have to log on again (AG16).

        Callbacks come last: nobody is to be rung out of hours, or for an agent whose screen is not there yet.
        """
        self.queue_hours.start()
        now = self.rooms.clock.monotonic()
        for command in self.agents.restore(states, now):
            self._do(command)
        for agent in self.rooms.settings.agents:
            if self.agents.agent(agent.id).state is not floor.AgentState.OFF:
                self.tell_floor(floor.ScreenLost(agent.id))
        for command in self.agents.restore({}, now, callbacks):
            self._do(command)
        self.tasks.spawn(remember_callers(self, self.rooms.clock.utc()))

    async def find_telephones(self) -> None:
        """Those that were registered before a restart, and which agents have none."""
        await self.telephones.restore()
        for agent in self.rooms.settings.agents:
            self.phone_changed(agent.id)

    def phone_changed(self, user: str) -> None:
        """Somebody's telephones are others now: the floor is told of agents who cannot be rung, or can again."""
        for agent in sorted({user, *self.phones.seats(user)} & self.people.keys()):
            reachable = self.phones.is_reachable(agent)
            if self.agents.agent(agent).phone != reachable:
                self.tell_floor(floor.PhoneChanged(agent, reachable))

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.agents.deadline
        if deadline is not None:
            delay = max(0.0, deadline - self.rooms.clock.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._inbox.append(None)
        self._work()

    def _do(self, command: floor.Command) -> None:
        if isinstance(command, floor.AgentChanged):
            self._agent_changed(command)
            return
        if (consultation := self.consultations.get(command.ticket)) is not None:
            consultation.do(command)
            return
        self.calling_back.do(command)
        handoff = self.handoffs.get(command.ticket)
        if handoff is None:
            return
        match command:
            case floor.OfferCall():
                handoff.offer_to(command.agent)
            case floor.TellWaiting() | floor.OfferPlace():
                handoff.tell_waiting(command)
            case floor.WithdrawOffer():
                handoff.withdraw(command.agent, command.why)
            case floor.JoinCall():
                handoff.join(command.agent)
            case floor.TicketEnded():
                self.daybook.changed()
                self._ticket_ended(handoff, command)
            case floor.TicketWidened():
                handoff.widened(command.to)
            case floor.RingOutside():
                self._ring_outside(handoff, command.to)
            case floor.CancelOutside():
                outside = self.outside.pop(handoff.visit.id, None)
                if outside is not None:
                    outside.end()

    def _ticket_ended(self, handoff: Handoff, command: floor.TicketEnded) -> None:
        handoff.end(command.outcome, command.waited, command.agent)
        if command.outcome == "answered":
            handoff.visit.save()
            handoff.visit.handoff_ended(HandoffEnded("answered", command.agent))
            return
        self.handoffs.pop(handoff.ticket, None)
        if command.outcome == "overflow":
            handoff.visit.handoff_ended(HandoffEnded("failed" if command.why == "unstaffed" else "busy"))
        elif command.outcome == "closed" or command.outcome == "failed":
            handoff.visit.handoff_ended(HandoffEnded(command.outcome))

    def _agent_changed(self, command: floor.AgentChanged) -> None:
        """Saved, then told: in this order, and one change after the other."""
        before = self._told.get(command.agent)
        self._told[command.agent] = self.tasks.spawn(tell_change(self, command, before))

    async def agent_saved(self, agent: str) -> None:
        """Until his newest state is on disk: nothing may be acknowledged before (a kill would take it back)."""
        if (saving := self._told.get(agent)) is not None:
            await asyncio.wait([saving])

    # --- outside lines ----------------------------------------------------------------------------------------

    def start_transfer(self, visit: Visit, to: str) -> None:
        """The menu's `transfer` step."""

        def outcome(joined: bool) -> None:
            visit.transfer_ended(TransferEnded("answered" if joined else "failed"))

        if self.rooms.settings.sip.transfer == "refer":
            self.outside[visit.id] = referral = Referral(to, visit, self, outcome)
            referral.begin()
        else:
            self.call_outside(visit, to, outcome)

    def cancel_transfer(self, visit: Visit) -> None:
        """The caller no longer wants it, or is gone."""
        outside = self.outside.pop(visit.id, None)
        if outside is not None:
            outside.end()

    def _ring_outside(self, handoff: Handoff, to: str) -> None:
        """The last spill of a queue."""

        def outcome(joined: bool) -> None:
            kind = floor.OutsideAnswered if joined else floor.OutsideFailed
            self.tell_floor(kind(handoff.ticket))

        self.call_outside(handoff.visit, to, outcome)

    def call_outside(self, visit: Visit, to: str, outcome: Callable[[bool], None]) -> None:
        """Ring an outside number and join it with the caller."""
        outside = OutsideCall(visit.id, to, visit, self, outcome)
        self.outside[visit.id] = outside
        outside.begin()

    def has_agent(self, agent: str) -> bool:
        return agent in self.people

    # --- stopping ---------------------------------------------------------------------------------------------

    async def stop(self) -> None:
        """No new calls; live ones are hung up properly and their records written."""
        self.accepting = False
        for visit in list(self.visits.values()):
            visit.hang_up("system", "the engine was stopped")
        await self.trunks.stop()
        try:
            async with asyncio.timeout(GOODBYE_WAIT):
                while self.legs:
                    self._leg_gone.clear()
                    await self._leg_gone.wait()
        except TimeoutError:
            logger.warning("stop_not_answered legs=%d", len(self.legs))
        if self._timer is not None:
            self._timer.cancel()
        self.queue_hours.stop()
        await self.daybook.close()
        await self.tasks.wait()
        await self.telephones.saved()
