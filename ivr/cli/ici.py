"""`ivr ici`: the interface to SAP CRM, looked at from outside."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from ivr.cli.agent import local_url
from ivr.cli.customers import Config, Json
from ivr.cli.tables import cell, complain, console, print_json, table
from ivr.config import load_settings
from ivr.errors import IvrError
from ivr.ici.dialect import load
from ivr.testing.ici_conformance import Conformance, Finding
from ivr.testing.ici_learn import learn_dialect
from ivr.testing.ici_points import POINTS
from ivr.testing.ici_replay import Replayed, replay_trace
from ivr.testing.ici_tls import context_for
from ivr.testing.ici_trace import Heard, read_trace

DIFFERENT = 1

ici_app = typer.Typer(
    no_args_is_help=True,
    help="The interface to SAP CRM (ICI): check an endpoint, learn a dialect from a trace, play a trace again.",
)
Dialect = Annotated[
    str, typer.Option(help="Name of a dialect, or a .yaml file; else ici.dialect of the settings.")
]
Authority = Annotated[
    Path | None,
    typer.Option(
        help="PEM file with the authority of an https endpoint's certificate; else the system's are believed."
    ),
]
Shown = Annotated[Path | None, typer.Option(help="PEM file with a certificate to show to an https endpoint.")]
Key = Annotated[Path | None, typer.Option(help="PEM file with the key of --cert, if it is not in there.")]


@ici_app.command()
def conform(
    url: Annotated[
        str,
        typer.Argument(help="Base address of an ICI, such as http://127.0.0.1:8080/ici; else our own engine's."),
    ] = "",
    user: Annotated[str, typer.Option(help="An agent who may be logged on and off for this.")] = "desk1",
    password: Annotated[str, typer.Option(help="The agent's password; - asks for it.", show_default=False)] = "",
    workcenter: Annotated[
        str, typer.Option(help="The agent's telephone, a SIP address; else the one the endpoint knows.")
    ] = "",
    dialect: Dialect = "",
    callback_host: Annotated[
        str, typer.Option(help="Address of this machine that events are posted to.")
    ] = "127.0.0.1",
    call: Annotated[
        float,
        typer.Option(help="Seconds to wait for a call; dial the engine meanwhile. 0: without a call.", min=0),
    ] = 0.0,
    ca: Authority = None,
    cert: Shown = None,
    key: Key = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Check any ICI endpoint against what SAP's side relies on.

    Logs the agent on, listens to events, tries what is allowed and what is not, and logs off again. Do not take an
    agent who is at work. Code 1 when a point fails, 2 when there is no endpoint of this dialect or it does not let
    the agent in.
    """
    settings = load_settings(config)
    url = url or local_url(settings.http.listen)
    tls = context_for(url, ca=ca, cert=cert, key=key)
    if password == "-":
        password = typer.prompt("Password", hide_input=True, err=True)
    run = Conformance(
        url,
        user,
        password=password,
        dialect=dialect or settings.ici.dialect,
        workcenter=workcenter,
        callback_host=callback_host,
        wait_for_call=call,
        tls=tls,
    )
    findings = asyncio.run(run.run(POINTS))
    if as_json:
        print_json([finding.document() for finding in findings])
    else:
        _tell(findings)
    if any(finding.verdict == "fails" for finding in findings):
        raise typer.Exit(DIFFERENT)


def _tell(findings: list[Finding]) -> None:
    out = console()
    shown = table("", "what", "seen", whole=("",))
    for finding in findings:
        shown.add_row(cell(finding.verdict), cell(finding.title), cell(finding.seen))
    out.print(shown)
    counts = {
        verdict: sum(one.verdict == verdict for one in findings) for verdict in ("holds", "fails", "not tried")
    }
    print("\n" + ", ".join(f"{number} {verdict}" for verdict, number in counts.items() if number))
    print("Reconstructed from public sources: this compares with them, not with SAP CRM.")


@ici_app.command()
def learn(
    traces: Annotated[
        list[Path], typer.Argument(help="Files with captured envelopes, or WSDLs.", show_default=False)
    ],
    base: Annotated[str, typer.Option(help="The dialect to start from.")] = "default",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; else the draft is printed.")
    ] = None,
) -> None:
    """Draft a dialect from a captured trace or a WSDL, and list everything that no name of ours fits.

    The draft says only what is different from the dialect it starts from, as most envelopes have it; what a few
    say otherwise is listed, too. Look through it, then name it with ici.dialect.
    """
    heard = [one for trace in traces for one in _heard(trace)]
    lesson = learn_dialect(heard, base=base, name=traces[0].stem)
    if output is None:
        print(lesson.text(), end="")
    else:
        try:
            output.write_text(lesson.text(), encoding="utf-8")
        except OSError as error:
            raise IvrError(f"{output} cannot be written: {error.strerror}; name another file with -o") from error
    complain(
        f"{len(heard)} envelopes, {lesson.understood} understood, {len(lesson.unknown)} things unknown, "
        f"{len(lesson.guessed)} guessed, {len(lesson.strays)} otherwise than most"
    )
    for remark in lesson.remarks if output is not None else ():
        complain(remark)


@ici_app.command()
def replay(
    trace: Annotated[Path, typer.Argument(help="A file with captured envelopes.", show_default=False)],
    url: Annotated[str, typer.Argument(help="Base address of an ICI; else our own engine's.")] = "",
    dialect: Dialect = "",
    password: Annotated[str, typer.Option(help="The agents' password; - asks for it.", show_default=False)] = "",
    call: Annotated[
        float,
        typer.Option(help="Seconds to wait for each call that the trace has; dial the engine meanwhile.", min=0),
    ] = 2.0,
    ca: Authority = None,
    cert: Shown = None,
    key: Key = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Play a captured trace against an endpoint: the same requests in the same order.

    Callback addresses of the trace are replaced by one of ours, and items by those that the agent has now: the
    first by the first. Code 1 when an answer has another shape than the captured one, 2 when there is no endpoint
    of this dialect.
    """
    settings = load_settings(config)
    url = url or local_url(settings.http.listen)
    tls = context_for(url, ca=ca, cert=cert, key=key)
    if password == "-":
        password = typer.prompt("Password", hide_input=True, err=True)
    spoken = load(dialect or settings.ici.dialect)
    played = asyncio.run(
        replay_trace(
            _heard(trace),
            url,
            spoken,
            password=password,
            wait_for_call=call,
            tls=tls,
        )
    )
    if not played:
        raise IvrError(
            f"{trace}: no request in it is one of the dialect {spoken.name}; `ivr ici learn` drafts another"
        )
    if as_json:
        print_json([one.document() for one in played])
    else:
        _tell_replay(played)
    if any(one.same is False for one in played):
        raise typer.Exit(DIFFERENT)


def _tell_replay(played: list[Replayed]) -> None:
    shown = table("request", "for", "as captured", "answered")
    words = {True: "yes", False: "no", None: "–"}
    for one in played:
        why = f"{words[one.same]}: {one.why}" if one.why else words[one.same]
        shown.add_row(*map(cell, (one.operation, one.user, why, one.seen)))
    console().print(shown)


def _heard(trace: Path) -> list[Heard]:
    try:
        text = trace.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise IvrError(f"{trace} cannot be read: {error.strerror}; name a file with a trace or a WSDL") from error
    return read_trace(text, str(trace))
