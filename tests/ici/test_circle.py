"""The CRM's side against the endpoint: the whole circle of one agent."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from ivr.errors import IvrError, LocalProtocolError, RemoteProtocolError
from ivr.ici import attached_data
from ivr.ici.client import EventSender
from ivr.ici.crm_client import CrmClient
from ivr.ici.dialect import Dialect, available
from ivr.ici.switchboard import (
    IciEvent,
    IciRefusal,
    ItemAttachedDataChanged,
    PhoneCallChanged,
    PhoneCallItem,
    SubscriptionEnded,
    UserChanged,
)


class Desk:
    """A client, and what it was told."""

    def __init__(self, base: str, user: str, **more: Any) -> None:
        self.inbox: asyncio.Queue[IciEvent] = asyncio.Queue()
        self.client = CrmClient(base, user, on_event=self.inbox.put_nowait, **more)

    async def next(self) -> IciEvent:
        return await asyncio.wait_for(self.inbox.get(), 5)


Desks = Callable[..., Desk]


@pytest.fixture(params=available())
def dialect_name(request: pytest.FixtureRequest) -> str:
    """Everything below holds under every dialect."""
    return str(request.param)


@pytest.fixture
async def desk(base: str, dialect_name: str) -> AsyncIterator[Desks]:
    made: list[Desk] = []

    def make(user: str = "desk1", **more: Any) -> Desk:
        made.append(Desk(base, user, dialect=dialect_name, **more))
        return made[-1]

    yield make
    for each in made:
        await each.client.close()


Items = Callable[..., PhoneCallItem]


async def test_an_agent_logs_on_gets_ready_and_is_told_of_a_call(
    desk: Desks, switchboard: Any, sender: EventSender, item: Items
) -> None:
    screen = desk()
    await screen.client.start()
    assert screen.client.product[0] == "ivr"
    await screen.client.subscribe("sip:desk1@127.0.0.1:5070")
    logged_on = await screen.next()
    assert isinstance(logged_on, UserChanged)
    assert (logged_on.user.workmode, logged_on.user.workmode_text) == (3, "Not ready")
    await screen.client.set_workmode(2)
    assert switchboard.calls == [("log_on", "desk1", "sip:desk1@127.0.0.1:5070"), ("set_workmode", "desk1", "2")]

    alerting = item()
    switchboard.give("desk1", alerting)
    assert await sender.publish("desk1", PhoneCallChanged(alerting)) is True
    assert await screen.next() == PhoneCallChanged(alerting)
    await screen.client.accept("call-1")
    assert switchboard.calls[-1] == ("accept", "desk1", "call-1")


async def test_every_operation_of_a_call_reaches_the_telephone_system(
    desk: Desks, switchboard: Any, item: Items
) -> None:
    client = desk().client
    await client.start()
    await client.subscribe("")
    for name, status in (
        ("reject", "alerting"),
        ("hold", "connected"),
        ("unhold", "held"),
        ("drop", "connected"),
        ("drop", "wrapup"),
    ):
        switchboard.give("desk1", item(status=status))
        await getattr(client, name)("call-1")
        assert switchboard.calls[-1] == (name, "desk1", "call-1")
    switchboard.give("desk1", item(status="connected"))
    await client.send_dtmf("call-1", "12#")
    assert switchboard.calls[-1] == ("send_dtmf", "desk1", "call-1", "12#")
    await client.set_queues(["billing"])
    assert switchboard.calls[-1] == ("set_queues", "desk1", "billing")
    await client.ping()
    assert await client.get_workmodes() == [(2, "Ready"), (3, "Pause"), (1001, "Training")]
    snapshot = item(status="held", linked_item_id="call-9", reason=None, attached_data_version=4)
    await client.set_workmode(1001)
    assert switchboard.calls[-1] == ("set_workmode", "desk1", "1001")
    switchboard.give("desk1", snapshot)
    assert await client.get_properties("call-1") == snapshot


async def test_written_attached_data_is_merged_into_the_document(
    desk: Desks, switchboard: Any, item: Items
) -> None:
    client = desk().client
    await client.start()
    switchboard.give("desk1", item(status="connected"))
    await client.set_attached_data("call-1", attached_data.build("CRM_IC/MCM", {"FWDTYPE": "a<b&\r\n\u202e"}))
    assert attached_data.read(await client.get_attached_data("call-1")) == {
        "SAP-IC": {"ACCOUNT": "4000000002", "REASON": "BILL"},
        "CRM_IC/MCM": {"FWDTYPE": "a<b&\r\n\u202e"},
    }


async def test_a_refusal_keeps_its_code_and_names_the_item(desk: Desks, switchboard: Any, item: Items) -> None:
    client = desk().client
    await client.start()
    switchboard.give("desk1", item())
    with pytest.raises(IciRefusal, match="Operation hold not allowed in state") as refused:
        await client.hold("call-1")
    assert (refused.value.code, refused.value.item_id, refused.value.server) == ("ICI-STATE", "call-1", False)


async def test_trouble_of_the_telephone_system_is_a_server_fault(
    desk: Desks, switchboard: Any, item: Items
) -> None:
    client = desk().client
    await client.start()
    switchboard.give("desk1", item())
    switchboard.refuse = IciRefusal("ICI-SWITCH", "the phone does not answer", item_id="call-1", server=True)
    with pytest.raises(IciRefusal) as refused:
        await client.accept("call-1")
    assert (refused.value.code, refused.value.server) == ("ICI-SWITCH", True)


async def test_the_newer_log_on_of_a_user_ends_the_older(
    desk: Desks, switchboard: Any, sender: EventSender
) -> None:
    old, new = desk(), desk()
    for each in (old, new):
        await each.client.start()
        await each.client.subscribe("")
        assert isinstance(await each.next(), UserChanged)
    assert await old.next() == SubscriptionEnded("superseded", "User logged on elsewhere")
    assert await sender.publish("desk1", ItemAttachedDataChanged("call-1", "x", 7)) is True
    assert await new.next() == ItemAttachedDataChanged("call-1", "x", 7)
    with pytest.raises(IciRefusal) as refused:
        await old.client.unsubscribe()
    assert refused.value.code == "ICI-NOT-SUBSCRIBED"
    assert not [call for call in switchboard.calls if call[0] == "log_off"]


async def test_get_attributes_ends_the_subscription_of_a_screen_that_is_gone(
    desk: Desks, switchboard: Any, sender: EventSender
) -> None:
    old, new = desk(), desk()
    await old.client.start()
    await old.client.subscribe("")
    assert isinstance(await old.next(), UserChanged)
    await new.client.start()
    view = await new.client.get_attributes()
    assert (view.id, view.workmode, view.queues) == ("desk1", 3, ("general",))
    assert await old.next() == SubscriptionEnded("superseded", "User logged on elsewhere")
    assert switchboard.calls[-1] == ("screen_lost", "desk1")
    assert sender.subscription_of("desk1") is None


async def test_logging_off_ends_the_subscription(desk: Desks, switchboard: Any, sender: EventSender) -> None:
    screen = desk()
    await screen.client.start()
    await screen.client.subscribe("")
    assert isinstance(await screen.next(), UserChanged)
    await screen.client.unsubscribe()
    assert await screen.next() == SubscriptionEnded("unsubscribed", "The agent logged off")
    assert switchboard.calls[-1] == ("log_off", "desk1", "unsubscribed")
    with pytest.raises(IciRefusal) as refused:
        await screen.client.set_workmode(2)
    assert refused.value.code == "ICI-NOT-SUBSCRIBED"


async def test_closing_a_desk_logs_the_agent_off(desk: Desks, switchboard: Any, sender: EventSender) -> None:
    screen = desk()
    await screen.client.start()
    await screen.client.subscribe("")
    await screen.client.close()
    assert switchboard.calls[-1] == ("log_off", "desk1", "unsubscribed")
    assert sender.subscription_of("desk1") is None


async def test_an_event_that_comes_twice_or_late_is_acknowledged_and_ignored(
    desk: Desks, sender: EventSender, item: Items
) -> None:
    screen = desk()
    await screen.client.start()
    await screen.client.subscribe("")
    assert isinstance(await screen.next(), UserChanged)
    connected = item(status="connected", sequence=2)
    for event in (connected, connected, item(sequence=1), dataclasses.replace(connected, sequence=3)):
        assert await sender.publish("desk1", PhoneCallChanged(event)) is True
    assert [await screen.next(), await screen.next()] == [
        PhoneCallChanged(connected),
        PhoneCallChanged(dataclasses.replace(connected, sequence=3)),
    ]
    assert screen.inbox.empty()


async def test_a_desk_that_trips_over_one_event_hears_the_next(
    base: str, dialect_name: str, sender: EventSender, caplog: pytest.LogCaptureFixture
) -> None:
    heard: asyncio.Queue[IciEvent] = asyncio.Queue()

    def stumble(event: IciEvent) -> None:
        if isinstance(event, UserChanged):
            raise RuntimeError("the desk's own mistake")
        heard.put_nowait(event)

    client = CrmClient(base, "desk1", dialect=dialect_name, on_event=stumble)
    await client.start()
    await client.subscribe("")
    await sender.publish("desk1", ItemAttachedDataChanged("call-1", "x"))
    assert await asyncio.wait_for(heard.get(), 5) == ItemAttachedDataChanged("call-1", "x")
    assert "ici_event_handler_broken user=desk1" in caplog.text
    await client.close()


async def test_the_password_is_asked_for_and_accepted(desk: Desks) -> None:
    for wrong in ({}, {"password": "guess"}):
        with pytest.raises(IciRefusal, match="HTTP Basic") as refused:
            await desk("guarded", **wrong).client.start()
        assert refused.value.code == "ICI-AUTH"
    right = desk("guarded", password="s3cret:ä").client
    await right.start()
    await right.subscribe("")


async def test_an_engine_that_is_not_there_is_named_with_a_remedy(base: str, serve: Any) -> None:
    from aiohttp import web

    client = CrmClient("http://127.0.0.1:1/ici", "desk1", on_event=lambda event: None)
    with pytest.raises(
        IvrError, match=r"127\.0\.0\.1 port 1: connecting failed: .*; check that the other side is"
    ):
        await client.start()
    assert client.app_url
    elsewhere = CrmClient(await serve(web.Application()), "desk1", on_event=lambda event: None)
    with pytest.raises(RemoteProtocolError, match="answered HTTP 404; is this the address of the ICI"):
        await elsewhere.start()
    with pytest.raises(LocalProtocolError, match=r"ping: call start\(\) first"):
        await client.ping()


async def test_a_callback_port_that_is_taken_is_named(base: str) -> None:
    port = int(base.split(":")[2].split("/")[0])
    client = CrmClient(base, "desk1", callback_port=port, on_event=lambda event: None)
    with pytest.raises(IvrError, match=f"cannot listen for events on 127.0.0.1 port {port}: .*; choose another"):
        await client.start()


async def test_the_callback_refuses_what_it_does_not_understand(desk: Desks, http: Any, dialect: Dialect) -> None:
    client = desk().client
    await client.start()
    changed = dialect.services["IciEvent"].operations["phoneCallChanged"].spelling.encode()
    for body, code in (
        (b"<a>", "ICI-XML"),
        (
            b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><faxChanged/></e:Body></e:Envelope>',
            "ICI-NOT-SUPPORTED",
        ),
        (
            b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><%s/></e:Body>'
            b"</e:Envelope>" % changed,
            "ICI-BAD-VALUE",
        ),
    ):
        async with http.post(client.app_url, data=body, headers={"Content-Type": "text/xml"}) as response:
            assert response.status == 500
            assert f"<code>{code}</code>" in await response.text()
