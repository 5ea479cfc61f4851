"""The torture messages of RFC 4475, each with the answer a careful endpoint gives.

The files are named as there and written anew from its descriptions. A number is the status of our only answer, 100
with a call that reaches the application; 0 is silence, counted. Where the standard lets an endpoint choose between
refusing and forgiving, the remark says what was chosen.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from ivr.sip.digest import DigestInput, parse_digest
from ivr.sip.events import IncomingCall, MessageDropped, Registered, SendBytes, UserAgentSettings
from ivr.sip.message import Request, Response, decode
from ivr.sip.user_agent import UserAgent

FOLDER = Path(__file__).parent / "wire" / "torture"

ANSWERS = {
    # 3.1.1 valid
    "wsinv": 481,  # its To has a tag, and there is no such dialog here
    "intmeth": 501,
    "esc01": 100,
    "escnull": 401,
    "esc02": 501,  # RE%47IST%45R is not REGISTER
    "lwsdisp": 200,
    "longreq": 100,
    "dblreq": 401,  # what follows the REGISTER in its datagram is no message
    "semiuri": 200,
    "transports": 200,
    "mpart01": 405,
    "unreason": 0,  # responses to nothing we asked
    "noreason": 0,
    # 3.1.2 invalid
    "badinv01": 400,
    "clerr": 400,
    "ncl": 400,
    "scalar02": 400,
    "scalarlg": 0,
    "quotbal": 400,
    "ltgtruri": 400,
    "lwsruri": 400,
    "lwsstart": 100,  # forgiven
    "trws": 200,  # forgiven
    "escruri": 100,  # what stands behind the question mark is not looked at
    "baddate": 100,  # a date is nothing to us
    "regbadct": 400,
    "badaspec": 200,  # forgiven
    "baddn": 200,  # forgiven
    "badvers": 0,  # its Via is of SIP/7.0 too: nobody to tell
    "mismatch01": 400,
    "mismatch02": 400,
    "bigcode": 0,
    # 3.2 transaction layer
    "badbranch": 200,
    # 3.3 application layer
    "insuf": 400,
    "unkscm": 416,
    "novelsc": 416,
    "unksm2": 401,  # who it is comes first
    "bext01": 420,
    "invut": 415,
    "regaut01": 401,
    "multi01": 400,
    "mcl01": 400,
    "bcast": 0,
    "zeromf": 200,  # it ends here
    "cparam01": 401,
    "cparam02": 401,
    "regescrt": 401,
    "sdp01": 406,
    # 3.4 backward compatibility
    "inv2543": 100,
}


def torture(name: str) -> bytes:
    return (FOLDER / f"{name}.dat").read_bytes()


def test_every_message_has_its_answer_in_the_table() -> None:
    assert sorted(ANSWERS) == sorted(path.stem for path in FOLDER.glob("*.dat"))
    assert len(ANSWERS) == 49


@pytest.mark.parametrize("name", ANSWERS)
def test_a_torture_message_gets_the_answer_of_a_careful_endpoint(peer: Any, name: str) -> None:
    outputs = peer.user_agent.receive(torture(name), peer.flow, peer.now)
    status = ANSWERS[name]
    sent = [int(output.data.split(b" ")[1]) for output in outputs if isinstance(output, SendBytes)]
    assert sent == [status] * bool(status)
    events = [type(output) for output in outputs if not isinstance(output, SendBytes)]
    assert events == {100: [IncomingCall], 0: [MessageDropped]}.get(status, [])
    assert peer.user_agent.counters["dropped"] == (not status)
    assert peer.user_agent.receive(torture("zeromf").replace(b"z9", b"Z9"), peer.flow, peer.now)


@pytest.mark.parametrize("name", [name for name, status in ANSWERS.items() if status == 100])
def test_a_tortured_call_is_answered_and_ends_like_any_other(peer: Any, name: str) -> None:
    peer.got(peer.user_agent.receive(torture(name), peer.flow, peer.now))
    leg = peer.events[0].leg
    accepted = peer.got(peer.user_agent.answer(leg, b"v=0", peer.now)).response
    request = decode(torture(name))
    assert accepted.status == 200
    assert accepted.headers.getlist("Via")[1:] == request.headers.getlist("Via")[1:]
    assert (accepted.call_id, accepted.headers["From"]) == (request.call_id, request.headers["From"])
    ack = (
        f"ACK sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nFrom: {accepted.headers['From']}\r\n"
    )
    ack += (
        f"To: {accepted.headers['To']}\r\nCall-ID: {accepted.call_id}\r\nCSeq: {request.cseq.sequence} ACK\r\n\r\n"
    )
    peer.says(ack.encode())
    assert peer.got(peer.user_agent.hang_up(leg, peer.now)).methods == ["BYE"]
    peer.waits(100)
    assert (peer.user_agent.legs, peer.user_agent.transactions) == ([], 0)


@pytest.mark.parametrize("name", [name for name, status in ANSWERS.items() if status != 400])
def test_what_is_understood_is_written_back_with_the_same_meaning(name: str) -> None:
    if name in ("scalarlg", "badvers", "bigcode"):
        return
    message = decode(torture(name))
    again = decode(message.encode())
    assert again.start_line == message.start_line
    for header in message.headers.keys():  # noqa: SIM118
        if header != "Content-Length":
            assert again.headers.getlist(header) == message.headers.getlist(header)
    assert again.body == message.body


def test_the_short_tortuous_invite_reads_like_a_plain_one() -> None:
    invite = decode(torture("wsinv"))
    assert isinstance(invite, Request)
    assert (invite.to_tag, invite.from_tag) == ("1918181833n", "98asjd8")
    assert invite.from_address.display == 'J Rosenberg \\"'
    assert (invite.cseq.sequence, invite.cseq.method, invite.number("Max-Forwards")) == (9, "INVITE", 68)
    assert [(via.transport, via.host, via.branch) for via in invite.vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    assert invite.headers["NewFangledHeader"] == "newfangled value continued newfangled value"
    (contact,) = invite.addresses("Contact")
    assert (contact.uri, contact.display) == ("sip:jdrosen@example.com", 'Quoted string ""')
    assert (contact.parameters["newparam"], contact.parameters["q"]) == ("newvalue", "0.33")


def test_wide_characters_and_escapes_keep_their_meaning() -> None:
    strange = decode(torture("intmeth"))
    assert isinstance(strange, Request)
    assert strange.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert strange.to_address.display == "BEL:\x07 NUL:  DEL:\x7f"
    assert strange.from_tag == "_token~1'+`*%!-."
    assert decode(torture("esc01")).from_address.uri == "sip:I%20have%20spaces@example.net"
    assert decode(torture("esc02")).to_address.display == "%Z%45"
    assert len(decode(torture("esc02")).addresses("Contact")) == 2


def test_the_called_number_of_an_escaped_uri_is_unescaped(peer: Any) -> None:
    peer.got(peer.user_agent.receive(torture("esc01"), peer.flow, peer.now))
    assert (peer.events[0].called, peer.events[0].calling_number) == ("sips:user@example.com", "I have spaces")


def test_odd_reasons_are_read() -> None:
    unusual, empty = decode(torture("unreason")), decode(torture("noreason"))
    assert isinstance(unusual, Response) and isinstance(empty, Response)
    assert unusual.phrase == "= 2**3 * 5**2 но сто девяносто девять - простое"
    assert (empty.status, empty.phrase) == (100, "")


@pytest.mark.parametrize(
    ("name", "header", "value"),
    [
        ("bext01", "Unsupported", "nothingSupportsThis, nothingSupportsThisEither"),
        ("invut", "Accept", "application/sdp"),
        (
            "mpart01",
            "Allow",
            "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER, NOTIFY, SUBSCRIBE, REGISTER",
        ),
    ],
)
def test_a_refusal_says_what_would_have_done(peer: Any, name: str, header: str, value: str) -> None:
    peer.got(peer.user_agent.receive(torture(name), peer.flow, peer.now))
    assert peer.response.headers[header] == value


def test_an_answer_to_every_hop_goes_back_in_their_order(peer: Any) -> None:
    peer.got(peer.user_agent.receive(torture("transports"), peer.flow, peer.now))
    assert [via.transport for via in peer.response.vias] == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def test_two_requests_without_a_real_branch_are_two(peer: Any) -> None:
    first = torture("badbranch")
    assert peer.got(peer.user_agent.receive(first, peer.flow, peer.now)).statuses == [200]
    other = first.replace(b"badbranch.", b"another.").replace(b"OPTIONS", b"INFO")
    assert peer.got(peer.user_agent.receive(other, peer.flow, peer.now)).statuses == [481]
    more = first.replace(b"badbranch.", b"third.")
    assert b"Call-ID: third." in peer.user_agent.receive(more, peer.flow, peer.now)[0].data
    assert peer.user_agent.counters["repeated"] == 0


def test_a_caller_of_1996_is_called_back_at_its_from(peer: Any) -> None:
    peer.got(peer.user_agent.receive(torture("inv2543"), peer.flow, peer.now))
    leg = peer.events[0].leg
    accepted = peer.got(peer.user_agent.answer(leg, b"v=0", peer.now)).response
    peer.user_agent.receive(
        torture("inv2543")
        .replace(b"INVITE", b"ACK")
        .replace(b"user=phone\r\nCall", f"user=phone;tag={accepted.to_tag}\r\nCall".encode()),
        peer.flow,
        peer.now,
    )
    bye = peer.got(peer.user_agent.hang_up(leg, peer.now)).request
    assert (bye.uri, bye.headers["From"]) == (
        "sip:UserB@example.com;maddr=ss1.example.com",
        accepted.headers["To"],
    )
    assert bye.headers["Route"] == "<sip:+13035551111@ift.client.example.net;user=phone>"


@pytest.mark.parametrize(
    ("name", "contact"),
    [
        ("cparam01", "sip:+19725552222@gw1.example.net"),
        ("cparam02", "sip:+19725552222@gw1.example.net;unknownparam"),
        ("regescrt", "sip:user@example.com?Route=%3Csip:sip.example.com%3E"),
    ],
)
def test_odd_contacts_are_bound_as_they_are(make_peer: Any, name: str, contact: str) -> None:
    settings = UserAgentSettings(accounts={"watson": "elementary"})
    peer = make_peer(UserAgent(settings, rng=random.Random(7)))
    challenged = peer.got(peer.user_agent.receive(torture(name), peer.flow, peer.now)).response
    challenge = parse_digest(challenged.headers["WWW-Authenticate"]) or {}
    nonce, uri = challenge["nonce"], "sip:example.com"
    proof = DigestInput("MD5", "watson", "ivr", "elementary", "REGISTER", uri, nonce, "", "", "").response()
    header = (
        f'Authorization: Digest username="watson", realm="ivr", nonce="{nonce}", uri="{uri}", response="{proof}"'
    )
    again = torture(name).replace(b"CSeq: 2", header.encode() + b"\r\nCSeq: 3").replace(b"4bKkdjuw", b"4bKother")
    peer.got(peer.user_agent.receive(again, peer.flow, peer.now))
    assert (peer.statuses, peer.events) == ([200], [Registered("watson", contact, 3600, peer.flow)])


def test_on_a_stream_the_second_request_of_one_datagram_is_one(peer: Any) -> None:
    from ivr.sip.framing import StreamFramer

    register, invite = StreamFramer().feed(torture("dblreq"))
    assert (decode(register).cseq.method, decode(invite).cseq.method) == ("REGISTER", "INVITE")
