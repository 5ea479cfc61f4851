"""The figures as a person reads them, and which of the targets they meet."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

DELIVERED = 250.0
"""Milliseconds in which 99 of 100 events are to be acknowledged."""
SHARE = 0.95
"""Of the wanted events, handoffs and calls that count as having come about."""
LATE = 10.0
"""Milliseconds of lateness that 99 of 100 packets are to stay below."""
GROWTH = 64.0
"""MB by which the engine may grow while screens stall."""
TOO_BUSY = 100.0
"""Milliseconds of lateness of the load itself from which on the machine was too busy to judge."""
STARVED = 30.0
"""Percent of the time that the engine waits for a core; likewise."""
Figures = dict[str, Any]


def report(options: argparse.Namespace, found: Figures) -> Iterator[str]:
    yield f"machine     {found['machine']}"
    yield (
        f"wanted      {options.agents} agents logged on, {options.calls} calls, {options.handoffs:g} handoffs/s, "
        f"{options.rate:g} events/s in all"
    )
    yield f"log-on      subscribe {_times(found['log_on']['operations'].get('subscribe'))}"
    yield from _phase("with all calls live", found["live"])
    if "stalled" in found:
        yield from _phase(f"and {options.stalled} screens that never answer", found["stalled"])
    yield ""
    yield from targets(options, found)


def targets(options: argparse.Namespace, found: Figures) -> Iterator[str]:
    """One line each: met or not."""
    live = found["live"]
    engine, phones = live["engine"], live["phones"]
    seconds = engine["seconds"]
    answered = engine["all"]["count"] / seconds
    yield _target(f"events/s {answered:.0f} of {options.rate:g}", answered >= SHARE * options.rate)
    p99 = engine["all"]["p99"]
    yield _target(f"event delivery p99 {p99:.1f} of {DELIVERED:g} ms", 0 < p99 < DELIVERED)
    handed = phones["counts"].get("met", 0) / phones["seconds"]
    yield _target(f"handoffs/s {handed:.1f} of {options.handoffs:g}", handed >= SHARE * options.handoffs)
    calls = phones["live"]["p50"]
    yield _target(f"calls live {calls:.0f} of {options.calls}", calls >= SHARE * options.calls)
    late, gaps = phones["late"]["p99"], phones["gaps"]["40.0"] + phones["relay_gaps"]["40.0"]
    paced = late < LATE and gaps == 0
    yield _target(f"pacing: lateness p99 {late:.2f} of {LATE:g} ms, {gaps} gaps over 40 ms", paced)
    if "stalled" in found:
        growth = found["stalled"]["engine"]["memory"] - found["stalled"]["memory_before"]
        yield _target(f"memory with stalled screens grew {growth:+.1f} of {GROWTH:g} MB", growth < GROWTH)
    *_, waited = live["usage"]["engine"]
    if waited > STARVED or phones["generator_late"]["p99"] > TOO_BUSY:
        yield f"the engine waited for a core {waited:.0f} % of the time: this machine was too busy to judge times"


def _target(what: str, met: bool) -> str:
    return f"{'met' if met else 'NOT MET':<8} {what}"


def _phase(name: str, figures: Figures) -> Iterator[str]:
    engine, crm, phones, used = (figures[part] for part in ("engine", "crm", "phones", "usage"))
    seconds = engine["seconds"]
    yield ""
    yield f"{name}, {seconds:.0f} s"
    under_way = engine["published"] - engine["all"]["count"] - engine["refused"]
    yield (
        f"  events    {engine['published'] / seconds:.0f}/s published, of which {engine['filled'] / seconds:.0f} "
        f"fill up; {engine['refused']} given up, {under_way} under way at the end"
    )
    yield f"  delivery  {_times(engine['all'])}"
    for kind, took in sorted(engine["kinds"].items()):
        yield f"              {kind:<24} {took['count']:>6}  {_times(took)}"
    yield (
        f"  calls     {phones['live']['p50']:.0f} live, {phones['talking']} of them with an agent at the end; "
        f"set-up {_times(phones['setup'])}"
    )
    counts = phones["counts"]
    yield (
        f"  handoffs  {counts.get('met', 0) / phones['seconds']:.1f}/s; from the key to the agent's voice "
        f"{_times(phones['reached'])}; {engine['late_pops']} before the screen"
    )
    wrong = {name: count for name, count in counts.items() if name not in ("dialled", "answered", "met", "ended")}
    yield f"              agents: {_counts(engine['states'])}"
    yield f"              oddities: {_counts(wrong | crm['faults']) or 'none'}"
    yield "  asked     by SAP's side"
    for name, took in sorted(crm["operations"].items()):
        yield f"              {name:<24} {took['count']:>6}  {_times(took)}"
    yield from _sound(phones)
    shown = ", ".join(f"{name} {percent:.0f} %" for name, (percent, *_) in used.items())
    yield f"  processor {shown}, each of one core"
    waits = ", ".join(f"{name} {percent:.0f} %" for name, (*_, percent) in used.items())
    yield f"              of the time ready to run and without a core: {waits}"
    memory = ", ".join(f"{name} {size:.0f} MB" for name, (_, size, _) in used.items())
    grown = engine["memory"] - figures["memory_before"]
    yield f"  memory    {memory}; the engine grew by {grown:+.1f} MB"
    yield f"  lateness  of the engine's loop {_times(engine['loop_late'])}"
    yield f"              of the telephones' loop {_times(phones['generator_late'])}"


def _sound(phones: Figures) -> Iterator[str]:
    yield (
        f"  sound     {phones['heard']} packets came, {phones['lost']} lost, {phones['said']} were said; "
        f"lateness {_times(phones['late'])}"
    )
    gaps, longest = phones["gaps"], phones["most"]["gap"]
    counted = f"gaps over 30 ms: {gaps['30.0']}, over 40 ms: {gaps['40.0']}"
    yield f"              {counted}, the longest {longest:.1f} ms"
    yield (
        f"              relayed: {phones['transit']['count']} took {_times(phones['transit'])}; gaps over 30 ms: "
        f"{phones['relay_gaps']['30.0']}, over 40 ms: {phones['relay_gaps']['40.0']}"
    )


def _times(took: Figures | None) -> str:
    if not took or not took["count"]:
        return "nothing to measure"
    return f"p50 {took['p50']:.1f}, p99 {took['p99']:.1f}, most {took['max']:.1f} ms"


def _counts(found: Figures) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(found.items()))
