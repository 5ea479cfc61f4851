"""A call that takes the place of another. RFC 3891."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ivr.errors import LocalProtocolError
from ivr.sip.events import IncomingCall
from ivr.sip.message import decode
from ivr.sip.replaces import Replaces

Make = Callable[..., str]


def replacing(answered: Any, extra: str = "", call_id: str = "c1@192.0.2.1") -> str:
    return f"Require: replaces\nReplaces: {call_id};to-tag={answered.to_tag};from-tag=a1{extra}"


def ask(peer: Any, make_request: Make, headers: str) -> Any:
    return peer.says(
        make_request("INVITE", branch="z9hG4bK-2", call_id="c2", from_tag="b1", body="v=0", headers=headers)
    )


def test_the_call_to_be_replaced_is_named(peer: Any, answered: Any, make_request: Make) -> None:
    ask(peer, make_request, replacing(answered))
    incoming = peer.event(IncomingCall)
    assert (incoming.leg, incoming.replaces, peer.statuses) == ("in-2", answered.leg, [100])


def test_whoever_may_have_the_place_answers_and_hangs_up(peer: Any, answered: Any, make_request: Make) -> None:
    """RFC 3891 section 3: the old call gets a BYE once the new one is accepted."""
    ask(peer, make_request, replacing(answered))
    peer.got(
        [
            *peer.user_agent.answer("in-2", b"v=0 new", peer.now),
            *peer.user_agent.hang_up(answered.leg, peer.now),
        ]
    )
    assert (peer.statuses, peer.methods) == ([200], ["BYE"])
    assert peer.request.call_id == "c1@192.0.2.1"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Replaces: c9;to-tag={tag};from-tag=a1", 481),
        ("Replaces: c1@192.0.2.1;to-tag=other;from-tag=a1", 481),
        ("Replaces: c1@192.0.2.1;to-tag={tag};from-tag=other", 481),
        ("Replaces: c1@192.0.2.1;to-tag=a1;from-tag={tag}", 481),
        ("Replaces: c1@192.0.2.1;to-tag={tag};from-tag=a1;early-only", 486),
        ("Replaces: c1@192.0.2.1;to-tag={tag}", 400),
        ("Replaces: ;to-tag={tag};from-tag=a1", 400),
        ("Replaces: c1@192.0.2.1;to-tag={tag};from-tag=a1\nReplaces: c2;to-tag=1;from-tag=2", 400),
        ("Replaces: c1@192.0.2.1;to-tag={tag};from-tag=a1, c2;to-tag=1;from-tag=2", 400),
    ],
)
def test_a_place_that_is_not_there_is_refused(
    peer: Any, answered: Any, make_request: Make, headers: str, status: int
) -> None:
    ask(peer, make_request, headers.format(tag=answered.to_tag))
    assert (peer.statuses, peer.events) == ([status], [])
    assert peer.user_agent.legs == [answered.leg]


def test_a_call_that_is_being_ended_is_not_replaced(peer: Any, answered: Any, make_request: Make) -> None:
    peer.got(peer.user_agent.hang_up(answered.leg, peer.now))
    assert ask(peer, make_request, replacing(answered)).statuses == [603]


def test_a_call_that_rings_here_is_not_taken_away(peer: Any, make_request: Make) -> None:
    peer.says(make_request("INVITE", body="v=0"))
    peer.got(peer.user_agent.ring("in-1", peer.now))
    headers = f"Replaces: c1@192.0.2.1;to-tag={peer.response.to_tag};from-tag=a1"
    assert ask(peer, make_request, headers).statuses == [481]


@pytest.mark.parametrize("early_only", ["", ";early-only"])
def test_a_call_of_ours_that_rings_may_be_picked_up(peer: Any, make_request: Make, early_only: str) -> None:
    """RFC 3891 section 7.1."""
    user_agent = peer.user_agent
    outputs = user_agent.invite(
        "out", "sip:desk@192.0.2.1", b"v=0", peer.flow, peer.now, caller_uri="sip:ivr@192.0.2.2"
    )
    invite = peer.got(outputs).request
    ringing = decode(invite.encode().replace(invite.start_line.encode(), b"SIP/2.0 180 Ringing", 1))
    ringing.headers.set("To", "<sip:desk@192.0.2.1>;tag=d1")
    peer.says(ringing.encode())
    ask(peer, make_request, f"Replaces: {invite.call_id};to-tag={invite.from_tag};from-tag=d1{early_only}")
    assert peer.event(IncomingCall).replaces == "out"


def test_only_an_invite_replaces(peer: Any, make_request: Make) -> None:
    assert peer.says(make_request("OPTIONS", headers="Replaces: a;to-tag=b;from-tag=c")).statuses == [400]


def test_a_call_of_ours_may_take_a_place(peer: Any) -> None:
    outputs = peer.user_agent.invite(
        "out",
        "sip:bob@192.0.2.1",
        b"v=0",
        peer.flow,
        peer.now,
        caller_uri="sip:ivr@192.0.2.2",
        replaces="c7@h;from-tag=2;to-tag=1;early-only",
    )
    invite = peer.got(outputs).request
    assert invite.headers["Replaces"] == "c7@h;to-tag=1;from-tag=2;early-only"
    assert invite.tokens("Require") == ["replaces"]


def test_a_place_that_is_none_is_our_own_fault(peer: Any) -> None:
    with pytest.raises(LocalProtocolError, match="needs a Call-ID, to-tag and from-tag"):
        peer.user_agent.invite(
            "out", "sip:b@192.0.2.1", b"v=0", peer.flow, peer.now, caller_uri="sip:i@h", replaces="c7"
        )


def test_what_is_written_is_read_back() -> None:
    for replaces in (Replaces("a@b", "1", "2"), Replaces("a@b", "1", "2", early_only=True)):
        assert Replaces.parse(replaces.encode()) == replaces
