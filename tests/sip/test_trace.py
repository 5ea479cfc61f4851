"""The ring of kept messages: bounded, found again by call, number and source."""

from __future__ import annotations

import pytest

from ivr.sip.events import Flow, SendBytes
from ivr.sip.trace import OVERHEAD, Trace, call_of

CALL = "20260302-151500-ab12cd"


def flow(host: str = "192.0.2.1", port: int = 5060) -> Flow:
    return Flow("udp", ("192.0.2.2", 5060), (host, port))


def message(call_id: str, sender: str = "alice", called: str = "100", filling: int = 0) -> bytes:
    head = (
        f"INVITE sip:{called}@192.0.2.2 SIP/2.0\r\nf: <sip:{sender}@192.0.2.1>;tag=1\r\nTo: <sip:{called}@x>\r\n"
    )
    return f"{head}Call-ID: {call_id}\r\nX-Number: 777\r\n\r\n{'z' * filling}".encode()


def ids(trace: Trace, **wanted: str | int) -> list[str]:
    return [one.call_id for one in trace.select(**wanted)]  # type: ignore[arg-type]


def test_memory_is_bounded_and_the_oldest_make_room() -> None:
    trace = Trace(20 * (OVERHEAD + 1000))
    for number in range(1000):
        data = message(f"c{number}")
        trace.add(True, flow(), data + b"z" * (1000 - len(data)), float(number))
    assert len(trace) == 20
    assert trace.octets == 20 * (OVERHEAD + 1000)
    assert ids(trace) == [f"c{number}" for number in range(980, 1000)]
    assert trace.newest == 1000
    assert [one.serial for one in trace.select(after=998)] == [999, 1000]


def test_one_message_too_large_for_the_ring_leaves_it_empty() -> None:
    trace = Trace(1000)
    trace.add(True, flow(), b"x" * 2000, 0.0)
    assert (len(trace), trace.octets) == (0, 0)


def test_nothing_is_kept_when_it_is_off() -> None:
    trace = Trace(0)
    trace.add(True, flow(), message("c1"), 0.0)
    trace.name("c1", CALL)
    assert (len(trace), trace.is_on, trace.name_of("c1")) == (0, False, "")


@pytest.fixture
def trace() -> Trace:
    """A call with its agent's leg, another call, and a stranger."""
    trace = Trace(1 << 20)
    trace.add(True, flow(), message("in"), 1.0)
    trace.name("in", CALL)
    to_agent = message("out", sender="alice", called="desk1")
    trace.add(False, flow("192.0.2.9"), to_agent, 2.0)
    trace.name_sent([SendBytes(flow("192.0.2.9"), to_agent)], f"agent-{CALL}-h1.1")
    trace.add(True, flow("2001:db8:1:2::1"), message("other", sender="+15550177"), 3.0)
    trace.add(True, flow("2001:db8:1:2::5"), b"OPTIONS sip:x SIP/2.0\r\ni : ping\r\n\r\n", 4.0)
    return trace


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"call": CALL}, ["in", "out"]),
        ({"call": "in"}, ["in", "out"]),
        ({"call": "other"}, ["other"]),
        ({"number": "desk1"}, ["in", "out"]),
        ({"number": "0177"}, ["other"]),
        ({"number": "777"}, []),
        ({"source": "192.0.2.9"}, ["in", "out"]),
        ({"source": "2001:db8:1:2::99"}, ["other", "ping"]),
        ({"number": "alice", "source": "192.0.2.77"}, []),
        ({"call": CALL, "after": 1}, ["out"]),
        ({}, ["in", "out", "other", "ping"]),
    ],
    ids=str,
)
def test_whole_calls_are_found(trace: Trace, wanted: dict[str, str | int], found: list[str]) -> None:
    assert ids(trace, **wanted) == found


def test_the_call_is_read_from_the_name_of_any_of_its_legs() -> None:
    assert call_of(f"outside-{CALL}") == call_of(CALL) == CALL
    assert call_of("in-17") == ""
