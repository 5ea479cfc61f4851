"""`ivr serve`: the engine in the foreground."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ivr.config import Settings, load_settings
from ivr.engine.engine import Engine, Listening
from ivr.engine.logs import set_up_logs
from ivr.net.routes import local_address_towards
from ivr.store.contracts import Customers
from ivr.store.samples import sample_pins

ANYWHERE = ("0.0.0.0", "::")
OUTSIDE = "192.0.2.1"
"""An address of documentation (RFC 5737): nothing is sent there, it only selects the outward interface."""


def serve(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Settings file; else IVR_CONFIG, else ./ivr.toml.")
    ] = None,
) -> None:
    """Answer calls until Ctrl-C.

    Makes the run-time folder, the customer store and the prompts when they are missing. Live calls are hung
    up properly at the end. A mistake in settings or menu, or an address that is taken, ends with code 2.
    """
    settings = load_settings(config)
    set_up_logs(settings.log)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    console = Console(stderr=False)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    fresh = not settings.store.path.exists()
    engine = Engine(settings)
    starting = asyncio.create_task(_start(engine, console))
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.wait([starting, waiting], return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.wait([starting])
        return
    listening = starting.result()
    assert engine.exchange is not None
    samples = await _samples(engine.exchange.rooms.store)
    console.print(_table(settings, listening, samples, fresh))
    try:
        await waiting
    finally:
        console.print("\nStopping: live calls are hung up.")
        await engine.stop()


async def _start(engine: Engine, console: Console) -> Listening:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Prompts", total=None)

        def on_progress(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        return await engine.start(on_progress)


def _table(settings: Settings, listening: Listening, samples: list[str], fresh: bool) -> Table:
    """What a person needs in order to call. PINs of the samples go to this table and nowhere else."""
    host = listening.sip.host
    if host in ANYWHERE:
        host = "127.0.0.1"
    outward = local_address_towards(OUTSIDE)
    dial = f"sip:ivr@{host}:{listening.sip.port}"
    if listening.sip.host in ANYWHERE and outward not in ("127.0.0.1", "::1"):
        dial += f"   from other machines: sip:ivr@{outward}:{listening.sip.port}"
    table = Table(show_header=False, box=None, pad_edge=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column()
    table.add_row("Dial", dial + "   (UDP and TCP)" if settings.sip.udp and settings.sip.tcp else dial)
    table.add_row("HTTP", f"http://{listening.http}   ICI at /ici, health at /health")
    table.add_row("Menu", f"{listening.menu}   prompts: {listening.rendered} rendered, {listening.cached} cached")
    table.add_row("Speech", listening.hearing)
    for number, sample in enumerate(samples):
        table.add_row("Sample accounts" if number == 0 else "", sample)
    for number, agent in enumerate(settings.agents):
        skills = ", ".join(agent.skills)
        label = "Agents" if number == 0 else ""
        table.add_row(label, f"{agent.id}  {agent.name}  ({skills})  ivr agent {agent.id} --phone {agent.phone}")
    table.add_row("Store", f"{settings.store.path}" + ("   (made now, with sample customers)" if fresh else ""))
    return table


async def _samples(store: Customers) -> list[str]:
    """The sample customers that are still in the store, with what one needs to play them."""
    lines = []
    for account, pin in sample_pins().items():
        customer = await store.customer(account)
        if customer is not None:
            locked = "  locked" if customer.locked_until else ""
            due = f"{customer.amount_due} due"
            lines.append(f"{account}  PIN {pin}  {customer.phone}  {customer.language}  {due}{locked}")
    return lines
