"""The floor: every agent and every waiting caller, and the one place where they are brought together.

An event is applied, then whatever time has made due happens, then callers and agents are matched until nothing
more can be: so after any event no caller waits while somebody could take the call (RT15). Callers are served by
band, then priority with age, then arrival; which of the agents who fit is rung is the strategy of the queue.

An offer is a lease: ticket and agent name each other until an answer, a refusal, a withdrawal
or time ends it. An event that names an offer which has ended is late, and ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ivr.agents.agent import TALKING, Agent
from ivr.agents.callback import Callback
from ivr.agents.events import (
    WORKMODE_LOGGED_OFF,
    WORKMODE_WRAP_UP,
    Accepted,
    AgentCallEnded,
    AgentState,
    CallbackDeclined,
    CallbackPromised,
    CallerJoined,
    CallerLeft,
    CallerMoved,
    CallerSent,
    CallHeld,
    CallRetrieved,
    CallTaken,
    CancelOutside,
    Command,
    CustomerAnswered,
    CustomerNotReached,
    Event,
    LoggedOn,
    OfferFailed,
    OfferPlace,
    OutsideAnswered,
    OutsideFailed,
    PhoneAnswered,
    PhoneChanged,
    PlaceTaken,
    QueueClosed,
    QueueOpened,
    QueueRule,
    QueuesLeft,
    Rejected,
    ScreenFound,
    ScreenLost,
    TicketEnded,
    WorkmodeChosen,
    WrapUpFinished,
)
from ivr.agents.matching import Matching
from ivr.agents.memory import Place
from ivr.agents.overview import AT_WORK
from ivr.agents.reach import Reach, reaches
from ivr.agents.saved import SavedCallback, SavedState, saved_state
from ivr.agents.ticket import Ticket, check_rule, outside_lines
from ivr.agents.views import Person
from ivr.config import RoutingSettings
from ivr.errors import LocalProtocolError

NOBODY = (Reach(0.0, "", frozenset()),)
"""Whom a caller without a queue may be given to besides those he was sent to."""


class Floor(Matching):
    """Agents, queues and what happens between them. Pure: time is an argument."""

    def __init__(
        self,
        agents: Sequence[Person],
        queues: Sequence[QueueRule],
        routing: RoutingSettings,
        *,
        strict_presence: bool = False,
    ) -> None:
        """`strict_presence` shows wrap-up, not ready and missed as Busy (PR3).

        Raises ValueError for skills that cannot be read.
        """
        super().__init__(agents, routing, strict_presence=strict_presence)
        self._numbers = 0
        self._reaches: dict[str, tuple[Reach, ...]] = {}
        self.use_queues(queues)

    def use_queues(self, queues: Sequence[QueueRule]) -> None:
        """Take these rules for callers who join from now on; those who wait keep theirs.

        Raises LocalProtocolError for a rule that could not work.
        """
        for rule in queues:
            check_rule(rule)
        self._rules = {rule.name: rule for rule in queues}
        people = {agent.id: agent.skills for agent in self._agents.values()}
        widen = self._routing.widen
        self._reaches = {name: reaches(rule, people, self._rules, widen) for name, rule in self._rules.items()}

    # --- events in, commands out ------------------------------------------------------------------------

    def handle(self, event: Event, now: float) -> list[Command]:
        """Take one event; the commands are to be carried out one by one, in this order.

        Raises LocalProtocolError, with nothing changed, for what we asked wrongly: an agent or queue that does
        not exist, a ticket that is waiting already, a work mode that does not exist or of somebody logged off.
        """
        self._apply(event, now)
        return self._finish(now)

    def expire(self, now: float) -> list[Command]:
        """Do what time has made due."""
        return self._finish(now)

    @property
    def deadline(self) -> float | None:
        """When to call `expire`, monotonic seconds."""
        times = [agent.until for agent in self._agents.values() if agent.until is not None]
        patience = self._routing.unstaffed
        times += [at for t in self._tickets.values() if (at := t.next_time(self._now, patience)) is not None]
        return min(times, default=None)

    def restore(
        self, states: Mapping[str, Mapping[str, Any]], now: float, callbacks: Sequence[SavedCallback] = ()
    ) -> list[Command]:
        """Take what was saved before a restart: agents' states (`saved` of an `AgentChanged`, AG18) and callbacks.

        Calls and offers did not survive: who talked has wrap-up, who was being rung is available, timers start
        anew. Agents without a saved state, or with one that cannot be read, are logged off. Follow it with
        `ScreenLost` for everybody whose desktop is not known to listen. Callbacks keep their place; one of a queue
        that no longer exists ends as closed.
        """
        for agent in self._agents.values():
            if (saved := saved_state(states.get(agent.id, {}))) is not None:
                self._restore(self._touch(agent), saved, now)
        for callback in callbacks:
            self._restore_callback(callback, now)
        return self._finish(now)

    def remember_agent(self, caller: str, agent: str, at: float) -> None:
        """`caller` spoke with `agent` at that time: known from elsewhere, such as the call records."""
        if agent in self._agents:
            self._last.spoke(caller, agent, at)

    def remember_place(self, ticket: str, caller: str, queue: str, joined: float, now: float) -> None:
        """`caller` lost a place just now that this floor has not seen, as by a restart."""
        self._numbers += 1
        self._places.keep(Place(ticket, caller, queue, self._numbers, joined, now, lost=True))

    # --- one event --------------------------------------------------------------------------------------

    def _apply(self, event: Event, now: float) -> None:
        match event:
            case CallerJoined():
                self._join_queue(event, now)
            case CallerSent():
                self._send(event, now)
            case CallerMoved():
                self._move(event, now)
            case CallTaken():
                self._take_over(event, now)
            case CallerLeft():
                self._caller_left(event, now)
            case PlaceTaken(ticket=ticket_id):
                self._take_place(ticket_id, now)
            case CallbackPromised():
                self._promise_callback(event, now)
            case CustomerAnswered() | CustomerNotReached() | CallbackDeclined():
                self._callback_event(event, now)
            case QueueClosed(queue=name):
                self._close_queue(name, now)
            case QueueOpened(queue=name):
                self._closed.discard(name)
            case LoggedOn(agent=agent_id):
                self._touch(self._agent(agent_id)).log_on(now)
            case WorkmodeChosen():
                self._choose_workmode(event, now)
            case QueuesLeft(agent=agent_id, queues=left):
                self._touch(self._agent(agent_id)).left = left
            case ScreenLost(agent=agent_id):
                self._screen_lost(self._agent(agent_id))
            case ScreenFound(agent=agent_id):
                self._touch(self._agent(agent_id)).find_screen(now)
            case PhoneChanged(agent=agent_id, reachable=reachable):
                self._touch(self._agent(agent_id)).phone = reachable
            case OutsideAnswered(ticket=ticket_id):
                self._outside_answered(ticket_id, now)
            case OutsideFailed(ticket=ticket_id):
                if (ticket := self._tickets.get(ticket_id)) is not None and ticket.outside:
                    self._outside_failed(ticket, now)
            case Accepted() | PhoneAnswered() | Rejected() | OfferFailed():
                self._offer_event(event, now)
            case CallHeld() | CallRetrieved() | AgentCallEnded() | WrapUpFinished():
                self._call_event(event, now)

    def _offer_event(self, event: Accepted | PhoneAnswered | Rejected | OfferFailed, now: float) -> None:
        agent = self._agent(event.agent)
        if agent.state is not AgentState.OFFERED or agent.ticket != event.ticket:
            return
        match event:
            case Accepted():
                agent.accepted = True
            case PhoneAnswered():
                self._join(agent, now)
            case Rejected():
                self._take_back(agent, "rejected")
                agent.reject(now, self._routing.after_reject)
            case OfferFailed(why="screen") if agent.screen:
                self._screen_lost(agent)
            case OfferFailed():
                self._take_back(agent, "failed")
                agent.lose_phone()

    def _call_event(self, event: CallHeld | CallRetrieved | AgentCallEnded | WrapUpFinished, now: float) -> None:
        agent = self._agent(event.agent)
        if isinstance(event, WrapUpFinished):
            if agent.state is AgentState.WRAP_UP:
                self._touch(agent).time_is_up(now)
        elif agent.state in TALKING and agent.ticket == event.ticket:
            match event:
                case CallHeld():
                    self._touch(agent).state = AgentState.ON_HOLD
                case CallRetrieved():
                    self._touch(agent).state = AgentState.IN_CALL
                case AgentCallEnded():
                    self._part(agent, now)

    def _join_queue(self, event: CallerJoined, now: float) -> None:
        ticket = self._issue(event, self._rule(event.queue), now)
        ticket.caller, ticket.returned, ticket.announce = event.caller, event.returned, event.announce
        if event.resume and self._places.of_caller(event.caller, event.queue, now) is not None:
            self._commands.append(OfferPlace(ticket.id))

    def _send(self, event: CallerSent, now: float) -> None:
        rule = self._rule(event.queue) if event.queue else QueueRule("", frozenset(), 0, event.ring)
        wanted = tuple(self._agent(agent_id).id for agent_id in event.agents)
        ticket = self._issue(event, rule, now)
        ticket.wanted, ticket.returned, ticket.caller = wanted, bool(event.queue), event.caller

    def _move(self, event: CallerMoved, now: float) -> None:
        rule, agent = self._rule(event.queue), self._agent(event.agent)
        if agent.state is AgentState.OFFERED and agent.ticket == event.ticket:
            self._take_back(agent, "overtaken")
            agent.reject(now, self._routing.after_reject)
            ticket = self._tickets[event.ticket]
            if ticket.outside:
                self._commands.append(CancelOutside(ticket.id))
            if ticket.has_queue:
                self._queue_figures(ticket.rule.name).not_here()
            self._queue_figures(rule.name).joined += 1
            ticket.move_to(rule, self._reaches[rule.name], outside_lines(rule, frozenset(self._rules)), now)
            if ticket.callback is not None:
                self._commands.append(ticket.kept())

    def _take_over(self, event: CallTaken, now: float) -> None:
        """The two swap roles in one step, so that the call has an owner at every moment. Who has a queue's caller
        of his own takes no other: that caller would be nobody's."""
        giver, taker = self._agent(event.agent), self._agent(event.by)
        may_take = taker is not giver and taker.state in TALKING and not taker.queue
        if may_take and giver.state in TALKING and giver.ticket == event.ticket:
            taker.ticket, taker.state = event.ticket, AgentState.IN_CALL
            taker.queue, taker.joined_at = giver.queue, now
            self._touch(taker)
            self._last.spoke(event.caller, taker.id, now)
            self._part(giver, now)

    def _issue(self, event: CallerJoined | CallerSent, rule: QueueRule, now: float) -> Ticket:
        joined = now if event.joined is None else min(event.joined, now)
        ticket = self._new(event.ticket, rule, joined)
        ticket.entered = now
        ticket.priority_raise = event.priority_raise
        return ticket

    def _new(self, ticket_id: str, rule: QueueRule, joined: float, number: int | None = None) -> Ticket:
        if ticket_id in self._tickets or self._talker(ticket_id) is not None:
            raise LocalProtocolError(f"ticket {ticket_id} is in use; a caller who joins needs a new one")
        if number is None:
            self._numbers += 1
            number = self._numbers
        ticket = Ticket(
            ticket_id,
            number,
            rule,
            priority_raise=0,
            joined=joined,
            since=joined,
            reach=self._reaches.get(rule.name, NOBODY),
            lines=outside_lines(rule, frozenset(self._rules)),
        )
        self._tickets[ticket_id] = ticket
        if rule.name:
            self._queue_figures(rule.name).joined += 1
        return ticket

    def _caller_left(self, event: CallerLeft, now: float) -> None:
        if (ticket := self._tickets.get(event.ticket)) is not None:
            self._free(ticket, "abandoned", now)
            self._end(ticket, event.why, now)
        elif (talker := self._talker(event.ticket)) is not None:
            self._part(talker, now)

    def _take_place(self, ticket_id: str, now: float) -> None:
        """RT12: the older number and age count again."""
        ticket = self._tickets.get(ticket_id)
        place = ticket and self._places.of_caller(ticket.caller, ticket.rule.name, now)
        if ticket is not None and place:
            self._places.take(place.ticket)
            ticket.number, ticket.joined = place.number, min(ticket.joined, place.joined)

    def _close_queue(self, name: str, now: float) -> None:
        """RT9. Callbacks stay, and ring nobody until the queue opens again."""
        self._closed.add(name)
        if self._routing.serve_at_close:
            return
        for ticket in [t for t in self._tickets.values() if t.rule.name == name and t.callback is None]:
            if not ticket.emergency:
                self._free(ticket, "closed", now)
                self._end(ticket, "closed", now)

    # --- callbacks --------------------------------------------------------------------------------------

    def _promise_callback(self, event: CallbackPromised, now: float) -> None:
        """A new ticket with the place of the old one. One that still waits ends: its caller is rung instead."""
        rule = self._rule(event.queue)
        if event.of in self._tickets:
            self._caller_left(CallerLeft(event.of, "callback"), now)
        place = self._places.of_ticket(event.of, now)
        joined, number = (place.joined, place.number) if place else (now, None)
        ticket = self._new(event.ticket, rule, joined, number)
        if place is not None:
            self._places.take(place.ticket)
        ticket.caller, ticket.callback = event.caller, Callback(not_before=now)
        self._commands.append(ticket.kept())

    def _restore_callback(self, saved: SavedCallback, now: float) -> None:
        self._numbers = max(self._numbers, saved.number)
        if saved.queue not in self._rules or saved.ticket in self._tickets:
            self._commands.append(TicketEnded(saved.ticket, "closed", max(0.0, now - saved.joined)))
            return
        ticket = self._new(saved.ticket, self._rules[saved.queue], saved.joined, saved.number)
        self._queue_figures(saved.queue).joined -= 1  # counted before the restart
        ticket.caller, ticket.callback = saved.caller, Callback(saved.not_before, saved.tries)

    def _callback_event(self, event: CustomerAnswered | CustomerNotReached | CallbackDeclined, now: float) -> None:
        ticket = self._tickets.get(event.ticket)
        if ticket is None or ticket.callback is None or ticket.callback.ringing_until is None:
            return
        match event:
            case CustomerAnswered():
                ticket.callback.answered()
                ticket.since = ticket.entered = now
            case CustomerNotReached():
                self._not_reached(ticket, ticket.callback, now)
            case CallbackDeclined():
                self._end(ticket, "abandoned", now)

    # --- agents -----------------------------------------------------------------------------------------

    def _choose_workmode(self, event: WorkmodeChosen, now: float) -> None:
        agent = self._agent(event.agent)
        if event.workmode == WORKMODE_WRAP_UP:
            agent.wrap_up_more(now, self._routing.wrap_up)
            return
        if agent.state is AgentState.OFFERED and event.workmode == WORKMODE_LOGGED_OFF:
            self._take_back(agent, "rejected")
        agent.choose(event.workmode, now)
        self._touch(agent)

    def _screen_lost(self, agent: Agent) -> None:
        if agent.state is AgentState.OFFERED and agent.screen:  # an offer by voice alone needs none
            self._take_back(agent, "failed")
        self._touch(agent).lose_screen()

    def _outside_answered(self, ticket_id: str, now: float) -> None:
        ticket = self._tickets.get(ticket_id)
        if ticket is None or not ticket.outside:
            return
        self._free(ticket, "overtaken", now)
        ticket.outside = ""
        self._end(ticket, "answered", now)

    def _outside_failed(self, ticket: Ticket, now: float) -> None:
        """The last line of a round failed and nobody at work could take the caller: waiting on would be a lie.

        The `busy` exit tells an emergency caller whom to dial, which no music does.
        """
        if ticket.outside_failed(now) and not ticket.agents and not self._hope(ticket, now):
            self._end(ticket, "overflow", now)

    def _hope(self, ticket: Ticket, now: float) -> bool:
        """Whether somebody who fits is at work: free, or busy with what will end."""
        at_work = (agent for agent in self._agents.values() if agent.state in AT_WORK and agent.phone)
        reach = ticket.reached(now).agents
        return any(agent.id in reach for agent in at_work)

    def _restore(self, agent: Agent, saved: SavedState, now: float) -> None:
        agent.left = saved.left
        agent.restore(saved.state, saved.reason, saved.next_workmode, now)
        if agent.state in TALKING or agent.state is AgentState.WRAP_UP:
            agent.finish_call(now, self._routing.wrap_up)
        elif agent.state is AgentState.MISSED:
            agent.until = now + self._routing.after_missed
        elif agent.reason == "rejected":
            agent.until = now + self._routing.after_reject
