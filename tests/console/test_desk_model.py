"""The desk without a terminal: what it makes of events and commands."""

from __future__ import annotations

import dataclasses

import pytest

from ivr.console.desk_commands import COMMANDS, Command, parse_command
from ivr.console.desk_events import Do, Happened, Leave, LogOnAgain, LookUp, PopUp, Say, account_of
from ivr.console.desk_model import DeskModel
from ivr.ici import attached_data
from ivr.ici.capabilities import capabilities_of
from ivr.ici.switchboard import (
    IciRefusal,
    ItemAttachedDataChanged,
    PhoneCallChanged,
    SubscriptionEnded,
    UserChanged,
)

NOW = 100.0


class Sitting:
    """A desk that is logged on, and what comes out of it."""

    def __init__(self, item, user, **options) -> None:
        self.model = DeskModel("desk1", **options)
        self.item, self.user = item, user
        self.now = NOW
        self.model.logged_on("sip:desk1@127.0.0.1:5070")
        self.sequence = 0

    def call(self, status, **changes):
        self.sequence += 1
        event = PhoneCallChanged(self.item(status, sequence=self.sequence, **changes))
        return self.model.handle(event, self.now)

    def mode(self, *what, **changes):
        return self.model.handle(UserChanged(self.user(*what, **changes)), self.now)


@pytest.fixture
def sit(item, user):
    return lambda **options: Sitting(item, user, **options)


def happened(outputs):
    return [(o.event, o.item) for o in outputs if isinstance(o, Happened)]


def done(outputs):
    return [o for o in outputs if isinstance(o, Do)]


def said(outputs):
    return " ".join(o.text for o in outputs if isinstance(o, Say))


# --- commands -------------------------------------------------------------------------------------------


def test_every_key_and_word_of_the_list_is_understood():
    for entry in COMMANDS:
        for word in (entry.key, *entry.words):
            if entry.argument:
                assert parse_command(f" {word.upper()}  Desk2 ") == Command(entry.verb, argument="Desk2")
                assert f"needs {entry.argument}" in str(parse_command(word))
            else:
                assert parse_command(f" {word.upper()} ") == Command(entry.verb)


@pytest.mark.parametrize("line", ["n 1001", "n1001", "not ready 1001", "Not  Ready  1001"])
def test_not_ready_takes_a_reason(line):
    assert parse_command(line) == Command("not_ready", 1001)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("sing", "'sing' is no command"),
        ("n 999", "above 999"),
        ("a 12", "a number belongs to not ready only"),
        ("1001", "'1001' is no command"),
        ("n 99999999999", "is no command"),
        ("n -5", "is no command"),
        ("\x1b[31m", "is no command"),
    ],
)
def test_a_line_that_is_no_command_is_explained(line, wrong):
    problem = parse_command(line)
    assert isinstance(problem, str)
    assert wrong in problem


# --- two calls -------------------------------------------------------------------------------------------


def asking(sit, status="held", consult="connected"):
    """A desk in the middle of a consultation with desk2."""
    desk = sit()
    part = "paired" if consult == "connected" else "waiting"
    desk.call("alerting")
    desk.call("connected")
    desk.call(status, linked_item_id="c2", capabilities=capabilities_of(status, part))
    own = {"id": "c2", "direction": "outbound", "remote_numbers": ("desk2",), "linked_item_id": "c1"}
    told = desk.call(consult, capabilities=capabilities_of(consult, part), **own)
    return desk, told


def test_a_colleague_is_asked_and_the_desk_says_what_can_be_done_next(sit):
    desk = sit()
    desk.call("connected")
    assert desk.model.command("c desk2") == [Do("consult", "c1", argument="desk2")]
    _, told = asking(sit, consult="dialing")
    assert happened(told) == [("dialing", "c2")] and "Calling desk2" in said(told)
    _, told = asking(sit)
    assert "t hands over" in said(told)


@pytest.mark.parametrize(("key", "operation"), [("g", "toggle"), ("t", "warm_transfer"), ("j", "conference")])
def test_operations_on_both_calls_name_the_callers_first(sit, key, operation):
    desk, _ = asking(sit)
    assert desk.model.command(key) == [Do(operation, "c1", other="c2")]


OWN = {"direction": "outbound", "remote_numbers": ("desk2",), "queue_id": "", "fields": {}}
"""A call of the agent's own, to a colleague."""


def test_somebody_is_called_when_nobody_is_waiting_on_the_line(sit):
    desk = sit()
    assert desk.model.command("p desk2") == [Do("dial", argument="desk2")]
    assert "pick up your telephone" in said(desk.call("dialing", **OWN))
    assert "You have desk2." in said(desk.call("connected", **OWN))
    assert "u takes desk2 back" in said(desk.call("held", **OWN))
    assert "You have desk2 again." in said(desk.call("connected", **OWN))
    sent_on = desk.call("connected", **{**OWN, "remote_numbers": ("desk3",)})
    assert "You have desk3." in said(sent_on) and not any(isinstance(one, PopUp) for one in sent_on)
    assert "Wrap-up" not in said(desk.call("ended", reason="normal", **OWN))

    desk.call("connected", id="c5")
    assert "h puts the caller on hold first" in said(desk.model.command("p desk2"))
    desk.call("held", id="c5")
    assert desk.model.command("p desk2") == [Do("dial", argument="desk2")]


def test_a_colleague_who_calls_is_no_customer_and_leaves_no_wrap_up(sit):
    desk = sit(wrap_up=10.0)
    inbound = {**OWN, "direction": "inbound"}
    told = desk.call("alerting", **inbound)
    assert not any(isinstance(one, LookUp) for one in told)
    assert "You have desk2." in said(desk.call("connected", **inbound))
    assert "Wrap-up" not in said(desk.call("ended", reason="normal", **inbound))
    assert not desk.model.in_wrap_up


def test_in_wrap_up_the_last_call_can_be_written_on_and_wrap_up_can_begin_anew(sit):
    desk = sit(wrap_up=10.0)
    desk.call("connected")
    assert desk.model.command("l") == [Do("set_workmode", workmode=4)], "one is asked for in the call"
    desk.call("ended", reason="normal")
    [_, noted] = desk.model.command("o sends a form")
    assert isinstance(noted, Do) and (noted.operation, noted.item) == ("note", "c1")
    desk.model.expire(NOW + 8.0)
    assert desk.model.command("l") == [Do("set_workmode", workmode=4)]
    desk.model.expire(NOW + 9.0)
    assert desk.model.deadline == NOW + 19.0
    assert "Wrap-up is over" in said(desk.model.expire(NOW + 19.0))
    assert "of the call with +15550100, which is over" in said(desk.model.command("o never too late"))
    assert "no wrap-up to make longer" in said(desk.model.command("l"))


def test_a_conference_that_is_left_to_a_colleague_shows_him_the_caller(sit):
    desk = sit()
    desk.call("conferenced", remote_numbers=("desk1",))
    told = desk.call("connected")
    assert "The caller is with you now." in said(told) and any(isinstance(one, PopUp) for one in told)


def test_a_colleague_who_is_brought_in_sees_the_customer_and_who_else_is_there(sit):
    desk = sit()
    desk.call("connected", remote_numbers=("desk1",))
    told = desk.call("conferenced", remote_numbers=("+15550100", "desk1"))
    assert "+15550100 and desk1 are with you" in said(told) and any(isinstance(one, PopUp) for one in told)
    told = desk.call("connected", remote_numbers=("+15550100",))
    assert "You have +15550100 alone now." in said(told)
    assert not any(isinstance(one, PopUp) for one in told), "the customer is on the screen already"


def test_a_colleague_who_is_sent_on_or_brought_in_is_no_customer(sit):
    desk = sit()
    desk.call("connected", remote_numbers=("desk1",), queue_id="")
    told = desk.call("connected", remote_numbers=("desk3",), queue_id="")
    assert said(told) == "You have desk3." and not any(isinstance(one, PopUp) for one in told)
    own = {"id": "c2", "direction": "outbound", "remote_numbers": ("desk2",), "queue_id": ""}
    desk.call("connected", **own)
    assert said(desk.call("ended", reason="transferred", **own)) == "You have handed the call over."


def test_two_calls_are_told_apart_in_the_line(sit):
    desk, _ = asking(sit)
    assert "+15550100 held 0 s | desk2 connected 0 s" in desk.model.line(NOW)


def test_a_field_that_the_engine_does_not_take_is_said(sit, item):
    desk = sit()
    desk.call("connected", attached_data_version=1)
    [wanted] = desk.model.command("f ACCOUNT=4000000010")
    assert isinstance(wanted, Do) and wanted.version == 1
    kept = item("connected", attached_data_version=1)
    told = desk.model.read_again(kept, taken=True)
    assert "ACCOUNT stays 4000000002: nobody writes over what the menu learnt" in said(told)
    assert happened(told)[-1] == ("error", "c1"), "programs are not told"
    assert desk.model.read_again(kept, taken=True) == []


def test_what_was_written_is_said_when_the_engine_has_it(sit, item):
    desk = sit()
    desk.call("connected", attached_data_version=1)
    assert said(desk.model.command("f WISH=a bill")) == said(desk.model.command("o moves house")) == ""
    written = {"SAP-IC": {"WISH": "a bill"}, "IVR/CONTACT": {"NOTE": "moves house"}}
    document = attached_data.EMPTY
    for block, fields in written.items():
        document = attached_data.merge(document, attached_data.build(block, fields))
    now = item("connected", attached_data_version=3, attached_data=document)
    assert said(desk.model.read_again(now, taken=True)) == "WISH: a bill."
    assert said(desk.model.read_again(now, taken=True)) == "Noted."
    desk.model.command("f WISH=two")
    desk.model.failed("field", "c1", IciRefusal("ICI-TOO-BIG", "too much"))
    desk.model.command("y SOLVED")
    assert "WRAP_UP_REASON stays empty" in said(desk.model.read_again(now, taken=True)), (
        "the refused one came back"
    )


def test_what_came_of_the_call_has_a_key_of_its_own_and_may_follow_the_call(sit):
    desk = sit()
    desk.call("connected")
    desk.call("ended", reason="normal")
    (words, wanted) = desk.model.command("y SOLVED")
    assert (wanted.operation, wanted.item) == ("reason", "c1")
    assert attached_data.read(wanted.argument) == {"IVR/CONTACT": {"WRAP_UP_REASON": "SOLVED"}}
    assert "of the call with +15550100, which is over" in words.text


def test_leaving_in_a_call_is_asked_once_more(sit):
    desk = sit()
    assert desk.model.command("q") == [Leave()]
    desk.call("connected")
    [asked] = desk.model.command("q")
    assert "You have a call" in asked.text
    assert desk.model.command("s") and isinstance(desk.model.command("q")[0], Say), "something else was pressed"
    assert desk.model.command("q") == [Leave()]
    desk.model.lost("it does not answer")
    assert desk.model.command("q") == [Leave()], "there is nobody to log off from"


@pytest.mark.parametrize(
    ("reason", "why", "words"),
    [
        ("rerouted", "your telephone was not picked up", "somebody else: your telephone was not picked up."),
        ("rerouted", "an emergency goes first", "somebody else: an emergency goes first."),
        (
            "failed",
            "your telephone could not be reached",
            "put through to you: your telephone could not be reached.",
        ),
    ],
)
def test_why_an_offered_call_went_away_is_said(sit, reason, why, words):
    desk = sit()
    desk.call("alerting")
    ended = desk.call("ended", reason=reason, description=why)
    assert words in said(ended)
    assert ended[0].data["description"] == why


def test_whom_a_consultation_did_not_reach_and_why(sit):
    desk, _ = asking(sit, consult="dialing")
    own = {"id": "c2", "direction": "outbound", "remote_numbers": ("+15550199",)}
    ended = desk.call("ended", reason="failed", description="there is no such number (404)", **own)
    assert said(ended) == "+15550199 could not be reached: there is no such number (404)."


def test_which_of_two_calls_is_over_is_said(sit):
    desk, _ = asking(sit)
    own = {"id": "c2", "direction": "outbound", "remote_numbers": ("desk2",)}
    assert said(desk.call("ended", reason="normal", **own)) == "Your call to desk2 is over."


def test_a_colleague_who_is_put_aside_is_told_so(sit):
    desk = sit()
    desk.call("connected", remote_numbers=("desk2",), description="desk2 asks about a caller who waits")
    aside = "desk2 is talking to the caller; you hear music until he is back"
    told = desk.call("connected", remote_numbers=("desk2",), description=aside)
    assert (happened(told), said(told)) == ([("connected", "c1")], f"Now: {aside}.")
    assert desk.call("connected", remote_numbers=("desk2",), description=aside) == []


def test_a_state_that_was_not_chosen_comes_with_what_to_do(sit):
    desk = sit()
    assert said(desk.mode(3, "Not ready, calls missed")) == "Not ready, calls missed. Press r to be ready again."
    assert said(desk.mode(3, "Not ready")) == "Not ready."
    assert said(desk.mode(2, "Ready, telephone not registered")) == "Ready, telephone not registered."
    assert "Press r" not in said(desk.mode(3, "Not ready, telephone not registered"))


def test_giving_up_a_colleague_is_not_hanging_up_on_the_caller(sit):
    desk, _ = asking(sit, consult="dialing")
    assert desk.model.command("d") == [Do("drop", "c2")]
    assert "nothing to hand over" in said(desk.model.command("t"))


def test_a_caller_is_sent_away_or_rerouted(sit):
    desk = sit()
    desk.call("alerting")
    assert desk.model.command("e billing") == [Do("reroute", "c1", argument="billing")]
    desk.call("connected")
    assert desk.model.command("b queue:billing") == [Do("blind_transfer", "c1", argument="queue:billing")]


def test_m_mutes_and_ends_it(sit):
    desk = sit()
    desk.call("connected")
    assert desk.model.command("m")[-1] == Do("mute", "c1")
    desk.call("connected", capabilities=capabilities_of("connected", muted=True))
    assert desk.model.command("m")[-1] == Do("unmute", "c1")


def test_a_note_keeps_what_else_is_in_its_block_and_its_letters(sit):
    desk = sit()
    document = attached_data.build("IVR/CONTACT", {"NOTE": "old", "WRAP_UP_REASON": "paid"})
    desk.call("connected", attached_data=document)
    *_, wanted = desk.model.command("o Calls back & thanks")
    assert (wanted.operation, wanted.item) == ("note", "c1")
    assert attached_data.read(wanted.argument) == {
        "IVR/CONTACT": {"NOTE": "Calls back & thanks", "WRAP_UP_REASON": "paid"}
    }


def test_what_is_written_names_the_version_that_was_read_and_what_is_typed_next_finds_it(sit):
    desk = sit()
    desk.call("connected", attached_data=attached_data.build("A", {"X": "1"}), attached_data_version=3)
    *_, first = desk.model.command("f Y=2")
    *_, second = desk.model.command("f Z=3")
    assert (first.version, second.version) == (3, 3)
    assert attached_data.read(second.argument) == {"A": {"X": "1", "Y": "2", "Z": "3"}}
    newer = attached_data.build("B", {"X": "1"})
    assert "has changed" in said(desk.model.handle(ItemAttachedDataChanged("c1", newer, 7), NOW))
    *_, third = desk.model.command("f Y=2")
    assert (third.version, attached_data.read(third.argument)) == (7, {"B": {"X": "1", "Y": "2"}})


def test_who_was_too_late_is_told_who_was_quicker_and_shown_what_there_is_now(sit):
    desk = sit()
    desk.call("connected", attached_data=attached_data.build("NOTES", {"TEXT": ""}), attached_data_version=3)
    desk.model.command("f TEXT=mine")
    now_there = attached_data.build("NOTES", {"TEXT": "hers"})
    read = desk.item("connected", sequence=9, attached_data=now_there, attached_data_version=4)
    assert "has changed" in said(desk.model.read_again(read))
    facts = {"changedBy": "desk2", "applicationId": "NOTES"}
    outputs = desk.model.failed("field", "c1", IciRefusal("ICI-CONFLICT", "too late", facts=facts))
    assert said(outputs) == (
        "Nothing was written: desk2 has changed NOTES meanwhile. Look at it (s), then write again."
    )
    card = next(one for one in desk.model.command("s") if isinstance(one, PopUp))
    assert card.attached_data == {"NOTES": {"TEXT": "hers"}}


def test_a_field_is_filled_in_beside_what_the_menu_has_told(sit):
    desk = sit()
    desk.call("connected", attached_data=attached_data.build("SAP-IC", {"REASON": "ASKED"}))
    *_, wanted = desk.model.command("f WISH = a new bill")
    assert attached_data.read(wanted.argument) == {"SAP-IC": {"REASON": "ASKED", "WISH": "a new bill"}}
    *_, wanted = desk.model.command("f IVR/CONTACT WRAP_UP_REASON=")
    assert attached_data.read(wanted.argument) == {"IVR/CONTACT": {"WRAP_UP_REASON": ""}}
    (said, *more) = desk.model.command("f two words")
    assert "'two words' is no field; write NAME=text" in str(said)
    assert not any(getattr(one, "operation", "") for one in more)


def test_a_consulted_colleague_sees_the_card_again_when_the_caller_becomes_his(sit):
    desk = sit()
    desk.call("alerting", remote_numbers=("desk1",))
    desk.call("connected", remote_numbers=("desk1",), capabilities=capabilities_of("connected", "consulted"))
    outputs = desk.call("connected")
    assert [type(output) for output in outputs] == [Happened, PopUp, LookUp, Say]
    assert "with you now" in said(outputs)


def test_wrap_up_is_said_of_the_callers_call_alone(sit):
    desk = sit(wrap_up=10.0)
    desk.call("connected")
    own = {"id": "c2", "direction": "outbound", "remote_numbers": ("desk2",)}
    desk.call("connected", **own)
    assert "Wrap-up" in said(desk.call("ended", reason="transferred"))
    assert "Wrap-up" not in said(desk.call("ended", reason="transferred", **own))


def test_a_conference_is_said(sit):
    desk, _ = asking(sit)
    told = desk.call("conferenced")
    assert happened(told) == [("conferenced", "c1")] and "All three" in said(told)
    own = {"id": "c2", "direction": "outbound", "remote_numbers": ("desk2",)}
    told = desk.call("ended", reason="transferred", **own)
    assert happened(told) == [("ended", "c2")] and "Your call to desk2 is part of that one now." in said(told)
    assert "The call is over." in said(desk.call("ended", reason="normal"))


# --- a call ---------------------------------------------------------------------------------------------


def test_a_call_from_pop_up_to_end(sit, item):
    desk = sit()
    alerting = desk.call("alerting")
    assert happened(alerting) == [("alerting", "c1")]
    assert alerting[0].data["attached_data"]["SAP-IC"]["ACCOUNT"] == "4000000002"
    assert alerting[0].data["remote_numbers"] == ["+15550100"]
    assert alerting[0].data["proved"] is True
    assert isinstance(alerting[1], PopUp)
    assert alerting[2] == LookUp("c1", "4000000002", "pin")
    assert done(alerting) == []
    assert desk.model.command("a") == [Say("Accepting; pick up the telephone."), Do("accept", "c1")]
    assert happened(desk.call("connected")) == [("connected", "c1")]
    assert desk.model.command("h") == [Do("hold", "c1")]
    assert happened(desk.call("held")) == [("held", "c1")]
    assert desk.model.command("u") == [Do("unhold", "c1")]
    assert "again" in said(desk.call("connected"))
    assert desk.model.command("d") == [Do("drop", "c1")]
    ended = desk.call("ended", reason="normal")
    assert happened(ended) == [("ended", "c1")]
    assert ended[0].data["reason"] == "normal"


def test_a_command_changes_nothing_before_its_event(sit):
    desk = sit()
    desk.call("alerting")
    desk.model.command("x")
    assert desk.model.command("x") == [Do("reject", "c1")]


def test_what_the_call_does_not_allow_is_explained_and_not_asked(sit):
    desk = sit()
    assert "There is no call to accept" in said(desk.model.command("a"))
    desk.call("alerting")
    outputs = desk.model.command("h")
    assert happened(outputs) == [("error", None)]
    assert said(outputs) == "There is nothing to hold: the call is alerting."
    assert done(outputs) == []


def test_the_newest_call_that_allows_it_is_meant(sit):
    desk = sit()
    desk.call("held", id="c1")
    desk.call("alerting", id="c2")
    assert done(desk.model.command("accept")) == [Do("accept", "c2")]
    assert desk.model.command("retrieve") == [Do("unhold", "c1")]


def test_wrapup_and_ended_of_one_call_are_one_end(sit):
    desk = sit()
    desk.call("connected")
    assert happened(desk.call("wrapup")) == [("ended", "c1")]
    assert desk.call("ended") == []


@pytest.mark.parametrize(
    ("before", "reason", "words"),
    [
        ("alerting", "abandoned", "The caller has hung up."),
        ("alerting", "rejected", "You have refused the call."),
        ("alerting", "rerouted", "The call goes to somebody else."),
        ("connected", "transferred", "The caller is with somebody else now."),
        ("connected", "normal", "The call is over."),
        ("connected", "failed", "The call has broken off."),
    ],
)
def test_a_call_taken_away_says_why(sit, before, reason, words):
    desk = sit()
    desk.call(before)
    told = desk.call("ended", reason=reason)
    assert said(told) == words and told[0].data["reason"] == reason


@pytest.mark.parametrize(("reason", "words"), [("rejected", "desk2 has refused"), ("failed", "not be reached")])
def test_a_call_of_ones_own_in_vain_says_why(sit, reason, words):
    desk = sit()
    desk.call("dialing", **OWN)
    assert words in said(desk.call("ended", reason=reason, **OWN))


def test_attached_data_that_changes_is_told_once(sit, item):
    desk = sit()
    desk.call("connected")
    assert happened(desk.call("connected", fields={"ACCOUNT": "4000000010"})) == [("attached_data", "c1")]
    document = attached_data.build("SAP-IC", {"ACCOUNT": "4000000028"})
    event = ItemAttachedDataChanged("c1", document)
    outputs = desk.model.handle(event, NOW)
    assert outputs[0] == Happened("attached_data", "c1", {"attached_data": {"SAP-IC": {"ACCOUNT": "4000000028"}}})
    assert desk.model.handle(event, NOW) == []


def test_attached_data_that_cannot_be_read_does_not_hide_the_call(sit):
    desk = sit()
    outputs = desk.call("alerting", attached_data="<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>")
    assert happened(outputs) == [("error", "c1"), ("alerting", "c1")]
    assert outputs[0].data["code"] == "ICI-XML"
    assert not [o for o in outputs if isinstance(o, LookUp)]


def test_h19_only_a_named_level_counts_as_proved():
    assert account_of({"SAP-IC": {"ACCOUNT": "1", "PROVED": "pin"}}) == ("1", "pin")
    for fields in ({"PROVED": "no"}, {"PROVED": "NO "}, {"PROVED": ""}, {}):
        assert account_of({"X": {}, "SAP-IC": {"ACCOUNT": "1", **fields}}) == ("1", "")
    assert account_of({"SAP-IC": {"PROVED": "pin"}}) == ("", "")


# --- work modes -----------------------------------------------------------------------------------------


def test_ready_and_not_ready_are_asked_for_and_shown_when_told(sit):
    desk = sit()
    assert desk.model.command("r") == [Do("set_workmode", workmode=2)]
    outputs = desk.mode(2)
    assert outputs[0].event == "workmode"
    assert (outputs[0].data["workmode"], outputs[0].data["presence"]) == (2, "Available")
    assert desk.mode(2) == []
    assert desk.model.command("n") == [Do("set_workmode", workmode=3)]
    assert desk.model.command("n 1001") == [Do("set_workmode", workmode=1001)]
    assert said(desk.mode(2, next_workmode=3)) == "Ready, then not ready."


def test_wrap_up_is_counted_down_from_the_settings(sit):
    desk = sit(wrap_up=10.0)
    desk.mode(2)
    desk.call("connected")
    assert "Wrap-up for 10 s" in said(desk.call("ended"))
    assert desk.model.deadline == NOW + 10.0
    assert "wrap-up 7 s" in desk.model.line(NOW + 3.0)
    assert desk.model.expire(NOW + 9.9) == []
    assert said(desk.model.expire(NOW + 10.0)) == "Wrap-up is over."
    assert desk.model.deadline is None


def test_finish_ends_wrap_up_with_ready_or_with_the_wish_of_the_call(sit):
    desk = sit(wrap_up=10.0)
    desk.mode(2)
    desk.call("connected")
    desk.call("ended")
    assert desk.model.command("w") == [Do("set_workmode", workmode=2)]
    assert "no wrap-up" in said(desk.model.command("w"))
    desk.mode(2, next_workmode=1001)
    desk.call("connected", id="c2")
    desk.call("ended", id="c2")
    assert desk.model.command("w") == [Do("set_workmode", workmode=1001)]


def test_an_engine_that_tells_of_wrap_up_is_believed(sit):
    desk = sit(wrap_up=10.0)
    desk.call("connected")
    desk.mode(2, "Wrap-up")
    assert desk.model.in_wrap_up
    desk.mode(2, "Ready")
    assert not desk.model.in_wrap_up
    desk.call("ended")
    assert not desk.model.in_wrap_up


# --- auto -----------------------------------------------------------------------------------------------


def test_auto_is_ready_after_the_log_on_and_accepts(sit):
    desk = sit(auto=True)
    assert done(desk.model.logged_on("")) == [Do("set_workmode", workmode=2)]
    assert done(desk.call("alerting")) == [Do("accept", "c1")]


def test_auto_is_ready_after_wrap_up_if_the_engine_did_not_see_to_it(sit):
    desk = sit(auto=True)
    for told_ready, asked in ((False, [Do("set_workmode", workmode=2)]), (True, [])):
        desk.mode(2)
        desk.call("connected", id=f"c{told_ready}")
        desk.mode(3, "Wrap-up")
        assert done(desk.call("ended", id=f"c{told_ready}")) == []
        assert done(desk.mode(2 if told_ready else 3)) == asked


def test_auto_leaves_a_rest_after_a_missed_call_alone(sit):
    desk = sit(auto=True)
    desk.mode(2)
    desk.call("alerting")
    desk.call("ended", reason="rerouted")
    assert done(desk.mode(3)) == []


def test_auto_respects_not_ready_until_ready_is_typed(sit):
    desk = sit(auto=True)
    desk.call("connected")
    desk.model.command("n")
    desk.call("ended")
    assert done(desk.mode(3)) == []
    assert done(desk.model.logged_on("")) == []
    desk.model.command("r")
    assert done(desk.model.logged_on("")) == [Do("set_workmode", workmode=2)]


# --- the connection -------------------------------------------------------------------------------------


def test_a_lost_engine_is_told_and_a_new_log_on_shows_live_calls_again(sit):
    desk = sit()
    desk.call("connected")
    outputs = desk.model.lost("nobody listens")
    assert happened(outputs) == [("error", None)]
    assert "nobody listens" in said(outputs)
    assert happened(desk.model.logged_on("sip:x@y")) == [("logged_on", None)]
    assert "There is no call" in said(desk.model.command("d"))
    outputs = desk.call("connected")
    assert happened(outputs) == [("connected", "c1")]
    assert any(isinstance(o, PopUp) for o in outputs)


def test_a_superseded_subscription_is_told_and_ends_the_desk(sit):
    desk = sit()
    outputs = desk.model.handle(SubscriptionEnded("superseded", "User logged on elsewhere"), NOW)
    assert outputs[0] == Happened(
        "subscription_ended", None, {"reason": "superseded", "description": "User logged on elsewhere"}
    )
    assert "User logged on elsewhere" in said(outputs)
    assert outputs[-1] == Leave()


def test_presence_alone_is_told_to_programs_and_not_to_people(sit):
    desk = sit()
    desk.mode(2)
    busy = UserChanged(dataclasses.replace(desk.model._view, presence="Busy"))
    outputs = desk.model.handle(busy, NOW)
    assert happened(outputs) == [("workmode", None)]
    assert said(outputs) == ""


def test_a_desk_that_was_asleep_logs_on_again(sit):
    outputs = sit().model.handle(SubscriptionEnded("unreachable", "The screen did not take its events"), NOW)
    assert happened(outputs) == [("subscription_ended", None)]
    assert outputs[-1] == LogOnAgain()


def test_an_engine_that_stops_is_waited_for(sit):
    outputs = sit().model.handle(SubscriptionEnded("shutdown", "The telephone system is stopping"), NOW)
    assert happened(outputs) == [("subscription_ended", None)]
    assert outputs[-1] == LogOnAgain()


def test_a_refusal_names_operation_and_code(sit):
    outputs = sit().model.failed("drop", "c1", IciRefusal("ICI-STATE", "not allowed in state ended"))
    assert outputs[0] == Happened(
        "error",
        "c1",
        {
            "message": "Could not hang up: not allowed in state ended",
            "operation": "drop",
            "code": "ICI-STATE",
        },
    )


def test_quit_leaves_and_an_empty_line_does_nothing(sit):
    desk = sit()
    assert desk.model.command("q") == [Leave()]
    assert desk.model.command("  ") == []


def test_status_shows_state_and_calls(sit):
    desk = sit()
    assert said(desk.model.command("s")) == "Not told of any state yet."
    desk.mode(2)
    desk.call("connected")
    outputs = desk.model.command("s")
    assert said(outputs) == "Ready."
    assert [o.item.id for o in outputs if isinstance(o, PopUp)] == ["c1"]
    assert desk.model.line(NOW + 5) == "desk1 | Ready | connected 5 s"
