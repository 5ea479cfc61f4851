"""What can happen inside a dialog: keys, re-INVITE, UPDATE, order of requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ivr.errors import LocalProtocolError
from ivr.sip.events import (
    CallConfirmed,
    CallEnded,
    Flow,
    IncomingCall,
    KeyInfo,
    SessionAnswered,
    SessionOffered,
    SessionRefused,
)

ANSWER = b"v=0\r\no=- 2 1 IN IP4 192.0.2.2\r\ns=-\r\n"
Make = Callable[..., str]


def response_to(request: Any, status: int, body: bytes = b"", headers: str = "") -> bytes:
    lines = [f"SIP/2.0 {status} Whatever"]
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        lines += [f"{name}: {value}" for value in request.headers.getlist(name)]
    lines += [headers] if headers else []
    lines += ["Content-Type: application/sdp"] if body else []
    return ("\r\n".join(lines) + f"\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


@pytest.mark.parametrize(
    ("content_type", "body", "key", "duration"),
    [
        ("application/dtmf-relay", "Signal=5\nDuration=160\n", "5", 160),
        ("application/dtmf-relay", "signal = *\nduration = 90", "*", 90),
        ("application/dtmf-relay", "Signal: #", "#", 100),
        ("application/dtmf-relay", "Signal=11\nDuration=99999999999", "#", 100),
        ("application/dtmf-relay", "Signal=d\nDuration=0", "D", 1),
        ("application/dtmf", "7", "7", 100),
        ("Application/DTMF ; x=y", " 10 ", "*", 100),
    ],
)
def test_an_info_with_a_key_is_answered_and_told(
    answered: Any, content_type: str, body: str, key: str, duration: int
) -> None:
    answered.says("INFO", 2, body=body, headers=f"Content-Type: {content_type}")
    assert answered.peer.statuses == [200]
    assert answered.peer.events == [KeyInfo(answered.leg, key, duration)]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ("", "", 200),
        ("Content-Type: application/dtmf-relay", "Signal=16", 200),
        ("Content-Type: application/dtmf-relay", "Signal=55", 400),
        ("Content-Type: application/dtmf-relay", "garbage", 400),
        ("Content-Type: text/plain", "5", 415),
        ("Info-Package: conference", "", 469),
    ],
)
def test_an_info_without_a_key_says_nothing_to_the_call(
    answered: Any, headers: str, body: str, status: int
) -> None:
    answered.says("INFO", 2, body=body, headers=headers)
    assert (answered.peer.statuses, answered.peer.events) == ([status], [])


def test_a_request_that_comes_out_of_order_gets_500(answered: Any) -> None:
    assert answered.says("INFO", 5).statuses == [200]
    assert answered.says("INFO", 4).statuses == [500]
    assert answered.says("INFO", 6).statuses == [200]


def test_a_reinvite_is_offered_accepted_and_repeated_until_its_ack(answered: Any) -> None:
    peer = answered.peer
    answered.says("INVITE", 2, body="v=0 hold", contact="<sip:alice@192.0.2.1:5090>")
    assert peer.statuses == [100]
    assert peer.events == [SessionOffered(answered.leg, b"v=0 hold")]
    accepted = peer.got(peer.user_agent.accept_offer(answered.leg, ANSWER, peer.now)).response
    assert (accepted.status, accepted.body) == (200, ANSWER)
    assert peer.waits(1.6).statuses == [200, 200]
    answered.says("ACK", 2, branch="z9hG4bK-ack2")
    assert (peer.events, peer.waits(60).sent) == ([], [])
    bye = peer.got(peer.user_agent.hang_up(answered.leg, peer.now)).request
    assert bye.uri == "sip:alice@192.0.2.1:5090"


def test_a_reinvite_without_ack_ends_the_call(answered: Any) -> None:
    peer = answered.peer
    answered.says("INVITE", 2, body="v=0 hold")
    peer.user_agent.accept_offer(answered.leg, ANSWER, peer.now)
    peer.waits(33)
    assert (peer.methods[:1], peer.events) == (["BYE"], [CallEnded(answered.leg, "failure", "no ACK")])


def test_a_reinvite_without_offer_makes_us_offer(answered: Any) -> None:
    peer = answered.peer
    assert answered.says("INVITE", 2).events == [SessionOffered(answered.leg, b"")]
    peer.user_agent.accept_offer(answered.leg, ANSWER, peer.now)
    answered.says("ACK", 2, branch="z9hG4bK-ack2", body="v=0 theirs")
    assert peer.events == [SessionAnswered(answered.leg, b"v=0 theirs")]


def test_a_second_offer_while_one_waits_gets_500_with_retry_after(answered: Any) -> None:
    answered.says("INVITE", 2, body="v=0 one")
    answered.says("INVITE", 3, body="v=0 two")
    assert answered.peer.statuses == [500]
    assert 0 <= int(answered.peer.response.headers["Retry-After"]) <= 10
    assert answered.peer.events == []


def test_an_offer_against_ours_gets_491(answered: Any) -> None:
    peer = answered.peer
    peer.got(peer.user_agent.offer(answered.leg, ANSWER, peer.now))
    assert peer.methods == ["INVITE"]
    assert answered.says("INVITE", 2, body="v=0 glare").statuses == [491]
    assert answered.says("UPDATE", 3, body="v=0 glare").statuses == [491]
    assert answered.says("UPDATE", 4).statuses == [200]


def test_a_refused_offer_leaves_the_call_as_it_was(answered: Any) -> None:
    peer = answered.peer
    answered.says("INVITE", 2, body="v=0 odd")
    assert peer.got(peer.user_agent.refuse_offer(answered.leg, 488, peer.now)).statuses == [488]
    answered.says("ACK", 2, branch="z9hG4bK-INVITE-2")
    assert peer.waits(60).sent == []
    assert peer.user_agent.legs == [answered.leg]


def test_a_reinvite_that_is_cancelled_gets_487_and_the_call_goes_on(answered: Any) -> None:
    answered.says("INVITE", 2, body="v=0 hold", branch="z9hG4bK-re")
    assert answered.says("CANCEL", 2, branch="z9hG4bK-re").statuses == [200, 487]
    assert answered.peer.user_agent.legs == [answered.leg]
    assert answered.says("INFO", 3).statuses == [200]


def test_a_bye_while_an_offer_waits_answers_both(answered: Any) -> None:
    answered.says("INVITE", 2, body="v=0 hold")
    assert answered.says("BYE", 3).statuses == [200, 487]
    assert answered.peer.events == [CallEnded(answered.leg, "remote", "BYE")]


def test_an_update_with_an_offer_is_answered_once(answered: Any) -> None:
    peer = answered.peer
    assert answered.says("UPDATE", 2, body="v=0 up").events == [SessionOffered(answered.leg, b"v=0 up")]
    accepted = peer.got(peer.user_agent.accept_offer(answered.leg, ANSWER, peer.now)).response
    assert (accepted.status, accepted.cseq.method, accepted.body) == (200, "UPDATE", ANSWER)
    assert peer.waits(60).sent == []


def test_an_update_before_the_answer_is_put_off(peer: Any, make_request: Make) -> None:
    leg = peer.says(make_request("INVITE", body="v=0")).event(IncomingCall).leg
    tag = peer.got(peer.user_agent.ring(leg, peer.now)).response.to_tag
    assert peer.says(make_request("UPDATE", cseq=2, to_tag=tag, body="v=0 up")).statuses == [500]


def test_a_reinvite_stands_for_an_ack_that_was_lost(peer: Any, make_request: Make) -> None:
    leg = peer.says(make_request("INVITE", body="v=0")).event(IncomingCall).leg
    tag = peer.got(peer.user_agent.answer(leg, ANSWER, peer.now)).response.to_tag
    peer.says(make_request("INVITE", cseq=2, to_tag=tag, body="v=0 hold"))
    assert peer.events == [CallConfirmed(leg), SessionOffered(leg, b"v=0 hold")]


def test_our_offer_is_acknowledged_and_its_answer_told(answered: Any) -> None:
    peer = answered.peer
    invite = peer.got(peer.user_agent.offer(answered.leg, b"v=0 ours", peer.now)).request
    assert (invite.body, invite.content_type) == (b"v=0 ours", "application/sdp")
    with pytest.raises(LocalProtocolError, match="another offer under way"):
        peer.user_agent.offer(answered.leg, b"v=0", peer.now)
    accepted = response_to(invite, 200, b"v=0 theirs", "Contact: <sip:alice@192.0.2.1:5091>")
    peer.says(accepted)
    assert (peer.request.method, peer.request.uri) == ("ACK", "sip:alice@192.0.2.1:5091")
    assert peer.request.cseq.sequence == invite.cseq.sequence
    assert peer.events == [SessionAnswered(answered.leg, b"v=0 theirs")]
    peer.says(accepted)
    assert (peer.methods, peer.events) == (["ACK"], [])


def test_our_offer_is_made_again_after_glare(answered: Any) -> None:
    peer = answered.peer
    invite = peer.got(peer.user_agent.offer(answered.leg, b"v=0 ours", peer.now)).request
    peer.says(response_to(invite, 491))
    assert (peer.methods, peer.events) == (["ACK"], [])
    again = peer.waits(2.1).request
    assert (again.method, again.body) == ("INVITE", b"v=0 ours")
    assert again.cseq.sequence == invite.cseq.sequence + 1
    peer.says(response_to(again, 488))
    assert peer.events == [SessionRefused(answered.leg, 488, "Whatever")]
    assert peer.user_agent.legs == [answered.leg]


@pytest.mark.parametrize("status", [408, 481])
def test_an_offer_to_a_peer_who_has_forgotten_the_call_ends_it(answered: Any, status: int) -> None:
    peer = answered.peer
    invite = peer.got(peer.user_agent.offer(answered.leg, b"v=0 ours", peer.now)).request
    peer.says(response_to(invite, status))
    assert peer.methods == ["ACK", "BYE"]
    assert peer.events == [CallEnded(answered.leg, "failure", f"re-INVITE answered with {status}")]


def test_an_offer_nobody_answers_ends_the_call(answered: Any) -> None:
    peer = answered.peer
    peer.user_agent.offer(answered.leg, b"v=0 ours", peer.now)
    peer.waits(33)
    assert peer.events == [CallEnded(answered.leg, "failure", "re-INVITE not answered")]


def test_options_inside_a_call_are_answered_and_do_not_disturb_it(answered: Any) -> None:
    answered.says("OPTIONS", 2)
    assert answered.peer.statuses == [200]
    assert "INVITE" in answered.peer.response.tokens("Allow")
    assert answered.peer.user_agent.legs == [answered.leg]


def test_a_request_with_another_tag_belongs_to_no_call(answered: Any) -> None:
    assert answered.says("INFO", 2, from_tag="b2").statuses == [481]


def test_while_our_bye_is_under_way_other_requests_get_481(answered: Any) -> None:
    peer = answered.peer
    peer.user_agent.hang_up(answered.leg, peer.now)
    for cseq, method in enumerate(("INFO", "INVITE", "UPDATE"), start=2):
        assert (answered.says(method, cseq).statuses, peer.events) == ([481], [])


def test_a_call_over_ipv6_puts_addresses_in_brackets(peer: Any, make_request: Make) -> None:
    peer.flow = Flow("udp", ("2001:db8::2", 5060), ("2001:db8::1", 5066))
    invite = make_request(
        "INVITE", body="v=0", via="SIP/2.0/UDP [2001:DB8:0::1]:5066", contact="<sip:alice@[2001:db8::1]:5067>"
    )
    leg = peer.says(invite).event(IncomingCall).leg
    accepted = peer.got(peer.user_agent.answer(leg, ANSWER, peer.now)).response
    assert accepted.addresses("Contact")[0].uri == "sip:100@[2001:db8::2]:5060"
    assert "received" not in accepted.top_via.parameters
    peer.says(make_request("ACK", branch="z9hG4bK-ack", to_tag=accepted.to_tag))
    bye = peer.got(peer.user_agent.hang_up(leg, peer.now)).request
    assert bye.top_via.text.startswith("SIP/2.0/UDP [2001:db8::2]:5060;branch=")
    assert peer.sends[0].flow.remote == ("2001:db8::1", 5067)
