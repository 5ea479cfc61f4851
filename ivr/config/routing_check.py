"""What of agents and routing would go wrong only in the first call is told before it."""

from __future__ import annotations

from collections.abc import Iterator

from ivr.config.settings import Settings
from ivr.config.skills import skill_levels

STRATEGIES = ("best_skill", "longest_idle", "fewest_calls", "ring_all")
"""Names of the ways to choose among agents; `ivr.agents.strategy` has them."""


def routing_problems(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Table, key and message of every mistake."""
    routing = settings.routing
    if routing.strategy not in STRATEGIES:
        yield "routing", "strategy", f'is "{routing.strategy}"; write one of {", ".join(STRATEGIES)}'
    for number, agent in enumerate(settings.agents, 1):
        try:
            skill_levels(agent.skills)
        except ValueError as error:
            yield f"agents {number}", "skills", str(error)
