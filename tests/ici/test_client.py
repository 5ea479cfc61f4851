"""Events on their way to screens that are quick, slow, broken or gone."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from lxml import etree

from ivr.config.settings import CallbackLogin, IciSettings
from ivr.ici.client import EventSender
from ivr.ici.client_http import authorisation, describe_failure
from ivr.ici.dialect import Dialect, available
from ivr.ici.endpoint_trace import IciTrace
from ivr.ici.lane import FULL
from ivr.ici.subscriptions import Subscription
from ivr.ici.switchboard import (
    ItemAttachedDataChanged,
    PhoneCallChanged,
    PhoneCallItem,
    SubscriptionEnded,
    UserChanged,
    UserView,
)

Items = Callable[..., PhoneCallItem]
Behaviour = Callable[[int], Awaitable[web.Response | None]]


@pytest.fixture(params=available())
def dialect_name(request: pytest.FixtureRequest) -> str:
    """Everything below holds under every dialect."""
    return str(request.param)


def subscribe(sender: EventSender, url: str, user: str = "desk1", app_id: str = "A1") -> Subscription:
    subscription = Subscription(url, app_id, user)
    sender.release(sender.open(subscription), [])
    return subscription


def data(number: int) -> ItemAttachedDataChanged:
    return ItemAttachedDataChanged(f"call-{number}", "x")


def always(**response: Any) -> Behaviour:
    async def behave(number: int) -> web.Response | None:
        return web.Response(**response)

    return behave


def until(gate: asyncio.Event) -> Behaviour:
    async def behave(number: int) -> web.Response | None:
        await gate.wait()
        return None

    return behave


async def test_an_event_is_acknowledged_when_the_screen_answers(
    sender: EventSender, callback: Any, item: Items, dialect: Dialect
) -> None:
    subscribe(sender, callback.url)
    event = PhoneCallChanged(item(status="ended", reason="abandoned"))
    assert await sender.publish("desk1", event) is True
    assert callback.heard == [("desk1", ["A1"], event)]
    assert callback.headers[0]["Content-Type"] == "text/xml; charset=utf-8"
    service = dialect.services["IciEvent"]
    action = dialect.action(service, service.operations["phoneCallChanged"])
    assert callback.headers[0]["SOAPAction"] == f'"{action}"'


@pytest.mark.parametrize("dialect_name", ["default"])
async def test_the_wire_form_of_an_event_is_the_pinned_one(
    sender: EventSender, callback: Any, item: Items
) -> None:
    subscribe(sender, callback.url)
    await sender.publish("desk1", PhoneCallChanged(item()))
    root = etree.fromstring(callback.bodies[0])
    assert root.findtext("{*}Header/{urn:IciHeader}userId") == "desk1"
    event = root.find("{*}Body/{urn:IciEventInterface}phoneCallChanged")
    assert event is not None
    call = event.find("phoneCall")
    assert [child.tag for child in call] == [
        "id",
        "processingStatus",
        "direction",
        "remoteNumbers",
        "calledNumber",
        "queueId",
        "capabilityList",
        "attachedData",
        "sequence",
        "startedAt",
    ]
    assert [entry.text for entry in event.find("appIds")] == ["A1"]
    assert call.findtext("attachedData").startswith('<?xml version="1.0" encoding="UTF-8"?><ItemAttachedData>')
    assert b"&lt;?xml" in callback.bodies[0]
    assert b"&amp;lt;" not in callback.bodies[0]


async def test_nobody_is_told_when_nobody_has_subscribed(sender: EventSender) -> None:
    assert await sender.publish("desk1", data(1)) is False


async def test_events_arrive_in_order_although_the_screen_is_slow(sender: EventSender, callback: Any) -> None:
    gate = asyncio.Event()
    callback.behave = until(gate)
    subscribe(sender, callback.url)
    told = [sender.publish("desk1", data(number)) for number in range(10)]
    await callback.until(lambda crm: crm.posts == 1)
    gate.set()
    assert await asyncio.gather(*told) == [True] * 10
    assert callback.events == [data(number) for number in range(10)]


async def test_a_post_that_fails_is_tried_again(sender: EventSender, callback: Any, lost: list[str]) -> None:
    async def twice_broken(number: int) -> web.Response | None:
        return web.Response(status=503) if number < 3 else None

    callback.behave = twice_broken
    subscribe(sender, callback.url)
    assert await sender.publish("desk1", data(1)) is True
    assert (callback.posts, callback.events, lost) == (3, [data(1)], [])


FAULT = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode>'
    b"<faultstring>cannot understand ICI event</faultstring></s:Fault></s:Body></s:Envelope>"
)


@pytest.mark.parametrize(
    ("response", "cause"),
    [
        ({"status": 401}, "HTTP 401; check user and password in ici.logins"),
        ({"status": 404}, "HTTP 404; check the path of the address"),
        (
            {"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}},
            "HTTP 302 to 'http://127.0.0.1:1/'; redirects are not followed",
        ),
        (
            {"status": 500, "body": FAULT, "content_type": "text/xml"},
            "fault ICI-FAULT: cannot understand ICI event",
        ),
        (
            {"status": 200, "body": FAULT, "content_type": "text/xml"},
            "fault ICI-FAULT: cannot understand ICI event",
        ),
        ({"status": 200, "text": "<html>please log on</html>"}, "the answer is not SOAP 1.1"),
        ({"status": 200, "body": b"x" * 5_000_000}, "the answer is longer than"),
    ],
)
async def test_a_screen_that_refuses_three_times_is_lost(
    sender: EventSender, callback: Any, lost: list[str], response: dict[str, Any], cause: str, caplog: Any
) -> None:
    caplog.set_level("INFO")
    callback.behave = always(**response)
    subscribe(sender, callback.url)
    first, second = sender.publish("desk1", data(1)), sender.publish("desk1", data(2))
    assert (await first, await second) == (False, False)
    assert (callback.posts, lost) == (3, ["desk1"])
    assert sender.subscription_of("desk1") is None
    await sender.close()
    assert callback.posts == 4  # the farewell
    record = next(record for record in caplog.records if "ici_screen_lost" in record.message)
    assert cause in record.message
    port = callback.url.rpartition(":")[2].partition("/")[0]
    told = rf"ici_screen_lost id=(\d+) user=desk1 cause=.127\.0\.0\.1 port {port}: answering failed: .*; \w.* .*"
    said = re.match(told, record.message)
    assert said, record.message
    posted = [
        one.getMessage() for one in caplog.records if one.getMessage().startswith(f"ici_event id={said[1]} ")
    ]
    assert len(posted) == 3
    assert await sender.publish("desk1", data(3)) is False


async def test_an_empty_answer_counts_as_acknowledged(sender: EventSender, callback: Any) -> None:
    callback.behave = always(status=202)
    subscribe(sender, callback.url)
    assert await sender.publish("desk1", data(1)) is True


async def test_a_screen_that_never_answers_is_lost(
    dialect: Dialect, callback: Any, lost: list[str], caplog: Any
) -> None:
    sender = EventSender(IciSettings(post_timeout=0.05), dialect, lost.append)
    gate = asyncio.Event()
    callback.behave = until(gate)
    subscribe(sender, callback.url)
    assert await sender.publish("desk1", data(1)) is False
    assert lost == ["desk1"]
    assert "waiting for the answer failed" in caplog.text
    gate.set()
    await sender.close()


async def test_a_screen_that_was_asleep_learns_that_it_hears_nothing_more(
    sender: EventSender, callback: Any, lost: list[str]
) -> None:
    awake = asyncio.Event()

    async def sleep_three_times(number: int) -> web.Response | None:
        return None if awake.is_set() else web.Response(status=503)

    callback.behave = sleep_three_times
    subscribe(sender, callback.url)
    told = sender.publish("desk1", data(1))
    told.add_done_callback(lambda _: awake.set())
    assert await told is False
    await sender.close()
    assert lost == ["desk1"]
    assert [(type(event), event.reason) for event in callback.events] == [(SubscriptionEnded, "unreachable")]


async def test_a_screen_that_is_gone_is_lost_and_named_with_a_remedy(
    sender: EventSender, lost: list[str], caplog: Any
) -> None:
    subscribe(sender, "http://127.0.0.1:1/event")
    assert await sender.publish("desk1", data(1)) is False
    assert lost == ["desk1"]
    assert "127.0.0.1 port 1: connecting failed" in caplog.text
    assert "check that the other side is running" in caplog.text


async def test_an_older_subscription_that_is_gone_is_no_alarm(
    sender: EventSender, callback: Any, lost: list[str], caplog: Any
) -> None:
    caplog.set_level("INFO")
    subscribe(sender, "http://127.0.0.1:1/event", app_id="old")
    subscribe(sender, callback.url, app_id="new")
    assert await sender.publish("desk1", data(1)) is True
    await sender.close()
    assert lost == []
    assert [record for record in caplog.records if record.levelname != "INFO"] == []
    said = r"ici_farewell id=\d+ user=desk1 outcome=.not delivered, which does no harm: 127\.0\.0\.1 port 1"
    assert re.search(said, caplog.text)


async def test_the_older_screen_hears_that_it_is_superseded_and_then_nothing(
    sender: EventSender, callback: Any, item: Items
) -> None:
    gate = asyncio.Event()
    callback.behave = until(gate)
    subscribe(sender, callback.url, app_id="old")
    under_way, waiting = sender.publish("desk1", data(1)), sender.publish("desk1", data(2))
    await callback.until(lambda crm: crm.posts == 1)
    view = UserView("desk1", "", 3, "Not ready", None, "Available", (), "")
    sender.release(sender.open(Subscription(callback.url, "new", "desk1")), [UserChanged(view)])
    gate.set()
    assert (await under_way, await waiting) == (True, False)
    await callback.until(lambda crm: len(crm.heard) == 3)
    by_app = {app: [event for _, apps, event in callback.heard if apps == [app]] for app in ("old", "new")}
    assert by_app == {
        "old": [data(1), SubscriptionEnded("superseded", "User logged on elsewhere")],
        "new": [UserChanged(view)],
    }


async def test_a_screen_that_logs_off_hears_of_the_end_of_its_call_then_its_agent_and_then_the_farewell(
    sender: EventSender, callback: Any, item: Items
) -> None:
    gate = asyncio.Event()
    callback.behave = until(gate)
    subscribe(sender, callback.url)
    offered, ended = item(sequence=1), item(status="ended", reason="rejected", sequence=2)
    refused = UserView("desk1", "", 3, "Not ready, call refused", None, "Available", (), "")
    off = UserView("desk1", "", 1, "Logged off", None, "Logged Off", (), "")
    shown = sender.publish("desk1", PhoneCallChanged(offered))
    dropped, over = sender.publish("desk1", data(1)), sender.publish("desk1", PhoneCallChanged(ended))
    states = [sender.publish("desk1", UserChanged(view)) for view in (refused, off)]
    await callback.until(lambda crm: crm.posts == 1)
    sender.end("desk1", "unsubscribed", "The agent logged off")
    assert await dropped is False
    gate.set()
    assert (await shown, await over, await states[0], await states[1]) == (True, True, True, True)
    await callback.until(lambda crm: len(crm.heard) == 5)
    assert callback.events == [
        PhoneCallChanged(offered),
        PhoneCallChanged(ended),
        UserChanged(refused),
        UserChanged(off),
        SubscriptionEnded("unsubscribed", "The agent logged off"),
    ]


async def test_the_same_subscription_again_is_renewed_without_a_farewell(
    sender: EventSender, callback: Any
) -> None:
    subscribe(sender, callback.url)
    subscribe(sender, callback.url)
    assert await sender.publish("desk1", data(1)) is True
    await sender.close()
    assert callback.events == [data(1), SubscriptionEnded("shutdown", "The telephone system is stopping")]


async def test_a_post_that_is_under_way_at_the_end_is_followed_by_the_farewell(
    sender: EventSender, callback: Any, caplog: Any
) -> None:
    caplog.set_level("INFO")
    gate = asyncio.Event()

    async def behave(number: int) -> None:
        await gate.wait()
        await asyncio.sleep(0.1)

    callback.behave = behave
    subscribe(sender, callback.url)
    told = sender.publish("desk1", data(1))
    while not callback.posts:
        await asyncio.sleep(0.01)
    asyncio.get_running_loop().call_later(0.1, gate.set)
    await sender.close()
    assert told.result() is True
    assert callback.events == [data(1), SubscriptionEnded("shutdown", "The telephone system is stopping")]
    assert "outcome='delivered'" in caplog.text


async def test_nothing_is_posted_until_the_log_on_is_answered(sender: EventSender, callback: Any) -> None:
    screen = sender.open(Subscription(callback.url, "A1", "desk1"))
    early = sender.publish("desk1", data(1))
    await asyncio.sleep(0.02)
    assert callback.posts == 0
    sender.release(screen, [data(0)])
    assert await early is True
    assert callback.events == [data(0), data(1)]


async def test_an_abandoned_log_on_brings_the_older_screen_back(sender: EventSender, callback: Any) -> None:
    older = subscribe(sender, callback.url, app_id="old")
    screen = sender.open(Subscription(callback.url, "new", "desk1"))
    early = sender.publish("desk1", data(1))
    sender.abandon(screen)
    assert await early is False
    assert sender.subscription_of("desk1") is older
    assert await sender.publish("desk1", data(2)) is True
    assert [apps for _, apps, _ in callback.heard] == [["old"]]


async def test_one_post_tells_all_screens_behind_one_address(sender: EventSender, callback: Any) -> None:
    subscribe(sender, callback.url, "desk1", "A1")
    subscribe(sender, callback.url, "desk2", "A2")
    told = sender.publish_all(["desk1", "desk2", "nobody"], data(1))
    assert {user: await future for user, future in told.items()} == {"desk1": True, "desk2": True, "nobody": False}
    assert [(apps, event) for _, apps, event in callback.heard] == [(["A1", "A2"], data(1))]


async def test_a_post_for_several_that_fails_is_repeated_for_each(
    sender: EventSender, callback: Any, lost: list[str]
) -> None:
    async def refuse_the_first(number: int) -> web.Response | None:
        return web.Response(status=500) if number == 1 else None

    callback.behave = refuse_the_first
    subscribe(sender, callback.url, "desk1", "A1")
    subscribe(sender, callback.url, "desk2", "A2")
    told = sender.publish_all(["desk1", "desk2"], data(1))
    assert [await future for future in told.values()] == [True, True]
    assert sorted(apps for _, apps, _ in callback.heard) == [["A1"], ["A2"]]
    assert lost == []


async def test_a_stalled_screen_does_not_hold_up_another(sender: EventSender, callback: Any, serve: Any) -> None:
    gate = asyncio.Event()

    async def stall(request: web.Request) -> web.Response:
        await gate.wait()
        return web.Response(status=202)

    app = web.Application()
    app.router.add_post("/event", stall)
    subscribe(sender, f"{await serve(app)}/event", "desk1")
    subscribe(sender, callback.url, "desk2")
    stalled = sender.publish("desk1", data(1))
    assert await sender.publish("desk2", data(1)) is True
    assert not stalled.done()
    gate.set()
    assert await stalled is True


async def test_a_screen_that_falls_too_far_behind_is_lost(
    sender: EventSender, callback: Any, lost: list[str]
) -> None:
    gate = asyncio.Event()
    callback.behave = until(gate)
    subscribe(sender, callback.url)
    first = sender.publish("desk1", data(0))
    await callback.until(lambda crm: crm.posts == 1)
    rest = [sender.publish("desk1", data(number)) for number in range(1, FULL + 2)]
    assert lost == ["desk1"]
    gate.set()
    assert await first is True
    assert await asyncio.gather(*rest) == [False] * (FULL + 1)
    assert callback.posts == 1


async def test_a_burst_on_one_item_is_cut_down_to_the_newest_snapshot(
    sender: EventSender, callback: Any, item: Items
) -> None:
    gate = asyncio.Event()
    callback.behave = until(gate)
    subscribe(sender, callback.url)
    told = [sender.publish("desk1", PhoneCallChanged(item(sequence=number))) for number in range(100)]
    gate.set()
    assert await asyncio.gather(*told) == [True] * 100
    sequences = [event.item.sequence for event in callback.events]
    assert sequences == sorted(sequences)
    assert sequences[-1] == 99
    assert len(sequences) < 40


async def test_stopping_tells_every_screen_and_leaves_nothing_behind(sender: EventSender, callback: Any) -> None:
    for user in ("desk1", "desk2"):
        subscribe(sender, callback.url, user)
    await sender.close()
    assert sorted((user, event) for user, _, event in callback.heard) == [
        (user, SubscriptionEnded("shutdown", "The telephone system is stopping")) for user in ("desk1", "desk2")
    ]
    assert await sender.publish("desk1", data(1)) is False


async def test_a_refused_connection_is_told_without_a_word_of_tls(
    sender: EventSender, caplog: Any, lost: list[str]
) -> None:
    subscribe(sender, "http://127.0.0.1:1/event")
    assert await sender.publish("desk1", data(1)) is False
    record = next(record for record in caplog.records if "ici_screen_lost" in record.message)
    assert "127.0.0.1 port 1: connecting failed: Connection refused; check that the other side" in record.message
    assert "ssl" not in record.message


def test_a_failure_names_the_stage() -> None:
    assert describe_failure("https://crm.example:8443/x", TimeoutError()) == (
        "crm.example port 8443: waiting for the answer failed: TimeoutError; "
        "check that the other side is not overloaded or behind a firewall"
    )
    assert describe_failure("https://crm.example/", OSError("gone\nbad")).startswith(
        "crm.example port 443: reading the answer failed: gone bad"
    )


async def test_h10_a_server_in_trouble_is_one_alarm_for_all_its_screens_and_a_new_one_after_it_was_well(
    sender: EventSender, callback: Any, lost: list[str], caplog: Any
) -> None:
    def alarms() -> list[str]:
        return [record.message for record in caplog.records if record.levelname == "WARNING"]

    callback.behave = always(status=503)
    users = [f"desk{number}" for number in range(5)]
    for user in users:
        subscribe(sender, callback.url, user, user)
    await asyncio.gather(*sender.publish_all(users, data(1)).values())
    assert sorted(lost) == users
    assert len(alarms()) == 1
    callback.behave = callback._answer
    subscribe(sender, callback.url, "desk1")
    assert await sender.publish("desk1", data(2)) is True
    callback.behave = always(status=503)
    assert await sender.publish("desk1", data(3)) is False
    assert len(alarms()) == 2


LOGINS = (
    CallbackLogin("crm.example", "all", "pw-1"),
    CallbackLogin("CRM.example:8443", "one", "pw-2"),
    CallbackLogin("old.example", "plain", "pw-3", over_http=True),
    CallbackLogin("::1", "six", "pw-4"),
)


@pytest.mark.parametrize(
    ("url", "user"),
    [
        ("https://crm.example/event", "all"),
        ("https://crm.example:8443/event", "one"),
        ("http://crm.example/event", ""),
        ("http://old.example/event", "plain"),
        ("http://[::1]:8000/event", "six"),
        ("https://crm.example.evil/event", ""),
        ("https://other.example/event", ""),
    ],
)
def test_h24_a_password_goes_to_its_host_alone_and_over_http_only_where_that_is_wished(
    url: str, user: str
) -> None:
    header = authorisation(url, LOGINS).get("Authorization", "Basic Og==")
    assert base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")[0] == user


async def test_h24_a_callback_that_asks_for_a_password_gets_it_and_no_log_or_trace_has_it(
    dialect: Dialect, callback: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    known = base64.b64encode("IVR:gehöim".encode()).decode()

    async def ask(number: int) -> web.Response | None:
        return None if callback.asked["Authorization"] == f"Basic {known}" else web.Response(status=401)

    callback.behave = ask
    login = CallbackLogin("127.0.0.1", "IVR", "gehöim")
    trace = IciTrace(tmp_path / "trace", dialect, values=True)
    sender = EventSender(IciSettings(logins=(login,)), dialect, lambda user: None, trace=trace)
    subscribe(sender, callback.url)
    assert await sender.publish("desk1", data(1)) is True
    subscribe(sender, "http://127.0.0.1:1/event", "desk2")
    assert await sender.publish("desk2", data(1)) is False
    await sender.close()
    trace.close()
    written = (tmp_path / "trace").read_text() + caplog.text + repr(login)
    assert [secret for secret in ("gehöim", known) if secret in written] == []
    assert "IciEvent.itemAttachedDataChanged" in written
