"""Calls we make, told with a peer who writes his own answers."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from ivr.errors import LocalProtocolError
from ivr.sip.digest import DigestInput, parse_digest
from ivr.sip.events import NO_ANSWER, NO_CONNECTION, CallAccepted, CallEnded, CallProgress, CallRefused, SendBytes
from ivr.sip.message import Request, decode

OFFER = b"v=0 ours"


def answer(request: Request, status: int, *, tag: str = "p1", body: bytes = b"", headers: str = "") -> bytes:
    lines = [f"SIP/2.0 {status} Phrase"]
    for name in ("Via", "From", "Call-ID", "CSeq"):
        lines += [f"{name}: {value}" for value in request.headers.getlist(name)]
    to = request.headers["To"]
    lines.append(f"To: {to}" if ";tag=" in to or status == 100 else f"To: {to};tag={tag}")
    lines += [headers] if headers else []
    lines += ["Content-Type: application/sdp"] if body else []
    return ("\r\n".join(lines) + f"\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


CONTACT = "Contact: <sip:desk@192.0.2.1:5077>"


def dial(peer: Any, **parts: Any) -> Request:
    outputs = peer.user_agent.invite(
        "out", "sip:desk@192.0.2.1", OFFER, peer.flow, peer.now, caller_uri="sip:ivr@192.0.2.2", **parts
    )
    request: Request = peer.got(outputs).request
    return request


def test_an_invite_of_ours_is_complete(peer: Any) -> None:
    invite = dial(peer, display_name='Gas "North"', headers=[("X-Queue", "billing")])
    assert (invite.method, invite.uri, invite.body) == ("INVITE", "sip:desk@192.0.2.1", OFFER)
    assert next(iter(invite.headers.keys())) == "Via"
    assert invite.top_via.branch.startswith("z9hG4bK")
    assert "rport" in invite.top_via.parameters
    assert invite.headers["From"].startswith('"Gas \\"North\\"" <sip:ivr@192.0.2.2>;tag=')
    assert invite.headers["To"] == "<sip:desk@192.0.2.1>"
    assert invite.headers["Contact"] == "<sip:ivr@192.0.2.2:5060>"
    assert (invite.headers["Max-Forwards"], invite.headers["X-Queue"]) == ("70", "billing")
    assert invite.content_type == "application/sdp"


def test_progress_acceptance_ack_and_bye(peer: Any) -> None:
    invite = dial(peer)
    assert peer.says(answer(invite, 100)).events == []
    assert peer.says(answer(invite, 180)).events == [CallProgress("out", 180)]
    assert peer.says(answer(invite, 183, body=b"v=0 early")).events == [CallProgress("out", 183, b"v=0 early")]
    routes = f"{CONTACT}\r\nRecord-Route: <sip:192.0.2.8;lr>\r\nRecord-Route: <sip:192.0.2.9:5071;lr>"
    accepted = answer(invite, 200, body=b"v=0 theirs", headers=routes)
    peer.says(accepted)
    ack = peer.request
    assert (ack.method, ack.uri, ack.cseq.sequence) == ("ACK", "sip:desk@192.0.2.1:5077", invite.cseq.sequence)
    assert ack.headers.getlist("Route") == ["<sip:192.0.2.9:5071;lr>", "<sip:192.0.2.8;lr>"]
    assert ack.top_via.branch != invite.top_via.branch
    assert peer.sends[0].flow.remote == ("192.0.2.9", 5071)
    assert peer.events == [CallAccepted("out", b"v=0 theirs")]
    assert (peer.says(accepted).methods, peer.events) == (["ACK"], [])
    bye = peer.got(peer.user_agent.hang_up("out", peer.now)).request
    assert (bye.method, bye.cseq.sequence) == ("BYE", invite.cseq.sequence + 1)
    assert peer.says(answer(bye, 200)).events == [CallEnded("out", "local", "BYE")]


def test_a_strict_router_is_put_into_the_request_uri(peer: Any) -> None:
    invite = dial(peer)
    peer.says(answer(invite, 200, headers=f"{CONTACT}\r\nRecord-Route: <sip:192.0.2.9>"))
    assert peer.request.uri == "sip:192.0.2.9"
    assert peer.request.headers.getlist("Route") == ["<sip:desk@192.0.2.1:5077>"]


def test_the_sdp_of_183_counts_when_the_200_has_none(peer: Any) -> None:
    invite = dial(peer)
    peer.says(answer(invite, 183, body=b"v=0 early"))
    peer.says(answer(invite, 200, headers=CONTACT))
    assert peer.events == [CallAccepted("out", b"v=0 early")]


@pytest.mark.parametrize("status", [302, 404, 486, 503, 603])
def test_a_failure_is_acknowledged_within_its_transaction(peer: Any, status: int) -> None:
    invite = dial(peer)
    failure = answer(invite, status)
    peer.says(failure)
    assert peer.events == [CallRefused("out", status, "Phrase")]
    ack = peer.request
    assert (ack.method, ack.uri, ack.to_tag) == ("ACK", invite.uri, "p1")
    assert ack.top_via.branch == invite.top_via.branch
    assert (peer.says(failure).methods, peer.events) == (["ACK"], [])
    assert peer.waits(100).sent == []
    assert (peer.user_agent.legs, peer.user_agent.transactions) == ([], 0)


def test_an_invite_nobody_answers_is_repeated_seven_times_and_given_up(peer: Any) -> None:
    dial(peer)
    peer.waits(31.9)
    assert peer.methods == ["INVITE"] * 6
    assert peer.waits(1).events == [CallRefused("out", 408, NO_ANSWER)]
    assert peer.user_agent.transactions == 0


def test_cancel_waits_for_a_provisional_answer(peer: Any) -> None:
    invite = dial(peer)
    assert peer.user_agent.hang_up("out", peer.now, reason="caller left") == []
    cancel = peer.says(answer(invite, 100)).request
    assert (cancel.method, cancel.uri, cancel.cseq.sequence) == ("CANCEL", invite.uri, invite.cseq.sequence)
    assert cancel.top_via.text == invite.top_via.text
    assert cancel.headers["Reason"] == 'SIP;text="caller left"'
    assert peer.user_agent.hang_up("out", peer.now) == []
    assert peer.says(answer(cancel, 200)).events == []
    assert peer.says(answer(invite, 180)).sent == []
    assert peer.says(answer(invite, 487)).events == [CallRefused("out", 487, "Phrase")]


def test_a_200_that_crosses_our_cancel_is_acknowledged_and_hung_up(peer: Any) -> None:
    invite = dial(peer)
    peer.says(answer(invite, 180))
    peer.user_agent.hang_up("out", peer.now)
    peer.says(answer(invite, 200, headers=CONTACT, body=b"v=0"))
    assert peer.methods == ["ACK", "BYE"]
    assert peer.events == [CallRefused("out", 487, "Request Terminated")]
    bye = peer.request
    assert peer.says(answer(bye, 200)).events == []


def test_a_cancel_that_is_not_obeyed_is_not_waited_for_for_ever(peer: Any) -> None:
    invite = dial(peer)
    peer.says(answer(invite, 180))
    cancel = peer.got(peer.user_agent.hang_up("out", peer.now)).request
    peer.says(answer(cancel, 200))
    assert peer.waits(31).events == []
    assert peer.waits(2).events == [CallRefused("out", 487, "Request Terminated")]


def test_a_second_fork_that_answers_is_hung_up_and_the_first_goes_on(peer: Any) -> None:
    invite = dial(peer)
    peer.says(answer(invite, 200, tag="one", headers=CONTACT))
    peer.says(answer(invite, 200, tag="two", headers="Contact: <sip:other@192.0.2.1:5078>"))
    assert [(r.method, r.uri, r.to_tag) for r in peer.sent] == [
        ("ACK", "sip:other@192.0.2.1:5078", "two"),
        ("BYE", "sip:other@192.0.2.1:5078", "two"),
    ]
    assert peer.says(answer(peer.request, 200)).events == []
    assert peer.user_agent.legs == ["out"]


@pytest.mark.parametrize(
    ("status", "ask", "reply"),
    [(401, "WWW-Authenticate", "Authorization"), (407, "Proxy-Authenticate", "Proxy-Authorization")],
)
def test_a_challenge_is_answered_once_with_the_strongest_algorithm(
    peer: Any, status: int, ask: str, reply: str
) -> None:
    invite = dial(peer, credentials=("ivr", "pa55"))
    tail = 'realm="pbx", nonce="n1", qop="auth,auth-int", opaque="o"'
    challenge = f"{ask}: Digest algorithm=MD5, {tail}\r\n{ask}: Digest algorithm=SHA-256, {tail}"
    peer.says(answer(invite, status, headers=challenge))
    assert (peer.methods, peer.events) == (["ACK", "INVITE"], [])
    again = peer.request
    given = parse_digest(again.headers[reply])
    assert given is not None
    assert (given["algorithm"], given["opaque"], given["nc"]) == ("SHA-256", "o", "00000001")
    proof = DigestInput(
        "SHA-256", "ivr", "pbx", "pa55", "INVITE", invite.uri, "n1", "auth", given["cnonce"], "00000001"
    )
    assert given["response"] == proof.response()
    assert again.cseq.sequence == invite.cseq.sequence + 1
    assert (again.call_id, again.from_tag, again.body) == (invite.call_id, invite.from_tag, OFFER)
    assert again.top_via.branch != invite.top_via.branch
    peer.says(answer(again, status, headers=challenge))
    assert peer.events == [CallRefused("out", status, "Phrase")]


def test_a_challenge_without_credentials_is_a_refusal(peer: Any) -> None:
    invite = dial(peer)
    peer.says(answer(invite, 401, headers='WWW-Authenticate: Digest realm="pbx", nonce="n1"'))
    assert peer.events == [CallRefused("out", 401, "Phrase")]


def test_a_bye_that_is_challenged_is_proved_too(peer: Any) -> None:
    invite = dial(peer, credentials=("ivr", "pa55"))
    peer.says(answer(invite, 200, headers=CONTACT))
    bye = peer.got(peer.user_agent.hang_up("out", peer.now)).request
    peer.says(answer(bye, 407, headers='Proxy-Authenticate: Digest realm="pbx", nonce="n2"'))
    assert peer.events == []
    assert (peer.request.method, peer.request.cseq.sequence) == ("BYE", bye.cseq.sequence + 1)
    assert peer.says(answer(peer.request, 200)).events == [CallEnded("out", "local", "BYE")]


def test_a_dead_connection_refuses_a_call_that_is_ringing_with_503(tcp_peer: Any) -> None:
    invite = dial(tcp_peer)
    tcp_peer.says(answer(invite, 180))
    outputs = tcp_peer.user_agent.connection_lost(tcp_peer.flow, tcp_peer.now)
    assert outputs == [CallRefused("out", 503, NO_CONNECTION)]


def test_a_live_call_outlives_its_connection_and_its_bye_opens_another(tcp_peer: Any) -> None:
    invite = dial(tcp_peer)
    tcp_peer.says(answer(invite, 200, headers="Contact: <sip:desk@192.0.2.1:5077;transport=tcp>"))
    user_agent, now = tcp_peer.user_agent, tcp_peer.now
    assert user_agent.connection_lost(tcp_peer.flow, now) == []
    (bye,) = user_agent.hang_up("out", now)
    assert bye.flow == replace(tcp_peer.flow, remote=("192.0.2.1", 5077), connection=0)
    assert user_agent.connection_lost(bye.flow, now) == [CallEnded("out", "local", "BYE not answered")]


def test_a_response_to_nothing_is_dropped(peer: Any) -> None:
    invite = dial(peer)
    stranger = answer(invite, 200).replace(invite.top_via.branch.encode(), b"z9hG4bKother")
    assert peer.says(stranger).sent == []
    assert peer.user_agent.counters["dropped"] == 1


def test_wishes_that_do_not_fit_are_local_mistakes(peer: Any) -> None:
    dial(peer)
    with pytest.raises(LocalProtocolError, match="is live already"):
        dial(peer)
    with pytest.raises(LocalProtocolError, match="is not confirmed"):
        peer.user_agent.offer("out", b"v=0", peer.now)
    with pytest.raises(LocalProtocolError, match="a call of ours"):
        peer.user_agent.answer("out", b"v=0", peer.now)
    for target in ("nonsense", "sip:a@b\r\nX: y", "http://a"):
        with pytest.raises(LocalProtocolError):
            peer.user_agent.invite("x", target, b"v=0", peer.flow, peer.now, caller_uri="sip:ivr@192.0.2.2")
    assert peer.user_agent.legs == ["out"]


def test_what_is_sent_over_tcp_is_not_repeated(tcp_peer: Any) -> None:
    dial(tcp_peer)
    assert tcp_peer.waits(31).sent == []
    assert tcp_peer.waits(2).events == [CallRefused("out", 408, NO_ANSWER)]


def test_a_password_is_in_no_repr(peer: Any) -> None:
    from ivr.sip.authoriser import Authoriser
    from ivr.sip.credentials import Credentials

    credentials = Credentials("ivr", "pa55word")
    assert "pa55word" not in repr(credentials)
    challenge = decode(
        b"SIP/2.0 401 U\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n"
        b'Call-ID: 1\r\nCSeq: 1 INVITE\r\nWWW-Authenticate: Digest realm="r\\"x", nonce="n"\r\n\r\n'
    )
    invite = dial(peer)
    authoriser = Authoriser(credentials, random.Random(1))
    assert authoriser.takes(invite, challenge)
    authoriser.sign(invite, again=True)
    name, value = "Authorization", invite.headers["Authorization"]
    assert name == "Authorization"
    assert "pa55word" not in value
    assert 'realm="r\\"x"' in value
    assert isinstance(peer.sends[0], SendBytes)
