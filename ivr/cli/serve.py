"""`ivr serve`: the engine in the foreground."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ivr.cli.tables import cell
from ivr.config import HostPort, Settings, load_settings
from ivr.engine.engine import Engine, Listening
from ivr.engine.logs import set_up_logs
from ivr.engine.memory import settle
from ivr.engine.outside_lines import outside_lines
from ivr.engine.shelf import live_menu
from ivr.errors import MenuError, Problem
from ivr.net.routes import local_address_towards
from ivr.store.samples import sample_pins
from ivr.store.sqlite import SqliteStore

UNPUBLISHED = "as the folder is now; ivr publish makes it a version to go back to"
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
OUTSIDE = {"0.0.0.0": "192.0.2.1", "::": "2001:db8::1"}
"""Addresses of documentation (RFC 5737, 3849): nothing is sent there, they only select the outward interface."""


def serve(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Settings file; else IVR_CONFIG, else ivr.toml.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Serve drafts too: reload the menu folder at each save; dial `draft`.")
    ] = False,
) -> None:
    """Answer calls until Ctrl-C.

    Makes the run-time folder, the customer store and the prompts when they are missing. Live calls are hung
    up properly at the end. A mistake in settings or menu, an emergency line that no `dial` lists, or an
    address that is taken, ends with code 2.
    """
    settings = load_settings(config)
    lines = outside_lines(settings, [live_menu(settings)])
    if lines.mistakes:
        raise MenuError(lines.mistakes)
    set_up_logs(settings.log)
    asyncio.run(_serve(settings, watch, lines.remarks))


async def _serve(settings: Settings, watch: bool, remarks: list[Problem]) -> None:
    console = Console(stderr=False)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    fresh = not settings.store.path.exists()
    engine = Engine(settings, watch=watch, tell=lambda message: console.print(cell(message)))
    starting = asyncio.create_task(_start(engine, console))
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.wait([starting, waiting], return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.wait([starting])
        return
    listening = starting.result()
    samples = await _samples(engine.store)
    console.print(_table(settings, listening, samples, fresh, watch))
    for problem in listening.unreadable:
        console.print(cell(f"{problem}; until then the synthetic voice says it"), style="yellow")
    for remark in remarks:
        console.print(cell(f"note: {remark}"), style="yellow")
    try:
        await waiting
    finally:
        console.print("\nStopping: live calls are hung up.")
        await engine.stop()


async def _start(engine: Engine, console: Console) -> Listening:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # Log lines go above the bar where both are on one terminal, and to where standard error goes otherwise.
    shared = sys.stderr.isatty()
    with Progress(*columns, console=console, transient=True, redirect_stderr=shared) as progress:
        task = progress.add_task("Prompts", total=None)

        def on_progress(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        listening = await engine.start(on_progress)
    settle()
    return listening


def _table(settings: Settings, listening: Listening, samples: list[str], fresh: bool, watch: bool) -> Table:
    """What a person needs in order to call. PINs of the samples go to this table and nowhere else."""
    host = ANYWHERE.get(listening.sip.host, listening.sip.host)
    table = Table(show_header=False, box=None, pad_edge=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column()
    for number, row in enumerate(_dialled(settings, listening)):
        table.add_row("" if number else "Dial", row)
    table.add_row("HTTP", f"http://{listening.http}   ICI at /ici, health at /health")
    table.add_row("Menu", listening.menu + ("" if listening.published else f"   {UNPUBLISHED}"))
    if watch:
        table.add_row(
            "Draft", f"sip:draft@{HostPort(host, listening.sip.port)}   {settings.menu.folder}, at each save"
        )
    table.add_row("Prompts", f"{listening.rendered} rendered now, {listening.cached} from the cache")
    table.add_row("Speech", listening.hearing)
    for number, sample in enumerate(samples):
        table.add_row("Sample accounts" if number == 0 else "", sample)
    for number, agent in enumerate(settings.agents):
        line = f"{agent.id}  {agent.name or agent.id}  {', '.join(agent.skills)}  {agent.phone}"
        table.add_row("Agents" if number == 0 else "", line)
    if settings.agents:
        table.add_row("", f"be one: ivr agent {settings.agents[0].id}   (with a softphone at that address)")
    table.add_row("Store", f"{settings.store.path}" + ("   (made now, with sample customers)" if fresh else ""))
    return table


def _dialled(settings: Settings, listening: Listening) -> Iterator[str]:
    """Every address that can be called, with by what."""
    transports = " and ".join(name for name, on in (("UDP", settings.sip.udp), ("TCP", settings.sip.tcp)) if on)
    for number, plain in enumerate(listening.plain):
        here = HostPort(ANYWHERE.get(plain.host, plain.host), plain.port)
        yield f"sip:ivr@{here}   {transports}{'' if number else ', no account needed'}"
        outward = local_address_towards(OUTSIDE[plain.host]) if plain.host in OUTSIDE else here.host
        if outward != here.host:
            yield f"sip:ivr@{HostPort(outward, plain.port)}   from other machines"
    for tls in listening.tls:
        here = HostPort(ANYWHERE.get(tls.host, tls.host), tls.port)
        yield f"sips:ivr@{here}   TLS; by the name in the certificate"


async def _samples(store: SqliteStore) -> list[str]:
    """The sample customers that are still in the store, with what one needs to play them."""
    lines = []
    there = await store.sample_accounts()
    for account, pin in sample_pins().items():
        customer = await store.customer(account) if account in there else None
        if customer is not None:
            locked = "  locked" if customer.locked_until else ""
            due = f"{customer.amount_due} due"
            lines.append(f"{account}  PIN {pin}  {customer.phone}  {customer.language}  {due}{locked}")
    return lines
