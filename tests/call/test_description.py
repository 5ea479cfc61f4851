"""What people are told of a call beside its status."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ivr.call.description import of_caller
from ivr.call.handoff import Handoff
from ivr.call.record import HandoffRecord

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def handoff(*records: HandoffRecord) -> Handoff:
    """The newest of a call."""
    call = SimpleNamespace(record=SimpleNamespace(handoffs=list(records)), has_customer=True)
    return cast(Handoff, SimpleNamespace(record=records[-1], visit=call))


def record(agent: str = "", **more: Any) -> HandoffRecord:
    made = HandoffRecord("general", "ASKED", {}, NOW, **more)
    made.agent = agent
    return made


def sent(to: str, outcome: str | None, **more: Any) -> HandoffRecord:
    made = record("ann")
    made.pass_on("ann", to, "blind", NOW).update(outcome=outcome, **more)
    return made


@pytest.mark.parametrize(
    ("before", "agent", "words"),
    [
        (sent("bob", None), "bob", "sent by ann"),
        (sent("bob", "rejected"), "ann", "back from your transfer, bob refused"),
        (sent("bob", "missed"), "cyd", "sent by ann, bob did not answer"),
        (sent("bob", "failed"), "ann", "back from your transfer, bob could not be reached"),
        (sent("tel:+1555", "failed", why="busy (486)"), "ann", "back from your transfer, +1555: busy (486)"),
        (sent("queue:bills", None), "cyd", "sent by ann"),
        (record("ann", onward="queue:general"), "bob", "was with ann, whom the call lost"),
        (record("ann"), "bob", "was with ann before"),
        (record(), "bob", ""),
    ],
)
def test_a_screen_is_told_who_sent_the_caller_and_what_failed(
    before: HandoffRecord, agent: str, words: str
) -> None:
    assert of_caller(handoff(before, record()), agent) == words


def test_a_caller_from_the_menu_needs_no_words_and_one_who_is_handed_over_does() -> None:
    now = record("ann")
    assert of_caller(handoff(now), "ann") == ""
    now.pass_on("ann", "bob", "warm", NOW)
    assert of_caller(handoff(now), "bob") == "handed over by ann"
    assert of_caller(handoff(now), "ann") == ""
