"""A registration that keeps itself alive: refresh, fail-over, pauses, and the way out."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.sip.upkeep import BASE_TIME, FAIL_BACK, MAX_TIME, STEADY, Locate, Register, State, Upkeep

ONE, TWO, THREE = "192.0.2.1", "192.0.2.2", "192.0.2.3"


class Line:
    """An upkeep on a clock of its own, with a registrar that says what a test says."""

    def __init__(self, expires: int = 600, seed: int = 1) -> None:
        self.upkeep: Upkeep[str] = Upkeep(expires, random.Random(seed))
        self.now = 1000.0
        self.out: list[Any] = []

    def starts(self, *targets: str) -> Line:
        assert self.upkeep.start(self.now) == [Locate()]
        return self.located(*targets)

    def located(self, *targets: str) -> Line:
        self.out = list(self.upkeep.located(targets, self.now))
        return self

    def says(self, status: int, expires: int = 0, retry_after: int = 0) -> Line:
        self.out = list(self.upkeep.answered(status, "", expires, self.now, retry_after=retry_after))
        return self

    def waits(self) -> float:
        """Until it wants to be woken; for how long that was."""
        assert self.upkeep.deadline is not None
        pause = self.upkeep.deadline - self.now
        assert self.upkeep.expire(self.upkeep.deadline - 0.001) == []
        self.now = self.upkeep.deadline
        assert self.upkeep.expire(self.now) == [Locate()]
        return pause

    @property
    def asked(self) -> str:
        (command,) = self.out
        assert isinstance(command, Register)
        return str(command.target)


def test_it_looks_up_registers_and_refreshes_well_before_the_end() -> None:
    line = Line().starts(ONE)
    assert line.out == [Register(ONE, 600)]
    assert line.says(200, 300).out == []
    assert (line.upkeep.state, line.upkeep.is_bound(line.now + 299), line.upkeep.is_bound(line.now + 300)) == (
        State.REGISTERED, True, False,
    )  # fmt: skip
    assert 200 < line.waits() <= 236
    assert line.located(ONE).out == [Register(ONE, 600)]


@given(granted=st.integers(1, 100_000), seed=st.integers(0, 1000))
def test_whatever_is_granted_a_refresh_comes_before_the_end_with_time_for_two_silent_targets(
    granted: int, seed: int
) -> None:
    line = Line(seed=seed).starts(ONE).says(200, granted)
    early = granted - line.waits()
    assert early >= min(64, granted / 2) - 1e-6
    assert early <= granted * 0.53 + 64


@pytest.mark.parametrize("status", [408, 503])
def test_a_target_that_is_silent_or_overloaded_is_left_for_the_next_at_once(status: int) -> None:
    line = Line().starts(ONE, TWO)
    assert line.says(status).out == [Register(TWO, 600)]
    assert line.says(200, 600).upkeep.state is State.REGISTERED
    assert line.upkeep.target == TWO


@pytest.mark.parametrize("status", [401, 403, 404, 500, 200])
def test_any_other_answer_is_the_registrars_word_and_no_other_target_is_asked(status: int) -> None:
    line = Line().starts(ONE, TWO)
    assert line.says(status).out == []
    assert (line.upkeep.state, line.upkeep.failures) == (State.WAITING, 1)


def test_pauses_grow_as_rfc_5626_has_it_and_have_an_end() -> None:
    line = Line().starts(ONE)
    for failures in range(1, 12):
        line.says(408)
        longest = min(MAX_TIME, BASE_TIME * 2**failures)
        assert longest / 2 <= line.waits() <= longest
        line.located(ONE)


def test_two_clients_do_not_come_back_at_the_same_moment() -> None:
    pauses = {Line(seed=seed).starts(ONE).says(503).waits() for seed in range(20)}
    assert len(pauses) == 20


def test_a_registrar_that_does_not_like_the_password_is_asked_seldom() -> None:
    assert Line().starts(ONE).says(403).waits() >= BASE_TIME * 2**4 / 2


def test_the_pause_is_what_the_registrar_asks_for_when_that_is_longer() -> None:
    assert Line().starts(ONE).says(503, retry_after=4000).waits() == 4000


def test_success_ends_the_counting() -> None:
    line = Line().starts(ONE)
    for _ in range(5):
        line.says(408).waits()
        line.located(ONE)
    line.says(200, 600).waits()
    assert line.located(ONE).says(408).waits() <= 2 * BASE_TIME


def test_a_name_that_cannot_be_looked_up_is_a_failure_with_its_reason() -> None:
    line = Line().starts()
    assert (line.upkeep.state, line.upkeep.why) == (State.WAITING, "its name leads nowhere")
    line.waits()
    assert line.upkeep.not_located("no such name", line.now) == []
    assert (line.upkeep.why, line.upkeep.failures) == ("no such name", 2)
    line.waits()
    assert line.located(ONE).upkeep.why == ""


def test_it_stays_with_who_has_the_binding_though_equal_records_come_in_another_order() -> None:
    line = Line().starts(ONE, TWO).says(200, 600)
    line.waits()
    assert line.located(TWO, ONE).asked == ONE


def test_it_returns_to_the_first_choice_when_that_has_had_time_to_recover() -> None:
    line = Line(expires=300).starts(ONE, TWO).says(408).says(200, 300)
    passed = line.waits()
    assert line.located(ONE, TWO).asked == TWO
    line.says(200, 300)
    while passed < FAIL_BACK:
        passed += line.waits()
        asked = line.located(ONE, TWO).asked
        line.says(200, 300)
    assert asked == ONE


def test_a_refresh_that_fails_everywhere_leaves_the_binding_until_its_end() -> None:
    line = Line().starts(ONE, TWO).says(200, 300)
    line.waits()
    line.located(ONE, TWO).says(408).says(503)
    assert (line.upkeep.state, line.upkeep.is_bound(line.now)) == (State.WAITING, True)
    assert line.upkeep.last is not None and line.upkeep.last.status == 503


def test_stopping_takes_the_binding_back_where_it_is() -> None:
    line = Line().starts(ONE, TWO).says(408).says(200, 600)
    assert line.upkeep.stop(line.now) == [Register(TWO, 0)]
    assert not line.upkeep.is_over
    assert line.says(200).upkeep.is_over
    assert (line.upkeep.deadline, line.upkeep.is_bound(line.now)) == (None, False)


def test_stopping_without_a_binding_is_over_at_once() -> None:
    line = Line().starts(ONE)
    assert (line.upkeep.stop(line.now), line.upkeep.is_over) == ([], True)
    assert line.says(200, 600).upkeep.is_over, "a late answer brought it back to life"


def test_a_lost_connection_is_answered_by_registering_at_once() -> None:
    line = Line().starts(ONE).says(200, 600)
    line.now += 5
    assert line.upkeep.lost(line.now) == [Locate()]
    assert line.located(ONE, TWO).asked == ONE


def test_connections_that_are_lost_again_and_again_are_answered_after_pauses_that_grow() -> None:
    line, pauses = Line().starts(ONE).says(200, 600), []
    assert line.upkeep.lost(line.now) == [Locate()]
    for _ in range(3):
        line.located(ONE).says(200, 600)
        line.now += 1
        assert line.upkeep.lost(line.now) == []
        assert (line.upkeep.state, line.upkeep.why) == (State.WAITING, "its connection was lost")
        pauses.append(line.waits())
    assert all(BASE_TIME * 2**n <= pause <= 2 * BASE_TIME * 2**n for n, pause in enumerate(pauses)), pauses
    line.located(ONE).says(200, 600)
    line.now += STEADY
    assert line.upkeep.lost(line.now) == [Locate()], "it had stood long enough to be forgiven"


def test_a_connection_lost_while_a_register_is_under_way_is_no_second_reason_to_register() -> None:
    line = Line().starts(ONE)
    assert line.upkeep.lost(line.now) == []
    line.says(200, 600)
    assert line.upkeep.stop(line.now) == [Register(ONE, 0)]
    assert line.upkeep.lost(line.now) == []


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("located"), st.lists(st.sampled_from([ONE, TWO, THREE]), unique=True)),
            st.tuples(st.just("says"), st.tuples(st.sampled_from([200, 401, 408, 423, 503]), st.integers(0, 900))),
            st.tuples(st.just("wakes"), st.none()),
            st.tuples(st.just("nowhere"), st.none()),
            st.tuples(st.just("lost"), st.none()),
        ),
        max_size=60,
    )
)
def test_it_is_never_stuck_and_never_has_two_things_under_way(events: list[tuple[str, Any]]) -> None:
    """In every state either somebody owes us an answer or a deadline is set, whatever comes in whatever order."""
    line = Line()
    line.upkeep.start(line.now)
    for what, value in events:
        if what == "located":
            line.located(*value)
        elif what == "says":
            line.says(*value)
        elif what == "nowhere":
            line.upkeep.not_located("", line.now)
        elif what == "lost":
            line.upkeep.lost(line.now)
        elif line.upkeep.deadline is not None:
            line.waits()
        state, deadline = line.upkeep.state, line.upkeep.deadline
        assert (deadline is not None) == (state in (State.REGISTERED, State.WAITING))
        assert state is not State.OFF
        assert deadline is None or deadline > line.now
        assert len(line.out) <= 1
