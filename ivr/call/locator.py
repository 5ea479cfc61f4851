"""Where a SIP address leads: every way a request may take, the best first. RFC 3263."""

from __future__ import annotations

import logging
import random
from collections import OrderedDict
from collections.abc import Callable

from ivr.clock import Clock
from ivr.net.names import Names
from ivr.sip.events import Flow
from ivr.sip.location import (
    Addresses,
    Naptr,
    NaptrRecord,
    Question,
    Records,
    Srv,
    SrvRecord,
    Target,
    Transport,
    locate,
)

AVOIDED_FOR = 60.0
"""Seconds for which a place that was silent or overloaded comes last: the next call need not find out again."""
MAX_AVOIDED = 1000
Way = tuple[str, tuple[str, int]]
logger = logging.getLogger(__name__)


class Locator:
    """Asks names for addresses, and remembers who did not answer."""

    def __init__(
        self, names: Names, flow_to: Callable[[tuple[str, int], Transport, str], Flow], clock: Clock
    ) -> None:
        self._names = names
        self._flow_to = flow_to
        self._clock = clock
        self._rng = random.SystemRandom()
        self._avoided: OrderedDict[Way, float] = OrderedDict()
        """Until when."""

    async def flows(self, uri: str) -> list[Flow]:
        """Every way to `uri`; those that failed lately come last.

        Raises OSError, with the reason in words, when there is none, and IvrError when `uri` is no SIP address.
        """
        targets = await self._targets(uri)
        if not targets:
            raise OSError(f"{uri} leads nowhere: its name has no address")
        flows, problem = [], ""
        for target in targets:
            try:
                flows.append(self._flow_to(target.address, target.transport, target.name))
            except OSError as error:
                problem = str(error)
        if not flows:
            raise OSError(problem)
        now = self._clock.monotonic()
        return sorted(flows, key=lambda flow: self._avoided.get(way_of(flow), now) > now)

    def failed(self, flow: Flow) -> None:
        """Nobody answered there, or was too busy."""
        self._avoided[way_of(flow)] = self._clock.monotonic() + AVOIDED_FOR
        self._avoided.move_to_end(way_of(flow))
        while len(self._avoided) > MAX_AVOIDED:
            self._avoided.popitem(last=False)

    async def _targets(self, uri: str) -> list[Target]:
        search = locate(uri, self._rng)
        try:
            question = next(search)
            while True:
                question = search.send(await self._ask(question))
        except StopIteration as end:
            return list(end.value)

    async def _ask(self, question: Question) -> Records:
        match question:
            case Naptr(name):
                return [NaptrRecord(*record) for record in await self._names.naptr(name)]
            case Srv(name):
                return [SrvRecord(*record) for record in await self._names.srv(name)]
            case Addresses(host):
                return await self._names.addresses(host)


def way_of(flow: Flow) -> Way:
    return flow.transport, flow.remote
