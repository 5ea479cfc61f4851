"""`ivr sip-trace` against a running engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
from house import House
from typer.testing import CliRunner, Result

from ivr.call.traced import Traced
from ivr.cli.main import application
from ivr.clock import SystemClock
from ivr.config import TraceSettings
from ivr.engine.sip_trace import SipTrace
from ivr.sip.events import Flow
from ivr.sip.trace import Trace
from ivr.testing.clock import FakeClock


async def shown(house: House, *arguments: str) -> Result:
    assert house.listening is not None
    command = ["sip-trace", *arguments, "--url", f"http://{house.listening.http}"]
    return await asyncio.to_thread(CliRunner().invoke, application(["sip-trace", "calls"]), command)


async def test_a_call_to_an_agent_is_drawn_from_end_to_end(house: House, tmp_path: Path) -> None:
    desk = await house.desk("desk1")
    phone = await house.phone("+15550100")
    call = await phone.dial(house.uri)
    await call.wait_for_sound()
    await call.press("0")
    await desk.item("connected")
    await call.hang_up()
    record = await house.record()
    listed = await shown(house)
    assert record["id"] in listed.stdout and "they hung up" in listed.stdout
    for which in ("last", record["id"], record["sip_call_id"]):
        lines = (await shown(house, which)).stdout.splitlines()
        assert len([line for line in lines if "- INVITE" in line]) == 2
        assert len([line for line in lines if "- BYE" in line]) == 2
        assert any(line.split() == ["+15550100", "ivr", "desk1"] for line in lines)
    file = tmp_path / "call.pcap"
    assert (await shown(house, "last", "--pcap", str(file))).exit_code == 0
    assert file.read_bytes().count(b"INVITE sip:desk1@") == 1
    text = await shown(house, "--number", "5550100", "--text")
    assert text.stdout.count("\nINVITE sip:") == 2
    nothing = await shown(house, "--number", "999999")
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    assert house.listening is not None
    async with aiohttp.ClientSession() as http:
        url = f"http://{house.listening.http}/sip-trace"
        async with http.get(url, headers={"Origin": "http://elsewhere.example"}) as response:
            assert response.status == 403, "a page in a browser"
        async with http.get(url, params={"after": "x"}) as response:
            assert response.status == 400


async def test_an_engine_that_keeps_nothing_says_what_to_set(build_house: Callable[..., Awaitable[House]]) -> None:
    house = await build_house(trace=TraceSettings(kept=0))
    phone = await house.phone()
    await (await phone.dial(house.uri)).hang_up()
    result = await shown(house)
    assert result.exit_code != 0
    assert "set trace.kept in its ivr.toml above 0" in str(result.exception)


def test_nobody_there_is_told_with_a_remedy() -> None:
    result = CliRunner().invoke(application(["sip-trace", "calls"]), ["sip-trace", "--url", "http://127.0.0.1:9"])
    assert "no engine answers at http://127.0.0.1:9" in str(result.exception)
    assert "ivr serve" in str(result.exception)


def test_secrets_are_masked_before_they_leave_and_times_are_those_of_the_wall() -> None:
    clock = FakeClock()
    trace = Trace(10_000)
    flow = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
    pin = b"INFO sip:x SIP/2.0\r\nCall-ID: c\r\nCSeq: 3 INFO\r\nContent-Type: application/dtmf\r\n\r\n7\r\n"
    trace.add(True, flow, pin, clock.monotonic())
    before = clock.utc()
    clock.advance(90.0)
    (document,) = SipTrace(trace, clock).document()["messages"]
    traced = Traced.of_document(document)
    assert traced.data == pin[:-3] + b"*\r\n"
    assert traced.at == before


def test_very_many_messages_are_told_in_parts(monkeypatch: object) -> None:
    trace = Trace(10_000_000)
    flow = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
    for number in range(5001):
        trace.add(True, flow, b"OPTIONS sip:x SIP/2.0\r\n\r\n", float(number))
    page = SipTrace(trace, SystemClock())
    first = page.document()
    assert (len(first["messages"]), first["more"], first["newest"]) == (5000, True, 5000)
    assert [one["serial"] for one in page.document(after=5000)["messages"]] == [5001]
