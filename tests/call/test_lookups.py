"""Look-ups find whoever answers them, and a caller is never left in silence by a slow one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from house import House
from sounds import likeness

from ivr.call.lookups import look_up
from ivr.config import MenuSettings
from ivr.config.connectors import Answered, Connector
from ivr.errors import SettingsError
from ivr.menu.connector_file import STORE
from ivr.menu.events import LookUp
from ivr.store.connector_pool import ConnectorPool
from ivr.store.contracts import LookupResult

Builder = Callable[..., Awaitable[House]]
MENU = """\
ivr: 1
name: slow
start: find
languages:
  - {code: en, voice: gmw/en-us, prompts: prompts/en.yaml}
defaults: {on_fault: sorry}
data:
  balance: {needs: [phone], gives: [amount_due], limit: 8s}
steps:
  find: {type: lookup, use: balance, meanwhile: wait.moment, ok: tell, not_found: sorry, down: sorry}
  tell: {type: say, say: balance.tell, go: END}
  sorry: {type: say, say: balance.sorry, go: END}
"""
PROMPTS = """\
prompts: en
wait.moment: One moment please.
balance.tell: "You owe {amount_due:money}."
balance.sorry: Sorry, I cannot look that up.
"""
CONNECTORS = """\
connectors:
  crm:
    kind: http
    url: URL
    login: {token_from: CRM_TOKEN}
    break: {after: 1, rest: 1m}
balance: {connector: crm, path: "balance/{phone}", gives: {amount_due: {from: due, as: money}}}
"""


@pytest.fixture
def menus(tmp_path: Path) -> Path:
    folder = tmp_path / "menus"
    (folder / "prompts").mkdir(parents=True)
    (folder / "slow.yaml").write_text(MENU)
    (folder / "prompts" / "en.yaml").write_text(PROMPTS)
    return folder


class Crm:
    """A customer system that takes its time."""

    wait, status, url = 0.0, 200, ""

    async def answer(self, _: web.Request) -> web.Response:
        await asyncio.sleep(self.wait)
        return web.json_response({"due": "84.20"}, status=self.status)


@pytest_asyncio.fixture
async def crm() -> AsyncIterator[Crm]:
    made = Crm()
    app = web.Application()
    app.router.add_get("/balance/{phone}", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


async def heard_by_a_caller(house: House, calls: int) -> tuple[dict[str, Any], Any]:
    """The record of the next call, which is that many'th, and its sound."""
    phone = await house.phone("+15550100")
    call = await phone.dial(house.uri)
    await asyncio.wait_for(call.ended(), 15)
    async with asyncio.timeout(5):
        while len(records := [one for one in await house.store.calls() if one["ended"]]) < calls:
            await asyncio.sleep(0.02)
    return records[0], call.recording


async def test_a_caller_is_told_to_wait_while_a_connector_is_slow_and_then_hears_the_answer(
    build_house: Builder, menus: Path, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_TOKEN", "t0ken")
    (menus / "connectors.yaml").write_text(CONNECTORS.replace("URL", crm.url))
    crm.wait = 1.3
    house = await build_house(menu=MenuSettings(folder=menus, default="slow"))
    record, sound = await heard_by_a_caller(house, 1)
    assert [entry["prompts"] for entry in record["prompts"]] == [["wait.moment"], ["balance.tell"]]
    not_said = likeness(sound, await house.clip("Sorry, I cannot look that up."))
    assert likeness(sound, await house.clip("One moment please.")) > not_said
    assert likeness(sound, await house.clip("eighty-four dollars")) > not_said
    assert all(entry["played"] > 0.5 for entry in record["prompts"])
    assert record["lookups"][0]["outcome"] == "ok"

    crm.wait, crm.status = 0.0, 500
    record, sound = await heard_by_a_caller(house, 2)
    assert [entry["prompts"] for entry in record["prompts"]] == [["balance.sorry"]]
    async with aiohttp.ClientSession() as session, session.get(house.ici_url.replace("/ici", "/health")) as answer:
        health = await answer.json()
    assert health["connectors"]["crm"]["breaker"] == "open"
    assert health["connectors"]["crm"]["last_failure"] == "status 500"


async def test_an_engine_does_not_start_without_a_connectors_credentials(
    build_house: Builder, menus: Path, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CRM_TOKEN", raising=False)
    (menus / "connectors.yaml").write_text(CONNECTORS.replace("URL", crm.url))
    with pytest.raises(SettingsError) as caught:
        await build_house(menu=MenuSettings(folder=menus, default="slow"))
    assert str(caught.value) == (
        f"{menus}/connectors.yaml:2: connectors.crm: environment variable CRM_TOKEN is not set; "
        "set it before the engine is started"
    )


class Store:
    """Remembers what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def look_up(self, name: str, values: dict[str, object], *, key: str = "") -> LookupResult:
        self.asked.append((name, key))
        return LookupResult("ok")


ASK = LookUp(1, "my_balance", {}, 1.0, key="k")


async def test_a_look_up_of_the_store_goes_by_the_name_of_its_operation() -> None:
    store = Store()
    by = {"my_balance": Answered("my_balance", STORE, operation="balance")}
    await look_up(store, ASK, "c1", answered=by)  # type: ignore[arg-type]
    await look_up(store, ASK, "c1")  # type: ignore[arg-type]
    assert store.asked == [("balance", "k"), ("my_balance", "k")]


async def test_a_missing_library_is_told_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import sys

    for module in ("sqlalchemy", "zeep"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "ivr.store.connector_sql", raising=False)
    monkeypatch.delitem(sys.modules, "ivr.store.connector_soap", raising=False)
    pool = ConnectorPool()
    for kind, extra in (("sql", "ivr[sql]"), ("soap", "ivr[soap]")):
        by = Answered("x", Connector("bills", kind, url="sqlite://"))  # type: ignore[arg-type]
        assert (await pool.look_up(by, {}, limit=1.0)).outcome == "down"
        assert f"pip install '{extra}'" in caplog.text
