"""A caller, the engine, a telephone, and `ivr agent --auto` as a process: the whole way with everything real."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from house import House

from ivr.testing.phone import Answering


async def test_the_desk_shows_account_and_reason_before_the_agents_telephone_rings(
    house: House, tmp_path: Any
) -> None:
    phone = await house.phone("desk1", Answering(after=0.2))
    (tmp_path / "ivr.toml").write_text("")
    desk = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ivr", "agent", "desk1", "--phone", phone.uri, "--url", house.ici_url),
        *("--json", "--auto"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        cwd=tmp_path,
    )
    assert desk.stdout is not None
    out = desk.stdout
    lines: list[dict[str, Any]] = []

    async def event(name: str, **data: Any) -> dict[str, Any]:
        async with asyncio.timeout(20):
            while True:
                lines.append(json.loads(await out.readline()))
                if lines[-1]["event"] == name and lines[-1]["data"].items() >= data.items():
                    return lines[-1]

    try:
        await event("workmode", workmode=2)
        caller = await house.phone()
        call = await caller.dial(house.uri)
        await call.wait_for_sound()
        for keys in ("1", "1", "4000000002#", "1", "2580"):  # English, balance, account, right, PIN
            await call.press(keys)
        await call.wait_for_silence(1.0)
        await call.press("0")
        alerting = await event("alerting")
        fields = alerting["data"]["attached_data"]["SAP-IC"]
        assert fields["REASON"] == "ASKED_FOR_AGENT"
        assert fields["ACCOUNT"] == alerting["data"]["account"] == "4000000002"
        assert alerting["data"]["proved"] is True
        assert fields["PROVED"] not in ("", "no")
        connected = await event("connected")
        assert connected["item"] == alerting["item"]
        await call.hang_up()
        ended = await event("ended")
        assert ended["data"]["reason"] == "normal"
        record = await house.record()
        assert record["handoff"]["agent"] == "desk1"
        desk.terminate()
        assert await asyncio.wait_for(desk.wait(), 10) == 0
        assert house.engine.exchange is not None
        async with asyncio.timeout(5):
            while house.engine.exchange.agents.agent("desk1").state != "off":
                await asyncio.sleep(0.02)
    finally:
        if desk.returncode is None:
            desk.kill()
            await desk.wait()
    names = [line["event"] for line in lines]
    assert names[0] == "logged_on"
    assert names.count("alerting") == 1
    assert "error" not in names
