"""What we are elsewhere: REGISTER as a client, proofs for whoever asks, and calls that come by a line."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from ivr.sip.authoriser import MAX_TRIES
from ivr.sip.credentials import Credentials
from ivr.sip.digest import DigestInput, parse_digest
from ivr.sip.events import (
    CallAccepted,
    CallRefused,
    Flow,
    IncomingCall,
    RegistrationAnswered,
    RegistrationLost,
    UserAgentSettings,
)
from ivr.sip.fields import Via
from ivr.sip.message import Request
from ivr.sip.registration import Line
from ivr.sip.reply import reply_to
from ivr.sip.user_agent import UserAgent

LINE = Line("pbx", "200", "sip:pbx.example", Credentials("200", "pa55"))
OFFER = b"v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\n"


class Registrar:
    """Somebody who answers each request of ours with what a test says, over `peer`."""

    def __init__(self, peer: Any) -> None:
        self.peer = peer

    def registers(self, line: Line = LINE, *, expires: int = 600) -> Request:
        return self.got(self.peer.user_agent.register(line, self.peer.flow, self.peer.now, expires=expires))

    def got(self, outputs: list[Any]) -> Request:
        request = self.peer.got(outputs).request
        assert isinstance(request, Request)
        return request

    def answers(self, request: Request, status: int, *headers: tuple[str, str], phrase: str = "") -> Any:
        response = reply_to(request, status, phrase, to_tag="them", headers=headers)
        return self.peer.says(response.encode())

    def asks(self, request: Request, status: int = 401, **changes: str) -> Request:
        """Challenge it; the request as it is sent again."""
        return self.answers(request, status, challenge(status, **changes)).request  # type: ignore[no-any-return]


def challenge(status: int = 401, *, realm: str = "pbx", nonce: str = "n1", more: str = "") -> tuple[str, str]:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    return name, f'Digest realm="{realm}", nonce="{nonce}", qop="auth"{more}'


def proofs(request: Request, name: str = "Authorization") -> dict[str, dict[str, str]]:
    found = [parse_digest(value) or {} for value in request.headers.getlist(name)]
    return {proof["realm"]: proof for proof in found}


def is_right(proof: dict[str, str], request: Request, password: str = "pa55") -> bool:
    made = DigestInput(
        proof.get("algorithm", "MD5"), proof["username"], proof["realm"], password, request.method, proof["uri"],
        proof["nonce"], proof.get("qop", ""), proof.get("cnonce", ""), proof.get("nc", ""),
    )  # fmt: skip
    return proof["response"] == made.response() and proof["uri"] == request.uri


@pytest.fixture
def registrar(peer: Any) -> Registrar:
    return Registrar(peer)


# --- REGISTER


def test_a_register_is_what_rfc_3261_asks_for(registrar: Registrar) -> None:
    request = registrar.registers()
    assert (request.method, request.uri) == ("REGISTER", "sip:pbx.example")
    assert request.headers["To"] == "<sip:200@pbx.example>"
    assert request.from_address.uri == "sip:200@pbx.example" and request.from_tag
    assert request.headers["Expires"] == "600"
    assert request.addresses("Contact")[0].uri.startswith("sip:200@192.0.2.2:5060;line=")
    assert request.headers.get("Route") is None
    later = registrar.registers()
    assert later.call_id == request.call_id
    assert later.cseq.sequence == request.cseq.sequence + 1


def test_an_outbound_proxy_is_a_route(registrar: Registrar) -> None:
    line = Line("pbx", "200", "sip:pbx.example", None, "sip:edge.example;lr")
    request = registrar.registers(line)
    assert (request.uri, request.headers["Route"]) == ("sip:pbx.example", "<sip:edge.example;lr>")


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_challenge_is_answered_and_the_next_refresh_proves_itself_unasked(
    registrar: Registrar, algorithm: str
) -> None:
    request = registrar.asks(registrar.registers(), more=f", algorithm={algorithm}, opaque=xyz")
    proof = proofs(request)["pbx"]
    assert is_right(proof, request)
    assert (proof["nc"], proof["algorithm"], proof["opaque"]) == ("00000001", algorithm, "xyz")
    peer = registrar.answers(request, 200, ("Contact", f"<{request.addresses('Contact')[0].uri}>;expires=300"))
    assert peer.events == [RegistrationAnswered("200", 200, "OK", 300, "pbx")]
    refresh = registrar.registers()
    again = proofs(refresh)["pbx"]
    assert (again["nonce"], again["nc"]) == ("n1", "00000002")
    assert again["cnonce"] != proof["cnonce"]
    assert is_right(again, refresh)


def test_the_strongest_algorithm_of_a_realm_is_taken(registrar: Registrar) -> None:
    headers = [challenge(more=", algorithm=MD5"), challenge(nonce="n2", more=", algorithm=SHA-256")]
    request = registrar.answers(registrar.registers(), 401, *headers).request
    (value,) = request.headers.getlist("Authorization")
    assert proofs(request)["pbx"]["algorithm"] == "SHA-256"
    assert 'nonce="n2"' in value


def test_a_wrong_password_is_tried_once(registrar: Registrar) -> None:
    request = registrar.asks(registrar.registers())
    peer = registrar.answers(request, 401, challenge(nonce="n2"))
    assert peer.sent == []
    assert peer.events == [RegistrationAnswered("200", 401, "Unauthorized", 0, "pbx")]


def test_a_nonce_that_is_called_stale_costs_one_more_try_but_not_for_ever(registrar: Registrar) -> None:
    request = registrar.asks(registrar.registers())
    for number in range(MAX_TRIES - 1):
        request = registrar.asks(request, nonce=f"s{number}", more=", stale=true")
        assert proofs(request)["pbx"]["nc"] == "00000001"
    peer = registrar.answers(request, 401, challenge(nonce="last", more=", stale=true"))
    assert (peer.sent, peer.events[0].status) == ([], 401)


def test_the_same_nonce_called_stale_is_not_answered_again(registrar: Registrar) -> None:
    request = registrar.asks(registrar.registers())
    assert registrar.answers(request, 401, challenge(more=", stale=TRUE")).sent == []


def test_a_nonce_used_unasked_may_have_grown_old_without_being_called_stale(registrar: Registrar) -> None:
    request = registrar.asks(registrar.registers())
    registrar.answers(request, 200, ("Expires", "600"))
    refresh = registrar.asks(registrar.registers(), nonce="n2")
    assert (proofs(refresh)["pbx"]["nonce"], proofs(refresh)["pbx"]["nc"]) == ("n2", "00000001")
    assert registrar.answers(refresh, 401, challenge(nonce="n3")).sent == []


def test_a_challenge_without_qop_is_answered_each_time_and_never_unasked(registrar: Registrar) -> None:
    bare = ("WWW-Authenticate", 'Digest realm="pbx", nonce="n1"')
    request = registrar.answers(registrar.registers(), 401, bare).request
    assert "nc" not in proofs(request)["pbx"] and is_right(proofs(request)["pbx"], request)
    registrar.answers(request, 200, ("Expires", "600"))
    assert registrar.registers().headers.get("Authorization") is None


@pytest.mark.parametrize("more", [", algorithm=TOKEN", ", algorithm=MD5-sess", ', qop="auth-int"'])
def test_what_we_do_not_speak_is_the_registrars_last_word(registrar: Registrar, more: str) -> None:
    value = f'Digest realm="pbx", nonce="n1"{more}'
    peer = registrar.answers(registrar.registers(), 401, ("WWW-Authenticate", value))
    assert (peer.sent, peer.events[0].status) == ([], 401)


def test_too_short_for_the_registrar_is_asked_again_with_its_minimum_once(registrar: Registrar) -> None:
    request = registrar.answers(registrar.registers(expires=60), 423, ("Min-Expires", "1800")).request
    assert request.headers["Expires"] == "1800"
    peer = registrar.answers(request, 423, ("Min-Expires", "3600"))
    assert (peer.sent, peer.events[0].status) == ([], 423)


def test_what_is_granted_is_what_our_own_contact_says(registrar: Registrar) -> None:
    request = registrar.registers()
    mine = request.addresses("Contact")[0].uri
    others = ("Contact", "<sip:200@192.0.2.77>;expires=3000")
    peer = registrar.answers(request, 200, others, ("Contact", f"<{mine}>;expires=120"), ("Expires", "999"))
    assert peer.events[0].expires == 120
    assert registrar.answers(registrar.registers(), 200, ("Expires", "77")).events[0].expires == 77


@pytest.mark.parametrize(("value", "seconds"), [("18", 18), ("60 (busy);duration=9", 60), ("soon", 0)])
def test_a_registrar_may_say_when_to_come_back(registrar: Registrar, value: str, seconds: int) -> None:
    peer = registrar.answers(registrar.registers(), 503, ("Retry-After", value))
    assert peer.events == [RegistrationAnswered("200", 503, "Service Unavailable", 0, "pbx", seconds)]


def test_a_registrar_that_is_silent_is_408(registrar: Registrar) -> None:
    registrar.registers()
    peer = registrar.peer.waits(33.0)
    assert peer.events == [RegistrationAnswered("200", 408, "Request Timeout", 0, "pbx")]


def test_no_password_is_in_a_representation_or_on_the_wire(registrar: Registrar) -> None:
    assert "pa55" not in repr(LINE)
    assert b"pa55" not in registrar.asks(registrar.registers()).encode()


# --- a proxy, then the callee; and every request of a call


def dial(registrar: Registrar, **more: Any) -> Request:
    peer = registrar.peer
    outputs = peer.user_agent.invite(
        "out", "sip:+15550100@pbx.example", OFFER, peer.flow, peer.now, caller_uri="sip:200@pbx.example",
        credentials=("200", "pa55"), **more,
    )  # fmt: skip
    return registrar.got(outputs)


def answered(registrar: Registrar) -> Request:
    """A call through a proxy and a callee that both ask; the INVITE that was let through."""
    invite = registrar.asks(dial(registrar), 407, realm="proxy", nonce="p1")
    invite = registrar.asks(invite, 401, realm="callee", nonce="c1")
    contact = ("Contact", "<sip:bob@192.0.2.1>")
    body = reply_to(invite, 200, to_tag="them", headers=[contact], body=OFFER, content_type="application/sdp")
    registrar.peer.says(body.encode())
    assert isinstance(registrar.peer.events[0], CallAccepted)
    return invite


def test_a_proxy_and_then_the_callee_are_answered_in_one_invite(registrar: Registrar) -> None:
    first = dial(registrar)
    second = registrar.asks(first, 407, realm="proxy", nonce="p1")
    assert list(proofs(second, "Proxy-Authorization")) == ["proxy"]
    third = registrar.asks(second, 401, realm="callee", nonce="c1")
    proxy, callee = proofs(third, "Proxy-Authorization")["proxy"], proofs(third)["callee"]
    assert (proxy["nc"], callee["nc"]) == ("00000002", "00000001"), "a nonce's count went out twice"
    assert is_right(proxy, third) and is_right(callee, third)
    assert first.call_id == second.call_id == third.call_id
    assert [r.cseq.sequence - first.cseq.sequence for r in (first, second, third)] == [0, 1, 2]


def test_two_proxies_that_ask_in_one_response_are_both_answered(registrar: Registrar) -> None:
    headers = [challenge(407, realm="one"), challenge(407, realm="two", nonce="n2")]
    invite = registrar.answers(dial(registrar), 407, *headers).request
    assert set(proofs(invite, "Proxy-Authorization")) == {"one", "two"}


def test_a_proxy_that_does_not_like_the_password_ends_the_call(registrar: Registrar) -> None:
    invite = registrar.asks(dial(registrar), 407, realm="proxy")
    peer = registrar.answers(invite, 407, challenge(407, realm="proxy", nonce="p2"))
    assert peer.events == [CallRefused("out", 407, "Proxy Authentication Required")]


def test_the_ack_has_what_its_invite_had(registrar: Registrar) -> None:
    invite = answered(registrar)
    ack = registrar.peer.request
    assert ack.method == "ACK"
    for name in ("Authorization", "Proxy-Authorization"):
        assert ack.headers.getlist(name) == invite.headers.getlist(name)


@pytest.mark.parametrize("method", ["BYE", "INVITE"])
@pytest.mark.parametrize("status", [401, 407])
def test_a_request_in_the_call_is_challenged_and_sent_again(
    registrar: Registrar, method: str, status: int
) -> None:
    answered(registrar)
    agent, now = registrar.peer.user_agent, registrar.peer.now
    request = registrar.got(agent.hang_up("out", now) if method == "BYE" else agent.offer("out", OFFER, now))
    assert request.method == method
    assert proofs(request, "Proxy-Authorization")["proxy"]["nc"] == "00000003", "not proved unasked"
    again = registrar.asks(request, status, realm="third", nonce="t1")
    name = "Authorization" if status == 401 else "Proxy-Authorization"
    assert is_right(proofs(again, name)["third"], again)
    assert again.cseq.sequence == request.cseq.sequence + 1
    assert registrar.answers(again, status, challenge(status, realm="third", nonce="t2")).methods in ([], ["ACK"])


def test_a_notify_of_ours_is_challenged_and_sent_again(registrar: Registrar) -> None:
    invite = answered(registrar)
    peer = registrar.peer
    peer.says(f"""
        REFER sip:200@192.0.2.2 SIP/2.0
        Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-refer
        Max-Forwards: 70
        From: {invite.headers["To"]};tag=them
        To: {invite.headers["From"]}
        Call-ID: {invite.call_id}
        CSeq: 7 REFER
        Contact: <sip:bob@192.0.2.1>
        Refer-To: <sip:carol@pbx.example>
        Content-Length: 0

    """)
    notify = registrar.got(peer.user_agent.accept_refer("out", peer.now))
    assert notify.method == "NOTIFY"
    again = registrar.asks(notify, 407, realm="third", nonce="t1")
    assert again.method == "NOTIFY" and again.body == notify.body
    assert is_right(proofs(again, "Proxy-Authorization")["third"], again)
    assert again.cseq.sequence == notify.cseq.sequence + 1
    registrar.answers(again, 200)
    later = registrar.got(peer.user_agent.tell_refer("out", 200, peer.now))
    assert later.cseq.sequence == again.cseq.sequence + 1


def test_a_refer_of_ours_is_challenged_and_sent_again(registrar: Registrar) -> None:
    answered(registrar)
    peer = registrar.peer
    refer = registrar.got(peer.user_agent.refer("out", "sip:carol@pbx.example", peer.now))
    again = registrar.asks(refer, 401, realm="third", nonce="t1")
    assert (again.method, is_right(proofs(again)["third"], again)) == ("REFER", True)


def test_an_update_of_ours_is_challenged_and_sent_again(registrar: Registrar) -> None:
    """The refresh of a session timer, which goes by UPDATE where the peer takes that."""
    invite = registrar.asks(dial(registrar), 407, realm="proxy", nonce="p1")
    headers = [("Contact", "<sip:bob@192.0.2.1>"), ("Allow", "INVITE, UPDATE"), ("Supported", "timer")]
    headers += [("Session-Expires", "200;refresher=uac"), ("Require", "timer")]
    answer = reply_to(invite, 200, to_tag="them", headers=headers, body=OFFER, content_type="application/sdp")
    registrar.peer.says(answer.encode())
    update = registrar.peer.waits(100.0).request
    assert update.method == "UPDATE"
    again = registrar.asks(update, 401, realm="callee", nonce="c9")
    assert (again.method, is_right(proofs(again)["callee"], again)) == ("UPDATE", True)


# --- calls that come by the line


@pytest.fixture
def registered(registrar: Registrar) -> Request:
    request = registrar.asks(registrar.registers())
    registrar.answers(request, 200, ("Expires", "600"))
    return request


def test_a_call_at_the_contact_we_registered_is_known_by_its_line(
    registrar: Registrar, registered: Request, make_request: Any
) -> None:
    contact = registered.addresses("Contact")[0].uri
    peer = registrar.peer
    peer.flow = Flow("udp", peer.flow.local, ("198.51.100.9", 5060))  # another machine of the same carrier
    event = peer.says(make_request("INVITE", uri=contact, body=OFFER)).event(IncomingCall)
    assert (event.line, event.called) == ("pbx", "100"), "To names who was dialled"


def test_a_registrar_that_drops_parameters_is_known_by_its_address(
    registrar: Registrar, registered: Request, make_request: Any
) -> None:
    event = registrar.peer.says(make_request("INVITE", uri="sip:200@192.0.2.2", body=OFFER)).event(IncomingCall)
    assert (event.line, event.called) == ("pbx", "100")


def test_a_stranger_who_guesses_our_user_is_nobody_of_the_line(
    registrar: Registrar, registered: Request, make_request: Any
) -> None:
    peer = registrar.peer
    peer.flow = Flow("udp", peer.flow.local, ("198.51.100.9", 5060))
    uri = "sip:200@192.0.2.2;line=0123456789abcdef"
    event = peer.says(make_request("INVITE", uri=uri, body=OFFER)).event(IncomingCall)
    assert (event.line, event.called) == ("", "200")


def test_a_number_in_the_request_uri_is_what_was_dialled(
    registrar: Registrar, registered: Request, make_request: Any
) -> None:
    line = registered.addresses("Contact")[0].uri.partition(";")[2]
    uri = f"sip:+15550142@192.0.2.2;{line}"
    event = registrar.peer.says(make_request("INVITE", uri=uri, body=OFFER)).event(IncomingCall)
    assert (event.line, event.called) == ("pbx", "+15550142")


def test_hanging_up_a_call_of_the_line_is_proved_when_the_pbx_asks(
    registrar: Registrar, registered: Request, make_request: Any
) -> None:
    peer = registrar.peer
    peer.says(make_request("INVITE", uri=registered.addresses("Contact")[0].uri, body=OFFER))
    leg = peer.event(IncomingCall).leg
    peer.got(peer.user_agent.answer(leg, OFFER, peer.now))
    tag = peer.response.to_tag
    peer.says(make_request("ACK", branch="z9hG4bK-ack", to_tag=tag))
    bye = registrar.got(peer.user_agent.hang_up(leg, peer.now))
    again = registrar.asks(bye, 407, realm="elsewhere", nonce="e1")
    assert is_right(proofs(again, "Proxy-Authorization")["elsewhere"], again)


# --- behind an address translator


def seen_at(request: Request, host: str, port: int) -> Request:
    """As a registrar notes in the topmost Via where a request came from. RFC 3261 section 18.2.1, RFC 3581."""
    via = request.top_via.text.replace(";rport", f";rport={port};received={host}", 1)
    request.replace_top_via(Via.parse(via))
    return request


def test_the_registrar_tells_where_it_sees_us_and_is_told_that_contact_instead(registrar: Registrar) -> None:
    request = registrar.registers()
    inside = request.addresses("Contact")[0].uri
    peer = registrar.answers(seen_at(request, "203.0.113.9", 40404), 200)
    assert peer.events == [], "the registration is not done before the right Contact is bound"
    again, gone = peer.request.addresses("Contact")
    assert again.uri.startswith("sip:200@203.0.113.9:40404;line=")
    assert (gone.uri, gone.parameters["expires"]) == (inside, "0")
    peer = registrar.answers(seen_at(peer.request, "203.0.113.9", 40404), 200)
    assert [type(event) for event in peer.events] == [RegistrationAnswered]
    assert [contact.uri for contact in registrar.registers().addresses("Contact")] == [again.uri]


def test_calls_by_that_line_name_the_outside_address_and_others_do_not(registrar: Registrar) -> None:
    peer = registrar.answers(seen_at(registrar.registers(), "203.0.113.9", 40404), 200)
    registrar.answers(seen_at(peer.request, "203.0.113.9", 40404), 200)
    agent, now = peer.user_agent, peer.now
    made = registrar.got(
        agent.invite("a", "sip:1@pbx.example", OFFER, peer.flow, now, caller_uri="sip:200@pbx.example")
    )
    assert made.addresses("Contact")[0].uri == "sip:200@203.0.113.9:40404"
    inside = Flow("udp", peer.flow.local, ("192.0.2.77", 5060))
    made = registrar.got(
        agent.invite("b", "sip:1@192.0.2.77", OFFER, inside, now, caller_uri="sip:200@pbx.example")
    )
    assert made.addresses("Contact")[0].uri == "sip:200@192.0.2.2:5060"


def test_a_translator_with_another_port_for_every_message_does_not_keep_us_busy(registrar: Registrar) -> None:
    peer = registrar.answers(seen_at(registrar.registers(), "203.0.113.9", 40001), 200)
    peer = registrar.answers(seen_at(peer.request, "203.0.113.9", 40002), 200)
    assert (peer.sent, [type(event) for event in peer.events]) == ([], [RegistrationAnswered])


@pytest.mark.parametrize(
    ("host", "port"),
    [("192.0.2.2", 5060), ("not-an-address", 5060), ("2001:db8::1", 5060), ("192.0.2.2", 0), ("192.0.2.2", 99999)],
)
def test_what_is_no_other_address_of_ours_changes_nothing(registrar: Registrar, host: str, port: int) -> None:
    peer = registrar.answers(seen_at(registrar.registers(), host, port), 200)
    assert (peer.sent, [type(event) for event in peer.events]) == ([], [RegistrationAnswered])


@pytest.mark.parametrize(("host", "moves"), [("192.0.2.2", False), ("203.0.113.9", True)])
def test_the_port_of_a_connection_of_ours_is_named_only_behind_a_translator(
    make_peer: Any, host: str, moves: bool
) -> None:
    registrar = Registrar(make_peer(UserAgent(UserAgentSettings()), "tcp"))
    peer = registrar.answers(seen_at(registrar.registers(), host, 50123), 200)
    assert bool(peer.sent) is moves
    if moves:
        uri = peer.request.addresses("Contact")[0].uri
        assert uri.startswith("sip:200@203.0.113.9:50123;transport=tcp;line=")


# --- the connection of a registration


def test_the_loss_of_the_connection_we_registered_over_is_told_once(make_peer: Any) -> None:
    registrar = Registrar(make_peer(UserAgent(UserAgentSettings()), "tcp"))
    peer = registrar.answers(registrar.registers(), 200)
    other = replace(peer.flow, connection=8)
    assert peer.got(peer.user_agent.connection_lost(other, peer.now)).events == []
    assert peer.got(peer.user_agent.connection_lost(peer.flow, peer.now)).events == [RegistrationLost("pbx")]
    assert peer.got(peer.user_agent.connection_lost(peer.flow, peer.now)).events == []


def test_the_loss_of_the_connection_under_a_register_is_its_failure_and_nothing_more(make_peer: Any) -> None:
    registrar = Registrar(make_peer(UserAgent(UserAgentSettings()), "tcp"))
    registrar.registers()
    peer = registrar.peer
    peer.got(peer.user_agent.connection_lost(peer.flow, peer.now))
    assert peer.events == [RegistrationAnswered("200", 503, "Service Unavailable", 0, "pbx")]


def test_two_of_us_register_with_each_other_over_the_wire(make_peer: Any) -> None:
    """The client side against our own registrar."""
    server = UserAgent(UserAgentSettings(realm="pbx", accounts={"200": "pa55"}), rng=random.Random(3))
    client = UserAgent(UserAgentSettings(), rng=random.Random(4))
    there = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.2", 5060))
    here = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
    outputs = client.register(LINE, there, 0.0, expires=30)
    seen = []
    while outputs:
        sent = [o.data for o in outputs if hasattr(o, "data")]
        seen += [o for o in outputs if isinstance(o, RegistrationAnswered)]
        answers = [a.data for data in sent for a in server.receive(data, here, 0.0) if hasattr(a, "data")]
        outputs = [o for data in answers for o in client.receive(data, there, 0.0)]
    assert [(answer.status, answer.expires) for answer in seen] == [(200, 60)], "423 was not honoured"
    (binding,) = server.bindings("200", 1.0)
    assert binding.contact.startswith("sip:200@192.0.2.1:5060;line=")
