"""Whether a trunk is there: asked by OPTIONS again and again."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ivr.call.destination import place_of, route_of
from ivr.call.locator import Locator
from ivr.call.signalling import Signalling
from ivr.call.tasks import Tasks
from ivr.clock import Clock
from ivr.config.settings import Trunk
from ivr.errors import IvrError
from ivr.sip.events import Flow, ProbeAnswered
from ivr.sip.reachability import Ask, Reachability
from ivr.sip.upkeep import NEXT_TARGET, Locate

Commands = Sequence[Locate | Ask[Flow]]
logger = logging.getLogger(__name__)


class TrunkWatch:
    """One trunk that is asked: does what its `Reachability` says."""

    def __init__(self, trunk: Trunk, signalling: Signalling, locator: Locator, clock: Clock) -> None:
        self.trunk = trunk
        self.reachability: Reachability[Flow] = Reachability(trunk.asked_every, random.SystemRandom())
        self._signalling = signalling
        self._locator = locator
        self._clock = clock
        self._tasks = Tasks(f"watch {trunk.name}")
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._do(self.reachability.start(self._now()))

    def stop(self) -> None:
        self._tasks.cancel()
        self.reachability.stop()
        self._do([])

    def on_answer(self, event: ProbeAnswered) -> None:
        if event.status in NEXT_TARGET:
            self._locator.failed(event.flow)  # calls try the others first
        self._told(lambda now: self.reachability.answered(event.status, event.phrase, now))

    def _told(self, tell: Callable[[float], Commands]) -> None:
        before = self.reachability.is_reachable
        commands = tell(self._now())
        after = self.reachability.is_reachable
        if after is not before:
            self._log(bool(after))
        self._do(commands)

    def _log(self, reachable: bool) -> None:
        name, known = self.trunk.name, self.reachability
        said = known.why or (f"{known.last.status} {known.last.phrase}" if known.last else "")
        if reachable:
            logger.info("trunk_reachable trunk=%s at=%s said=%s", name, place_of(known.target), said)
        else:
            logger.warning("trunk_not_reachable trunk=%s at=%s said=%s", name, place_of(known.target), said)

    def _do(self, commands: Commands) -> None:
        """Carry out, and be woken when the next question is due."""
        for command in commands:
            if isinstance(command, Locate):
                self._tasks.spawn(self._locate())
            else:
                target = command.target
                flow = self._signalling.flow_to(target.remote, target.transport, target.host)
                route = route_of(self.trunk) if self.trunk.proxy else ""
                self._signalling.probe(self.trunk.name, self.trunk.domain, flow, route=route)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.reachability.deadline is not None:
            delay = max(0.0, self.reachability.deadline - self._now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._do(self.reachability.expire(self._now()))

    async def _locate(self) -> None:
        try:
            flows = await self._locator.flows(self.trunk.proxy or self.trunk.domain)
        except (OSError, IvrError) as error:
            why = str(error)
            self._told(lambda now: self.reachability.not_located(why, now))
            return
        targets = [replace(flow, connection=0) for flow in flows]
        self._told(lambda now: self.reachability.located(targets, now))

    def _now(self) -> float:
        return self._clock.monotonic()

    def document(self) -> dict[str, Any]:
        """For `/health`, beside what the registration says."""
        known, now = self.reachability, self._now()
        since = self._utc(known.since, now)
        last = known.last
        answer = {"status": last.status, "phrase": last.phrase, "at": self._utc(last.at, now)} if last else None
        return {
            "reachable": known.is_reachable,
            "since": since,
            "asked": answer,
            "asked_at": place_of(known.target),
            "asked_next": None if known.deadline is None else round(max(0.0, known.deadline - now), 1),
            "unasked_why": known.why,
        }

    def _utc(self, at: float | None, now: float) -> str | None:
        return None if at is None else (self._clock.utc() - timedelta(seconds=now - at)).isoformat()
