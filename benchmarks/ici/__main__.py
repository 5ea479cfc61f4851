"""How fast events reach the screens of a large floor while calls are live: ``python -m benchmarks.ici``

The engine is the real one, with its media worker: 500 agents are logged on over ICI, 200 calls are live with
sound, some in the menu, some with music in a queue, the others talking to agents; five a second reach an agent,
talk and end. Events are filled up to 500 a second with snapshots of agents in turn. Then the same again while 100
screens never answer. SAP's side and all telephones are two more processes on the same machine; what they take of
it is told apart.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.ici.child import Child
from benchmarks.ici.report import report
from benchmarks.ici.site import Site
from benchmarks.ici.telephones import PICKS_UP
from benchmarks.ici.usage import Usage, is_media_worker
from benchmarks.media import processor

DIALS = 15.0
"""Calls a second at which the telephones begin."""
SETTLES = 2.0
"""Seconds from the last change to the first measured event."""
STALLS = 16.0
"""Seconds in which screens do not answer: they are given up after three tries of three seconds and a bit."""


class Run:
    """Three processes and what they told."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.folder = folder
        self.talking = min(
            options.calls, round(options.handoffs * (options.thinks + PICKS_UP + options.talk + 0.5))
        )
        listening = options.calls - self.talking
        self.in_menu, self.in_queue = listening - listening // 2, listening // 2
        self.children: list[Child] = []

    async def measure(self) -> dict[str, Any]:
        options, folder = self.options, self.folder
        site = Site(folder, agents=options.agents, calls=options.calls, prompts=options.prompts)
        engine, crm, phones = await asyncio.gather(
            self._start("engine", site.config),
            self._start("crm", site.http, options.agents),
            self._start("telephones", site.sip, options.thinks),
        )
        self.say("agents log on")
        logged_on = await crm.ask("log_on", phones=phones.ready["phones"], clicks=options.clicks)
        self.say("calls begin")
        phones.tell("listen", menu=self.in_menu, queue=self.in_queue, rate=DIALS)
        phones.tell("talk", rate=options.handoffs, talk=options.talk)
        await engine.ask("measure", rate=options.rate, profile="")
        rise = max((self.in_menu + self.in_queue) / DIALS, options.thinks + PICKS_UP + options.talk)
        await asyncio.sleep(rise + min(SETTLES, options.seconds))
        found: dict[str, Any] = {"log_on": logged_on, "machine": _machine()}
        found["live"] = await self._phase(engine, crm, phones, options.seconds, 0)
        if options.stalled:
            found["stalled"] = await self._phase(engine, crm, phones, STALLS, options.stalled)
        return found

    async def _phase(
        self, engine: Child, crm: Child, phones: Child, seconds: float, stalled: int
    ) -> dict[str, Any]:
        self.say(f"measuring for {seconds:g} s" + (f", {stalled} screens stalled" if stalled else ""))
        before = (await engine.ask("figures"))["memory"]
        crm.tell("begin", stalled=stalled)
        phones.tell("begin")
        await engine.ask("measure", rate=self.options.rate, profile="yes" if self.options.profile else "")
        pids = {"engine": engine.pid, "SAP's side": crm.pid, "telephones": phones.pid, "this process": os.getpid()}
        pids["media worker"] = next(pid for pid in engine.ready["children"] if is_media_worker(pid))
        usage = Usage(pids)
        await asyncio.sleep(seconds)
        return {
            "usage": usage.now(),
            "memory_before": before,
            "engine": await engine.ask("figures"),
            "crm": await crm.ask("figures"),
            "phones": await phones.ask("figures"),
        }

    async def _start(self, name: str, *arguments: object) -> Child:
        self.say(f"{name} starts")
        child = await Child.start(f"benchmarks.ici.{name}", *arguments, log=self.folder / f"{name}.log")
        self.children.append(child)
        return child

    async def stop(self) -> None:
        await asyncio.gather(*(child.stop() for child in self.children))

    def say(self, what: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{what}", end="", flush=True, file=sys.stderr)


def _machine() -> str:
    return (
        f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )


async def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    measured = Run(options, folder)
    try:
        return await measured.measure()
    finally:
        await measured.stop()
        measured.say("")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ici", description="ICI beside live calls.")
    parser.add_argument("--seconds", type=float, default=25.0, help="measured (25)")
    parser.add_argument("--calls", type=int, default=200, help="live at once (200)")
    parser.add_argument("--agents", type=int, default=500, help="logged on (500)")
    parser.add_argument("--rate", type=float, default=500.0, help="events a second in all (500)")
    parser.add_argument("--handoffs", type=float, default=5.0, help="a second (5)")
    parser.add_argument("--talk", type=float, default=12.0, help="seconds that caller and agent talk (12)")
    parser.add_argument("--clicks", type=float, default=10.0, help="changes of work modes a second, besides (10)")
    parser.add_argument("--stalled", type=int, default=100, help="screens that stall in a phase of its own (100)")
    parser.add_argument("--thinks", type=float, default=2.0, help="seconds until a caller presses the key (2)")
    parser.add_argument("--profile", action="store_true", help="write a profile of the engine into its log")
    parser.add_argument("--prompts", type=Path, help="a folder of rendered prompts to share")
    parser.add_argument("--keep", type=Path, help="keep settings, store and logs in this new folder")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ivr-bench-") as made:
        folder = options.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            found = asyncio.run(run(options, folder))
        except (RuntimeError, TimeoutError) as why:
            print(f"it could not run: {why or 'no answer in time'}", file=sys.stderr)
            return 1
    print("\n".join(report(options, found)))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
