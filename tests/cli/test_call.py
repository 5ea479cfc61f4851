"""`ivr call` tells a phone that refuses from one that is not there."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from ivr.testing.phone import Answering, ScriptedPhone


async def run(*words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ivr", "call", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode(), err.decode()


@pytest.mark.parametrize("status", [486, 503])
async def test_a_refusal_is_exit_one_with_its_code_and_phrase(status: int) -> None:
    phone = ScriptedPhone("callee", answering=Answering(status=status))
    await phone.start()
    code, _, err = await run(phone.uri)
    await phone.stop()
    assert code == 1
    assert f"was not answered: {status} " in err and "is the address right" not in err


async def test_a_call_is_told_as_json_without_its_keys() -> None:
    phone = ScriptedPhone("callee", answering=Answering())
    await phone.start()
    running = asyncio.create_task(run(phone.uri, "--keys", "2580#", "--json"))
    call = await phone.next_call(30)
    await call.talk_tone(440, 0.5)
    async with asyncio.timeout(20):
        while len(call.sound.keys) < 5:
            await asyncio.sleep(0.02)
    code, out, _ = await running
    await phone.stop()
    told = json.loads(out)
    assert (code, told["answered"], told["keys"]) == (0, True, "•••••")
    assert "2580" not in out
    assert call.sound.keys == list("2580#")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nonsense"], "is no SIP address"),
        (["sip:a@127.0.0.1:9", "--keys", "1x"], "--keys has 'X'; keys are 0-9 * # A-D"),
        (["sip:a@127.0.0.1:9", "--wav", "/nowhere.wav"], "cannot be read"),
        (["sip:a@127.0.0.1:9;transport=tcp"], "No connection"),
    ],
)
async def test_bad_input_is_one_line_and_nobody_there_is_said(words: list[str], told: str) -> None:
    code, _, err = await run(*words)
    assert code == (3 if told == "No connection" else 2)
    assert told in err and "Traceback" not in err
