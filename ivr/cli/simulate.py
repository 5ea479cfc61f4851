"""`ivr simulate`: how a day would go with these queues, agents and rules."""

from __future__ import annotations

from itertools import cycle, islice
from typing import Annotated

import typer
from rich.console import Console

from ivr.agents.figures import QueueFigures
from ivr.call.queues import queue_rules
from ivr.cli.customers import Config, Json
from ivr.cli.tables import console, print_json, table
from ivr.config import AgentSettings, Settings, load_settings
from ivr.errors import IvrError
from ivr.menu.load import load_menu
from ivr.testing.day import Day, DayPlan, Faults
from ivr.testing.day_report import DayReport, clock


def simulate(
    menu: Annotated[str, typer.Argument(help="Menu whose queues are used; the default one if left out.")] = "",
    calls: Annotated[
        int, typer.Option("--calls", "-n", help="Callers who ask for a person.", min=1, max=50_000)
    ] = 300,
    agents: Annotated[
        int, typer.Option("--agents", "-a", help="How many agents; the settings' skills in turn.", min=0, max=1000)
    ] = 0,
    talk: Annotated[
        float, typer.Option("--talk", help="Mean seconds of a conversation.", min=5, max=7200)
    ] = 180.0,
    patience: Annotated[
        float, typer.Option("--patience", help="Mean seconds until a caller gives up.", min=5, max=7200)
    ] = 240.0,
    opens: Annotated[
        float, typer.Option("--opens", help="Hour at which callers begin to call.", min=1, max=11)
    ] = 8.0,
    restarts: Annotated[int, typer.Option("--restarts", help="Times the engine is killed.", min=0, max=20)] = 1,
    seed: Annotated[int, typer.Option("--seed", help="Another number is another day.")] = 1,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Play a day in seconds: the real routing, invented callers, and the usual accidents.

    Twelve hours with a hump before noon and one after. Telephones nobody answers, screens that die, agents who go
    to lunch or log off while it rings, an engine that is killed. Tells by half hour what a supervisor looks at, so
    that staffing, strategies and skills can be tried before a caller is.
    """
    settings = load_settings(config)
    loaded = load_menu(menu or settings.menu.default, settings.menu.folder)
    people = _people(settings, agents)
    plan = DayPlan(calls, opens, talk, patience, faults=Faults(restarts=restarts), seed=seed)
    day = Day(plan, people, queue_rules([loaded]), settings.routing)
    report = day.run()
    if as_json:
        print_json({"agents": len(people), "seed": seed, "complaints": day.complaints} | report.document())
    else:
        _print(report, len(people), settings)
    for complaint in day.complaints:
        console().print(f"The floor broke its own rules: {complaint}", style="bold red")
    if day.complaints:
        raise typer.Exit(1)


def _people(settings: Settings, wanted: int) -> list[AgentSettings]:
    """The agents of the settings, or as many as wanted with their skills in turn."""
    if not settings.agents:
        raise IvrError("there are no [[agents]] in the settings; add at least one, with skills")
    if not wanted:
        return list(settings.agents)
    return [
        AgentSettings(f"agent{number}", skills=one.skills)
        for number, one in enumerate(islice(cycle(settings.agents), wanted), 1)
    ]


def _print(report: DayReport, agents: int, settings: Settings) -> None:
    screen = console()
    heads = ("calls", "taken", "in time", "wait", "longest", "gave up", "sent off", "to call")
    some = [head for head in heads if head != "longest"]  # fits 80 columns
    shown = table("from", *some, "agents", "busy", right=(*some, "agents", "busy"))
    for slot in report.slots:
        line = dict(zip(heads, _row(slot.figures), strict=True))
        at_work = (f"{slot.at_work:.0f}", f"{slot.talking:.0f} %")
        shown.add_row(clock(slot.begins), *(line[head] for head in some), *at_work)
    screen.print(shown)
    screen.print()
    cut_off = ("cut off",) if report.restarts else ()
    shown = table("queue", *heads, *cut_off, right=(*heads, *cut_off))
    for name, figures in report.queues.items():
        shown.add_row(name, *_row(figures), *(str(_without_end(figures)) for _ in cut_off))
    ends = (str(_without_end(report.total)) for _ in cut_off)
    shown.add_row("all", *_row(report.total), *ends, style="bold")
    screen.print(shown)
    screen.print()
    _tell_the_rest(report, agents, settings, screen)


def _tell_the_rest(report: DayReport, agents: int, settings: Settings, screen: Console) -> None:
    target, total = settings.routing.answer_within, report.total
    busiest = max(report.occupancy.values(), default=0.0)
    mean = sum(report.occupancy.values()) / len(report.occupancy) if report.occupancy else 0.0
    early = "none" if total.service_level_2 is None else f"{total.service_level_2:.0f} %"
    lines = [
        f"In time is within {target:g} s (routing.answer_within); with early hang-ups counted in: {early}.",
        f"{agents} agents, busy {mean:.0f} % of their time at work, the busiest {busiest:.0f} %.",
        f"Callers who wanted to be called: {report.promised}. Spoke with an agent: {report.called_back}, "
        f"not reached: {report.unreached}, still to be called: {report.still_promised}.",
    ]
    if report.honest is not None:
        lines.append(f"Of the waits announced, {report.honest:.0f} % were no longer than was said.")
    if report.restarts:
        times = "once" if report.restarts == 1 else f"{report.restarts} times"
        cut_off = report.cut_off_waiting + report.cut_off_talking
        lines.append(f"The engine was killed {times}; calls cut off by that: {cut_off}.")
    for line in lines:
        screen.print(line)


def _row(figures: QueueFigures) -> tuple[str, ...]:
    level, wait = figures.service_level, figures.mean_wait
    return (
        str(figures.joined),
        str(figures.answered),
        "" if level is None else f"{level:.0f} %",
        "" if wait is None else f"{wait:.0f} s",
        f"{figures.longest:.0f} s" if figures.answered else "",
        str(figures.abandoned),
        str(figures.overflow + figures.closed),
        str(figures.callback),
    )


def _without_end(figures: QueueFigures) -> int:
    """Callers whose wait a kill of the engine cut off: they have joined, and nothing became of them."""
    ends = (figures.answered, figures.abandoned, figures.overflow, figures.closed, figures.callback)
    return figures.joined - sum(ends)
