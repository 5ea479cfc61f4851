"""What the endpoint says to those who knock at the wrong door, and what it does not swallow in silence."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from ivr.config.settings import IciSettings
from ivr.ici import envelope
from ivr.ici.client_http import basic
from ivr.ici.dialect import load
from ivr.ici.endpoint import IciEndpoint
from ivr.ici.endpoint_access import Unauthorised, authorise
from ivr.ici.endpoint_listing import UNSERVED, no_service, page
from ivr.ici.switchboard import PhoneCallItem

XML = {"Content-Type": "text/xml; charset=utf-8"}
Items = Callable[..., PhoneCallItem]


def soap(operation: str, inner: str = "", user: str = "desk1") -> bytes:
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>'
        f'<u:userId xmlns:u="urn:IciHeader">{user}</u:userId></s:Header><s:Body>'
        f'<n:{operation} xmlns:n="urn:x">{inner}</n:{operation}></s:Body></s:Envelope>'
    ).encode()


@pytest.fixture
def talking(switchboard: Any, item: Items) -> Any:
    switchboard.give("desk1", item(status="connected"))
    return switchboard


# --- addresses without a service ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "path", "said"),
    [
        ("default", "IciChat", "the service IciChat is not supported: telephone calls only, no mail, chat"),
        ("abap", "CHAT", "the service CHAT is not supported: telephone calls only"),
        ("abap", "IciUser", "the service IciUser is called USER in the dialect abap"),
        ("default", "PHONE_CALL", "the service IciPhoneCall is called IciPhoneCall in the dialect default"),
        ("default", "nonsense", "there is no service 'nonsense'"),
        ("default", "", "this is the address of all services, not of one"),
    ],
)
def test_who_posts_where_no_service_is_hears_what_is_wrong_and_which_there_are(
    dialect: str, path: str, said: str
) -> None:
    refusal = no_service(load(dialect), path)
    assert refusal.code == "ICI-NOT-SUPPORTED"
    assert str(refusal).startswith(said)
    user = {"default": "IciUser", "abap": "USER"}[dialect]
    assert f"; there are, in the dialect {dialect}: " in str(refusal)
    assert user in str(refusal).partition("there are")[2]


def test_no_service_that_is_served_is_said_to_be_unserved() -> None:
    assert not set(UNSERVED) & set(load("default").services)


async def test_a_post_beside_the_services_gets_a_soap_fault_and_is_counted(
    base: str, http: aiohttp.ClientSession, endpoint: IciEndpoint
) -> None:
    for address in (base, f"{base}/", f"{base}/IciChat", f"{base}/a/b"):
        async with http.post(address, data=soap("x"), headers=XML) as response:
            assert (response.status, response.content_type) == (500, "text/xml")
            assert "<code>ICI-NOT-SUPPORTED</code>" in await response.text()
    assert endpoint.outcomes == {"ICI-NOT-SUPPORTED": 4}


async def test_a_person_who_looks_there_gets_a_list_of_descriptions_that_work(
    base: str, http: aiohttp.ClientSession
) -> None:
    async with http.get(base) as response:
        assert (response.status, response.content_type) == (200, "text/plain")
        lines = [line.split()[0] for line in (await response.text()).splitlines()[1:]]
    assert [line.rpartition("/")[2] for line in lines] == [
        f"{one.spelling}?wsdl" for one in load("default").services.values()
    ]
    async with http.get(lines[1]) as response:
        assert response.status == 200
        assert "IciUserPortType" in await response.text()
    async with http.get(f"{base}/IciChat?wsdl") as response:
        assert response.status == 404
        assert (await response.text()).startswith("the service IciChat is not supported")
    assert "/ici/SYSTEM?wsdl" in page(load("abap"), "", "http://h/ici")


# --- parameters -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "inner", "said"),
    [
        ("hold", "<itemId>call-1</itemId><itemId>call-1</itemId>", "hold: itemId comes twice; needed is one"),
        ("hold", "<itemId><a>call-1</a></itemId>", "itemId has the element 'a' in it; needed is text"),
        ("hold", "<itemId>call-<b/>1</itemId>", "itemId has the element 'b' in it; needed is text"),
    ],
)
async def test_what_would_lose_something_in_silence_is_refused(
    base: str, http: aiohttp.ClientSession, talking: Any, operation: str, inner: str, said: str
) -> None:
    async with http.post(f"{base}/IciPhoneCall", data=soap(operation, inner), headers=XML) as response:
        text = await response.text()
    assert "<code>ICI-BAD-VALUE</code>" in text
    assert said in text
    assert talking.calls == []


async def test_a_document_that_is_not_escaped_is_refused_with_the_remedy(
    base: str, http: aiohttp.ClientSession, talking: Any
) -> None:
    inner = "<itemId>call-1</itemId><attachedData><ItemAttachedData/></attachedData>"
    async with http.post(f"{base}/IciItem", data=soap("setAttachedData", inner), headers=XML) as response:
        text = await response.text()
    assert "attachedData has the element 'ItemAttachedData' in it" in text
    assert "escaped once, or CDATA" in text


async def test_an_unknown_parameter_is_taken_and_told_of_once(
    base: str, http: aiohttp.ClientSession, talking: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(3):
        inner = "<itemId>call-1</itemId><licence>1</licence><licence>2</licence>"
        async with http.post(f"{base}/IciPhoneCall", data=soap("hold", inner), headers=XML) as response:
            assert response.status == 200
    told = [one.getMessage() for one in caplog.records if "unknown_parameter" in one.getMessage()]
    assert told == ["ici_unknown_parameter operation=hold parameter=licence"]


def test_of_an_answer_the_first_of_two_counts_and_elements_in_a_text_are_read() -> None:
    dialect = load("default")
    ping = dialect.services["IciSystem"].operations["ping"]
    raw = soap("pingResponse", "<response>o<b>k</b></response><response>no</response>")
    assert envelope.parse_answer(raw, dialect, ping) == {"response": "ok"}


# --- who speaks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shown", "status"), [("desk1", 200), ("desk2", 401), ("nobody", 401)])
async def test_credentials_of_somebody_else_are_refused_on_loopback_too(
    base: str, http: aiohttp.ClientSession, shown: str, status: int
) -> None:
    body = soap("getQueues", "<userId>desk1</userId>")
    headers = {**XML, "Authorization": basic(shown, "whatever")}
    async with http.post(f"{base}/IciUser", data=body, headers=headers) as response:
        assert response.status == status
        text = await response.text()
        assert ("ICI-AUTH" in text) is (status == 401)
        why = f"HTTP Basic names '{shown}', and the SOAP header names 'desk1'; needed is the same user in both"
        assert (why in text) is (status == 401)


@pytest.mark.parametrize("peer", ["127.0.0.1", "192.0.2.1"])
def test_who_shows_another_user_is_told_the_same_whether_the_one_he_names_exists_or_not(
    switchboard: Any, peer: str
) -> None:
    told = []
    for user in ("desk1", "guarded", "nobody"):
        with pytest.raises(Unauthorised) as refused:
            authorise(switchboard, user, peer=peer, authorization=basic("desk2", "x"))
        told.append(str(refused.value).replace(user, "USER"))
    assert (
        told == ["HTTP Basic names 'desk2', and the SOAP header names 'USER'; needed is the same user in both"] * 3
    )


@pytest.fixture
def settings() -> IciSettings:
    return IciSettings(post_timeout=0.5)
