"""Why a peer was not spoken to over TLS: one line in the log, with who it was and what to do."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from ivr.net.door import Door, Places
from ivr.net.tls import Certificates

FILES = Path(__file__).parent / "certificates"
CA, SERVER, KEY = FILES / "ca.pem", FILES / "server.pem", FILES / "server.key"


async def knock(port: int, shown: Any) -> None:
    """Connect, and wait to be thrown out."""
    context: ssl.SSLContext | None = None
    if shown != "http":
        context = ssl.create_default_context(cafile=str(CA))
        if shown:
            context.load_cert_chain(*shown)
    try:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="localhost" if context else None
        )
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.read()
        writer.close()
    except OSError:
        pass


@pytest.mark.parametrize(
    ("shown", "why", "remedy"),
    [
        (None, "PEER_DID_NOT_RETURN_A_CERTIFICATE", "has to show a certificate of one of our authorities"),
        ((FILES / "stranger.pem", FILES / "stranger.key"), "CERTIFICATE_VERIFY_FAILED", "in date"),
        ("http", "HTTP_REQUEST", "it speaks http to the port of https"),
    ],
    ids=["none", "stranger", "http"],
)
async def test_a_refused_peer_is_told_of_once_with_its_host_the_reason_and_a_remedy(
    shown: Any, why: str, remedy: str, caplog: pytest.LogCaptureFixture
) -> None:
    context = Certificates(SERVER, KEY, CA, clients=CA).server
    door = await Door.open("127.0.0.1", 0, Places(), lambda address, place: asyncio.Protocol(), context)
    for _ in range(3):
        await knock(door.address[1], shown)
    async with asyncio.timeout(5):
        while not (told := [one.getMessage() for one in caplog.records if "tls_refused" in one.getMessage()]):
            await asyncio.sleep(0.01)
    door.close()
    assert len(told) == 1
    assert f"tls_refused address=127.0.0.1:{door.address[1]} remote=127.0.0.1 why='{why}" in told[0]
    assert remedy in told[0]
