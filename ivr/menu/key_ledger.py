"""Keys in the order they were pressed, and what has been told about them (M14, M15, M18).

pressed:   4 0 0 # 1 2
           └─held─┘ └─waiting: typed ahead
Keys are told oldest first, as consumed or as dropped; until then, and for secrets always, they are masked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ivr.menu.events import Command, KeysConsumed, KeysDropped

MOST_WAITING = 64
"""Keys typed ahead; nobody types more on purpose."""


@dataclass(frozen=True, slots=True)
class Press:
    key: str
    at: float
    """Monotonic seconds."""


@dataclass(frozen=True, slots=True)
class _Swallow:
    """An end key that may still follow an answer that was complete without it."""

    key: str
    until: float
    secret: bool


class KeyLedger:
    def __init__(self, tell: Callable[[Command], None]) -> None:
        self._tell = tell
        self._waiting: deque[Press] = deque()
        self._held = 0
        self._swallow: _Swallow | None = None

    def __len__(self) -> int:
        """Keys typed ahead."""
        return len(self._waiting)

    def press(self, key: str, now: float) -> bool:
        """Add a key; True if it was the end key of the answer before and is done with."""
        self._waiting.append(Press(key, now))
        if len(self._waiting) > MOST_WAITING:
            self.drop_held()
            self._drop(1)
            self._waiting.popleft()
        return len(self._waiting) == 1 and self._swallowed()

    def take(self) -> Press | None:
        """The next key typed ahead; it is held until it is told about."""
        self._swallowed()
        if not self._waiting:
            return None
        self._held += 1
        return self._waiting.popleft()

    def last_two(self) -> tuple[str, str]:
        """The newest key and the one before it, as far as they wait; empty text for none."""
        keys = [press.key for press in self._waiting]
        return keys[-1] if keys else "", keys[-2] if len(keys) > 1 else ""

    def end_key_may_follow(self, key: str, until: float, *, secret: bool) -> None:
        self._swallow = _Swallow(key, until, secret)

    def consume(self, *, secret: bool = False, newest: int | None = None) -> None:
        """The held keys were an answer; with `newest` only so many of them, and the older ones were nothing."""
        if newest is not None and newest < self._held:
            self._drop(self._held - newest)
            self._held = newest
        if self._held:
            self._tell(KeysConsumed(self._held, secret))
        self._held = 0

    def drop_held(self) -> None:
        self._drop(self._held)
        self._held = 0

    def drop_all(self) -> None:
        self._drop(self._held + len(self._waiting))
        self._held = 0
        self._waiting.clear()

    def hold_newest(self) -> None:
        """Hold the newest key; what was typed before it is thrown away."""
        if self._waiting:
            self._held += len(self._waiting)
            self._waiting.clear()
            self._drop(self._held - 1)
            self._held = 1

    def _drop(self, count: int) -> None:
        if count:
            self._tell(KeysDropped(count))

    def _swallowed(self) -> bool:
        if self._swallow is None or not self._waiting:
            return False
        head, swallow, self._swallow = self._waiting[0], self._swallow, None
        if self._held or head.key != swallow.key or head.at > swallow.until:
            return False
        self._waiting.popleft()
        self._tell(KeysConsumed(1, swallow.secret))
        return True
