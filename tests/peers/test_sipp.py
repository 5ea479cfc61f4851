"""What SIPp finds when it calls: every answer of RFC 3261 that a caller may ask for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import need
from house import House
from peers.sipp import Sipp

from ivr.config import HostPort, MenuSettings, SipSettings

pytestmark = pytest.mark.peer("sipp")
BuildHouse = Callable[..., Awaitable[House]]


@pytest.fixture
def sipp(tmp_path: Path) -> Sipp:
    folder = tmp_path / "sipp"
    folder.mkdir()
    return Sipp(folder)


def sip_settings(**changes: Any) -> SipSettings:
    return SipSettings(listen=HostPort("127.0.0.1", 0), **changes)


def address(house: House) -> HostPort:
    assert house.listening is not None
    return house.listening.sip


async def test_a_call_is_answered_heard_and_ended(house: House, sipp: Sipp) -> None:
    await sipp.run("call", address(house))
    record = await house.record()
    assert (record["caller"], record["called"]) == ("sipp", "ivr")
    assert record["path"] == ["greet"]
    assert record["media"]["sent"] > 25
    assert record["end"] == {"by": "caller", "reason": "BYE"}


async def test_a_call_over_tcp_is_the_same(build_house: BuildHouse, sipp: Sipp) -> None:
    house = await build_house(sip=sip_settings(udp=False))
    await sipp.run("call", address(house), tcp=True)
    record = await house.record()
    assert record["path"] == ["greet"]
    assert record["end"] == {"by": "caller", "reason": "BYE"}


async def test_sixty_calls_at_ten_a_second_are_all_answered(house: House, sipp: Sipp) -> None:
    await sipp.run("call", address(house), "-r", "10", calls=60)
    async with asyncio.timeout(10.0):
        while len(records := await ended_calls(house, 100)) < 60:
            await asyncio.sleep(0.05)
    assert len(records) == 60
    assert {record["end"]["reason"] for record in records} == {"BYE"}
    assert all(record["media"]["sent"] > 25 for record in records)


async def ended_calls(house: House, most: int) -> list[dict[str, Any]]:
    return [record for record in await house.store.calls(most) if record["media"]]


async def test_recorded_telephone_events_are_keys(house: House, sipp: Sipp) -> None:
    if os.geteuid() != 0:
        need("raw sockets", "SIPp plays recorded packets as root only")
    await sipp.run("keys", address(house))
    record = await house.record()
    assert record["digits"] == "152"
    assert record["path"][2:5] == ["pick_language", "main", "outage_kind"]


async def test_keys_may_come_as_info_requests(house: House, sipp: Sipp) -> None:
    await sipp.run("keys_by_info", address(house))
    record = await house.record()
    assert record["digits"] == "11"
    assert record["path"][-1] == "ask_account"


async def test_cancel_while_it_rings_gets_487(build_house: BuildHouse, sipp: Sipp) -> None:
    house = await build_house(sip=sip_settings(ring=20.0))
    await sipp.run("cancel", address(house))
    assert (await house.record())["end"] == {"by": "caller", "reason": "cancelled before the answer"}


@pytest.mark.parametrize("scenario", ["options", "subscribe", "unknown_method", "no_dialog"])
async def test_a_request_outside_any_call_gets_its_answer(house: House, sipp: Sipp, scenario: str) -> None:
    await sipp.run(scenario, address(house))
    await sipp.run(scenario, address(house), tcp=True)


async def test_a_repeated_invite_is_one_call(build_house: BuildHouse, sipp: Sipp) -> None:
    house = await build_house(sip=sip_settings(ring=1.0))
    await sipp.run("repeated_invite", address(house), "-nr")
    await house.record()
    assert len(await house.store.calls(10)) == 1


async def test_the_200_is_repeated_until_the_ack_comes(house: House, sipp: Sipp) -> None:
    await sipp.run("late_ack", address(house), "-nr")
    assert (await house.record())["end"] == {"by": "caller", "reason": "BYE"}


async def test_an_offer_of_opus_alone_gets_488_with_a_warning(house: House, sipp: Sipp) -> None:
    await sipp.run("only_opus", address(house))
    assert (await house.record())["end"]["reason"].startswith("refused with 488: opus/48000")


async def test_one_call_too_many_gets_503_with_retry_after(build_house: BuildHouse, sipp: Sipp) -> None:
    house = await build_house(sip=sip_settings(max_calls=1, retry_after=7))
    phone = await house.phone()
    first = await phone.dial(house.uri)
    await sipp.run("full", address(house))
    assert not first.is_over
    await first.hang_up()
    await house.record()
    await sipp.run("call", address(house))


async def test_an_invite_without_an_offer_gets_ours(house: House, sipp: Sipp) -> None:
    await sipp.run("late_offer", address(house))
    record = await house.record()
    assert record["media"]["sent"] > 25
    assert record["end"]["reason"] == "BYE"


async def test_hold_is_answered_and_stops_our_sound(house: House, sipp: Sipp) -> None:
    await sipp.run("hold", address(house))
    record = await house.record()
    assert record["end"]["reason"] == "BYE"
    assert 25 <= record["media"]["sent"] <= 60, "0.8 s were not held: 40 packets"


async def test_the_engine_says_bye_at_the_end_of_the_menu(
    build_house: BuildHouse, sipp: Sipp, write_menu: Callable[..., MenuSettings]
) -> None:
    menu = write_menu("first: {type: say, say: small.bye, go: END}", "small.bye: Goodbye.\n")
    house = await build_house(menu=menu)
    await sipp.run("goodbye", address(house))
    record = await house.record()
    assert record["path"] == ["first"]
    assert record["end"]["by"] == "system"
