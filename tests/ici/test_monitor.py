"""What supervisors are told, to whom, and when not."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from lxml import etree

from ivr.ici.client import EventSender
from ivr.ici.dialect import Dialect, available, load
from ivr.ici.endpoint import IciEndpoint
from ivr.ici.endpoint_monitor import MonitorFeed
from ivr.ici.monitor import data_form
from ivr.ici.switchboard import MonitorDataChanged, SubscriptionEnded
from ivr.testing.ici_probe import Probe


@pytest.fixture(params=available())
def dialect_name(request: pytest.FixtureRequest) -> str:
    """Everything below holds under every dialect."""
    return str(request.param)


@pytest.fixture
async def supervisor(
    switchboard: Any, sender: EventSender, settings: Any, dialect: Dialect, serve: Any, monkeypatch: Any
) -> AsyncIterator[Probe]:
    monkeypatch.setattr("ivr.ici.monitor.PERIOD", 0.02)
    endpoint = IciEndpoint(switchboard, sender, settings)
    app = web.Application()
    endpoint.add_to(app)
    async with Probe(f"{await serve(app)}/ici", dialect, "desk1") as probe:
        yield probe
    await endpoint.close()


async def subscribe(supervisor: Probe, url: str, user: str = "desk1", app_id: str = "M1") -> Any:
    values = {"appUrl": url, "appId": app_id, "userId": user}
    reply = await supervisor.call("IciMonitor", "subscribeMonitor", values, user=user)
    assert reply.fault is None
    return values


async def test_h23_a_supervisor_is_told_at_once_and_then_only_what_has_changed(
    supervisor: Probe, switchboard: Any, callback: Any
) -> None:
    await subscribe(supervisor, callback.url)
    await callback.until(lambda crm: len(crm.heard) == 1)
    assert callback.heard[0][:2] == ("desk1", ["M1"])
    await asyncio.sleep(0.1)
    assert len(callback.heard) == 1
    switchboard.views["desk2"] = dataclasses.replace(
        switchboard.views["desk2"], workmode=2, workmode_text="Ready", presence="Available"
    )
    await callback.until(lambda crm: len(crm.heard) == 2)
    event = callback.events[1]
    assert isinstance(event, MonitorDataChanged)
    root = etree.fromstring(event.data_form.encode())
    assert [dict(queue.attrib) for queue in root.findall("Queues/Queue")] == [
        {"id": "general", "waiting": "2", "longestWait": "61", "agentsReady": "1"},
        {"id": "billing", "waiting": "0", "longestWait": "0", "agentsReady": "0"},
    ]
    assert dict(root.findall("Users/User")[1].attrib) == {
        "id": "desk2",
        "workmode": "2",
        "text": "Ready",
        "presence": "Available",
    }


async def test_supervisors_behind_one_address_are_told_in_one_post(
    supervisor: Probe, switchboard: Any, callback: Any
) -> None:
    await subscribe(supervisor, callback.url)
    await callback.until(lambda crm: len(crm.heard) == 1)
    await subscribe(supervisor, callback.url, "desk2", "M2")
    await callback.until(lambda crm: len(crm.heard) == 2)
    assert callback.heard[1][1] == ["M2"]
    switchboard.views["desk1"] = dataclasses.replace(switchboard.views["desk1"], workmode=3)
    await callback.until(lambda crm: len(crm.heard) == 3)
    assert sorted(callback.heard[2][1]) == ["M1", "M2"]


async def test_a_supervisor_who_has_seen_enough_is_told_so_once(supervisor: Probe, callback: Any) -> None:
    values = await subscribe(supervisor, callback.url)
    await callback.until(lambda crm: len(crm.heard) == 1)
    wrong = await supervisor.call("IciMonitor", "unsubscribeMonitor", {**values, "appId": "other"})
    assert wrong.fault is not None and wrong.fault.code == "ICI-NOT-SUBSCRIBED"
    await supervisor.call("IciMonitor", "unsubscribeMonitor", values)
    await callback.until(lambda crm: len(crm.heard) == 2)
    assert callback.events[1] == SubscriptionEnded("unsubscribed", "The supervisor looks no more")


async def test_a_monitor_costs_nobody_the_log_on_and_a_foreign_callback_is_refused(
    supervisor: Probe, sender: EventSender, switchboard: Any
) -> None:
    values = {"appUrl": "http://evil.example/x", "appId": "M1", "userId": "desk1"}
    refused = await supervisor.call("IciMonitor", "subscribeMonitor", values)
    assert refused.fault is not None and "is not listed in ici.callbacks" in str(refused.fault)
    await subscribe(supervisor, "http://127.0.0.1:1/event")
    await asyncio.sleep(0.2)
    assert switchboard.calls == []
    other = {"appUrl": "http://127.0.0.1:1/event", "appId": "M1", "userId": "desk2"}
    foreign = await supervisor.call("IciMonitor", "subscribeMonitor", other)
    assert foreign.fault is not None and foreign.fault.code == "ICI-NOT-OWNER"


async def test_one_look_that_fails_is_not_the_last_one(
    supervisor: Probe, switchboard: Any, callback: Any, caplog: Any
) -> None:
    await subscribe(supervisor, callback.url)
    await callback.until(lambda crm: len(crm.heard) == 1)
    good = switchboard.queues
    switchboard.queues = lambda: 1 / 0
    await asyncio.sleep(0.06)
    switchboard.queues = lambda: good()[:1]
    await callback.until(lambda crm: len(crm.heard) == 2)
    assert "monitor_broken" in caplog.text


async def test_h23_a_subscription_outlives_a_kill_and_who_is_gone_is_forgotten(
    supervisor: Probe, switchboard: Any, settings: Any, dialect: Dialect, callback: Any
) -> None:
    values = await subscribe(supervisor, callback.url)
    assert switchboard.monitors == [("desk1", callback.url, "M1")], "acknowledged before it was on disk"
    await callback.until(lambda crm: len(crm.heard) == 1)
    again = MonitorFeed(switchboard, settings, dialect)  # another engine, with what was on disk
    gone = {"app_url": "http://127.0.0.1:1/event", "app_id": "M2"}
    foreign = {"app_url": "http://evil.example/x", "app_id": "M3"}
    kept = {"desk1": {"app_url": callback.url, "app_id": "M1"}, "desk2": gone, "guarded": foreign, "left": gone}
    await again.restore(kept)
    await callback.until(lambda crm: len(crm.heard) == 2)
    assert callback.heard[1][:2] == ("desk1", ["M1"])
    assert callback.events[1] == callback.events[0], "no full snapshot"
    await until_forgotten(switchboard, {"desk2", "guarded", "left"})
    await again.close()
    await callback.until(lambda crm: len(crm.heard) == 3)
    assert isinstance(callback.events[2], SubscriptionEnded)
    await supervisor.call("IciMonitor", "unsubscribeMonitor", values)
    assert switchboard.monitors[-1] == ("desk1", "", "")


async def until_forgotten(switchboard: Any, users: set[str]) -> None:
    async with asyncio.timeout(5):
        while {user for user, url, _ in switchboard.monitors if not url} != users:
            await asyncio.sleep(0.01)


def test_strange_names_give_well_formed_figures(switchboard: Any) -> None:
    view = dataclasses.replace(switchboard.user("desk1"), id='a"<&\x00', workmode_text="\u202e")
    root = etree.fromstring(data_form([], [view]).encode())
    assert root.find("Users/User").get("id") == 'a"<&\ufffd'


def test_the_event_comes_back_as_it_went(dialect_name: str) -> None:
    from ivr.ici import envelope, items

    dialect = load(dialect_name)
    service = dialect.services["IciEvent"]
    name, values = items.event_message(MonitorDataChanged(data_form([], [])), ["M1"], dialect)
    operation = service.operations[name]
    raw = envelope.request(dialect, service, operation, values, user="desk1")
    read = envelope.parse_message(raw, dialect).values(operation, dialect)
    assert items.parse_event(name, read, dialect) == MonitorDataChanged(data_form([], []))
