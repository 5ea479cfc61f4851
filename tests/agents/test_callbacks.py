"""RT11 and RT12: places that are kept for somebody who is rung back, or dials again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ivr.agents.callback import PAUSE, RING
from ivr.agents.events import (
    AgentState,
    CallbackChanged,
    CallbackDeclined,
    CallbackPromised,
    CallerLeft,
    CustomerAnswered,
    CustomerNotReached,
    OfferPlace,
    PlaceTaken,
    QueueClosed,
    QueueOpened,
    QueueRule,
    RingCustomer,
    StopCustomer,
    TicketEnded,
    WorkmodeChosen,
)
from ivr.agents.saved import restored_callback, saved_callback
from ivr.errors import LocalProtocolError

NUMBER = "+15550100"


def rung(commands):
    return [command.ticket for command in commands if isinstance(command, RingCustomer)]


def promised(shift, ticket="cb", of="", queue="general", caller=NUMBER):
    return shift.does(CallbackPromised(ticket, queue, caller, of))


def test_rt11_a_caller_who_wants_to_be_called_keeps_number_and_age(open_shift):
    shift = open_shift(ann=["general"])
    shift.joins("first", caller=NUMBER)
    shift.waits(120.0)
    shift.joins("second")
    joined, number = shift.now - 120.0, 1
    assert promised(shift, of="first") == [
        TicketEnded("first", "callback", 120.0),
        CallbackChanged("cb", "general", NUMBER, number, joined, 0, shift.now),
    ]
    assert shift.floor.position("cb") == 1
    assert shift.floor.queue_length("general") == 1, "nobody of it is on the line"


def test_rt11_a_place_that_has_just_ended_is_kept_too(open_shift):
    shift = open_shift(ann=["billing"])
    shift.joins("t1", "billing", caller=NUMBER)
    assert shift.ends(shift.waits(1200.0))[0][:2] == ("t1", "overflow")
    shift.joins("t2", "billing")
    shift.waits(30.0)
    promised(shift, of="t1", queue="billing")
    assert shift.floor.position("cb") == 1
    assert shift.floor.waiting_time("cb", shift.now) == pytest.approx(1230.0)


def test_rt11_the_customer_is_rung_at_his_turn_and_no_agent_is_reserved_meanwhile(open_shift):
    shift = open_shift(ann=["general"])
    promised(shift)
    assert rung(shift.waits(3600.0)) == [], "nobody is there yet"
    assert RingCustomer("cb", NUMBER, shift.now + RING) in shift.ready("ann")
    assert shift.state("ann") is AgentState.AVAILABLE
    assert shift.offers(shift.joins("t1")) == [("ann", "t1")], (
        "whoever is on the line does not wait for a telephone"
    )


def test_rt11_after_a_person_has_answered_the_agent_is_rung_for_at_most_half_a_minute(open_shift):
    shift = open_shift(ann=["general"])
    shift.floor.use_queues([QueueRule("general", frozenset({"general"}), 30, 90.0)])
    shift.ready("ann")
    promised(shift)
    shift.waits(12.0)
    assert shift.offers(shift.does(CustomerAnswered("cb"))) == [("ann", "cb")]
    shift.waits(29.9)
    assert shift.state("ann") is AgentState.OFFERED
    shift.waits(0.1)
    assert shift.state("ann") is AgentState.MISSED


def test_rt11_who_answers_when_everybody_is_busy_is_served_before_those_who_came_later(open_shift):
    shift = open_shift(ann=["general"])
    promised(shift)
    shift.waits(60.0)
    shift.ready("ann")
    shift.joins("t1")
    shift.answers("ann")
    shift.joins("t2")
    assert shift.offers(shift.does(CustomerAnswered("cb"))) == []
    shift.call_ends("ann")
    assert shift.offers(shift.waits(10.0)) == [("ann", "cb")]
    assert shift.ends(shift.answers("ann"))[0][:2] == ("cb", "answered")


def test_rt11_three_tries_ten_minutes_apart(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    assert rung(promised(shift)) == ["cb"]
    shift.does(CustomerNotReached("cb"))
    assert rung(shift.waits(PAUSE - 0.1)) == []
    assert rung(shift.waits(0.1)) == ["cb"]
    shift.does(CustomerNotReached("cb"))
    assert rung(shift.waits(PAUSE)) == ["cb"]
    assert shift.ends(shift.does(CustomerNotReached("cb")))[0][:2] == ("cb", "unreached")
    assert rung(shift.waits(3 * PAUSE)) == []
    assert shift.floor.deadline is None


def test_rt11_a_call_that_nobody_reports_on_ends_by_itself_and_counts_as_a_try(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    promised(shift)
    commands = shift.waits(RING)
    assert StopCustomer("cb") in commands
    assert [(c.tries, c.not_before) for c in commands if isinstance(c, CallbackChanged)] == [
        (1, shift.now + PAUSE)
    ]
    assert shift.does(CustomerAnswered("cb")) == [], "too late"


def test_rt11_a_customer_who_wants_nobody_any_more_is_left_alone(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    promised(shift)
    assert shift.ends(shift.does(CallbackDeclined("cb")))[0][:2] == ("cb", "abandoned")
    assert rung(shift.waits(3 * PAUSE)) == []


def test_rt11_no_more_customers_are_rung_than_agents_are_free(open_shift):
    shift = open_shift(ann=["general"], bob=["general"])
    for ticket in ("c1", "c2", "c3"):
        promised(shift, ticket)
    assert rung(shift.ready("ann")) == ["c1"]
    assert rung(shift.ready("bob")) == ["c2"]
    assert rung(shift.does(CustomerNotReached("c1"))) == ["c3"]


def test_rt11_nobody_is_rung_while_the_queue_is_closed(open_shift):
    shift = open_shift(ann=["general"])
    promised(shift)
    shift.does(QueueClosed("general"))
    assert rung(shift.ready("ann")) == []
    assert rung(shift.waits(36000.0)) == []
    assert rung(shift.does(QueueOpened("general"))) == ["cb"]


def test_a_customer_who_hangs_up_while_waiting_is_rung_no_more(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    promised(shift)
    shift.does(WorkmodeChosen("ann", 3))
    shift.does(CustomerAnswered("cb"))
    assert shift.ends(shift.does(CallerLeft("cb")))[0][:2] == ("cb", "abandoned")
    assert shift.floor.callbacks() == []


def test_a_callback_is_for_a_queue_that_exists_and_a_ticket_of_its_own(open_shift):
    shift = open_shift(ann=["general"])
    with pytest.raises(LocalProtocolError, match="no queue 'nowhere'"):
        promised(shift, queue="nowhere")
    promised(shift)
    with pytest.raises(LocalProtocolError, match="ticket cb is in use"):
        promised(shift)


def test_a_callback_survives_a_restart_with_place_tries_and_time(open_shift):
    shift = open_shift(ann=["general"])
    shift.ready("ann")
    promised(shift)
    (changed,) = [c for c in shift.does(CustomerNotReached("cb")) if isinstance(c, CallbackChanged)]
    before = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)
    document = saved_callback(changed, shift.now, before)
    after, now = before + timedelta(seconds=100), 7.0
    saved = restored_callback("cb", document, now, after)
    assert saved is not None
    assert (saved.tries, saved.number, saved.joined, saved.not_before) == (1, 1, now - 100.0, now + PAUSE - 100.0)
    second = open_shift(ann=["general"])
    second.now = now
    second.floor.restore({}, now, [saved])
    second.ready("ann")
    assert rung(second.all) == [] and rung(second.waits(PAUSE)) == ["cb"]
    second.joins("t9")
    assert second.floor.position("cb") == 1


def test_a_callback_of_a_queue_that_is_gone_ends_as_closed(open_shift):
    document = saved_callback(CallbackChanged("cb", "gone", NUMBER, 3, 0.0, 0, 0.0), 10.0, datetime.now(UTC))
    saved = restored_callback("cb", document, 10.0, datetime.now(UTC))
    shift = open_shift(ann=["general"])
    (ended,) = shift.floor.restore({}, shift.now, [saved])
    assert (ended.ticket, ended.outcome) == ("cb", "closed")


@pytest.mark.parametrize("document", [{}, {"queue": "q"}, {"joined": 3, "not_before": "soon"}])
def test_a_callback_that_cannot_be_read_is_nobodys(document):
    assert restored_callback("cb", document, 0.0, datetime.now(UTC)) is None


# --- dialling again ---------------------------------------------------------------------------------


def cut_off(shift, queue="general"):
    shift.joins("old", queue, caller=NUMBER)
    shift.waits(300.0)
    shift.joins("rival", queue)
    shift.does(CallerLeft("old"))


def test_rt12_who_dials_again_within_three_minutes_is_asked_and_takes_the_place_by_a_key(open_shift):
    shift = open_shift(ann=["general"])
    cut_off(shift)
    shift.waits(170.0)
    assert OfferPlace("new") in shift.joins("new", caller=NUMBER, resume=True)
    assert shift.floor.position("new") == 2
    shift.does(PlaceTaken("new"))
    assert shift.floor.position("new") == 1
    assert shift.floor.waiting_time("new", shift.now) == 470.0


def test_rt12_without_the_key_the_place_is_not_taken(open_shift):
    shift = open_shift(ann=["general"])
    cut_off(shift)
    shift.joins("new", caller=NUMBER, resume=True)
    assert shift.offers(shift.ready("ann")) == [("ann", "rival")]


@pytest.mark.parametrize(
    ("wait", "joins"),
    [
        (181.0, {"caller": NUMBER, "resume": True}),
        (10.0, {"caller": "+15550999", "resume": True}),
        (10.0, {"caller": "", "resume": True}),
        (10.0, {"caller": NUMBER, "queue": "billing", "resume": True}),
        (10.0, {"caller": NUMBER}),
    ],
    ids=["too late", "somebody else", "no number", "another queue", "cannot be asked"],
)
def test_rt12_nobody_else_and_nothing_later_is_asked(open_shift, wait, joins):
    shift = open_shift(ann=["outages"])
    cut_off(shift)
    shift.waits(wait)
    assert not [c for c in shift.joins("new", **joins) if isinstance(c, OfferPlace)]


def test_rt12_a_place_can_be_taken_once(open_shift):
    shift = open_shift(ann=["outages"])
    cut_off(shift)
    shift.joins("new", caller=NUMBER, resume=True)
    shift.does(PlaceTaken("new"))
    assert not [c for c in shift.joins("third", caller=NUMBER, resume=True) if isinstance(c, OfferPlace)]


def test_rt12_a_place_lost_by_a_restart_counts_too(open_shift):
    shift = open_shift(ann=["outages"])
    shift.floor.remember_place("old", NUMBER, "general", shift.now - 500.0, shift.now)
    assert OfferPlace("new") in shift.joins("new", caller=NUMBER, resume=True)
    shift.does(PlaceTaken("new"))
    assert shift.floor.waiting_time("new", shift.now) == 500.0
