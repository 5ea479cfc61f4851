"""What the caller keyed, written down so that a secret cannot be read from it."""

from __future__ import annotations

from collections import deque

MASK = "•"


class KeyLog:
    """Every key of a call, in order. A key shows as ``•`` until a question that is not secret takes it.

    A PIN may be typed before it is asked for, so nothing is shown on trust.
    """

    def __init__(self) -> None:
        self._shown: list[str] = []
        self._keys: list[tuple[float, str]] = []
        self._open: deque[int] = deque()

    def pressed(self, key: str, at: float) -> None:
        """`at`: seconds since the call was answered."""
        self._open.append(len(self._keys))
        self._keys.append((at, key))
        self._shown.append(MASK)

    def consumed(self, count: int, *, secret: bool) -> None:
        """A question took the oldest `count` keys that nobody had taken."""
        for _ in range(min(count, len(self._open))):
            index = self._open.popleft()
            if not secret:
                self._shown[index] = self._keys[index][1]

    def dropped(self, count: int) -> None:
        """The oldest `count` keys were thrown away; they stay masked."""
        for _ in range(min(count, len(self._open))):
            self._open.popleft()

    @property
    def text(self) -> str:
        return "".join(self._shown)

    def entries(self) -> list[dict[str, object]]:
        """One entry per press: time and key, masked as in `text`."""
        return [{"at": round(at, 3), "key": shown} for (at, _), shown in zip(self._keys, self._shown, strict=True)]

    def __repr__(self) -> str:
        return f"<KeyLog {self.text!r}>"
