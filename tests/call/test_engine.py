"""The engine as a whole: capacity, stopping, a worker that dies, addresses that are taken."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from house import House
from sounds import likeness, tone_level

from ivr.config import GuardSettings, HostPort, HttpSettings, SipSettings
from ivr.errors import MenuError, SettingsError

Builder = Callable[..., Awaitable[House]]


async def test_calls_beyond_the_set_number_get_503_and_when_to_try_again(build_house: Builder) -> None:
    house = await build_house(sip=SipSettings(listen=HostPort("127.0.0.1", 0), max_calls=1))
    phone = await house.phone("+15550100")
    first = await phone.dial(house.uri)
    second = await phone.dial(house.uri)
    assert (first.status, second.status) == (200, 503)
    await first.hang_up()
    third = await phone.dial(house.uri)
    assert third.status == 200
    await third.hang_up()


async def test_a_line_is_kept_for_the_emergency_number_and_health_tells_of_it(build_house: Builder) -> None:
    sip = SipSettings(listen=HostPort("127.0.0.1", 0), max_calls=2)
    house = await build_house(sip=sip, guard=GuardSettings(emergency=("gas-emergency",), emergency_reserve=1))
    phone = await house.phone("+15550100")
    first = await phone.dial(house.uri)
    second = await phone.dial(house.uri)
    third = await phone.dial(house.uri.replace("sip:ivr@", "sip:Gas-Emergency@"))
    assert (first.status, second.status, third.status) == (200, 503, 200)
    assert house.listening is not None
    async with aiohttp.ClientSession() as http, http.get(f"http://{house.listening.http}/health") as response:
        document = await response.json()
    assert (document["calls"]["now"], document["calls"]["refused"]) == (2, 1)
    assert (document["guard"]["calls"], document["guard"]["full"], document["guard"]["emergency"]) == (2, 1, 1)
    await first.hang_up()
    await third.hang_up()


async def test_stopping_hangs_up_live_calls_and_writes_their_records(build_house: Builder) -> None:
    house = await build_house()
    desk = await house.desk("desk1")
    phone = await house.phone("+15550100")
    waiting = await phone.dial(house.uri)
    await waiting.wait_for_sound()
    await waiting.press("0")
    await desk.item("connected")
    other = await phone.dial(house.uri)
    await other.wait_for_sound()
    path = house.settings.store.path
    await house.engine.stop()
    await asyncio.wait_for(waiting.ended(), 5)
    await asyncio.wait_for(other.ended(), 5)
    assert (waiting.ended_by, other.ended_by) == ("remote", "remote")
    from ivr.store.sqlite import SqliteStore

    store = await SqliteStore.open(path)
    records = await store.calls()
    await store.close()
    assert [record["end"] for record in records] == [{"by": "system", "reason": "the engine was stopped"}] * 2
    assert all(record["ended"] for record in records)


async def kill_media_worker(house: House) -> None:
    assert house.engine.exchange is not None
    (pid,) = house.engine.exchange.rooms.media.pids
    os.kill(pid, signal.SIGKILL)


async def test_a_call_goes_on_after_its_media_worker_died(house: House) -> None:
    phone = await house.phone("+15550100")
    call = await phone.dial(house.uri)
    await call.wait_for_sound()
    await kill_media_worker(house)
    await call.wait_for_silence(0.2, 5)
    await call.wait_for_sound(10, after=phone.clock.monotonic())
    assert house.engine.exchange is not None
    greeting = house.engine.exchange.menu.language("en").book.prompts["greet.emergency_first"].text
    clip = await house.clip(greeting)
    async with asyncio.timeout(20):
        while likeness(call.recording, clip) < 0.85:
            await asyncio.sleep(0.2)
    await call.press("0")
    await call.hang_up()
    record = await house.record()
    assert record["path"][-1] == "agent_asked"
    assert [incident["what"] for incident in record["incidents"]] == ["the media worker died"]


async def test_caller_and_agent_hear_each_other_again_after_the_media_worker_died(house: House) -> None:
    desk = await house.desk("desk1")
    phone = await house.phone("+15550100")
    call = await phone.dial(house.uri)
    await call.wait_for_sound()
    await call.press("0")
    agent = await desk.phone.next_call()
    await desk.item("connected")
    await kill_media_worker(house)
    assert house.engine.exchange is not None
    async with asyncio.timeout(10):
        while sum(worker["legs"] for worker in house.engine.exchange.rooms.media.health) < 2:
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    begun = len(call.recording)
    await asyncio.gather(call.talk_tone(440, 1.5), agent.talk_tone(880, 1.5))
    await asyncio.sleep(0.1)
    assert tone_level(call.recording[begun:], 880) > 0.8
    assert tone_level(agent.recording, 440) > 0.8
    await call.hang_up()
    assert (await house.record())["end"]["by"] == "caller"


async def test_health_tells_what_is_going_on(house: House) -> None:
    phone = await house.phone("+15550100")
    call = await phone.dial(house.uri)
    assert house.listening is not None
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{house.listening.http}/health") as response,
    ):
        told = await response.json()
    assert (response.status, told["calls"]["now"], told["agents"]["desk1"]["state"]) == (200, 1, "off")
    await call.hang_up()


async def test_a_taken_sip_address_is_told_with_setting_and_remedy(build_house: Builder) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError) as error:
            await build_house(sip=SipSettings(listen=HostPort("127.0.0.1", port)))
    assert f"sip.listen: cannot listen on 127.0.0.1:{port}: address already in use; free it, or set" in str(
        error.value
    )


async def test_an_address_of_another_machine_is_told_with_one_that_would_do(build_house: Builder) -> None:
    with pytest.raises(SettingsError) as error:
        await build_house(sip=SipSettings(listen=HostPort("192.0.2.7", 5060)))
    assert 'set sip.listen (or IVR_SIP_LISTEN) to an address of this machine, like "127.0.0.1:5060"' in str(
        error.value
    )


async def test_a_taken_http_address_is_told_with_setting_and_remedy(build_house: Builder) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=r"http\.listen: cannot listen on"):
            await build_house(http=HttpSettings(listen=HostPort("127.0.0.1", port)))


async def test_a_broken_menu_keeps_the_engine_from_starting(build_house: Builder, tmp_path: Path) -> None:
    from ivr.config import MenuSettings

    folder = tmp_path / "menus"
    folder.mkdir()
    (folder / "northgas.yaml").write_text("ivr: 1\nname: northgas\n")
    with pytest.raises(MenuError, match=r"northgas\.yaml"):
        await build_house(menu=MenuSettings(folder=folder))


async def test_a_call_that_a_killed_engine_left_open_is_closed_at_the_next_start(build_house: Builder) -> None:
    house = await build_house()
    started = "2026-01-02T03:04:05.000+00:00"
    handoff = {"queue": "general", "reason": "BILL", "started": "2026-01-02T03:05:00.000+00:00", "outcome": None}
    record = {"id": "killed", "started": started, "ended": None, "answered": None, "end": None}
    await house.engine.store.save_call(record | {"caller": "+1", "handoff": handoff, "handoffs": [handoff]})
    await house.engine.stop()
    again = await build_house(store=house.settings.store)
    async with asyncio.timeout(5):
        while (found := await again.engine.store.call("killed")) is None or found["ended"] is None:
            await asyncio.sleep(0.05)
    assert (found["ended"], found["end"]["by"]) == ("2026-01-02T03:05:00.000+00:00", "failure")
    assert found["handoff"]["outcome"] == found["handoffs"][0]["outcome"] == "failed"


async def test_ag18_an_agent_is_as_before_after_a_restart_once_the_screen_is_back(build_house: Builder) -> None:
    house = await build_house()
    await house.desk("desk1")
    await house.engine.stop()
    again = await build_house(store=house.settings.store)
    assert again.engine.exchange is not None
    agents = again.engine.exchange.agents
    assert (str(agents.agent("desk1").state), agents.agent("desk1").reason) == ("not_ready", "screen_lost")
    assert str(agents.agent("desk2").state) == "off"
    await again.desk("desk1", ready=False)
    assert str(agents.agent("desk1").state) == "available"
