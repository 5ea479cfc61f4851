"""Agents as SAP's side sees them, and telling it when they change."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from ivr.agents import events as floor
from ivr.agents.views import AgentView
from ivr.errors import IvrError
from ivr.ici.switchboard import UserChanged, UserView

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange

WRAP_UP = (floor.WORKMODE_WRAP_UP, "Wrap-up")
"""How wrap-up is shown: a mode of our own; the next one is what follows it. Choosing it means: more of it."""
WORKMODE_TEXTS = {1: "Logged off", 2: "Ready", 3: "Not ready"} | dict([WRAP_UP])
REASONS = {
    "rejected": "call refused",
    "missed": "calls missed",
    "phone_lost": "telephone could not be reached",
    "screen_lost": "desktop does not answer",
}
"""Why an agent is not ready who did not choose to be."""
NO_PHONE = ", telephone not registered"
"""Behind the text of a work mode in which nothing can be offered for want of a telephone."""
logger = logging.getLogger(__name__)


async def tell_change(exchange: Exchange, command: floor.AgentChanged, before: asyncio.Task[None] | None) -> None:
    """Save a change of an agent, then tell his desktop."""
    shown = user_view(exchange, command.agent)  # now: what follows meanwhile is not on disk yet
    if before is not None and not before.done():
        await asyncio.wait([before])
    state = {
        "state": str(command.state),
        "reason": command.reason,
        "workmode": command.workmode,
        "next_workmode": command.next_workmode,
        "presence": str(command.presence),
        "left": sorted(command.left),
        "at": exchange.rooms.clock.utc().isoformat(),
    }
    try:
        await exchange.rooms.store.save_agent_state(command.agent, state)
    except IvrError as error:
        logger.error("agent_state_not_saved agent=%s error=%s", command.agent, error)
    logger.info(
        "agent agent=%s state=%s reason=%s presence=%s",
        command.agent,
        command.state,
        command.reason or "-",
        command.presence,
    )
    for watcher in exchange.watchers:
        watcher(command.agent)
    if command.state is floor.AgentState.OFFERED:
        await _call_shown(exchange, command.agent)
    exchange.rooms.publisher.publish(command.agent, UserChanged(shown))


async def _call_shown(exchange: Exchange, agent: str) -> None:
    """Until the call that makes him busy is on its way to his desktop, which a slow one must not get last (H1)."""
    newest = (item for item in reversed(exchange.items.values()) if item.agent == agent)
    item = next((item for item in newest if item.status == "alerting"), None)
    if item is not None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(exchange.rooms.settings.ici.pop_wait):
                await item.first_told.wait()


def workmode_texts(exchange: Exchange, user: str) -> dict[int, str]:
    """The work modes an agent may choose, with the texts of his language; a site's own behind ours."""
    language = exchange.people[user].language.lower()
    listed = exchange.rooms.settings.ici.workmodes
    texts = dict(WORKMODE_TEXTS)
    for wanted in ("", language.partition("-")[0], language):  # the nearest language counts
        texts |= {one.id: one.text for one in listed if one.language.lower() == wanted}
    for one in listed:
        texts.setdefault(one.id, one.text)  # in a language of others, rather than a number
    return dict(sorted(texts.items()))


def served_by(exchange: Exchange, user: str) -> list[str]:
    """Queues the agent's skills are enough for, signed on or not."""
    skills = exchange.agents.agent(user).skills
    return [name for name, queue in exchange.menu.queues.items() if frozenset(queue.skills) <= skills]


def why_not_ready(agent: AgentView) -> str:
    """In words; empty for who is ready, or chose not to be."""
    if agent.state is floor.AgentState.MISSED:
        return REASONS["missed"]
    return REASONS.get(agent.reason, "") if agent.state is floor.AgentState.NOT_READY else ""


def user_view(exchange: Exchange, user: str, *, if_found: bool = False) -> UserView:
    """The agent as ICI shows one; `if_found`: as he will be once his desktop is known to be there."""
    settings = exchange.people[user]
    agent = exchange.agents.agent_if_found(user) if if_found else exchange.agents.agent(user)
    queues = tuple(name for name in served_by(exchange, user) if name not in agent.left)
    texts = workmode_texts(exchange, user)
    workmode, text = agent.workmode, texts.get(agent.workmode, f"Reason {agent.workmode}")
    following = agent.next_workmode
    if agent.state is floor.AgentState.WRAP_UP:
        following = workmode if following is None else following
        workmode, text = WRAP_UP[0], texts[WRAP_UP[0]]
    if why := why_not_ready(agent):
        text += f", {why}"
    if not agent.phone and agent.state is not floor.AgentState.OFF:
        text += NO_PHONE
    return UserView(
        id=user,
        name=settings.name or user,
        workmode=workmode,
        workmode_text=text,
        next_workmode=following,
        presence=str(agent.presence),
        queues=queues,
        workcenter_id=exchange.phones.workcenter(user),
    )
