"""The half of the floor that acts by itself: time passes, and callers and agents are brought together."""

from __future__ import annotations

from collections.abc import Sequence

from ivr.agents.agent import ASKED_WRAP_UP, Agent
from ivr.agents.callback import Callback
from ivr.agents.events import (
    AgentChanged,
    AgentState,
    CancelOutside,
    Command,
    JoinCall,
    OfferCall,
    Outcome,
    RingCustomer,
    RingOutside,
    StopCustomer,
    TellWaiting,
    TicketEnded,
    TicketWidened,
    Withdrawn,
    WithdrawOffer,
)
from ivr.agents.figures import Handling, StateTimes
from ivr.agents.memory import LastAgents, Place, Places
from ivr.agents.overview import AT_WORK, Overview
from ivr.agents.routing import agent_to_overtake, can_be_sent_to, free_agents, waiting_in_order
from ivr.agents.sign_on import has_left
from ivr.agents.strategy import STRATEGIES, Strategy
from ivr.agents.ticket import Ticket
from ivr.agents.views import Person
from ivr.config import RoutingSettings
from ivr.config.skills import skill_levels


class Matching(Overview):
    """Leases, waits, widening, outside lines, callbacks and offers; `Floor` adds what happens from outside."""

    def __init__(self, agents: Sequence[Person], routing: RoutingSettings, *, strict_presence: bool) -> None:
        self._agents = {a.id: Agent(a.id, skill_levels(a.skills), strict_presence=strict_presence) for a in agents}
        self._told: dict[str, AgentChanged] = {agent.id: agent.told() for agent in self._agents.values()}
        self._routing = routing
        self._tickets = {}
        self._rules = {}
        self._now = 0.0
        self._figures = {}
        self._handling = Handling()
        self._times = {agent: StateTimes(AgentState.OFF, 0.0) for agent in self._agents}
        self._last = LastAgents(routing.last_agent)
        self._places = Places()
        self._closed: set[str] = set()
        """Queues whose opening hours are over."""
        self._commands: list[Command] = []
        self._touched: dict[str, Agent] = {}

    def _finish(self, now: float) -> list[Command]:
        self._now = now = max(self._now, now)
        self._end_leases(now)
        self._overflow(now)
        self._widen(now)
        self._ring_outside(now)
        self._match(now)
        self._announce(now)
        for agent in self._touched.values():
            self._tell(agent)
        commands, self._commands, self._touched = self._commands, [], {}
        return commands

    # --- time -------------------------------------------------------------------------------------------

    def _end_leases(self, now: float) -> None:
        for agent in self._agents.values():
            if agent.until is None or now < agent.until:
                continue
            if agent.state is AgentState.OFFERED:
                of_queue = self._tickets[str(agent.ticket)].has_queue
                self._take_back(agent, "missed")
                agent.miss(now, self._routing.after_missed, of_queue=of_queue)
            else:
                self._touch(agent).time_is_up(now)
        for ticket in list(self._tickets.values()):
            callback = ticket.callback
            if callback is not None and callback.ringing_until is not None and now >= callback.ringing_until:
                self._commands.append(StopCustomer(ticket.id))
                self._not_reached(ticket, callback, now)

    def _not_reached(self, ticket: Ticket, callback: Callback, now: float) -> None:
        if callback.in_vain(now):
            self._end(ticket, "unreached", now)
        else:
            self._commands.append(ticket.kept())

    def _overflow(self, now: float) -> None:
        """Who has waited too long, and who waits for nobody (RT8), is told so; a queue's outside line is rung
        now instead."""
        if not self._tickets:
            return
        by_voice = self._routing.voice_only
        listening = {id for id, a in self._agents.items() if a.screen or (by_voice and a.works_by_voice)}
        leavers = [agent for agent in self._agents.values() if agent.left]
        patience = self._routing.unstaffed
        for ticket in [t for t in self._tickets.values() if t.waits and t.has_queue]:
            gone = {agent.id for agent in leavers if has_left(agent.left, ticket.rule)}
            if not ticket.everybody.isdisjoint(listening - gone if gone else listening):
                ticket.alone_since, ticket.nobody_else = None, False
            elif ticket.alone_since is None:
                ticket.alone_since = now
            if ticket.too_long(now):
                self._end(ticket, "overflow", now)
            elif ticket.alone_since is None or not patience or now < ticket.alone_since + patience:
                continue
            elif ticket.lines:
                ticket.nobody_else = True
            else:
                self._end(ticket, "overflow", now, unstaffed=True)

    def _widen(self, now: float) -> None:
        for ticket in self._tickets.values():
            if ticket.waits:
                self._commands += [TicketWidened(ticket.id, to) for to in ticket.widening(now)]

    def _ring_outside(self, now: float) -> None:
        for ticket in self._tickets.values():
            if ticket.present and (address := ticket.outside_due(now)):
                ticket.outside = address
                self._commands.append(RingOutside(ticket.id, address))

    def _announce(self, now: float) -> None:
        """Place and wait, at entry and now and then; never to somebody an agent is being rung for (RT16)."""
        for ticket in self._tickets.values():
            if ticket.announcement_due(now):
                ticket.announced = now
                least, most = self.wait_range(ticket.id) or (None, None)
                self._commands.append(TellWaiting(ticket.id, self.position(ticket.id) or 1, least, most))

    # --- matching ---------------------------------------------------------------------------------------

    def _match(self, now: float) -> None:
        """Everybody who fits is rung in this one pass (RT1).

        An emergency that finds nobody free takes a ringing agent over; the lesser caller keeps number and age and
        looks for another agent at once. Who is left over helps to ring where the strategy rings everybody.
        """
        if not self._tickets:
            return
        overtaken = False
        if self._offer_to_wanted(now):  # what is due to those who are anybody's from now on
            self._overflow(now)
            self._widen(now)
            self._ring_outside(now)
        free = {id: agent for id, agent in self._agents.items() if agent.is_free}
        for ticket in waiting_in_order(self._tickets.values(), now):
            if not free and not ticket.emergency:
                continue
            found = self._in_order(free, ticket, now)
            if not ticket.present:
                self._ring_customer(ticket, len(found), now)
            elif found:
                del free[found[0].id]
                self._offer(found[0], ticket, now)
            elif ticket.emergency and (agent := self._overtake(ticket, now)) is not None:
                overtaken = True
                self._offer(agent, ticket, now)
        if overtaken:
            self._overflow(now)
            self._match(now)
            return
        if free:
            self._ring_all(free, now)
        if self._routing.voice_only:
            self._match_by_voice(now)

    def _match_by_voice(self, now: float) -> None:
        """H3, H10: where nobody at work has a desktop, who was ready when it was lost gets the caller anyway.

        An emergency does not wait for a desktop of somebody who is asked only later.
        """
        free = {id: agent for id, agent in self._agents.items() if agent.is_free_by_voice}
        seeing = [a for a in self._agents.values() if a.screen and a.state in AT_WORK] if free else []
        for ticket in waiting_in_order(self._tickets.values(), now) if free else ():
            there = {agent.id for agent in seeing if not has_left(agent.left, ticket.rule)}
            asked = ticket.reached(now).agents if ticket.emergency else ticket.everybody
            if ticket.present and asked.isdisjoint(there) and (found := self._in_order(free, ticket, now)):
                del free[found[0].id]
                self._offer(found[0], ticket, now)

    def _in_order(self, free: dict[str, Agent], ticket: Ticket, now: float) -> list[Agent]:
        last = self._last.of(ticket.caller, now)
        return free_agents(free.values(), ticket, self._strategy(ticket), last, now)

    def _strategy(self, ticket: Ticket) -> Strategy:
        return STRATEGIES[ticket.rule.strategy or self._routing.strategy]

    def _ring_customer(self, ticket: Ticket, free: int, now: float) -> None:
        """RT11: it is the turn of a callback. No more customers are rung at once than agents are free for them."""
        assert ticket.callback is not None
        rung = sum(1 for t in self._tickets.values() if t.callback and t.callback.ringing_until is not None)
        if free > rung and ticket.rule.name not in self._closed:
            until = ticket.callback.ring(now)
            self._commands.append(RingCustomer(ticket.id, ticket.caller, until))

    def _ring_all(self, free: dict[str, Agent], now: float) -> None:
        """RT7: nobody waits unserved, so who is still free helps to ring."""
        together = [t for t in self._tickets.values() if t.agents and not t.wanted and self._strategy(t).together]
        for ticket in sorted(together, key=lambda one: one.rank(now)):
            for agent in self._in_order(free, ticket, now):
                del free[agent.id]
                self._offer(agent, ticket, now)

    def _offer_to_wanted(self, now: float) -> bool:
        """Callers who were sent to somebody: the next of theirs who is there, or an end of the search. Whether
        anybody of them waits in a queue now."""
        sent = [ticket for ticket in self._tickets.values() if not ticket.agents and ticket.wanted]
        for ticket in sent:
            while ticket.wanted:
                agent = self._agents[ticket.wanted[0]]
                if can_be_sent_to(agent):
                    agent.set_aside(now)
                    self._offer(agent, ticket, now)
                    break
                ticket.not_taken_by(agent.id)
        for ticket in [t for t in self._tickets.values() if not (t.has_queue or t.wanted or t.agents)]:
            self._end(ticket, "failed", now)
        return any(ticket.waits and ticket.has_queue for ticket in sent)

    def _overtake(self, emergency: Ticket, now: float) -> Agent | None:
        agent = agent_to_overtake(self._agents.values(), self._tickets, emergency, now)
        if agent is not None:
            self._take_back(agent, "overtaken")
        return agent

    def _offer(self, agent: Agent, ticket: Ticket, now: float) -> None:
        until = now + ticket.ring
        ticket.agents.append(agent.id)
        agent.offer(ticket.id, until)
        self._tell(agent)
        self._commands.append(OfferCall(agent.id, ticket.id, until))

    # --- ends -------------------------------------------------------------------------------------------

    def _take_back(self, agent: Agent, why: Withdrawn) -> None:
        """End the offer on both sides; the caller of this decides what becomes of the agent."""
        ticket = self._tickets[str(agent.ticket)]
        ticket.agents.remove(agent.id)
        ticket.not_taken_by(agent.id)
        self._touch(agent)
        self._commands.append(WithdrawOffer(agent.id, ticket.id, why))

    def _free(self, ticket: Ticket, why: Withdrawn, now: float) -> None:
        """Everybody who is being rung for it is so no more, by no fault of theirs."""
        for agent in [self._agents[id] for id in ticket.agents]:
            self._take_back(agent, why)
            agent.release(now)

    def _join(self, agent: Agent, now: float) -> None:
        """The first who answers has the caller; whoever else was rung is free again (RT7)."""
        ticket = self._tickets[str(agent.ticket)]
        ticket.agents.remove(agent.id)
        self._free(ticket, "taken", now)
        self._commands.append(JoinCall(agent.id, ticket.id))
        self._touch(agent).join(now, ticket.rule.name)
        self._last.spoke(ticket.caller, agent.id, now)
        self._end(ticket, "answered", now, agent.id)

    def _end(
        self, ticket: Ticket, outcome: Outcome, now: float, agent: str = "", *, unstaffed: bool = False
    ) -> None:
        del self._tickets[ticket.id]
        if ticket.outside:
            self._commands.append(CancelOutside(ticket.id))
        if ticket.has_queue:
            self._queue_figures(ticket.rule.name).ended(outcome, ticket.waited(now), self._routing.answer_within)
        if ticket.callback is None and outcome != "answered":
            lost = outcome == "abandoned"
            place = Place(ticket.id, ticket.caller, ticket.rule.name, ticket.number, ticket.joined, now, lost)
            self._places.keep(place)
        waited = ticket.waited(now)
        self._commands.append(TicketEnded(ticket.id, outcome, waited, agent, "unstaffed" if unstaffed else ""))

    def _part(self, agent: Agent, now: float) -> None:
        """Agent and caller are no longer together."""
        queue, agent.queue = agent.queue, ""
        if queue:
            talked = now - agent.joined_at
            self._handling.took(queue, talked + self._routing.wrap_up)
            self._queue_figures(queue).talked += talked
        wrap_up = self._routing.wrap_up if queue else 0.0
        if agent.wants_wrap_up:  # AG12
            wrap_up = self._routing.wrap_up or ASKED_WRAP_UP
        self._touch(agent).finish_call(now, wrap_up)

    # --- telling ----------------------------------------------------------------------------------------

    def _touch(self, agent: Agent) -> Agent:
        self._touched[agent.id] = agent
        return agent

    def _tell(self, agent: Agent) -> None:
        told = agent.told()
        if told != self._told[agent.id]:
            self._told[agent.id] = told
            self._times[agent.id].changed(agent.state, self._now)
            self._commands.append(told)
