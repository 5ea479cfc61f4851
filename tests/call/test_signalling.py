"""User agents on real sockets: every transport, connections used again, and who may be spoken to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from house import House

from ivr.call.signalling import Signalling
from ivr.clock import SystemClock
from ivr.config import HostPort, SipSettings
from ivr.net.tls import Certificates
from ivr.sip.events import (
    CallAccepted,
    CallConfirmed,
    CallEnded,
    CallRefused,
    IncomingCall,
    Output,
    UserAgentSettings,
)
from ivr.sip.user_agent import UserAgent

FOLDER = Path(__file__).parents[1] / "net" / "certificates"
SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n"
CALLER = "sip:alice@127.0.0.1"
Event = TypeVar("Event")


class Node:
    """A user agent with its sockets; what happens is waited for in order."""

    def __init__(self, *, server: str = "", ca: bool = True, switch: bool = True) -> None:
        pair = (FOLDER / f"{server}.pem", FOLDER / f"{server}.key") if server else (None, None)
        certificates = Certificates(*pair, FOLDER / "ca.pem" if ca else None)
        self.events: asyncio.Queue[Output] = asyncio.Queue()
        settings = UserAgentSettings(switch_to_tcp=switch)
        self.signalling = Signalling(
            UserAgent(settings), SystemClock(), self.events.put_nowait, certificates=certificates
        )

    async def wait(self, kind: type[Event]) -> Event:
        async with asyncio.timeout(10):
            while not isinstance(event := await self.events.get(), kind):
                pass
        return event

    @property
    def connections(self) -> int:
        return len(self.signalling._tcp._streams)


@pytest.fixture
async def nodes() -> AsyncIterator[Callable[..., Node]]:
    made: list[Node] = []

    def make(**parts: Any) -> Node:
        made.append(Node(**parts))
        return made[-1]

    yield make
    for node in made:
        await node.signalling.close()


Make = Callable[..., Node]


async def talk(
    caller: Node, callee: Node, target: str, transport: str, host: str = "127.0.0.1", **parts: Any
) -> str:
    """A whole call: the callee hangs up. Returns the transport it came by."""
    port = next(address[1] for address in callee.signalling.addresses if address[0] == host)
    if transport == "tls":
        port = callee.signalling.tls_addresses[0][1]
    flow = caller.signalling.flow_to((host, port), transport, parts.pop("proved", "localhost"))  # type: ignore[arg-type]
    target = target.format(port=port)
    caller.signalling.invite("out", target, SDP, flow, caller_uri=CALLER, **parts)
    call = await callee.wait(IncomingCall)
    callee.signalling.answer(call.leg, SDP)
    await caller.wait(CallAccepted)
    await callee.wait(CallConfirmed)
    callee.signalling.hang_up(call.leg)
    assert (await caller.wait(CallEnded)).by == "remote"
    assert (await callee.wait(CallEnded)).reason == "BYE"
    return call.flow.transport


@pytest.mark.parametrize("target", ["sips:bob@localhost:{port}", "sip:bob@localhost:{port};transport=tls"])
async def test_a_call_over_tls_uses_one_connection_for_both_directions(nodes: Make, target: str) -> None:
    caller, callee = nodes(), nodes(server="server")
    await caller.signalling.bind("127.0.0.1", 0)
    await callee.signalling.bind("127.0.0.1", 0)
    await callee.signalling.bind_tls("127.0.0.1", 0)
    for _ in range(2):
        assert await talk(caller, callee, target, "tls") == "tls"
    assert (caller.connections, callee.connections) == (1, 1)


@pytest.mark.parametrize(("certificate", "ca"), [("stranger", True), ("elsewhere", True), ("server", False)])
async def test_who_cannot_prove_the_name_is_not_called(nodes: Make, certificate: str, ca: bool) -> None:
    caller, callee = nodes(ca=ca), nodes(server=certificate)
    await caller.signalling.bind("127.0.0.1", 0)
    await callee.signalling.bind_tls("127.0.0.1", 0)
    port = callee.signalling.tls_addresses[0][1]
    flow = caller.signalling.flow_to(("127.0.0.1", port), "tls", "localhost")
    caller.signalling.invite("out", f"sips:bob@localhost:{port}", SDP, flow, caller_uri=CALLER)
    assert (await caller.wait(CallRefused)).status == 503
    assert callee.events.empty()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_calls_come_by_both_ip_versions_at_once(nodes: Make, host: str, transport: str) -> None:
    caller, callee = nodes(), nodes()
    for node in (caller, callee):
        for address in ("127.0.0.1", "::1"):
            await node.signalling.bind(address, 0)
    uri_host = f"[{host}]" if ":" in host else host
    target = f"sip:bob@{uri_host}:{{port}};transport={transport}"
    assert await talk(caller, callee, target, transport, host) == transport


@pytest.mark.parametrize(("tcp", "expected"), [(True, "tcp"), (False, "udp")])
async def test_nine_kilobytes_go_over_tcp_or_else_over_udp(nodes: Make, tcp: bool, expected: str) -> None:
    caller, callee = nodes(), nodes()
    await caller.signalling.bind("127.0.0.1", 0)
    await callee.signalling.bind("127.0.0.1", 0, tcp=tcp)
    headers = [(f"X-Data-{number}", "z" * 300) for number in range(30)]
    assert await talk(caller, callee, "sip:bob@127.0.0.1:{port}", "udp", headers=headers) == expected


async def test_a_keep_alive_on_a_connection_is_answered(nodes: Make) -> None:
    callee = nodes(server="server")
    await callee.signalling.bind("127.0.0.1", 0)
    await callee.signalling.bind_tls("127.0.0.1", 0)
    for address, context in (
        (callee.signalling.addresses[0], None),
        (callee.signalling.tls_addresses[0], Certificates(ca=FOLDER / "ca.pem").client),
    ):
        name = "localhost" if context else None
        reader, writer = await asyncio.open_connection(*address, ssl=context, server_hostname=name)
        writer.write(b"\r\n\r\n\r\n\r\n")
        assert await reader.readexactly(4) == b"\r\n\r\n"
        writer.close()


async def test_a_message_that_drips_is_not_waited_for_and_one_in_pieces_is(
    nodes: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.call.signalling.TIME_TO_FINISH", 1.0)
    callee = nodes()
    await callee.signalling.bind("127.0.0.1", 0)
    address = callee.signalling.addresses[0]
    reader, patient = await asyncio.open_connection(*address)
    dripping, drip = await asyncio.open_connection(*address)
    keeping, keep = await asyncio.open_connection(*address)
    keep.write(b"\r\n")
    options = (
        b"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKp\r\nTo: <sip:x@y>\r\n"
        b"From: <sip:a@b>;tag=1\r\nCall-ID: p\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 9\r\nContent-Length: 0\r\n\r\n"
    )
    for part in (options[:100], options[100:]):
        patient.write(part)
        await asyncio.sleep(0.05)
    assert (await reader.readline()).startswith(b"SIP/2.0 200")

    async def write_slowly() -> None:
        while True:
            drip.write(b"OPTI")
            await asyncio.sleep(0.02)

    writing = asyncio.create_task(write_slowly())
    assert await asyncio.wait_for(dripping.read(1), 10) == b""
    writing.cancel()
    assert callee.signalling.connections == (2, 0, 1)
    keep.write(b"\r\n\r\n")
    assert await keeping.readexactly(2) == b"\r\n"


async def test_the_engine_takes_calls_over_tls_and_over_several_addresses(
    build_house: Callable[..., Awaitable[House]], nodes: Make
) -> None:
    listen = (HostPort("127.0.0.1", 0), HostPort("::1", 0))
    house = await build_house(
        sip=SipSettings(
            listen=listen,
            tls_listen=(HostPort("127.0.0.1", 0),),
            tls_certificate=FOLDER / "server.pem",
            tls_key=FOLDER / "server.key",
        )
    )
    assert house.listening is not None
    (tls,) = house.listening.tls
    caller = nodes()
    await caller.signalling.bind("127.0.0.1", 0)
    flow = caller.signalling.flow_to((tls.host, tls.port), "tls", "localhost")
    sdp = SDP + b"c=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
    caller.signalling.invite("out", f"sips:ivr@localhost:{tls.port}", sdp, flow, caller_uri=CALLER)
    assert (await caller.wait(CallAccepted)).answer.startswith(b"v=0")
    caller.signalling.hang_up("out")
    assert (await caller.wait(CallEnded)).reason == "BYE"
    assert (await house.record())["end"] == {"by": "caller", "reason": "BYE"}
