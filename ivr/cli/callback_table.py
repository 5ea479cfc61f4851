"""Promises to call back as a table: who is to be rung, by whom, how often it was tried, and when next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import typer

from ivr.cli.customers import NOT_FOUND
from ivr.cli.tables import ROOMY, cell, complain, console, print_json, short, table
from ivr.store.contracts import Callback
from ivr.store.sqlite import SqliteStore

DONE = "done"
BY_PEOPLE = "yours to ring"
ENDS = {
    "answered": "reached",
    "unreached": "given up",
    "abandoned": "declined",
    "closed": "queue is gone",
    "overflow": "nobody free",
    "failed": "not kept",
    DONE: "done",
}
"""What became of a promise, in words."""


def state_of(one: Callback) -> str:
    """
    >>> state_of(Callback("+15550100", "billing", "", "", {}, datetime(2026, 1, 2, tzinfo=UTC)))
    'yours to ring'
    """
    if one.outcome:
        return ENDS.get(one.outcome, one.outcome)
    if not one.ticket:
        return BY_PEOPLE
    return "not reached" if one.tries else "waits"


def next_of(one: Callback, now: datetime) -> str:
    """When the engine rings; empty where it does not."""
    if one.outcome or not one.ticket:
        return ""
    if one.not_before is None or one.not_before <= now:
        return "at its turn"
    return f"{one.not_before.astimezone(UTC):%H:%M}"


def tell_callbacks(noted: list[Callback], *, as_json: bool, all_: bool) -> None:
    """`all_`: those that are over are among them."""
    if as_json:
        print_json([_document(one) for one in noted])
        return
    if not noted:
        nobody = "Nobody is to be called back; --all lists those that are over."
        print("No callbacks are noted." if all_ else nobody)
        return
    screen, now = console(), datetime.now(UTC)
    heads = ("noted (UTC)", "number", "queue", "state", "tries", "next (UTC)", "call", "reason", "attached data")
    roomy = screen.width >= ROOMY  # a call's id begins with the time at which it came
    chosen = heads if roomy else ("call", "number", "queue", "state", "tries", "next (UTC)")
    shown = table(*chosen, right=("tries",), whole=("noted (UTC)", "number", "call"))
    for one in noted:
        data = " ".join(f"{name}={value}" for name, value in one.attached_data.items() if value)
        at, tries = f"{one.noted:%Y-%m-%d %H:%M}", one.tries or ""
        what = (at, one.number, one.queue, state_of(one), tries, next_of(one, now), one.call_id, one.reason, data)
        line = dict(zip(heads, what, strict=True))
        shown.add_row(*((cell if roomy else short)(line[head]) for head in chosen))
    screen.print(shown)
    by_people = [one.call_id for one in noted if not one.outcome and not one.ticket]
    if by_people:
        screen.print(cell(f"What you have rung yourself: ivr calls callbacks --done {by_people[0]}"))


def strike(read: Callable[[Callable[[SqliteStore], Awaitable[int]]], int], call_id: str) -> None:
    """People have rung who was promised it in a call."""
    if not read(lambda store: store.finish_callbacks(DONE, call_id=call_id)):
        complain(
            f"no callback of the call {call_id!r} is yours to ring; `ivr calls callbacks --json` lists them with "
            "their calls, and those with a ticket are rung by the engine"
        )
        raise typer.Exit(NOT_FOUND)
    print(f"Done: {call_id}.")


def _document(one: Callback) -> dict[str, object]:
    return {
        "number": one.number,
        "queue": one.queue,
        "reason": one.reason,
        "call": one.call_id,
        "attached_data": one.attached_data,
        "noted": one.noted.isoformat(),
        "ticket": one.ticket or None,
        "state": state_of(one),
        "outcome": one.outcome or None,
        "tries": one.tries,
        "next": one.not_before.isoformat() if one.not_before and not one.outcome else None,
        "over": one.over.isoformat() if one.over else None,
    }
