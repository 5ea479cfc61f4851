"""The measured process: a whole engine as `ivr serve` runs it. `python -m benchmarks.ici.engine CONFIG`

Beside it runs one task that fills the events up to the wanted rate, with full snapshots of agents in turn, and a
stopwatch around the event sender: from publishing to the acknowledgement of the agent's screen.
"""

from __future__ import annotations

import asyncio
import cProfile
import itertools
import os
import pstats
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.ici.child import answer, next_question
from benchmarks.ici.shares import shares
from benchmarks.ici.usage import children_of
from benchmarks.media import resident
from ivr.call.presence import user_view
from ivr.config import load_settings
from ivr.engine.engine import Engine
from ivr.engine.logs import set_up_logs
from ivr.engine.memory import settle
from ivr.ici.client import EventSender
from ivr.ici.switchboard import IciEvent, UserChanged

STEP = 0.005
"""Seconds between two looks at how many events are due."""


class Stopwatch:
    """Times of events, from `publish_all` to the acknowledgement."""

    def __init__(self, sender: EventSender) -> None:
        self._publish_all = sender.publish_all
        self.begin()
        setattr(sender, "publish_all", self.publish_all)  # noqa: B010

    def begin(self) -> None:
        self.published = 0
        self.refused = 0
        self.took: dict[str, list[float]] = {}
        self.run = getattr(self, "run", 0) + 1

    def publish_all(self, users: Iterable[str], event: IciEvent) -> dict[str, asyncio.Future[bool]]:
        began, run = time.perf_counter(), self.run
        told = self._publish_all(users, event)
        kind = type(event).__name__

        def note(done: asyncio.Future[bool]) -> None:
            if run != self.run or done.cancelled():
                return
            if done.result():
                self.took.setdefault(kind, []).append(time.perf_counter() - began)
            else:
                self.refused += 1

        for acknowledged in told.values():
            self.published += 1
            acknowledged.add_done_callback(note)
        return told


class Filler:
    """Publishes what is missing to so many events a second, and looks how late the loop is."""

    def __init__(self, engine: Engine, sender: EventSender, stopwatch: Stopwatch) -> None:
        assert engine.exchange is not None
        self._exchange = engine.exchange
        self._sender = sender
        self._stopwatch = stopwatch
        self._users = itertools.cycle([agent.id for agent in engine.settings.agents])
        self.late: list[float] = []
        self.filled = 0
        self.began = time.perf_counter()

    async def run(self, rate: float) -> None:
        sender, watch = self._sender, self._stopwatch
        self.began = due = time.perf_counter()
        while True:
            due = max(due + STEP, time.perf_counter())
            await asyncio.sleep(due - time.perf_counter())
            self.late.append(time.perf_counter() - due)
            missing = int((time.perf_counter() - self.began) * rate) - watch.published
            for user in itertools.islice(self._users, max(0, missing)):
                if sender.subscription_of(user) is not None:
                    sender.publish(user, UserChanged(user_view(self._exchange, user)))
                    self.filled += 1


class Measured:
    """Answers what is asked of the process."""

    def __init__(self, engine: Engine) -> None:
        assert engine.exchange is not None
        self._engine = engine
        self._exchange = engine.exchange
        sender = engine.exchange.rooms.publisher
        assert isinstance(sender, EventSender)
        self._sender = sender
        self._watch = Stopwatch(sender)
        self._filler = Filler(engine, sender, self._watch)
        self._filling: asyncio.Task[None] | None = None
        self._profile: cProfile.Profile | None = None

    async def serve(self) -> None:
        while question := await next_question():
            match question["ask"]:
                case "measure":
                    self._begin(question["rate"], question["profile"])
                    answer({})
                case "figures":
                    answer(self._figures())

    def _begin(self, rate: float, profile: str) -> None:
        if self._filling is not None:
            self._filling.cancel()
        self._watch.begin()
        self._filler = Filler(self._engine, self._sender, self._watch)
        self._filling = asyncio.create_task(self._filler.run(rate))
        if profile:
            self._profile = cProfile.Profile()
            self._profile.enable()

    def _figures(self) -> dict[str, Any]:
        watch, states = self._watch, [agent.state for agent in self._exchange.agents.agents()]
        if self._profile is not None:
            self._profile.disable()
            stats = pstats.Stats(self._profile, stream=sys.stderr)
            stats.sort_stats("tottime").print_stats(45)
            stats.sort_stats("cumulative").print_stats(70)
            self._profile = None
        return {
            "seconds": time.perf_counter() - self._filler.began,
            "published": watch.published,
            "filled": self._filler.filled,
            "refused": watch.refused,
            "all": shares(itertools.chain.from_iterable(watch.took.values()), 1000),
            "kinds": {kind: shares(took, 1000) for kind, took in watch.took.items()},
            "loop_late": shares(self._filler.late, 1000),
            "calls": len(self._exchange.visits),
            "handoffs": len(self._exchange.handoffs),
            "states": {str(state): states.count(state) for state in set(states)},
            "screens": len(self._sender.users()),
            "memory": resident(os.getpid()),
            "late_pops": self._exchange.late_pops,
        }


async def run(config: Path) -> None:
    settings = load_settings(config)
    set_up_logs(settings.log)
    engine = Engine(settings)
    await engine.start()
    settle()
    measured = Measured(engine)
    answer({"children": children_of(os.getpid())})
    await measured.serve()
    await engine.stop()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1])))
