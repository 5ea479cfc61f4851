"""Web services that speak JSON, against a server of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal

import pytest
import pytest_asyncio
from aiohttp import web

from ivr.config.connectors import Answered, Breaking, Connector, Login, Rule, Taken
from ivr.store.connector_pool import ConnectorPool

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
GIVES = (Taken("amount_due", ("bill", "due"), "money"),)


class Server:
    """Answers with what a test puts into `answers`, the last of them for ever, and keeps what it was sent."""

    def __init__(self) -> None:
        self.answers: list[Handler] = []
        self.seen: list[tuple[web.Request, bytes]] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request, await request.read()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)


def says(status: int = 200, body: object = None, **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status, headers=headers)

    return answer


async def breaks_off(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def hangs(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api"
    yield made
    await runner.cleanup()


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[ConnectorPool]:
    made = ConnectorPool()
    yield made
    await made.close()


def asked(server: Server, connector: dict[str, object] | None = None, **more: object) -> Answered:
    system = {"breaking": Breaking(100), "url": server.url} | (connector or {})
    fields = {"path": "accounts/{account}/balance", "gives": GIVES} | more
    return Answered("balance", Connector("web", "http", **system), **fields)  # type: ignore[arg-type]


VALUES = {"account": "4000000002"}


async def test_an_answer_becomes_values_and_amounts_stay_exact(server: Server, pool: ConnectorPool) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text='{"bill": {"due": 84.20}}', content_type="application/json")

    server.answers = [answer]
    result = await pool.look_up(asked(server), VALUES, limit=5)
    assert (result.outcome, result.values) == ("ok", {"amount_due": Decimal("84.20")})
    assert server.seen[0][0].raw_path == "/api/accounts/4000000002/balance"


@pytest.mark.parametrize(
    ("typed", "path"),
    [("a/b", "a%2Fb"), ("../x", "..%2Fx"), ("a?b=c#d", "a%3Fb%3Dc%23d"), ("ü %", "%C3%BC%20%25")],
)
async def test_a_value_stays_inside_its_part_of_the_address(
    server: Server, pool: ConnectorPool, typed: str, path: str
) -> None:
    server.answers = [says(404)]
    assert (await pool.look_up(asked(server), {"account": typed}, limit=5)).outcome == "not_found"
    assert server.seen[0][0].raw_path == f"/api/accounts/{path}/balance"


@pytest.mark.parametrize("typed", ["..", ".", "", None, "a\nb", "x" * 301])
async def test_a_value_that_cannot_be_asked_about_is_nobody_and_not_sent(
    server: Server, pool: ConnectorPool, typed: object
) -> None:
    server.answers = [says(200, {"bill": {"due": "1"}})]
    assert (await pool.look_up(asked(server), {"account": typed}, limit=5)).outcome == "not_found"
    assert server.seen == []


async def test_query_headers_and_body_carry_values(server: Server, pool: ConnectorPool) -> None:
    server.answers = [says(201, {"bill": {"due": "1"}})]
    by = asked(
        server,
        {"query": (("tenant", "7&8"),), "headers": (("X-Tenant", "north"),)},
        method="POST",
        path="payments",
        query=(("for", "{account}"),),
        headers=(("X-Account", "{account}"),),
        body=(("amount", "{sum:number}"), ("text", "{sum}"), ("deep", (("sure", "{sure:truth}"),))),
        once_header="Idempotency-Key",
    )
    values = {**VALUES, "sum": Decimal("84.20"), "sure": True}
    assert (await pool.look_up(by, values, key="k1", limit=5)).outcome == "ok"
    ((request, body),) = server.seen
    assert request.raw_path == "/api/payments?tenant=7%268&for=4000000002"
    assert (request.headers["X-Tenant"], request.headers["X-Account"]) == ("north", "4000000002")
    assert request.headers["Idempotency-Key"] == "k1"
    assert body == b'{"amount": 84.2, "text": "84.20", "deep": {"sure": true}}'


async def test_a_read_is_sent_again_after_a_passing_fault(server: Server, pool: ConnectorPool) -> None:
    for passing in (says(503), says(429), breaks_off):
        server.answers, server.seen = [passing, says(200, {"bill": {"due": "1"}})], []
        assert (await pool.look_up(asked(server), VALUES, limit=5)).outcome == "ok"
        assert len(server.seen) == 2


async def test_a_payment_is_sent_again_only_where_its_key_makes_that_harmless(
    server: Server, pool: ConnectorPool
) -> None:
    for header, key, times in (("", "k1", 1), ("Idempotency-Key", "", 1), ("Idempotency-Key", "k1", 2)):
        for fault in (says(503), breaks_off):
            server.answers, server.seen = [fault, says(200, {"bill": {"due": "1"}})], []
            by = asked(server, method="POST", body=(("a", "{account}"),), once_header=header)
            result = await pool.look_up(by, VALUES, key=key, limit=5)
            assert len(server.seen) == times
            assert result.outcome == ("ok" if times == 2 else "down")


async def test_what_is_no_passing_fault_is_asked_once(server: Server, pool: ConnectorPool) -> None:
    for status, outcome in ((404, "not_found"), (409, "refused"), (500, "down"), (302, "down")):
        server.answers, server.seen = [says(status, {}, Location="http://127.0.0.1:1/")], []
        assert (await pool.look_up(asked(server), VALUES, limit=5)).outcome == outcome
        assert len(server.seen) == 1


async def test_no_answer_in_time_is_slow_whichever_limit_is_the_shorter(
    server: Server, pool: ConnectorPool
) -> None:
    server.answers = [hangs]
    assert (await pool.look_up(asked(server), VALUES, limit=0.1)).outcome == "slow"
    assert (await pool.look_up(asked(server, {"limit": 0.1}), VALUES, limit=60)).outcome == "slow"


async def test_nobody_listening_is_down(pool: ConnectorPool, server: Server) -> None:
    by = asked(server, {"url": "http://127.0.0.1:1"})
    assert (await pool.look_up(by, VALUES, limit=5)).outcome == "down"


@pytest.mark.parametrize(
    "body", ["<html>login</html>", "{", "[" * 100_000, '{"bill": {"due": "much"}}', '{"bill": NaN}']
)
async def test_an_answer_that_is_nonsense_is_down(server: Server, pool: ConnectorPool, body: str) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=body)

    server.answers = [answer]
    assert (await pool.look_up(asked(server), VALUES, limit=5)).outcome == "down"


async def test_an_answer_without_end_is_given_up(server: Server, pool: ConnectorPool) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(40):
            await response.write(b"x" * 65536)
        return response

    server.answers = [answer]
    assert (await pool.look_up(asked(server), VALUES, limit=5)).outcome == "down"
    assert "octets" in str(pool.state()["web"]["last_failure"])


async def test_credentials_come_from_the_environment(
    server: Server, pool: ConnectorPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_USER", "ivr")
    monkeypatch.setenv("CRM_PASSWORD", "pä:ss")
    monkeypatch.setenv("CRM_TOKEN", "t0ken")
    server.answers = [says(200, {"bill": {"due": "1"}})]
    for login in (
        Login(user_from="CRM_USER", password_from="CRM_PASSWORD"),
        Login(token_from="CRM_TOKEN"),
        Login(header="X-Api-Key", value_from="CRM_TOKEN"),
    ):
        await pool.look_up(asked(server, {"login": login}), VALUES, limit=5)
    basic, bearer, own = (request.headers for request, _ in server.seen)
    assert basic["Authorization"] == "Basic aXZyOnDDpDpzcw=="
    assert bearer["Authorization"] == "Bearer t0ken"
    assert own["X-Api-Key"] == "t0ken"


async def test_nothing_of_a_caller_or_a_credential_is_logged(
    server: Server, pool: ConnectorPool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("CRM_TOKEN", "t0ken")
    by = asked(server, {"login": Login(token_from="CRM_TOKEN")}, path="pins/{account}/{pin}")
    for answer in (says(500, {"pin": "2580"}), says(200, {"bill": {"due": "2580x"}}), hangs, breaks_off):
        server.answers = [answer]
        await pool.look_up(by, {"account": "4000000002", "pin": "2580"}, limit=0.2)
    assert "connector_failed connector=web" in caplog.text
    for secret in ("2580", "4000000002", "t0ken"):
        assert secret not in caplog.text.replace(server.url, "")


async def test_a_system_that_fails_is_given_up_and_tried_again_later(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    from ivr.testing.clock import FakeClock

    clock = FakeClock()
    pool = ConnectorPool(clock)
    by = asked(server, {"breaking": Breaking(3, 30.0), "tries": 1})
    server.answers = [says(500)]
    for _ in range(5):
        assert (await pool.look_up(by, VALUES, limit=5)).outcome == "down"
    assert len(server.seen) == 3, "the last two were spared"
    assert pool.state()["web"] | {"last_failure": ""} == {
        "kind": "http", "breaker": "open", "failures_in_a_row": 3, "opened": 1, "answered": 0, "failed": 3,
        "spared": 2, "busy": 0, "last_failure": "",
    }  # fmt: skip
    assert "breaker_opened connector=web failures=3 rest=30" in caplog.text
    clock.advance(30.0)
    server.answers = [says(404)]
    assert (await pool.look_up(by, VALUES, limit=5)).outcome == "not_found"
    assert "breaker_closed connector=web" in caplog.text
    assert pool.state()["web"]["breaker"] == "closed"
    await pool.close()


async def test_answers_that_only_mean_no_do_not_open_the_breaker(server: Server, pool: ConnectorPool) -> None:
    by = asked(server, {"breaking": Breaking(2), "tries": 1}, rules=(Rule("refused", status=(418,)),))
    for answer in (says(404), says(418), says(400), says(200, {"bill": {"due": "odd"}})):
        server.answers = [answer]
        for _ in range(3):
            await pool.look_up(by, VALUES, limit=5)
    assert pool.state()["web"]["breaker"] == "closed"


async def test_a_caller_who_hangs_up_leaves_nothing_behind(server: Server, pool: ConnectorPool) -> None:
    server.answers = [hangs]
    waiting = asyncio.create_task(pool.look_up(asked(server), VALUES, limit=30))
    while not server.seen:
        await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert pool.state()["web"]["busy"] == 0
    assert pool.state()["web"]["failed"] == 0


async def test_more_at_once_than_allowed_wait_and_are_answered(server: Server, pool: ConnectorPool) -> None:
    now, most = 0, 0

    async def answer(_: web.Request) -> web.StreamResponse:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        return web.json_response({"bill": {"due": "1"}})

    server.answers = [answer]
    by = asked(server, {"at_once": 2})
    results = await asyncio.gather(*(pool.look_up(by, VALUES, limit=5) for _ in range(8)))
    assert [result.outcome for result in results] == ["ok"] * 8
    assert most == 2
