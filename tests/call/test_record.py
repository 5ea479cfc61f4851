"""What the record of a call tells, beyond the main path."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from house import House

from ivr.call.record import CallRecord, HandoffRecord, closed_late

LOCKED, ITS_PIN = "4000000036", "9924"


async def test_a_prompt_that_the_hang_up_cut_off_is_told_with_what_was_heard_of_it(house: House) -> None:
    phone = await house.phone()
    call = await phone.dial(house.uri)
    await call.wait_for_sound()
    await asyncio.sleep(1.0)
    await call.hang_up()
    (heard,) = (await house.record())["prompts"]
    assert heard["prompts"][0] == "greet.emergency_first"
    assert heard["why"] == "hung_up"
    assert 0.9 < heard["played"] < 4.0
    assert heard["at"] >= 0.0


async def test_a_queue_that_was_closed_is_told_as_a_handoff(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ivr.menu.reaching_people.is_open", lambda *_: False)
    phone = await house.phone("+15550102")
    call = await phone.dial(house.uri)
    await call.wait_for_sound()
    await call.press("1")
    await call.press(LOCKED)
    await call.press("1")
    await call.press(ITS_PIN)
    await call.wait_for_silence(1.0)
    await call.hang_up()
    record = await house.record()
    assert record["path"][-2:] == ["agent_locked", "closed"]
    handoff = record["handoff"]
    assert (handoff["queue"], handoff["reason"], handoff["outcome"]) == ("billing", "ACCOUNT_LOCKED", "closed")
    assert (handoff["agent"], handoff["waited"]) == (None, 0.0)
    assert handoff["attached_data"]["SAP-IC"]["ACCOUNT"] == LOCKED


NIGHT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
LINE = "tel:+15550000911"


def record_with(*outcomes: str) -> CallRecord:
    record = CallRecord("call-1", "+15550100", "8000", NIGHT)
    record.handoffs = [HandoffRecord("emergency", "GAS", {}, NIGHT, outcome=outcome) for outcome in outcomes]
    return record


def test_a_line_outside_that_takes_a_waiting_caller_is_named_in_his_handoff() -> None:
    record = record_with("answered", "")
    record.joined_outside(LINE, NIGHT)
    document = record.document()
    assert [one["number"] for one in document["handoffs"]] == [None, "+15550000911"]
    assert document["outside"] == [{"number": "+15550000911", "at": "2026-11-22T03:00:00.000+00:00"}]


def test_a_line_outside_to_which_the_menu_transfers_is_no_end_of_an_earlier_handoff() -> None:
    record = record_with("closed")
    record.joined_outside(LINE, NIGHT)
    assert record.document()["handoff"]["number"] is None
    assert len(record.document()["outside"]) == 1


def test_a_record_that_a_kill_left_open_ends_at_the_last_moment_anybody_knows_of() -> None:
    """The record, and the contact with an agent's note; not the attached data, which is others'."""
    at = "2026-11-22T03:0{}:00.000+00:00".format
    record = {
        "id": "call-1",
        "started": at(0),
        "answered": at(1),
        "steps": [{"step": "main", "at": 30.0, "exit": None}],
        "handoffs": [
            {
                "started": at(2),
                "outcome": "answered",
                "offers": [{"agent": "desk1", "at": at(3), "gone": None, "ended": "transferred"}],
                "attached_data": {"X": {"at": at(8)}},
            }
        ],
    }
    restarted = datetime(2026, 11, 22, 3, 7, tzinfo=UTC)
    assert closed_late(record, restarted)["ended"] == at(3)
    assert closed_late(record | {"steps": [{"at": 150.0}]}, restarted)["ended"] == "2026-11-22T03:03:30.000+00:00"
    contact = {"began": at(3), "ended": None, "notes": [{"at": at(5), "text": "wants a refund"}]}
    closed = closed_late(record, restarted, [contact])
    assert (closed["ended"], closed["killed"]) == (at(5), at(7))
    assert closed["end"]["by"] == "failure"
    late = {"began": at(3), "notes": [{"at": at(9)}]}
    assert closed_late(record, restarted, [late])["ended"] == at(3), "no engine knew of that before it was killed"
