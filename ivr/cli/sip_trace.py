"""`ivr sip-trace`: what was said in SIP, as a drawing, as text, or as a capture file."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.console import Console
from rich.text import Text

from ivr.call.ladder import Ladder, Line
from ivr.call.traced import Traced, TracedCall, calls_in
from ivr.cli.customers import NOT_FOUND, Config
from ivr.cli.tables import cell, complain, console, plain, short, table
from ivr.cli.trace_client import TraceClient
from ivr.config import load_settings
from ivr.errors import IvrError
from ivr.net.pcap import Packet, PcapWriter, pcap_header
from ivr.sip.fields import host_port

LOOK_EVERY = 0.5
"""Seconds between two questions to the engine while following."""
WIDTH, WIDEST = 80, 140
STYLES = {
    "head": "bold",
    "request": "cyan",
    "answer": "green",
    "refusal": "bold red",
    "again": "yellow",
    "note": "dim",
    "faint": "dim",
}


def sip_trace(
    call: Annotated[
        str,
        typer.Argument(metavar="[CALL|last]", help="A call's id of `ivr calls`, a Call-ID, or `last`."),
    ] = "",
    number: Annotated[
        str,
        typer.Option("--number", "-n", help="Calls in which this number or user has a part."),
    ] = "",
    source: Annotated[str, typer.Option("--source", "-s", help="Calls with this numeric address.")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    text: Annotated[bool, typer.Option("--text", "-t", help="The whole messages, without a drawing.")] = False,
    pcap: Annotated[
        Path | None, typer.Option("--pcap", help="Write a capture file for Wireshark; - is standard output.")
    ] = None,
    url: Annotated[str, typer.Option(help="Where the engine's HTTP is; else http.listen of the settings.")] = "",
    config: Config = None,
) -> None:
    """What was said in SIP: a ladder of each call, with the agent's leg beside the caller's.

    Without anything, the calls there are, the newest last. Red is a refusal, yellow is said again, because no
    answer had come. The engine keeps the messages of the last while in memory (trace.kept); they are gone when it
    ends. Passwords' proofs, keys of encrypted sound and pressed keys are stars.
    """
    client = TraceClient(url, load_settings(config).http.listen)
    if call == "last":
        calls = calls_in(client.read(number=number, source=source))
        if not calls:
            _nothing("no call is kept")
        call, number, source = calls[-1].group, "", ""
    client.choose(call=call, number=number, source=source)
    messages = client.read()
    chosen = bool(call or number or source)
    if chosen and not messages and not follow:
        _nothing("nothing kept fits; `ivr sip-trace` lists the calls there are, `ivr calls` those of the record")
    if pcap is not None:
        _write(pcap, client, messages, follow)
    elif text:
        for message in _all(client, messages, follow):
            _print_text(message)
    elif follow:
        _follow(client, messages, one_call=bool(call))
    elif chosen:
        _draw(messages)
    else:
        _list(messages)


def _nothing(why: str) -> None:
    complain(why)
    raise typer.Exit(NOT_FOUND)


def _all(client: TraceClient, messages: list[Traced], follow: bool) -> Iterator[Traced]:
    """What there is, and what comes."""
    yield from messages
    while follow:
        try:
            time.sleep(LOOK_EVERY)
            yield from client.read()
        except KeyboardInterrupt:
            return


# --- drawings


def _screen() -> tuple[Console, int]:
    screen = console()
    return screen, min(screen.width, WIDEST) if sys.stdout.isatty() else WIDTH


def _show(screen: Console, line: Line) -> None:
    screen.print(Text(plain(line.text), style=STYLES[line.kind]), soft_wrap=True)


def _draw(messages: list[Traced]) -> None:
    screen, width = _screen()
    calls: dict[str, TracedCall] = {}
    for message in messages:
        calls.setdefault(message.group, TracedCall(message.group)).messages.append(message)
    for number, one in enumerate(calls.values()):
        if number:
            print()
        _title(screen, one)
        ladder = Ladder(width)
        ladder.expect(one.messages)
        for message in one.messages:
            for line in ladder.draw(message):
                _show(screen, line)


def _title(screen: Console, call: TracedCall) -> None:
    began = f"{call.messages[0].at:%Y-%m-%d %H:%M:%S} UTC"
    screen.print(Text(plain(f"{call.group}  {began}  {call.outcome}".rstrip()), style="bold"), soft_wrap=True)


def _follow(client: TraceClient, messages: list[Traced], *, one_call: bool) -> None:
    """One call grows as a ladder; of many, a line for each message."""
    screen, width = _screen()
    ladder = Ladder(width)
    ladder.expect(messages)
    if not one_call:
        messages = messages[-20:]
        screen.print(Text("Ctrl-C ends it. `ivr sip-trace last` draws the newest call.", style="dim"))
    for message in _all(client, messages, True):
        for line in ladder.draw(message) if one_call else [_one_line(message, width)]:
            _show(screen, line)


def _one_line(message: Traced, width: int) -> Line:
    arrow = "-->" if message.received else "<--"
    start = f"{message.at:%H:%M:%S}.{message.at.microsecond // 1000:03d} {host_port(message.remote):>21} {arrow} "
    called = f" to {message.people[1]}" if message.is_request else ""
    end = f" {message.call[-6:]}" if message.call else ""
    room = max(12, width - len(start) - len(end))
    label = next((one for one in message.labels if len(one) <= room), message.labels[-1])
    label = label + called if len(label + called) <= room else label
    kind = "request" if message.is_request else "refusal" if message.is_refusal else "answer"
    return Line(f"{start}{label:<{room}}{end}".rstrip(), kind)  # type: ignore[arg-type]


def _list(messages: list[Traced]) -> None:
    screen = console()
    calls = calls_in(messages)
    if not calls:
        print("No call is kept. `ivr sip-trace --follow` shows what comes.")
        return
    shown = table("began (UTC)", "from", "to", "what became of it", "call", whole=("call",))
    for call in calls:
        invite = call.invite
        assert invite is not None
        people = [name or "-" for name in invite.people]
        shown.add_row(cell(f"{invite.at:%H:%M:%S}"), *map(short, (*people, call.outcome)), cell(call.group))
    screen.print(shown)
    others = len(messages) - sum(len(call.messages) for call in calls)
    more = f" {others} messages more belong to no call (--text has them)." if others else ""
    screen.print(Text(f"`ivr sip-trace last` draws the newest, `ivr sip-trace CALL` another.{more}", style="dim"))


# --- texts and files


def _print_text(message: Traced) -> None:
    way = "from" if message.received else "to"
    about = f" call {message.call}" if message.call else ""
    print(
        f"--- {message.at:%Y-%m-%dT%H:%M:%S.%f}Z {way} {host_port(message.remote)} by {message.transport}{about}"
    )
    for line in message.data.decode("utf-8", "replace").splitlines():
        print(plain(line))
    print(flush=True)


def _write(path: Path, client: TraceClient, messages: list[Traced], follow: bool) -> None:
    if str(path) == "-":
        _write_to(sys.stdout.buffer, client, messages, follow)
        return
    try:
        with path.open("wb") as file:
            count = _write_to(file, client, messages, follow)
    except OSError as error:
        raise IvrError(f"{path} cannot be written: {error.strerror}; name another file") from error
    print(f"{path}: {count} messages.", file=sys.stderr)


def _write_to(file: BinaryIO, client: TraceClient, messages: list[Traced], follow: bool) -> int:
    writer, count = PcapWriter(), 0
    file.write(pcap_header())
    for message in _all(client, messages, follow):
        ends = (message.remote, message.local) if message.received else (message.local, message.remote)
        packet = Packet(message.at.timestamp(), *ends, message.transport != "udp", message.data)
        file.write(writer.encode(packet))
        file.flush()
        count += 1
    return count
