"""`ivr calls`: what happened in calls, and the callbacks that were promised."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from ivr.cli.call_recordings import call_of, nothing_recorded, print_paths, recordings_of, write_mix
from ivr.cli.call_story import seconds_between, tell
from ivr.cli.callback_table import strike, tell_callbacks
from ivr.cli.contact_table import tell_contacts
from ivr.cli.customers import NOT_FOUND, Config, Json, with_store
from ivr.cli.tables import ROOMY, cell, complain, console, print_json, short, table
from ivr.config import load_settings
from ivr.store.contracts import Callback
from ivr.store.sqlite import SqliteStore

T = TypeVar("T")

LOOKED_THROUGH = 10_000
"""Calls, for the newest that has a recording."""

calls_app = typer.Typer(
    invoke_without_command=True,
    help="What happened in calls. Without a command: the newest calls as a list.",
)


@calls_app.callback()
def calls(
    ctx: typer.Context,
    most: Annotated[int, typer.Option("--most", "-n", help="How many to list.", min=1, max=10_000)] = 20,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """What happened in calls. Without a command: the newest calls, newest first."""
    ctx.obj = config
    if ctx.invoked_subcommand is None:
        _list(most, as_json, config)


def _list(most: int, as_json: bool, config: Path | None) -> None:
    nothing: list[dict[str, Any]] = []
    records = _read(config, lambda store: store.calls(most), nothing)
    if as_json:
        print_json(records)
        return
    if not records:
        print("No calls yet.")
        return
    screen = console()
    heads = ("started (UTC)", "lasted", "caller", "called", "last step", "handoff", "end", "id")
    # The id begins with the time of the start, and a caller who reached nobody has only an end.
    roomy = screen.width >= ROOMY
    chosen = heads if roomy else ("id", "lasted", "caller", "last step", "outcome")
    shown = table(*chosen, right=("lasted",), whole=("id",))
    for record in records:
        line = dict(zip(heads, _line(record), strict=True))
        line["outcome"] = line["handoff"] or line["end"]
        shown.add_row(*((cell if roomy else short)(line[head]) for head in chosen))
    screen.print(shown)


def _line(record: dict[str, Any]) -> tuple[object, ...]:
    handoff, end, path = record.get("handoff") or {}, record.get("end") or {}, record.get("path") or []
    whom = [str(handoff[key]) for key in ("agent", "number") if handoff.get(key)]
    towards = " ".join(
        [*(str(handoff[key]) for key in ("queue", "outcome") if handoff.get(key)), " → ".join(whom)]
    )
    lasted = seconds_between(record.get("started"), record.get("ended"))
    whole = "+" if record.get("killed") else ""
    return (
        str(record.get("started") or "")[:19].replace("T", " "),
        "goes on" if not record.get("ended") else f"{int(lasted // 60)}:{int(lasted % 60):02d}{whole}",
        record.get("caller") or "withheld",
        record.get("called"),
        path[-1] if path else "",
        towards.strip(),
        " ".join(str(end[key]) for key in ("by", "reason") if end.get(key)),
        record.get("id"),
    )


@calls_app.command()
def show(
    ctx: typer.Context,
    call_id: Annotated[
        str, typer.Argument(metavar="ID|last", help="A call's id, or `last`: the newest that has ended.")
    ],
    as_json: Json = False,
    config: Config = None,
) -> None:
    """One call: who, when, its way through the menu, keys (secrets as •), look-ups, handoffs, end."""
    nothing: tuple[dict[str, Any] | None, list[dict[str, Any]]] = (None, [])
    record, contacts = _read(config or ctx.obj, lambda store: _with_contacts(store, call_id), nothing)
    if record is None:
        found = (
            "no call has ended yet"
            if call_id == "last"
            else f"there is no call {call_id!r}; `ivr calls` lists them"
        )
        complain(found)
        raise typer.Exit(NOT_FOUND)
    if as_json:
        print_json({**record, "contacts": contacts} if contacts else record)
    else:
        tell(record, console(), load_settings(config or ctx.obj).var)
        tell_contacts(contacts, console(), of_call=True)


async def _with_contacts(store: SqliteStore, call_id: str) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """The record, and the contacts of its agents, oldest first."""
    record = await store.call(call_id)
    contacts = await store.contacts(call_id=record["id"]) if record is not None else []
    return record, contacts[::-1]


@calls_app.command()
def recordings(
    ctx: typer.Context,
    id: Annotated[
        str, typer.Argument(metavar="CALL|RECORDING|last", help="A call's id, or that of one of its recordings.")
    ],
    mix: Annotated[
        Path | None,
        typer.Option(help="Write the conversation as one WAV file: the caller left, the others right."),
    ] = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Paths of what was recorded: of a whole call, or of the recording with this id."""
    config = config or ctx.obj
    nothing: dict[str, Any] | None = None
    record = _read(config, lambda store: store.call(call_of(id)), nothing)
    found = recordings_of(record, load_settings(config).var) if record else []
    whole = record is not None and id in ("last", record["id"])
    wanted = [one for one in found if whole or one["id"] == id]
    if not wanted:
        if whole and record is not None:
            none: list[dict[str, Any]] = []
            newest = _read(config, lambda store: store.calls(LOOKED_THROUGH), none)
            complain(nothing_recorded(record["id"], newest, load_settings(config).var, is_last=id == "last"))
        else:
            complain(f"nothing is recorded as {id!r}; `ivr calls show CALL` lists what there is")
        raise typer.Exit(NOT_FOUND)
    if mix is not None:
        print(f"{write_mix(found, mix):.1f} s written to {mix}")
    elif as_json:
        print_json(wanted)
    elif not print_paths(wanted):
        raise typer.Exit(NOT_FOUND)


@calls_app.command()
def callbacks(
    ctx: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    done: Annotated[
        str, typer.Option("--done", metavar="CALL", help="You have rung who was promised it in this call.")
    ] = "",
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Who is still to be called back, the oldest first: by the engine, or by you."""
    config = config or ctx.obj
    if done:
        strike(lambda work: _read(config, work, 0), done)
        return
    nothing: list[Callback] = []
    noted = _read(config, lambda store: store.callbacks(), nothing)
    tell_callbacks([one for one in noted if everything or not one.outcome], as_json=as_json, all_=everything)


# --- a store that is not there yet holds no calls: reading makes none ------------------------------


def _read(config: Path | None, work: Callable[[SqliteStore], Awaitable[T]], nothing: T) -> T:
    if not load_settings(config).store.path.exists():
        return nothing
    return with_store(config, work, create=False)
