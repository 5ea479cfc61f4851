"""Agents' states as they are kept through a restart: plain values, fit for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ivr.agents.agent import check_workmode
from ivr.agents.events import AgentChanged, AgentState
from ivr.errors import LocalProtocolError


@dataclass(frozen=True, slots=True)
class SavedState:
    """What is known of an agent from before the restart."""

    state: AgentState
    reason: str
    next_workmode: int | None


def saved(change: AgentChanged) -> dict[str, Any]:
    """What to keep of a change, for `Floor.restore`."""
    return {
        "state": change.state.value,
        "reason": change.reason,
        "workmode": change.workmode,
        "next_workmode": change.next_workmode,
        "presence": change.presence.value,
        "ticket": change.ticket,
    }


def saved_state(document: Mapping[str, Any]) -> SavedState | None:
    """Read it back; None for a document that cannot be read, as if the agent had been logged off."""
    reason, next_workmode = document.get("reason", ""), document.get("next_workmode")
    try:
        state = AgentState(str(document.get("state")))
        if next_workmode is not None:
            check_workmode(int(next_workmode))
            next_workmode = int(next_workmode)
    except (ValueError, TypeError, LocalProtocolError):
        return None
    return SavedState(state, reason if isinstance(reason, str) else "", next_workmode)
