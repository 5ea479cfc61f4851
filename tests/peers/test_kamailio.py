"""The engine behind Kamailio: a proxy that stays in the path, shares calls out, and turns to the next engine."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from house import House
from peers.kamailio import Kamailio
from sounds import likeness

from ivr.config import HostPort, MenuSettings, SipSettings, Trunk

pytestmark = pytest.mark.peer("kamailio")
BuildHouse = Callable[..., Awaitable[House]]
STEPS = "first: {type: say, say: small.bye, go: END}"
PROMPTS = "small.bye: Nobody is here.\n"


@pytest_asyncio.fixture
async def proxy(tmp_path: Path, free_port: int) -> AsyncIterator[Callable[..., Awaitable[Kamailio]]]:
    proxies: list[Kamailio] = []

    async def start(*targets: HostPort | str) -> Kamailio:
        proxies.append(Kamailio(tmp_path / "kamailio", free_port, [str(target) for target in targets]))
        await proxies[-1].start()
        return proxies[-1]

    yield start
    for one in proxies:
        await one.stop()


def address(house: House) -> HostPort:
    assert house.listening is not None
    return house.listening.sip


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_through_a_proxy_that_stays_in_the_path_is_ended_by_either_side(
    build_house: BuildHouse,
    write_menu: Callable[..., MenuSettings],
    proxy: Callable[..., Awaitable[Kamailio]],
    transport: str,
) -> None:
    house = await build_house(menu=write_menu(STEPS, PROMPTS))
    edge = await proxy(address(house))
    phone = await house.phone("+15550100")
    first = await phone.dial(edge.uri(transport=transport))
    assert first.status == 200
    await first.wait_for_sound()
    await first.hang_up()
    second = await phone.dial(edge.uri(transport=transport))
    await asyncio.wait_for(second.ended(), 15)  # the menu says its sentence and hangs up
    assert second.ended_by == "remote"
    assert likeness(second.recording, await house.clip("Nobody is here.")) > 0.85
    assert (edge.seen("INVITE"), edge.seen("ACK in a call"), edge.seen("BYE in a call")) == (2, 2, 2)
    async with asyncio.timeout(5):
        while len(records := [one for one in await house.store.calls() if one["ended"]]) < 2:
            await asyncio.sleep(0.05)
    assert sorted(record["end"]["by"] for record in records) == ["caller", "system"]


async def test_a_caller_may_give_up_through_the_proxy(
    build_house: BuildHouse, proxy: Callable[..., Awaitable[Kamailio]]
) -> None:
    house = await build_house(sip=SipSettings(listen=HostPort("127.0.0.1", 0), ring=20.0))
    edge = await proxy(address(house))
    phone = await house.phone()
    call = await phone.dial(edge.uri(), wait=False)
    async with asyncio.timeout(10):
        while "ringing" not in call.timeline:
            await asyncio.sleep(0.02)
    await call.hang_up()
    assert call.status == 487
    assert (await house.record())["end"] == {"by": "caller", "reason": "cancelled before the answer"}


async def test_of_two_engines_one_may_be_killed_and_every_caller_is_answered(
    build_house: BuildHouse,
    write_menu: Callable[..., MenuSettings],
    proxy: Callable[..., Awaitable[Kamailio]],
    tmp_path: Path,
) -> None:
    menu = write_menu(STEPS, PROMPTS)
    house = await build_house(menu=menu)
    other, its_address = await serve(settings_file(tmp_path / "other", house, menu))
    try:
        edge = await proxy(address(house), its_address)
        phone = await house.phone()
        for _ in range(4):
            call = await phone.dial(edge.uri())
            assert call.status == 200
            await call.hang_up()
        async with asyncio.timeout(5):
            while len([one for one in await house.store.calls() if one["ended"]]) < 2:
                await asyncio.sleep(0.05)
        assert len(await house.store.calls()) == 2, "the proxy does not share calls out"
        other.send_signal(signal.SIGKILL)
        await other.wait()
        for _ in range(4):
            call = await phone.dial(edge.uri())
            assert call.status == 200
            await call.hang_up()
        assert len(await house.store.calls()) == 6
        assert "NEXT engine" in edge.log
    finally:
        if other.returncode is None:
            other.kill()
            await other.wait()


async def test_an_engine_that_is_full_leaves_the_caller_to_the_next(
    build_house: BuildHouse, proxy: Callable[..., Awaitable[Kamailio]]
) -> None:
    full = await build_house(sip=SipSettings(listen=HostPort("127.0.0.1", 0), max_calls=1))
    free = await build_house()
    phone = await full.phone()
    first = await phone.dial(full.uri)
    edge = await proxy(address(full), address(free))
    calls = [await phone.dial(edge.uri()) for _ in range(2)]
    assert [call.status for call in calls] == [200, 200]
    assert len(await free.store.calls()) == 2
    for call in (first, *calls):
        await call.hang_up()


def settings_file(folder: Path, house: House, menu: MenuSettings) -> Path:
    """Settings of another engine, with the prompts of `house` and customers of its own."""
    folder.mkdir()
    menu.audio.mkdir(exist_ok=True)
    shutil.copy(house.settings.var / "prompts" / "sample-store.db", folder / "ivr.db")
    (folder / "prompts").symlink_to(house.settings.var / "prompts", target_is_directory=True)
    file = folder / "ivr.toml"
    file.write_text(
        f'var = "{folder}"\n[sip]\nlisten = "127.0.0.1:0"\n[http]\nlisten = "127.0.0.1:0"\n'
        f'[store]\npath = "{folder / "ivr.db"}"\n[media]\nports = "59000-59099"\n'
        f'[menu]\nfolder = "{menu.folder}"\ndefault = "small"\naudio = "{menu.audio}"\n'
    )
    return file


async def serve(settings: Path) -> tuple[asyncio.subprocess.Process, str]:
    """Another engine, in a process of its own; and its SIP address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ivr", "serve", "--config", str(settings),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(30):
        while line := (await process.stdout.readline()).decode(errors="replace"):
            said += line
            if "sip:" in line:
                return process, line.split("sip:")[1].split("@")[-1].split()[0]
    raise AssertionError(f"no SIP address was told:\n{said}")


async def test_an_engine_registered_at_the_proxy_is_called_there_by_its_extension(
    build_house: BuildHouse,
    write_menu: Callable[..., MenuSettings],
    proxy: Callable[..., Awaitable[Kamailio]],
) -> None:
    edge = await proxy("127.0.0.1:9")
    trunk = Trunk(
        "pbx",
        registrar=f"sip:127.0.0.1:{edge.port}",
        user="line1",
        password="trunk-secret",
        addresses=("127.0.0.1",),
    )
    sip = SipSettings(listen=HostPort("127.0.0.1", 0), trunks=(trunk,))
    house = await build_house(menu=write_menu(STEPS, PROMPTS), sip=sip)
    assert house.engine.exchange is not None
    async with asyncio.timeout(10):
        while house.engine.exchange.trunks.document()["pbx"]["state"] != "registered":
            await asyncio.sleep(0.05)
    assert edge.seen("REGISTER") == 2, "not the one without and the one with the digest"
    phone = await house.phone("+15550100")
    call = await phone.dial(edge.uri("line1"))
    assert call.status == 200
    await asyncio.wait_for(call.ended(), 15)
    assert likeness(call.recording, await house.clip("Nobody is here.")) > 0.85
    assert (await house.record())["called"] == "line1"
    await house.engine.stop()
    assert (await phone.dial(edge.uri("line1"))).status == 404, "it is registered still"
