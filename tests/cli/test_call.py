"""`ivr call` tells a phone that refuses from one that is not there."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest

from ivr.cli.call import _call
from ivr.errors import IvrError
from ivr.net.tls import Certificates
from ivr.net.unproved import why_unproved
from ivr.testing.phone import Answering, ScriptedPhone

CERTIFICATES = Path(__file__).parents[1] / "net" / "certificates"
CA = CERTIFICATES / "ca.pem"


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_who_is_terminated_hangs_up_first_and_reports(number: signal.Signals) -> None:
    phone = ScriptedPhone("callee", answering=Answering())
    await phone.start()
    command = [sys.executable, "-m", "ivr", "call", phone.uri, "--seconds", "60", "--json"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    call = await phone.next_call(30)
    await call.talk_tone(440, 0.2)
    process.send_signal(number)
    await asyncio.wait_for(call.ended(), 20)
    out, _ = await asyncio.wait_for(process.communicate(), 20)
    await phone.stop()
    assert (call.ended_by, process.returncode) == ("remote", 0)
    assert json.loads(out)["end"]["by"] == "local"


async def test_who_is_terminated_while_it_rings_takes_the_call_back() -> None:
    phone = ScriptedPhone("callee", answering=None)
    await phone.start()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "ivr", "call", phone.uri)
    async with asyncio.timeout(30):
        while not phone.rung:
            await asyncio.sleep(0.05)
    process.terminate()
    async with asyncio.timeout(20):
        await process.wait()
        while not all(call.is_over for call in phone._calls.values()):
            await asyncio.sleep(0.02)
    await phone.stop()
    assert process.returncode == 1


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


async def told_of(target: str, ca: Path | None = None) -> dict[str, Any]:
    return await asyncio.wait_for(_call(target, "me", None, "", None, 0.1, ca), 30)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_an_ipv6_address_is_dialled(transport: str) -> None:
    phone = ScriptedPhone("callee", local_host="::1", answering=Answering())
    await phone.start()
    told = await told_of(f"{phone.uri};transport={transport}")
    await phone.stop()
    assert phone.uri.startswith("sip:callee@[::1]:")
    assert (told["status"], told["exit"]) == (200, 0)


@pytest.mark.parametrize(
    ("shown", "host", "ca", "why"),
    [
        ("server", "localhost", CA, ""),
        (
            "server",
            "localhost",
            None,
            "the certificate of localhost, signed by {signer}, is not from an authority that is believed "
            "(the system's); name the file with the certificate of who signed it: --ca FILE",
        ),
        (
            "elsewhere",
            "localhost",
            CA,
            "the certificate shown, signed by {signer}, is for pbx.example.net, and not for localhost; "
            "dial the name it is for",
        ),
        (
            "stranger",
            "localhost",
            CA,
            "the certificate of localhost, signed by itself, is not from an authority that is believed (those in ",
        ),
    ],
)
async def test_what_is_wrong_with_a_certificate_is_said(shown: str, host: str, ca: Path | None, why: str) -> None:
    pair = Certificates(CERTIFICATES / f"{shown}.pem", CERTIFICATES / f"{shown}.key")
    phone = ScriptedPhone("callee", answering=Answering(), certificates=pair)
    await phone.start()
    await phone.signalling.bind_tls("127.0.0.1", 0)
    port = phone.signalling.tls_addresses[0][1]
    told = await told_of(f"sips:callee@{host}:{port}", ca)
    await phone.stop()
    assert told["exit"] == (3 if why else 0)
    assert told.get("why", "").startswith(why.format(signer="Test authority"))


async def test_an_authority_that_cannot_be_read_is_bad_input() -> None:
    for file in (CERTIFICATES / "nowhere.pem", CERTIFICATES / "server.key"):
        with pytest.raises(IvrError, match=f"--ca: .*{file.name} cannot be used"):
            await told_of("sips:callee@localhost:9", file)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "h does not answer there, or not by TLS; is it the port for TLS?"),
        (ssl.SSLError(1, "x"), "h does not speak TLS there"),
        (ConnectionRefusedError(), ""),
    ],
)
def test_a_port_without_tls_is_named_as_that(error: OSError, words: str) -> None:
    told = why_unproved(error, None, "h", "the system's")
    assert told.startswith(words) and bool(told) == bool(words)
