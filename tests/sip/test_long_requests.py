"""Requests too long for a datagram, connections, and addresses that promise TLS. RFC 3261 sections 18 and 26."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sip.answers import CONTACT, answer, dial

from ivr.errors import IvrError, LocalProtocolError
from ivr.sip.address import SipAddress, parse_sip_address
from ivr.sip.events import (
    NO_CONNECTION,
    CallAccepted,
    CallRefused,
    Flow,
    IncomingCall,
    SendBytes,
    UserAgentSettings,
)
from ivr.sip.message import decode
from ivr.sip.user_agent import UserAgent

Make = Callable[..., str]
LONG = [("X-Data", "x" * 1300)]


@pytest.fixture
def switching(make_peer: Any) -> Any:
    return make_peer(UserAgent(UserAgentSettings(switch_to_tcp=True), rng=random.Random(7)))


def test_a_long_request_goes_over_tcp_and_the_call_goes_on_over_udp(switching: Any) -> None:
    peer = switching
    invite = dial(peer, headers=LONG)
    assert peer.sends[0].flow == replace(peer.flow, transport="tcp")
    assert invite.top_via.text.startswith("SIP/2.0/TCP 192.0.2.2:5060;branch=z9hG4bK")
    assert invite.headers["Contact"] == "<sip:ivr@192.0.2.2:5060>"
    assert peer.waits(20).sent == [], "what goes over TCP is not repeated"
    udp, peer.flow = peer.flow, replace(peer.flow, transport="tcp", connection=4)
    peer.says(answer(invite, 200, CONTACT, body=b"v=0"))
    assert peer.event(CallAccepted)
    assert [send.flow for send in peer.sends] == [replace(udp, remote=("192.0.2.1", 5077))]
    assert peer.request.top_via.transport == "UDP"


def test_a_peer_without_tcp_gets_it_over_udp_and_the_next_one_at_once(switching: Any) -> None:
    peer = switching
    first = dial(peer, headers=LONG)
    over_tcp = peer.sends[0].flow
    again = peer.got(peer.user_agent.connection_lost(over_tcp, peer.now)).request
    assert (peer.events, peer.sends[0].flow) == ([], peer.flow)
    assert again.top_via.text.startswith("SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK")
    assert again.top_via.branch != first.top_via.branch
    assert (again.call_id, again.cseq, again.headers["X-Data"]) == (
        first.call_id,
        first.cseq,
        first.headers["X-Data"],
    )
    assert peer.waits(0.6).methods == ["INVITE"], "over UDP it is repeated"
    peer.says(answer(again, 486))
    assert peer.events == [CallRefused("out", 486, "Phrase")]
    dial(peer, headers=LONG)
    assert peer.sends[0].flow == peer.flow
    peer.says(answer(peer.request, 486))
    peer.waits(601)
    dial(peer, headers=LONG)
    assert peer.sends[0].flow.transport == "tcp"


def test_a_connection_that_dies_after_it_carried_an_answer_fails_the_call(switching: Any) -> None:
    peer = switching
    invite = dial(peer, headers=LONG)
    peer.flow = replace(peer.flow, transport="tcp", connection=4)
    peer.says(answer(invite, 180))
    peer.got(peer.user_agent.connection_lost(peer.flow, peer.now))
    assert (peer.sent, peer.events) == ([], [CallRefused("out", 503, NO_CONNECTION)])


@pytest.mark.parametrize(("size", "transport"), [(300, "udp"), (1000, "tcp")])
def test_thirteen_hundred_octets_are_the_limit(switching: Any, size: int, transport: str) -> None:
    dial(switching, headers=[("X-Data", "x" * size)])
    assert switching.sends[0].flow.transport == transport
    assert (len(switching.sends[0].data) > 1300) == (transport == "tcp")


def test_who_does_not_listen_on_tcp_does_not_switch_to_it(peer: Any) -> None:
    dial(peer, headers=LONG)
    assert peer.sends[0].flow == peer.flow


def test_nine_thousand_octets_over_tcp_are_one_call(tcp_peer: Any, make_request: Make) -> None:
    headers = "\n".join(f"X-Data-{number}: {'y' * 200}" for number in range(40))
    tcp_peer.says(make_request("INVITE", body="v=0", headers=headers, via="SIP/2.0/TCP 192.0.2.1:5060"))
    assert tcp_peer.event(IncomingCall).offer == b"v=0"


# --- TLS


@pytest.fixture
def tls_peer(peer: Any) -> Any:
    peer.flow = Flow("tls", ("192.0.2.2", 5061), ("192.0.2.1", 41000), 9)
    return peer


def test_a_call_by_tls_is_answered_over_its_connection(tls_peer: Any, make_request: Make) -> None:
    peer = tls_peer
    peer.says(make_request("INVITE", body="v=0", via="SIP/2.0/TLS 192.0.2.1:5061"))
    leg = peer.event(IncomingCall).leg
    accepted = peer.got(peer.user_agent.answer(leg, b"v=0", peer.now)).response
    assert {send.flow for send in peer.sends} == {peer.flow}
    assert accepted.headers["Contact"] == "<sip:100@192.0.2.2:5061;transport=tls>"
    assert peer.waits(10).statuses == [200] * 4, "a 2xx is repeated over any transport"
    peer.says(make_request("ACK", branch="z9hG4bK-ack", to_tag=accepted.to_tag))
    bye = peer.got(peer.user_agent.hang_up(leg, peer.now)).request
    assert (peer.sends[0].flow, bye.top_via.transport) == (peer.flow, "TLS")


def test_a_sips_address_is_taken_over_tls_alone_and_answered_with_one(
    tls_peer: Any, make_peer: Any, make_request: Make
) -> None:
    invite = make_request("INVITE", body="v=0", uri="sips:100@192.0.2.2", via="SIP/2.0/TLS 192.0.2.1:5061")
    options = make_request("OPTIONS", uri="sips:100@192.0.2.2", call_id="c2", via="SIP/2.0/TLS 192.0.2.1:5061")
    assert tls_peer.says(options).response.headers["Contact"] == "<sips:100@192.0.2.2:5061>"
    leg = tls_peer.says(invite).event(IncomingCall).leg
    ringing = tls_peer.got(tls_peer.user_agent.ring(leg, tls_peer.now)).response
    assert ringing.headers["Contact"] == "<sips:100@192.0.2.2:5061>"
    for transport, connection in (("udp", 0), ("tcp", 5)):
        plain = make_peer(UserAgent(UserAgentSettings(), rng=random.Random(7)))
        plain.flow = Flow(transport, ("192.0.2.2", 5060), ("192.0.2.1", 5060), connection)
        assert plain.says(invite).statuses == [416]


def test_we_call_a_sips_address_over_tls_alone(tls_peer: Any) -> None:
    peer = tls_peer
    with pytest.raises(LocalProtocolError, match="TLS only, not udp"):
        peer.user_agent.invite(
            "x", "sips:a@192.0.2.1", b"v=0", replace(peer.flow, transport="udp"), 0.0, caller_uri="sip:b@192.0.2.2"
        )
    flow = Flow("tls", ("192.0.2.2", 5061), ("192.0.2.1", 5061), host="pbx.example.net")
    (sent,) = peer.user_agent.invite("x", "sips:a@192.0.2.1", b"v=0", flow, 0.0, caller_uri="sip:b@192.0.2.2")
    assert sent.flow == flow
    assert decode(sent.data).headers["Contact"] == "<sips:b@192.0.2.2:5061>"


def test_a_tls_call_whose_connection_is_lost_opens_another_of_the_same_kind(tls_peer: Any) -> None:
    peer = tls_peer
    peer.flow = replace(peer.flow, host="pbx.example.net")
    peer.says(answer(dial(peer), 200, "Contact: <sip:desk@192.0.2.1:5077;transport=tls>", body=b"v=0"))
    peer.got(peer.user_agent.connection_lost(replace(peer.flow, transport="tcp"), peer.now))
    peer.got(peer.user_agent.connection_lost(peer.flow, peer.now))
    (bye,) = peer.user_agent.hang_up("out", peer.now)
    assert isinstance(bye, SendBytes)
    assert bye.flow == Flow("tls", peer.flow.local, ("192.0.2.1", 5077), 0, "pbx.example.net")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("sip:a@pbx", SipAddress("a", "pbx", 5060, "udp")),
        ("sip:a@pbx;transport=TCP", SipAddress("a", "pbx", 5060, "tcp")),
        ("sip:a@pbx;transport=tls", SipAddress("a", "pbx", 5061, "tls")),
        ("sips:a@[2001:db8::1]", SipAddress("a", "2001:db8::1", 5061, "tls")),
        ("sips:a@pbx:5070;transport=tcp", SipAddress("a", "pbx", 5070, "tls")),
    ],
)
def test_addresses_say_how_they_are_reached(text: str, address: SipAddress) -> None:
    assert parse_sip_address(text) == address


@pytest.mark.parametrize("text", ["sip:a@pbx;transport=sctp", "tel:+1555", "pbx"])
def test_addresses_that_cannot_be_reached_say_what_could(text: str) -> None:
    with pytest.raises(IvrError, match=r"tls is needed|sips: address is needed|write sip:user@host"):
        parse_sip_address(text)
