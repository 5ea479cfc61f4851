"""`ivr call`: the scripted phone on the command line."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import ssl
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ivr.call.keys import MASK
from ivr.errors import IvrError
from ivr.media.g711 import Samples
from ivr.media.telephone_event import KEYS
from ivr.media.wav import read_wav
from ivr.net.resolve import resolve
from ivr.net.tls import Certificates
from ivr.net.unproved import look_at, why_unproved
from ivr.sip.address import parse_sip_address
from ivr.sip.events import NO_ANSWER, NO_CONNECTION
from ivr.testing.phone import PhoneCall, ScriptedPhone

PAUSES = {" ": 1.0, ",": 3.0}
"""Seconds of the marks between keys."""
FIRST_KEY_WAIT = 5.0
"""Seconds the first key waits for something to be heard."""
GOODBYE_WAIT = 3.0
"""Seconds the other side has to answer our BYE."""
ANSWERED, NOT_ANSWERED, NOBODY_THERE = 0, 1, 3


def call(
    target: Annotated[str, typer.Argument(metavar="SIP-ADDRESS", help="Whom to dial: sip:user@host[:port].")],
    wav: Annotated[
        Path | None,
        typer.Option("--wav", help="Say this file (WAV, 8 kHz, mono, 16 bit) once something is heard."),
    ] = None,
    keys: Annotated[
        str,
        typer.Option(
            "--keys",
            help="Keys to press, 0-9 * # A-D, once something is heard. A blank waits 1 second, a comma 3.",
        ),
    ] = "",
    record: Annotated[Path | None, typer.Option("--record", help="Write what was heard to this WAV file.")] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", help="Hang up so many seconds after the answer.", min=0.1)
    ] = None,
    caller: Annotated[str, typer.Option("--from", help="Our number or name.")] = "ivr-phone",
    ca: Annotated[
        Path | None,
        typer.Option(
            "--ca", help="Over TLS (sips:, ;transport=tls) believe who signed this PEM file's certificates."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Report as one JSON object.")] = False,
) -> None:
    """Dial any SIP address, speak, press keys, record, and report what happened.

    Without --seconds the call ends when the other side hangs up, or 3 seconds after all was said and pressed; with
    ^C, or when it is terminated, at once and properly.
    Keys are never shown: a PIN may be among them. Exit code 0: answered; 1: refused; 2: bad input; 3: nobody
    there.
    """
    parse_sip_address(target)
    unknown = sorted({key for key in keys.upper() if key not in KEYS and key not in PAUSES})
    if unknown:
        raise IvrError(f"--keys has {unknown[0]!r}; keys are 0-9 * # A-D, a blank or comma waits")
    sound = read_wav(wav) if wav else None
    if record is not None and not record.absolute().parent.is_dir():
        raise IvrError(f"--record: there is no folder {record.parent}; make it, or name another file")
    report = asyncio.run(_call(target, caller, sound, keys.upper(), record, seconds, ca))
    if as_json:
        print(json.dumps(report), flush=True)
    else:
        _show(report)
    raise typer.Exit(report["exit"])


async def _call(
    target: str,
    caller: str,
    sound: Samples | None,
    keys: str,
    record: Path | None,
    seconds: float | None,
    ca: Path | None = None,
) -> dict[str, Any]:
    address, certificates, stopping = parse_sip_address(target), _believed(ca), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    try:
        host = await resolve(address.host)
        phone = ScriptedPhone(caller, local_host="::" if ":" in host else "0.0.0.0", certificates=certificates)
        await phone.start()
    except OSError as error:
        return {"target": target, "answered": False, "status": 0, "phrase": str(error), "exit": NOBODY_THERE}
    try:
        try:
            live = await phone.dial(target, wait=False)
            await _before(live.decided(), stopping)
        except OSError as error:
            return {"target": target, "answered": False, "status": 0, "phrase": str(error), "exit": NOBODY_THERE}
        why = ""
        if live.phrase == NO_CONNECTION and address.transport == "tls":
            why = await _why_not_proved(phone, (host, address.port), address.host, ca)
        if live.answered:
            await _talk(live, sound, keys, seconds, stopping)
        elif stopping.is_set():
            await _give_up(live)
        if record is not None and live.answered:
            try:
                live.save(record)
            except OSError as error:
                raise IvrError(f"--record: cannot write {record}: {error.strerror or error}") from error
        return _report(target, live, keys, record) | ({"why": why} if why else {})
    finally:
        await phone.stop()


def _believed(ca: Path | None) -> Certificates | None:
    try:
        return Certificates(ca=ca) if ca is not None else None
    except OSError as error:  # ssl.SSLError is one
        raise IvrError(
            f"--ca: {ca} cannot be used ({error.strerror or error}); "
            "a PEM file with the certificate of who signed the other side's is needed"
        ) from error


async def _why_not_proved(phone: ScriptedPhone, remote: tuple[str, int], host: str, ca: Path | None) -> str:
    """What was wrong with the other side's certificate, and what to do; empty when that was not it."""
    error = phone.signalling.not_opened
    if error is None:
        return ""
    shown = await look_at(remote, host) if isinstance(error, ssl.SSLCertVerificationError) else None
    return why_unproved(error, shown, host, f"those in {ca}" if ca else "the system's")


async def _before(work: Awaitable[object], stopping: asyncio.Event) -> None:
    """Until that is done, or somebody wants an end of it."""
    doing, told = asyncio.ensure_future(work), asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait([doing, told], return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()
    finally:
        doing.cancel()
        told.cancel()


async def _give_up(live: PhoneCall) -> None:
    """CANCEL, or BYE, and a moment for the answer."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GOODBYE_WAIT):
            await live.hang_up()


async def _talk(
    live: PhoneCall, sound: Samples | None, keys: str, seconds: float | None, stopping: asyncio.Event
) -> None:
    """Say and press what there is, then wait for the end; a limit in seconds, or a signal, cuts it short."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await _before(_conversation(live, sound, keys, seconds), stopping)
    if not live.is_over:
        await _give_up(live)


async def _conversation(live: PhoneCall, sound: Samples | None, keys: str, seconds: float | None) -> None:
    script = asyncio.create_task(_script(live, sound, keys))
    over = asyncio.create_task(live.ended())
    try:
        await asyncio.wait([script, over], return_when=asyncio.FIRST_COMPLETED)
        if script.done():
            script.result()
            async with asyncio.timeout(3.0 if seconds is None else None):
                await over
    finally:
        script.cancel()
        over.cancel()


async def _script(live: PhoneCall, sound: Samples | None, keys: str) -> None:
    if sound is None and not keys:
        return
    try:
        await live.wait_for_sound(FIRST_KEY_WAIT)
    except TimeoutError:
        pass  # a silent line is told to as well
    for key in keys:
        if key in PAUSES:
            await asyncio.sleep(PAUSES[key])
        else:
            await live.press(key)
    if sound is not None:
        await live.play(sound)


def _report(target: str, live: PhoneCall, keys: str, record: Path | None) -> dict[str, Any]:
    begun = live.timeline["dialled"]
    first = live.sound.first_sound

    def since(name: str) -> float | None:
        return round(live.timeline[name] - begun, 3) if name in live.timeline else None

    answered, ended = since("answered"), since("ended")
    nobody = live.phrase in (NO_ANSWER, NO_CONNECTION)
    pressed = "".join(MASK for key in keys if key not in PAUSES)
    reception = live.sound.reception
    return {
        "target": target,
        "answered": live.answered,
        "status": live.status,
        "phrase": live.phrase,
        "ringing": since("ringing"),
        "answer": answered,
        "first_sound": round(first - begun, 3) if first else None,
        "duration": round(ended - answered, 3) if answered is not None and ended is not None else None,
        "keys": pressed,
        "keys_heard": len(live.sound.keys),
        "packets": {
            "sent": live.sound.sent,
            "received": reception.received,
            "lost": reception.lost,
            "jitter_ms": round(reception.jitter * 1000, 2),
            "dropped": live.sound.dropped,
        },
        "codec": live.agreement.codec if live.agreement else None,
        "recording": str(record) if record and live.answered else None,
        "end": {"by": live.ended_by, "reason": live.end_reason},
        "exit": ANSWERED if live.answered else NOBODY_THERE if nobody else NOT_ANSWERED,
    }


def _show(report: dict[str, Any]) -> None:
    """The report for people."""
    if not report["answered"]:
        what = f"{report['status']} {report['phrase']}" if report["status"] else report["phrase"]
        hint = "; is the address right, and does somebody listen there?" if report["exit"] == NOBODY_THERE else ""
        if why := report.get("why"):
            what, hint = why, ""
        print(f"ivr call: {report['target']} was not answered: {what}{hint}", file=sys.stderr)
        return
    packets = report["packets"]
    rows = [
        ("answered", f"{report['status']} {report['phrase']}, {report['codec']}"),
        ("ringing after", _seconds(report["ringing"])),
        ("answer after", _seconds(report["answer"])),
        ("first sound after", _seconds(report["first_sound"])),
        ("talked", _seconds(report["duration"])),
        ("keys pressed", report["keys"] or "none"),
        ("packets", f"{packets['sent']} sent, {packets['received']} received, {packets['lost']} lost"),
        ("jitter", f"{packets['jitter_ms']} ms"),
        ("ended by", f"{report['end']['by']}: {report['end']['reason']}"),
        ("recording", report["recording"] or "none"),
    ]
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in rows:
        table.add_row(name, value)
    Console().print(table)


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.3f} s"
