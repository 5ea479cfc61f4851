"""A call of ours that may be answered in several places, each with several ways to it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from ivr.sip.branch import SILENT
from ivr.sip.digest import parse_digest
from ivr.sip.events import (
    CallAccepted,
    CallEnded,
    CallProgress,
    CallRefused,
    Flow,
    Output,
    Place,
    SendBytes,
    UserAgentSettings,
    WayFailed,
)
from ivr.sip.message import Request, decode
from ivr.sip.reply import reply_to
from ivr.sip.user_agent import UserAgent

US = ("192.0.2.200", 5060)
OFFER = b"v=0\r\no=- 1 1 IN IP4 192.0.2.200\r\ns=-\r\n"
ANSWER = b"v=0\r\no=- 2 1 IN IP4 192.0.2.1\r\ns=-\r\n"
ALL = 64 * 0.5
"""Seconds a transaction is patient for."""


def way(host: str, transport: Any = "udp") -> Flow:
    return Flow(transport, US, (host, 5060))


def phone(number: int, rank: int = 0, **more: Any) -> Place:
    return Place(f"sip:desk@192.0.2.{number}:5060", (way(f"192.0.2.{number}"),), rank, **more)


class Street:
    """The user agent and everybody it rings."""

    def __init__(self) -> None:
        self.user_agent = UserAgent(UserAgentSettings(), rng=random.Random(1))
        self.now = 1000.0
        self.events: list[Output] = []
        self.sent: list[tuple[str, Request]] = []
        """Host and request, since the last look."""
        self.all: list[tuple[str, Request]] = []

    def calls(self, *places: Place, **more: Any) -> Street:
        outputs = self.user_agent.invite(
            "out", "sip:desk@ivr", OFFER, places[0].flows[0], self.now, caller_uri="sip:ivr@192.0.2.200",
            places=places, **more,
        )  # fmt: skip
        return self.took(outputs)

    def took(self, outputs: list[Output]) -> Street:
        self.sent = []
        for output in outputs:
            if isinstance(output, SendBytes):
                message = decode(output.data)
                assert isinstance(message, Request)
                self.sent.append((output.flow.remote[0], message))
            else:
                self.events.append(output)
        self.all += self.sent
        return self

    def waits(self, seconds: float) -> Street:
        until, outputs = self.now + seconds, []
        while (deadline := self.user_agent.deadline) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            outputs += self.user_agent.expire(self.now)
        self.now = until
        return self.took(outputs)

    def says(self, host: str, status: int, *headers: tuple[str, str], to: str = "INVITE", tag: str = "") -> Street:
        """`host` answers the last request of that method it has got."""
        request = next(request for there, request in reversed(self.all) if there == host and request.method == to)
        contact = ("Contact", f"<sip:desk@{host}:5060>")
        body = ANSWER if status == 200 and to == "INVITE" else b""
        response = reply_to(
            request, status, to_tag=tag or f"t{host}", headers=[contact, *headers], body=body,
            content_type="application/sdp",
        )  # fmt: skip
        return self.took(self.user_agent.receive(response.encode(), way(host), self.now))

    @property
    def asked(self) -> list[str]:
        """What went out at the last look."""
        return [f"{request.method} {host}" for host, request in self.sent]

    def ended(self) -> list[Output]:
        return [event for event in self.events if isinstance(event, CallRefused | CallEnded)]


@pytest.fixture
def street() -> Street:
    return Street()


ONE, TWO, THREE = "192.0.2.1", "192.0.2.2", "192.0.2.3"

# --- places


def test_places_of_one_rank_ring_at_once_as_forks_of_one_call(street: Street) -> None:
    street.calls(phone(1), phone(2))
    assert street.asked == [f"INVITE {ONE}", f"INVITE {TWO}"]
    (_, first), (_, second) = street.sent
    assert (first.call_id, first.from_tag, first.headers["To"]) == (
        second.call_id,
        second.from_tag,
        "<sip:desk@ivr>",
    )
    assert [first.uri, second.uri] == ["sip:desk@192.0.2.1:5060", "sip:desk@192.0.2.2:5060"]
    assert first.top_via.branch != second.top_via.branch
    assert first.body == second.body == OFFER


def test_who_answers_first_has_the_call_and_the_others_stop_ringing(street: Street) -> None:
    street.calls(phone(1), phone(2)).says(ONE, 180).says(TWO, 180).says(TWO, 200)
    assert street.asked == [f"ACK {TWO}", f"CANCEL {ONE}"]
    assert street.sent[1][1].headers["Reason"] == 'SIP;cause=200;text="Call completed elsewhere"'
    assert street.events[-1] == CallAccepted("out", ANSWER)
    street.says(ONE, 200, to="CANCEL").says(ONE, 487)
    assert street.asked == [f"ACK {ONE}"]
    assert street.ended() == []


def test_one_that_has_said_nothing_is_cancelled_once_it_does(street: Street) -> None:
    street.calls(phone(1), phone(2)).says(TWO, 200)
    assert street.asked == [f"ACK {TWO}"], "CANCEL before a provisional answer"
    assert street.says(ONE, 180).asked == [f"CANCEL {ONE}"]


def test_two_that_answer_in_the_same_moment_one_is_hung_up(street: Street) -> None:
    street.calls(phone(1), phone(2)).says(ONE, 180).says(TWO, 180).says(TWO, 200).says(ONE, 200)
    assert street.asked == [f"ACK {ONE}", f"BYE {ONE}"]
    street.says(ONE, 200, to="BYE")
    assert street.ended() == []
    assert street.took(street.user_agent.hang_up("out", street.now)).asked == [f"BYE {TWO}"]


def test_one_that_is_busy_leaves_the_others_ringing(street: Street) -> None:
    street.calls(phone(1), phone(2)).says(ONE, 486)
    assert street.ended() == []
    street.says(TWO, 180).says(TWO, 200)
    assert isinstance(street.events[-1], CallAccepted)


def test_a_decline_for_good_stops_the_rest(street: Street) -> None:
    street.calls(phone(1), phone(2), phone(3, rank=1)).says(TWO, 180).says(ONE, 603)
    assert street.asked == [f"ACK {ONE}", f"CANCEL {TWO}"]
    assert [event.status for event in street.ended()] == [603]  # type: ignore[union-attr]


def test_the_next_rank_rings_when_all_before_have_failed(street: Street) -> None:
    street.calls(phone(1), phone(2), phone(3, rank=1)).says(ONE, 480)
    assert f"INVITE {THREE}" not in street.asked
    assert f"INVITE {THREE}" in street.says(TWO, 404).asked
    street.says(THREE, 200)
    assert street.events == [CallAccepted("out", ANSWER)]


def test_the_next_rank_rings_too_when_those_before_are_silent(street: Street) -> None:
    """A telephone that has crashed must not keep the caller from the one beside it."""
    street.calls(phone(1), phone(2, rank=1)).waits(SILENT + 0.1)
    assert f"INVITE {TWO}" in street.asked
    street.says(TWO, 180).says(TWO, 200)
    assert street.events[-1] == CallAccepted("out", ANSWER)
    assert street.says(ONE, 180).asked == [f"CANCEL {ONE}"]


@pytest.mark.parametrize(("first", "second", "told"), [(404, 486, 486), (408, 404, 404), (480, 503, 480)])
def test_the_failure_that_tells_most_is_told(street: Street, first: int, second: int, told: int) -> None:
    street.calls(phone(1), phone(2)).says(ONE, first).says(TWO, second)
    assert [event.status for event in street.ended()] == [told]  # type: ignore[union-attr]


def test_hanging_up_cancels_every_place_and_rings_no_further_one(street: Street) -> None:
    street.calls(phone(1), phone(2), phone(3, rank=1)).says(ONE, 180).says(TWO, 180)
    street.took(street.user_agent.hang_up("out", street.now))
    assert street.asked == [f"CANCEL {ONE}", f"CANCEL {TWO}"]
    street.says(ONE, 487).says(TWO, 487)
    assert street.asked == [f"ACK {TWO}"]
    assert [event.status for event in street.ended()] == [487]  # type: ignore[union-attr]


def test_a_place_that_ignores_its_cancel_is_forgotten_in_the_end(street: Street) -> None:
    street.calls(phone(1), phone(2)).says(ONE, 180).says(TWO, 180).says(TWO, 200)
    street.waits(2 * ALL + 1)
    assert street.user_agent.transactions == 0


def test_in_the_dialog_each_goes_its_own_way(street: Street) -> None:
    """A telephone behind a translator: its Contact is a private address."""
    behind = Place("sip:desk@10.0.0.9:5060", (way(ONE),), use_flow=True)
    street.calls(behind)
    request = street.sent[0][1]
    headers = [("Contact", "<sip:desk@10.0.0.9:5060>")]
    response = reply_to(request, 200, to_tag="x", headers=headers, body=ANSWER, content_type="application/sdp")
    street.took(street.user_agent.receive(response.encode(), way(ONE), street.now))
    assert street.asked == [f"ACK {ONE}"]
    assert street.took(street.user_agent.hang_up("out", street.now)).asked == [f"BYE {ONE}"]


def test_a_place_that_challenges_is_answered_while_others_ring(street: Street) -> None:
    street.calls(phone(1), phone(2), credentials=("ivr", "pa55"))
    street.says(ONE, 401, ("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"'))
    assert street.asked == [f"ACK {ONE}", f"INVITE {ONE}"]
    again = street.sent[1][1]
    assert (parse_digest(again.headers["Authorization"]) or {})["uri"] == "sip:desk@192.0.2.1:5060"
    street.says(ONE, 200)
    assert isinstance(street.events[-1], CallAccepted)


# --- ways


SERVERS = Place("sip:+15550100@pbx.example", (way(ONE), way(TWO), way(THREE)))


def test_503_is_followed_by_the_next_server_with_the_same_call(street: Street) -> None:
    street.calls(SERVERS)
    first = street.sent[0][1]
    street.says(ONE, 503)
    assert street.asked == [f"ACK {ONE}", f"INVITE {TWO}"]
    second = street.sent[1][1]
    assert (first.call_id, first.cseq.sequence, first.from_tag) == (
        second.call_id, second.cseq.sequence, second.from_tag,
    )  # fmt: skip
    assert first.top_via.branch != second.top_via.branch
    assert street.events == [WayFailed("out", way(ONE), 503)]
    street.says(TWO, 200)
    assert street.events[-1] == CallAccepted("out", ANSWER)


@pytest.mark.parametrize("status", [404, 480, 486, 500, 603])
def test_any_other_refusal_is_the_answer(street: Street, status: int) -> None:
    street.calls(SERVERS).says(ONE, status)
    assert street.asked == [f"ACK {ONE}"]
    assert [event.status for event in street.ended()] == [status]  # type: ignore[union-attr]


def test_a_server_that_says_nothing_is_left_after_some_seconds(street: Street) -> None:
    street.calls(SERVERS).waits(SILENT - 0.1)
    assert set(street.asked) == {f"INVITE {ONE}"}
    assert f"INVITE {TWO}" in street.waits(0.2).asked
    street.says(TWO, 100).waits(SILENT + 0.1)
    assert f"INVITE {THREE}" not in street.asked
    street.says(TWO, 200)
    assert street.events == [WayFailed("out", way(ONE), 408), CallAccepted("out", ANSWER)]


def test_a_server_that_was_left_and_answers_after_all_rings_nobody_twice(street: Street) -> None:
    street.calls(SERVERS).waits(SILENT + 0.1)
    assert street.says(ONE, 180).asked == [f"CANCEL {ONE}"]
    street.says(ONE, 487).says(TWO, 180).says(TWO, 200)
    assert street.events[-1] == CallAccepted("out", ANSWER)
    assert street.ended() == []


def test_a_server_that_was_left_and_is_the_first_to_answer_has_the_call(street: Street) -> None:
    street.calls(SERVERS).waits(SILENT + 0.1).says(ONE, 200)
    assert street.events[-1] == CallAccepted("out", ANSWER)
    assert street.says(TWO, 180).asked == [f"CANCEL {TWO}"]


def test_nobody_at_all_is_told_when_the_last_way_has_had_its_time(street: Street) -> None:
    street.calls(SERVERS).waits(2 * SILENT + ALL + 0.1)
    assert [event.status for event in street.ended()] == [408]  # type: ignore[union-attr]
    assert [event.status for event in street.events if isinstance(event, WayFailed)] == [408, 408, 408]
    street.waits(ALL)
    assert street.user_agent.transactions == 0


def test_a_connection_that_cannot_be_opened_is_followed_by_the_next_way(street: Street) -> None:
    first = way(ONE, "tcp")
    street.calls(Place("sip:a@pbx.example", (first, way(TWO))))
    street.took(street.user_agent.connection_lost(first, street.now))
    assert street.asked == [f"INVITE {TWO}"]
    assert "SIP/2.0/UDP" in street.sent[0][1].top_via.text
    assert "transport=tcp" not in street.sent[0][1].headers["Contact"]
    assert street.events == [WayFailed("out", first, 503)]


def test_a_password_is_proved_anew_on_the_next_way(street: Street) -> None:
    street.calls(SERVERS, credentials=("ivr", "pa55"))
    street.says(ONE, 407, ("Proxy-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')).says(ONE, 503)
    proof = parse_digest(street.sent[-1][1].headers["Proxy-Authorization"]) or {}
    assert (street.asked[-1], proof["nc"]) == (f"INVITE {TWO}", "00000002")


def test_hanging_up_while_servers_are_tried_ends_it(street: Street) -> None:
    street.calls(SERVERS).waits(SILENT + 0.1)
    street.took(street.user_agent.hang_up("out", street.now))
    assert street.says(TWO, 180).asked == [f"CANCEL {TWO}"]
    street.says(TWO, 487)
    assert [event.status for event in street.ended()] == [487]  # type: ignore[union-attr]
    assert f"INVITE {THREE}" not in street.waits(ALL).asked


def test_progress_of_whoever_rings_is_told(street: Street) -> None:
    street.calls(SERVERS).says(ONE, 503).says(TWO, 180)
    assert street.events[-1] == CallProgress("out", 180)
