"""An honest range for a wait, from what is known at this moment (RT16)."""

from __future__ import annotations

import math

LONGEST_TOLD = 60
"""Minutes; a range that goes beyond is told to nobody."""


def wait_range(ahead: int, agents: int, handling: float | None) -> tuple[int, int] | None:
    """Least and most whole minutes, rounded up, for a caller with `ahead` callers before him.

    `agents` are those at work who could take him, `handling` the mean seconds a call keeps one of them. Calls end
    at random, so the time to the next free agent is handling / agents, and `ahead + 1` of them must pass. The
    range is the mean with one standard deviation to both sides. None when nobody can say.
    """
    if handling is None or agents <= 0:
        return None
    each, turns = handling / agents, ahead + 1
    mean, spread = each * turns, each * math.sqrt(turns)
    least, most = (max(1, math.ceil(seconds / 60.0)) for seconds in (mean - spread, mean + spread))
    return (least, most) if most <= LONGEST_TOLD else None
