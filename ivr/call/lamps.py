"""Agents on the telephones of others: a lamp for their calls, in the words of RFC 4235, and who may be called.

A lamp knows calls and nothing else. Who is logged off or not ready has no call: the lamp is dark, and presence
alone tells him from somebody free, with the word that SAP shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.agents.events import AgentState, Presence
from ivr.sip.dialog_info import Lamp
from ivr.sip.presence_status import PresenceStatus

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
    signalling = exchange.rooms.signalling

    def show(agent: str) -> None:
        view = exchange.agents.agent(agent)
        signalling.show_lamp(agent, LAMPS.get(view.state, "idle"))
        signalling.show_status(agent, status_of(view.presence, view.state))

    for agent in exchange.rooms.settings.agents:
        show(agent.id)
    exchange.watchers.append(show)


def status_of(word: Presence, state: AgentState) -> PresenceStatus:
    """Three words, three signs on a telephone. Busy says why, where that is a call."""
    if word is Presence.BUSY:
        return PresenceStatus("open", "on-the-phone" if state in LAMPS else "busy", note=word)
    return PresenceStatus("open" if word is Presence.AVAILABLE else "closed", note=word)
