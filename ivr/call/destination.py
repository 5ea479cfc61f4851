"""Whom we call, by which ways, and as whom."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ivr.config.settings import Trunk
from ivr.config.trunk_check import host_of
from ivr.sip.branch import SILENT
from ivr.sip.events import Flow, Place

_USER = re.compile(r"[A-Za-z0-9+._~!*-]{1,64}")
"""What of a caller's number may stand in an address of ours as it is."""
ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a call of ours goes. There is always a place, and a way to it."""

    uri: str
    places: tuple[Place, ...]
    trunk: Trunk | None = None
    """Whose line it takes; None for a telephone or a gateway that asks nobody who he is."""

    @property
    def flow(self) -> Flow:
        """The first way that is tried: our address on it is the one that sound comes to."""
        return self.places[0].flows[0]

    @property
    def patience(self) -> float:
        """Seconds within which somebody must have said something, when anybody is there."""
        ranks = {place.rank for place in self.places}
        return SILENT * sum(max(len(p.flows) for p in self.places if p.rank == rank) for rank in ranks)

    @property
    def credentials(self) -> tuple[str, str] | None:
        if self.trunk is None or not self.trunk.password:
            return None
        return self.trunk.login or self.trunk.user, self.trunk.password

    def caller_uri(self, caller: str) -> str:
        """Who we say calls: `caller`'s number, or on a trunk that wants it so our own."""
        shown = caller if _USER.fullmatch(caller) else ANONYMOUS
        if self.trunk is None:
            host, port = self.flow.local
            return f"sip:{shown}@{f'[{host}]' if ':' in host else host}:{port}"
        if self.trunk.show == "own" or not caller:
            shown = own_number(self.trunk) or shown
        return f"sip:{shown}@{domain_of(self.trunk)}"

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Of the INVITE: the outbound proxy; our own number where another one is shown (RFC 3325 section 9.2)."""
        if self.trunk is None:
            return []
        headers = [("Route", f"<{route_of(self.trunk)}>")] if self.trunk.proxy else []
        if self.trunk.show == "caller" and (own := own_number(self.trunk)):
            headers.append(("P-Preferred-Identity", f"<sip:{own}@{domain_of(self.trunk)}>"))
        return headers


def place_of(flow: Flow | None) -> str:
    """For people: transport, address and port."""
    if flow is None:
        return ""
    host, port = flow.remote
    return f"{flow.transport} {f'[{host}]' if ':' in host else host}:{port}"


def own_number(trunk: Trunk) -> str:
    return trunk.numbers[0] if trunk.numbers else trunk.user


def domain_of(trunk: Trunk) -> str:
    """Of our address of record there, in brackets where it is an IPv6 address."""
    host = host_of(trunk.registrar or trunk.gateway)
    return f"[{host}]" if ":" in host else host


def route_of(trunk: Trunk) -> str:
    """The outbound proxy as a loose route. RFC 3261 section 16.12."""
    return trunk.proxy if ";lr" in trunk.proxy else f"{trunk.proxy};lr"
