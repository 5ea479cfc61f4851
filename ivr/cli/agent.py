"""`ivr agent`: an agent's desk in a terminal."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Annotated

import typer

from ivr.clock import SystemClock
from ivr.config import HostPort, load_settings
from ivr.config.settings import StoreSettings
from ivr.console.desk import Desk, DeskSettings
from ivr.console.desk_customers import CustomerFile
from ivr.console.desk_events import Happened
from ivr.console.desk_screen import JsonScreen, Screen, TerminalScreen
from ivr.errors import IvrError
from ivr.ici.switchboard import IciRefusal

REMEDIES = {
    "ICI-UNKNOWN-USER": "use the id of an agent in the engine's ivr.toml",
    "ICI-AUTH": "give the agent's of ivr.toml with --password (--password - asks for it)",
}
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def agent(
    agent_id: Annotated[str, typer.Argument(metavar="ID", help="Who you are: the id of an agent in ivr.toml.")],
    phone: Annotated[
        str,
        typer.Option(
            help="SIP address of your telephone, which must be running already: this desk is none. "
            "Without it, the phone of ivr.toml rings.",
            metavar="SIP-URI",
        ),
    ] = "",
    password: Annotated[
        str, typer.Option(help="Your password, if ivr.toml has one for you; - asks for it.", show_default=False)
    ] = "",
    url: Annotated[
        str, typer.Option(help="Where the engine's ICI is; else http.listen of the settings, with /ici.")
    ] = "",
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Settings file; else IVR_CONFIG, else ivr.toml.", show_default=False),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line for each event, for programs.")
    ] = False,
    auto: Annotated[
        bool,
        typer.Option(
            "--auto", help="Be ready after log-on and after wrap-up, accept every call, run without a keyboard."
        ),
    ] = False,
) -> None:
    """Take calls: see who is calling and why, accept, hold, ask colleagues, hand over, hang up, wrap up.

    Speaks ICI over HTTP, as SAP CRM would. Single keys in a terminal (r ready, n not ready, a accept, x reject,
    h hold, u retrieve, m mute, p phone somebody, c consult, g toggle, t hand over, j conference, b send away,
    o note, y what came of it, d hang up, w finish wrap-up, ? help, q quit); the same letters or words, one a line,
    from a pipe.
    Logs off at the end. Code 2 when the log-on is impossible.
    """
    settings = load_settings(config)
    if password == "-":
        password = typer.prompt("Password", hide_input=True, err=True)
    desk = DeskSettings(
        user=agent_id,
        url=(url or local_url(settings.http.listen)).rstrip("/"),
        phone=phone,
        password=password,
        dialect=settings.ici.dialect,
        auto=auto,
        wrap_up=settings.routing.wrap_up,
        colleagues=tuple(one.id for one in settings.agents if one.id != agent_id),
    )
    asyncio.run(_run(desk, settings.store, as_json))


def local_url(listen: HostPort) -> str:
    """The ICI of an engine that listens there."""
    return f"http://{HostPort(ANYWHERE.get(listen.host, listen.host), listen.port)}/ici"


async def _run(settings: DeskSettings, store: StoreSettings, as_json: bool) -> None:
    customers = CustomerFile(store.path, store.currency) if store.path.exists() else None
    screen: Screen = JsonScreen(SystemClock()) if as_json else TerminalScreen(live=True)
    known = customers if customers and not as_json else None
    desk = Desk(
        settings,
        screen,
        find_customer=known.find if known else None,
        find_contacts=known.contacts if known else None,
    )
    try:
        await desk.run()
    except IvrError as error:
        message = _why_not(settings, error)
        code = error.code if isinstance(error, IciRefusal) else None
        with contextlib.suppress(BrokenPipeError):
            screen.happened(Happened("error", None, {"message": message, "operation": "log on", "code": code}))
        raise IvrError(message) from error
    finally:
        if customers is not None:
            await customers.close()


def _why_not(settings: DeskSettings, error: IvrError) -> str:
    """One line: what was tried, what went wrong, what to do."""
    remedy = "start the engine with `ivr serve`, or name its address with --url"
    what = str(error)
    if isinstance(error, IciRefusal):
        remedy = REMEDIES.get(error.code, "")
        if error.code == "ICI-AUTH":
            what = "the password is not right" if settings.password else "a password is needed"
    line = f"agent {settings.user} cannot log on at {settings.url}: {what}" + (f"; {remedy}" if remedy else "")
    return " ".join(line.split())
