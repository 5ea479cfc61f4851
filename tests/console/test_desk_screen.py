"""What the agent sees, and what a program reads."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from rich.console import Console

from ivr.console.desk_events import Happened, PopUp, Say
from ivr.console.desk_line import Line, Prompt
from ivr.console.desk_screen import CLEAR, JsonScreen, TerminalScreen, plain
from ivr.ici import attached_data
from ivr.store.contracts import Customer


class Noon:
    def monotonic(self) -> float:
        return 0.0

    def utc(self) -> datetime:
        return datetime(2026, 3, 4, 12, 0, 0, 5000, tzinfo=UTC)


CUSTOMER = Customer(
    account="4000000002",
    phone="+15550100",
    first_name="Alex",
    last_name="Morgan",
    language="en",
    amount_due=Decimal("84.20"),
    due_date=date(2026, 3, 16),
    bill_amount=Decimal("84.20"),
    bill_date=date(2026, 2, 20),
    method_name="bank account",
    method_last4="4417",
    locked_until=None,
)


@pytest.fixture
def paper():
    return io.StringIO()


@pytest.fixture
def terminal(paper):
    return TerminalScreen(Console(file=paper, width=100, highlight=False))


def card(item, **fields):
    document = attached_data.build("SAP-IC", fields)
    return PopUp(item("alerting", attached_data=document), attached_data.read(document))


def test_json_is_one_flushed_object_a_line(paper):
    screen = JsonScreen(Noon(), paper)
    data = {"attached_data": {"SAP-IC": {"ACCOUNT": "4000000002", "NAME": "Ñandú\n"}}}
    screen.happened(Happened("alerting", "c1", data))
    screen.say(Say("for people"))
    screen.happened(Happened("logged_on", None, {}))
    first, second = paper.getvalue().splitlines()
    assert json.loads(first) == {
        "event": "alerting",
        "time": "2026-03-04T12:00:00.005Z",
        "item": "c1",
        "data": data,
    }
    assert json.loads(second)["item"] is None


def test_the_screen_pop_shows_the_proved_account_and_every_field(terminal, paper, item):
    terminal.pop_up(card(item, ACCOUNT="4000000002", PROVED="pin", REASON="ASKED_FOR_AGENT", WAITED=""))
    shown = paper.getvalue()
    assert "4000000002  proved: pin" in shown
    assert "ASKED_FOR_AGENT" in shown
    assert "+15550100" in shown
    assert "claimed" not in shown
    assert "WAITED" not in shown


def test_h19_a_caller_without_an_account_is_shown_as_not_proved(terminal, paper, item):
    terminal.pop_up(card(item, ACCOUNT="", PROVED="no"))
    assert "not known; the caller is not proved" in paper.getvalue()


def test_h19_an_account_that_is_not_proved_is_shown_as_claimed(terminal, paper, item):
    terminal.pop_up(card(item, ACCOUNT="4000000002", PROVED="no"))
    terminal.customer(CUSTOMER, "4000000002", "")
    shown = paper.getvalue()
    assert "4000000002  claimed, not proved" in shown
    assert "the caller is not proved to be this person" in shown


def test_the_customers_record_is_shown(terminal, paper):
    terminal.customer(CUSTOMER, "4000000002", "pin")
    shown = paper.getvalue()
    for text in ("Alex Morgan", "84.20 by 2026-03-16", "bank account ending 4417", "84.20 of 2026-02-20"):
        assert text in shown
    assert "Locked" not in shown
    terminal.customer(None, "4999999999", "")
    assert "no customer with the account 4999999999" in paper.getvalue()


def test_the_last_contacts_and_their_notes_are_on_the_customers_card(terminal, paper):
    contact = {
        "began": "2026-03-03T10:28:00.000+00:00",
        "agent": "desk1",
        "reason": "BILL",
        "proved": "pin",
        "wrap_up_reason": "SOLVED",
        "notes": [{"at": "", "text": "moves house"}, {"at": "", "text": "in May"}],
    }
    claimed = {**contact, "agent": "desk2", "proved": "no", "wrap_up_reason": None, "notes": []}
    terminal.customer(CUSTOMER, "4000000002", "pin", [contact, claimed])
    shown = paper.getvalue()
    assert "2026-03-03 10:28 UTC with desk1, BILL, SOLVED" in shown
    assert "desk1: moves house" in shown and "desk1: in May" in shown
    assert "with desk2, BILL, not proved to be the customer" in shown


def test_every_note_of_the_call_is_on_the_card_once_with_its_author(terminal, paper, item):
    notes = {"N1": "desk1: from one", "N2": "desk2: from two"}
    data = {"SAP-IC": {"REASON": "A"}, "IVR/CONTACT": {"NOTE": "from two"}, "IVR/NOTES": notes}
    terminal.pop_up(PopUp(item("alerting"), data))
    shown = paper.getvalue()
    assert shown.count("from two") == 1
    assert "Note" in shown and "desk1: from one" in shown and "desk2: from two" in shown


def test_the_ids_of_recordings_do_not_push_the_caller_off_the_screen(terminal, paper, item):
    ids = {f"R{number}": f"20261122-123111-f3a645-{number}" for number in range(1, 11)}
    terminal.pop_up(PopUp(item("alerting"), {"SAP-IC": {"REASON": "A"}, "IVR/RECORDINGS": ids}))
    shown = paper.getvalue()
    assert "10 parts" in shown and "f3a645" not in shown


def test_h17_a_callers_data_cannot_steer_the_terminal(terminal, paper, item):
    hostile = "\x1b]0;owned\x07[red]x[/red]\u202eevil\r\n" + "A" * 10_000
    terminal.pop_up(
        PopUp(item("alerting", remote_numbers=("\x1b[2J",)), {"A": {"ACCOUNT": hostile, "X\x1b": hostile}})
    )
    terminal.say(Say(hostile))
    shown = paper.getvalue()
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown
    assert "[red]x[/red]" in shown
    assert len(shown) < 5000


def test_how_the_caller_came_is_on_the_card(terminal, paper, item):
    terminal.pop_up(PopUp(item("alerting", description="back from your transfer, desk2 refused"), {}))
    assert "How" in paper.getvalue() and "back from your transfer, desk2 refused" in paper.getvalue()


def test_several_producers_are_told_apart(terminal, paper, item):
    terminal.pop_up(PopUp(item("alerting"), {"SAP-IC": {"REASON": "A"}, "CRM_IC/MCM": {"FWDTYPE": "B"}}))
    assert "SAP-IC REASON" in paper.getvalue()
    assert "CRM_IC/MCM FWDTYPE" in paper.getvalue()


def test_the_status_line_is_wiped_for_news_and_drawn_again(paper):
    screen = TerminalScreen(Console(file=paper, width=40, highlight=False), live=True)
    screen.status(Prompt("desk1 | Ready"))
    screen.say(Say("Connected."))
    assert paper.getvalue() == f"{CLEAR}desk1 | Ready > {CLEAR}Connected.\n{CLEAR}desk1 | Ready > "
    paper.truncate(0)
    paper.seek(0)
    screen.status(Prompt("x" * 100))
    assert paper.getvalue() == f"{CLEAR}{'x' * 35}… > "
    paper.truncate(0)
    paper.seek(0)
    screen.status(Prompt("desk1 | Ready", "note: the text", Line("from the beginning", 8)))
    assert paper.getvalue() == f"{CLEAR}note: the text? from the beginning\x1b[10D", (
        "the cursor is not where one types"
    )


def test_without_a_terminal_there_is_no_status_line(terminal, paper):
    terminal.status(Prompt("desk1 | Ready"))
    assert paper.getvalue() == ""


def test_plain_keeps_letters_of_all_scripts():
    assert plain("Ñandú 漢字 \t") == "Ñandú 漢字 �"
