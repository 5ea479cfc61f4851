"""ICI over TLS both ways: who is believed, who is spoken to."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from typer.testing import CliRunner

from ivr.cli.ici import ici_app
from ivr.config import load_settings
from ivr.config.settings import IciSettings
from ivr.errors import IvrError, SettingsError
from ivr.ici import envelope
from ivr.ici.client import EventSender
from ivr.ici.dialect import load
from ivr.ici.endpoint import IciEndpoint
from ivr.ici.subscriptions import Subscription
from ivr.ici.switchboard import ItemAttachedDataChanged
from ivr.net.tls import Certificates
from ivr.testing.ici_conformance import Conformance
from ivr.testing.ici_replay import replay_trace
from ivr.testing.ici_tls import context_for
from ivr.testing.ici_trace import read_trace

FILES = Path(__file__).parents[1] / "net" / "certificates"
CA, SERVER, KEY = FILES / "ca.pem", FILES / "server.pem", FILES / "server.key"
STRANGER = (FILES / "stranger.pem", FILES / "stranger.key")


@pytest.fixture
async def secured(switchboard: Any, sender: EventSender) -> AsyncIterator[Any]:
    runners: list[web.AppRunner] = []

    async def start(app: web.Application, context: ssl.SSLContext) -> str:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        return f"https://localhost:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("shown", "spoken_to"),
    [((SERVER, KEY), True), (STRANGER, False), (None, False)],
    ids=["ours", "stranger", "none"],
)
async def test_over_https_only_who_shows_a_certificate_of_the_authority_is_spoken_to(
    switchboard: Any, sender: EventSender, secured: Any, shown: Any, spoken_to: bool
) -> None:
    app = web.Application()
    IciEndpoint(switchboard, sender, IciSettings()).add_to(app)
    base = await secured(app, Certificates(SERVER, KEY, CA, clients=CA).server)
    crm = ssl.create_default_context(cafile=str(CA))
    if shown:
        crm.load_cert_chain(*shown)
    dialect = load("default")
    service = dialect.services["IciSystem"]
    ping = envelope.request(dialect, service, service.operations["ping"], {}, user="desk1")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=crm)) as http:
        post = http.post(f"{base}/ici/IciSystem", data=ping, headers={"Content-Type": "text/xml"})
        if not spoken_to:
            with pytest.raises(aiohttp.ClientError):
                await post
            return
        async with post as answered:
            assert answered.status == 200
        async with http.get(f"{base}/ici/IciUser?wsdl") as described:
            assert f'location="{base}/ici/IciUser"' in await described.text()


@pytest.mark.parametrize(("known", "arrives"), [(True, True), (False, False)])
async def test_events_go_to_https_callbacks_that_prove_their_name_and_show_them_our_certificate(
    settings: IciSettings, callback: Any, secured: Any, monkeypatch: Any, caplog: Any, known: bool, arrives: bool
) -> None:
    monkeypatch.setattr("ivr.ici.client.RETRY_AFTER", ())
    app = web.Application()
    app.router.add_post("/event", callback.receive)
    base = await secured(app, Certificates(SERVER, KEY, clients=CA).server)
    ours = Certificates(SERVER, KEY, CA if known else None, shown_to_servers=True)
    sender = EventSender(settings, load("default"), lambda user: None, tls=ours.client)
    sender.release(sender.open(Subscription(f"{base}/event", "A1", "desk1")), [])
    assert await sender.publish("desk1", ItemAttachedDataChanged("call-1", "x")) is arrives
    assert ("TLS failed" in caplog.text) is not arrives
    await sender.close()


def test_mistakes_in_https_are_all_named(tmp_path: Path) -> None:
    file = tmp_path / "ivr.toml"
    file.write_text(
        f'[http]\ntls_listen = ["nowhere:8443"]\ntls_key = "{tmp_path}/none.key"\n'
        f'tls_clients = "{KEY}"\n[ici]\ncallback_ca = "{tmp_path}/none.pem"\n'
    )
    with pytest.raises(SettingsError) as mistakes:
        load_settings(file, environ={})
    found = {problem.where: problem.message for problem in mistakes.value.problems}
    unreadable = "cannot be read: no such file or directory; name a readable PEM file"
    assert found == {
        "http.tls_listen": "'nowhere' is no IP address; write one of this machine, or 0.0.0.0",
        "http.tls_certificate": "is missing; tls_listen needs a certificate and its key, each a PEM file",
        "http.tls_key": f"{tmp_path}/none.key {unreadable}",
        "http.tls_clients": f"{KEY} has no certificate in it; name a PEM file of authorities",
        "ici.callback_ca": f"{tmp_path}/none.pem {unreadable}",
    }
    file.write_text(f'[http]\ntls_listen = ["127.0.0.1:8443"]\ntls_certificate = "{SERVER}"\ntls_key = "{KEY}"\n')
    assert load_settings(file, environ={}).http.tls_certificate == SERVER


# --- the tools that look at somebody else's endpoint ---------------------------------------------------


@pytest.fixture
async def guarded(switchboard: Any, sender: EventSender, secured: Any) -> str:
    """An endpoint of a private authority that speaks only to who shows a certificate of it."""
    app = web.Application()
    IciEndpoint(switchboard, sender, IciSettings()).add_to(app)
    return f"{await secured(app, Certificates(SERVER, KEY, CA, clients=CA).server)}/ici"


async def test_conform_and_replay_reach_an_endpoint_that_wants_a_certificate(guarded: str) -> None:
    tls = context_for(guarded, ca=CA, cert=SERVER, key=KEY)

    async def look(run: Conformance) -> str:
        return (await run.log_on()).client.product[0]

    run = Conformance(guarded, "desk1", tls=tls)
    assert [(one.verdict, one.seen) for one in await run.run([(1, "logs on", look)])] == [("holds", "ivr")]
    dialect = load("default")
    service = dialect.services["IciSystem"]
    ping = envelope.request(dialect, service, service.operations["ping"], {}, user="desk1")
    played = await replay_trace(read_trace(ping.decode(), "trace"), guarded, dialect, tls=tls)
    assert [(one.operation, one.seen) for one in played] == [("ping", "HTTP 200, an answer")]


@pytest.mark.parametrize(
    ("ca", "pair", "said"),
    [
        (None, (SERVER, KEY), "TLS failed: its certificate is not from an authority .* --ca FILE"),
        (CA, STRANGER, "TLS failed: it ended the connection .* --cert FILE --key FILE"),
        (CA, (None, None), "TLS failed: it ended the connection .* --cert FILE --key FILE"),
    ],
    ids=["authority unknown", "stranger", "none shown"],
)
async def test_what_is_in_the_way_over_https_names_the_option_that_helps(
    guarded: str, ca: Path | None, pair: tuple[Path | None, Path | None], said: str
) -> None:
    tls = context_for(guarded, ca=ca, cert=pair[0], key=pair[1])
    with pytest.raises(IvrError, match=f"localhost port [0-9]+: {said}"):
        await Conformance(guarded, "desk1", tls=tls).run([])


async def test_a_certificate_for_another_name_is_told_apart(secured: Any) -> None:
    other = Certificates(FILES / "elsewhere.pem", FILES / "elsewhere.key").server
    base = await secured(web.Application(), other)
    with pytest.raises(IvrError, match=r"is for somebody else, and not for localhost; put the name"):
        await Conformance(base, "desk1", tls=context_for(base, ca=CA)).run([])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--ca", "none.pem"],
            "--ca: none.pem cannot be read: no such file or directory; name a readable PEM file",
        ),
        (["--ca", str(KEY)], f"--ca: {KEY} has no certificate in it; name a PEM file of authorities"),
        (["--key", str(KEY)], "--key: there is no certificate for it; name its PEM file with --cert"),
        (["--cert", str(SERVER), "--key", str(STRANGER[1])], "name the pair that belongs together"),
        (["--cert", str(SERVER)], "are no certificate and key; both must be PEM files"),
        (["--cert", str(SERVER), "--key", str(FILES / "locked.key")], "has a pass phrase"),
    ],
)
@pytest.mark.parametrize("command", ["conform", "replay"])
def test_files_that_do_not_do_are_named_with_their_option(
    command: str, options: list[str], said: str, tmp_path: Path
) -> None:
    wanted = [command, *(["trace.txt"] if command == "replay" else []), "https://localhost:1/ici"]
    result = CliRunner().invoke(ici_app, [*wanted, *options, "--config", str(_empty(tmp_path))])
    assert isinstance(result.exception, IvrError)
    assert said in str(result.exception)


def test_certificates_are_for_https_addresses(tmp_path: Path) -> None:
    wanted = ["conform", "http://localhost:1/ici", "--ca", str(CA), "--config", str(_empty(tmp_path))]
    result = CliRunner().invoke(ici_app, wanted)
    assert "--ca: for addresses with https:// only" in str(result.exception)


def _empty(folder: Path) -> Path:
    file = folder / "ivr.toml"
    file.write_text("")
    return file
