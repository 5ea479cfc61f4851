"""What can be asked of the floor, and what it asks of the settings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from ivr.agents.events import AgentState, Presence


class Person(Protocol):
    """What the floor wants to know of an agent's settings."""

    @property
    def id(self) -> str: ...

    @property
    def skills(self) -> Iterable[str]: ...


@dataclass(frozen=True, slots=True)
class AgentView:
    """One agent at this moment."""

    id: str
    skills: frozenset[str]
    state: AgentState
    reason: str
    workmode: int
    next_workmode: int | None
    presence: Presence
    idle_since: float
    """Monotonic seconds; means something only while available or offered."""
    ticket: str | None
    """The call offered, talked to, or being wrapped up."""
    screen: bool
    """Whether the agent's desktop is there."""
    accepted: bool
    """Accepted on the screen while the telephone still rings."""
    phone: bool
    """Whether the telephone can be reached, as far as is known."""
    left: frozenset[str] = frozenset()
    """Queues signed off from."""


@dataclass(frozen=True, slots=True)
class CallbackView:
    """One promise to ring somebody."""

    ticket: str
    queue: str
    number: str
    """The customer's telephone number."""
    joined: float
    """Monotonic seconds; the place in the queue counts from here."""
    tries: int
    """Calls made in vain."""
    not_before: float
    """Monotonic seconds of the next try."""
