"""The endpoint over real HTTP: golden messages, hostile ones, who may act, what comes in which order."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from lxml import etree

import ivr
from ivr.config.settings import IciSettings
from ivr.ici import attached_data
from ivr.ici.client import EventSender
from ivr.ici.endpoint import IciEndpoint
from ivr.ici.endpoint_access import Unauthorised, authorise, is_loopback
from ivr.ici.switchboard import IciRefusal, PhoneCallChanged, PhoneCallItem, UserChanged

WIRE = Path(__file__).parent / "wire"
GOLDEN = sorted(path.name.removesuffix(".request.xml") for path in WIRE.glob("*.request.xml"))
INVALID = sorted(path.stem for path in (WIRE / "invalid").glob("*.xml"))
XML = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '"urn:whatever#it"'}

Items = Callable[..., PhoneCallItem]


def canonical(document: str | bytes) -> bytes:
    """The same for documents that mean the same."""
    raw = document.encode() if isinstance(document, str) else document
    root = etree.fromstring(raw, etree.XMLParser(remove_blank_text=True))
    return etree.tostring(root, method="c14n", exclusive=True)


def envelope(service: str, operation: str, inner: str = "", user: str = "desk1") -> bytes:
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>'
        f'<u:userId xmlns:u="urn:IciHeader">{user}</u:userId></s:Header><s:Body>'
        f'<n:{operation} xmlns:n="urn:{service}Interface">{inner}</n:{operation}></s:Body></s:Envelope>'
    ).encode()


@pytest.fixture
def calls(switchboard: Any, item: Items) -> Any:
    """One alerting and one connected call of desk1, one of desk2."""
    switchboard.views["desk2"] = switchboard.views["desk2"].__class__(
        "desk2", "", 2, "", None, "Available", (), "sip:desk2@127.0.0.1"
    )
    switchboard.give("desk1", item())
    switchboard.give("desk1", item(id="call-2", status="connected"))
    switchboard.give("desk2", item(id="call-3"))
    return switchboard


@pytest.mark.parametrize("name", GOLDEN)
async def test_the_golden_request_gets_the_golden_answer(
    name: str, base: str, http: aiohttp.ClientSession, calls: Any, callback: Any
) -> None:
    request = (WIRE / f"{name}.request.xml").read_text().replace("APPURL", callback.url)
    expected = (WIRE / f"{name}.answer.xml").read_text().replace("VERSION", ivr.__version__)
    url = f"{base}/{name.split('.')[0]}"
    async with http.post(url, data=request.encode(), headers=XML) as response:
        answer = await response.text()
        assert canonical(answer) == canonical(expected)
        assert response.status == (500 if "Fault" in expected else 200)
        assert (response.content_type, response.charset) == ("text/xml", "utf-8")


@pytest.mark.parametrize("name", INVALID)
async def test_a_hostile_request_gets_a_fault_and_harms_nobody(
    name: str, base: str, http: aiohttp.ClientSession, endpoint: IciEndpoint
) -> None:
    raw = (WIRE / "invalid" / f"{name}.xml").read_bytes()
    code = name.rpartition(".")[2]
    async with http.post(f"{base}/IciSystem", data=raw, headers={"Content-Type": "text/xml"}) as response:
        text = await response.text()
        assert response.status == 500
    assert f"<code>{code}</code>" in text
    kind = {"ICI-VERSION": "VersionMismatch", "ICI-MUST-UNDERSTAND": "MustUnderstand"}.get(code, "Client")
    assert f"<faultcode>soap:{kind}</faultcode>" in text
    assert "root:" not in text
    assert endpoint.outcomes == {code: 1}
    async with http.post(f"{base}/IciSystem", data=envelope("IciSystem", "ping"), headers=XML) as response:
        assert response.status == 200


async def test_ten_megabytes_are_refused_before_they_are_read(
    base: str, http: aiohttp.ClientSession, endpoint: IciEndpoint
) -> None:
    async def flood() -> Any:
        yield b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><ping>'
        for _ in range(160):
            yield b" " * 65536

    try:
        async with http.post(f"{base}/IciSystem", data=flood(), headers=XML) as response:
            assert response.status == 500
            assert "<code>ICI-TOO-BIG</code>" in await response.text()
    except aiohttp.ClientOSError:
        pass  # the answer came, and the connection ended, while we were still sending
    assert endpoint.outcomes == {"ICI-TOO-BIG": 1}


async def test_a_deep_request_is_refused(base: str, http: aiohttp.ClientSession) -> None:
    deep = envelope("IciSystem", "ping", "<a>" * 5000 + "</a>" * 5000)
    async with http.post(f"{base}/IciSystem", data=deep, headers=XML) as response:
        assert response.status == 500
        assert "<code>ICI-XML</code>" in await response.text()


async def test_a_compressed_bomb_is_refused(base: str, http: aiohttp.ClientSession) -> None:
    import zlib

    bomb = zlib.compress(b" " * 40_000_000)
    headers = {**XML, "Content-Encoding": "deflate"}
    async with http.post(f"{base}/IciSystem", data=bomb, headers=headers) as response:
        assert response.status in (400, 500)
        assert "ICI-TOO-BIG" in await response.text()


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content-Type": "text/plain"}, "ICI-HTTP"),
        ({"Content-Type": "application/json"}, "ICI-HTTP"),
        ({"Content-Type": "text/xml; charset=klingon"}, "ICI-XML"),
        ({**XML, "Origin": "http://evil.example"}, "ICI-FORBIDDEN"),
        ({**XML, "Sec-Fetch-Site": "cross-site"}, "ICI-FORBIDDEN"),
    ],
)
async def test_a_page_in_a_browser_cannot_act_for_an_agent(
    base: str, http: aiohttp.ClientSession, switchboard: Any, headers: dict[str, str], code: str
) -> None:
    body = envelope("IciUser", "setQueues", "<userId>desk1</userId><queueIds/>")
    async with http.post(f"{base}/IciUser", data=body, headers=headers) as response:
        assert response.status == 500
        assert f"<code>{code}</code>" in await response.text()
    assert switchboard.calls == []


async def test_the_charset_of_http_beats_the_declaration(
    base: str, http: aiohttp.ClientSession, calls: Any
) -> None:
    body = envelope("IciItem", "getProperties", "<itemId>ü</itemId>").decode().encode("latin-1")
    headers = {"Content-Type": "text/xml; charset=ISO-8859-1"}
    async with http.post(f"{base}/IciItem", data=body, headers=headers) as response:
        assert "there is no item 'ü'" in await response.text()


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("user", "authorization", "status"),
    [
        ("desk1", "", 200),
        ("desk1", basic("desk1:anything"), 200),
        ("guarded", "", 401),
        ("guarded", basic("guarded:wrong"), 401),
        ("guarded", basic("desk1:s3cret:ä"), 401),
        ("guarded", basic("guarded:s3cret:"), 401),
        ("guarded", "Basic !!!", 401),
        ("guarded", "Bearer x", 401),
        ("guarded", basic("guarded:s3cret:ä"), 200),
        ("stranger", basic("stranger:x"), 401),
    ],
)
async def test_http_basic_must_fit_the_user_of_the_header(
    base: str, http: aiohttp.ClientSession, user: str, authorization: str, status: int, caplog: Any
) -> None:
    headers = {**XML, **({"Authorization": authorization} if authorization else {})}
    async with http.post(
        f"{base}/IciSystem", data=envelope("IciSystem", "ping", user=user), headers=headers
    ) as response:
        text = await response.text()
        assert response.status == status
        if status == 401:
            assert response.headers["WWW-Authenticate"] == 'Basic realm="ivr-ici", charset="UTF-8"'
            assert "<code>ICI-AUTH</code>" in text
    assert "s3cret" not in text + caplog.text


@pytest.mark.parametrize("peer", ["192.0.2.1", "", "2001:db8::1", "::ffff:192.0.2.1"])
def test_an_agent_without_a_password_acts_from_this_machine_only(switchboard: Any, peer: str) -> None:
    authorise(switchboard, "desk1", peer="127.0.0.1", authorization="")
    texts = set()
    for user in ("desk1", "guarded", "stranger"):
        with pytest.raises(Unauthorised) as refused:
            authorise(switchboard, user, peer=peer, authorization="")
        texts.add(str(refused.value).replace(user, "USER"))
    assert len(texts) == 1
    authorise(switchboard, "guarded", peer=peer, authorization=basic("guarded:s3cret:ä"))


def test_loopback_is_recognised_in_all_its_spellings() -> None:
    assert [is_loopback(peer) for peer in ("127.8.9.1", "::1", "::ffff:127.0.0.1", "::1%lo")] == [True] * 4
    assert not is_loopback("localhost")


async def test_after_subscribe_come_the_user_and_then_the_live_items(
    base: str, http: aiohttp.ClientSession, calls: Any, callback: Any, sender: EventSender, item: Items
) -> None:
    early: list[asyncio.Future[bool]] = []

    def offered_at_once(user: str) -> None:
        early.append(sender.publish(user, UserChanged(calls.views[user])))
        early.append(sender.publish(user, PhoneCallChanged(calls.live["call-1"])))

    calls.on_log_on = offered_at_once
    inner = f"<appUrl>{callback.url}</appUrl><appId>A1</appId><userId>desk1</userId><workcenterId/>"
    async with http.post(f"{base}/IciUser", data=envelope("IciUser", "subscribe", inner), headers=XML) as response:
        assert response.status == 200
    await callback.until(lambda crm: len(crm.heard) == 3)
    assert callback.events == [
        UserChanged(
            calls.views["desk1"].__class__("desk1", "", 3, "Not ready", None, "Available", ("general",), "")
        ),
        PhoneCallChanged(calls.live["call-1"]),
        PhoneCallChanged(calls.live["call-2"]),
    ]
    assert {(user, *app_ids) for user, app_ids, _ in callback.heard} == {("desk1", "A1")}
    assert await asyncio.gather(*early) == [True, True]
    assert callback.posts == 3


async def test_a_refused_log_on_leaves_the_older_screen_in_place(
    base: str, http: aiohttp.ClientSession, switchboard: Any, callback: Any, sender: EventSender
) -> None:
    def subscribe(app_id: str) -> bytes:
        inner = f"<appUrl>{callback.url}</appUrl><appId>{app_id}</appId><userId>desk1</userId><workcenterId/>"
        return envelope("IciUser", "subscribe", inner)

    async with http.post(f"{base}/IciUser", data=subscribe("A1"), headers=XML) as response:
        assert response.status == 200
    switchboard.refuse = IciRefusal("ICI-BAD-VALUE", "no such work centre")
    async with http.post(f"{base}/IciUser", data=subscribe("A2"), headers=XML) as response:
        assert response.status == 500
    subscription = sender.subscription_of("desk1")
    assert subscription is not None
    assert subscription.app_id == "A1"
    assert await sender.publish("desk1", UserChanged(switchboard.views["desk1"])) is True
    assert [app_ids for _, app_ids, _ in callback.heard] == [["A1"], ["A1"]]


async def test_a_breakdown_behind_an_operation_is_a_server_fault_and_logged(
    base: str, http: aiohttp.ClientSession, calls: Any, caplog: Any
) -> None:
    async def broken(user: str, workmode: int) -> None:
        raise RuntimeError("secret inside")

    calls.set_workmode = broken
    inner = "<userId>desk1</userId><workmodeId>1</workmodeId>"
    body = envelope("IciUser", "setCurrentWorkmode", inner)
    async with http.post(f"{base}/IciUser", data=body, headers=XML) as response:
        text = await response.text()
        assert response.status == 500
    assert "<faultcode>soap:Server</faultcode>" in text
    assert "<code>ICI-INTERNAL</code>" in text
    assert "secret inside" not in text
    assert "ici_operation_broken" in caplog.text


async def test_a_refused_document_leaves_the_old_one_and_no_value_reaches_the_log(
    base: str, http: aiohttp.ClientSession, calls: Any, caplog: Any
) -> None:
    caplog.set_level("INFO")
    before = calls.live["call-2"].attached_data
    for document, status in (
        ("&lt;oops&gt;4711-PRIVATE", 500),
        (attached_data.build("A", {"X": "4711-PRIVATE"}), 200),
    ):
        escaped = document.replace("<", "&lt;")
        inner = f"<itemId>call-2</itemId><attachedData>{escaped}</attachedData>"
        body = envelope("IciItem", "setAttachedData", inner)
        async with http.post(f"{base}/IciItem", data=body, headers=XML) as response:
            assert response.status == status
        if status == 500:
            assert calls.live["call-2"].attached_data == before
    assert attached_data.read(calls.live["call-2"].attached_data)["A"] == {"X": "4711-PRIVATE"}
    assert "PRIVATE" not in caplog.text
    assert "operation=setAttachedData user=desk1 item=call-2 outcome='ok'" in caplog.text


async def test_a_document_written_by_somebody_else_meanwhile_is_merged_again(
    base: str, http: aiohttp.ClientSession, calls: Any, item: Items
) -> None:
    big = attached_data.build("BIG", {"X": "x" * 20000})
    seen = calls.item
    asked = 0

    def item_of(item_id: str) -> Any:
        nonlocal asked
        asked += 1
        if asked == 2:
            other = attached_data.merge(
                calls.live[item_id].attached_data, attached_data.build("OTHER", {"Y": "1"})
            )
            calls.give("desk1", item(id=item_id, status="connected", attached_data=other))
        return seen(item_id)

    calls.item = item_of
    inner = f"<itemId>call-2</itemId><attachedData>{big.replace('<', '&lt;')}</attachedData>"
    body = envelope("IciItem", "setAttachedData", inner)
    async with http.post(f"{base}/IciItem", data=body, headers=XML) as response:
        assert response.status == 200
    assert list(attached_data.read(calls.live["call-2"].attached_data)) == ["SAP-IC", "OTHER", "BIG"]


async def test_a_document_over_the_limit_of_the_settings_is_refused(
    switchboard: Any, sender: EventSender, serve: Any, http: aiohttp.ClientSession, item: Items
) -> None:
    app = web.Application()
    IciEndpoint(switchboard, sender, IciSettings(max_attached_data=1000)).add_to(app)
    url = f"{await serve(app)}/ici/IciItem"
    switchboard.give("desk1", item(status="connected"))
    document = attached_data.build("A", {"X": "x" * 1000}).replace("<", "&lt;")
    inner = f"<itemId>call-1</itemId><attachedData>{document}</attachedData>"
    async with http.post(url, data=envelope("IciItem", "setAttachedData", inner), headers=XML) as response:
        assert "at most 1000 are allowed" in await response.text()


async def test_a_get_without_wsdl_says_where_it_is(base: str, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{base}/IciUser") as response:
        assert response.status == 405
        assert "/ici/IciUser?wsdl" in await response.text()


@pytest.mark.parametrize(
    ("status", "service", "operation", "inner"),
    [
        ("connected", "IciPhoneCall", "accept", ""),
        ("ended", "IciItem", "setAttachedData", "<attachedData>&lt;ItemAttachedData/&gt;</attachedData>"),
    ],
)
async def test_what_comes_after_the_telephone_or_the_hang_up_is_no_fault(
    base: str,
    http: aiohttp.ClientSession,
    calls: Any,
    item: Items,
    status: str,
    service: str,
    operation: str,
    inner: str,
) -> None:
    calls.give("desk1", item(id="call-4", status=status))
    raw = envelope(service, operation, "<itemId>call-4</itemId>" + inner)
    async with http.post(f"{base}/{service}", data=raw, headers=XML) as response:
        assert (response.status, "ok" in await response.text()) == (200, True)


async def test_pings_are_not_told_in_the_log_each_time(
    base: str, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await http.post(f"{base}/IciSystem", data=envelope("IciSystem", "ping"), headers=XML)
    assert "operation=ping" not in caplog.text


async def test_a_request_that_never_ends_gets_a_fault_and_others_are_served_meanwhile(
    base: str, http: aiohttp.ClientSession, endpoint: IciEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.ici.endpoint.READ_TIMEOUT", 0.2)
    enough = asyncio.Event()

    async def drop_by_drop() -> Any:
        yield envelope("IciSystem", "ping")[:60]
        await enough.wait()

    async def drip() -> str:
        async with http.post(f"{base}/IciSystem", data=drop_by_drop(), headers=XML) as response:
            return await response.text()

    slow = [asyncio.ensure_future(drip()) for _ in range(20)]
    async with http.post(f"{base}/IciSystem", data=envelope("IciSystem", "ping"), headers=XML) as response:
        assert response.status == 200
    for text in await asyncio.gather(*slow):
        assert "did not arrive within 0.2 seconds" in text
    enough.set()
    assert endpoint.outcomes == {"ok": 1, "ICI-HTTP": 20}
