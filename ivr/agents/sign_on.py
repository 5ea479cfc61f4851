"""Queues an agent is signed off from, though the skills would do."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.agents.queue_rule import QueueRule


@dataclass(frozen=True, slots=True)
class QueuesLeft:
    """The agent is signed off from exactly these queues until the next log-on, and on to all others."""

    agent: str
    queues: frozenset[str]


def has_left(left: frozenset[str], rule: QueueRule) -> bool:
    """Nobody signs off from an emergency: it comes to whoever is there."""
    return not rule.emergency and rule.name in left
