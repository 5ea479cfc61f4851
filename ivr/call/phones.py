"""Where agents' telephones and outside lines are, and whether they may be called."""

from __future__ import annotations

import logging

from ivr.call.rooms import Rooms
from ivr.errors import IvrError
from ivr.net.resolve import resolve
from ivr.sip.address import SipAddress, parse_sip_address
from ivr.sip.events import Flow

logger = logging.getLogger(__name__)


class Phones:
    """Outbound calls go to configured agents and listed prefixes, nowhere else."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._configured = {agent.id: agent.phone for agent in rooms.settings.agents}
        self._workcenters: dict[str, str] = {}

    def set_workcenter(self, agent: str, workcenter: str) -> None:
        """The telephone named at log-on; empty or an agent's name for the one of the settings.

        Raises IvrError when the address is none, or its host is not listed in ``ici.phones``.
        """
        if not workcenter or workcenter in self._configured:
            self._workcenters.pop(agent, None)
            return
        self._allowed(parse_sip_address(workcenter))
        self._workcenters[agent] = workcenter

    def workcenter(self, agent: str) -> str:
        return self._workcenters.get(agent) or self._configured.get(agent, "")

    async def of_agent(self, agent: str) -> tuple[str, Flow]:
        """Address and way. Raises IvrError or OSError when there is none."""
        phone = self._workcenters.get(agent) or self._registered(agent) or self._configured.get(agent, "")
        if not phone:
            raise IvrError(f"agent {agent} has no telephone; log on with one, or set phone in [[agents]]")
        address = parse_sip_address(phone)
        self._allowed(address)
        return phone, await self._flow(address)

    async def outside(self, to: str) -> tuple[str, Flow]:
        """Where to reach ``tel:…`` or ``sip:…``. Raises IvrError when settings do not allow it."""
        settings = self._rooms.settings.sip
        if not any(to.startswith(prefix) for prefix in settings.dial):
            raise IvrError(f"{to} is not listed in sip.dial; outside calls go to listed prefixes only")
        if to.startswith("tel:"):
            gateway = parse_sip_address(settings.gateway)
            transport = f";transport={gateway.transport}" if gateway.transport != "udp" else ""
            target = f"sip:{to.removeprefix('tel:')}@{gateway.host_port}{transport}"
            return target, await self._flow(gateway)
        return to, await self._flow(parse_sip_address(to))

    def _registered(self, agent: str) -> str:
        """The contact a telephone has registered under the agent's name."""
        now = self._rooms.clock.monotonic()
        bindings = self._rooms.signalling.user_agent.bindings(agent, now)
        return bindings[0].contact if bindings else ""

    def _allowed(self, address: SipAddress) -> None:
        allowed = self._rooms.settings.ici.phones
        if address.host not in allowed:
            listed = ", ".join(allowed)
            raise IvrError(f"telephone host {address.host} is not listed in ici.phones ({listed})")

    async def _flow(self, address: SipAddress) -> Flow:
        remote = (await resolve(address.host), address.port)
        return self._rooms.signalling.flow_to(remote, address.transport, address.host)
