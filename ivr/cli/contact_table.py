"""Contact records as a table: which agent spoke with the customer, about what, and what came of it."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from ivr.cli.tables import cell, table


def tell_contacts(contacts: list[dict[str, Any]], out: Console, *, of_call: bool = False) -> None:
    """Nothing where there are none. With `of_call` what all lines have in common is left out."""
    if not contacts:
        return
    heads = ["contact (UTC)", "agent", "reason", "how", "wrap-up"] + ([] if of_call else ["call"])
    shown = table(*heads, whole=("contact (UTC)",))
    for one in contacts:
        began = str(one.get("began") or "")[:16].replace("T", " ")
        line = [began, one.get("agent"), one.get("reason"), one.get("how"), one.get("wrap_up_reason") or "–"]
        shown.add_row(*map(cell, line + ([] if of_call else [one.get("call_id")])))
    out.print("", shown)
    notes = [(one, note) for one in contacts for note in one.get("notes") or []]
    if notes:
        written = table("note (UTC)", "agent", "text", whole=("note (UTC)",))
        for one, note in notes:
            written.add_row(
                *map(cell, (str(note.get("at") or "")[:16].replace("T", " "), one.get("agent"), note.get("text")))
            )
        out.print("", written)
