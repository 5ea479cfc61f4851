"""Kill the engine at random moments while people are at work, and look whether anything acknowledged was lost.

    python -m benchmarks.soak --kills 200 --seed 7

Each life: agents change their state, take, hold, consult, transfer and drop calls over ICI and write notes,
customers dial in and have callbacks promised, a supervisor watches, a telephone registers, until SIGKILL comes at
a random moment, sometimes while the engine is still starting; before it, sometimes, to the media worker alone.
After each restart everything is looked at; the exit code is 1 when something was wrong.

What is looked at: states, work modes, queues and subscriptions of agents; subscriptions of supervisors;
registrations; items on screens; open handoffs and records; contacts with their notes; callbacks and their places;
the places of callers who waited; processes; that a new caller is served, nobody is stuck, no item has two owners.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.soak import findings
from benchmarks.soak.people import OFF, PROMISED, READY, SILENCED, Agent, Callers, met
from benchmarks.soak.site import DESKS, Site
from benchmarks.soak.watchers import Supervisor, Telephone
from ivr.testing.crm_peer import CrmPeer
from ivr.testing.phone import Answering, ScriptedPhone

EARLY = 0.35
"""Share of the kills that come while the engine starts."""
SILENT = 0.25
"""Share of the lives in which the media worker is killed before."""


class Soak:
    """One run."""

    def __init__(self, site: Site, crm: CrmPeer, seed: int) -> None:
        self.site = site
        self.crm = crm
        self.dice = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.joined: dict[str, str] = {}
        self.agents = [Agent(name, crm, random.Random(f"{seed} {name}"), self.counts) for name in DESKS]
        self.callers = Callers(site, crm, random.Random(f"{seed} callers"), self.counts)
        self.supervisor = Supervisor(site, crm, random.Random(f"{seed} supervisor"), self.counts)
        self.telephone = Telephone(site, random.Random(f"{seed} telephone"), self.counts)
        self.waited: list[str] = []
        """Numbers of callers who waited at the last kill."""

    async def run(self, kills: int) -> None:
        for agent in self.agents:
            await agent.phone.start()
        await self.site.born()
        await self.site.listening()
        number = 0
        # a run in which nobody was promised a callback has not looked whether one is kept: it goes on for a while
        while self.counts["kills"] < kills or (PROMISED not in self.counts and self.counts["kills"] < 2 * kills):
            number += 1
            await self.live(number)
        for agent in self.agents:
            await agent.phone.stop()

    async def live(self, number: int) -> None:
        """People at work, a kill, perhaps another while it starts, and a look at what is left."""
        at = self.dice.uniform(0.1, 2.0)
        people = [asyncio.create_task(agent.work()) for agent in self.agents]
        workers = (self.callers.come(), self.supervisor.work(), self.telephone.work())
        people += [asyncio.create_task(work) for work in workers]
        if self.dice.random() < SILENT:
            silent = self.dice.uniform(0.0, at)
            await asyncio.sleep(silent)
            self.counts[SILENCED] += self.site.kill_a_media_worker()
            await asyncio.sleep(at - silent)
        else:
            await asyncio.sleep(at)
        children = await self.site.killed()
        self.counts["kills"] += 1
        for task in people:
            task.cancel()
        await asyncio.wait(people)
        for task in people:
            if not task.cancelled() and (error := task.exception()):
                raise error
        await self.callers.go()
        self.waited = findings.who_waited(self.site)
        if self.dice.random() < EARLY:
            await self.site.born()
            await asyncio.sleep(self.dice.uniform(0.1, 1.2))
            children += await self.site.killed()
            self.counts["kills"] += 1
        told = self.supervisor.figures
        born = datetime.now(UTC).isoformat(timespec="milliseconds")
        await self.site.born()
        await self.site.listening()
        found = await self.look(children, born)
        found += await findings.supervisors_go_on(self.supervisor, told)
        for sentence in found:
            self.wrong.append(f"life {number}, killed after {at:.3f} s: {sentence}")
            print(f"\n{self.wrong[-1]}", flush=True, file=sys.stderr)  # a run is long
        if sys.stderr.isatty():
            kills = self.counts["kills"]
            print(f"\r{kills} kills, {len(self.wrong)} findings ", end="", flush=True, file=sys.stderr)

    async def look(self, children: list[int], born: str) -> list[str]:
        site, agents = self.site, self.agents
        found = [
            *await findings.agents_are_as_acknowledged(site, agents),
            *await findings.no_screen_shows_a_ghost(agents),
            *await findings.nothing_is_left_running(children),
            *await findings.records_are_closed(site, born),
            *await findings.contacts_are_closed(site, agents, born),
            *await findings.callbacks_are_kept(site, self.callers, self.joined),
            *findings.telephones_are_bound(site, self.telephone),
        ]
        found += await self.somebody_is_served()
        found += await findings.nobody_is_stuck(site, agents)
        found += findings.nobody_has_two_owners(self.crm)
        return found

    async def somebody_is_served(self) -> list[str]:
        """A new caller meets an agent who is ready."""
        first = self.agents[0]
        await first.choose(READY)
        await first.sign(on=True)
        if first.known.workmodes != {READY}:
            return [f"{first.name} cannot get ready: {first.known.workmodes}"]
        again, mark = self.waited[-1] if self.waited else "", self.site.log.stat().st_size
        try:
            call, number = await self.callers.dial(again)
            await call.press("1")
            await met(self.agents, number)
            await call.hang_up()
        except TimeoutError:
            return ["a caller waits although an agent is ready"]
        finally:
            await self.callers.go()
        self.counts["callers who dialled again"] += bool(again)
        return await findings.the_place_is_offered(self.site, again, mark) if again else []

    def report(self, seconds: float) -> str:
        starts = sorted(self.site.start_times)
        kills, median = self.counts.pop("kills", 0), starts[len(starts) // 2]
        lines = [f"{kills} kills in {seconds:.0f} s; half of the starts took less than {median:.2f} s"]
        lines += [f"  {count:6} {what}" for what, count in sorted(self.counts.items())]
        lines += ["nothing acknowledged was lost, nobody was stuck"] if not self.wrong else self.wrong
        return "\n".join(lines)


async def soak(kills: int, seed: int, folder: Path, prompts: Path | None) -> Soak:
    customer = ScriptedPhone("customer", answering=Answering(status=486), tcp=False)
    await customer.start()
    async with Site(folder, customer.uri, prompts) as site, CrmPeer(site.ici) as crm:
        run = Soak(site, crm, seed)
        try:
            await run.run(kills)
        finally:
            await run.callers.go()
            await customer.stop()
            for agent in run.agents:
                if agent.screen is not None and OFF not in agent.known.workmodes:
                    await agent.screen.client.close()
    return run


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how often (200)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="for the same people again")
    parser.add_argument("--prompts", type=Path, help="a folder of rendered prompts to share")
    parser.add_argument("--keep", type=Path, help="keep the site, its store and log in this new folder")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="ivr-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    print(f"seed {options.seed}, site {folder}")
    run = asyncio.run(soak(options.kills, options.seed, folder, options.prompts))
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(run.report(time.monotonic() - began))
    if not run.wrong and not options.keep:
        shutil.rmtree(folder)
    sys.exit(1 if run.wrong else 0)


if __name__ == "__main__":
    main()
