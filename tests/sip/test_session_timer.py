"""Session timers: who refreshes, when, how, and what happens when nobody does. RFC 4028."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from sip.answers import CONTACT, OFFER, answer, dial

from ivr.sip.events import (
    CallAccepted,
    CallEnded,
    IncomingCall,
    SessionAnswered,
    SessionOffered,
    UserAgentSettings,
)
from ivr.sip.user_agent import UserAgent

Make = Callable[..., str]
ANSWER = b"v=0 answer"
ALLOWS_UPDATE = "Allow: INVITE, ACK, BYE, UPDATE"


def call_in(peer: Any, make: Make, headers: str) -> tuple[str, Any]:
    """A call that is up; its leg and our 200."""
    leg = peer.says(make("INVITE", body="v=0", headers=headers)).event(IncomingCall).leg
    accepted = peer.got(peer.user_agent.answer(leg, ANSWER, peer.now)).response
    peer.says(make("ACK", branch="z9hG4bK-ack", to_tag=accepted.to_tag))
    return leg, accepted


def call_out(peer: Any, *headers: str) -> None:
    peer.says(answer(dial(peer), 200, CONTACT, *headers, body=b"v=0 theirs"))
    assert peer.event(CallAccepted)


@pytest.mark.parametrize(
    ("headers", "agreed", "needed"),
    [
        ("Supported: timer", "1800;refresher=uac", "timer"),
        ("Supported: timer\nSession-Expires: 600", "600;refresher=uac", "timer"),
        ("Supported: timer\nx: 600;refresher=uas", "600;refresher=uas", None),
        ("Supported: timer\nSession-Expires: 600 ; Refresher=UAC", "600;refresher=uac", "timer"),
        ("Supported: timer\nSession-Expires: 7200", "1800;refresher=uac", "timer"),
        ("Supported: timer\nSession-Expires: 7200\nMin-SE: 3600", "3600;refresher=uac", "timer"),
        ("Supported: timer\nMin-SE: 3600", "3600;refresher=uac", "timer"),
        ("Require: timer\nSession-Expires: 90", "90;refresher=uac", "timer"),
        ("Session-Expires: 600", "600;refresher=uas", None),
        ("Session-Expires: 30", "90;refresher=uas", None),
        ("Supported: replaces", None, None),
        ("", None, None),
    ],
)
def test_our_200_says_how_long_and_who_refreshes(
    peer: Any, make_request: Make, headers: str, agreed: str | None, needed: str | None
) -> None:
    _, accepted = call_in(peer, make_request, headers)
    assert accepted.headers.get("Session-Expires") == agreed
    assert accepted.headers.get("Require") == needed
    assert "timer" in accepted.tokens("Supported")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Supported: timer\nSession-Expires: 89", 422),
        ("Supported: timer\nSession-Expires: 0;refresher=uac", 422),
        ("Session-Expires: 89", 100),
        ("Supported: timer\nSession-Expires: soon", 400),
        ("Supported: timer\nSession-Expires: 1800\nMin-SE: -1", 400),
    ],
)
def test_an_interval_that_is_too_small_gets_422_with_the_least(
    peer: Any, make_request: Make, headers: str, status: int
) -> None:
    peer.says(make_request("INVITE", body="v=0", headers=headers))
    assert peer.statuses == [status]
    if status == 422:
        assert (peer.response.headers["Min-SE"], peer.user_agent.legs) == ("90", [])


def test_a_caller_who_refreshes_no_more_is_hung_up_before_the_interval_ends(peer: Any, make_request: Make) -> None:
    leg, accepted = call_in(peer, make_request, "Supported: timer\nSession-Expires: 180")
    peer.waits(100)
    peer.says(make_request("UPDATE", cseq=2, to_tag=accepted.to_tag, headers="Supported: timer\nx: 180"))
    assert peer.response.headers["Session-Expires"] == "180;refresher=uac"
    assert peer.waits(147).sent == []
    assert peer.waits(2).methods[:1] == ["BYE"]
    assert peer.events == [CallEnded(leg, "failure", "session expired")]


def test_a_reinvite_refreshes_too_and_may_pass_the_duty_on(peer: Any, make_request: Make) -> None:
    leg, accepted = call_in(peer, make_request, "Supported: timer\nSession-Expires: 180")
    peer.waits(100)
    timer = "Supported: timer\nSession-Expires: 180;refresher=uas\nAllow: UPDATE"
    peer.says(make_request("INVITE", cseq=2, to_tag=accepted.to_tag, headers=timer, body="v=0"))
    ok = peer.got(peer.user_agent.accept_offer(leg, ANSWER, peer.now)).response
    assert (ok.headers["Session-Expires"], ok.headers.get("Require")) == ("180;refresher=uas", None)
    peer.says(make_request("ACK", cseq=2, branch="z9hG4bK-ack2", to_tag=accepted.to_tag))
    assert peer.waits(89).sent == []
    assert peer.waits(2).request.headers["Session-Expires"] == "180;refresher=uac"


def test_we_refresh_by_update_at_half_time_where_the_peer_takes_it(peer: Any, make_request: Make) -> None:
    headers = f"Supported: timer\nSession-Expires: 200;refresher=uas\n{ALLOWS_UPDATE}"
    leg, _ = call_in(peer, make_request, headers)
    assert peer.waits(99).sent == []
    update = peer.waits(2).request
    assert (update.method, update.body, update.headers["Session-Expires"]) == ("UPDATE", b"", "200;refresher=uac")
    assert "timer" in update.tokens("Supported")
    peer.says(answer(update, 200, CONTACT, "Require: timer", "Session-Expires: 200;refresher=uac"))
    assert peer.waits(98).sent == []
    assert peer.waits(3).methods[0] == "UPDATE"
    assert peer.user_agent.legs == [leg]


def test_we_refresh_by_reinvite_with_the_same_words_where_not(peer: Any, make_request: Make) -> None:
    leg, _ = call_in(peer, make_request, "Supported: timer\nSession-Expires: 200;refresher=uas\nAllow: INVITE")
    invite = peer.waits(101).request
    assert (invite.method, invite.body) == ("INVITE", ANSWER)
    peer.says(answer(invite, 200, CONTACT, "Session-Expires: 200;refresher=uac", body=b"v=0 news"))
    assert (peer.methods, peer.events) == (["ACK"], [SessionAnswered(leg, b"v=0 news")])
    again = peer.waits(101).request
    peer.says(answer(again, 200, CONTACT, "Session-Expires: 200;refresher=uac", body=b"v=0 news"))
    assert (peer.methods, peer.events) == (["ACK"], [])


def test_an_offer_made_while_a_refresh_is_under_way_waits_for_it(peer: Any, make_request: Make) -> None:
    leg, _ = call_in(peer, make_request, "Supported: timer\nSession-Expires: 200;refresher=uas\nAllow: INVITE")
    refresh = peer.waits(100.2).request
    assert peer.user_agent.offer(leg, b"v=0 hold", peer.now) == []
    peer.says(answer(refresh, 200, CONTACT, "Session-Expires: 200;refresher=uac", body=b"v=0 old"))
    assert (peer.methods, peer.events) == (["ACK", "INVITE"], [])
    assert peer.request.body == b"v=0 hold"
    peer.says(answer(peer.request, 200, CONTACT, body=b"v=0 held"))
    assert peer.events == [SessionAnswered(leg, b"v=0 held")]


def test_an_offer_of_theirs_against_our_refresh_by_reinvite_is_glare(peer: Any, make_request: Make) -> None:
    headers = "Supported: timer\nSession-Expires: 200;refresher=uas\nAllow: INVITE"
    _, accepted = call_in(peer, make_request, headers)
    peer.waits(100.2)
    peer.says(make_request("INVITE", cseq=2, to_tag=accepted.to_tag, body="v=0"))
    assert peer.statuses == [491]


def test_a_refresh_waits_while_an_offer_of_theirs_is_undecided(peer: Any, make_request: Make) -> None:
    headers = "Supported: timer\nSession-Expires: 200;refresher=uas\nAllow: INVITE"
    leg, accepted = call_in(peer, make_request, headers)
    peer.waits(99.9)
    peer.says(make_request("INVITE", cseq=2, to_tag=accepted.to_tag, body="v=0"))
    assert peer.event(SessionOffered)
    assert peer.waits(20).methods == []
    assert peer.user_agent.legs == [leg]


@pytest.mark.parametrize("status", [405, 501])
def test_a_peer_that_promised_update_and_refuses_it_gets_a_reinvite(
    peer: Any, make_request: Make, status: int
) -> None:
    call_in(peer, make_request, f"Supported: timer\nx: 200;refresher=uas\n{ALLOWS_UPDATE}")
    update = peer.waits(100.2).request
    assert peer.says(answer(update, status)).methods == ["INVITE"]


@pytest.mark.parametrize("status", [408, 481])
def test_a_refresh_that_finds_no_call_ends_ours(peer: Any, make_request: Make, status: int) -> None:
    leg, _ = call_in(peer, make_request, f"Supported: timer\nx: 200;refresher=uas\n{ALLOWS_UPDATE}")
    peer.says(answer(peer.waits(100.2).request, status))
    assert peer.events == [CallEnded(leg, "failure", f"UPDATE answered with {status}")]


def test_a_refresh_nobody_answers_ends_the_call(peer: Any, make_request: Make) -> None:
    leg, _ = call_in(peer, make_request, f"Supported: timer\nx: 200;refresher=uas\n{ALLOWS_UPDATE}")
    assert peer.waits(140).events == [CallEnded(leg, "failure", "UPDATE not answered")]


def test_a_refresh_refused_for_now_is_tried_again_until_the_time_is_over(peer: Any, make_request: Make) -> None:
    leg, _ = call_in(peer, make_request, f"Supported: timer\nx: 200;refresher=uas\n{ALLOWS_UPDATE}")
    tries = 0
    while leg in peer.user_agent.legs:
        peer.waits(1)
        if peer.methods == ["UPDATE"]:
            tries += 1
            peer.says(answer(peer.request, 503))
    assert tries == 4
    assert peer.events == [CallEnded(leg, "failure", "session expired")]
    assert 1167 <= peer.now <= 1169


def test_our_call_asks_for_a_timer_and_refreshes_when_that_falls_to_us(peer: Any) -> None:
    invite = dial(peer)
    assert invite.headers["Session-Expires"] == "1800"
    assert invite.tokens("Supported") == ["100rel", "timer", "replaces", "norefersub"]
    peer.says(answer(invite, 200, CONTACT, ALLOWS_UPDATE, "Require: timer", "x: 600;refresher=uac", body=b"v=0"))
    update = peer.waits(301).request
    assert (update.method, update.headers["Session-Expires"]) == ("UPDATE", "600;refresher=uac")


def test_a_called_peer_that_refreshes_no_more_is_hung_up(peer: Any) -> None:
    call_out(peer, "Session-Expires: 600;refresher=uas")
    assert peer.waits(567).sent == []
    assert peer.waits(2).events == [CallEnded("out", "failure", "session expired")]


@pytest.mark.parametrize("headers", [(), ("Session-Expires: nonsense",)])
def test_a_peer_without_timers_is_never_hung_up_for_that(peer: Any, headers: tuple[str, ...]) -> None:
    call_out(peer, *headers)
    assert peer.user_agent.deadline is not None  # timer M of the INVITE
    assert peer.waits(100_000).sent == []
    assert peer.user_agent.legs == ["out"]


def test_a_call_that_wants_too_short_an_interval_is_made_again_with_theirs(make_peer: Any) -> None:
    settings = UserAgentSettings(session_expires=120)
    peer = make_peer(UserAgent(settings, rng=random.Random(7)))
    invite = dial(peer)
    peer.says(answer(invite, 422, "Min-SE: 300"))
    again = peer.request
    assert (peer.methods, peer.events) == (["ACK", "INVITE"], [])
    assert (again.headers["Session-Expires"], again.headers["Min-SE"]) == ("300", "300")
    assert (again.call_id, again.from_tag, again.body) == (invite.call_id, invite.from_tag, OFFER)
    assert again.cseq.sequence == invite.cseq.sequence + 1
    peer.says(answer(again, 422, "Min-SE: 300"))
    assert [type(event).__name__ for event in peer.events] == ["CallRefused"]


def test_422_after_422_is_given_up_after_three(make_peer: Any) -> None:
    peer = make_peer(UserAgent(UserAgentSettings(session_expires=120), rng=random.Random(7)))
    request, least, tries = dial(peer), 200, 0
    while not peer.says(answer(request, 422, f"Min-SE: {least}")).events:
        request, least, tries = peer.request, least + 100, tries + 1
    assert (tries, peer.events[0].status) == (3, 422)


def test_without_a_wish_of_our_own_the_peers_still_counts(make_peer: Any, make_request: Make) -> None:
    peer = make_peer(UserAgent(UserAgentSettings(session_expires=0), rng=random.Random(7)))
    assert call_in(peer, make_request, "Supported: timer")[1].headers.get("Session-Expires") is None
    headers = "Supported: timer\nSession-Expires: 7200"
    peer.says(make_request("INVITE", call_id="c2", branch="z9hG4bK-c2", body="v=0", headers=headers))
    accepted = peer.got(peer.user_agent.answer("in-2", ANSWER, peer.now)).response
    assert accepted.headers["Session-Expires"] == "7200;refresher=uac"


def test_two_of_us_keep_a_call_for_hours(wire: Any) -> None:
    wire.dial()
    wire.run(7200)
    updates = [m for _, m in wire.packets if getattr(m, "method", "") == "UPDATE"]
    assert 7 <= len(updates) <= 8
    assert (wire.caller.legs, wire.engine.legs) == (["out"], ["in-1"])
    wire.loses = lambda number, message: True
    wire.run(2000)
    assert wire.ends_of(wire.caller) == [CallEnded("out", "failure", "UPDATE not answered")]
    assert wire.ends_of(wire.engine) == [CallEnded("in-1", "failure", "session expired")]
    assert (wire.caller.transactions, wire.engine.transactions) == (0, 0)
