"""The four transaction machines, stepped by a clock that is only a number. RFC 3261 section 17, RFC 6026."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.sip.message import Request, Response, decode
from ivr.sip.reply import reply_to
from ivr.sip.timers import Alarms, TimerQueue, Timers
from ivr.sip.transaction.client import InviteClient, NonInviteClient
from ivr.sip.transaction.machine import Effect, Failed, PassUp, State, Transmit
from ivr.sip.transaction.server import InviteServer, NonInviteServer

TIMERS = Timers()


def request(method: str) -> Request:
    lines = [
        f"{method} sip:100@192.0.2.2 SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKone",
        "Route: <sip:192.0.2.9;lr>",
        "From: <sip:alice@192.0.2.1>;tag=a",
        "To: <sip:100@192.0.2.2>",
        "Call-ID: t1",
        f"CSeq: 4 {method}",
    ]
    message = decode(("\r\n".join(lines) + "\r\n\r\n").encode())
    assert isinstance(message, Request)
    return message


def response(method: str, status: int) -> Response:
    return reply_to(request(method), status, to_tag="b")


def run_until_idle(machine: Any, start: float = 0.0) -> list[tuple[float, Effect]]:
    """Every effect with its moment."""
    effects: list[tuple[float, Effect]] = []
    while machine.deadline is not None:
        now = machine.deadline
        effects += [(now - start, effect) for effect in machine.expire(now)]
    return effects


def first_line(effect: Effect) -> str:
    assert isinstance(effect, Transmit)
    return effect.data.split(b"\r\n")[0].decode()


def test_an_invite_over_udp_is_repeated_at_doubling_intervals_until_timer_b() -> None:
    machine = InviteClient(request("INVITE"), False, TIMERS)
    assert [first_line(effect) for effect in machine.start(0.0)] == ["INVITE sip:100@192.0.2.2 SIP/2.0"]
    effects = run_until_idle(machine)
    assert [when for when, _ in effects] == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 32.0]
    assert effects[-1][1] == Failed("timeout")
    assert machine.state is State.TERMINATED


def test_an_invite_over_tcp_is_sent_once() -> None:
    machine = InviteClient(request("INVITE"), True, TIMERS)
    assert len(machine.start(0.0)) == 1
    assert run_until_idle(machine) == [(32.0, Failed("timeout"))]


def test_a_provisional_answer_stops_the_repetition_for_good() -> None:
    machine = InviteClient(request("INVITE"), False, TIMERS)
    machine.start(0.0)
    trying = response("INVITE", 100)
    assert machine.receive(trying, 0.1) == [PassUp(trying)]
    assert (machine.state, machine.deadline) == (State.PROCEEDING, None)


@pytest.mark.parametrize(("reliable", "linger"), [(False, 32.0), (True, 0.0)])
def test_a_failure_is_acknowledged_each_time_and_told_once(reliable: bool, linger: float) -> None:
    machine = InviteClient(request("INVITE"), reliable, TIMERS)
    machine.start(0.0)
    busy = response("INVITE", 486)
    ack, told = machine.receive(busy, 1.0)
    assert first_line(ack) == "ACK sip:100@192.0.2.2 SIP/2.0"
    assert isinstance(ack, Transmit)
    text = ack.data.decode()
    for line in ("branch=z9hG4bKone", "To: <sip:100@192.0.2.2>;tag=b", "CSeq: 4 ACK", "Route: <sip:192.0.2.9;lr>"):
        assert line in text
    assert told == PassUp(busy)
    assert machine.receive(busy, 1.0) == [ack]
    assert machine.deadline == 1.0 + linger
    assert run_until_idle(machine) == []
    assert machine.state is State.TERMINATED


def test_every_2xx_is_passed_up_until_timer_m() -> None:
    machine = InviteClient(request("INVITE"), False, TIMERS)
    machine.start(0.0)
    ok = response("INVITE", 200)
    assert machine.receive(ok, 1.0) == machine.receive(ok, 2.0) == [PassUp(ok)]
    assert (machine.state, machine.deadline) == (State.ACCEPTED, 33.0)
    assert machine.receive(response("INVITE", 180), 3.0) == []
    assert (run_until_idle(machine), machine.state) == ([], State.TERMINATED)


@pytest.mark.parametrize("kind", [InviteClient, NonInviteClient])
def test_a_dead_transport_fails_a_request(kind: Any) -> None:
    machine = kind(request("INVITE"), True, TIMERS)
    machine.start(0.0)
    assert machine.transport_failed(1.0) == [Failed("transport")]
    assert (machine.state, machine.deadline) == (State.TERMINATED, None)


def test_another_request_is_repeated_up_to_t2_until_timer_f() -> None:
    machine = NonInviteClient(request("BYE"), False, TIMERS)
    machine.start(10.0)
    effects = run_until_idle(machine, 10.0)
    assert [when for when, _ in effects] == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5, 32.0]
    assert effects[-1][1] == Failed("timeout")


def test_after_a_provisional_answer_it_is_repeated_every_t2() -> None:
    machine = NonInviteClient(request("BYE"), False, TIMERS)
    machine.start(0.0)
    machine.receive(response("BYE", 100), 0.2)
    assert [when for when, _ in run_until_idle(machine)][:3] == [0.5, 4.5, 8.5]


@pytest.mark.parametrize(("reliable", "linger"), [(False, 5.0), (True, 0.0)])
def test_a_final_answer_is_told_once_and_repetitions_absorbed_for_timer_k(reliable: bool, linger: float) -> None:
    machine = NonInviteClient(request("BYE"), reliable, TIMERS)
    machine.start(0.0)
    ok = response("BYE", 200)
    assert machine.receive(ok, 1.0) == [PassUp(ok)]
    assert machine.receive(ok, 1.0) == []
    assert (machine.state, machine.deadline) == (State.COMPLETED, 1.0 + linger)
    run_until_idle(machine)
    assert machine.state is State.TERMINATED


def test_an_invite_server_repeats_its_failure_until_the_ack_then_lingers_for_timer_i() -> None:
    machine = InviteServer(False, TIMERS)
    assert machine.repeated(0.0) == []
    assert machine.respond(100, b"100", 0.0) == machine.repeated(0.1) == [Transmit(b"100")]
    assert machine.respond(486, b"486", 1.0) == machine.repeated(1.1) == [Transmit(b"486")]
    assert [machine.expire(when) for when in (1.4, 1.5, 2.5, 4.5)] == [[], *([[Transmit(b"486")]] * 3)]
    assert machine.acknowledged(5.0)
    assert (machine.state, machine.deadline) == (State.CONFIRMED, 10.0)
    assert machine.acknowledged(6.0)
    assert machine.repeated(6.0) == []
    assert (run_until_idle(machine), machine.state) == ([], State.TERMINATED)


@pytest.mark.parametrize(("reliable", "repeated"), [(False, 10), (True, 0)])
def test_an_invite_server_gives_up_waiting_for_the_ack_at_timer_h(reliable: bool, repeated: int) -> None:
    machine = InviteServer(reliable, TIMERS)
    machine.respond(503, b"503", 0.0)
    effects = run_until_idle(machine)
    assert effects == [*((when, Transmit(b"503")) for when, _ in effects[:-1]), (32.0, Failed("timeout"))]
    assert len(effects) == repeated + 1


def test_an_accepted_invite_absorbs_repetitions_and_lets_2xx_through_until_timer_l() -> None:
    machine = InviteServer(False, TIMERS)
    assert machine.respond(200, b"200", 0.0) == [Transmit(b"200")]
    assert machine.repeated(0.5) == []
    assert machine.respond(200, b"200", 1.0) == [Transmit(b"200")]
    assert machine.respond(486, b"486", 1.0) == []
    assert not machine.acknowledged(2.0)
    assert machine.deadline == 32.0
    assert (run_until_idle(machine), machine.state) == ([], State.TERMINATED)


@pytest.mark.parametrize(("reliable", "linger"), [(False, 32.0), (True, 0.0)])
def test_another_server_answers_repetitions_alike_for_timer_j(reliable: bool, linger: float) -> None:
    machine = NonInviteServer(reliable, TIMERS)
    assert machine.repeated(0.0) == []
    assert machine.respond(200, b"200", 1.0) == machine.repeated(1.0) == [Transmit(b"200")]
    assert machine.respond(500, b"500", 1.0) == []
    assert machine.deadline == 1.0 + linger
    assert (run_until_idle(machine), machine.state) == ([], State.TERMINATED)


def test_a_server_that_cannot_reach_the_peer_says_so() -> None:
    for machine in (InviteServer(True, TIMERS), NonInviteServer(True, TIMERS)):
        assert machine.transport_failed(0.0) == [Failed("transport")]
        assert machine.terminated


def test_other_base_times_move_every_timer() -> None:
    machine = NonInviteClient(request("BYE"), False, Timers(t1=0.1, t2=0.4))
    machine.start(0.0)
    moments = [round(when, 3) for when, _ in run_until_idle(machine)]
    assert (moments[:4], moments[-1]) == ([0.1, 0.3, 0.7, 1.1], 6.4)


class Sleeper:
    """Waits, and keeps a list of when it was woken."""

    def __init__(self, *deadlines: float) -> None:
        self.deadlines = list(deadlines)

    @property
    def deadline(self) -> float | None:
        return self.deadlines[0] if self.deadlines else None

    def expire(self, now: float) -> None:
        self.deadlines.pop(0)


def test_the_queue_wakes_the_earliest_first_and_forgets_who_changed_his_mind() -> None:
    queue = TimerQueue()
    early, late, fickle = Sleeper(1.0), Sleeper(3.0), Sleeper(2.0)
    for sleeper in (late, fickle, early):
        queue.watch(sleeper)
    fickle.deadlines = [9.0]
    queue.watch(fickle)
    assert queue.deadline == 1.0
    assert queue.pop_due(0.5) is None
    assert [queue.pop_due(5.0) for _ in range(3)] == [early, late, None]
    assert queue.deadline == 9.0
    queue.forget(fickle)
    assert queue.deadline is None


def test_a_deadline_that_goes_away_and_comes_back_is_kept_once() -> None:
    queue = TimerQueue()
    sleeper = Sleeper(1.0)
    queue.watch(sleeper)
    queue.forget(sleeper)
    queue.watch(sleeper)
    assert queue.pop_due(1.0) is sleeper
    assert (queue.pop_due(1.0), queue.deadline, len(queue)) == (None, None, 0)


def test_ten_thousand_changes_of_mind_leave_a_small_queue() -> None:
    queue = TimerQueue()
    sleepers = [Sleeper(float(number)) for number in range(10)]
    for turn in range(1000):
        for sleeper in sleepers:
            sleeper.deadlines = [1000.0 + turn]
            queue.watch(sleeper)
    assert len(queue._heap) < 100
    assert queue.deadline == 1999.0


def test_alarms_go_off_in_order_and_may_be_set_meanwhile() -> None:
    alarms = Alarms({"b": 2.0, "a": 1.0, "later": 9.0})
    heard = []
    for name in alarms.due(5.0):
        heard.append(name)
        if name == "a":
            alarms["again"] = 1.5
    assert heard == ["a", "again", "b"]
    assert alarms.deadline == 9.0
