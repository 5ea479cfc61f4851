"""A call record as a story a person reads: who, when, the way through the menu, the handoff, the end.

Records of older versions may lack keys, and a call that goes on has no end yet: what is missing is left out.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from ivr.cli.call_recordings import recordings_of, tell_recordings
from ivr.cli.tables import cell, plain, table


def tell(record: dict[str, Any], out: Console, var: Path | None = None) -> None:
    """`var` is the folder in which the recordings of calls are; None where nothing was recorded."""
    _head(record, out)
    _timeline(record, out)
    _lookups(record, out)
    for number, handoff in enumerate(_dicts(record.get("handoffs") or [record.get("handoff")]), 1):
        _handoff(handoff, number, out, killed=bool(record.get("killed")))
    if var is not None:
        tell_recordings(recordings_of(record, var), out)
    _incidents(record, out)
    _end(record, out)


def seconds_between(start: object, end: object) -> float:
    """0 where either time is missing or unreadable."""
    try:
        return max((datetime.fromisoformat(str(end)) - datetime.fromisoformat(str(start))).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return 0.0


def _head(record: dict[str, Any], out: Console) -> None:
    facts = table("call", plain(record.get("id")))
    lasted = "goes on"
    if record.get("ended"):
        lasted = f"{seconds_between(record.get('started'), record.get('ended')):.0f} s"
    if record.get("killed"):
        lasted = f"at least {lasted}: the engine was killed"
    for label, value in (
        ("from", record.get("caller") or "withheld"),
        ("to", record.get("called")),
        (
            "diverted",
            ", ".join(f"{one.get('from')} ({one.get('reason')})" for one in _dicts(record.get("diverted"))),
        ),
        ("goes on from", record.get("goes_on_from")),
        ("started", _moment(record.get("started"))),
        ("lasted", lasted),
        ("menu", record.get("menu")),
        ("language", record.get("language")),
        ("keys", record.get("digits")),
        ("goals", ", ".join(map(str, record.get("goals") or []))),
    ):
        if value:
            facts.add_row(cell(label), cell(value))
    out.print(facts)


def _timeline(record: dict[str, Any], out: Console) -> None:
    steps = _dicts(record.get("steps"))
    if not steps and record.get("path"):
        steps = [{"step": step} for step in record["path"]]
    if not steps:
        return
    line = table("at", "step", "left by", right=("at",))
    for step in steps:
        at = step.get("at")
        line.add_row(
            cell(_clock(at) if isinstance(at, int | float) else ""), cell(step.get("step")), cell(step.get("exit"))
        )
    out.print("", line)


def _lookups(record: dict[str, Any], out: Console) -> None:
    lookups = _dicts(record.get("lookups"))
    if not lookups:
        return
    shown = table("look-up", "outcome", "seconds", right=("seconds",))
    for one in lookups:
        shown.add_row(cell(one.get("name")), cell(one.get("outcome")), cell(one.get("seconds")))
    out.print("", shown)


WAYS = {"blind": "sent on by", "warm": "handed over by", "conference": "left by"}
"""How an agent parted from the caller, who went on to somebody."""


def _offer(offer: dict[str, Any], killed: bool = False) -> tuple[str, str]:
    """Whom the caller was offered to; or the call of an agent to a colleague about him, as either has it."""
    agent, outcome = offer.get("agent"), offer.get("outcome") or "no answer"
    if killed and outcome == "answered" and not offer.get("ended"):
        outcome = "answered, then cut off"
    others = ", ".join(map(str, offer.get("remote") or []))
    if offer.get("direction") == "outbound":
        return "asked by", f"{agent}, who called {others}: {outcome}"
    others = ", ".join(map(str, offer.get("asked_by") or [])) or others
    return "offered to", f"{agent}, asked by {others}: {outcome}" if others else f"{agent}: {outcome}"


def _handoff(handoff: dict[str, Any], number: int, out: Console, *, killed: bool = False) -> None:
    shown = table("handoff", str(number))
    waited = handoff.get("waited")
    for label, value in (
        ("queue", handoff.get("queue")),
        ("reason", handoff.get("reason")),
        ("sent by", handoff.get("sent_by")),
        ("agent", handoff.get("agent")),
        ("number outside", handoff.get("number")),
        ("outcome", handoff.get("outcome") or "goes on"),
        ("waited", f"{waited:.0f} s" if isinstance(waited, int | float) else None),
    ):
        if value:
            shown.add_row(cell(label), cell(value))
    for offer in _dicts(handoff.get("offers")):
        shown.add_row(*map(cell, _offer(offer, killed)))
    for one in _dicts(handoff.get("passed")):
        what = WAYS.get(str(one.get("how")), "sent on")
        became = ", ".join(str(one[name]) for name in ("outcome", "why") if one.get(name))
        shown.add_row(cell(what), cell(f"{one.get('by')} to {one.get('to')}" + (f": {became}" if became else "")))
    out.print("", shown)
    data = handoff.get("attached_data")
    if isinstance(data, dict) and data:
        _attached(data, out)
    _changes([one for one in _dicts(handoff.get("attached_data_changes")) if one.get("author") != "menu"], out)


def _changes(versions: list[dict[str, Any]], out: Console) -> None:
    """What people changed in the attached data; what the menu put there stands above."""
    if not versions:
        return
    shown = table("changed (UTC)", "by", "version", "field", "was", "is", whole=("changed (UTC)",))
    for version in versions:
        at, author = str(version.get("at") or "")[11:19], version.get("author")
        number = version.get("version")
        for one in _dicts(version.get("changes")):
            field = f"{one.get('application')} {one.get('field')}"
            shown.add_row(*map(cell, (at, author, number, field, one.get("old") or "–", one.get("new") or "–")))
        tried = _dicts(version.get("refused"))
        for one in tried:
            field, written = f"{one.get('application')} {one.get('field')}", one.get("written")
            instead = f"kept, not {written!r}" if written else "kept, though left out"
            shown.add_row(*map(cell, (at, author, number, field, one.get("kept") or "–", instead)))
        for name in [] if tried else version.get("kept") or []:  # records of before
            shown.add_row(*map(cell, (at, author, number, name, "kept", "kept")))
    out.print("", shown)


def _attached(data: dict[str, Any], out: Console) -> None:
    shown = table("application", "field", "value")
    for application, fields in data.items():
        for name, value in (fields if isinstance(fields, dict) else {"": fields}).items():
            shown.add_row(cell(application), cell(name), cell(value))
    out.print("", shown)


def _incidents(record: dict[str, Any], out: Console) -> None:
    """What went wrong, and why."""
    incidents = _dicts(record.get("incidents"))
    if not incidents:
        return
    shown = table("at", "went wrong", right=("at",))
    for one in incidents:
        at = one.get("at")
        shown.add_row(cell(_clock(at) if isinstance(at, int | float) else ""), cell(one.get("what")))
    out.print("", shown)


def _end(record: dict[str, Any], out: Console) -> None:
    media, end = record.get("media"), record.get("end")
    if isinstance(media, dict) and media:
        shown = table("sound", "")
        for name, value in media.items():
            shown.add_row(cell(name.replace("_", " ")), cell(value))
        out.print("", shown)
    if isinstance(end, dict):
        out.print("", cell(f"Ended {_moment(record.get('ended'))} by {end.get('by')}: {end.get('reason')}"))


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _moment(text: object) -> str:
    return f"{str(text)[:19].replace('T', ' ')} UTC" if text else ""


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"
