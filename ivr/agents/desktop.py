"""What the floor hears of an agent's desktop."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScreenLost:
    """The agent's desktop does not answer any more (H3): no new offers; a call goes on (AG16)."""

    agent: str


@dataclass(frozen=True, slots=True)
class ScreenFound:
    """The desktop answers again, though nobody has logged on, as after a restart of ours (AG16, H9).

    All is as before: who has logged off stays so, and a wish to log off stands.
    """

    agent: str
