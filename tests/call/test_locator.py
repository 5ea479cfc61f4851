"""From a SIP address to ways to go."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.call.locator import AVOIDED_FOR, Locator
from ivr.sip.events import Flow
from ivr.testing.clock import FakeClock


class Zone:
    """Names whose records a test writes."""

    def __init__(self, **addresses: list[str]) -> None:
        self._addresses = addresses

    async def naptr(self, name: str) -> list[Any]:
        return [(10, 10, "SIP+D2U", f"_sip._udp.{name}")] if name == "pbx" else []

    async def srv(self, name: str) -> list[Any]:
        return [(1, 0, 5070, "one"), (2, 0, 5080, "two")] if name == "_sip._udp.pbx" else []

    async def addresses(self, host: str) -> list[str]:
        return self._addresses.get(host, [])


def flow_to(remote: tuple[str, int], transport: Any = "udp", host: str = "") -> Flow:
    if ":" in remote[0]:
        raise OSError(f"{remote[0]} cannot be reached: no address is listened on for IPv6")
    return Flow(transport, ("192.0.2.200", 5060), remote, 0, host if transport == "tls" else "")


def locator(clock: FakeClock | None = None, **addresses: list[str]) -> Locator:
    return Locator(Zone(**addresses), flow_to, clock or FakeClock())  # type: ignore[arg-type]


async def test_all_records_are_followed_and_what_cannot_be_reached_is_left_out() -> None:
    flows = await locator(one=["192.0.2.1", "2001:db8::1"], two=["192.0.2.2"]).flows("sip:pbx")
    assert [flow.remote for flow in flows] == [("192.0.2.1", 5070), ("192.0.2.2", 5080)]


async def test_over_tls_the_name_is_what_is_to_be_proved() -> None:
    (flow,) = await locator(one=["192.0.2.1"]).flows("sips:one:5061")
    assert (flow.transport, flow.remote, flow.host) == ("tls", ("192.0.2.1", 5061), "one")


async def test_who_failed_comes_last_for_a_while() -> None:
    clock = FakeClock()
    there = locator(clock, one=["192.0.2.1"], two=["192.0.2.2"])
    first, second = await there.flows("sip:pbx")
    there.failed(first)
    assert await there.flows("sip:pbx") == [second, first]
    clock.advance(AVOIDED_FOR)
    assert await there.flows("sip:pbx") == [first, second]


@pytest.mark.parametrize(
    ("uri", "said"), [("sip:nowhere", "leads nowhere"), ("sip:six:5060", "no address is listened on for IPv6")]
)
async def test_the_reason_is_told_in_words(uri: str, said: str) -> None:
    with pytest.raises(OSError, match=said):
        await locator(six=["2001:db8::6"]).flows(uri)
