"""Whose packets we take, and where ours go: symmetric RTP, RFC 4961.

The session description announces an address. Behind address translation the sound comes from another
one, and only what comes shows it: the first valid packet decides. A stranger who was quicker than the
caller must not keep the call, so for `PROBATION` seconds the announced address, if it speaks, wins;
after that the source is settled and everything else is foreign.
"""

from __future__ import annotations

import ipaddress

Address = tuple[str, int]

PROBATION = 1.0
"""Seconds in which the announced address can still win over the source that came first."""


class Latch:
    """Source and target of one leg."""

    def __init__(self) -> None:
        self.announced: Address | None = None
        """From the session description; None when it had none that can be sent to."""
        self.source: Address | None = None
        """Where valid packets come from."""
        self._settles_at: float | None = None
        self._left: Address | None = None
        self._left_until = 0.0

    def announce(self, address: Address | None, now: float) -> bool:
        """A session description came. Returns True when it moved the peer and latching starts again.

        An address that cannot be a peer's (0.0.0.0 of RFC 2543 hold, a name, multicast, port 0) announces
        nothing: the first source will show where to send. The source that the peer moved away from is not
        followed for a while, or its last packets would take the call back.
        """
        usable = address if address is not None and sendable(address) else None
        if usable == self.announced and address is not None:
            return False
        self._left, self._left_until = self.source, now + 2 * PROBATION
        self.announced = usable
        self.source = self._settles_at = None
        return True

    @property
    def target(self) -> Address | None:
        """Where to send."""
        return self.source or self.announced

    def accepts(self, source: Address, now: float) -> bool:
        """Whether a valid packet from `source` is our peer's; the first one is followed."""
        if source == self.source:
            return True
        if self.source is not None and source != self.announced:
            return False
        if source == self._left and source != self.announced and now < self._left_until:
            return False
        if self.source is None:
            self._settles_at = now + PROBATION
        elif self.settled(now):
            return False
        self.source = source
        return True

    def settled(self, now: float) -> bool:
        """The source will not change any more until a session description moves it."""
        if self.source is None or self._settles_at is None:
            return False
        return self.source == self.announced or now >= self._settles_at


def sendable(address: Address) -> bool:
    """Whether sound can be sent there: the address of one host, and a port."""
    try:
        host = ipaddress.ip_address(address[0])
    except ValueError:
        return False
    broadcast = host == ipaddress.ip_address("255.255.255.255")
    return 0 < address[1] < 65536 and not (host.is_unspecified or host.is_multicast or broadcast)
