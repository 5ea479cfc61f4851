"""How much of us strangers may have: the numbers of the guard, and how they are counted."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """What `Guard` is told once. A source is one IPv4 address, or the /64 of an IPv6 address."""

    max_calls: int = 300
    """Callers' calls at once."""
    retry_after: int = 5
    """Seconds named in the Retry-After of a 503."""
    calls_per_second: float = 100.0
    """New calls a second from everybody together."""
    source_calls_per_second: float = 20.0
    """New calls a second from one source that is no trunk."""
    source_requests_per_second: float = 50.0
    """Other requests outside calls, a second, from such a source."""
    source_calls: int = 150
    """Calls at once from such a source."""
    emergency: frozenset[str] = frozenset()
    """Called users whose callers always get in, as `callee` writes them."""
    emergency_reserve: int = 0
    """Of `max_calls`, those that only they can use; without effect while `emergency` is empty."""
    drop_scanners: bool = True
    scanners: tuple[str, ...] = ()
    """Texts in User-Agent that give a scanner away, besides the known ones."""
    trunks: frozenset[str] = field(default_factory=frozenset)
    """Numeric addresses to which only the limits for everybody together apply."""


class TokenBucket:
    """So many a second on average, and a burst at once.

    >>> bucket = TokenBucket(rate=1.0, burst=2.0, now=0.0)
    >>> [bucket.take(0.0), bucket.take(0.0), bucket.take(0.0), bucket.take(1.0)]
    [True, True, False, True]
    """

    __slots__ = ("_at", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        """`rate` is per second; the bucket is full at first."""
        self.rate = rate
        self.burst = burst
        self._tokens = burst
        self._at = now

    def has(self, now: float) -> bool:
        """Whether `take` would succeed."""
        if now > self._at:
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
            self._at = now
        return self._tokens >= 1.0

    def take(self, now: float) -> bool:
        """Take one, if there is one."""
        if not self.has(now):
            return False
        self._tokens -= 1.0
        return True
