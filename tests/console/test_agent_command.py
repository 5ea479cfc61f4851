"""`ivr agent` as people and programs run it: a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any

import pytest

PHONE = "sip:desk1@127.0.0.1:5070"


class Process:
    """A running `ivr agent`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def event(self, name: str) -> dict[str, Any]:
        """Read lines of JSON up to the first event of this name."""
        async with asyncio.timeout(20):
            while line := await self.process.stdout.readline():
                event = json.loads(line)
                assert set(event) == {"event", "time", "item", "data"}
                assert event["time"].endswith("Z")
                if event["event"] == name:
                    return event
        raise AssertionError(f"the desk ended without {name}: {(await self.process.stderr.read()).decode()}")

    async def type(self, text: str) -> None:
        self.process.stdin.write(text.encode())
        await self.process.stdin.drain()

    async def end(self) -> tuple[int, str, str]:
        out, err = await asyncio.wait_for(self.process.communicate(), 20)
        return self.process.returncode, out.decode(), err.decode()


@pytest.fixture
async def agent(tmp_path):
    """Run ``ivr agent …`` in an empty folder."""
    started: list[Process] = []
    (tmp_path / "ivr.toml").write_text('[http]\nlisten = "127.0.0.1:1"\n')
    environ = {name: value for name, value in os.environ.items() if not name.startswith("IVR_")}

    async def run(*arguments: str, stdin: int = asyncio.subprocess.PIPE) -> Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ivr",
            "agent",
            *arguments,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=tmp_path,
            env=environ,
        )
        started.append(Process(process))
        return started[-1]

    yield run
    for each in started:
        if each.process.returncode is None:
            each.process.kill()
            await each.process.wait()


async def test_json_tells_of_a_call_and_commands_come_line_by_line(engine, agent):
    desk = await agent("desk1", "--phone", PHONE, "--url", engine.url, "--json")
    assert (await desk.event("logged_on"))["data"]["workcenter"] == PHONE
    await desk.type("r\n")
    await engine.asked("set_workmode", "desk1", "2")
    engine.call("alerting")
    alerting = await desk.event("alerting")
    assert alerting["item"] == "c1"
    assert alerting["data"]["attached_data"]["SAP-IC"]["ACCOUNT"] == "4000000002"
    await desk.type("accept\n")
    await engine.asked("accept", "desk1", "c1")
    desk.process.stdin.close()
    code, _, err = await desk.end()
    assert (code, err) == (0, "")
    assert engine.calls[-1] == ("log_off", "desk1", "unsubscribed")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_auto_outlives_its_standard_input_and_logs_off_at_a_signal(engine, agent, number):
    desk = await agent("desk1", "--url", engine.url, "--json", "--auto", stdin=asyncio.subprocess.DEVNULL)
    await desk.event("logged_on")
    await engine.asked("set_workmode", "desk1", "2")
    engine.call("alerting")
    await engine.asked("accept", "desk1", "c1")
    desk.process.send_signal(number)
    code, _, err = await desk.end()
    assert (code, err) == (0, "")
    assert engine.calls[-1] == ("log_off", "desk1", "unsubscribed")


async def test_a_person_reads_words_and_a_card(engine, agent):
    desk = await agent("desk1", "--url", engine.url)
    await engine.asked("log_on", "desk1", "")
    await engine.call("alerting", fields={"ACCOUNT": "4000000002", "PROVED": "no", "REASON": "BILL"})
    await desk.type("a\nq\n")
    code, out, err = await desk.end()
    assert (code, err) == (0, "")
    assert "Logged on as desk1." in out
    assert "claimed, not proved" in out
    assert "BILL" in out
    assert ("accept", "desk1", "c1") in engine.calls


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (("nobody",), ("there is no agent 'nobody'", "ivr.toml")),
        (("guarded", "--password", "wrong"), ("--password",)),
        (("desk1", "--url", "http://127.0.0.1:1/ici"), ("http://127.0.0.1:1/ici", "ivr serve", "--url")),
    ],
)
async def test_an_impossible_log_on_is_one_readable_line_and_code_2(engine, agent, arguments, texts):
    url = () if "--url" in arguments else ("--url", engine.url)
    desk = await agent(*arguments, *url, "--json")
    code, out, err = await desk.end()
    assert code == 2
    assert len(err.splitlines()) == 1
    assert err.startswith("ivr: ")
    assert "wrong" not in err.replace("went wrong", "")
    for text in texts:
        assert text in err
    assert json.loads(out)["event"] == "error"


async def test_without_a_url_the_settings_say_where_the_engine_is(agent):
    desk = await agent("desk1")
    code, _, err = await desk.end()
    assert code == 2
    assert "http://127.0.0.1:1/ici" in err
