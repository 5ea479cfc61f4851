"""Whole calls through the sample menu, in virtual time."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from ivr.menu.events import (
    CallAnswered,
    CallbackNoted,
    CallerHungUp,
    CancelHandoff,
    GoalReached,
    HandoffClosed,
    HandoffEnded,
    HangUp,
    KeyPressed,
    KeysConsumed,
    KeysDropped,
    LookUp,
    NoteCallback,
    PlaceTold,
    PromptEnded,
    StartHandoff,
    StartTransfer,
    StepEntered,
    StepLeft,
    StopPrompt,
    TellWaiting,
    TransferEnded,
)
from ivr.menu.machine import MenuMachine

NOON = datetime(2026, 3, 2, 17, tzinfo=UTC)


def test_the_example_call_walks_exactly_its_path(call) -> None:
    call.answered()
    assert call.heard == ["greet.emergency_first", "greet.name", "greet.recorded"]
    call.listens().does(
        StepLeft("greet", "go"), StepEntered("who_is_it"), LookUp(1, "find_caller", {"phone": "+15550100"}, 0.8)
    )
    call.finds(account="4000000002", first_name="Ana", language="en")
    assert call.heard[:2] == ["main.head", "main.balance"]
    call.keys("1").does(StopPrompt(), KeysConsumed(1, False), StepLeft("main", "key 1"))
    assert call.heard == ["auth.account"]
    call.listens().keys("4000000002")
    assert call.heard == ["auth.account_back"]
    call.keys("#").does(KeysConsumed(1, False))
    assert call.heard == ["auth.account_back"], "the end key cut the prompt off, so it is said again"
    call.keys("1").does(LookUp(2, "find_account", {"account": "4000000002"}, 1.5))
    call.finds(first_name="Ana")
    assert call.heard == ["auth.pin"]
    call.listens().keys("1111").does(KeysConsumed(4, True))
    call.does(LookUp(3, "check_pin", {"account": "4000000002", "pin": "1111"}, 1.5))
    call.finds("refused", tries_left="2", locked=False)
    assert call.heard == ["auth.pin_wrong"]
    call.listens()
    assert call.heard == ["auth.pin"]
    call.keys("2580").finds(tries_left="3", locked=False)
    call.does(StepLeft("pin_check", "ok"), StepEntered("get_balance"))
    call.finds(amount_due=Decimal("84.20"), due_date=date(2026, 3, 15))
    assert call.heard == ["balance.tell", "balance.pay", "common.main", "common.bye"]
    assert "eighty-four dollars" in call.words
    assert "and twenty cents" in call.words
    call.keys("0").does(StepLeft("tell_balance", "everywhere 0"), StepEntered("agent_asked"))
    path = (
        "greet who_is_it have_language main get_balance ask_account find_it ask_pin pin_check is_locked wrong_pin "
        "ask_pin pin_check get_balance tell_balance agent_asked"
    )
    assert call.path == path.split()
    handoff = call.all(StartHandoff)[0]
    assert (handoff.queue, handoff.reason, handoff.application) == ("general", "ASKED_FOR_AGENT", "SAP-IC")
    assert handoff.fields == {
        "ACCOUNT": "4000000002",
        "CALLER": "+15550100",
        "REASON": "ASKED_FOR_AGENT",
        "TOPIC": "tell_balance",
        "PROVED": "verified",
        "LANGUAGE": "en",
        "PATH": path,
        "TRIED": "0",
    }
    assert handoff.live_fields == {"WAITED": "waited"}
    assert [piece.prompt for piece in handoff.waiting] == ["agent.waiting"]
    call.hears(HandoffEnded("answered", "desk1")).does(StepLeft("agent_asked", "answered"))
    assert call.machine.deadline is None
    call.keys("5").does(KeysDropped(1))
    assert call.hears(CallerHungUp()).last == []


def test_everything_typed_in_one_go_is_taken_in_turn(call) -> None:
    call.answered("").keys("1")
    assert call.path == ["greet", "who_is_it", "pick_language", "main"]
    call.keys("14000000002#12580")
    assert call.path[2:] == ["pick_language", "main", "get_balance", "ask_account", "find_it"]
    call.finds(first_name="Ana")
    assert call.path[-1] == "pin_check"
    assert [(c.count, c.secret) for c in call.all(KeysConsumed)] == [
        (1, False),
        (1, False),
        (10, False),
        (1, False),
        (1, False),
        (4, True),
    ]


def test_a_withheld_number_takes_the_not_found_exit_without_a_look_up(call) -> None:
    call.answered("").listens()
    assert call.all(LookUp) == []
    assert call.path == ["greet", "who_is_it", "pick_language"]
    assert ("who_is_it", "not_found") in call.exits


def test_choosing_spanish_speaks_spanish_from_then_on(call) -> None:
    call.answered("").listens().keys("2")
    assert {piece.language for piece in call.play.pieces} == {"es"}
    call.keys("0")
    assert call.all(StartHandoff)[0].fields["LANGUAGE"] == "es"


def test_silence_at_the_language_question_says_it_once_more_and_takes_english(call) -> None:
    call.answered("").listens().listens().waits(5)
    assert call.heard == ["lang.ask"]
    call.listens().waits(5)
    assert call.path[-1] == "main"
    assert ("pick_language", "no_input") in call.exits


def test_three_wrong_pins_lead_to_a_person_and_a_fourth_is_never_asked_for(call) -> None:
    call.to_pin()
    for _ in range(2):
        call.keys("1111").finds("refused", tries_left="1", locked=False).listens()
    call.keys("1111").finds("refused", tries_left="0", locked=False)
    assert call.path[-2:] == ["wrong_pin", "agent_unverified"]
    call.listens()
    fields = call.all(StartHandoff)[0].fields
    assert (fields["PROVED"], fields["TOPIC"], fields["REASON"]) == ("no", "get_balance", "NOT_VERIFIED")


def test_a_locked_account_goes_to_an_agent_at_once(call) -> None:
    call.to_pin().keys("1111").finds("refused", tries_left="0", locked=True)
    assert call.path[-1] == "agent_locked"


def test_emergency_leaves_the_waiting_queue_first_and_overflows_to_the_outside_line(call) -> None:
    call.to_main().keys("0")
    assert call.all(StartHandoff)[-1].queue == "general"
    call.now += 30
    call.keys("9")
    call.does(KeysConsumed(1, False), CancelHandoff(), StepLeft("agent_asked", "everywhere 9"))
    assert call.heard == ["emergency.leave_now"]
    call.listens()
    assert call.all(StartHandoff)[-1].queue == "emergency"
    call.keys("0")
    assert len(call.all(CancelHandoff)) == 1, "nobody leaves the emergency queue for another"
    call.hears(HandoffEnded("busy")).does(StepEntered("emergency_line"), StartTransfer("tel:+15550000911"))
    call.hears(TransferEnded("failed"))
    assert call.heard == ["emergency.dial_yourself"]
    call.listens().does(StepLeft("emergency_told", "go"), HangUp("end of menu"))
    assert call.machine.deadline is None


def test_the_agent_key_does_not_cost_the_place_in_the_same_queue(call) -> None:
    call.to_main().keys("0").keys("0").does(KeysDropped(1))
    assert call.all(CancelHandoff) == []
    assert len(call.all(StartHandoff)) == 1


def test_billing_is_closed_at_night_and_offers_to_call_back(call) -> None:
    night = datetime(2026, 3, 3, 3, 0, tzinfo=UTC)
    call.answered(utc=night).listens().finds(account="4000000002", language="en")
    call.keys("1").keys("4000000002").keys("1").finds().keys("1111").finds("refused", locked=True)
    assert call.path[-2:] == ["agent_locked", "closed"], "a person was promised before the hours were looked at"
    assert ("agent_locked", "closed") in call.exits
    closed = call.all(HandoffClosed)[0]
    assert (closed.queue, closed.reason, closed.fields["ACCOUNT"]) == ("billing", "ACCOUNT_LOCKED", "4000000002")
    assert closed.fields["WAITED"] == "0"
    call.keys("1")
    note = call.all(NoteCallback)[0]
    assert (note.number, note.queue, note.reason) == ("+15550100", "billing", "ACCOUNT_LOCKED")
    assert note.keep_place
    assert note.fields["TOPIC"] == "get_balance"
    assert note.fields["WAITED"] == "0"
    assert call.play is None, "nothing is promised before it is on disk"
    call.hears(CallbackNoted(True))
    assert call.heard == ["callback.number_back"]


def test_who_waits_hears_the_place_and_may_be_called_instead(call) -> None:
    call.answered().listens().keys("0")
    handoff = call.all(StartHandoff)[0]
    assert (handoff.tells_place, handoff.asks_to_resume) == (True, True)
    told = call.machine.handle(PlaceTold(2, (3, 6)), call.now + 1)
    (words,) = [" ".join(piece.text for piece in one.pieces) for one in told if isinstance(one, TellWaiting)]
    assert "number two" in words and "three to six" in words
    call.keys("1")
    note = call.all(NoteCallback)[0]
    assert (note.queue, note.keep_place, note.rings, note.reason) == (
        "general",
        True,
        "called_back",
        "ASKED_FOR_AGENT",
    )
    call.hears(CallbackNoted(True))
    assert call.heard == ["callback.number_back"]


def test_who_is_called_back_says_so_before_an_agent_is_rung(call) -> None:
    machine = MenuMachine(call.machine.menu, call_id="back", start="called_back")
    commands = machine.handle(CallAnswered("+15550100", "callback", NOON), 0.0)
    assert not [one for one in commands if isinstance(one, StartHandoff)]
    (started,) = [one for one in machine.handle(KeyPressed("1"), 1.0) if isinstance(one, StartHandoff)]
    assert (started.queue, started.reason) == ("general", "CALLED_BACK")


def test_a_callback_without_a_number_asks_for_one(call) -> None:
    call.answered("").listens().keys("1").keys("0")
    call.now += 90
    call.hears(HandoffEnded("busy"))
    assert call.heard == ["callback.ask_number"]
    call.keys("5550177#")
    note = call.all(NoteCallback)[0]
    assert note.number == "5550177"
    assert note.fields["WAITED"] == "90"
    call.waits(6)
    assert call.path[-1] == "call_not_noted", "a disk that does not answer is a failure"


@pytest.mark.parametrize("caller", ["anonymous", "me", "ivr-phone", "0"])
def test_a_name_is_no_number_to_call_back(call, caller: str) -> None:
    call.answered(caller).listens().finds("not_found").keys("1").keys("0")
    call.hears(HandoffEnded("busy"))
    assert call.heard == ["callback.ask_number"]
    call.keys("5550177#")
    assert call.all(NoteCallback)[0].number == "5550177"


def test_a_payment_that_may_have_gone_through_is_never_tried_again(call) -> None:
    call.to_balance().keys("1").finds(method_id="m1", method_name="bank account", method_last4="4417")
    assert call.heard[0] == "pay.ask"
    call.keys("1")
    assert call.all(LookUp)[-1].name == "pay_method", "money: keys while it speaks are not taken"
    call.listens().keys("1")
    pay = call.all(LookUp)[-1]
    assert (pay.name, pay.once, pay.values) == (
        "pay",
        True,
        {"account": "4000000002", "pay_amount": Decimal("84.20"), "method_id": "m1"},
    )
    assert pay.key.startswith("c1/pay/")
    call.waits(1)
    assert call.heard == ["wait.payment"]
    call.listens(2).waits(8)
    assert ("pay_now", "slow") in call.exits
    assert call.path[-1] == "pay_unknown"
    before = len(call.commands)
    call.finds(receipt="1")
    assert len(call.commands) == before, "an answer after the limit is ignored"
    call.listens()
    handoff = call.all(StartHandoff)[0]
    assert (handoff.queue, handoff.priority_raise) == ("billing", 20)


def test_another_amount_is_keyed_in_cents_and_read_back_and_paid(call) -> None:
    call.to_balance().keys("1").finds(method_id="m1", method_name="bank account", method_last4="4417")
    call.listens().keys("2").keys("5000#")
    assert "fifty dollars" in call.words
    call.keys("1")
    assert call.all(LookUp)[-1].values["pay_amount"] == Decimal("50")
    call.finds(receipt="88120").does(GoalReached("payment_made"))


def test_a_promise_takes_the_next_such_day_within_two_weeks(call) -> None:
    call.to_balance().keys("1").finds("not_found").listens()
    assert call.heard == ["promise.when"]
    call.keys("0401")
    assert call.heard[0] == "err.unclear_1", "thirty days ahead is too late"
    call.keys("0310")
    assert call.heard == ["promise.date_back"]
    call.keys("1")
    assert call.all(LookUp)[-1].values == {
        "account": "4000000002",
        "pay_amount": Decimal("84.20"),
        "promise_date": date(2026, 3, 10),
    }


def test_payments_are_told_one_by_one_but_not_more_than_three(call) -> None:
    rows = [{"paid_on": date(2026, 1, day), "paid": Decimal(day)} for day in (4, 5, 6, 7)]
    call.to_pin().keys("2580").finds()
    call.finds(amount_due=Decimal(0), due_date=None)
    call.keys("2").keys("4").finds(payments=rows)
    assert [piece.prompt for piece in call.play.pieces].count("history.head") == 1
    assert call.words.count("dollars") == 3
    assert "seven dollars" not in call.words


def test_a_caller_with_nothing_due_is_not_offered_to_pay(call) -> None:
    call.to_pin().keys("2580").finds()
    call.finds(amount_due=Decimal("0.00"), due_date=None)
    assert call.heard == ["balance.tell", "common.main", "common.bye"]
    call.keys("1")
    assert call.heard[0] == "err.unclear_1"


def test_hanging_up_ends_the_call_wherever_it_is(call) -> None:
    call.to_pin().keys("25").hears(CallerHungUp()).does(KeysDropped(2), StepLeft("ask_pin", "hung_up"))
    assert call.machine.deadline is None
    assert call.hears(KeyPressed("1")).last == []
    assert call.hears(PromptEnded(1, True)).last == []
    assert call.machine.expire(call.now + 99) == []


def test_once_proved_nothing_asks_for_the_pin_again(call) -> None:
    call.to_balance().keys("2").keys("2")
    assert call.path[-1] == "get_bill"
    assert call.path.count("ask_pin") == 1


def test_six_misses_in_a_call_bring_a_person(call) -> None:
    call.to_main()
    for _ in range(2):
        call.keys("7")
    call.keys("1")
    for _ in range(2):
        call.listens().waits(8)
    call.keys("4000000002").keys("1").finds()
    call.keys("1#")
    assert call.path[-1] == "ask_pin"
    call.keys("1#")
    assert call.path[-1] == "agent_stuck"
    call.listens()
    assert call.all(StartHandoff)[0].fields["TRIED"] == "6"


def test_an_account_with_a_nought_can_be_typed_while_the_caller_is_looked_up(call) -> None:
    """Keys after a key that waits belong to it; otherwise 0 and 9 would lead away in the middle."""
    call.answered().keys("14000000002#12580")
    assert call.path == ["greet", "who_is_it"]
    call.finds(account="4000000002", first_name="Ana", language="en")
    assert call.path[-1] == "find_it"
    call.finds(first_name="Ana")
    assert call.all(LookUp)[-1].values == {"account": "4000000002", "pin": "2580"}
    assert "2580" not in repr(call.commands)


@pytest.mark.parametrize("keys", ["9", "*9"])
def test_the_emergency_key_reaches_the_line_from_the_question_for_an_account(call, keys) -> None:
    call.to_main().keys("1").listens().keys(keys).waits(3.1)
    assert call.path[-2:] == ["ask_account", "emergency"]
    assert call.exits[-1] == ("ask_account", "everywhere 9")
