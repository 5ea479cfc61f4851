"""Whole calls with baresip, as callers and agents would use it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from house import Desk, House
from peers.baresip import Baresip
from sounds import likeness, tone_level

from ivr.config import AgentSettings, HostPort, MediaSettings, SipSettings
from ivr.ici.attached_data import read
from ivr.media.g711 import SAMPLE_RATE, Samples
from ivr.testing.phone import Answering

pytestmark = pytest.mark.peer("baresip")

ACCOUNT, PIN = "4000000002", "2580"
TO_THE_BALANCE = "11" + ACCOUNT + "#1" + PIN
CERTIFICATES = Path(__file__).parents[1] / "net" / "certificates"
BuildHouse = Callable[..., Awaitable[House]]
Telephone = Callable[..., Awaitable[Baresip]]


@pytest_asyncio.fixture
async def telephone(tmp_path: Path) -> AsyncIterator[Telephone]:
    """Starts a baresip: `await telephone("me", tone=440)`."""
    phones: list[Baresip] = []

    async def start(user: str = "me", **how: Any) -> Baresip:
        folder = tmp_path / f"baresip{len(phones)}"
        folder.mkdir()
        phones.append(Baresip(folder, user, **how))
        await phones[-1].start()
        return phones[-1]

    yield start
    for phone in phones:
        await phone.stop()


async def hear_the_balance(phone: Baresip, house: House) -> None:
    """Key everything in ahead, and listen for the amount of the sample account."""
    await phone.press(TO_THE_BALANCE)
    await phone.until_heard(partial(likeness, clip=await house.clip("eighty-four dollars")), 0.85, "the balance")


def loudest(heard: Samples) -> float:
    """The greatest sample."""
    return float(abs(heard.astype(int)).max()) if len(heard) else 0.0


def latest_level(hertz: float) -> Callable[[Samples], float]:
    """Share of a tone in the last second and a half."""
    return lambda heard: tone_level(heard[-3 * SAMPLE_RATE // 2 :], hertz)


async def show_last_call(house: House) -> dict[str, Any]:
    """What `ivr calls show last --json` prints, from a process of its own."""
    config = house.settings.var / "ivr.toml"
    config.write_text(f'[store]\npath = "{house.settings.store.path}"\n')
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ivr", "calls", "show", "last", "--json", "--config", str(config),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return dict(json.loads(printed))


@pytest.mark.parametrize("interface", ["127.0.0.1", ""], ids=["loopback", "its own choice of address"])
async def test_baresip_dials_without_an_account_and_hears_the_balance(
    house: House, telephone: Telephone, interface: str
) -> None:
    phone = await telephone(interface=interface)
    await phone.dial(house.uri)
    await hear_the_balance(phone, house)
    await phone.hang_up()
    record = await house.record()
    assert record["path"][-1] == "tell_balance"
    assert record["digits"] == "11" + ACCOUNT + "#1••••"
    assert record["end"] == {"by": "caller", "reason": "BYE"}
    assert record["caller"] == "me"
    assert likeness(phone.heard, await house.clip("nineteen dollars")) < 0.85
    assert record["media"]["lost"] == 0


async def test_zero_brings_an_agent_whose_screen_knew_before_the_telephone_rang(
    house: House, telephone: Telephone
) -> None:
    caller = await telephone("me", tone=440)
    agent = await telephone("desk1", tone=880, answers=True)
    order: list[str] = []
    desk = Desk("desk1", house.ici_url, agent)
    desk.on_alerting = lambda item: order.append("screen")
    agent.on_event = lambda event: order.append(event["type"])
    await desk.log_on()
    try:
        await caller.dial(house.uri)
        await hear_the_balance(caller, house)
        await caller.press("0")
        item = await desk.item("connected")
        assert order[0] == "screen", "the telephone rang before the screen was told"
        assert "CALL_ESTABLISHED" in order
        popped = read(desk.items[0].attached_data)["SAP-IC"]
        assert (popped["ACCOUNT"], popped["REASON"]) == (ACCOUNT, "ASKED_FOR_AGENT")
        assert (popped["PROVED"], popped["TOPIC"], popped["CALLER"]) == ("verified", "tell_balance", "me")

        await agent.until_heard(latest_level(440), 0.8, "the caller's tone")
        await caller.until_heard(latest_level(880), 0.8, "the agent's tone")
        await caller.hang_up()
        await agent.event("CALL_CLOSED")
        assert "CALL_DTMF_START" not in order, "the agent got the key that was meant for the menu"
        ended = await desk.item("ended")
        assert (ended.id, ended.reason) == (item.id, "normal")
        await house.record()
    finally:
        await desk.client.close()

    record = await show_last_call(house)
    assert record["path"][-2:] == ["tell_balance", "agent_asked"]
    assert record["digits"] == "11" + ACCOUNT + "#1••••0"
    handoff = record["handoff"]
    assert (handoff["queue"], handoff["agent"], handoff["outcome"]) == ("general", "desk1", "answered")
    assert handoff["attached_data"]["SAP-IC"]["ACCOUNT"] == ACCOUNT
    assert record["handoffs"] == [handoff]
    assert record["end"] == {"by": "caller", "reason": "BYE"}
    assert [entry["exit"] for entry in record["steps"] if entry["step"] == "pin_check"] == ["ok"]
    assert PIN not in json.dumps(record)


async def test_an_agents_baresip_may_hang_up_first(house: House, telephone: Telephone) -> None:
    caller = await telephone("me")
    agent = await telephone("desk1", tone=880, answers=True)
    desk = Desk("desk1", house.ici_url, agent)
    await desk.log_on()
    try:
        await caller.dial(house.uri)
        await caller.press("10")
        await desk.item("connected")
        await caller.until_heard(latest_level(880), 0.8, "the agent's tone")
        await agent.hang_up()
        await caller.event("CALL_CLOSED")
        assert (await desk.item("ended")).reason == "normal"
    finally:
        await desk.client.close()
    record = await house.record()
    assert record["end"]["by"] == "agent"
    assert record["handoff"]["outcome"] == "answered"


async def test_baresip_calls_over_tls_and_is_hung_up_over_the_same_connection(
    build_house: BuildHouse, telephone: Telephone
) -> None:
    sip = SipSettings(
        listen=HostPort("127.0.0.1", 0),
        tls_listen=(HostPort("127.0.0.1", 0),),
        tls_certificate=CERTIFICATES / "server.pem",
        tls_key=CERTIFICATES / "server.key",
    )
    house = await build_house(sip=sip)
    assert house.listening is not None
    phone = await telephone(transport="tls", authority=CERTIFICATES / "ca.pem")
    await phone.dial(f"sip:ivr@127.0.0.1:{house.listening.tls[0].port};transport=tls")
    await hear_the_balance(phone, house)
    await house.engine.stop()
    closed = await phone.event("CALL_CLOSED")
    assert closed["direction"] == "outgoing"


async def test_baresip_calls_over_tcp_where_nothing_else_is_listened_on(
    build_house: BuildHouse, telephone: Telephone
) -> None:
    house = await build_house(sip=SipSettings(listen=HostPort("127.0.0.1", 0), udp=False))
    phone = await telephone(transport="tcp")
    await phone.dial(house.uri + ";transport=tcp")
    await hear_the_balance(phone, house)
    await phone.hang_up()
    assert (await house.record())["end"] == {"by": "caller", "reason": "BYE"}


async def test_sound_stops_while_baresip_holds_and_goes_on_when_it_resumes(
    house: House, telephone: Telephone
) -> None:
    phone = await telephone()
    await phone.dial(house.uri)
    await phone.until_heard(loudest, 1000, "the greeting")
    await phone.do("hold")
    held_at = await settled(phone)
    await asyncio.sleep(1.0)  # what does not happen can only be waited for
    assert await phone.newest_packet() == held_at, "sound came while the call was held"
    await phone.do("resume")
    async with asyncio.timeout(5.0):
        while (await phone.newest_packet() - held_at) % 65536 < 25:
            await asyncio.sleep(0.1)
    await phone.press(TO_THE_BALANCE)
    await until_step(house, "tell_balance")
    await phone.hang_up()
    record = await house.record()
    assert record["path"][-1] == "tell_balance"


async def test_baresips_sound_is_protected_and_so_is_that_of_the_agent_it_reaches(
    build_house: BuildHouse, telephone: Telephone
) -> None:
    house = await build_house(sip=SipSettings(listen=HostPort("127.0.0.1", 0), srtp="offered"))
    agent = await telephone("desk1", tone=880, answers=True, media_encryption="srtp")
    caller = await telephone("me", media_encryption="srtp-mand")
    desk = Desk("desk1", house.ici_url, agent)
    await desk.log_on()
    try:
        await caller.dial(house.uri)
        await caller.press("10")
        await desk.item("connected")
        await caller.until_heard(latest_level(880), 0.8, "the agent's tone")
        await agent.until_heard(latest_level(440), 0.8, "the caller's tone")
        for side in (caller, agent):
            await side.printed("SRTP is Enabled")
        await caller.hang_up()
    finally:
        await desk.client.close()
    assert (await house.record())["media"]["received"] > 50


async def until_step(house: House, step: str) -> None:
    """Until the one visit there is has come to this step of the menu."""
    assert house.engine.exchange is not None
    (visit,) = house.engine.exchange.visits.values()
    async with asyncio.timeout(10.0):
        while visit.record.path[-1:] != [step]:
            await asyncio.sleep(0.05)


async def settled(phone: Baresip) -> int:
    """The newest packet, when no other has come for a fifth of a second."""
    async with asyncio.timeout(5.0):
        before = -1
        while (now := await phone.newest_packet()) != before:
            before = now
            await asyncio.sleep(0.2)
    return before


async def test_a_caller_whose_baresip_was_killed_is_noticed_by_the_silence(
    build_house: BuildHouse, telephone: Telephone
) -> None:
    house = await build_house(media=MediaSettings(ports=(26000, 26199), silence_timeout=1.5))
    phone = await telephone()
    await phone.dial(house.uri)
    await phone.until_heard(loudest, 1000, "the greeting")
    await phone.kill()
    record = await house.record(within=10.0)
    assert record["end"] == {"by": "failure", "reason": "no sound from the caller for 2 s"}
    assert record["media"]["received"] > 0


async def test_baresip_registers_with_the_sample_account_and_calls(house: House, telephone: Telephone) -> None:
    registrar = house.uri.partition("@")[2]
    phone = await telephone("softphone", registrar=registrar, password="softphone")
    await phone.printed("200 OK (ivr")
    await phone.dial("sip:100@" + registrar)
    await phone.until_heard(loudest, 1000, "the greeting")
    await phone.hang_up()
    record = await house.record()
    assert (record["caller"], record["called"]) == ("softphone", "100")


async def test_a_wrong_password_registers_nobody(house: House, telephone: Telephone) -> None:
    phone = await telephone("softphone", registrar=house.uri.partition("@")[2], password="guessed")
    await phone.printed("401 Unauthorized (ivr")
    assert "200 OK" not in phone.output


async def test_an_agents_telephone_that_has_registered_is_rung_there(
    build_house: BuildHouse, telephone: Telephone
) -> None:
    agents = (AgentSettings("desk1", "Desk1", ("general",), password="hunter-two"),)
    house = await build_house(agents=agents)
    agent = await telephone(
        "desk1", tone=880, answers=True, registrar=house.uri.partition("@")[2], password="hunter-two"
    )
    await agent.printed("200 OK (ivr")
    desk = Desk("desk1", house.ici_url, agent, password="hunter-two", workcenter="")
    await desk.log_on()
    caller = await telephone("me")
    try:
        await caller.dial(house.uri)
        await caller.press("10")
        await caller.until_heard(latest_level(880), 0.8, "the agent's tone")
        await caller.hang_up()
        await agent.event("CALL_CLOSED")
    finally:
        await desk.client.close()
    assert (await house.record())["handoff"]["agent"] == "desk1"


async def test_an_agents_baresip_sends_the_caller_to_a_colleague(house: House, telephone: Telephone) -> None:
    agent = await telephone("desk1", tone=880, answers=True)
    desk = Desk("desk1", house.ici_url, agent)
    colleague = await house.desk("desk2", ready=False)
    await desk.log_on()
    try:
        phone = await house.phone("+15550100")
        call = await phone.dial(house.uri)
        await call.wait_for_sound()
        await call.press("0")
        await desk.item("connected")
        await agent.do("transfer", f"sip:desk2@{house.uri.partition('@')[2]}")
        await colleague.item("connected")
        assert (await desk.item("ended")).reason == "transferred"
        await agent.event("CALL_CLOSED")
        await call.hang_up()
    finally:
        await desk.client.close()
    assert (await house.record())["handoff"]["agent"] == "desk2"


async def test_baresip_proves_itself_and_sees_whether_an_agent_may_be_called(
    house: House, telephone: Telephone
) -> None:
    at = house.uri.partition("@")[2]
    boss = await telephone("softphone", registrar=at, password="softphone", watches=f"sip:desk1@{at}")
    assert house.engine.exchange is not None
    user_agent = house.engine.exchange.rooms.signalling.user_agent
    async with asyncio.timeout(15):
        while not user_agent.watches("desk1"):
            await asyncio.sleep(0.05)
    desk = await house.desk("desk1", answering=Answering(after=60))
    await boss.printed("to \x1b[32mOnline")
    call = await (await house.phone("+15550100")).dial(house.uri)
    await call.wait_for_sound()
    await call.press("0", pace=0.04, held=0.06)
    await desk.item("alerting")
    await boss.printed("Busy")
