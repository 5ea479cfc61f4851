"""REFER, ours and theirs: every outcome is told once, and the call it was sent in is never hurt by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sip.answers import answer as reply

from ivr.errors import LocalProtocolError
from ivr.sip.events import (
    CallEnded,
    IncomingCall,
    ReferAccepted,
    ReferEnded,
    ReferProgress,
    ReferRequested,
)
from ivr.sip.message import Request
from ivr.sip.user_to_user import UserToUser

Make = Callable[..., str]
TARGET = "sip:bob@192.0.2.9"


# --- ours


def refer(answered: Any, **wishes: Any) -> Request:
    peer = answered.peer
    peer.got(peer.user_agent.refer(answered.leg, TARGET, peer.now, **wishes))
    return peer.request if peer.sent else None  # type: ignore[no-any-return]


def answer(answered: Any, request: Request, status: int, phrase: str = "Phrase", headers: str = "") -> Any:
    lines = [headers] if headers else []
    return answered.peer.says(reply(request, status, *lines).replace(b" Phrase\r\n", f" {phrase}\r\n".encode(), 1))


def notify(answered: Any, cseq: int, line: str = "", **parts: str) -> Any:
    state = parts.get("state", "active;expires=60")
    event = parts.get("event", "refer")
    kind = parts.get("kind", "message/sipfrag;version=2.0")
    headers = f"Event: {event}\nSubscription-State: {state}" + (f"\nContent-Type: {kind}" if line else "")
    return answered.says("NOTIFY", cseq, body=line, headers=headers)


def test_a_blind_transfer_says_whom_to_call_and_who_wants_it(answered: Any) -> None:
    request = refer(answered, user_to_user=[UserToUser(b"t7", content="id")], headers=[("X-Why", "billing")])
    assert request.method == "REFER"
    assert request.headers["Refer-To"] == f"<{TARGET}?User-to-User=7437%3Bencoding%3Dhex%3Bcontent%3Did>"
    assert request.headers["Referred-By"] == "<sip:100@192.0.2.2>"
    assert request.headers["X-Why"] == "billing"
    assert request.addresses("Contact")[0].uri == "sip:100@192.0.2.2:5060"
    assert "NOTIFY" in request.tokens("Allow")
    assert (request.to_tag, request.from_tag) == ("a1", answered.to_tag)


def test_an_attended_transfer_names_the_call_as_the_target_sees_it(answered: Any, make_request: Make) -> None:
    peer, user_agent = answered.peer, answered.peer.user_agent
    peer.says(make_request("INVITE", call_id="c@2", from_tag="b1", branch="z9hG4bK-b", body="v=0"))
    peer.got(user_agent.answer("in-2", b"v=0", peer.now))
    tag = peer.response.to_tag
    request = refer(answered, replaces_leg="in-2")
    assert request.headers["Refer-To"] == f"<{TARGET}?Replaces=c%402%3Bto-tag%3Db1%3Bfrom-tag%3D{tag}>"


def test_the_usual_way_of_a_transfer(answered: Any) -> None:
    leg = answered.leg
    assert answer(answered, refer(answered), 202).events == [ReferAccepted(leg)]
    assert notify(answered, 2, "SIP/2.0 100 Trying").events == [ReferProgress(leg, 100, "Trying")]
    assert notify(answered, 3, "SIP/2.0 180 Ringing\r\n").events == [ReferProgress(leg, 180, "Ringing")]
    assert notify(answered, 4, "SIP/2.0 180 Ringing\r\n").events == []
    last = notify(answered, 5, "SIP/2.0 200 OK\r\n", state="terminated;reason=noresource")
    assert (last.events, last.statuses) == ([ReferEnded(leg, "succeeded", 200, "OK")], [200])
    assert notify(answered, 6, "SIP/2.0 200 OK", state="terminated").statuses == [200]
    assert answered.peer.events == []
    assert answered.peer.user_agent.legs == [leg]


@pytest.mark.parametrize(
    ("line", "outcome", "status", "phrase"),
    [
        ("SIP/2.0 486 Busy Here", "failed", 486, "Busy Here"),
        ("SIP/2.0 603", "failed", 603, "Decline"),
        ("SIP/2.0 302 Moved Temporarily\r\nContact: <sip:x@y>", "failed", 302, "Moved Temporarily"),
        ("sip/2.0  200\tfine", "succeeded", 200, "fine"),
        ("nothing of the kind", "silent", 0, ""),
        ("SIP/2.0 100 Trying", "silent", 0, ""),
        ("", "silent", 0, ""),
    ],
)
def test_the_last_word_of_the_peer(answered: Any, line: str, outcome: Any, status: int, phrase: str) -> None:
    answer(answered, refer(answered), 202)
    heard = notify(answered, 2, line, state="terminated;reason=noresource").events
    assert heard == [ReferEnded(answered.leg, outcome, status, phrase)]


@pytest.mark.parametrize("status", [302, 400, 403, 405, 481, 501, 603])
def test_a_refused_transfer_leaves_the_call_as_it_was(answered: Any, status: int) -> None:
    assert answer(answered, refer(answered), status, "No").events == [
        ReferEnded(answered.leg, "refused", status, "No")
    ]
    assert notify(answered, 2, "SIP/2.0 200 OK").events == []
    assert refer(answered).method == "REFER"
    assert answered.peer.user_agent.legs == [answered.leg]


def test_a_peer_that_never_answers_a_refer_keeps_its_call(answered: Any) -> None:
    refer(answered)
    assert answered.peer.waits(40).events == [ReferEnded(answered.leg, "refused", 408, "Request Timeout")]
    assert answered.peer.user_agent.legs == [answered.leg]


def test_a_peer_whose_allow_has_no_refer_is_not_asked(peer: Any, make_request: Make) -> None:
    peer.says(make_request("INVITE", body="v=0", headers="Allow: INVITE, ACK, BYE"))
    peer.got(peer.user_agent.answer("in-1", b"v=0", peer.now))
    peer.says(make_request("ACK", branch="z9hG4bK-ack", to_tag=peer.response.to_tag))
    peer.got(peer.user_agent.refer("in-1", TARGET, peer.now))
    assert (peer.sent, peer.events) == ([], [ReferEnded("in-1", "refused", 405, "The peer does not allow REFER")])


def test_a_peer_that_will_tell_nothing_is_not_waited_for(answered: Any) -> None:
    """RFC 4488 section 4."""
    events = answer(answered, refer(answered), 202, "Accepted", "Refer-Sub: false").events
    assert events == [ReferAccepted(answered.leg), ReferEnded(answered.leg, "accepted", 202, "Accepted")]


def test_a_peer_that_says_nothing_after_202_is_given_up_on(answered: Any) -> None:
    answer(answered, refer(answered), 202)
    assert answered.peer.waits(31.9).events == []
    assert answered.peer.waits(0.2).events == [ReferEnded(answered.leg, "silent", 0, "")]


@pytest.mark.parametrize(("expires", "seconds"), [("60", 60), ("1", 32), ("99999", 600), ("soon", 180), ("", 180)])
def test_a_peer_that_falls_silent_is_waited_for_as_long_as_it_said(
    answered: Any, expires: str, seconds: float
) -> None:
    answer(answered, refer(answered), 202)
    notify(answered, 2, "SIP/2.0 180 Ringing", state=f"active;expires={expires}")
    assert answered.peer.waits(seconds - 0.1).events == []
    assert answered.peer.waits(0.2).events == [ReferEnded(answered.leg, "silent", 180, "Ringing")]


def test_a_notify_may_overtake_the_202(answered: Any) -> None:
    request = refer(answered)
    early = notify(answered, 2, "SIP/2.0 100 Trying", event=f"refer;id={request.cseq.sequence}")
    assert early.events == [ReferAccepted(answered.leg), ReferProgress(answered.leg, 100, "Trying")]
    assert answer(answered, request, 202).events == []
    assert answered.peer.waits(59).events == []


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ({"event": "refer;id=999"}, 481),
        ({"event": "refer;id=x"}, 481),
        ({"event": "message-summary"}, 489),
        ({"event": ""}, 489),
        ({"kind": "text/plain"}, 415),
    ],
)
def test_a_notify_about_something_else_is_refused(answered: Any, parts: dict[str, str], status: int) -> None:
    answer(answered, refer(answered), 202)
    heard = notify(answered, 2, "SIP/2.0 200 OK", **parts)
    assert (heard.statuses, heard.events) == ([status], [])


def test_a_notify_that_nobody_asked_for_is_refused(answered: Any, make_request: Make) -> None:
    assert notify(answered, 2, "SIP/2.0 200 OK").statuses == [481]
    unasked = make_request("NOTIFY", cseq=9, call_id="other", headers="Event: message-summary")
    assert answered.peer.says(unasked).statuses == [481]


@pytest.mark.parametrize(("accepted", "status", "phrase"), [(True, 202, "Accepted"), (False, 0, "")])
def test_a_peer_that_hangs_up_first_ends_the_transfer_before_the_call(
    answered: Any, accepted: bool, status: int, phrase: str
) -> None:
    request = refer(answered)
    if accepted:
        answer(answered, request, 202)
    assert answered.says("BYE", 2).events == [
        ReferEnded(answered.leg, "ended", status, phrase),
        CallEnded(answered.leg, "remote", "BYE"),
    ]
    assert notify(answered, 3, "SIP/2.0 200 OK").statuses == [481]


def test_a_challenged_refer_is_proved_and_either_subscription_is_ours(peer: Any, make_request: Make) -> None:
    user_agent = peer.user_agent
    outputs = user_agent.invite(
        "out",
        "sip:desk@192.0.2.1",
        b"v=0",
        peer.flow,
        peer.now,
        caller_uri="sip:ivr@192.0.2.2",
        credentials=("ivr", "pa55"),
    )
    invite = peer.got(outputs).request
    peer.says(reply(invite, 200, "Contact: <sip:desk@192.0.2.1:5077>"))
    first = peer.got(user_agent.refer("out", TARGET, peer.now)).request
    peer.says(reply(first, 401, 'WWW-Authenticate: Digest realm="pbx", nonce="n2"'))
    second = peer.request
    assert (second.method, second.cseq.sequence) == ("REFER", first.cseq.sequence + 1)
    assert second.headers["Refer-To"] == first.headers["Refer-To"]
    assert 'username="ivr"' in second.headers["Authorization"]
    assert peer.says(reply(second, 202)).events == [ReferAccepted("out")]
    notified = make_request(
        "NOTIFY",
        call_id=invite.call_id,
        to_tag=invite.from_tag,
        from_tag="p1",
        body="SIP/2.0 200 OK",
        headers=f"Event: refer;id={second.cseq.sequence}\nContent-Type: message/sipfrag",
    )
    assert peer.says(notified).events == [ReferEnded("out", "succeeded", 200, "OK")]


def test_two_transfers_at_once_are_our_own_fault(answered: Any) -> None:
    refer(answered)
    with pytest.raises(LocalProtocolError, match="another REFER under way"):
        refer(answered)


@pytest.mark.parametrize("target", ["bob", "sip:bob@host>evil", "sip:b b@host", ""])
def test_a_target_that_is_none_is_our_own_fault(answered: Any, target: str) -> None:
    with pytest.raises(LocalProtocolError):
        answered.peer.user_agent.refer(answered.leg, target, answered.peer.now)
    assert refer(answered).method == "REFER"


def test_a_call_that_is_not_up_cannot_be_transferred(peer: Any, make_request: Make) -> None:
    peer.says(make_request("INVITE", body="v=0"))
    with pytest.raises(LocalProtocolError, match="not confirmed"):
        peer.user_agent.refer("in-1", TARGET, peer.now)


# --- theirs


def asked(answered: Any, to: str = f"<{TARGET}>", cseq: int = 2, headers: str = "") -> Any:
    return answered.says("REFER", cseq, headers=f"Refer-To: {to}" + (f"\n{headers}" if headers else ""))


def done(answered: Any, request: Request) -> Any:
    return answer(answered, request, 200, "OK")


def test_a_telephone_that_wants_a_transfer_is_told_how_it_goes(answered: Any) -> None:
    peer, user_agent = answered.peer, answered.peer.user_agent
    assert asked(answered, headers="Referred-By: <sip:ann@h>").events == [
        ReferRequested(answered.leg, TARGET, "bob", referred_by="<sip:ann@h>")
    ]
    peer.got(user_agent.accept_refer(answered.leg, peer.now))
    assert (peer.statuses, peer.response.addresses("Contact")[0].uri) == ([202], "sip:100@192.0.2.2:5060")
    first = peer.request
    assert first.body == b"SIP/2.0 100 Trying\r\n"
    assert first.headers["Event"] == "refer;id=2"
    assert first.headers["Subscription-State"] == "active;expires=180"
    assert first.content_type == "message/sipfrag"
    done(answered, first)
    ringing = peer.got(user_agent.tell_refer(answered.leg, 180, peer.now)).request
    assert ringing.body == b"SIP/2.0 180 Ringing\r\n"
    done(answered, ringing)
    last = peer.got(user_agent.tell_refer(answered.leg, 486, peer.now, phrase="Busy")).request
    assert (last.body, last.headers["Subscription-State"]) == (
        b"SIP/2.0 486 Busy\r\n",
        "terminated;reason=noresource",
    )
    done(answered, last)
    assert peer.got(user_agent.tell_refer(answered.leg, 200, peer.now)).sent == []
    assert peer.waits(700).sent == []
    assert user_agent.transactions == 0


def test_what_is_done_at_once_is_told_at_once(answered: Any) -> None:
    peer, user_agent = answered.peer, answered.peer.user_agent
    asked(answered)
    only = peer.got(user_agent.accept_refer(answered.leg, peer.now, status=200)).request
    assert (only.body, only.headers["Subscription-State"]) == (
        b"SIP/2.0 200 OK\r\n",
        "terminated;reason=noresource",
    )
    done(answered, only)
    assert peer.got(user_agent.tell_refer(answered.leg, 486, peer.now)).sent == []
    assert asked(answered, cseq=3).events == [ReferRequested(answered.leg, TARGET, "bob")]


def test_what_is_told_while_a_notify_is_under_way_waits_and_the_last_word_wins(answered: Any) -> None:
    peer, user_agent = answered.peer, answered.peer.user_agent
    asked(answered)
    first = peer.got(user_agent.accept_refer(answered.leg, peer.now)).request
    for status in (180, 183, 200, 486):
        assert peer.got(user_agent.tell_refer(answered.leg, status, peer.now)).sent == []
    assert done(answered, first).request.body == b"SIP/2.0 200 OK\r\n"


def test_a_telephone_that_hangs_up_at_once_is_told_nevertheless(answered: Any) -> None:
    """RFC 5057 section 4.1: the subscription outlives the call."""
    peer, user_agent = answered.peer, answered.peer.user_agent
    asked(answered)
    first = peer.got(user_agent.accept_refer(answered.leg, peer.now)).request
    answered.says("BYE", 3)
    done(answered, first)
    last = peer.got(user_agent.tell_refer(answered.leg, 200, peer.now)).request
    assert (last.body, last.from_tag, last.cseq.sequence) == (
        b"SIP/2.0 200 OK\r\n",
        answered.to_tag,
        first.cseq.sequence + 1,
    )
    done(answered, last)
    peer.waits(40)
    assert (user_agent.deadline, user_agent.transactions) == (None, 0)


def test_a_telephone_that_forgot_its_subscription_is_left_alone(answered: Any) -> None:
    peer, user_agent = answered.peer, answered.peer.user_agent
    asked(answered)
    first = peer.got(user_agent.accept_refer(answered.leg, peer.now)).request
    answer(answered, first, 481)
    assert peer.got(user_agent.tell_refer(answered.leg, 200, peer.now)).sent == []
    assert asked(answered, cseq=3).events == [ReferRequested(answered.leg, TARGET, "bob")]


def test_a_telephone_that_wants_to_hear_nothing_hears_nothing(answered: Any) -> None:
    peer, user_agent = answered.peer, answered.peer.user_agent
    asked(answered, headers="Refer-Sub: false\nRequire: norefersub")
    peer.got(user_agent.accept_refer(answered.leg, peer.now))
    assert (peer.statuses, peer.methods, peer.response.headers["Refer-Sub"]) == ([202], [], "false")
    assert peer.got(user_agent.tell_refer(answered.leg, 200, peer.now)).sent == []


def test_an_attended_transfer_names_our_own_call(answered: Any, make_request: Make) -> None:
    peer = answered.peer
    peer.says(make_request("INVITE", call_id="c@2", from_tag="b1", branch="z9hG4bK-b", body="v=0"))
    peer.got(peer.user_agent.answer("in-2", b"v=0", peer.now))
    tag = peer.response.to_tag
    event = asked(answered, f"<{TARGET}?Replaces=c%402%3Bto-tag%3D{tag}%3Bfrom-tag%3Db1>").event(ReferRequested)
    assert (event.target, event.replaces_leg) == (TARGET, "in-2")
    assert event.replaces == f"c@2;to-tag={tag};from-tag=b1"
    turned = f"<{TARGET}?Replaces=c%402%3Bto-tag%3Db1%3Bfrom-tag%3D{tag}>"
    peer.got(peer.user_agent.refuse_refer(answered.leg, 403, peer.now))
    event = asked(answered, turned, cseq=3).event(ReferRequested)
    assert event.replaces_leg == "in-2", "some telephones copy To and From of the INVITE they got"
    peer.got(peer.user_agent.refuse_refer(answered.leg, 403, peer.now))
    assert asked(answered, turned.replace(tag, "b1"), cseq=4).event(ReferRequested).replaces_leg == ""


def test_an_attended_transfer_to_a_strangers_call_names_that(answered: Any) -> None:
    to = f"<{TARGET};method=INVITE?replaces=c%3Bto-tag%3D1%3Bfrom-tag%3D2&User-to-User=61&Subject=x>"
    event = asked(answered, to).event(ReferRequested)
    assert (event.target, event.replaces, event.replaces_leg) == (TARGET, "c;to-tag=1;from-tag=2", "")
    assert event.user_to_user == (UserToUser(b"a"),)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("", 400),
        ("Refer-To: <sip:a@b>, <sip:c@d>", 400),
        ("Refer-To: <sip:a@b>\nRefer-To: <sip:c@d>", 400),
        ("Refer-To: <sip:a@b", 400),
        ("Refer-To: nobody", 400),
        ("Refer-To: <sip:>", 400),
        ("Refer-To: <sip:a@b?Replaces=c>", 400),
        ("Refer-To: <sip:a@b?Replaces=c%3Bto-tag%3D1%3Bfrom-tag%3D2&Replaces=c%3Bto-tag%3D1%3Bfrom-tag%3D2>", 400),
        ("Refer-To: <http://example.com/>", 416),
        ("Refer-To: <sip:a@b;method=SUBSCRIBE>", 603),
    ],
)
def test_a_refer_that_cannot_be_followed_is_refused(answered: Any, headers: str, status: int) -> None:
    heard = answered.says("REFER", 2, headers=headers)
    assert (heard.statuses, heard.events) == ([status], [])


def test_a_refer_from_outside_a_call_is_refused(peer: Any, make_request: Make) -> None:
    heard = peer.says(make_request("REFER", headers=f"Refer-To: <{TARGET}>"))
    assert (heard.statuses, heard.events) == ([403], [])


def test_a_refer_before_the_answer_is_refused(peer: Any, make_request: Make) -> None:
    peer.says(make_request("INVITE", body="v=0"))
    tag = peer.got(peer.user_agent.ring("in-1", peer.now)).response.to_tag
    heard = peer.says(make_request("REFER", cseq=2, to_tag=tag, headers=f"Refer-To: <{TARGET}>"))
    assert (heard.statuses, heard.events) == ([403], [])


def test_a_second_refer_waits_for_the_end_of_the_first(answered: Any) -> None:
    asked(answered)
    assert asked(answered, cseq=3).statuses == [491]


def test_the_application_may_refuse(answered: Any) -> None:
    peer = answered.peer
    asked(answered)
    peer.got(peer.user_agent.refuse_refer(answered.leg, 403, peer.now, phrase="Not allowed"))
    assert (peer.statuses, peer.response.phrase, peer.methods) == ([403], "Not allowed", [])
    with pytest.raises(LocalProtocolError, match="no REFER waiting"):
        peer.user_agent.accept_refer(answered.leg, peer.now)
    assert asked(answered, cseq=3).events == [ReferRequested(answered.leg, TARGET, "bob")]


def test_a_refer_nobody_decides_about_is_declined_before_the_telephone_gives_up(answered: Any) -> None:
    asked(answered)
    assert answered.peer.waits(20).statuses == [603]
    answered.peer.waits(100)
    assert answered.peer.user_agent.deadline is None


def test_a_transfer_nobody_tells_the_outcome_of_is_told_as_failed(answered: Any) -> None:
    peer = answered.peer
    asked(answered)
    done(answered, peer.got(peer.user_agent.accept_refer(answered.leg, peer.now)).request)
    assert peer.waits(599).sent == []
    last = peer.waits(2).request
    assert (last.body, last.headers["Subscription-State"]) == (
        b"SIP/2.0 408 Request Timeout\r\n",
        "terminated;reason=noresource",
    )


def test_the_outcome_cannot_be_told_before_the_decision(answered: Any) -> None:
    asked(answered)
    with pytest.raises(LocalProtocolError, match="not accepted yet"):
        answered.peer.user_agent.tell_refer(answered.leg, 200, answered.peer.now)


# --- both, over a network that loses


PACKETS = 15
"""INVITE 100 180 200 ACK; REFER 202, NOTIFY 100, 180 and 200 with their answers; BYE 200."""


def play(wire: Any, *, hang_up_early: bool = False) -> None:
    def react(event: Any) -> list[Any]:
        engine, now = wire.engine, wire.now
        if isinstance(event, IncomingCall):
            return [*engine.ring(event.leg, now), *engine.answer(event.leg, b"v=0", now)]
        if isinstance(event, ReferRequested):
            return [*engine.accept_refer(event.leg, now), *engine.tell_refer(event.leg, 180, now)]
        return []

    wire.reactions[wire.engine] = react
    wire.dial()
    wire.run(40)
    wire.took(wire.caller, wire.caller.refer("out", TARGET, wire.now))
    wire.run(20)
    if hang_up_early:
        wire.took(wire.caller, wire.caller.hang_up("out", wire.now))
        wire.run(5)
    wire.took(wire.engine, wire.engine.tell_refer("in-1", 200, wire.now))
    wire.run(40)
    wire.took(wire.caller, wire.caller.hang_up("out", wire.now))
    wire.run(100)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_transfer_over_a_good_network(make_wire: Any, transport: str) -> None:
    wire = make_wire(transport)
    play(wire)
    told = [e for e in wire.events[wire.caller] if isinstance(e, ReferAccepted | ReferProgress | ReferEnded)]
    assert told == [
        ReferAccepted("out"),
        ReferProgress("out", 100, "Trying"),
        ReferProgress("out", 180, "Ringing"),
        ReferEnded("out", "succeeded", 200, "OK"),
    ]
    assert len(wire.packets) == PACKETS


@pytest.mark.parametrize("lost", range(PACKETS))
@pytest.mark.parametrize("in_a_row", [1, 2])
def test_a_transfer_survives_lost_packets(make_wire: Any, lost: int, in_a_row: int) -> None:
    wire = make_wire()
    wire.loses = lambda number, message: lost <= number < lost + in_a_row
    play(wire)
    told = [event for event in wire.events[wire.caller] if isinstance(event, ReferEnded)]
    assert told == [ReferEnded("out", "succeeded", 200, "OK")]
    assert wire.ends_of(wire.caller) == [CallEnded("out", "local", "BYE")]
    for user_agent in (wire.caller, wire.engine):
        assert (user_agent.legs, user_agent.transactions, user_agent.deadline) == ([], 0, None)


def test_whoever_hangs_up_early_hears_one_outcome_and_leaves_nothing_behind(make_wire: Any) -> None:
    wire = make_wire()
    play(wire, hang_up_early=True)
    told = [event for event in wire.events[wire.caller] if isinstance(event, ReferEnded)]
    assert told == [ReferEnded("out", "ended", 202, "Accepted")]
    for user_agent in (wire.caller, wire.engine):
        assert (user_agent.legs, user_agent.transactions, user_agent.deadline) == ([], 0, None)


def test_every_packet_of_a_transfer_may_come_twice(wire: Any) -> None:
    for user_agent in (wire.engine, wire.caller):
        received = user_agent.receive
        user_agent.receive = lambda *args, received=received: [*received(*args), *received(*args)]
    play(wire)
    told = [event for event in wire.events[wire.caller] if isinstance(event, ReferEnded)]
    assert told == [ReferEnded("out", "succeeded", 200, "OK")]
