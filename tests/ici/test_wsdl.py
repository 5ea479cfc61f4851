"""A SOAP client nobody here wrote reads our WSDLs, and nothing else, and drives everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import zeep
import zeep.helpers
from aiohttp import web
from lxml import etree
from zeep.transports import Transport

import ivr
from ivr.ici import attached_data, wsdl
from ivr.ici.client import EventSender
from ivr.ici.dialect import Dialect, load
from ivr.ici.endpoint import IciEndpoint
from ivr.ici.switchboard import PhoneCallItem, UserChanged

Items = Callable[..., PhoneCallItem]


class Peer:
    """zeep, in threads, with the header of one user."""

    def __init__(self, base: str, user: str, header: str = "userId") -> None:
        self.base = base
        self.header = {header: user}
        session = requests.Session()
        session.trust_env = False
        self.transport = Transport(session=session, timeout=5, operation_timeout=5)

    async def call(self, service: str, operation: str, **values: Any) -> Any:
        def work() -> Any:
            client = zeep.Client(f"{self.base}/{service}?wsdl", transport=self.transport)
            return getattr(client.service, operation)(_soapheaders=self.header, **values)

        return zeep.helpers.serialize_object(await asyncio.to_thread(work), dict)


@pytest.fixture
async def peer(base: str) -> AsyncIterator[Peer]:
    peer = Peer(base, "desk1")
    yield peer
    peer.transport.session.close()


async def test_zeep_drives_the_system_service(peer: Peer) -> None:
    assert await peer.call(
        "IciSystem", "exchangeProductInformation", productName="zeep", productVersion=zeep.__version__
    ) == {"productName": "ivr", "productVersion": ivr.__version__}
    assert await peer.call("IciSystem", "getWorkcenterCapability", workcenterId="4711", userId="desk1") is True
    queues = await peer.call("IciSystem", "getPresenceQueueInfo", channelId="telephony")
    assert queues == [
        {"queueId": "general", "description": "General", "waiting": 2, "longestWait": 61},
        {"queueId": "billing", "description": "Bills & payments", "waiting": 0, "longestWait": 0},
    ]
    presence = await peer.call("IciSystem", "getPresence", userIds={"item": ["desk2"]})
    assert presence == [{"userId": "desk2", "presence": "Logged Off", "options": None}]
    assert await peer.call("IciSystem", "ping") == "ok"


async def test_zeep_drives_the_user_service(
    peer: Peer, callback: Any, switchboard: Any, sender: EventSender
) -> None:
    key = {"appUrl": callback.url, "appId": "Z1", "userId": "desk1"}
    assert await peer.call("IciUser", "subscribe", **key, workcenterId="sip:desk1@127.0.0.1:5070") == "ok"
    await callback.until(lambda crm: len(crm.heard) == 1)
    assert isinstance(callback.events[0], UserChanged)
    assert await peer.call("IciUser", "setCurrentWorkmode", userId="desk1", workmodeId="2") == "ok"
    assert await peer.call("IciUser", "getWorkmodes", userId="desk1") == [
        {"id": "2", "description": "Ready"},
        {"id": "3", "description": "Pause"},
        {"id": "1001", "description": "Training"},
    ]
    assert await peer.call("IciUser", "setCurrentQueues", userId="desk1", queueIds={"item": ["billing"]}) == "ok"
    assert await peer.call("IciUser", "getQueues", userId="desk1") == [
        {"id": "billing", "description": "Bills & payments"}
    ]
    assert await peer.call("IciUser", "unsubscribe", **key) == "ok"
    await callback.until(lambda crm: len(crm.heard) == 2)
    assert switchboard.calls == [
        ("log_on", "desk1", "sip:desk1@127.0.0.1:5070"),
        ("set_workmode", "desk1", "2"),
        ("set_queues", "desk1", "billing"),
        ("log_off", "desk1", "unsubscribed"),
    ]
    assert sender.subscription_of("desk1") is None
    user = await peer.call("IciUser", "getAttributes", userId="desk1")
    assert user == {
        "id": "desk1",
        "workmode": {"id": "2", "description": "Ready"},
        "nextWorkmode": None,
        "presence": "Available",
        "queues": {"item": ["billing"]},
        "workcenterId": "sip:desk1@127.0.0.1:5070",
    }


async def test_zeep_drives_items_and_calls(peer: Peer, switchboard: Any, item: Items) -> None:
    switchboard.give("desk1", item())
    snapshot = await peer.call("IciItem", "getProperties", itemId="call-1")
    assert snapshot["processingStatus"] == {"id": "alerting", "description": "Alerting"}
    assert snapshot["capabilityList"] == {"item": ["accept", "reject", "reroute"]}
    assert snapshot["remoteNumbers"] == {"item": ["+15550100"]}
    assert snapshot["startedAt"] == item().started_at
    assert await peer.call("IciItem", "getAttachedData", itemId="call-1") == item().attached_data
    for operation, status in (
        ("accept", "alerting"),
        ("reject", "alerting"),
        ("hold", "connected"),
        ("unhold", "held"),
        ("drop", "connected"),
    ):
        switchboard.give("desk1", item(status=status))
        assert await peer.call("IciPhoneCall", operation, itemId="call-1") == "ok"
        assert switchboard.calls[-1] == (operation, "desk1", "call-1")
    switchboard.give("desk1", item(status="connected"))
    assert await peer.call("IciPhoneCall", "sendDTMF", itemId="call-1", digits="1") == "ok"
    document = attached_data.build("CRM_IC/MCM", {"FWDTYPE": "<&>"})
    assert await peer.call("IciItem", "setAttachedData", itemId="call-1", attachedData=document) == "ok"
    merged = attached_data.read(switchboard.live["call-1"].attached_data)
    assert merged == {"SAP-IC": {"ACCOUNT": "4000000002", "REASON": "BILL"}, "CRM_IC/MCM": {"FWDTYPE": "<&>"}}


async def test_zeep_understands_a_fault(peer: Peer, switchboard: Any, item: Items) -> None:
    switchboard.give("desk1", item())
    with pytest.raises(zeep.exceptions.Fault) as fault:
        await peer.call("IciPhoneCall", "hold", itemId="call-1")
    assert fault.value.message.startswith("Operation hold not allowed in state ")
    assert fault.value.code == "soap:Client"
    assert fault.value.detail.findtext("iciError/code") == "ICI-STATE"


def test_zeep_serialises_the_callback_as_we_do(dialect: Dialect, tmp_path: Path, item: Items) -> None:
    description = tmp_path / "IciEvent.wsdl"
    description.write_bytes(wsdl.describe(dialect, dialect.services["IciEvent"], "http://127.0.0.1/event"))
    client = zeep.Client(str(description))
    operations = client.wsdl.bindings["{urn:IciEventInterface}IciEventBinding"]._operations
    assert list(operations) == list(dialect.services["IciEvent"].operations)
    message = client.create_message(
        client.service,
        "subscriptionEnded",
        appIds={"item": ["A", "B"]},
        reason={"id": "superseded", "description": "x"},
        _soapheaders={"userId": "desk1"},
    )
    body = message.find("{*}Body")[0]
    assert etree.QName(body).namespace == "urn:IciEventInterface"
    assert [child.text for child in body.find("appIds")] == ["A", "B"]
    assert body.findtext("reason/id") == "superseded"


@pytest.mark.parametrize("name", ["IciSystem", "IciUser", "IciItem", "IciPhoneCall", "IciMonitor", "IciEvent"])
async def test_every_description_is_honest_and_follows_the_host(name: str, base: str, http: Any) -> None:
    async with http.get(f"{base}/{name}?WSDL", headers={"Host": "ici.example.test:8443"}) as response:
        assert response.status == 200
        root = etree.fromstring(await response.read())
    soap = "{http://schemas.xmlsoap.org/wsdl/soap/}"
    assert "unverified" in (root.findtext("{*}documentation") or "")
    assert root.find(f".//{soap}address").get("location") == f"http://ici.example.test:8443/ici/{name}"
    headers = root.findall(f".//{{*}}binding/{{*}}operation/{{*}}input/{soap}header")
    assert len(headers) == len(root.findall("{*}portType/{*}operation")) > 0
    assert all("Reconstructed" in (each.text or "") for each in root.findall(".//{*}portType/*/{*}documentation"))


async def test_a_host_header_that_is_no_host_is_not_repeated(base: str, http: Any) -> None:
    async with http.get(f"{base}/IciUser?wsdl", headers={"Host": 'evil"><x'}) as response:
        assert "evil" not in await response.text()
    assert wsdl.address("http", "a/b@c", "127.0.0.1:80", "/ici/X") == "http://127.0.0.1:80/ici/X"
    assert wsdl.address("https", "[::1]:80", "", "/ici/X") == "https://[::1]:80/ici/X"


async def test_zeep_drives_the_second_dialect_with_other_names_style_and_codes(
    switchboard: Any, sender: EventSender, settings: Any, serve: Any, callback: Any, item: Items
) -> None:
    app = web.Application()
    IciEndpoint(switchboard, sender, settings, load("abap")).add_to(app)
    peer = Peer(f"{await serve(app)}/ici", "desk1", header="USERID")
    key = {"APP_URL": callback.url, "APP_ID": "Z1", "USER_ID": "desk1"}
    assert await peer.call("USER", "subscribe", **key, WORKCENTER_ID="", CHANNELS={"ITEM": ["x"]}) == "ok"
    assert await peer.call("USER", "subscribe", **key, WORKCENTER_ID="") == "ok"
    assert await peer.call("USER", "set_current_workmode", USER_ID="desk1", WORKMODE_ID="2") == "ok"
    user = await peer.call("USER", "get_attributes", USER_ID="desk1")
    assert (user["WORKMODE"]["ID"], user["PRESENCE"], user["QUEUES"]) == ("2", "A", {"ITEM": ["general"]})
    switchboard.give("desk1", item(status="connected"))
    document = attached_data.build("NOTES", {"TEXT": "<&>"})
    assert await peer.call("ITEM", "set_iad", ITEM_ID="call-1", ATTACHED_DATA=document) == "ok"
    assert attached_data.read(await peer.call("ITEM", "get_iad", ITEM_ID="call-1"))["NOTES"] == {"TEXT": "<&>"}
    call = await peer.call("ITEM", "get_properties", ITEM_ID="call-1")
    assert (call["PROCESSING_STATUS"]["ID"], call["DIRECTION"]) == ("3", "I")
    peer.transport.session.close()


def test_a_dialect_is_loaded_once() -> None:
    assert load("default") is load("default")
