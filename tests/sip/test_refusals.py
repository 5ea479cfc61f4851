"""Requests that are not processed, and the answer each of them gets."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from ivr.sip.events import Flow, IncomingCall, MessageDropped, SendBytes, UserAgentSettings
from ivr.sip.user_agent import UserAgent

Make = Callable[..., str]


@pytest.mark.parametrize(
    ("parts", "status", "header", "value"),
    [
        (
            {"method": "MESSAGE"},
            405,
            "Allow",
            "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER, NOTIFY, SUBSCRIBE, REGISTER",
        ),
        (
            {"method": "MESSAGE"},
            405,
            "Allow",
            "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER, NOTIFY, SUBSCRIBE, REGISTER",
        ),
        ({"method": "FROBNICATE"}, 501, "", ""),
        ({"method": "invite"}, 501, "", ""),
        ({"method": "OPTIONS", "uri": "http://192.0.2.2/"}, 416, "", ""),
        ({"method": "INVITE", "uri": "sips:100@192.0.2.2"}, 416, "", ""),
        ({"method": "OPTIONS", "uri": "sip:"}, 400, "", ""),
        (
            {"method": "INVITE", "headers": "Require: 100rel, outbound, replaces, timer, path"},
            420,
            "Unsupported",
            "outbound, path",
        ),
        (
            {"method": "OPTIONS", "headers": "Require: nothingSupportsThis"},
            420,
            "Unsupported",
            "nothingSupportsThis",
        ),
        (
            {"method": "INVITE", "headers": "Content-Type: text/plain", "body": "hi"},
            415,
            "Accept",
            "application/sdp",
        ),
        (
            {
                "method": "INVITE",
                "headers": "Content-Type: application/sdp\nContent-Encoding: gzip",
                "body": "v=0",
            },
            415,
            "Accept-Encoding",
            "identity",
        ),
        ({"method": "INVITE", "headers": "Accept: text/plain"}, 406, "", ""),
        ({"method": "INVITE", "contact": ""}, 400, "", ""),
        ({"method": "INVITE", "contact": "<nonsense>"}, 400, "", ""),
        ({"method": "INVITE", "headers": "Record-Route: <"}, 400, "", ""),
        ({"method": "BYE", "to_tag": "gone"}, 481, "", ""),
        ({"method": "INFO", "to_tag": "gone"}, 481, "", ""),
        ({"method": "INVITE", "to_tag": "gone"}, 481, "", ""),
        ({"method": "BYE"}, 481, "", ""),
    ],
)
def test_a_request_that_cannot_be_processed_gets_its_answer(
    peer: Any, make_request: Make, parts: dict[str, str], status: int, header: str, value: str
) -> None:
    peer.says(make_request(**parts))
    assert (peer.statuses, peer.events) == ([status], [])
    if header:
        assert peer.response.headers[header] == value
    assert peer.response.to_tag
    assert peer.user_agent.legs == []


def test_a_body_that_may_be_ignored_is(peer: Any, make_request: Make) -> None:
    headers = "Content-Type: text/x-card\nContent-Disposition: render; handling = optional"
    call = peer.says(make_request("INVITE", headers=headers, body="hi")).event(IncomingCall)
    assert call.offer == b""


def test_a_new_call_out_of_hops_gets_483_but_options_end_here_anyway(peer: Any, make_request: Make) -> None:
    for method, status in (("INVITE", 483), ("OPTIONS", 200)):
        text = make_request(method).replace("Max-Forwards: 70", "Max-Forwards: 0")
        assert peer.says(text).statuses == [status]


def test_options_tell_what_is_spoken(peer: Any, make_request: Make) -> None:
    response = peer.says(make_request("OPTIONS")).response
    assert response.status == 200
    assert response.tokens("Allow") == [
        "INVITE",
        "ACK",
        "CANCEL",
        "BYE",
        "OPTIONS",
        "INFO",
        "PRACK",
        "UPDATE",
        "REFER",
        "NOTIFY",
        "SUBSCRIBE",
        "REGISTER",
    ]
    assert "application/sdp" in response.tokens("Accept")
    assert response.tokens("Supported") == ["100rel", "timer", "replaces", "norefersub"]
    assert response.addresses("Contact")[0].uri == "sip:100@192.0.2.2:5060"


def test_the_same_request_by_two_ways_is_merged(peer: Any, make_request: Make) -> None:
    peer.says(make_request("INVITE", body="v=0", branch="z9hG4bK-one"))
    peer.says(make_request("INVITE", body="v=0", branch="z9hG4bK-two"))
    assert (peer.statuses, peer.events) == ([482], [])
    assert len(peer.user_agent.legs) == 1


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("CSeq: 1 OPTIONS", "CSeq: one OPTIONS", "CSeq"),
        ("CSeq: 1 OPTIONS", "CSeq: 1 INVITE", "CSeq says INVITE"),
        ("CSeq: 1 OPTIONS", "CSeq: 4294967296 OPTIONS", "CSeq 4294967296"),
        ("Call-ID: c1@192.0.2.1\n", "", "no Call-ID"),
        ("To: <sip:100@192.0.2.2>", "To: <sip:100@192.0.2.2", "brackets"),
        ("From: Alice <", 'From: "Alice <', "closing quote"),
        ("Max-Forwards: 70", "Max-Forwards: -1", "Max-Forwards"),
        ("Max-Forwards: 70", "Max-Forwards: 256", "256"),
        ("Max-Forwards: 70", "Nonsense", "no header"),
        ("Content-Length: 0", "Content-Length: 99", "99"),
        ("Content-Length: 0", "Content-Length: lots", "Content-Length"),
        ("Content-Length: 0", "Content-Length: 0\nTo: <sip:other@192.0.2.2>", "several different To"),
        ("OPTIONS sip:100@192.0.2.2 SIP", "OPTIONS sip:100@192.0.2.2; lr SIP", "white space"),
    ],
)
def test_nonsense_that_can_be_answered_gets_400_with_the_reason(
    peer: Any, make_request: Make, old: str, new: str, why: str
) -> None:
    text = make_request("OPTIONS")
    assert old in text
    (answer,) = peer.user_agent.receive(text.replace(old, new).encode(), peer.flow, peer.now)
    status_line, via, *_ = answer.data.decode().split("\r\n")
    assert status_line.startswith("SIP/2.0 400 Bad Request: ")
    assert why in status_line
    assert via == "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-OPTIONS-1"
    assert peer.user_agent.counters["malformed"] == 1
    assert peer.user_agent.transactions == 0


def test_another_version_of_sip_gets_505(peer: Any, make_request: Make) -> None:
    assert peer.says(make_request("OPTIONS").replace(" SIP/2.0\n", " SIP/7.0\n", 1)).statuses == [505]


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        b"OPTIONS sip:a@b SIP/2.0\r\n\r\n",
        b"OPTIONS sip:a@b SIP/2.0\r\nVia: nonsense\r\n\r\n",
        b"ACK sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>\r\nTo: <sip:a@b>\r\n"
        b"Call-ID: 1\r\nCSeq: 1 BYE\r\n\r\n",
        b"\x80" * 100,
        b"x" * 70_000,
    ],
)
def test_what_nobody_can_answer_is_dropped_and_counted(peer: Any, data: bytes) -> None:
    peer.says(data)
    assert peer.sent == []
    assert [type(event) for event in peer.events] == [MessageDropped]
    assert peer.user_agent.counters["dropped"] == 1


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\x00\x00\x00\x00"])
def test_keep_alive_datagrams_are_no_messages(peer: Any, data: bytes) -> None:
    assert peer.user_agent.receive(data, peer.flow, peer.now) == []
    assert set(peer.user_agent.counters.values()) == {0}
    assert {"dropped", "malformed"} <= peer.user_agent.counters.keys()


def test_beyond_the_limit_new_requests_get_503_and_live_calls_go_on(make_request: Make) -> None:
    user_agent = UserAgent(UserAgentSettings(max_transactions=2), rng=random.Random(1))
    flow = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))

    def say(text: str) -> list[bytes]:
        outputs = user_agent.receive(text.encode(), flow, 0.0)
        return [output.data for output in outputs if isinstance(output, SendBytes)]

    say(make_request("INVITE", body="v=0", branch="z9hG4bK-call"))
    say(make_request("OPTIONS", call_id="c2"))
    (refused,) = say(make_request("OPTIONS", call_id="c3", branch="z9hG4bK-3"))
    assert refused.startswith(b"SIP/2.0 503 ")
    assert b"Retry-After: 5\r\n" in refused
    assert say(make_request("OPTIONS", call_id="c3", branch="z9hG4bK-3")) == [refused]
    assert user_agent.counters["overloaded"] == 2
    (ok, terminated) = say(make_request("CANCEL", branch="z9hG4bK-call"))
    assert (ok[:11], terminated[:11]) == (b"SIP/2.0 200", b"SIP/2.0 487")
