"""Agents' lamps on the telephones of others: what his state is, in the words of RFC 4235."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.agents.events import AgentState
from ivr.sip.dialog_info import Lamp

if TYPE_CHECKING:
    from ivr.call.exchange import Exchange

LAMPS: dict[AgentState, Lamp] = {
    AgentState.OFFERED: "ringing",
    AgentState.IN_CALL: "busy",
    AgentState.ON_HOLD: "busy",
}
"""Everything else has no call: such a lamp is dark."""


def light_lamps(exchange: Exchange) -> None:
    """Show every agent, now and at each change."""

    def show(agent: str) -> None:
        state = exchange.agents.agent(agent).state
        exchange.rooms.signalling.show_lamp(agent, LAMPS.get(state, "idle"))

    for agent in exchange.rooms.settings.agents:
        show(agent.id)
    exchange.watchers.append(show)
