"""Our registrations with PBXs and carriers, kept alive."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ivr.call.destination import place_of, route_of
from ivr.call.locator import Locator
from ivr.call.signalling import Signalling
from ivr.call.tasks import Tasks
from ivr.call.trunk_watch import TrunkWatch
from ivr.clock import Clock
from ivr.config.settings import Trunk
from ivr.errors import IvrError
from ivr.sip.credentials import Credentials
from ivr.sip.events import Flow, ProbeAnswered, RegistrationAnswered, RegistrationLost
from ivr.sip.registration import Line
from ivr.sip.upkeep import Answer, Locate, Register, State, Upkeep

GOODBYE_WAIT = 2.0
"""Seconds that registrars have to answer when we take our bindings back."""
logger = logging.getLogger(__name__)
Commands = Sequence[Locate | Register[Flow]]


class TrunkLine:
    """One registration: does what its `Upkeep` says."""

    def __init__(self, trunk: Trunk, signalling: Signalling, locator: Locator, clock: Clock) -> None:
        self.trunk = trunk
        credentials = Credentials(trunk.login or trunk.user, trunk.password) if trunk.password else None
        route = route_of(trunk) if trunk.proxy else ""
        self.line = Line(trunk.name, trunk.user, trunk.registrar, credentials, route)
        self.upkeep: Upkeep[Flow] = Upkeep(trunk.expires, random.SystemRandom())
        self.over = asyncio.Event()
        self._signalling = signalling
        self._locator = locator
        self._clock = clock
        self._tasks = Tasks(f"trunk {trunk.name}")
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._do(self.upkeep.start(self._now()))

    def stop(self) -> None:
        self._tasks.cancel()
        self._do(self.upkeep.stop(self._now()))

    def on_answer(self, event: RegistrationAnswered) -> None:
        before, now = self.upkeep.state, self._now()
        commands = self.upkeep.answered(
            event.status, event.phrase, event.expires, now, retry_after=event.retry_after
        )
        self._log(before, event)
        self._do(commands)

    def on_lost(self) -> None:
        """The connection to the registrar is gone."""
        commands = self.upkeep.lost(self._now())
        name, next_state = self.trunk.name, self.upkeep.state
        logger.warning(
            "trunk_connection_lost trunk=%s at=%s next=%s", name, place_of(self.upkeep.target), next_state
        )
        self._do(commands)

    @property
    def is_down(self) -> bool:
        """Whether no binding is left, since the registrar was not there, or did not want us."""
        return self.upkeep.failures > 0 and not self.upkeep.is_bound(self._now())

    def _log(self, before: State, event: RegistrationAnswered) -> None:
        after, name, remote = self.upkeep.state, self.trunk.name, place_of(self.upkeep.target)
        if after is State.REGISTERED:
            logger.info("trunk_registered trunk=%s at=%s expires=%d", name, remote, event.expires)
        elif before is State.LEAVING:
            logger.info("trunk_left trunk=%s at=%s status=%d", name, remote, event.status)
        else:
            said = f"{event.status} {event.phrase}"
            logger.warning("trunk_not_registered trunk=%s at=%s said=%s next=%s", name, remote, said, after)

    def _do(self, commands: Commands) -> None:
        """Carry out, and be woken when the upkeep wants it."""
        for command in commands:
            if isinstance(command, Locate):
                self._tasks.spawn(self._locate())
            else:
                self._register(command)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.upkeep.deadline is not None:
            delay = max(0.0, self.upkeep.deadline - self._now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._expire)
        if self.upkeep.is_over:
            self.over.set()

    def _expire(self) -> None:
        self._timer = None
        self._do(self.upkeep.expire(self._now()))

    async def _locate(self) -> None:
        try:
            flows = await self._locator.flows(self.trunk.proxy or self.trunk.registrar)
        except (OSError, IvrError) as error:
            logger.warning("trunk_not_located trunk=%s why=%s", self.trunk.name, error)
            self._do(self.upkeep.not_located(str(error), self._now()))
            return
        # Which connection is open just now makes no difference to where the registrar is.
        self._do(self.upkeep.located([replace(flow, connection=0) for flow in flows], self._now()))

    def _register(self, command: Register[Flow]) -> None:
        target = command.target
        flow = self._signalling.flow_to(target.remote, target.transport, target.host)
        self._signalling.register(self.line, flow, expires=command.expires)

    def _now(self) -> float:
        return self._clock.monotonic()

    def _told(self, answer: Answer, now: float) -> dict[str, Any]:
        at = self._clock.utc() - timedelta(seconds=now - answer.at)
        return {"status": answer.status, "phrase": answer.phrase, "at": at.isoformat()}

    def document(self) -> dict[str, Any]:
        """For `/health`."""
        upkeep, now = self.upkeep, self._now()
        last = upkeep.last
        return {
            "state": str(upkeep.state),
            "bound": upkeep.is_bound(now),
            "registrar": self.trunk.registrar,
            "user": self.trunk.user,
            "at": place_of(upkeep.target),
            "next": None if upkeep.deadline is None else round(max(0.0, upkeep.deadline - now), 1),
            "last": self._told(last, now) if last is not None else None,
            "why": upkeep.why,
            "failures": upkeep.failures,
        }


class Trunks:
    """Every trunk of the settings; those without a registrar are only called through."""

    def __init__(self, trunks: Sequence[Trunk], signalling: Signalling, locator: Locator, clock: Clock) -> None:
        self._trunks = trunks
        self._lines = {t.name: TrunkLine(t, signalling, locator, clock) for t in trunks if t.registrar}
        self._watches = {t.name: TrunkWatch(t, signalling, locator, clock) for t in trunks if t.asked_every}

    def start(self) -> None:
        for line in self._lines.values():
            line.start()
        for watch in self._watches.values():
            watch.start()

    def takes(self, event: object) -> bool:
        """Whether the event was about a registration or a question of ours."""
        match event:
            case RegistrationAnswered(line=name) if name in self._lines:
                self._lines[name].on_answer(event)
            case RegistrationLost(line=name) if name in self._lines:
                self._lines[name].on_lost()
            case ProbeAnswered(name=name) if name in self._watches:
                self._watches[name].on_answer(event)
        return isinstance(event, (RegistrationAnswered, RegistrationLost, ProbeAnswered))

    def is_down(self, trunk: Trunk) -> bool:
        """Whether a call through it would most likely fail: nobody answers there, or we cannot register."""
        line, watch = self._lines.get(trunk.name), self._watches.get(trunk.name)
        if watch is not None and watch.reachability.is_reachable is False:
            return True
        return line is not None and line.is_down

    async def stop(self) -> None:
        """Take our bindings back, so that nobody sends calls to where nobody is."""
        for watch in self._watches.values():
            watch.stop()
        for line in self._lines.values():
            line.stop()
        try:
            async with asyncio.timeout(GOODBYE_WAIT):
                for line in self._lines.values():
                    await line.over.wait()
        except TimeoutError:
            logger.warning("trunks_not_left waited=%.0f", GOODBYE_WAIT)

    def document(self) -> dict[str, Any]:
        """For `/health`: by name."""
        return {trunk.name: self._told_of(trunk) for trunk in self._trunks}

    def _told_of(self, trunk: Trunk) -> dict[str, Any]:
        line, watch = self._lines.get(trunk.name), self._watches.get(trunk.name)
        told = line.document() if line else {"state": "not registering", "gateway": trunk.gateway}
        return told | (watch.document() if watch else {})
