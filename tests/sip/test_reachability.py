"""Whether a peer is there: the question on the wire, and when it is asked again."""

from __future__ import annotations

import random
from typing import Any

import pytest

from ivr.errors import LocalProtocolError
from ivr.sip.events import ProbeAnswered, UserAgentSettings
from ivr.sip.reachability import AGAIN, Ask, Asking, Reachability
from ivr.sip.reply import reply_to
from ivr.sip.upkeep import Locate
from ivr.sip.user_agent import UserAgent

ONE, TWO = "192.0.2.1", "192.0.2.2"

# --- OPTIONS


def test_options_asks_and_any_answer_comes_from_somebody(peer: Any) -> None:
    outputs = peer.user_agent.probe("gate", "sip:gate.example", peer.flow, peer.now, route="sip:edge.example;lr")
    request = peer.got(outputs).request
    assert (request.method, request.uri) == ("OPTIONS", "sip:gate.example")
    assert request.headers["Route"] == "<sip:edge.example;lr>"
    assert request.headers["To"] == "<sip:gate.example>" and request.from_tag
    assert request.headers["Contact"] == "<sip:ivr@192.0.2.2:5060>"
    assert request.headers["Accept"] == "application/sdp"
    peer.says(reply_to(request, 404, "", to_tag="them").encode())
    assert peer.events == [ProbeAnswered("gate", peer.flow, 404, "Not Found")]


def test_silence_is_408_after_timer_f_and_each_question_is_a_new_one(peer: Any) -> None:
    first = peer.got(peer.user_agent.probe("gate", "sip:gate.example", peer.flow, peer.now)).request
    peer.waits(31.9)
    assert peer.events == []
    assert peer.waits(0.2).events == [ProbeAnswered("gate", peer.flow, 408, "No answer at all")]
    second = peer.got(peer.user_agent.probe("gate", "sip:gate.example", peer.flow, peer.now)).request
    assert first.call_id != second.call_id


def test_a_connection_that_cannot_be_opened_is_503(make_peer: Any) -> None:
    peer = make_peer(UserAgent(UserAgentSettings()), "tcp")
    peer.got(peer.user_agent.probe("gate", "sip:gate.example", peer.flow, peer.now))
    peer.got(peer.user_agent.connection_lost(peer.flow, peer.now))
    assert peer.events == [ProbeAnswered("gate", peer.flow, 503, "No connection")]


def test_an_address_that_is_none_is_our_mistake(peer: Any) -> None:
    with pytest.raises(LocalProtocolError):
        peer.user_agent.probe("gate", "gate.example", peer.flow, peer.now)


# --- again and again


class Watched:
    """A peer with two targets that says what a test says."""

    def __init__(self, every: float = 60.0) -> None:
        self.peer: Reachability[str] = Reachability(every, random.Random(2))
        self.now = 1000.0
        assert self.peer.start(self.now) == [Locate()]

    def located(self, *targets: str) -> list[Any]:
        return list(self.peer.located(targets, self.now))

    def says(self, status: int) -> list[Any]:
        return list(self.peer.answered(status, "", self.now))

    def waits(self) -> float:
        assert self.peer.deadline is not None
        pause = self.peer.deadline - self.now
        assert self.peer.expire(self.peer.deadline - 0.001) == []
        self.now = self.peer.deadline
        assert self.peer.expire(self.now) == [Locate()]
        return pause


@pytest.mark.parametrize("status", [200, 401, 404, 405, 483, 500])
def test_whoever_answers_is_there_and_is_asked_again_in_time(status: int) -> None:
    watched = Watched()
    assert watched.peer.is_reachable is None
    assert watched.located(ONE, TWO) == [Ask(ONE)]
    assert watched.says(status) == []
    assert (watched.peer.is_reachable, watched.peer.since) == (True, 1000.0)
    assert 54 <= watched.waits() <= 60
    watched.located(ONE)
    watched.says(200)
    assert watched.peer.since == 1000.0, "it is there since it first was"


@pytest.mark.parametrize("status", [408, 503])
def test_only_when_all_targets_fail_is_nobody_there_and_then_it_is_asked_again_sooner(status: int) -> None:
    watched = Watched()
    watched.located(ONE, TWO)
    assert watched.says(status) == [Ask(TWO)]
    assert watched.peer.is_reachable is None
    watched.now += 32
    assert watched.says(status) == []
    assert (watched.peer.is_reachable, watched.peer.since) == (False, 1032.0)
    assert watched.waits() <= AGAIN
    watched.located(ONE)
    watched.says(200)
    assert (watched.peer.is_reachable, watched.peer.since) == (True, watched.now)


def test_a_name_that_leads_nowhere_is_nobody_with_the_reason() -> None:
    watched = Watched()
    assert watched.located() == []
    assert (watched.peer.is_reachable, watched.peer.why) == (False, "its name leads nowhere")
    watched.waits()
    assert watched.peer.not_located("no such name", watched.now) == []
    assert watched.peer.why == "no such name"
    watched.waits()
    watched.located(ONE)
    assert watched.peer.why == ""


def test_after_the_end_nothing_that_comes_late_brings_it_back() -> None:
    watched = Watched()
    watched.located(ONE, TWO)
    watched.peer.stop()
    assert (watched.says(408), watched.located(ONE), watched.peer.deadline) == ([], [], None)
    assert watched.peer.state is Asking.OFF
