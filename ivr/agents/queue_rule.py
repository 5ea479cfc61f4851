"""A queue, as the menu defines it."""

from __future__ import annotations

from dataclasses import dataclass

EMERGENCY = 100
"""The priority of the emergency band. A raise or age never lifts anybody else into it."""


@dataclass(frozen=True, slots=True)
class Spill:
    """After so many seconds of waiting the ticket may go elsewhere."""

    after: float
    to: str
    """``any_agent``, the name of a queue whose agents may have it too, or an address (``tel:+15550000911``)."""


@dataclass(frozen=True, slots=True)
class QueueRule:
    """A queue, as the menu defines it."""

    name: str
    skills: frozenset[str]
    priority: int
    """0 to 100; 100 is the emergency band."""
    ring: float
    """Seconds an agent's phone rings."""
    longest: float | None = None
    """Seconds after which the caller gets the `busy` exit; None for no limit."""
    spill: tuple[Spill, ...] = ()
    strategy: str = ""
    """Which of the agents who fit is rung, a name of `ivr.agents.strategy`; empty for the setting's."""

    @property
    def emergency(self) -> bool:
        return self.priority >= EMERGENCY
