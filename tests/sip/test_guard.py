"""Floods, scanners and emergencies, in virtual time."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from ivr.sip.events import (
    CallEnded,
    Flow,
    IncomingCall,
    MessageDropped,
    Output,
    SendBytes,
    SourceLimited,
    UserAgentSettings,
)
from ivr.sip.guard import callee
from ivr.sip.limits import Limits, TokenBucket
from ivr.sip.message import Response, decode
from ivr.sip.sources import MAX_SOURCES, Sources, source_of
from ivr.sip.user_agent import UserAgent

ENGINE = ("192.0.2.2", 5060)
ANSWER = b"v=0\r\no=- 2 1 IN IP4 192.0.2.2\r\ns=-\r\n"
PBX = "198.51.100.1"
PLENTY = 1_000_000
GENEROUS = Limits(
    calls_per_second=PLENTY,
    source_calls_per_second=PLENTY,
    source_requests_per_second=PLENTY,
    source_calls=PLENTY,
)


class Line:
    """A user agent under limits, and whoever calls it."""

    def __init__(self, limits: Limits) -> None:
        settings = UserAgentSettings(limits=limits, accounts={"alice": "secret"})
        self.user_agent = UserAgent(settings, rng=random.Random(3))
        self.now = 1000.0
        self.number = 0
        self.dropped = 0
        self.told: list[SourceLimited] = []
        self.kept_out: list[str] = []

    @property
    def counters(self) -> Counter[str]:
        assert self.user_agent.guard is not None
        return self.user_agent.guard.counters

    def gets(self, data: bytes, host: str = "192.0.2.1", port: int = 5060, transport: str = "udp") -> list[Output]:
        flow = Flow(transport, ENGINE, (host, port), 7 if transport == "tcp" else 0)  # type: ignore[arg-type]
        outputs = self.user_agent.receive(data, flow, self.now)
        self.dropped += sum(isinstance(output, MessageDropped) for output in outputs)
        self.told += [output for output in outputs if isinstance(output, SourceLimited)]
        return outputs

    def asks(self, method: str = "INVITE", host: str = "192.0.2.1", **parts: str) -> int:
        """A new request outside any call; the status of the first answer, 0 for none. INVITE: 100 is let in."""
        self.number += 1
        outputs = self.gets(message(method, call=f"c{self.number}", host=host, **parts), host)
        return status_of(outputs)

    def calls(self, host: str = "192.0.2.1", **parts: str) -> str:
        """A call that is answered and confirmed; its leg."""
        self.number += 1
        call = f"c{self.number}"
        outputs = self.gets(message(call=call, host=host, **parts), host)
        incoming = next(output for output in outputs if isinstance(output, IncomingCall))
        ok = self.user_agent.answer(incoming.leg, ANSWER, self.now)
        tag = next(decode(output.data) for output in ok if isinstance(output, SendBytes)).to_tag
        self.gets(message("ACK", call=call, host=host, to_tag=tag, branch="ack"), host)
        self.last = call, tag
        return incoming.leg


def status_of(outputs: list[Output]) -> int:
    sent = [output.data for output in outputs if isinstance(output, SendBytes)]
    return next((int(data[8:11]) for data in sent if data.startswith(b"SIP/2.0 ")), 0)


def message(
    method: str = "INVITE",
    *,
    call: str,
    host: str = "192.0.2.1",
    called: str = "100",
    to_tag: str = "",
    branch: str = "1",
    cseq: int = 1,
    sender: str = "<sip:alice@192.0.2.1>",
    headers: str = "",
) -> bytes:
    at = f"[{host}]" if ":" in host else host
    return (
        f"{method} sip:{called}@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP {at}:5060;branch=z9hG4bK{call}{branch}\r\n"
        f"Max-Forwards: 70\r\nFrom: {sender};tag=a{call}\r\n"
        f"To: <sip:{called}@192.0.2.2>{';tag=' + to_tag if to_tag else ''}\r\nCall-ID: {call}@here\r\n"
        f"CSeq: {cseq} {method}\r\nContact: <sip:alice@{at}>\r\n{headers}Content-Length: 0\r\n\r\n"
    ).encode()


def test_a_flood_from_one_address_gets_its_share_some_refusals_and_then_silence() -> None:
    line = Line(Limits(source_calls_per_second=20, source_calls=10_000, max_calls=10_000))
    answers = Counter(line.asks() for _ in range(1000))
    assert answers == {100: 40, 503: 50, 0: 910}
    assert line.counters["source_rate"] + line.counters["unread"] == 960
    line.now += 0.5
    assert Counter(line.asks() for _ in range(1000)) == {100: 10, 503: 5, 0: 985}


def test_a_refusal_says_when_to_come_back_and_leaves_nothing_behind() -> None:
    line = Line(replace(GENEROUS, max_calls=0, retry_after=9))
    outputs = line.gets(message(call="x"))
    (response,) = (decode(output.data) for output in outputs if isinstance(output, SendBytes))
    assert isinstance(response, Response)
    assert (response.status, response.headers["Retry-After"]) == (503, "9")
    assert (line.user_agent.transactions, line.user_agent.legs, line.user_agent.deadline) == (0, [], None)


def test_ten_thousand_calls_at_five_hundred_a_second_leave_little_and_the_next_caller_is_answered() -> None:
    line = Line(Limits())
    for number in range(10_000):
        line.now += 0.002
        line.asks()
        if number == 5000:
            assert line.asks(host="203.0.113.9") == 100, "another caller, in the middle of the flood"
        line.user_agent.expire(line.now)
    assert len(line.user_agent.legs) <= 151
    assert line.user_agent.transactions <= 151
    assert line.asks(host="203.0.113.10") == 100


def test_a_flood_from_many_addresses_finds_the_limits_of_all_together() -> None:
    line = Line(Limits(emergency=frozenset({"112"}), emergency_reserve=10))
    answers = Counter(line.asks(host=f"10.{n // 65536}.{n // 256 % 256}.{n % 256}") for n in range(1500))
    assert answers[100] == 200
    line.now += 1.0
    for number in range(500):
        line.asks(host=f"172.16.{number // 256}.{number % 256}")
    assert len(line.user_agent.legs) == 290
    assert line.asks(host="203.0.113.10", called="112") == 100


def test_the_table_of_sources_is_bounded_and_forgets_who_was_quiet_longest() -> None:
    sources = Sources(Limits(), most=3)
    first = sources.heard("192.0.2.1", 0.0)
    sources.heard("192.0.2.2", 0.0)
    sources.heard("192.0.2.3", 0.0)
    assert sources.heard("192.0.2.1", 1.0) is first
    sources.heard("192.0.2.4", 2.0)
    assert (len(sources), sources.known("192.0.2.2"), sources.known("192.0.2.1")) == (3, None, first)
    assert MAX_SOURCES == 10_000


def test_one_network_of_ipv6_is_one_source() -> None:
    assert source_of("2001:db8:1:2:3:4:5:6") == source_of("2001:db8:1:2::1") != source_of("2001:db8:1:3::1")
    line = Line(replace(GENEROUS, source_calls=2))
    answers = [line.asks(host=f"2001:db8:1:2::{number}") for number in range(1, 4)]
    assert answers == [100, 100, 503]


def test_a_trunk_is_under_the_limits_of_all_together_only() -> None:
    limits = Limits(source_calls_per_second=1, source_calls=2, calls_per_second=1000, trunks=frozenset({PBX}))
    line = Line(limits)
    assert {line.asks(host=PBX) for _ in range(290)} == {100}
    assert {line.asks("OPTIONS", host=PBX) for _ in range(1000)} == {200}
    assert {line.asks(host=PBX) for _ in range(10)} == {100}
    assert {line.asks(host=PBX) for _ in range(200)} == {503}, "all lines are taken; a trunk is always told"
    assert line.counters["unread"] == line.counters["unanswered"] == 0


def test_a_flood_from_everywhere_leaves_the_trunks_their_half_and_their_rate() -> None:
    line = Line(Limits(max_calls=100, trunks=frozenset({PBX})))
    strangers = Counter(line.asks(host=f"10.0.{n // 250}.{n % 250}") for n in range(600))
    assert strangers[100] == 50
    assert Counter(line.asks(host=PBX) for _ in range(60)) == {100: 50, 503: 10}


def test_requests_of_a_live_call_are_served_whatever_its_source_did() -> None:
    line = Line(Limits(source_calls_per_second=1, source_requests_per_second=1))
    line.calls()
    call, tag = line.last
    for _ in range(500):
        line.asks()
        line.asks("OPTIONS")
    assert line.counters["unread"] > 500
    for cseq in range(2, 300):
        outputs = line.gets(message("OPTIONS", call=call, to_tag=tag, cseq=cseq, branch=str(cseq)))
        assert status_of(outputs) == 200
    bye = message("BYE", call=call, to_tag=tag, cseq=300, branch="bye")
    outputs = line.gets(bye)
    assert status_of(outputs) == 200
    assert any(isinstance(output, CallEnded) for output in outputs)
    assert status_of(line.gets(bye)) == 200, "its repetition too, although the call is over"


def test_a_retransmission_is_not_counted_twice() -> None:
    line = Line(Limits(source_calls_per_second=1, source_calls=100))
    served = message(call="served")
    assert status_of(line.gets(served)) == 100
    for _ in range(20):
        line.gets(served)
    assert line.asks() == 100, "the second of two at once"
    refused = message(call="refused")
    for _ in range(5):
        assert status_of(line.gets(refused)) == 503
    assert line.counters["source_rate"] == 1


def test_a_call_that_is_over_or_has_heard_our_bye_frees_its_line() -> None:
    line = Line(replace(GENEROUS, max_calls=2))
    leg = line.calls()
    line.calls()
    assert line.asks() == 503
    line.user_agent.hang_up(leg, line.now)
    line.calls()
    assert line.asks() == 503
    line.gets(message("BYE", call=line.last[0], to_tag=line.last[1], cseq=2, branch="bye"))
    assert line.asks() == 100
    assert line.user_agent.guard is not None
    assert line.user_agent.guard.calls == 2


def test_our_own_calls_take_no_line_of_the_callers() -> None:
    line = Line(replace(GENEROUS, max_calls=1))
    flow = Flow("udp", ENGINE, ("192.0.2.7", 5060))
    line.user_agent.invite("out", "sip:desk@192.0.2.7", ANSWER, flow, line.now, caller_uri="sip:ivr@192.0.2.2")
    assert line.asks() == 100
    assert line.asks() == 503


EMERGENCY = replace(GENEROUS, max_calls=10, emergency=frozenset({callee("Gas-Emergency")}), emergency_reserve=4)


def test_room_is_kept_for_an_emergency_which_nobody_else_can_use() -> None:
    line = Line(EMERGENCY)
    others = Counter(line.asks(host=f"192.0.2.{number}") for number in range(1, 21))
    assert others == {100: 6, 503: 14}
    callers = [line.asks(host=f"198.51.100.{number}", called="gas-emergency") for number in range(1, 6)]
    assert callers == [100, 100, 100, 100, 503], "beyond all lines there is none"
    assert line.counters["emergency"] == 4


def test_an_emergency_gets_in_from_a_source_that_may_do_nothing_else_any_more() -> None:
    line = Line(Limits(source_calls_per_second=1, emergency=frozenset({"112"}), emergency_reserve=4))
    for _ in range(500):
        line.asks()
    assert line.counters["unread"] > 300
    assert line.asks() == 0
    assert line.asks(called="112") == 100


def test_one_stranger_cannot_have_the_whole_reserve() -> None:
    line = Line(EMERGENCY)
    flood = Counter(line.asks(called="GasEmergency") for _ in range(200))
    assert flood[100] == 8, "six lines like anybody, and half of the reserve"
    assert line.asks(host="198.51.100.9", called="gas-emergency") == 100


SCANNERS = [
    {"headers": "User-Agent: friendly-scanner\r\n"},
    {"headers": "User-Agent: VaxSIPUserAgent/3.1\r\n"},
    {"headers": "user-agent: PPLSIP\r\n"},
    {"headers": "User-Agent: sipcli/v1.8\r\n"},
    {"headers": "User-Agent: sundayddr\r\n"},
    {"headers": "User-Agent: our own nuisance 2\r\n"},
    {"sender": '"sipvicious" <sip:100@1.1.1.1>'},
    {"sender": "<sip:nm@nm>"},
]


@pytest.mark.parametrize("marks", SCANNERS, ids=str)
@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "OPTIONS"])
def test_a_scanner_hears_nothing_and_is_counted(marks: dict[str, str], method: str) -> None:
    line = Line(Limits(scanners=("own nuisance",), trunks=frozenset({PBX})))
    assert line.asks(method, **marks) == 0
    assert (line.counters["scanner"], line.dropped, line.user_agent.transactions) == (1, 1, 0)
    assert line.asks(method, host=PBX, **marks) > 0, "a trunk is trusted to know what it sends"
    assert Line(Limits(drop_scanners=False)).asks(method, **marks) > 0


@pytest.mark.parametrize("agent", ["baresip v1.0.0", "Linphone/3.12", "Cisco-CP8861", "PolycomVVX", ""])
def test_telephones_are_no_scanners(agent: str) -> None:
    line = Line(Limits())
    assert line.asks(headers=f"User-Agent: {agent}\r\n", sender='"Scanner, Ann" <sip:+1555@1.1.1.10>') == 100


def test_broken_requests_use_up_the_same_share() -> None:
    line = Line(Limits(source_requests_per_second=2))
    broken = [message("OPTIONS", call=f"b{n}").replace(b"CSeq: 1 OPTIONS", b"CSeq: x") for n in range(30)]
    assert Counter(status_of(line.gets(data)) for data in broken) == {400: 10, 0: 20}


def test_streams_are_judged_by_the_same_limits() -> None:
    line = Line(Limits(source_calls_per_second=2))
    answers = Counter(status_of(line.gets(message(call=f"t{n}"), transport="tcp")) for n in range(100))
    assert answers == {100: 4, 503: 50, 0: 46}


def test_a_source_is_told_of_once_and_then_ever_more_rarely() -> None:
    line = Line(Limits(source_calls_per_second=1, source_calls=PLENTY, max_calls=PLENTY))
    minutes: list[int] = []
    for minute in range(240):
        before = len(line.told)
        for _ in range(6):
            line.asks()
        minutes += [minute] * (len(line.told) - before)
        line.now += 60.0
    assert minutes == [0, 1, 5, 21, 81, 141, 201]
    assert {(report.source, report.why) for report in line.told} == {("192.0.2.1", "source_rate")}
    assert [report.messages for report in line.told] == [1, 4, 16, 64, 240, 240, 240]


def test_a_flood_from_many_addresses_is_no_flood_of_reports() -> None:
    line = Line(Limits(max_calls=0))
    for number in range(500):
        line.asks(host=f"10.0.{number // 256}.{number % 256}")
    assert len(line.told) == 20
    line.now += 10.0
    line.asks(host="203.0.113.1")
    assert line.told[-1].untold == 480


def test_nobody_is_limited_without_limits(user_agent: UserAgent, make_request: Callable[..., str]) -> None:
    assert user_agent.guard is None


def test_a_bucket_never_holds_more_than_its_burst_and_time_never_goes_back() -> None:
    bucket = TokenBucket(2.0, 3.0, 0.0)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(99.0)
    assert bucket.take(100.5)
