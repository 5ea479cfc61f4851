"""Certificates: shown, proved, renewed, and refused."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
from pathlib import Path

import pytest

from ivr.net.tcp import Connection, TcpConnections
from ivr.net.tls import Certificates

FOLDER = Path(__file__).parent / "certificates"
CA = FOLDER / "ca.pem"


class Endpoint:
    """Connections that keep what arrives."""

    def __init__(self) -> None:
        self.data: asyncio.Queue[tuple[Connection, bytes]] = asyncio.Queue()
        self.lost: asyncio.Queue[Connection] = asyncio.Queue()
        self.tcp = TcpConnections(lambda c, d: self.data.put_nowait((c, d)), self.lost.put_nowait)


def pair(folder: Path, name: str) -> tuple[Path, Path]:
    """Copies that can be overwritten."""
    for suffix, target in (("pem", "cert.pem"), ("key", "key.pem")):
        shutil.copy(FOLDER / f"{name}.{suffix}", folder / target)
    return folder / "cert.pem", folder / "key.pem"


def shown(connection: ssl.SSLObject) -> str:
    certificate = connection.getpeercert()
    assert certificate is not None
    return dict(field[0] for field in certificate["subject"])["commonName"]  # type: ignore[misc]


async def name_shown_at(port: int) -> str:
    """The name in the certificate that a peer is shown now."""
    context = ssl.create_default_context(cafile=str(CA))
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    name = shown(writer.get_extra_info("ssl_object"))
    writer.close()
    await writer.wait_closed()
    return name


async def test_bytes_go_both_ways_and_both_sides_know_what_was_proved() -> None:
    ours, theirs = Endpoint(), Endpoint()
    port = (
        await ours.tcp.listen("127.0.0.1", 0, Certificates(FOLDER / "server.pem", FOLDER / "server.key").server)
    )[1]
    connection = await theirs.tcp.connect(("127.0.0.1", port), Certificates(ca=CA).client, host="localhost")
    assert (connection.secure, connection.host, connection.listener) == (True, "localhost", None)
    assert theirs.tcp.send(connection.number, b"x" * 20_000)
    arrived, data = await ours.data.get()
    while len(data) < 20_000:
        data += (await ours.data.get())[1]
    assert (arrived.secure, arrived.host, arrived.listener) == (True, "", ("127.0.0.1", port))
    ours.tcp.send(arrived.number, b"answer")
    assert (await theirs.data.get())[1] == b"answer"
    assert theirs.tcp.towards(connection.remote, secure=True, host="localhost") == connection
    assert theirs.tcp.towards(connection.remote, secure=True, host="pbx.example.net") is None
    assert theirs.tcp.towards(connection.remote) is None
    theirs.tcp.close_connection(connection.number)
    assert await ours.lost.get() == arrived
    await ours.tcp.close()


@pytest.mark.parametrize(
    ("certificate", "host"),
    [
        ("stranger", "localhost"),
        ("elsewhere", "localhost"),
        ("server", "pbx.example.net"),
        ("server", "127.0.0.2"),
    ],
)
async def test_a_peer_that_cannot_prove_its_name_is_not_spoken_to(certificate: str, host: str) -> None:
    ours, theirs = Endpoint(), Endpoint()
    context = Certificates(FOLDER / f"{certificate}.pem", FOLDER / f"{certificate}.key").server
    port = (await ours.tcp.listen("127.0.0.1", 0, context))[1]
    with pytest.raises(ssl.SSLCertVerificationError):
        await theirs.tcp.connect(("127.0.0.1", port), Certificates(ca=CA).client, host=host)
    await ours.tcp.close()


async def test_without_an_authority_of_our_own_the_test_authority_is_a_stranger() -> None:
    ours, theirs = Endpoint(), Endpoint()
    port = (
        await ours.tcp.listen("127.0.0.1", 0, Certificates(FOLDER / "server.pem", FOLDER / "server.key").server)
    )[1]
    with pytest.raises(ssl.SSLCertVerificationError):
        await theirs.tcp.connect(("127.0.0.1", port), Certificates().client, host="localhost")
    await ours.tcp.close()


async def test_a_renewed_certificate_is_shown_from_the_next_handshake_on(tmp_path: Path) -> None:
    certificate, key = pair(tmp_path, "server")
    certificates = Certificates(certificate, key)
    ours, theirs = Endpoint(), Endpoint()
    port = (await ours.tcp.listen("127.0.0.1", 0, certificates.server))[1]
    before = await theirs.tcp.connect(("127.0.0.1", port), Certificates(ca=CA).client, host="localhost")
    assert await name_shown_at(port) == "server"
    assert not certificates.reload_if_changed()
    pair(tmp_path, "renewed")
    assert await name_shown_at(port) == "server"
    assert certificates.reload_if_changed()
    assert await name_shown_at(port) == "renewed"
    assert not certificates.reload_if_changed()
    assert theirs.tcp.send(before.number, b"still here")
    assert (await ours.data.get())[1] == b"still here"
    await ours.tcp.close()


@pytest.mark.parametrize("damage", ["half a pair", "garbage", "gone"])
async def test_what_cannot_be_used_leaves_the_old_certificate_in_place(tmp_path: Path, damage: str) -> None:
    certificate, key = pair(tmp_path, "server")
    certificates = Certificates(certificate, key)
    ours = Endpoint()
    port = (await ours.tcp.listen("127.0.0.1", 0, certificates.server))[1]
    if damage == "half a pair":
        shutil.copy(FOLDER / "renewed.pem", certificate)
    elif damage == "garbage":
        certificate.write_text("nothing")
    else:
        certificate.unlink()
    assert not certificates.reload_if_changed()
    assert await name_shown_at(port) == "server"
    pair(tmp_path, "renewed")
    os.utime(certificate, (1, 1))
    assert certificates.reload_if_changed()
    assert await name_shown_at(port) == "renewed"
    await ours.tcp.close()


def test_a_key_with_a_pass_phrase_is_an_error_and_not_a_question() -> None:
    with pytest.raises((ssl.SSLError, ValueError)):
        Certificates(FOLDER / "server.pem", FOLDER / "locked.key")


async def test_a_peer_without_tls_is_closed_and_never_heard() -> None:
    ours = Endpoint()
    port = (
        await ours.tcp.listen("127.0.0.1", 0, Certificates(FOLDER / "server.pem", FOLDER / "server.key").server)
    )[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n" * 10)
    while await reader.read(1000):
        pass
    assert ours.data.empty()
    writer.close()
    await ours.tcp.close()
