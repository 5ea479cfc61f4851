"""`ivr status`: how a running engine stands."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ivr.cli.tables import cell, complain, console, print_json, short, table
from ivr.config import HostPort, load_settings

ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
PATIENCE = 5.0
"""Seconds the engine has to answer."""
NOBODY_THERE = 3
NOT_READY = 1
MOST = 1 << 22
"""Octets of an answer that are read."""

KEPT_OUT = {
    "scanner": "of scanners",
    "rate": "calls beyond calls_per_second",
    "source_rate": "calls beyond source_calls_per_second",
    "source_calls": "calls beyond source_calls",
    "full": "calls with all lines taken",
    "requests": "other requests beyond their rate",
    "unanswered": "without an answer",
    "unread": "unread",
    "connections_refused": "connections",
    "connections_too_slow": "slow connections",
    "emergency": "emergency calls let in all the same",
}
"""What `/health` counts under ``guard``, in the words of ``[guard]`` in ivr.toml."""


LOST = ("abandoned", "overflow", "unreached")
"""Of a queue's figures: gave up, were sent away, or were rung in vain. Who met closed doors is none of them."""


def status(
    url: Annotated[
        str, typer.Option(help="Where the engine's HTTP is; else http.listen of the settings.", show_default=False)
    ] = "",
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Settings file; else IVR_CONFIG, else ivr.toml.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The engine's own document, for programs.")] = False,
) -> None:
    """Show how a running engine stands: calls, registrations with trunks, telephones, agents, queues.

    Asks the engine over HTTP. Code 0 when it takes calls, 1 when it does not (starting or stopping), 3 when nobody
    answers.
    """
    where = (url or f"http://{_local(load_settings(config).http.listen)}").rstrip("/") + "/health"
    try:
        document = fetch(where)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        complain(
            f"no engine answers at {where}: {reason}; start one with `ivr serve`, or name its address with --url"
        )
        raise typer.Exit(NOBODY_THERE) from error
    if as_json:
        print_json(document)
    else:
        show(document, console())
    if not document.get("accepting"):
        raise typer.Exit(NOT_READY)


def _local(listen: HostPort) -> HostPort:
    return HostPort(ANYWHERE.get(listen.host, listen.host), listen.port)


def fetch(url: str) -> dict[str, Any]:
    """Raises OSError when nobody answers, ValueError for an answer that is no such document."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # what is asked for is near
    try:
        with opener.open(url, timeout=PATIENCE) as answer:
            text = answer.read(MOST)
    except urllib.error.HTTPError as error:
        if error.code != 503:  # which it says while it starts and stops, with the document all the same
            raise OSError(f"it says {error.code} {error.reason}") from error
        text = error.read(MOST)
    document = json.loads(text)
    if not isinstance(document, dict) or "accepting" not in document:
        raise ValueError("what answers there is no engine")
    return document


def show(document: dict[str, Any], out: Console) -> None:
    """For people, in 80 columns."""
    calls = document.get("calls", {})
    ready = "takes calls" if document["accepting"] else "takes no calls: it is starting or stopping"
    out.print(cell(f"ivr {document.get('version', '')} {ready}, menu {document.get('menu', '')}"))
    counts = (
        f"{calls.get('now', 0)} calls now, {calls.get('total', 0)} since start, {calls.get('refused', 0)} refused"
    )
    out.print(cell(f"{counts}; {_guesses(document)}"))
    if kept_out := _kept_out(document.get("guard", {})):
        out.print(cell(f"kept out: {kept_out}"))
    _trunks(document.get("trunks", {}), out)
    _telephones(document.get("telephones", {}), out)
    _agents(document.get("agents", {}), out)
    _queues(document.get("queues", {}), out)


def _guesses(document: dict[str, Any]) -> str:
    sip = document.get("sip", {})
    wrong, dropped = sip.get("authentication_failed", 0), sip.get("authentication_dropped", 0)
    return f"{wrong} wrong passwords, {dropped} ignored"


def _kept_out(guard: dict[str, Any]) -> str:
    """What the guard has refused or dropped since the start, by limit; empty when it had nothing to do."""
    return ", ".join(f"{guard[name]} {words}" for name, words in KEPT_OUT.items() if guard.get(name))


def _trunks(trunks: dict[str, Any], out: Console) -> None:
    if not trunks:
        return
    rows = table("Trunk", "State", "At", "Next", "Last answer", right=("Next",))
    for name, trunk in trunks.items():
        due = trunk.get("next", trunk.get("asked_next"))
        next_in = "" if due is None else f"{due:.0f} s"
        at = trunk.get("at") or trunk.get("asked_at", "")
        rows.add_row(cell(name), cell(_state(trunk)), cell(at), next_in, cell(_answer(trunk)))
    out.print("")
    out.print(rows)


def _state(trunk: dict[str, Any]) -> str:
    """A binding may outlive the refresh that fails."""
    state = str(trunk.get("state", ""))
    if trunk.get("bound") and state == "waiting":
        state = f"{state}, still bound"
    reachable, since = trunk.get("reachable"), trunk.get("since")
    if reachable is None or not since:
        return state
    told = f"reachable since {since[11:19]}" if reachable else f"not reachable since {since[11:19]}"
    return told if state == "not registering" else f"{state}, {told}"


def _answer(trunk: dict[str, Any]) -> str:
    last = trunk.get("last") or trunk.get("asked")
    said = f"{last['status']} {last['phrase']} at {last['at'][11:19]} UTC" if last else ""
    return ", ".join(filter(None, (said, trunk.get("why", ""), trunk.get("unasked_why", ""))))


def _telephones(telephones: dict[str, Any], out: Console) -> None:
    out.print("")
    if not telephones:
        out.print("No telephone is registered.")
        return
    rows = table("Telephone", "Contact", "From", "Ends in", right=("Ends in",))
    for user, contacts in telephones.items():
        for number, one in enumerate(contacts):
            ends = f"{one.get('expires', 0)} s"
            rows.add_row(cell("" if number else user), short(one.get("contact")), cell(one.get("from")), ends)
    out.print(rows)


def _agents(agents: dict[str, Any], out: Console) -> None:
    rows = table("Agent", "State", "Presence", "Telephone")
    for name, agent in agents.items():
        state = f"{agent.get('state', '')} ({agent['reason']})" if agent.get("reason") else agent.get("state", "")
        phone = "" if agent.get("phone", True) else "not registered"
        rows.add_row(cell(name), cell(state), cell(agent.get("presence")), phone)
    if agents:
        out.print("")
        out.print(rows)


def _queues(queues: dict[str, Any], out: Console) -> None:
    """What is now, and what became of today's callers; see [routing] answer_within for what is in time."""
    counts = ("Waiting", "Longest", "Callbacks", "Taken", "In time", "Lost")
    rows = table("Queue", "Staffed", *counts, right=counts)
    for name, queue in queues.items():
        staffed = {True: "yes", False: "no"}.get(queue.get("staffed"), "")
        today = queue.get("today", {})
        level = today.get("service_level")
        rows.add_row(
            cell(name),
            staffed,
            str(queue.get("waiting", 0)),
            f"{queue.get('longest_wait', 0):.0f} s",
            str(queue.get("callbacks", 0)),
            str(today.get("answered", 0)),
            "" if level is None else f"{level:.0f} %",
            str(sum(today.get(name, 0) for name in LOST)),
        )
    if queues:
        out.print("")
        out.print(rows)
