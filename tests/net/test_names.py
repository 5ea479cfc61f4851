"""The domain name system, asked over loopback."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import dns.message
import dns.rcode
import dns.rrset
import pytest
import pytest_asyncio

from ivr.net.names import Names

ZONE = {
    ("pbx.example.", "NAPTR"): [
        '10 20 "s" "SIP+D2U" "" _sip._udp.pbx.example.',
        '5 10 "u" "E2U+sip" "!^.*$!sip:x@y!" .',
        '10 10 "S" "SIPS+D2T" "" _sips._tcp.pbx.example.',
    ],
    ("_sip._udp.pbx.example.", "SRV"): ["1 10 5070 one.pbx.example.", "2 0 5060 192.0.2.7."],
    ("_sip._udp.closed.example.", "SRV"): ["0 0 0 ."],
}


class NameServer(asyncio.DatagramProtocol):
    """Answers from `ZONE`."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.silent = False
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        key = (question.name.to_text(), str(question.rdtype.name))
        self.asked.append(key)
        if self.silent:
            return
        response = dns.message.make_response(query)
        if key in ZONE:
            response.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", question.rdtype, ZONE[key]))
        elif not any(name == key[0] for name, _ in ZONE):
            response.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(response.to_wire(), addr)

    @property
    def names(self) -> Names:
        return Names([self.transport.get_extra_info("sockname")[:2]])


@pytest_asyncio.fixture
async def server() -> AsyncIterator[NameServer]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    yield server
    transport.close()


async def test_naptr_records_that_lead_to_srv_are_read(server: NameServer) -> None:
    assert sorted(await server.names.naptr("pbx.example")) == [
        (10, 10, "SIPS+D2T", "_sips._tcp.pbx.example"),
        (10, 20, "SIP+D2U", "_sip._udp.pbx.example"),
    ]


async def test_srv_records_are_read_and_a_dot_stays_one(server: NameServer) -> None:
    names = server.names
    assert sorted(await names.srv("_sip._udp.pbx.example")) == [
        (1, 10, 5070, "one.pbx.example"),
        (2, 0, 5060, "192.0.2.7"),
    ]
    assert await names.srv("_sip._udp.closed.example") == [(0, 0, 0, ".")]


async def test_a_name_without_such_records_and_no_name_at_all_are_no_error(server: NameServer) -> None:
    assert await server.names.srv("pbx.example") == []
    assert await server.names.naptr("nowhere.example") == []
    assert await server.names.naptr("a" * 80 + ".example") == [], "a label that is too long is asked of nobody"


async def test_an_answer_is_kept_as_long_as_it_says(server: NameServer) -> None:
    names = server.names
    for _ in range(3):
        await names.srv("_sip._udp.pbx.example")
    assert server.asked == [("_sip._udp.pbx.example.", "SRV")]


async def test_silent_name_servers_are_not_asked_for_each_record(
    server: NameServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ivr.net.names.LIFETIME", 0.1)
    server.silent = True
    names = server.names
    with caplog.at_level(logging.WARNING):
        assert await names.naptr("pbx.example") == []
    assert "name_servers_silent" in caplog.text
    asked = len(server.asked)
    assert await names.srv("_sip._udp.pbx.example") == []
    assert len(server.asked) == asked


async def test_addresses_are_the_machines_own(server: NameServer) -> None:
    assert (await server.names.addresses("localhost"))[0] == "127.0.0.1"
    assert server.asked == []
    assert await server.names.addresses("a..b") == []
