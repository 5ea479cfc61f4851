"""What is said to a first offer: before it rings, and at an address of the IP version it wants."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from call.test_signalling import Node
from house import House

from ivr.config import HostPort, SipSettings
from ivr.sdp import SessionDescription
from ivr.sip.events import CallAccepted, CallEnded, CallProgress, CallRefused


def offer(host: str, rest: str = "m=audio 40000 RTP/AVP 0") -> bytes:
    family = "IP6" if ":" in host else "IP4"
    lines = ["v=0", f"o=- 1 1 IN {family} {host}", "s=-", f"c=IN {family} {host}", "t=0 0", rest, ""]
    return "\r\n".join(lines).encode()


@pytest.fixture
async def caller() -> AsyncIterator[Node]:
    node = Node()
    for host in ("127.0.0.1", "::1"):
        await node.signalling.bind(host, 0)
    yield node
    await node.signalling.close()


def invite(node: Node, house: House, host: str, sdp: bytes) -> None:
    assert house.engine.exchange is not None
    addresses = house.engine.exchange.rooms.signalling.addresses
    port = next(address[1] for address in addresses if address[0] == host)
    flow = node.signalling.flow_to((host, port))
    shown = f"[{host}]" if ":" in host else host
    node.signalling.invite("out", f"sip:ivr@{shown}:{port}", sdp, flow, caller_uri=f"sip:+15550100@{shown}")


async def test_sound_is_taken_at_an_address_of_the_offers_ip_version_and_what_is_no_use_does_not_ring(
    build_house: Callable[..., Awaitable[House]], caller: Node
) -> None:
    house = await build_house(sip=SipSettings(listen=(HostPort("127.0.0.1", 0), HostPort("::1", 0)), ring=0.0))
    for called, wanted in (("::1", "127.0.0.1"), ("127.0.0.1", "::1"), ("::1", "::1")):
        invite(caller, house, called, offer(wanted))
        assert (await caller.wait(CallProgress)).status == 180
        answered = SessionDescription.parse((await caller.wait(CallAccepted)).answer)
        assert (answered.host, answered.media[0].port > 0) == (wanted, True)
        caller.signalling.hang_up("out")
        await caller.wait(CallEnded)

    unusable = [
        (488, offer("127.0.0.1", "m=audio 40000 RTP/AVP 18")),
        (488, offer("127.0.0.1", "m=audio 40000 RTP/SAVP 0")),
        (488, offer("192.0.2.1.example")),
        (488, offer("224.0.0.1")),
        (488, offer("2001:db8::7")),  # not reached from the ::1 that is listened on
        (400, b"v=0\r\nm=oops\r\n"),
    ]
    for status, sdp in unusable:
        invite(caller, house, "127.0.0.1", sdp)
        event = await caller.events.get()
        assert isinstance(event, CallRefused), f"{event} before the refusal of {sdp!r}"
        assert event.status == status


async def test_an_ip_version_that_is_not_listened_on_is_refused(
    build_house: Callable[..., Awaitable[House]], caller: Node
) -> None:
    house = await build_house()
    invite(caller, house, "127.0.0.1", offer("::1"))
    event = await caller.events.get()
    assert isinstance(event, CallRefused) and event.status == 488
    assert (await house.record())["end"]["reason"].startswith("refused with 488: an IPv6 address is offered")
