"""What an agent can be, to us and to others."""

from __future__ import annotations

from enum import StrEnum


class AgentState(StrEnum):
    """Whether a call may be offered. ECMA-269 calls WRAP_UP "working after call"."""

    OFF = "off"
    NOT_READY = "not_ready"
    AVAILABLE = "available"
    OFFERED = "offered"
    IN_CALL = "in_call"
    ON_HOLD = "on_hold"
    WRAP_UP = "wrap_up"
    MISSED = "missed"


class Presence(StrEnum):
    """SAP's three words."""

    AVAILABLE = "Available"
    BUSY = "Busy"
    LOGGED_OFF = "Logged Off"
