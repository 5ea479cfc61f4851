"""The circuit breaker, in virtual time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ivr.store.breaker import Breaker, BreakerState


def opened(breaker: Breaker, now: float = 0.0) -> Breaker:
    for _ in range(breaker.after):
        ticket = breaker.enter(now)
        assert ticket is not None
        breaker.failed(ticket, now)
    assert breaker.state is BreakerState.OPEN
    return breaker


def test_failures_in_a_row_open_it_and_an_answer_between_them_does_not() -> None:
    breaker = Breaker(after=3)
    for answer in ("failed", "failed", "answered", "failed", "failed"):
        ticket = breaker.enter(0.0)
        assert ticket is not None
        breaker.answered(ticket) if answer == "answered" else breaker.failed(ticket, 0.0)
    assert breaker.state is BreakerState.CLOSED
    ticket = breaker.enter(0.0)
    assert ticket is not None
    assert breaker.failed(ticket, 0.0)
    assert breaker.state is BreakerState.OPEN


def test_nobody_enters_while_it_rests() -> None:
    breaker = opened(Breaker(after=1, rest=30.0))
    assert breaker.enter(29.9) is None
    assert breaker.enter(30.0) is not None


def test_after_the_rest_only_one_tries_at_a_time() -> None:
    breaker = opened(Breaker(after=1, rest=30.0))
    first = breaker.enter(30.0)
    assert first is not None
    assert breaker.enter(30.0) is None
    assert breaker.answered(first)
    assert breaker.state is BreakerState.CLOSED
    assert breaker.enter(30.0) is not None


def test_a_try_that_fails_begins_another_rest() -> None:
    breaker = opened(Breaker(after=5, rest=30.0))
    first = breaker.enter(30.0)
    assert first is not None
    assert breaker.failed(first, 40.0)
    assert breaker.enter(69.9) is None
    assert breaker.enter(70.0) is not None
    assert breaker.opened == 2


def test_a_caller_who_hangs_up_in_the_try_lets_another_try() -> None:
    breaker = opened(Breaker(after=1, rest=30.0))
    first = breaker.enter(30.0)
    assert first is not None
    breaker.left(first)
    assert breaker.enter(30.0) is not None


def test_a_late_answer_of_before_does_not_close_it() -> None:
    breaker = Breaker(after=1, rest=30.0)
    early, late = breaker.enter(0.0), breaker.enter(0.0)
    assert early is not None
    assert late is not None
    breaker.failed(early, 0.0)
    assert not breaker.answered(late)
    assert breaker.state is BreakerState.OPEN


@given(st.lists(st.tuples(st.sampled_from(["ok", "bad", "left"]), st.floats(0, 20)), max_size=60))
def test_it_never_locks_itself_out_for_good(story: list[tuple[str, float]]) -> None:
    breaker, now = Breaker(after=2, rest=10.0), 0.0
    for what, pause in story:
        now += pause
        ticket = breaker.enter(now)
        if ticket is None:
            continue
        if what == "ok":
            breaker.answered(ticket)
        elif what == "bad":
            breaker.failed(ticket, now)
        else:
            breaker.left(ticket)
    assert breaker.enter(now + breaker.rest) is not None
