"""Where messages come from, and what each has used of its share: a table that floods cannot grow."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from functools import lru_cache

from ivr.sip.limits import Limits, TokenBucket

MAX_SOURCES = 10_000
"""Sources remembered at once; the one not heard of for longest is forgotten first."""
CALLS_AT_ONCE, REQUESTS_AT_ONCE = 2.0, 5.0
"""Seconds' worth of its rate that a source may use at once: a call that begins costs more than a registration."""
ANSWERS_PER_SECOND, ANSWERS_AT_ONCE = 10.0, 50.0
"""Refusals one source gets; what is beyond them is dropped: forged senders must not make us flood others."""
EMERGENCIES_PER_SECOND, EMERGENCIES_AT_ONCE = 2.0, 20.0
"""Emergency calls from one source that its ordinary limits no longer let through."""
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 60.0, 3600.0, 4.0
"""Seconds between two reports about one source, growing."""


class Source:
    """One address, or one /64."""

    __slots__ = ("answers", "calls", "emergencies", "limited", "name", "pause", "report_at", "requests", "why")

    def __init__(self, name: str, limits: Limits, now: float) -> None:
        self.name = name
        rate = limits.source_calls_per_second
        self.calls = TokenBucket(rate, max(1.0, CALLS_AT_ONCE * rate), now)
        rate = limits.source_requests_per_second
        self.requests = TokenBucket(rate, max(1.0, REQUESTS_AT_ONCE * rate), now)
        self.answers = TokenBucket(ANSWERS_PER_SECOND, ANSWERS_AT_ONCE, now)
        self.emergencies = TokenBucket(EMERGENCIES_PER_SECOND, EMERGENCIES_AT_ONCE, now)
        self.limited = 0
        """Messages refused or dropped since the last report."""
        self.why = ""
        """The limit that was last met."""
        self.report_at = now
        """When it may be reported on."""
        self.pause = FIRST_PAUSE

    def report(self, now: float) -> int:
        """How many were limited since the last report. Each makes the next one wait longer."""
        if now > self.report_at + LONGEST_PAUSE:  # it was quiet for long: a new story
            self.pause = FIRST_PAUSE
        self.report_at = now + self.pause
        self.pause = min(LONGEST_PAUSE, self.pause * GROWTH)
        limited, self.limited = self.limited, 0
        return limited


class Sources:
    """The sources heard of lately."""

    def __init__(self, limits: Limits, most: int = MAX_SOURCES) -> None:
        self._limits = limits
        self._most = most
        self._sources: OrderedDict[str, Source] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sources)

    def known(self, host: str) -> Source | None:
        """Without noting that it was heard of."""
        return self._sources.get(source_of(host))

    def heard(self, host: str, now: float) -> Source:
        name = source_of(host)
        source = self._sources.get(name)
        if source is not None:
            self._sources.move_to_end(name)
            return source
        if len(self._sources) >= self._most:
            self._sources.popitem(last=False)
        source = self._sources[name] = Source(name, self._limits, now)
        return source


@lru_cache(maxsize=4096)
def source_of(host: str) -> str:
    """The name of the source at a numeric address. One host has a whole /64 of IPv6 to itself.

    >>> source_of("192.0.2.7"), source_of("2001:db8::7:1"), source_of("::ffff:192.0.2.7")
    ('192.0.2.7', '2001:db8::/64', '192.0.2.7')
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host[:64]
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
