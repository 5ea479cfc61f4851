"""A SOAP service of a utility's back end, asked through zeep in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal

import pytest
import pytest_asyncio
from aiohttp import web
from lxml import etree

from ivr.config.connectors import Answered, Breaking, Connector, Login, Rule, Taken
from ivr.store.connector_pool import ConnectorPool

NS = "urn:sap-com:document:sap:soap:functions:mc-style"
WSDL = """<?xml version="1.0"?>
<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:tns="{ns}" targetNamespace="{ns}">
 <wsdl:types><xsd:schema targetNamespace="{ns}" elementFormDefault="unqualified">
  <xsd:element name="ZGetBalance"><xsd:complexType><xsd:sequence>
   <xsd:element name="IvAccount" type="xsd:string"/>
   <xsd:element name="IvDetail" minOccurs="0"><xsd:complexType><xsd:sequence>
     <xsd:element name="Days" type="xsd:int"/></xsd:sequence></xsd:complexType></xsd:element>
  </xsd:sequence></xsd:complexType></xsd:element>
  <xsd:element name="ZGetBalanceResponse"><xsd:complexType><xsd:sequence>
   <xsd:element name="EvAmount" type="xsd:decimal" minOccurs="0"/>
   <xsd:element name="EvDue" type="xsd:date" minOccurs="0"/>
   <xsd:element name="EsReturn"><xsd:complexType><xsd:sequence>
     <xsd:element name="Type" type="xsd:string"/></xsd:sequence></xsd:complexType></xsd:element>
   <xsd:element name="EtItems" minOccurs="0"><xsd:complexType><xsd:sequence>
     <xsd:element name="item" minOccurs="0" maxOccurs="unbounded"><xsd:complexType><xsd:sequence>
      <xsd:element name="Amount" type="xsd:decimal"/></xsd:sequence></xsd:complexType></xsd:element>
   </xsd:sequence></xsd:complexType></xsd:element>
  </xsd:sequence></xsd:complexType></xsd:element>
 </xsd:schema></wsdl:types>
 <wsdl:message name="In"><wsdl:part name="parameters" element="tns:ZGetBalance"/></wsdl:message>
 <wsdl:message name="Out"><wsdl:part name="parameters" element="tns:ZGetBalanceResponse"/></wsdl:message>
 <wsdl:portType name="Port"><wsdl:operation name="ZGetBalance">
  <wsdl:input message="tns:In"/><wsdl:output message="tns:Out"/></wsdl:operation></wsdl:portType>
 <wsdl:binding name="Binding" type="tns:Port">
  <soap:binding transport="http://schemas.xmlsoap.org/soap/http" style="document"/>
  <wsdl:operation name="ZGetBalance"><soap:operation soapAction=""/>
   <wsdl:input><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output>
  </wsdl:operation></wsdl:binding>
 <wsdl:service name="ZUTIL"><wsdl:port name="Port" binding="tns:Binding">
  <soap:address location="{url}/soap"/></wsdl:port></wsdl:service>
</wsdl:definitions>"""
ENVELOPE = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'
GIVES = (Taken("amount_due", ("EvAmount",), "money"), Taken("due_date", ("EvDue",), "date"))


def reply(type_: str = "S", amount: str = "84.20", items: str = "") -> str:
    return ENVELOPE.format(
        f'<n:ZGetBalanceResponse xmlns:n="{NS}"><EvAmount>{amount}</EvAmount><EvDue>2026-12-04</EvDue>'
        f"<EsReturn><Type>{type_}</Type></EsReturn>{items}</n:ZGetBalanceResponse>"
    )


def fault(code: str) -> str:
    return ENVELOPE.format(
        f"<s:Fault><faultcode>s:{code}</faultcode><faultstring>no</faultstring>"
        "<detail><e><Number>017</Number></e></detail></s:Fault>"
    )


class Backend:
    def __init__(self) -> None:
        self.url = ""
        self.status, self.body, self.wait = 200, reply(), 0.0
        self.seen: list[tuple[etree._Element, str]] = []
        self.wsdl_read = 0

    async def wsdl(self, _: web.Request) -> web.Response:
        self.wsdl_read += 1
        return web.Response(text=WSDL.format(ns=NS, url=self.url), content_type="text/xml")

    async def soap(self, request: web.Request) -> web.Response:
        self.seen.append((etree.fromstring(await request.read()), request.headers.get("Authorization", "")))
        await asyncio.sleep(self.wait)
        return web.Response(text=self.body, status=self.status, content_type="text/xml")

    def sent(self, name: str) -> list[str]:
        return [
            element.text or "" for element in self.seen[-1][0].iter() if etree.QName(element).localname == name
        ]


@pytest_asyncio.fixture
async def backend() -> AsyncIterator[Backend]:
    made = Backend()
    app = web.Application()
    app.router.add_get("/wsdl", made.wsdl)
    app.router.add_post("/soap", made.soap)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[ConnectorPool]:
    made = ConnectorPool()
    yield made
    await made.close()


def asked(backend: Backend, login: Login | None = None, **more: object) -> Answered:
    connector = Connector(
        "sap", "soap", url=f"{backend.url}/wsdl", login=login or Login(), breaking=Breaking(100), at_once=1
    )
    body = {"body": (("IvAccount", "{account}"), ("IvDetail", (("Days", "30"),)))}
    return Answered("balance", connector, operation="ZGetBalance", **({"gives": GIVES} | body | more))  # type: ignore[arg-type]


VALUES = {"account": "<4000000002>"}


async def test_an_answer_becomes_values(
    backend: Backend, pool: ConnectorPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAP_USER", "ivr")
    monkeypatch.setenv("SAP_PASSWORD", "secret")
    by = asked(backend, Login(user_from="SAP_USER", password_from="SAP_PASSWORD"))
    for _ in range(2):
        result = await pool.look_up(by, VALUES, limit=5)
        assert result.outcome == "ok"
        assert result.values == {"amount_due": Decimal("84.20"), "due_date": date(2026, 12, 4)}
    assert backend.sent("IvAccount") == ["<4000000002>"]
    assert backend.sent("Days") == ["30"]
    assert backend.seen[-1][1] == "Basic aXZyOnNlY3JldA=="
    assert backend.wsdl_read == 1, "the description of the service is read once"


async def test_sap_tells_outcomes_in_its_return_structure(backend: Backend, pool: ConnectorPool) -> None:
    by = asked(backend, rules=(Rule("not_found", field=("EsReturn", "Type"), equals="E"),))
    backend.body = reply("E")
    assert (await pool.look_up(by, VALUES, limit=5)).outcome == "not_found"
    backend.body = reply("S")
    assert (await pool.look_up(by, VALUES, limit=5)).outcome == "ok"


async def test_lists_are_rows(backend: Backend, pool: ConnectorPool) -> None:
    items = "<EtItems><item><Amount>1.00</Amount></item><item><Amount>2.50</Amount></item></EtItems>"
    backend.body = reply(items=items)
    each = (Taken("paid", ("Amount",), "money"),)
    by = asked(backend, gives=(Taken("payments", ("EtItems", "item"), each=each),))
    result = await pool.look_up(by, VALUES, limit=5)
    assert result.values == {"payments": [{"paid": Decimal("1.00")}, {"paid": Decimal("2.50")}]}


async def test_a_fault_is_known_by_its_code_and_its_detail(backend: Backend, pool: ConnectorPool) -> None:
    backend.status, backend.body = 500, fault("Client.NoSuchAccount")
    by = asked(backend, rules=(Rule("not_found", code="Client.No*"),))
    assert (await pool.look_up(by, VALUES, limit=5)).outcome == "not_found"
    by = asked(backend, rules=(Rule("refused", field=("Number",), equals="017"),))
    assert (await pool.look_up(by, VALUES, limit=5)).outcome == "refused"
    assert (await pool.look_up(asked(backend), VALUES, limit=5)).outcome == "down"


@pytest.mark.parametrize(
    ("status", "body"),
    [(503, "busy"), (200, "<html>"), (200, "{}"), (401, ""),
     (200, '<!DOCTYPE a [<!ENTITY b "c">]>' + reply().replace("84.20", "&b;"))],
)  # fmt: skip
async def test_nonsense_is_down(backend: Backend, pool: ConnectorPool, status: int, body: str) -> None:
    backend.status, backend.body = status, body
    assert (await pool.look_up(asked(backend), VALUES, limit=5)).outcome == "down"


async def test_an_operation_the_service_has_not_is_down_and_named(backend: Backend, pool: ConnectorPool) -> None:
    by = Answered("balance", asked(backend).connector, operation="ZGetBalanze")
    assert (await pool.look_up(by, VALUES, limit=5)).outcome == "down"
    assert pool.state()["sap"]["last_failure"] == "the service has no operation 'ZGetBalanze'"


async def test_no_answer_in_time_is_slow_and_the_loop_goes_on(backend: Backend, pool: ConnectorPool) -> None:
    await pool.look_up(asked(backend), VALUES, limit=5)
    backend.wait = 0.6
    waiting = asyncio.create_task(pool.look_up(asked(backend), VALUES, limit=0.2))
    turns = 0
    while not waiting.done():
        turns += 1
        await asyncio.sleep(0.01)
    assert waiting.result().outcome == "slow"
    assert turns > 5
    backend.wait = 0.0
    assert (await pool.look_up(asked(backend), VALUES, limit=5)).outcome == "ok", "its thread was free again"


async def test_envelopes_are_never_logged(
    backend: Backend, pool: ConnectorPool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await pool.look_up(asked(backend), {"account": "4000000002"}, limit=5)
    backend.status, backend.body = 500, fault("Server")
    await pool.look_up(asked(backend), {"account": "4000000002"}, limit=5)
    assert "4000000002" not in caplog.text
