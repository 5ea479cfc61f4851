"""Provisional answers that must not be lost, and what may happen in a dialog before the call is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sip.answers import CONTACT, answer, dial

from ivr.errors import LocalProtocolError
from ivr.sip.events import (
    CallAccepted,
    CallEnded,
    CallProgress,
    CallRefused,
    IncomingCall,
    KeyInfo,
    SessionAnswered,
    SessionOffered,
    SessionRefused,
)
from ivr.sip.message import Request

Make = Callable[..., str]
ANSWER = b"v=0 answer"
NEEDS = "Require: 100rel"


def ring_in(peer: Any, make: Make, **parts: Any) -> tuple[str, Any]:
    """A call that needs 100rel and rings; its leg and our 180."""
    leg = peer.says(make("INVITE", headers=NEEDS, **{"body": "v=0", **parts})).event(IncomingCall).leg
    return leg, peer.got(peer.user_agent.ring(leg, peer.now))


def prack(make: Make, ringing: Any, cseq: int = 2, rack: str = "", **parts: Any) -> str:
    rack = rack or f"{ringing.headers['RSeq']} 1 INVITE"
    return make("PRACK", cseq=cseq, to_tag=ringing.to_tag, headers=f"RAck: {rack}", **parts)


# --- ours


def test_ringing_is_repeated_until_its_prack(peer: Any, make_request: Make) -> None:
    leg, told = ring_in(peer, make_request)
    ringing = told.response
    assert (ringing.status, ringing.headers["Require"]) == (180, "100rel")
    assert 1 <= int(ringing.headers["RSeq"]) <= 2**31
    assert peer.waits(7.6).statuses == [180] * 4  # after 0.5, 1.5, 3.5 and 7.5 s
    assert peer.response.headers["RSeq"] == ringing.headers["RSeq"]
    assert peer.says(prack(make_request, ringing)).statuses == [200]
    assert peer.waits(50).sent == []
    assert peer.got(peer.user_agent.answer(leg, ANSWER, peer.now)).statuses == [200]


def test_without_need_nothing_is_reliable(peer: Any, make_request: Make) -> None:
    leg = peer.says(make_request("INVITE", headers="Supported: 100rel", body="v=0")).event(IncomingCall).leg
    ringing = peer.got(peer.user_agent.ring(leg, peer.now)).response
    assert (ringing.headers.get("Require"), ringing.headers.get("RSeq")) == (None, None)
    assert peer.says(prack(make_request, ringing, rack="1 1 INVITE")).statuses == [481]


@pytest.mark.parametrize("rack", ["1 1 INVITE", "{rseq} 2 INVITE", "{rseq} 1 BYE", "{rseq} 1", "x", "-1 1 INVITE"])
def test_a_prack_for_something_else_gets_481_and_stops_nothing(peer: Any, make_request: Make, rack: str) -> None:
    _, told = ring_in(peer, make_request)
    ringing = told.response
    wrong = prack(make_request, ringing, rack=rack.format(rseq=ringing.headers["RSeq"]))
    assert peer.says(wrong).statuses == [481]
    assert peer.waits(0.6).statuses == [180]


def test_a_second_prack_gets_481(peer: Any, make_request: Make) -> None:
    _, told = ring_in(peer, make_request)
    ringing = told.response
    assert peer.says(prack(make_request, ringing)).statuses == [200]
    assert peer.says(prack(make_request, ringing, cseq=3)).statuses == [481]


def test_a_caller_who_never_acknowledges_is_refused(peer: Any, make_request: Make) -> None:
    leg, _ = ring_in(peer, make_request)
    peer.waits(31.9)
    assert set(peer.statuses) == {180}
    assert peer.waits(0.2).statuses == [504]
    assert peer.events == [CallEnded(leg, "failure", "no PRACK")]


def test_the_answer_does_not_wait_for_the_prack_which_is_still_taken(peer: Any, make_request: Make) -> None:
    leg, told = ring_in(peer, make_request)
    ringing = told.response
    assert peer.got(peer.user_agent.answer(leg, ANSWER, peer.now)).statuses == [200]
    peer.says(make_request("ACK", branch="z9hG4bK-ack", to_tag=ringing.to_tag))
    assert peer.waits(60).sent == []
    assert peer.says(prack(make_request, ringing)).statuses == [200]


def test_while_one_waits_the_next_is_held_back(peer: Any, make_request: Make) -> None:
    leg, told = ring_in(peer, make_request)
    first = told.response
    assert peer.got(peer.user_agent.ring(leg, peer.now)).sent == []
    peer.says(prack(make_request, first))
    assert peer.statuses == [200, 180]
    assert int(peer.response.headers["RSeq"]) == int(first.headers["RSeq"]) + 1


def test_an_invite_without_an_offer_is_not_rung_since_that_would_have_to_offer(
    peer: Any, make_request: Make
) -> None:
    leg, told = ring_in(peer, make_request, body="")
    assert told.sent == []
    assert peer.waits(65).sent == []
    assert peer.got(peer.user_agent.answer(leg, ANSWER, peer.now)).statuses == [200]


def test_an_offer_in_a_prack_comes_too_early(peer: Any, make_request: Make) -> None:
    _, told = ring_in(peer, make_request)
    text = prack(make_request, told.response, body="v=0 more")
    assert peer.says(text).statuses == [488]
    assert peer.waits(30).sent == []


def test_a_cancelled_call_repeats_its_ringing_no_more(peer: Any, make_request: Make) -> None:
    ring_in(peer, make_request)
    assert peer.says(make_request("CANCEL", branch="z9hG4bK-INVITE-1")).statuses == [200, 487]
    peer.says(make_request("ACK", branch="z9hG4bK-INVITE-1", to_tag=peer.response.to_tag))
    assert peer.waits(60).sent == []


# --- theirs


def progress(invite: Request, status: int, rseq: int, *headers: str, tag: str = "p1", body: bytes = b"") -> bytes:
    return answer(invite, status, NEEDS, f"RSeq: {rseq}", CONTACT, *headers, tag=tag, body=body)


def test_what_the_callee_says_reliably_is_acknowledged_once_and_in_order(peer: Any) -> None:
    invite = dial(peer)
    routes = "Record-Route: <sip:192.0.2.9:5071;lr>"
    assert peer.says(progress(invite, 183, 700, routes, body=b"v=0 early")).events == [
        CallProgress("out", 183, b"v=0 early")
    ]
    first = peer.request
    assert (first.method, first.uri, first.to_tag) == ("PRACK", "sip:desk@192.0.2.1:5077", "p1")
    assert first.headers["RAck"] == f"700 {invite.cseq.sequence} INVITE"
    assert first.headers.getlist("Route") == ["<sip:192.0.2.9:5071;lr>"]
    assert first.cseq.sequence == invite.cseq.sequence + 1
    assert peer.sends[0].flow.remote == ("192.0.2.9", 5071)
    peer.says(answer(first, 200))
    again = progress(invite, 183, 700, routes, body=b"v=0 early")
    assert (peer.says(again).sent, peer.events) == ([], [])
    assert (peer.says(progress(invite, 180, 702)).sent, peer.events) == ([], [])
    peer.says(progress(invite, 180, 701))
    assert (peer.request.headers["RAck"], peer.events) == (
        f"701 {invite.cseq.sequence} INVITE",
        [CallProgress("out", 180)],
    )
    peer.says(answer(peer.request, 200))
    peer.says(answer(invite, 200, CONTACT))
    assert peer.request.cseq.sequence == invite.cseq.sequence
    assert peer.events == [CallAccepted("out", b"v=0 early")]
    bye = peer.got(peer.user_agent.hang_up("out", peer.now)).request
    assert bye.cseq.sequence == invite.cseq.sequence + 3


def test_each_fork_is_acknowledged_in_a_dialog_of_its_own(peer: Any) -> None:
    invite = dial(peer)
    for tag, rseq in (("one", 5), ("two", 90)):
        peer.says(progress(invite, 180, rseq, tag=tag, body=f"v=0 {tag}".encode()))
        assert (peer.request.to_tag, peer.request.cseq.sequence) == (tag, invite.cseq.sequence + 1)
    peer.says(answer(invite, 200, CONTACT, tag="one"))
    assert peer.events == [CallAccepted("out", b"v=0 one")]
    assert peer.says(request_of_callee(invite, "INFO", 1, tag="two")).statuses == [481]
    assert peer.says(request_of_callee(invite, "INFO", 2, tag="one")).statuses == [200]


def test_a_prack_nobody_answers_does_not_end_the_call(peer: Any) -> None:
    invite = dial(peer)
    peer.says(progress(invite, 180, 1))
    assert "PRACK" in peer.waits(40).methods
    assert peer.user_agent.legs == ["out"]
    peer.says(answer(invite, 200, CONTACT, body=b"v=0"))
    assert peer.event(CallAccepted)


def test_a_prack_that_is_challenged_is_proved(peer: Any) -> None:
    invite = dial(peer, credentials=("ivr", "pa55"))
    peer.says(progress(invite, 180, 1))
    first = peer.request
    peer.says(answer(first, 407, 'Proxy-Authenticate: Digest realm="pbx", nonce="n2"'))
    assert (peer.request.method, peer.request.cseq.sequence) == ("PRACK", first.cseq.sequence + 1)
    assert peer.request.headers.get("Proxy-Authorization") is not None


def test_a_reliable_answer_without_number_or_tag_is_ignored(peer: Any) -> None:
    invite = dial(peer)
    for headers in ((), ("RSeq: many",)):
        assert peer.says(answer(invite, 180, NEEDS, CONTACT, *headers)).events == []
    text = progress(invite, 180, 4).replace(b";tag=p1", b"")
    assert (peer.says(text).events, peer.sent) == ([], [])


def test_routes_that_cannot_be_read_are_left_out(peer: Any) -> None:
    invite = dial(peer)
    peer.says(progress(invite, 180, 4, "Record-Route: <nonsense, <sip:192.0.2.9;lr>"))
    assert peer.says(answer(invite, 200, CONTACT, "Record-Route: <", body=b"v=0")).methods == ["ACK"]


# --- requests before the answer


def request_of_callee(
    invite: Request, method: str, cseq: int, body: str = "", tag: str = "p1", **headers: str
) -> str:
    lines = [
        f"{method} sip:ivr@192.0.2.2 SIP/2.0",
        f"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{method}{cseq}",
        "Max-Forwards: 70",
        f"From: <sip:desk@192.0.2.1>;tag={tag}",
        f"To: {invite.headers['From']}",
        f"Call-ID: {invite.call_id}",
        f"CSeq: {cseq} {method}",
        "Contact: <sip:desk@192.0.2.1:5099>",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        *(["Content-Type: application/sdp"] if body.startswith("v=0") else []),
        f"Content-Length: {len(body)}",
    ]
    return "\n".join(lines) + "\n\n" + body


def test_an_early_update_moves_the_target_and_may_offer_once_ours_is_answered(peer: Any) -> None:
    invite = dial(peer)
    peer.says(progress(invite, 180, 1))
    assert peer.says(request_of_callee(invite, "UPDATE", 10)).statuses == [200]
    assert peer.says(request_of_callee(invite, "UPDATE", 11, "v=0 theirs")).statuses == [491]
    peer.says(progress(invite, 183, 2, body=b"v=0 answer"))
    assert peer.request.uri == "sip:desk@192.0.2.1:5099"
    peer.says(request_of_callee(invite, "UPDATE", 12, "v=0 theirs"))
    assert peer.events == [SessionOffered("out", b"v=0 theirs")]
    accepted = peer.got(peer.user_agent.accept_offer("out", ANSWER, peer.now)).response
    assert (accepted.status, accepted.body) == (200, ANSWER)
    assert peer.says(request_of_callee(invite, "UPDATE", 9)).statuses == [500]


def test_we_offer_by_update_before_the_answer(peer: Any) -> None:
    invite = dial(peer)
    peer.says(progress(invite, 180, 1))
    with pytest.raises(LocalProtocolError, match="not confirmed"):
        peer.user_agent.offer("out", b"v=0 new", peer.now)
    peer.says(progress(invite, 183, 2, "Allow: INVITE, UPDATE", body=b"v=0 answer"))
    update = peer.got(peer.user_agent.offer("out", b"v=0 new", peer.now)).request
    assert (update.method, update.body, update.to_tag) == ("UPDATE", b"v=0 new", "p1")
    peer.says(answer(update, 491))
    update = peer.waits(4.1).request
    assert (update.method, update.body) == ("UPDATE", b"v=0 new")
    peer.says(answer(update, 200, CONTACT, body=b"v=0 agreed"))
    assert (peer.sent, peer.events) == ([], [SessionAnswered("out", b"v=0 agreed")])
    update = peer.got(peer.user_agent.offer("out", b"v=0 more", peer.now)).request
    peer.says(answer(update, 481))
    assert peer.events == [SessionRefused("out", 481, "Phrase")]
    assert peer.user_agent.legs == ["out"]


def test_keys_options_and_strangers_before_the_answer(peer: Any) -> None:
    invite = dial(peer)
    peer.says(answer(invite, 180, CONTACT))
    peer.says(request_of_callee(invite, "INFO", 1, "Signal=5", Content_Type="application/dtmf-relay"))
    assert KeyInfo("out", "5") in peer.events
    assert peer.says(request_of_callee(invite, "OPTIONS", 2)).statuses == [200]
    assert peer.says(request_of_callee(invite, "INFO", 3, tag="p2")).statuses == [481]
    assert peer.says(request_of_callee(invite, "INVITE", 4, "v=0")).statuses == [491]


def test_a_callee_that_says_bye_before_the_answer_is_cancelled(peer: Any) -> None:
    invite = dial(peer)
    peer.says(answer(invite, 180, CONTACT))
    peer.says(request_of_callee(invite, "BYE", 1))
    assert (peer.statuses, peer.methods) == ([200], ["CANCEL"])
    assert peer.says(answer(invite, 487)).events == [CallRefused("out", 487, "Phrase")]
    assert peer.user_agent.legs == []


def test_a_call_that_fails_forgets_its_early_dialogs(peer: Any) -> None:
    invite = dial(peer)
    for tag in ("one", "two"):
        peer.says(answer(invite, 180, CONTACT, tag=tag))
    peer.says(answer(invite, 486, tag="three"))
    for number, tag in enumerate(("one", "two"), start=1):
        assert peer.says(request_of_callee(invite, "INFO", number, tag=tag)).statuses == [481]


def test_a_hundred_forks_are_not_all_remembered(peer: Any) -> None:
    invite = dial(peer)
    for number in range(100):
        peer.says(progress(invite, 180, 1, tag=f"t{number}"))
    assert peer.sent == []
    peer.says(answer(invite, 200, CONTACT, tag="t99", body=b"v=0"))
    assert peer.event(CallAccepted)
