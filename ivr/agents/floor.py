"""The floor: every agent and every waiting caller, and the one place where they are brought together.

An event is applied, then whatever time has made due happens, then callers and agents are matched until nothing
more can be: so after any event no caller waits while somebody could take the call (RT15). Callers are served by
band, then priority with age, then arrival; of the agents with the skills the longest idle is asked.

An offer is a lease: ticket and agent name each other until an answer, a refusal, a withdrawal
or time ends it. An event that names an offer which has ended is late, and ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ivr.agents.agent import TALKING, Agent
from ivr.agents.events import (
    WORKMODE_LOGGED_OFF,
    Accepted,
    AgentCallEnded,
    AgentState,
    CallerJoined,
    CallerLeft,
    CallerMoved,
    CallerSent,
    CallHeld,
    CallRetrieved,
    CallTaken,
    CancelOutside,
    Command,
    Event,
    JoinCall,
    LoggedOn,
    OfferCall,
    OfferFailed,
    OutsideAnswered,
    OutsideFailed,
    PhoneAnswered,
    QueueRule,
    Rejected,
    RingOutside,
    ScreenLost,
    TicketEnded,
    WithdrawOffer,
    WorkmodeChosen,
    WrapUpFinished,
)
from ivr.agents.overview import Overview
from ivr.agents.routing import agent_to_overtake, can_be_sent_to, free_agent, waiting_in_order
from ivr.agents.saved import SavedState, saved_state
from ivr.agents.ticket import Ticket, check_rule
from ivr.agents.views import Person
from ivr.config import RoutingSettings
from ivr.errors import LocalProtocolError

AT_WORK = frozenset(AgentState) - {AgentState.OFF, AgentState.NOT_READY}
"""States in which an agent is, or will be by itself, free for a caller."""


class Floor(Overview):
    """Agents, queues and what happens between them. Pure: time is an argument."""

    def __init__(
        self,
        agents: Sequence[Person],
        queues: Sequence[QueueRule],
        routing: RoutingSettings,
        *,
        strict_presence: bool = False,
    ) -> None:
        """`strict_presence` shows wrap-up, not ready and missed as Busy (PR3)."""
        self._agents = {a.id: Agent(a.id, a.skills, strict_presence=strict_presence) for a in agents}
        self._told = {agent.id: agent.told() for agent in self._agents.values()}
        self._routing = routing
        self._tickets: dict[str, Ticket] = {}
        self._numbers = 0
        self._now = 0.0
        self._commands: list[Command] = []
        self._touched: dict[str, Agent] = {}
        self.use_queues(queues)

    def use_queues(self, queues: Sequence[QueueRule]) -> None:
        """Take these rules for callers who join from now on; those who wait keep theirs.

        Raises LocalProtocolError for a rule that could not work.
        """
        for rule in queues:
            check_rule(rule)
        self._rules = {rule.name: rule for rule in queues}

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
        times += [at for ticket in self._tickets.values() if (at := ticket.next_time(self._now)) is not None]
        return min(times, default=None)

    def restore(self, states: Mapping[str, Mapping[str, Any]], now: float) -> list[Command]:
        """Take agents' states saved before a restart (`saved` of an `AgentChanged`), AG18.

        Calls and offers did not survive: who talked has wrap-up, who was being rung is available, timers start
        anew. Agents without a saved state, or with one that cannot be read, are logged off. Follow it with
        `ScreenLost` for everybody whose desktop is not known to listen.
        """
        for agent in self._agents.values():
            if (saved := saved_state(states.get(agent.id, {}))) is not None:
                self._restore(self._touch(agent), saved, now)
        return self._finish(now)

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
            case CallerLeft(ticket=ticket_id):
                self._caller_left(ticket_id, now)
            case LoggedOn(agent=agent_id):
                self._touch(self._agent(agent_id)).log_on(now)
            case WorkmodeChosen():
                self._choose_workmode(event, now)
            case ScreenLost(agent=agent_id):
                self._screen_lost(self._agent(agent_id))
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
            case OfferFailed(why="screen"):
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
                    self._touch(agent).finish_call(now, self._routing.wrap_up)

    def _join_queue(self, event: CallerJoined, now: float) -> None:
        self._issue(event, self._rule(event.queue), now)

    def _send(self, event: CallerSent, now: float) -> None:
        rule = self._rule(event.queue) if event.queue else QueueRule("", frozenset(), 0, event.ring)
        wanted = tuple(self._agent(agent_id).id for agent_id in event.agents)
        self._issue(event, rule, now).wanted = wanted

    def _move(self, event: CallerMoved, now: float) -> None:
        rule, agent = self._rule(event.queue), self._agent(event.agent)
        if agent.state is AgentState.OFFERED and agent.ticket == event.ticket:
            self._take_back(agent, "overtaken")
            agent.reject(now, self._routing.after_reject)
            ticket = self._tickets[event.ticket]
            ticket.rule, ticket.wanted = rule, ()

    def _take_over(self, event: CallTaken, now: float) -> None:
        """The two swap roles in one step, so that the call has an owner at every moment."""
        giver, taker = self._agent(event.agent), self._agent(event.by)
        if giver.state in TALKING and giver.ticket == event.ticket and taker.state in TALKING:
            taker.ticket, taker.state = event.ticket, AgentState.IN_CALL
            self._touch(taker)
            self._touch(giver).finish_call(now, self._routing.wrap_up)

    def _issue(self, event: CallerJoined | CallerSent, rule: QueueRule, now: float) -> Ticket:
        if event.ticket in self._tickets or self._talker(event.ticket) is not None:
            raise LocalProtocolError(f"ticket {event.ticket} is in use; a caller who joins needs a new one")
        joined = now if event.joined is None else min(event.joined, now)
        self._numbers += 1
        ticket = Ticket(event.ticket, self._numbers, rule, event.priority_raise, joined)
        self._tickets[event.ticket] = ticket
        return ticket

    def _caller_left(self, ticket_id: str, now: float) -> None:
        if (ticket := self._tickets.get(ticket_id)) is not None:
            if ticket.agent is not None:
                agent = self._agents[ticket.agent]
                self._take_back(agent, "abandoned")
                agent.release(now)
            self._end(ticket, "abandoned", now)
        elif (talker := self._talker(ticket_id)) is not None:
            self._touch(talker).finish_call(now, self._routing.wrap_up)

    def _choose_workmode(self, event: WorkmodeChosen, now: float) -> None:
        agent = self._agent(event.agent)
        if agent.state is AgentState.OFFERED and event.workmode == WORKMODE_LOGGED_OFF:
            self._take_back(agent, "rejected")
        agent.choose(event.workmode, now)
        self._touch(agent)

    def _screen_lost(self, agent: Agent) -> None:
        if agent.state is AgentState.OFFERED:
            self._take_back(agent, "failed")
        self._touch(agent).lose_screen()

    def _outside_answered(self, ticket_id: str, now: float) -> None:
        ticket = self._tickets.get(ticket_id)
        if ticket is None or not ticket.outside:
            return
        if ticket.agent is not None:
            agent = self._agents[ticket.agent]
            self._take_back(agent, "overtaken")
            agent.release(now)
        ticket.outside = ""
        self._end(ticket, "answered", now)

    def _outside_failed(self, ticket: Ticket, now: float) -> None:
        """The last line of a round failed and nobody at work could take the caller: waiting on would be a lie.

        The `busy` exit tells an emergency caller whom to dial, which no music does.
        """
        if ticket.outside_failed(now) and ticket.agent is None and not self._hope(ticket, now):
            self._end(ticket, "overflow", now)

    def _hope(self, ticket: Ticket, now: float) -> bool:
        """Whether somebody who fits is at work: free, or busy with what will end."""
        return any(agent.state in AT_WORK and ticket.fits(agent.skills, now) for agent in self._agents.values())

    # --- time and matching ------------------------------------------------------------------------------

    def _finish(self, now: float) -> list[Command]:
        self._now = max(self._now, now)
        self._end_leases(now)
        self._overflow(now)
        self._ring_outside(now)
        self._match(now)
        for agent in self._touched.values():
            self._tell(agent)
        commands, self._commands, self._touched = self._commands, [], {}
        return commands

    def _end_leases(self, now: float) -> None:
        for agent in self._agents.values():
            if agent.until is None or now < agent.until:
                continue
            if agent.state is AgentState.OFFERED:
                self._take_back(agent, "missed")
                agent.miss(now, self._routing.after_missed)
            else:
                self._touch(agent).time_is_up(now)

    def _overflow(self, now: float) -> None:
        over = [t for t in self._tickets.values() if t.agent is None and t.too_long(now)]
        for ticket in over:
            self._end(ticket, "overflow", now)

    def _ring_outside(self, now: float) -> None:
        for ticket in self._tickets.values():
            if address := ticket.outside_due(now):
                ticket.outside = address
                self._commands.append(RingOutside(ticket.id, address))

    def _match(self, now: float) -> None:
        """Everybody who fits is rung in this one pass (RT1).

        An emergency that finds nobody free takes a ringing agent over; the lesser caller keeps number and age and
        looks for another agent at once.
        """
        overtaken = False
        self._offer_to_wanted(now)
        free = [agent for agent in self._agents.values() if agent.state is AgentState.AVAILABLE]
        for ticket in waiting_in_order(self._tickets.values(), now):
            if not free and not ticket.emergency:
                break
            if (agent := free_agent(free, ticket, now)) is not None:
                free.remove(agent)
                self._offer(agent, ticket, now)
            elif ticket.emergency and (agent := self._overtake(ticket, now)) is not None:
                overtaken = True
                self._offer(agent, ticket, now)
        if overtaken:
            self._overflow(now)
            self._match(now)

    def _offer_to_wanted(self, now: float) -> None:
        """Callers who were sent to somebody: the next of theirs who is there, or an end of the search."""
        for ticket in [ticket for ticket in self._tickets.values() if ticket.agent is None and ticket.wanted]:
            while ticket.wanted:
                agent = self._agents[ticket.wanted[0]]
                if can_be_sent_to(agent):
                    agent.set_aside(now)
                    self._offer(agent, ticket, now)
                    break
                ticket.not_taken_by(agent.id)
        for ticket in [t for t in self._tickets.values() if not (t.has_queue or t.wanted or t.agent)]:
            self._end(ticket, "failed", now)

    def _overtake(self, emergency: Ticket, now: float) -> Agent | None:
        agent = agent_to_overtake(self._agents.values(), self._tickets, emergency, now)
        if agent is not None:
            self._take_back(agent, "overtaken")
        return agent

    def _offer(self, agent: Agent, ticket: Ticket, now: float) -> None:
        until = now + ticket.rule.ring
        ticket.agent = agent.id
        agent.offer(ticket.id, until)
        self._tell(agent)
        self._commands.append(OfferCall(agent.id, ticket.id, until))

    # --- ends -------------------------------------------------------------------------------------------

    def _take_back(
        self, agent: Agent, why: Literal["abandoned", "missed", "rejected", "failed", "overtaken"]
    ) -> None:
        """End the offer on both sides; the caller of this decides what becomes of the agent."""
        ticket = self._tickets[str(agent.ticket)]
        ticket.agent = None
        ticket.not_taken_by(agent.id)
        self._touch(agent)
        self._commands.append(WithdrawOffer(agent.id, ticket.id, why))

    def _join(self, agent: Agent, now: float) -> None:
        ticket = self._tickets[str(agent.ticket)]
        self._commands.append(JoinCall(agent.id, ticket.id))
        self._touch(agent).join()
        self._end(ticket, "answered", now, agent.id)

    def _end(
        self,
        ticket: Ticket,
        outcome: Literal["answered", "abandoned", "overflow", "failed"],
        now: float,
        agent: str = "",
    ) -> None:
        del self._tickets[ticket.id]
        if ticket.outside:
            self._commands.append(CancelOutside(ticket.id))
        self._commands.append(TicketEnded(ticket.id, outcome, ticket.waited(now), agent))

    def _restore(self, agent: Agent, saved: SavedState, now: float) -> None:
        agent.restore(saved.state, saved.reason, saved.next_workmode, now)
        if agent.state in TALKING or agent.state is AgentState.WRAP_UP:
            agent.finish_call(now, self._routing.wrap_up)
        elif agent.state is AgentState.MISSED:
            agent.until = now + self._routing.after_missed
        elif agent.reason == "rejected":
            agent.until = now + self._routing.after_reject

    def _talker(self, ticket_id: str) -> Agent | None:
        """Who talks to the caller of a ticket that has been answered."""
        for agent in self._agents.values():
            if agent.state in TALKING and agent.ticket == ticket_id:
                return agent
        return None

    def _touch(self, agent: Agent) -> Agent:
        self._touched[agent.id] = agent
        return agent

    def _tell(self, agent: Agent) -> None:
        told = agent.told()
        if told != self._told[agent.id]:
            self._told[agent.id] = told
            self._commands.append(told)
