"""Attached data over several handoffs of one visit, without a single telephone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ivr.call.handoff import Handoff
from ivr.call.item import Item
from ivr.call.record import CallRecord
from ivr.call.recordings import Recordings
from ivr.config import IciSettings
from ivr.ici.attached_data import build, merge
from ivr.ici.switchboard import IciRefusal
from ivr.menu.events import StartHandoff

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


class Visits:
    """A caller, as far as a handoff looks at one."""

    def __init__(self, most: int = 262144) -> None:
        self.record = CallRecord("call-1", "+15550100", "8000", NOW)
        self.data = None
        self.id = "call-1"
        self.incidents: list[str] = []
        self.note_incident = self.incidents.append
        clock = SimpleNamespace(monotonic=lambda: 100.0, utc=lambda: NOW)
        settings = SimpleNamespace(ici=IciSettings(max_attached_data=most), var=Path("var"))
        rooms: Any = SimpleNamespace(clock=clock, settings=settings, media=None)
        self.handoff: Handoff | None = None
        agents = SimpleNamespace(waiting_time=lambda ticket, now: None)
        self.exchange = SimpleNamespace(rooms=rooms, agents=agents, handoff_of=lambda visit: self.handoff)
        self.recordings = Recordings(self.record, "leg", rooms, lambda event: None)

    def hands_off(self, **fields: str) -> Handoff:
        command = StartHandoff("general", "BILL", 0, "SAP-IC", fields, {"WAITED": "waited"}, ())
        ticket = f"call-1-h{len(self.record.handoffs) + 1}"
        self.handoff = Handoff(ticket, self, command, self.exchange)  # type: ignore[arg-type]
        return self.handoff

    def own_items(self) -> list[Item]:
        return []


def test_h20_the_next_agent_sees_what_the_first_one_wrote_and_what_the_menu_learnt_since() -> None:
    visit = Visits()
    first = visit.hands_off(ACCOUNT="", REASON="BILL")
    first.record.item = "call-1-h1.1"
    first.take_from("ann", merge(first.document, build("NOTES", {"TEXT": "wants a refund"})))
    second = visit.hands_off(ACCOUNT="4000000002", REASON="REFUND")
    assert second.data.blocks == {
        "SAP-IC": {"ACCOUNT": "4000000002", "REASON": "REFUND", "PREVIOUS": "call-1-h1.1"},
        "NOTES": {"TEXT": "wants a refund"},
    }
    assert first.record.attached_data["SAP-IC"]["REASON"] == "BILL"
    assert [one["author"] for one in second.record.changes] == ["menu"]


def test_what_the_first_agent_still_writes_belongs_to_the_handoff_of_the_second() -> None:
    visit = Visits()
    first = visit.hands_off(REASON="BILL")
    second = visit.hands_off(REASON="BILL")
    shown: Any = SimpleNamespace(live=True, agent="bob")
    second.offers.append(shown)
    first.take_from("ann", merge(first.document, build("IVR/CONTACT", {"NOTE": "called twice"})))
    assert first.items() == [shown], "the agent who has the caller now is not told"
    assert second.record.attached_data["IVR/CONTACT"] == {"NOTE": "called twice"}
    assert second.record.changes[-1]["author"] == "ann"
    assert "IVR/CONTACT" not in first.record.attached_data, "it was written after the caller had gone on"


def test_the_recordings_of_the_caller_are_named_to_the_agent() -> None:
    visit = Visits()
    visit.record.recordings += [
        {"id": "call-1-1.wav", "leg": "caller", "step": "say_it", "file": "recordings/call-1-1.wav"},
        {"id": "call-1-2.wav", "leg": "caller", "step": "say_it", "file": None},
    ]
    assert visit.hands_off(REASON="BILL").data.blocks["IVR/RECORDINGS"] == {"R1": "caller call-1-1.wav"}


def test_a_document_that_agents_have_filled_to_the_brim_does_not_stop_the_next_offer() -> None:
    visit = Visits(most=400)
    handoff = visit.hands_off(REASON="BILL")
    room = 400 - len(merge(handoff.document, build("N", {"T": ""})))
    handoff.take_from("ann", merge(handoff.document, build("N", {"T": "x" * room})))
    before = handoff.document
    handoff._refresh()
    assert handoff.document == before
    assert len(visit.incidents) == 1
    assert visit.incidents[0].endswith("at most 400 are allowed; what the menu learnt last is missing")
    with pytest.raises(IciRefusal):
        handoff.take_from("ann", before.replace("xxx", "yyyyyyyyyyyyyyyyyyyyyyyy"))
    assert handoff.document == before


def test_wiped_marks_are_an_incident_of_the_call() -> None:
    visit = Visits()
    handoff = visit.hands_off(REASON="BILL")
    marks = {"FWDTYPE": "TRANSFER", "FWDPREHANDLE": "A1"}
    taken = handoff.take_from("ann", merge(handoff.document, build("CRM_IC/MCM", marks)))
    assert taken is not None and not taken.guarded
    wiped = build("CRM_IC/MCM", {"FWDTYPE": "", "FWDPREHANDLE": "B2"})
    handoff.take_from("bob", merge(handoff.document, wiped))
    assert visit.incidents == ["bob wrote over CRM_IC/MCM FWDTYPE, CRM_IC/MCM FWDPREHANDLE; kept"]
    assert handoff.data.blocks["CRM_IC/MCM"] == marks
    assert handoff.record.document()["attached_data_changes"][-1]["kept"] == [
        "CRM_IC/MCM FWDTYPE",
        "CRM_IC/MCM FWDPREHANDLE",
    ]
