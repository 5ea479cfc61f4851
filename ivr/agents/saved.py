"""Agents' states and callbacks as they are kept through a restart: plain values, fit for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ivr.agents.agent import check_workmode
from ivr.agents.events import AgentChanged, AgentState, CallbackChanged
from ivr.errors import LocalProtocolError


@dataclass(frozen=True, slots=True)
class SavedState:
    """What is known of an agent from before the restart."""

    state: AgentState
    reason: str
    next_workmode: int | None
    left: frozenset[str] = frozenset()


def saved(change: AgentChanged) -> dict[str, Any]:
    """What to keep of a change, for `Floor.restore`."""
    return {
        "state": change.state.value,
        "reason": change.reason,
        "workmode": change.workmode,
        "next_workmode": change.next_workmode,
        "presence": change.presence.value,
        "ticket": change.ticket,
        "left": sorted(change.left),
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
    left = document.get("left") or ()
    names = frozenset(map(str, left)) if isinstance(left, list | tuple) else frozenset()
    return SavedState(state, reason if isinstance(reason, str) else "", next_workmode, names)


@dataclass(frozen=True, slots=True)
class SavedCallback:
    """A promise from before the restart."""

    ticket: str
    queue: str
    caller: str
    number: int
    joined: float
    """Monotonic seconds of this run; from before it, so often negative."""
    tries: int
    not_before: float


def saved_callback(change: CallbackChanged, now: float, utc: datetime) -> dict[str, Any]:
    """What to keep of a callback. Monotonic times mean nothing after a restart, so it has the wall clock's."""

    def moment(at: float) -> str:
        return (utc + timedelta(seconds=at - now)).isoformat()

    return {
        "queue": change.queue,
        "caller": change.caller,
        "number": change.number,
        "joined": moment(change.joined),
        "tries": change.tries,
        "not_before": moment(change.not_before),
    }


def restored_callback(ticket: str, document: Mapping[str, Any], now: float, utc: datetime) -> SavedCallback | None:
    """Read it back; None for a document that cannot be read."""
    try:
        joined, not_before = (
            now + (datetime.fromisoformat(document[name]) - utc).total_seconds()
            for name in ("joined", "not_before")
        )
        return SavedCallback(
            ticket=ticket,
            queue=str(document["queue"]),
            caller=str(document["caller"]),
            number=int(document["number"]),
            joined=min(joined, now),
            tries=int(document["tries"]),
            not_before=not_before,
        )
    except (KeyError, ValueError, TypeError):
        return None
