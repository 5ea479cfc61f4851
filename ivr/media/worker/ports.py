"""UDP ports for legs: pairs of an even port for RTP and the odd one above for RTCP. RFC 3550 section 11."""

from __future__ import annotations

from collections import deque

from ivr.errors import IvrError


class PortPool:
    """Even ports of a range, each in use by one leg at most.

    The port that was free for longest comes first, so that late packets of an ended call do not find a
    new one. Ports that somebody else on the machine holds are put back at the end and tried again later.
    """

    def __init__(self, ports: tuple[int, ...]) -> None:
        self._free = deque(ports)
        self._used: set[int] = set()

    @classmethod
    def shares(cls, first: int, last: int, count: int) -> list[PortPool]:
        """The range, both ends included, dealt to `count` workers.

        Raises IvrError when there is less than one pair for each.
        """
        even = range(first + first % 2, last, 2)
        if len(even) < count:
            raise IvrError(
                f"media.ports {first}-{last} holds {len(even)} pairs of ports; "
                f"needed is one at least for each of {count} workers"
            )
        return [cls(tuple(even[number::count])) for number in range(count)]

    def __len__(self) -> int:
        """Pairs that are free."""
        return len(self._free)

    def take(self) -> int | None:
        """An even port, or None when all are in use."""
        if not self._free:
            return None
        port = self._free.popleft()
        self._used.add(port)
        return port

    def give_back(self, port: int) -> None:
        """The leg is closed, or the port was occupied. A port that was not taken stays where it is."""
        if port in self._used:
            self._used.remove(port)
            self._free.append(port)
