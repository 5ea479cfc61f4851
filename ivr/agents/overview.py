"""What can be asked of the floor at any moment; nothing here changes anything."""

from __future__ import annotations

from ivr.agents.agent import Agent
from ivr.agents.events import QueueRule
from ivr.agents.ticket import Ticket
from ivr.agents.views import AgentView
from ivr.errors import LocalProtocolError


class Overview:
    """The agents, tickets and rules that a `Floor` moves, and the questions about them."""

    _agents: dict[str, Agent]
    _tickets: dict[str, Ticket]
    _rules: dict[str, QueueRule]
    _now: float

    def agent(self, agent_id: str) -> AgentView:
        """Raises LocalProtocolError if there is no such agent."""
        agent = self._agent(agent_id)
        told = agent.told()
        return AgentView(
            id=agent.id,
            skills=agent.skills,
            state=agent.state,
            reason=agent.reason,
            workmode=told.workmode,
            next_workmode=agent.next_workmode,
            presence=told.presence,
            idle_since=agent.idle_since,
            ticket=agent.ticket,
            screen=agent.screen,
            accepted=agent.accepted,
        )

    def agents(self) -> list[AgentView]:
        """Everybody, in the order of the settings."""
        return [self.agent(agent_id) for agent_id in self._agents]

    def queue_length(self, name: str) -> int:
        """Callers of a queue who have no agent yet; those an agent is being rung for count."""
        return sum(1 for ticket in self._tickets.values() if ticket.rule.name == name)

    def longest_wait(self, name: str, now: float) -> float:
        """Seconds; 0 for an empty queue."""
        waits = (ticket.waited(now) for ticket in self._tickets.values() if ticket.rule.name == name)
        return max(waits, default=0.0)

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
        """Whether anybody with the skills of a queue is logged on with a screen, busy or not (RT8)."""
        skills = self._rule(name).skills
        return any(agent.screen and skills <= agent.skills for agent in self._agents.values())

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
