"""User-to-User, Diversion and History-Info: what others say about a call, read with care."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ivr.sip.diversion import Diversion
from ivr.sip.events import IncomingCall
from ivr.sip.user_to_user import MAX_DATA, UserToUser, read_user_to_user

Make = Callable[..., str]


@pytest.mark.parametrize(
    ("text", "data", "purpose", "content"),
    [
        ("56a390f3d2b7310023a2;encoding=hex;purpose=foo;content=bar", "56a390f3d2b7310023a2", "foo", "bar"),
        ("56A390F3D2B7310023A2;Encoding=HEX", "56a390f3d2b7310023a2", "", ""),
        ("00c81030", "00c81030", "", ""),
        ('"72616e64;6f6d";content=x', b"72616e64;6f6d".hex(), "", "x"),
        ("order-4711", b"order-4711".hex(), "", ""),
        ("abc", b"abc".hex(), "", ""),
    ],
)
def test_a_value_is_read_as_its_sender_meant_it(text: str, data: str, purpose: str, content: str) -> None:
    assert UserToUser.parse(text) == UserToUser(bytes.fromhex(data), purpose, content)


@pytest.mark.parametrize(
    "text", ["", ";encoding=hex", "zz;encoding=hex", "616;encoding=hex", "61;encoding=base64"]
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        UserToUser.parse(text)
    assert read_user_to_user([text]) == ()


def test_what_is_written_is_read_back() -> None:
    value = UserToUser('Grüße, 9 %;"'.encode(), "x-ivr", "text")
    assert UserToUser.parse(value.encode()) == value
    assert (value.text, UserToUser(b"\xff\x00").text, UserToUser(b"a\nb").text) == (
        'Grüße, 9 %;"',
        "ff00",
        "610a62",
    )


def test_a_parameter_that_would_break_the_header_is_not_written() -> None:
    with pytest.raises(ValueError, match="purpose must be a token"):
        UserToUser(b"x", purpose="a;b").encode()


def test_one_bad_value_and_a_flood_of_values_cost_nothing() -> None:
    assert [value.data for value in read_user_to_user(["61;encoding=hex, zz;encoding=hex", "62"])] == [b"a", b"b"]
    assert len(read_user_to_user(["61, " * 1000])) == 8
    assert read_user_to_user(["61" * (MAX_DATA + 1)]) == ()


def test_a_call_brings_its_user_to_user_information(peer: Any, make_request: Make) -> None:
    peer.says(make_request("INVITE", body="v=0", headers="User-to-User: 7469636b6574;encoding=hex;content=id"))
    assert peer.event(IncomingCall).user_to_user == (UserToUser(b"ticket", content="id"),)


TWICE_DIVERTED = (
    "Diversion: <sip:+15550123@pbx.example;user=phone>;reason=no-answer;counter=1, "
    '"Desk" <tel:+15550100>;reason=User-Busy'
)
HISTORY = (
    "History-Info: <sip:+15550100@pbx.example>;index=1, "
    "<sip:+15550123@pbx.example;cause=486>;index=1.1;mp=1, <sip:ivr@192.0.2.2;cause=408>;index=1.1.1"
)


@pytest.mark.parametrize("header", [TWICE_DIVERTED, HISTORY, f"{TWICE_DIVERTED}\nHistory-Info: <sip:x@y>;index=1"])
def test_a_trusted_trunk_tells_for_whom_a_call_was_meant(peer: Any, make_request: Make, header: str) -> None:
    diversions = peer.says(make_request("INVITE", body="v=0", headers=header)).event(IncomingCall).diversions
    assert [(one.number, one.reason) for one in diversions] == [
        ("+15550123", "no-answer"),
        ("+15550100", "user-busy"),
    ]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Diversion: <sip:anonymous@anonymous.invalid>", [("anonymous", "unknown")]),
        ("Diversion: <sip:broken", []),
        ("History-Info: <sip:a@b>;index=1, <sip:c@d>;index=1.1", []),
        ("History-Info: <sip:a@b>;index=1, <sip:c@d;cause=999>;index=1.1", [("a", "unknown")]),
        ("History-Info: nonsense", []),
    ],
)
def test_an_odd_diversion_does_no_harm(peer: Any, make_request: Make, header: str, expected: list[Any]) -> None:
    diversions = peer.says(make_request("INVITE", body="v=0", headers=header)).event(IncomingCall).diversions
    assert [(one.number, one.reason) for one in diversions] == expected


def test_a_stranger_is_not_believed(make_peer: Any, make_request: Make) -> None:
    from ivr.sip.events import UserAgentSettings
    from ivr.sip.user_agent import UserAgent

    stranger = make_peer(UserAgent(UserAgentSettings(trunks=frozenset({"192.0.2.99"}))))
    stranger.says(make_request("INVITE", body="v=0", headers=TWICE_DIVERTED))
    assert stranger.event(IncomingCall).diversions == ()


def test_a_flood_of_diversions_is_cut(peer: Any, make_request: Make) -> None:
    header = "Diversion: " + ", ".join(f"<sip:{n}@x>" for n in range(500))
    diversions = peer.says(make_request("INVITE", body="v=0", headers=header)).event(IncomingCall).diversions
    assert len(diversions) == 20
    assert diversions[0] == Diversion("0", "sip:0@x", "unknown")
