"""Who gets whom: pure choices over agents and tickets, moving nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ivr.agents.agent import Agent
from ivr.agents.events import AgentState
from ivr.agents.reach import level_of
from ivr.agents.sign_on import has_left
from ivr.agents.strategy import Candidate, Strategy
from ivr.agents.ticket import Rank, Ticket
from ivr.config.skills import LAST_CHOICE


def waiting_in_order(tickets: Iterable[Ticket], now: float) -> list[Ticket]:
    """Callers, and callbacks whose time has come, whom nobody is being rung for; the first to be served first."""
    due = (t for t in tickets if t.waits or (t.callback is not None and t.callback.due(now)))
    return sorted(due, key=lambda ticket: ticket.rank(now))


def free_agents(free: Iterable[Agent], ticket: Ticket, strategy: Strategy, last: str, now: float) -> list[Agent]:
    """Who of `free` may have this caller, the first to be rung first. `last` spoke with the caller last."""
    reach = ticket.reached(now).agents
    if not reach:
        return []
    fit = {a.id: a for a in free if a.id in reach and not (a.left and has_left(a.left, ticket.rule))}
    found = [
        Candidate(a.id, level_of(a.skills, ticket.rule.skills) or LAST_CHOICE, a.idle_since, a.calls, a.id == last)
        for a in fit.values()
    ]
    return [fit[one.id] for one in sorted(found, key=strategy.order)]


def can_be_sent_to(agent: Agent) -> bool:
    """Whether a caller, or a colleague, may be sent to this agent: logged on, at the desk, with a telephone, in no
    call.

    That is wider than the rule for queues: not ready means "nothing from a queue", and a call for this agent
    alone interrupts wrap-up (AG15).
    """
    idle = agent.state in (AgentState.AVAILABLE, AgentState.NOT_READY, AgentState.MISSED, AgentState.WRAP_UP)
    return idle and agent.screen and agent.phone


def agent_to_overtake(
    agents: Iterable[Agent], tickets: Mapping[str, Ticket], emergency: Ticket, now: float
) -> Agent | None:
    """The agent whose telephone should ring for `emergency` instead of for a lesser call (RT4).

    Only offers are taken back, never a conversation; one that nobody accepted before one that was accepted on
    the screen, then the least urgent caller's. What rings for one agent alone is let ring: he may be not ready.
    """

    def least(agent: Agent) -> tuple[bool, Rank]:
        return (not agent.accepted, tickets[str(agent.ticket)].rank(now))

    def lesser(agent: Agent) -> bool:
        ticket = tickets[str(agent.ticket)]
        return agent.phone and not ticket.emergency and agent.id not in ticket.wanted

    reach = emergency.reached(now).agents
    fit = (a for a in agents if a.state is AgentState.OFFERED and lesser(a) and a.id in reach)
    return max(fit, key=least, default=None)
