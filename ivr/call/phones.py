"""Where agents' telephones and outside lines are, and whether they may be called."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence

from ivr.call.destination import Destination
from ivr.call.locator import Locator
from ivr.call.rooms import Rooms
from ivr.config.settings import SipSettings, Trunk
from ivr.config.trunk_check import host_of
from ivr.errors import IvrError
from ivr.sip.address import parse_sip_address
from ivr.sip.bindings import Binding
from ivr.sip.dialog import address_of
from ivr.sip.events import Flow, Place
from ivr.sip.fields import parse_uri, same_host, scheme_of

logger = logging.getLogger(__name__)
_SEPARATORS = str.maketrans("", "", "-.() ")
"""Signs people put into numbers to read them better. RFC 3966 section 5.1.1."""
_NUMBER = re.compile(r"\+?[0-9]{2,20}")


class Phones:
    """Outbound calls go to configured agents and listed prefixes, nowhere else."""

    def __init__(
        self, rooms: Rooms, locator: Locator, is_down: Callable[[Trunk], bool] = lambda trunk: False
    ) -> None:
        """`is_down` tells of a trunk whether calls had better take another."""
        self._rooms = rooms
        self._locator = locator
        self._is_down = is_down
        self._configured = {agent.id: agent.phone for agent in rooms.settings.agents}
        self._names = {*self._configured, *(account.user for account in rooms.settings.sip.accounts)}
        """Whom a registration may be of: what a work centre can be called by."""
        self._workcenters: dict[str, str] = {}

    # --- where agents are

    def set_workcenter(self, agent: str, workcenter: str) -> None:
        """The telephone named at log-on: an address, or a name of the settings, of an agent or an account, for
        the telephone that has it. Empty or his own name: his own.

        Raises IvrError when it is neither, its host is not listed in ``ici.phones``, or it is a number behind a
        trunk that no prefix lists: whoever may log on may not call the world at our cost.
        """
        if not workcenter or workcenter == agent:
            self._workcenters.pop(agent, None)
            return
        if workcenter in self._names:
            self._workcenters[agent] = workcenter
            return
        if ":" not in workcenter:
            names = ", ".join(sorted(self._names))
            raise IvrError(
                f"the work centre {workcenter!r} is no telephone: write a SIP address like sip:{agent}@host:port, "
                f"or a name of the settings: {names}"
            )
        trunk = self._trunk_at(workcenter)
        if workcenter.startswith("tel:") or trunk is not None:
            self._listed(workcenter)
        else:
            self._allowed(workcenter)
        self._workcenters[agent] = workcenter

    def workcenter(self, agent: str) -> str:
        return self._workcenters.get(agent) or self._configured.get(agent, "")

    def seats(self, name: str) -> list[str]:
        """Agents whom this name's telephone is for."""
        return [agent for agent in self._configured if self._seat(agent) == name]

    def _seat(self, agent: str) -> str:
        """The name whose telephone it is; empty where an address was named."""
        named = self._workcenters.get(agent, agent)
        return named if named in self._names else ""

    def is_reachable(self, agent: str) -> bool:
        """Whether there is a telephone to ring: named at log-on, named in the settings, or registered."""
        seat = self._seat(agent)
        return not seat or bool(self._configured.get(seat) or self._bindings(seat))

    async def of_agent(self, agent: str) -> Destination:
        """Raises IvrError or OSError when there is none."""
        seat = self._seat(agent)
        if seat and (bindings := self._bindings(seat)):
            return self._registered(seat, bindings)
        phone = self._configured.get(seat, "") if seat else self._workcenters[agent]
        if not phone:
            where = "" if seat == agent else f" at the work centre {seat}"
            raise IvrError(
                f"agent {agent} has no telephone{where}; register one, log on with one, or set phone in [[agents]]"
            )
        trunk = self._trunk_at(phone)
        if phone.startswith("tel:"):
            trunk = self._trunk_of(phone) or self._best(self._rooms.settings.sip.trunks)
        if trunk is not None:
            return await self._through(trunk, phone)
        self._allowed(phone)
        return await self._direct(phone)

    # --- where others are

    async def outside(self, to: str) -> Destination:
        """Where to reach ``tel:…`` or ``sip:…``. Raises IvrError when settings do not allow it."""
        self._listed(to)
        settings = self._rooms.settings.sip
        trunk = self._trunk_of(to)
        if trunk is None and not settings.gateway and to.startswith("tel:"):
            trunk = self._best(settings.trunks)
        if trunk is not None:
            return await self._through(trunk, to)
        if to.startswith("tel:"):
            gateway = parse_sip_address(settings.gateway)
            transport = f";transport={gateway.transport}" if gateway.transport != "udp" else ""
            flows = await self._flows(settings.gateway)
            return _one_place(f"sip:{number_of(to)}@{gateway.host_port}{transport}", flows)
        return await self._direct(to)

    def _listed(self, to: str) -> None:
        """Raises IvrError unless a prefix of the settings allows it."""
        if not is_listed(self._rooms.settings.sip, to):
            logger.warning("call_out_refused to=%s why=not listed in dial", to)
            raise IvrError(
                f"{to} is not listed in sip.dial or in the dial of a trunk; only listed prefixes are called"
            )

    def _trunk_of(self, to: str) -> Trunk | None:
        """The best trunk that says it leads there, else the one in whose domain the address is."""
        trunks = self._rooms.settings.sip.trunks
        named = [trunk for trunk in trunks if any(is_under(to, prefix) for prefix in trunk.dial)]
        return self._best(named) or self._trunk_at(to)

    def _best(self, trunks: Sequence[Trunk]) -> Trunk | None:
        """The first that is not down; where all are, the first, for it may have come back a moment ago."""
        return next((trunk for trunk in trunks if not self._is_down(trunk)), next(iter(trunks), None))

    def _trunk_at(self, address: str) -> Trunk | None:
        host = host_of(address)
        found = (trunk for trunk in self._rooms.settings.sip.trunks if host and host_of(trunk.domain) == host)
        return next(found, None)

    def _allowed(self, phone: str) -> None:
        host, allowed = parse_sip_address(phone).host, self._rooms.settings.ici.phones
        if host not in allowed:
            listed = ", ".join(allowed)
            raise IvrError(f"telephone host {host} is not listed in ici.phones ({listed})")

    # --- ways

    async def _through(self, trunk: Trunk, to: str) -> Destination:
        """By a trunk's gateway or outbound proxy; numbers become addresses in its domain."""
        flows = await self._flows(trunk.proxy or trunk.domain)
        if to.startswith("tel:"):
            gateway = parse_uri(trunk.domain)
            port = f":{gateway.port}" if gateway.port else ""
            secure = flows[0].transport == "tls" and scheme_of(trunk.domain) == "sips"
            to = f"{'sips' if secure else 'sip'}:{number_of(to)}@{gateway.host}{port}"
        return Destination(to, (Place(to, flows),), trunk)

    async def _direct(self, address: str) -> Destination:
        return _one_place(address, await self._flows(address))

    async def _flows(self, address: str) -> tuple[Flow, ...]:
        """Every way there. Sound comes to one address of ours, so all leave from the one the first leaves from."""
        flows = await self._locator.flows(address)
        return tuple(flow for flow in flows if flow.local[0] == flows[0].local[0])

    # --- telephones that have registered

    def _bindings(self, agent: str) -> list[Binding]:
        return self._rooms.signalling.user_agent.bindings(agent, self._rooms.clock.monotonic())

    def _registered(self, agent: str, bindings: list[Binding]) -> Destination:
        """All of them, those of equal preference at once. Raises OSError when no way leads there."""
        levels = sorted({binding.q for binding in bindings}, reverse=True)
        places: list[Place] = []
        for binding in bindings:
            try:
                places.append(self._place(binding, levels.index(binding.q)))
            except OSError as error:
                logger.warning("contact_unreachable agent=%s contact=%s error=%s", agent, binding.contact, error)
        if not places:
            raise OSError(f"no contact of {agent} can be reached")
        local = places[0].flows[0].local[0]
        there = tuple(place for place in places if place.flows[0].local[0] == local)
        return Destination(there[0].uri, there)

    def _place(self, binding: Binding, rank: int) -> Place:
        """Nowhere but where the REGISTER came from: a contact elsewhere would have us call strangers."""
        came, contact = binding.flow, address_of(binding.contact)
        at_home = contact is not None and same_host(contact[0], came.remote[0])
        signalling = self._rooms.signalling
        flow = signalling.flow_to(came.remote, came.transport, came.host)
        if contact is not None and at_home and not flow.connection:
            flow = signalling.flow_to((came.remote[0], contact[1]), came.transport, came.host)
        return Place(binding.contact, (flow,), rank, use_flow=not at_home)


def _one_place(uri: str, flows: tuple[Flow, ...]) -> Destination:
    return Destination(uri, (Place(uri, flows),))


def number_of(to: str) -> str:
    """The digits of ``tel:…``. Raises IvrError when there are none."""
    number = to.removeprefix("tel:").split(";", 1)[0].translate(_SEPARATORS)
    if not _NUMBER.fullmatch(number):
        raise IvrError(f"{to!r} is no telephone number; write it like tel:+15550100")
    return number


def is_listed(settings: SipSettings, to: str) -> bool:
    """Whether the settings let this number or address be called."""
    prefixes = [*settings.dial, *(prefix for trunk in settings.trunks for prefix in trunk.dial)]
    return any(is_under(to, prefix) for prefix in prefixes)


def is_under(to: str, prefix: str) -> bool:
    """Whether a number or address begins with a listed prefix; signs for reading make no difference."""
    if to.startswith("tel:") and prefix.startswith("tel:"):
        to, prefix = to.split(";", 1)[0].translate(_SEPARATORS), prefix.translate(_SEPARATORS)
    return to.startswith(prefix)
