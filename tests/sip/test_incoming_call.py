"""Calls that come to us, told with a peer who writes his own messages."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from ivr.errors import LocalProtocolError
from ivr.sip.events import (
    CallCancelled,
    CallConfirmed,
    CallEnded,
    Flow,
    IncomingCall,
    MessageDropped,
    UserAgentSettings,
)
from ivr.sip.user_agent import UserAgent

ANSWER = b"v=0\r\no=- 2 1 IN IP4 192.0.2.2\r\ns=-\r\n"
Make = Callable[..., str]


def test_an_invite_gets_100_at_once_and_becomes_an_incoming_call(peer: Any, make_request: Make) -> None:
    peer.says(make_request("INVITE", body="v=0\r\n", headers="User-Agent: Phone 1.0"))
    assert peer.statuses == [100]
    call = peer.event(IncomingCall)
    assert (call.calling_number, call.called, call.offer) == ("alice", "100", b"v=0\r\n")
    assert (call.call_id, call.user_agent) == ("c1@192.0.2.1", "Phone 1.0")
    assert peer.user_agent.legs == [call.leg]


def test_ring_and_answer_make_one_dialog_that_the_ack_confirms(peer: Any, make_request: Make) -> None:
    leg = peer.says(make_request("INVITE", body="v=0")).event(IncomingCall).leg
    ringing = peer.got(peer.user_agent.ring(leg, peer.now)).response
    accepted = peer.got(peer.user_agent.answer(leg, ANSWER, peer.now)).response
    assert (ringing.status, accepted.status, accepted.body) == (180, 200, ANSWER)
    assert ringing.to_tag == accepted.to_tag != ""
    assert accepted.addresses("Contact")[0].uri == "sip:100@192.0.2.2:5060"
    assert accepted.content_type == "application/sdp"
    peer.says(make_request("ACK", branch="z9hG4bK-new", to_tag=accepted.to_tag))
    assert peer.events == [CallConfirmed(leg)]
    assert peer.waits(100).sent == []


def test_record_route_is_echoed_where_a_dialog_is_made(peer: Any, make_request: Make) -> None:
    routes = "Record-Route: <sip:192.0.2.9;lr;x=%2f+>\nRecord-Route: <sip:192.0.2.8;lr>"
    leg = peer.says(make_request("INVITE", body="v=0", headers=routes)).event(IncomingCall).leg
    assert peer.response.headers.getlist("Record-Route") == []
    for outputs in (peer.user_agent.ring(leg, peer.now), peer.user_agent.answer(leg, ANSWER, peer.now)):
        echoed = peer.got(outputs).response.headers.getlist("Record-Route")
        assert echoed == ["<sip:192.0.2.9;lr;x=%2f+>", "<sip:192.0.2.8;lr>"]


def test_a_bye_of_ours_follows_the_route_set_to_the_remote_target(peer: Any, make_request: Make) -> None:
    routes = "Record-Route: <sip:192.0.2.9:5070;lr>\nRecord-Route: <sip:192.0.2.8;lr>"
    invite = make_request("INVITE", body="v=0", headers=routes, contact="<sip:al+1@192.0.2.77:5099;ob>")
    leg = peer.says(invite).event(IncomingCall).leg
    tag = peer.got(peer.user_agent.answer(leg, ANSWER, peer.now)).response.to_tag
    peer.says(make_request("ACK", branch="z9hG4bK-new", to_tag=tag))
    bye = peer.got(peer.user_agent.hang_up(leg, peer.now, reason="agent left")).request
    assert (bye.method, bye.uri) == ("BYE", "sip:al+1@192.0.2.77:5099;ob")
    assert bye.headers.getlist("Route") == ["<sip:192.0.2.9:5070;lr>", "<sip:192.0.2.8;lr>"]
    assert bye.headers["Reason"] == 'SIP;text="agent left"'
    assert (bye.from_tag, bye.to_tag) == (tag, "a1")
    assert peer.sends[0].flow.remote == ("192.0.2.9", 5070)


def test_an_ack_with_the_branch_of_the_invite_counts_whatever_its_to_tag(peer: Any, make_request: Make) -> None:
    leg = peer.says(make_request("INVITE", body="v=0", branch="z9hG4bK-one")).event(IncomingCall).leg
    peer.got(peer.user_agent.answer(leg, ANSWER, peer.now))
    foreign = make_request("ACK", branch="z9hG4bK-one", to_tag="made-up").replace("tag=a1", "tag=somebody")
    assert not [event for event in peer.says(foreign).events if isinstance(event, CallConfirmed)]
    assert peer.waits(0.6).statuses == [200]
    peer.says(make_request("ACK", branch="z9hG4bK-one", to_tag="made-up"))
    assert peer.events == [CallConfirmed(leg)]
    assert peer.waits(100).sent == []


def test_the_2xx_is_repeated_until_the_ack_and_then_no_more(peer: Any, make_request: Make) -> None:
    leg = peer.says(make_request("INVITE", body="v=0")).event(IncomingCall).leg
    tag = peer.got(peer.user_agent.answer(leg, ANSWER, peer.now)).response.to_tag
    assert peer.waits(0.49).statuses == []
    assert peer.waits(0.02).statuses == [200]
    assert peer.waits(1).statuses == [200]
    peer.says(make_request("ACK", branch="z9hG4bK-new", to_tag=tag))
    assert peer.waits(60).sent == []


def test_no_ack_at_all_ends_in_bye_after_64_t1(peer: Any, make_request: Make) -> None:
    leg = peer.says(make_request("INVITE", body="v=0")).event(IncomingCall).leg
    peer.got(peer.user_agent.answer(leg, ANSWER, peer.now))
    assert peer.waits(31.9).statuses == [200] * 10
    assert peer.waits(0.2).methods == ["BYE"]
    assert peer.events == [CallEnded(leg, "failure", "no ACK")]
    assert peer.waits(100).methods == ["BYE"] * 10
    assert peer.events == []
    assert (peer.user_agent.legs, peer.user_agent.transactions) == ([], 0)


def test_a_repeated_invite_gets_the_last_answer_and_makes_no_second_call(peer: Any, make_request: Make) -> None:
    invite = make_request("INVITE", body="v=0")
    leg = peer.says(invite).event(IncomingCall).leg
    assert peer.says(invite).statuses == [100]
    assert peer.events == []
    peer.user_agent.ring(leg, peer.now)
    assert peer.says(invite).statuses == [180]
    peer.user_agent.answer(leg, ANSWER, peer.now)
    assert peer.says(invite).statuses == []
    assert peer.user_agent.counters["repeated"] == 3


def test_cancel_gets_200_and_the_invite_487(peer: Any, make_request: Make) -> None:
    leg = peer.says(make_request("INVITE", body="v=0", branch="z9hG4bK-x")).event(IncomingCall).leg
    ringing = peer.got(peer.user_agent.ring(leg, peer.now)).response
    cancel = make_request("CANCEL", branch="z9hG4bK-x", headers='Reason: SIP;cause=200;text="elsewhere"')
    peer.says(cancel)
    assert [(r.status, r.cseq.method, r.to_tag) for r in peer.sent] == [
        (200, "CANCEL", ringing.to_tag),
        (487, "INVITE", ringing.to_tag),
    ]
    assert peer.events == [CallCancelled(leg, "elsewhere")]
    peer.says(make_request("ACK", branch="z9hG4bK-x", to_tag=ringing.to_tag))
    assert peer.waits(100).sent == []
    assert peer.user_agent.transactions == 0


def test_a_cancel_that_comes_after_the_answer_changes_nothing(peer: Any, make_request: Make) -> None:
    leg = peer.says(make_request("INVITE", body="v=0", branch="z9hG4bK-x")).event(IncomingCall).leg
    peer.user_agent.answer(leg, ANSWER, peer.now)
    assert peer.says(make_request("CANCEL", branch="z9hG4bK-x")).statuses == [200]
    assert peer.events == []
    assert peer.user_agent.legs == [leg]


def test_a_cancel_for_nothing_gets_481(peer: Any, make_request: Make) -> None:
    assert peer.says(make_request("CANCEL", branch="z9hG4bK-unheard")).statuses == [481]


def test_a_bye_before_the_answer_cancels_the_call(peer: Any, make_request: Make) -> None:
    leg = peer.says(make_request("INVITE", body="v=0")).event(IncomingCall).leg
    tag = peer.got(peer.user_agent.ring(leg, peer.now)).response.to_tag
    peer.says(make_request("BYE", cseq=2, to_tag=tag))
    assert sorted(peer.statuses) == [200, 487]
    assert peer.events == [CallCancelled(leg, "BYE")]


def test_a_refusal_is_repeated_until_its_ack(peer: Any, make_request: Make) -> None:
    leg = peer.says(make_request("INVITE", body="v=0")).event(IncomingCall).leg
    peer.got(peer.user_agent.refuse(leg, 503, peer.now, headers=[("Retry-After", "5")]))
    assert (peer.response.status, peer.response.headers["Retry-After"]) == (503, "5")
    assert peer.events == [CallEnded(leg, "local", "refused with 503")]
    assert peer.waits(0.6).statuses == [503]
    peer.says(make_request("ACK", branch="z9hG4bK-INVITE-1", to_tag="whatever"))
    assert peer.waits(100).sent == []


def test_hanging_up_before_the_ack_waits_for_it(peer: Any, make_request: Make) -> None:
    leg = peer.says(make_request("INVITE", body="v=0")).event(IncomingCall).leg
    tag = peer.got(peer.user_agent.answer(leg, ANSWER, peer.now)).response.to_tag
    assert peer.user_agent.hang_up(leg, peer.now) == []
    assert peer.user_agent.hang_up(leg, peer.now) == []
    assert peer.says(make_request("ACK", branch="z9hG4bK-new", to_tag=tag)).methods == ["BYE"]


def test_hanging_up_an_unanswered_call_refuses_it_and_twice_is_harmless(peer: Any, make_request: Make) -> None:
    leg = peer.says(make_request("INVITE", body="v=0")).event(IncomingCall).leg
    assert peer.got(peer.user_agent.hang_up(leg, peer.now)).statuses == [480]
    assert [type(event) for event in peer.events] == [CallEnded]
    assert peer.user_agent.hang_up(leg, peer.now) == []


def test_our_bye_is_repeated_and_given_up_after_64_t1(answered: Any) -> None:
    peer = answered.peer
    peer.got(peer.user_agent.hang_up(answered.leg, peer.now))
    assert peer.methods == ["BYE"]
    assert peer.waits(31).methods == ["BYE"] * 9
    assert peer.waits(2).events == [CallEnded(answered.leg, "local", "BYE not answered")]


def test_byes_that_cross_are_both_answered_and_end_the_call_once(answered: Any) -> None:
    peer = answered.peer
    bye = peer.got(peer.user_agent.hang_up(answered.leg, peer.now)).request
    answered.says("BYE", 2)
    assert (peer.statuses, peer.events) == ([200], [CallEnded(answered.leg, "local", "BYE")])
    assert peer.says(make_response(bye, 481)).events == []


def test_a_bye_of_theirs_tells_its_reason(answered: Any) -> None:
    answered.says("BYE", 2, headers='Reason: Q.850;cause=16;text="Normal, clearing"')
    assert answered.peer.statuses == [200]
    assert answered.peer.events == [CallEnded(answered.leg, "remote", "Normal, clearing")]
    answered.says("BYE", 2)
    assert (answered.peer.statuses, answered.peer.events) == ([200], [])
    answered.says("BYE", 3)
    assert answered.peer.statuses == [481]


def test_a_late_offer_is_ours_and_the_ack_brings_the_answer(peer: Any, make_request: Make) -> None:
    call = peer.says(make_request("INVITE")).event(IncomingCall)
    assert call.offer == b""
    tag = peer.got(peer.user_agent.answer(call.leg, ANSWER, peer.now)).response.to_tag
    peer.says(make_request("ACK", branch="z9hG4bK-new", to_tag=tag, body="v=0\r\ns=theirs\r\n"))
    assert peer.events == [CallConfirmed(call.leg, b"v=0\r\ns=theirs\r\n")]


@pytest.mark.parametrize(
    ("via", "stamped", "returns_to"),
    [
        ("SIP/2.0/UDP 192.0.2.1:5999", "", ("192.0.2.1", 5999)),
        ("SIP/2.0/UDP 192.0.2.1", "", ("192.0.2.1", 5060)),
        ("SIP/2.0/UDP 10.0.0.5:5999", "received=192.0.2.1", ("192.0.2.1", 5999)),
        ("SIP/2.0/UDP 10.0.0.5:5999;rport", "received=192.0.2.1;rport=5060", ("192.0.2.1", 5060)),
        ("SIP/2.0/UDP phone.invalid:5999;rport=", "received=192.0.2.1;rport=5060", ("192.0.2.1", 5060)),
        ("SIP/2.0/UDP 192.0.2.1:5999;maddr=203.0.113.9", "", ("192.0.2.1", 5999)),
    ],
)
def test_answers_go_where_rfc_3581_sends_them(
    peer: Any, make_request: Make, via: str, stamped: str, returns_to: tuple[str, int]
) -> None:
    peer.says(make_request("OPTIONS", via=via))
    assert peer.sends[0].flow.remote == returns_to
    text = peer.response.top_via.text
    assert text.endswith(stamped)
    assert "branch=z9hG4bK-OPTIONS-1" in text


def test_a_branch_with_odd_characters_comes_back_unchanged(peer: Any, make_request: Make) -> None:
    peer.says(make_request("OPTIONS", branch="z9hG4bK+%2f~'a`b", via="SIP/2.0/UDP 10.9.9.9;rport"))
    assert ";branch=z9hG4bK+%2f~'a`b;" in peer.response.top_via.text


def test_a_peer_behind_a_translator_is_called_back_the_way_it_came(peer: Any, make_request: Make) -> None:
    invite = make_request(
        "INVITE", body="v=0", via="SIP/2.0/UDP 10.0.0.5:5060;rport", contact="<sip:alice@10.0.0.5:5060>"
    )
    leg = peer.says(invite).event(IncomingCall).leg
    tag = peer.got(peer.user_agent.answer(leg, ANSWER, peer.now)).response.to_tag
    peer.says(make_request("ACK", branch="z9hG4bK-new", to_tag=tag))
    peer.got(peer.user_agent.hang_up(leg, peer.now))
    assert peer.request.uri == "sip:alice@10.0.0.5:5060"
    assert peer.sends[0].flow == peer.flow


def test_an_asserted_identity_is_believed_from_a_trunk_only(make_request: Make) -> None:
    invite = make_request("INVITE", body="v=0", headers='P-Asserted-Identity: "B" <sip:+15550100@trunk.invalid>')
    flow = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
    data = invite.replace("\r\n", "\n").replace("\n", "\r\n").encode()
    for trunks, number in ((frozenset({"192.0.2.1"}), "+15550100"), (frozenset(), "alice")):
        user_agent = UserAgent(UserAgentSettings(trunks=trunks), rng=random.Random(1))
        outputs = user_agent.receive(data, flow, 0.0)
        call = next(output for output in outputs if isinstance(output, IncomingCall))
        assert call.calling_number == number


def test_a_call_that_is_long_in_being_answered_is_kept_alive_by_provisional_answers(
    peer: Any, make_request: Make
) -> None:
    leg = peer.says(make_request("INVITE", body="v=0")).event(IncomingCall).leg
    assert peer.waits(61).statuses == [183]
    peer.user_agent.ring(leg, peer.now)
    assert peer.waits(121).statuses == [180, 180]


def test_wishes_that_do_not_fit_are_local_mistakes(answered: Any) -> None:
    user_agent, now = answered.peer.user_agent, answered.peer.now
    with pytest.raises(LocalProtocolError, match="is answered"):
        user_agent.answer(answered.leg, ANSWER, now)
    with pytest.raises(LocalProtocolError, match="no offer waiting"):
        user_agent.accept_offer(answered.leg, ANSWER, now)
    with pytest.raises(LocalProtocolError, match="no live leg is named nobody"):
        user_agent.ring("nobody", now)
    with pytest.raises(LocalProtocolError, match="from 300 to 699, not 200"):
        user_agent.refuse_offer(answered.leg, 200, now)


def test_a_header_cannot_smuggle_another_line(peer: Any, make_request: Make) -> None:
    leg = peer.says(make_request("INVITE", body="v=0")).event(IncomingCall).leg
    with pytest.raises(LocalProtocolError, match="one line as value"):
        peer.user_agent.refuse(leg, 503, peer.now, headers=[("Retry-After", "5\r\nX: y")])
    assert peer.user_agent.legs == [leg]


def test_text_for_people_has_no_undecodable_bytes(peer: Any, make_request: Make) -> None:
    data = make_request("INVITE", body="v=0", uri="sip:100@192.0.2.2", headers="User-Agent: caf_").encode()
    data = data.replace(b"caf_", b"caf\xe9").replace(b"\r\n", b"\n")
    assert peer.says(data).event(IncomingCall).user_agent == "café"


def test_a_lost_connection_while_ringing_ends_the_call_when_no_other_can_be_made(
    tcp_peer: Any, make_request: Make
) -> None:
    user_agent, now = tcp_peer.user_agent, tcp_peer.now
    leg = (
        tcp_peer.says(make_request("INVITE", body="v=0", via="SIP/2.0/TCP 192.0.2.1:5066")).event(IncomingCall).leg
    )
    assert user_agent.connection_lost(tcp_peer.flow, now) == []
    tcp_peer.got(user_agent.ring(leg, now))
    reopened = tcp_peer.sends[0].flow
    assert reopened == Flow("tcp", ("192.0.2.2", 5060), ("192.0.2.1", 5066), 0)
    assert user_agent.connection_lost(reopened, now) == [CallCancelled(leg, "connection lost")]


def test_a_message_over_tcp_is_answered_over_its_connection(tcp_peer: Any, make_request: Make) -> None:
    tcp_peer.says(make_request("OPTIONS", via="SIP/2.0/TCP 10.1.1.1:9"))
    assert tcp_peer.sends[0].flow == tcp_peer.flow
    assert tcp_peer.response.addresses("Contact")[0].uri.endswith(";transport=tcp")


def test_a_stray_ack_is_dropped_and_counted(peer: Any, make_request: Make) -> None:
    peer.says(make_request("ACK", to_tag="zz"))
    assert [type(event) for event in peer.events] == [MessageDropped]
    assert (peer.sent, peer.user_agent.counters["dropped"]) == ([], 1)


def make_response(request: Any, status: int) -> bytes:
    lines = [f"SIP/2.0 {status} Whatever"]
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        lines += [f"{name}: {value}" for value in request.headers.getlist(name)]
    return ("\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n").encode()
