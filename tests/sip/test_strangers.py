"""Bytes of strangers: whatever comes, nothing is raised, nothing piles up, and the next caller is served."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivr.sip.events import Flow, IncomingCall, UserAgentSettings
from ivr.sip.user_agent import UserAgent

FLOW = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
HEAD = (
    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{branch};rport\r\nMax-Forwards: 70\r\n"
    'From: "Alice" <sip:alice@192.0.2.1>;tag=a1\r\nTo: <sip:100@192.0.2.2>{to}\r\nCall-ID: c{call}\r\n'
    "CSeq: {cseq} {method}\r\nContact: <sip:alice@192.0.2.1:5060>\r\n"
)
BODY = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"


def message(
    method: str, *, call: int = 1, cseq: int = 1, branch: str = "x", to: str = "", extra: str = ""
) -> bytes:
    head = HEAD.format(branch=branch, to=to, call=call, cseq=cseq, method=method)
    head = f"{method} sip:100@192.0.2.2 SIP/2.0\r\n{head}{extra}Content-Type: application/sdp\r\n"
    return f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY


INVITE = message("INVITE")
AUTHORIZATION = 'Authorization: Digest username="alice", realm="ivr", nonce="1.2", uri="sip:x", response="00"\r\n'
mutations = st.lists(
    st.tuples(st.integers(0, len(INVITE) - 1), st.binary(max_size=4), st.integers(0, 6)), max_size=6
)


def mutated(data: bytes, changes: list[tuple[int, bytes, int]]) -> bytes:
    for place, put, cut in changes:
        data = data[:place] + put + data[place + cut :]
    return data


def assert_still_serves(user_agent: UserAgent, now: float) -> None:
    outputs = user_agent.receive(message("INVITE", call=99, branch="sane"), FLOW, now)
    assert [output for output in outputs if isinstance(output, IncomingCall)]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.binary(max_size=400), max_size=5))
def test_random_bytes_are_survived(datagrams: list[bytes]) -> None:
    user_agent = UserAgent(UserAgentSettings(), rng=random.Random(1))
    for datagram in datagrams:
        user_agent.receive(datagram, FLOW, 1.0)
    assert_still_serves(user_agent, 2.0)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(["INVITE", "REGISTER", "OPTIONS", "BYE", "CANCEL", "ACK"]), mutations)
def test_mutated_requests_are_survived_and_leave_nothing_behind(
    method: str, changes: list[tuple[int, bytes, int]]
) -> None:
    user_agent = UserAgent(UserAgentSettings(accounts={"alice": "secret"}), rng=random.Random(1))
    extra = AUTHORIZATION if method == "REGISTER" else ""
    outputs = user_agent.receive(mutated(message(method, extra=extra), changes), FLOW, 1.0)
    for call in [output for output in outputs if isinstance(output, IncomingCall)]:
        call.calling_number.encode()
        user_agent.ring(call.leg, 1.0)
        user_agent.answer(call.leg, BODY, 1.0)
        user_agent.hang_up(call.leg, 1.0)
    assert_still_serves(user_agent, 2.0)
    user_agent.hang_up(user_agent.legs[-1], 2.0)
    while user_agent.deadline is not None:
        user_agent.expire(user_agent.deadline)
    assert (user_agent.legs, user_agent.transactions) == ([], 0)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutations, st.integers(100, 699))
def test_mutated_answers_to_our_call_are_survived(changes: list[tuple[int, bytes, int]], status: int) -> None:
    user_agent = UserAgent(UserAgentSettings(), rng=random.Random(1))
    (invite,) = user_agent.invite("out", "sip:a@192.0.2.1", BODY, FLOW, 0.0, caller_uri="sip:b@192.0.2.2")
    lines = invite.data.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    answer = b"\r\n".join([f"SIP/2.0 {status} X".encode(), *lines]) + b"\r\n\r\n" + BODY
    user_agent.receive(mutated(answer, changes), FLOW, 1.0)
    user_agent.hang_up("out", 2.0)
    while user_agent.deadline is not None:
        user_agent.expire(user_agent.deadline)
    assert (user_agent.legs, user_agent.transactions) == ([], 0)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["INVITE", "ACK", "BYE", "CANCEL", "INFO", "UPDATE", "OPTIONS"]),
            st.integers(1, 4),
            st.booleans(),
            st.floats(0, 3),
        ),
        max_size=14,
    )
)
def test_any_order_of_valid_requests_ends_every_leg_at_most_once(
    steps: list[tuple[str, int, bool, float]],
) -> None:
    user_agent = UserAgent(UserAgentSettings(), rng=random.Random(1))
    now, tag, ends = 0.0, "", []
    for method, cseq, answers, pause in [("INVITE", 1, True, 0.0), *steps]:
        now += pause
        outputs = user_agent.expire(now)
        outputs += user_agent.receive(
            message(method, cseq=cseq, branch=f"{method.replace('CANCEL', 'INVITE')}{cseq}", to=tag), FLOW, now
        )
        for output in list(outputs):
            if isinstance(output, IncomingCall) and answers:
                outputs += user_agent.answer(output.leg, BODY, now)
                tag = next(o.data for o in outputs if b" 200 " in getattr(o, "data", b"")[:13]).decode()
                tag = ";tag=" + tag.partition("\r\nTo: ")[2].partition(";tag=")[2].partition("\r\n")[0]
            elif type(output).__name__ == "SessionOffered" and answers and output.leg in user_agent.legs:
                outputs += user_agent.accept_offer(output.leg, BODY, now)
        ends += [o.leg for o in outputs if type(o).__name__ in ("CallEnded", "CallCancelled", "CallRefused")]
    assert len(ends) == len(set(ends))
    ended: list[Any] = [output for leg in user_agent.legs for output in user_agent.hang_up(leg, now)]
    while user_agent.deadline is not None:
        ended += user_agent.expire(user_agent.deadline)
    assert (user_agent.legs, user_agent.transactions) == ([], 0)


def test_a_flood_of_calls_that_never_come_back_leaves_memory_bounded() -> None:
    user_agent = UserAgent(UserAgentSettings(max_transactions=200), rng=random.Random(1))
    for number in range(600):
        outputs = user_agent.receive(message("INVITE", call=number, branch=f"f{number}"), FLOW, number / 500)
        for call in [output for output in outputs if isinstance(output, IncomingCall)]:
            user_agent.refuse(call.leg, 503, number / 500)
    assert user_agent.transactions == 200
    assert user_agent.counters["overloaded"] == 400
    while user_agent.deadline is not None:
        user_agent.expire(user_agent.deadline)
    assert user_agent.transactions == 0
    assert_still_serves(user_agent, 100.0)


def test_one_header_of_sixty_thousand_odd_characters_is_read_in_no_time() -> None:
    user_agent = UserAgent(UserAgentSettings(accounts={"alice": "secret"}), rng=random.Random(1))
    for odd in ('"' + '\\"' * 20_000, "a;" * 20_000, ",<" * 20_000, "a" * 60_000, 'x="\\",' * 8_000):
        for name in ("Contact", "Record-Route", "Require", "Supported", "Authorization: Digest x"):
            data = message("REGISTER", branch=odd[:5].encode().hex(), extra=f"{name}: {odd}\r\n")
            user_agent.receive(data, FLOW, 1.0)
    assert_still_serves(user_agent, 2.0)
