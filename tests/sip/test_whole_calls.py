"""Two user agents and a network that loses: every call comes up or fails cleanly, and ends once on each side."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.sip.events import (
    CallAccepted,
    CallCancelled,
    CallConfirmed,
    CallEnded,
    CallRefused,
    IncomingCall,
    SessionAnswered,
    SessionOffered,
)
from ivr.sip.message import Request

PACKETS_OF_A_CALL = 11
"""INVITE 100 180 200 ACK, INVITE 100 200 ACK, BYE 200."""


def play(wire: Any, who_hangs_up: str) -> None:
    """Dial, change the session, hang up; everything at its own pace."""
    wire.dial()
    wire.run(20)
    wire.took(wire.caller, wire.caller.offer("out", b"v=0 hold", wire.now))
    wire.run(20)
    user_agent, leg = (wire.caller, "out") if who_hangs_up == "caller" else (wire.engine, "in-1")
    wire.took(user_agent, user_agent.hang_up(leg, wire.now))
    wire.run(100)


def assert_clean(wire: Any, who_hangs_up: str) -> None:
    assert wire.has(wire.caller, CallAccepted)
    assert wire.has(wire.engine, CallConfirmed)
    assert wire.has(wire.engine, SessionOffered)
    assert wire.has(wire.caller, SessionAnswered)
    by = {"caller": ("local", "remote"), "engine": ("remote", "local")}[who_hangs_up]
    assert wire.ends_of(wire.caller) == [CallEnded("out", by[0], "BYE")]
    assert wire.ends_of(wire.engine) == [CallEnded("in-1", by[1], "BYE")]
    for user_agent in (wire.caller, wire.engine):
        assert (user_agent.legs, user_agent.transactions, user_agent.deadline) == ([], 0, None)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("who", ["caller", "engine"])
def test_a_call_over_a_good_network_takes_eleven_packets(make_wire: Any, who: str, transport: str) -> None:
    wire = make_wire(transport)
    play(wire, who)
    assert_clean(wire, who)
    assert len(wire.packets) == PACKETS_OF_A_CALL


@pytest.mark.parametrize("who", ["caller", "engine"])
@pytest.mark.parametrize("lost", range(PACKETS_OF_A_CALL))
def test_any_single_packet_may_be_lost(make_wire: Any, lost: int, who: str) -> None:
    wire = make_wire()
    wire.loses = lambda number, message: number == lost
    play(wire, who)
    assert_clean(wire, who)


@pytest.mark.parametrize("lost", range(PACKETS_OF_A_CALL))
def test_any_two_packets_in_a_row_may_be_lost(make_wire: Any, lost: int) -> None:
    wire = make_wire()
    wire.loses = lambda number, message: number in (lost, lost + 1)
    play(wire, "caller")
    assert_clean(wire, "caller")


def test_every_packet_may_come_twice(wire: Any) -> None:
    received = wire.engine.receive

    def twice(*args: Any) -> Any:
        return [*received(*args), *received(*args)]

    wire.engine.receive = twice
    play(wire, "caller")
    assert_clean(wire, "caller")


def test_no_ack_ever_ends_the_call_on_both_sides(wire: Any) -> None:
    wire.loses = lambda number, message: isinstance(message, Request) and message.method == "ACK"
    wire.dial()
    wire.run(200)
    assert wire.ends_of(wire.engine) == [CallEnded("in-1", "failure", "no ACK")]
    assert wire.ends_of(wire.caller) == [CallEnded("out", "remote", "no ACK")]
    assert (wire.caller.transactions, wire.engine.transactions) == (0, 0)


@pytest.mark.parametrize("lost", [None, *range(8)])
def test_giving_up_while_it_rings_is_clean_whatever_is_lost(make_wire: Any, lost: int | None) -> None:
    wire = make_wire()
    wire.loses = lambda number, message: number == lost
    wire.reactions[wire.engine] = lambda event: (
        wire.engine.ring(event.leg, wire.now) if isinstance(event, IncomingCall) else []
    )
    wire.dial()
    wire.run(3)
    wire.took(wire.caller, wire.caller.hang_up("out", wire.now, reason="changed my mind"))
    wire.run(200)
    assert wire.ends_of(wire.caller) == [CallRefused("out", 487, "Request Terminated")]
    assert wire.ends_of(wire.engine) == [CallCancelled("in-1", "changed my mind")]
    assert (wire.caller.transactions, wire.engine.transactions) == (0, 0)


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03])
def test_a_hang_up_at_any_moment_of_the_set_up_ends_both_sides_once(make_wire: Any, delay: float) -> None:
    wire = make_wire()
    wire.dial()
    wire.run(delay)
    wire.took(wire.caller, wire.caller.hang_up("out", wire.now))
    wire.run(200)
    assert len(wire.ends_of(wire.caller)) == 1
    assert len(wire.ends_of(wire.engine)) == 1
    assert (wire.caller.legs, wire.engine.legs) == ([], [])
    assert (wire.caller.transactions, wire.engine.transactions) == (0, 0)


@pytest.mark.parametrize("lost", [None, *range(5)])
def test_a_refusal_arrives_whatever_is_lost(make_wire: Any, lost: int | None) -> None:
    wire = make_wire()
    wire.loses = lambda number, message: number == lost
    wire.reactions[wire.engine] = lambda event: (
        wire.engine.refuse(event.leg, 486, wire.now) if isinstance(event, IncomingCall) else []
    )
    wire.dial()
    wire.run(200)
    assert wire.ends_of(wire.caller) == [CallRefused("out", 486, "Busy Here")]
    assert wire.ends_of(wire.engine) == [CallEnded("in-1", "local", "refused with 486")]
    assert (wire.caller.transactions, wire.engine.transactions) == (0, 0)


def test_offers_that_collide_are_both_made_in_the_end(wire: Any) -> None:
    wire.dial()
    wire.run(1)
    wire.took(wire.caller, wire.caller.offer("out", b"v=0 from caller", wire.now))
    wire.took(wire.engine, wire.engine.offer("in-1", b"v=0 from engine", wire.now))
    wire.run(30)
    assert [m.status for _, m in wire.packets if not isinstance(m, Request)].count(491) == 2
    for user_agent, leg, theirs in ((wire.caller, "out", b"engine"), (wire.engine, "in-1", b"caller")):
        events = wire.events[user_agent]
        assert [e for e in events if isinstance(e, SessionOffered)] == [SessionOffered(leg, b"v=0 from " + theirs)]
        assert len([e for e in events if isinstance(e, SessionAnswered)]) == 1


def test_a_network_that_is_gone_ends_everything(wire: Any) -> None:
    wire.dial()
    wire.run(5)
    wire.loses = lambda number, message: True
    wire.took(wire.caller, wire.caller.hang_up("out", wire.now))
    wire.took(wire.engine, wire.engine.hang_up("in-1", wire.now))
    wire.run(100)
    assert wire.ends_of(wire.caller) == [CallEnded("out", "local", "BYE not answered")]
    assert wire.ends_of(wire.engine) == [CallEnded("in-1", "local", "BYE not answered")]
    assert (wire.caller.deadline, wire.engine.deadline) == (None, None)
