"""What can be asked of the floor at any moment; nothing here changes anything."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

from ivr.agents.agent import TALKING, Agent
from ivr.agents.announcing import wait_range
from ivr.agents.events import AgentState, QueueRule
from ivr.agents.figures import Handling, QueueFigures, StateTimes
from ivr.agents.sign_on import has_left
from ivr.agents.ticket import Ticket
from ivr.agents.views import AgentView, CallbackView
from ivr.errors import LocalProtocolError

AT_WORK = frozenset(AgentState) - {AgentState.OFF, AgentState.NOT_READY}
"""States in which an agent is, or will be by itself, free for a caller."""


class Overview:
    """The agents, tickets and rules that a `Floor` moves, and the questions about them."""

    _agents: dict[str, Agent]
    _tickets: dict[str, Ticket]
    _rules: dict[str, QueueRule]
    _now: float
    _figures: dict[str, QueueFigures]
    _handling: Handling
    _times: dict[str, StateTimes]

    def agent(self, agent_id: str) -> AgentView:
        """Raises LocalProtocolError if there is no such agent."""
        return _view(self._agent(agent_id))

    def agent_if_found(self, agent_id: str) -> AgentView:
        """What the agent will be once the desktop is known to be there (`ScreenFound`)."""
        agent = copy(self._agent(agent_id))
        agent.find_screen(self._now)
        return _view(agent)

    def agents(self) -> list[AgentView]:
        """Everybody, in the order of the settings."""
        return [self.agent(agent_id) for agent_id in self._agents]

    def queue_length(self, name: str) -> int:
        """Callers of a queue who have no agent yet; those an agent is being rung for count, callbacks do not."""
        return sum(1 for ticket in self._tickets.values() if ticket.rule.name == name and ticket.present)

    def longest_wait(self, name: str, now: float) -> float:
        """Seconds; 0 for an empty queue."""
        queue = (t for t in self._tickets.values() if t.rule.name == name and t.present)
        return max((ticket.waited(now) for ticket in queue), default=0.0)

    def position(self, ticket_id: str) -> int | None:
        """Place in the caller's own queue, 1 is next; None when the ticket waits no more."""
        if (ticket := self._tickets.get(ticket_id)) is None:
            return None
        queue = (other for other in self._tickets.values() if other.rule.name == ticket.rule.name)
        return 1 + sum(1 for other in queue if other.rank(self._now) < ticket.rank(self._now))

    def waiting_time(self, ticket_id: str, now: float) -> float | None:
        """Seconds since the caller joined; None when the ticket waits no more."""
        ticket = self._tickets.get(ticket_id)
        return None if ticket is None else ticket.waited(now)

    def staffed(self, name: str) -> bool:
        """Whether anybody with the skills of a queue is signed on to it with a screen, busy or not (RT8)."""
        rule = self._rule(name)
        listening = (a for a in self._agents.values() if a.screen and not has_left(a.left, rule))
        return any(rule.skills <= agent.skills.keys() for agent in listening)

    def wait_range(self, ticket_id: str) -> tuple[int, int] | None:
        """Least and most minutes until an agent is free; None when nobody can say (RT8, RT16)."""
        if (ticket := self._tickets.get(ticket_id)) is None:
            return None
        reach = ticket.reached(self._now).agents
        crew = sum(1 for id in reach if self._agents[id].state in AT_WORK and self._agents[id].phone)
        rank = ticket.rank(self._now)
        rivals = [o for o in self._tickets.values() if not reach.isdisjoint(o.reached(self._now).agents)]
        ahead = sum(1 for other in rivals if not other.agents and other.rank(self._now) < rank)
        queues = {other.rule.name for other in rivals} | {ticket.rule.name}
        return wait_range(ahead, crew, self._handling.mean(queues))

    def callbacks(self) -> list[CallbackView]:
        """Promises that are open, the next first."""
        found = (t for t in self._tickets.values() if t.callback is not None)
        return [
            CallbackView(t.id, t.rule.name, t.caller, t.joined, t.callback.tries, t.callback.not_before)
            for t in sorted(found, key=lambda ticket: ticket.rank(self._now))
            if t.callback is not None
        ]

    def figures(self) -> dict[str, QueueFigures]:
        """What became of callers, by queue, since the figures were begun."""
        return dict(self._figures)

    def begin_figures(self, known: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Count from here on, on top of what is `known` of the day already (documents of `QueueFigures`)."""
        self._figures.clear()
        for name, counts in (known or {}).items():
            self._queue_figures(name).add(counts)

    def occupancy(self, agent_id: str, now: float) -> float | None:
        """Percent of the agent's time at work that went into calls; None before there was any."""
        return self._times[self._agent(agent_id).id].occupancy(now)

    def _queue_figures(self, name: str) -> QueueFigures:
        return self._figures.setdefault(name, QueueFigures())

    def _talker(self, ticket_id: str) -> Agent | None:
        """Who talks to the caller of a ticket that has been answered."""
        for agent in self._agents.values():
            if agent.state in TALKING and agent.ticket == ticket_id:
                return agent
        return None

    def _agent(self, agent_id: str) -> Agent:
        if (agent := self._agents.get(agent_id)) is None:
            known = ", ".join(self._agents) or "none"
            raise LocalProtocolError(f"there is no agent {agent_id!r}; known are {known}")
        return agent

    def _rule(self, name: str) -> QueueRule:
        if (rule := self._rules.get(name)) is None:
            known = ", ".join(self._rules) or "none"
            raise LocalProtocolError(f"there is no queue {name!r}; known are {known}")
        return rule


def _view(agent: Agent) -> AgentView:
    told = agent.told()
    return AgentView(
        id=agent.id,
        skills=frozenset(agent.skills),
        state=agent.state,
        reason=agent.reason,
        workmode=told.workmode,
        next_workmode=agent.next_workmode,
        presence=told.presence,
        idle_since=agent.idle_since,
        ticket=agent.ticket,
        screen=agent.screen,
        accepted=agent.accepted,
        phone=agent.phone,
        left=agent.left,
    )
