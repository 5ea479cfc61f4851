"""How the desk looks: lines of JSON for a program, a card and a status line for a person."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol, TextIO

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ivr.clock import Clock
from ivr.console.desk_events import AttachedData, Happened, PopUp, Say, account_of
from ivr.console.desk_line import Prompt
from ivr.console.desk_words import from_colleague, whom
from ivr.console.desk_writing import CONTACT, NOTE
from ivr.store.contracts import Customer

Contact = dict[str, Any]
"""A contact record; `ivr.call.contact` has its shape."""
NOTES = "IVR/NOTES"
"""Block of the attached data with every note of the call, each with its author before it."""
RECORDINGS = "IVR/RECORDINGS"
"""Block of the attached data with the ids of what was recorded."""
CLEAR = "\r\x1b[K"
"""Back to the first column, and wipe the line (ECMA-48, EL)."""
LEFT = "\x1b[{}D"
"""The cursor so many columns to the left (ECMA-48, CUB)."""
SHOWN = 200
"""Characters of a value that are shown; attached data may have a quarter of a megabyte."""


class Screen(Protocol):
    """Where the desk shows itself."""

    def happened(self, event: Happened) -> None: ...

    def say(self, words: Say) -> None: ...

    def pop_up(self, card: PopUp) -> None: ...

    def customer(
        self, customer: Customer | None, account: str, proved: str, contacts: Sequence[Contact] = ()
    ) -> None: ...

    def status(self, prompt: Prompt | None) -> None: ...


class JsonScreen:
    """One object a line, flushed, on standard output."""

    def __init__(self, clock: Clock, out: TextIO | None = None) -> None:
        self._clock = clock
        self._out = out or sys.stdout

    def happened(self, event: Happened) -> None:
        time = self._clock.utc().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"event": event.event, "time": time, "item": event.item, "data": event.data}
        self._out.write(json.dumps(line, ensure_ascii=True) + "\n")
        self._out.flush()

    def say(self, words: Say) -> None:
        """Words are for people."""

    def pop_up(self, card: PopUp) -> None:
        """The event alerting has it all."""

    def customer(
        self, customer: Customer | None, account: str, proved: str, contacts: Sequence[Contact] = ()
    ) -> None:
        """A program looks customers up itself."""

    def status(self, prompt: Prompt | None) -> None:
        """There is none."""


class TerminalScreen:
    """Cards and lines; in a real terminal with a status line at the bottom."""

    def __init__(self, console: Console | None = None, *, live: bool = False) -> None:
        self._console = console or Console(highlight=False)
        self._live = live
        self._status: Prompt | None = None

    def happened(self, event: Happened) -> None:
        """Events are for programs; people get words and cards."""

    def say(self, words: Say) -> None:
        self._print(Text(plain(words.text), style="bold red" if words.kind == "trouble" else ""))

    def pop_up(self, card: PopUp) -> None:
        item = card.item
        facts = _facts()
        account, proved = account_of(card.attached_data)
        if (item.direction == "outbound" or from_colleague(item)) and not account:
            facts.add_row("Colleague" if from_colleague(item) else "Called", plain(whom(item)))
        else:
            facts.add_row("Account", _account(account, proved))
            facts.add_row("Caller", plain(whom(item)))
            facts.add_row("Queue", plain(item.queue_id))
        if item.description:
            facts.add_row("How", Text(plain(item.description), style="bold"))
        for name, value in _rows(card.attached_data):
            facts.add_row(name, value)
        title = Text(plain(f"{item.status}: {item.id}"))
        self._print(Panel(facts, title=title, border_style="green" if proved else "yellow", box=box.ROUNDED))

    def customer(
        self, customer: Customer | None, account: str, proved: str, contacts: Sequence[Contact] = ()
    ) -> None:
        """The record, and who spoke with this customer the last times about what."""
        if customer is None:
            self._print(Text(f"The store has no customer with the account {plain(account)}."))
            return
        title = (
            "Customer" if proved else "Record of the claimed account: the caller is not proved to be this person"
        )
        facts = _facts()
        for name, value in _customer(customer):
            facts.add_row(name, plain(value))
        for contact in contacts:
            facts.add_row("Contact", plain(_contact(contact)))
            for note in contact.get("notes") or []:
                facts.add_row("", plain(f"{contact.get('agent')}: {note.get('text')}"))
        self._print(Panel(facts, title=title, border_style="green" if proved else "yellow", box=box.ROUNDED))

    def status(self, prompt: Prompt | None) -> None:
        """The line at the bottom, which is never wider than the window; None takes it away."""
        if not self._live:
            return
        self._status = prompt
        shown, behind = ("", 0) if prompt is None else prompt.fit(max(self._console.width - 1, 1))
        self._console.file.write(CLEAR + plain(shown, len(shown)) + (LEFT.format(behind) if behind else ""))
        self._console.file.flush()

    def _print(self, what: Text | Panel) -> None:
        if self._status is not None:
            self._console.file.write(CLEAR)
        self._console.print(what)
        if self._status is not None:
            self.status(self._status)
        self._console.file.flush()


def plain(text: str, most: int = SHOWN) -> str:
    """One line without control characters: a caller's data must not be able to steer the agent's terminal."""
    shown = text if len(text) <= most else text[:most] + "…"
    return "".join(character if character.isprintable() else "�" for character in shown)


def _facts() -> Table:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    return facts


def _account(account: str, proved: str) -> Text:
    if not account:
        return Text("not known; the caller is not proved to be anybody", style="bold yellow")
    if proved:
        return Text(f"{plain(account)}  proved: {plain(proved)}", style="bold green")
    return Text(f"{plain(account)}  claimed, not proved", style="bold yellow")


def _rows(data: AttachedData) -> list[tuple[str, Text]]:
    """Every field but those the card shows above; the producer is named where there are several."""
    several, noted = len(data) > 1, bool(data.get(NOTES))
    rows = [
        (_name(application, name, several=several), Text(plain(value)))
        for application, fields in data.items()
        for name, value in fields.items()
        if value and name not in ("ACCOUNT", "PROVED") and application != RECORDINGS
        if not (noted and (application, name) == (CONTACT, NOTE))  # the last one is among all
    ]
    if recorded := len(data.get(RECORDINGS, {})):  # ids are for programs; there is one for every leg
        rows.append(("Recorded", Text(f"{recorded} part{'s' if recorded > 1 else ''}")))
    return rows


def _name(application: str, name: str, *, several: bool) -> str:
    if application == NOTES:
        return "Note"
    return plain(f"{application} {name}" if several else name)


def _contact(contact: Contact) -> str:
    """When, with whom, about what, and what came of it."""
    began = str(contact.get("began") or "")[:16].replace("T", " ")
    what = [f"{began} UTC with {contact.get('agent')}", contact.get("reason"), contact.get("wrap_up_reason")]
    if contact.get("proved") in ("", "no", None):
        what.append("not proved to be the customer")
    return ", ".join(str(part) for part in what if part)


def _customer(customer: Customer) -> list[tuple[str, str]]:
    due = f"{customer.amount_due}" + (f" by {customer.due_date}" if customer.due_date else "")
    bill = f"{customer.bill_amount} of {customer.bill_date}" if customer.bill_amount is not None else "none"
    method = f"{customer.method_name} ending {customer.method_last4}" if customer.method_name else "none on file"
    rows = [
        ("Name", f"{customer.first_name} {customer.last_name}"),
        ("Telephone", customer.phone),
        ("Language", customer.language),
        ("Due", due),
        ("Last bill", bill),
        ("Pays by", method),
        ("Locked until", _until(customer.locked_until)),
        ("Notes", customer.notes),
    ]
    return [(name, value) for name, value in rows if value]


def _until(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC" if time else ""
