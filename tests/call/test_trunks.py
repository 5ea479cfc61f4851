"""Two engines: one is a PBX where telephones register, the other is registered there as a trunk."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from house import House
from rich.console import Console

from ivr.agents.events import LoggedOn, WorkmodeChosen
from ivr.call.destination import Destination
from ivr.call.locator import Locator
from ivr.call.phones import Phones, is_under, number_of
from ivr.call.presence import user_view
from ivr.cli.status import fetch, show
from ivr.config import Account, AgentSettings, HostPort, Settings, SipSettings, Trunk
from ivr.errors import IvrError
from ivr.sip.bindings import Binding
from ivr.sip.events import Flow, Place, Registered
from ivr.testing.clock import FakeClock

Build = Callable[..., Awaitable[House]]
LOOPBACK = HostPort("127.0.0.1", 0)


async def until(true: Callable[[], object], within: float = 20.0) -> None:
    async with asyncio.timeout(within):
        while not true():
            await asyncio.sleep(0.02)


def trunk_document(house: House) -> dict[str, Any]:
    assert house.engine.exchange is not None
    return dict(house.engine.exchange.trunks.document()["pbx"])


async def test_an_engine_registers_with_another_is_called_through_it_and_leaves(
    build_house: Build, capsys: Any
) -> None:
    pbx = await build_house(
        sip=SipSettings(listen=LOOPBACK, accounts=(Account("200", "pa55"),)),
        agents=(AgentSettings("200", "Branch", ("general",)),),
    )
    port = pbx.uri.rpartition(":")[2]
    trunk = Trunk(
        "pbx", registrar=f"sip:127.0.0.1:{port}", user="200", password="pa55", expires=60, numbers=("+15550100",)
    )
    branch = await build_house(sip=SipSettings(listen=LOOPBACK, trunks=(trunk,)))
    await until(lambda: trunk_document(branch)["state"] == "registered")
    assert trunk_document(branch)["last"]["status"] == 200
    assert 20 < trunk_document(branch)["next"] <= 30
    (binding,) = pbx.engine.exchange.telephones.document()["200"]  # type: ignore[union-attr]
    assert ";line=" in binding["contact"]

    # The PBX rings its extension 200, and the branch answers with its menu.
    assert pbx.engine.exchange is not None and branch.engine.exchange is not None
    there = await pbx.engine.exchange.phones.of_agent("200")
    assert there.flow.remote == ("127.0.0.1", int(branch.uri.rpartition(":")[2]))
    phone = await pbx.phone("+15550177")
    call = await phone.dial(there.uri)
    await until(lambda: branch.engine.exchange.visits)  # type: ignore[union-attr]
    (visit,) = branch.engine.exchange.visits.values()
    assert visit.incoming.line == "pbx"
    await call.hang_up()

    # `ivr status` of both, as people see it.
    for house, words in ((branch, ("pbx", "registered", "200 OK")), (pbx, ("Telephone", "sip:200@127.0.0.1"))):
        document = await asyncio.to_thread(fetch, house.ici_url.replace("/ici", "/health"))
        json.dumps(document)
        assert "pa55" not in json.dumps(document)
        show(document, Console(width=80))
        shown = capsys.readouterr().out
        assert all(word in shown for word in words), shown
        assert max(map(len, shown.splitlines())) <= 80

    await branch.engine.stop()
    await until(lambda: not pbx.engine.exchange.telephones.document())  # type: ignore[union-attr]


async def test_a_registered_telephone_is_known_after_a_restart_and_its_agent_can_be_rung(
    build_house: Build,
) -> None:
    """And when it leaves, the agent stays ready, is offered nothing, and the desk says why."""
    pbx_settings: dict[str, Any] = {
        "sip": SipSettings(listen=LOOPBACK),
        "agents": (AgentSettings("desk1", "Dana", ("general", "billing"), password="geheim"),),
    }
    first = await build_house(**pbx_settings)
    exchange = first.engine.exchange
    assert exchange is not None
    assert exchange.agents.agent("desk1").phone is False
    flow = Flow("udp", ("127.0.0.1", 5060), ("127.0.0.1", 5999))
    signalling = exchange.rooms.signalling
    now = exchange.rooms.clock.monotonic()
    signalling.restore_bindings([Binding("desk1", "sip:desk1@127.0.0.1:5998", flow, now + 600, "c", 1)])
    exchange.on_sip(Registered("desk1", "sip:desk1@127.0.0.1:5998", 600, flow))
    assert exchange.agents.agent("desk1").phone is True
    await first.engine.stop()

    again = await build_house(**pbx_settings, store=first.settings.store)
    exchange = again.engine.exchange
    assert exchange is not None
    (contact,) = exchange.telephones.document()["desk1"]
    assert (contact["contact"], 500 < contact["expires"] <= 600) == ("sip:desk1@127.0.0.1:5998", True)
    assert exchange.agents.agent("desk1").phone is True
    there = await exchange.phones.of_agent("desk1")
    assert (there.uri, there.flow.remote) == ("sip:desk1@127.0.0.1:5998", ("127.0.0.1", 5998))

    exchange.rooms.signalling.user_agent.restore_bindings([], now)
    exchange.rooms.signalling.user_agent._registrar.bindings.expire(now + 10_000)
    exchange.on_sip(Registered("desk1", "sip:desk1@127.0.0.1:5998", 0, flow))
    assert exchange.agents.agent("desk1").phone is False
    exchange.tell_floor(LoggedOn("desk1"))
    exchange.tell_floor(WorkmodeChosen("desk1", 2))
    view = user_view(exchange, "desk1")
    assert (view.workmode, view.workmode_text, view.presence) == (2, "Ready, telephone not registered", "Busy")


# --- where calls may go, and as whom


class Records:
    async def naptr(self, name: str) -> list[Any]:
        return []

    async def srv(self, name: str) -> list[Any]:
        return [(1, 0, 5070, "192.0.2.1"), (2, 0, 5070, "192.0.2.2")] if name == "_sip._udp.pbx.example" else []

    async def addresses(self, host: str) -> list[str]:
        return {"edge.example": ["192.0.2.9"], "gate.example": ["192.0.2.8"]}.get(host, [])


class Rooms:
    """What `Phones` looks at, without an engine."""

    def __init__(self, sip: SipSettings, *agents: AgentSettings) -> None:
        self.settings = Settings(sip=sip, agents=agents)
        self.clock = FakeClock()
        self.signalling = self.user_agent = self
        self.held: list[Binding] = []

    def bindings(self, user: str, now: float) -> list[Binding]:
        return self.held

    def flow_to(self, remote: tuple[str, int], transport: Any = "udp", host: str = "") -> Flow:
        return Flow(transport, ("192.0.2.200", 5060), remote)

    @property
    def phones(self) -> Phones:
        return Phones(self, Locator(Records(), self.flow_to, self.clock))  # type: ignore[arg-type]


PBX = Trunk(
    "pbx", registrar="sip:pbx.example", user="200", login="auth200", password="pa55", numbers=("+15550100",),
    dial=("tel:+1555",),
)  # fmt: skip
SIP = SipSettings(trunks=(PBX,))


async def test_a_listed_number_goes_through_the_trunk_with_its_servers_identity_and_password() -> None:
    there = await Rooms(SIP).phones.outside("tel:+1-555-0199")
    assert there.uri == "sip:+15550199@pbx.example"
    assert [flow.remote for flow in there.places[0].flows] == [("192.0.2.1", 5070), ("192.0.2.2", 5070)]
    assert there.caller_uri("+15550777") == "sip:+15550100@pbx.example"
    assert (there.credentials, there.headers) == (("auth200", "pa55"), [])
    assert there.patience == 8.0


async def test_the_callers_number_may_be_shown_and_ours_goes_along_as_the_preferred_one() -> None:
    trunk = Trunk(
        "pbx",
        registrar="sip:pbx.example",
        user="200",
        show="caller",
        dial=("tel:",),
        proxy="sip:edge.example:5060",
    )
    there = await Rooms(SipSettings(trunks=(trunk,))).phones.outside("tel:110")
    assert there.caller_uri("+15550777") == "sip:+15550777@pbx.example"
    assert there.caller_uri("") == "sip:200@pbx.example"
    assert there.caller_uri('x" <evil>') == "sip:anonymous@pbx.example"
    assert there.headers == [
        ("Route", "<sip:edge.example:5060;lr>"),
        ("P-Preferred-Identity", "<sip:200@pbx.example>"),
    ]
    assert there.flow.remote == ("192.0.2.9", 5060), "the proxy is not asked"


@pytest.mark.parametrize("to", ["tel:+1900555", "tel:1555", "sip:+15550199@elsewhere", "sip:900@pbx.example"])
async def test_nothing_else_is_called_and_the_log_says_so(to: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(IvrError, match="only listed prefixes are called"):
        await Rooms(SIP).phones.outside(to)
    assert f"call_out_refused to={to}" in caplog.text


async def test_who_logs_on_may_not_name_a_number_of_the_world_as_telephone() -> None:
    phones = Rooms(SIP, AgentSettings("a")).phones
    for workcenter in ("tel:+1900555", "sip:900@pbx.example", "sip:a@198.51.100.1"):
        with pytest.raises(IvrError):
            phones.set_workcenter("a", workcenter)
    phones.set_workcenter("a", "tel:+15550142")
    assert (await phones.of_agent("a")).uri == "sip:+15550142@pbx.example"


async def test_a_work_centre_is_an_address_or_a_name_of_the_settings() -> None:
    settings = dataclasses.replace(SIP, accounts=(Account("4711", "s3cret"),))
    phones = Rooms(
        settings, AgentSettings("a", phone="sip:a@127.0.0.1"), AgentSettings("b", phone="sip:b@127.0.0.1")
    ).phones
    for workcenter, seat, uri in (("", "a", "sip:a"), ("b", "b", "sip:b"), ("a", "a", "sip:a")):
        phones.set_workcenter("a", workcenter)
        assert "a" in phones.seats(seat)
        assert (await phones.of_agent("a")).uri == f"{uri}@127.0.0.1"
    phones.set_workcenter("a", "4711")
    assert (phones.workcenter("a"), phones.seats("4711"), phones.is_reachable("a")) == ("4711", ["a"], False)
    with pytest.raises(IvrError, match="agent a has no telephone at the work centre 4711; register one"):
        await phones.of_agent("a")
    with pytest.raises(IvrError, match=r"'4712' is no telephone: write .* or a name of the settings: 4711, a, b$"):
        phones.set_workcenter("a", "4712")


@pytest.mark.parametrize(
    ("phone", "uri"),
    [("sip:201@pbx.example", "sip:201@pbx.example"), ("tel:+4930123", "sip:+4930123@pbx.example")],
)
async def test_a_telephone_of_the_settings_may_be_behind_the_trunk(phone: str, uri: str) -> None:
    there = await Rooms(SIP, AgentSettings("a", phone=phone)).phones.of_agent("a")
    assert (there.uri, there.trunk) == (uri, PBX)


async def test_a_gateway_is_asked_for_what_no_trunk_says_it_leads_to() -> None:
    sip = SipSettings(trunks=(PBX,), dial=("tel:+49",), gateway="sip:gate.example:5080")
    there = await Rooms(sip).phones.outside("tel:+4930123")
    assert (there.uri, there.trunk) == ("sip:+4930123@gate.example:5080", None)
    assert there.caller_uri("me") == "sip:me@192.0.2.200:5060"
    assert there.credentials is None


def binding(
    contact: str, source: tuple[str, int], transport: Any = "udp", q: float = 1.0, at: float = 0.0
) -> Binding:
    return Binding("a", contact, Flow(transport, ("192.0.2.200", 5060), source), 2000.0 + at, "c", 1, q)


async def test_all_contacts_of_a_telephone_ring_those_preferred_first() -> None:
    rooms = Rooms(SipSettings(), AgentSettings("a", phone="sip:a@127.0.0.1"))
    rooms.held = [
        binding("sip:a@192.0.2.50:5062", ("192.0.2.50", 5062)),
        binding("sip:a@192.0.2.51", ("192.0.2.51", 5060)),
        binding("sip:a@192.0.2.52", ("192.0.2.52", 5060), q=0.3),
    ]
    there = await rooms.phones.of_agent("a")
    assert [(place.flows[0].remote[0][-2:], place.rank) for place in there.places] == [
        ("50", 0),
        ("51", 0),
        ("52", 1),
    ]
    assert there.patience == 8.0


@pytest.mark.parametrize(
    ("contact", "source", "remote", "use_flow"),
    [
        ("sip:a@192.0.2.50:5062", ("192.0.2.50", 4000), ("192.0.2.50", 5062), False),
        ("sip:a@10.0.0.5:5062", ("192.0.2.50", 4000), ("192.0.2.50", 4000), True),
        ("sip:a@198.51.100.1", ("192.0.2.50", 4000), ("192.0.2.50", 4000), True),
        ("sip:a@phone.local", ("192.0.2.50", 4000), ("192.0.2.50", 4000), True),
    ],
)
async def test_a_contact_is_called_nowhere_but_where_its_register_came_from(
    contact: str, source: tuple[str, int], remote: tuple[str, int], use_flow: bool
) -> None:
    rooms = Rooms(SipSettings(), AgentSettings("a"))
    rooms.held = [binding(contact, source)]
    (place,) = (await rooms.phones.of_agent("a")).places
    assert (place.uri, place.flows[0].remote, place.use_flow) == (contact, remote, use_flow)


async def test_without_any_telephone_the_reason_says_what_to_do() -> None:
    phones = Rooms(SipSettings(), AgentSettings("a")).phones
    assert not phones.is_reachable("a")
    with pytest.raises(IvrError, match="register one, log on with one, or set phone"):
        await phones.of_agent("a")


@pytest.mark.parametrize(
    ("to", "prefix", "listed"),
    [
        ("tel:+1 (555) 01-99", "tel:+1555", True),
        ("tel:+1555;ext=9", "tel:+1-555", True),
        ("tel:+1655", "tel:+1555", False),
        ("sip:201@pbx", "sip:2", True),
        ("tel:+1555", "sip:", False),
    ],
)
def test_signs_for_reading_make_no_difference_to_a_prefix(to: str, prefix: str, listed: bool) -> None:
    assert is_under(to, prefix) is listed


@pytest.mark.parametrize("to", ["tel:", "tel:abc", "tel:+1555@evil.example", "tel:+1555>x"])
def test_a_number_is_digits(to: str) -> None:
    with pytest.raises(IvrError, match="no telephone number"):
        number_of(to)


def test_an_ipv6_way_is_written_in_brackets() -> None:
    flow = Flow("udp", ("2001:db8::2", 5060), ("2001:db8::1", 5060))
    assert Destination("sip:x", (Place("sip:x", (flow,)),)).caller_uri("me") == "sip:me@[2001:db8::2]:5060"
