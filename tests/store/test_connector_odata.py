"""OData in the manner of a utility's SAP back end: sets, keys, filters, tokens against forged requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from urllib.parse import unquote

import pytest_asyncio
from aiohttp import web

from ivr.config.connectors import Answered, Breaking, Connector, Rule, Taken
from ivr.store.connector_pool import ConnectorPool

GIVES = (Taken("amount_due", ("Amount",), "money"), Taken("due_date", ("DueOn",), "date"))
BILL = {"Account": "4000000002", "Amount": "84.20", "DueOn": "/Date(1796342400000)/"}


class Gateway:
    """A service of SAP Gateway: sessions by cookie, tokens for what changes something, errors with codes."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.created: list[tuple[object, str]] = []
        self.tokens = 0
        self.token = ""
        self.answer: tuple[int, object] = (200, {"d": BILL})

    async def read(self, request: web.Request) -> web.Response:
        if request.headers.get("X-CSRF-Token") == "Fetch":
            self.tokens += 1
            self.token = f"t{self.tokens}"
            response = web.json_response({"d": {}}, headers={"X-CSRF-Token": self.token})
            response.set_cookie("SAP_SESSION", self.token)
            return response
        self.asked.append(unquote(request.raw_path))
        status, body = self.answer
        return web.json_response(body, status=status)

    async def create(self, request: web.Request) -> web.Response:
        named, session = request.headers.get("X-CSRF-Token"), request.cookies.get("SAP_SESSION")
        if named != self.token or session != self.token:
            return web.Response(
                status=403, headers={"X-CSRF-Token": "Required"}, text="CSRF token validation failed"
            )
        self.created.append((await request.json(), request.headers.get("RequestID", "")))
        status, body = self.answer
        return web.json_response(body, status=status)


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    made = Gateway()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.read)
    app.router.add_post("/{path:.*}", made.create)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/sap/opu/odata/sap/ZUTIL/"
    yield made
    await runner.cleanup()


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[ConnectorPool]:
    made = ConnectorPool()
    yield made
    await made.close()


def asked(gateway: Gateway, version: str = "v2", **more: object) -> Answered:
    connector = Connector(
        "sap",
        "odata",
        url=gateway.url,
        version=version,
        query=(("sap-client", "100"),),
        breaking=Breaking(100),  # type: ignore[arg-type]
    )
    return Answered("balance", connector, **({"gives": GIVES} | more))  # type: ignore[arg-type]


ROOT = "/sap/opu/odata/sap/ZUTIL"


async def test_one_entity_by_its_key(gateway: Gateway, pool: ConnectorPool) -> None:
    by = asked(gateway, entity="BalanceSet", key=(("Account", "{account}"), ("Year", "{year:number}")))
    result = await pool.look_up(by, {"account": "O'Neil/1", "year": 2026}, limit=5)
    assert result.outcome == "ok"
    assert result.values == {"amount_due": Decimal("84.20"), "due_date": date(2026, 12, 4)}
    assert gateway.asked == [f"{ROOT}/BalanceSet(Account='O''Neil/1',Year=2026)?sap-client=100&$format=json"]


async def test_a_filter_has_literals_of_each_version(gateway: Gateway, pool: ConnectorPool) -> None:
    template = "Phone eq {phone} and Amount ge {sum} and DueOn le {day}"
    values = {"phone": "+1' or 'x' eq 'x", "sum": Decimal("5.00"), "day": date(2026, 12, 4)}
    for version, literals in (
        ("v2", "Phone eq '+1'' or ''x'' eq ''x' and Amount ge 5.00M and DueOn le datetime'2026-12-04T00:00:00'"),
        ("v4", "Phone eq '+1'' or ''x'' eq ''x' and Amount ge 5.00 and DueOn le 2026-12-04"),
    ):
        await pool.look_up(asked(gateway, version, entity="Bills", filter=template), values, limit=5)
        assert f"$filter={literals}" in gateway.asked.pop()


async def test_a_set_is_rows_and_an_empty_one_is_nobody(gateway: Gateway, pool: ConnectorPool) -> None:
    each = (Taken("paid", ("Amount",), "money"), Taken("paid_on", ("On",), "date"))
    by = asked(gateway, entity="Payments", gives=(Taken("payments", each=each),), select=("Amount", "On"),
               order="On desc", top=3)  # fmt: skip
    gateway.answer = (
        200,
        {"d": {"results": [{"Amount": "5.00-", "On": "20261204"}, {"Amount": "1", "On": "00000000"}]}},
    )
    result = await pool.look_up(by, {}, limit=5)
    assert result.values["payments"] == [
        {"paid": Decimal("-5.00"), "paid_on": date(2026, 12, 4)},
        {"paid": Decimal(1), "paid_on": None},
    ]
    assert gateway.asked[0].endswith("&$select=Amount,On&$orderby=On desc&$top=3")
    gateway.answer = 200, {"d": {"results": []}}
    assert (await pool.look_up(by, {}, limit=5)).outcome == "not_found"


async def test_version_4_has_value_and_plain_days(gateway: Gateway, pool: ConnectorPool) -> None:
    gateway.answer = 200, {"value": [{"Amount": 84.2, "DueOn": "2026-12-04"}]}
    result = await pool.look_up(asked(gateway, "v4", entity="Bills"), {}, limit=5)
    assert result.values == {"amount_due": Decimal("84.2"), "due_date": date(2026, 12, 4)}
    assert "$format" not in gateway.asked[0]


async def test_errors_are_known_by_their_codes(gateway: Gateway, pool: ConnectorPool) -> None:
    by = asked(gateway, entity="Bills", rules=(Rule("refused", code="ZUTIL/0*"),))
    for status, code, outcome in (
        (400, "ZUTIL/017", "refused"),
        (404, "/IWBEP/CM_MGW_RT/020", "not_found"),
        (400, "OTHER/1", "down"),
        (500, "X", "down"),
    ):
        gateway.answer = status, {"error": {"code": code, "message": {"lang": "en", "value": "…"}}}
        assert (await pool.look_up(by, {}, limit=5)).outcome == outcome


CREATE = {
    "create": "PaymentSet",
    "body": (("Account", "{account}"), ("Amount", "{sum}")),
    "once_header": "RequestID",
    "gives": (Taken("receipt", ("Receipt",)),),
}
PAYMENT = {"account": "4000000002", "sum": Decimal("84.20")}


async def test_what_changes_something_brings_a_token_that_is_fetched_once(
    gateway: Gateway, pool: ConnectorPool
) -> None:
    gateway.answer = 201, {"d": {"Receipt": "R1"}}
    for key in ("k1", "k2"):
        result = await pool.look_up(asked(gateway, **CREATE), PAYMENT, key=key, limit=5)
        assert (result.outcome, result.values) == ("ok", {"receipt": "R1"})
    body = {"Account": "4000000002", "Amount": "84.20"}
    assert gateway.created == [(body, "k1"), (body, "k2")]
    assert gateway.tokens == 1


async def test_a_token_that_is_no_longer_good_is_fetched_again(gateway: Gateway, pool: ConnectorPool) -> None:
    gateway.answer = 201, {"d": {"Receipt": "R1"}}
    await pool.look_up(asked(gateway, **CREATE), PAYMENT, key="k1", limit=5)
    gateway.token = "other"  # the session has ended
    assert (await pool.look_up(asked(gateway, **CREATE), PAYMENT, key="k2", limit=5)).outcome == "ok"
    assert [key for _, key in gateway.created] == ["k1", "k2"]


async def test_a_payment_that_is_refused_for_other_reasons_is_not_sent_twice(
    gateway: Gateway, pool: ConnectorPool
) -> None:
    gateway.answer = 403, {"error": {"code": "ZUTIL/020"}}
    by = asked(gateway, **CREATE, rules=(Rule("refused", code="ZUTIL/*"),))
    assert (await pool.look_up(by, PAYMENT, key="k1", limit=5)).outcome == "refused"
    assert len(gateway.created) == 1
