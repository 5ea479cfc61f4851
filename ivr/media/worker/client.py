"""The engine's handle on its media workers."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, overload

from ivr.config import MediaSettings
from ivr.errors import IvrError, LocalProtocolError, RemoteProtocolError, WorkerDied
from ivr.media.messages import Address, LegClosed, LegOpened, MediaEvent, PlayEnded, StreamFormat, WorkerLost
from ivr.media.telephone_event import EventSender
from ivr.media.worker.frames import Header, decode_event
from ivr.media.worker.mixing import MOST
from ivr.media.worker.ports import PortPool
from ivr.media.worker.process import WorkerProcess

log = logging.getLogger(__name__)

INTERRUPTS = ("any", "keys", "speech", "never")
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds before a dead worker is started again; doubled each time it dies young."""
YOUNG = 30.0
"""Seconds of life after which a death is no sequel of the one before."""
WITHOUT_SOUND = frozenset(
    {"remote", "away", "stop", "stop_recording", "stop_track", "unbridge", "part", "unhold", "close"}
)
"""Commands that leave a leg's sound where it is."""
START_PATIENCE = 5.0
"""Seconds that opening a leg waits for a worker that is being restarted."""


@dataclass(slots=True)
class _Leg:
    """What the engine's side knows of a leg."""

    name: str
    home: _Home
    port: int
    opened: asyncio.Future[LegOpened]
    closed: asyncio.Future[LegClosed] | None = None


@dataclass(eq=False, slots=True)
class _Home:
    """A place for a worker: its share of the ports, its legs, and the process that is there now."""

    ports: PortPool
    process: WorkerProcess | None = None
    legs: dict[str, _Leg] = field(default_factory=dict)
    born: float = 0.0
    pause: float = FIRST_PAUSE

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.alive


class MediaWorkers:
    """Opens legs in worker processes and tells what happens there through `on_event`, on the event loop.

    Commands for a leg that is not there (closed, or lost with its worker) do nothing; a play for such a leg
    is told as ended. When a worker dies, `WorkerLost` is all that is told of its legs and their plays.
    """

    def __init__(self, settings: MediaSettings, on_event: Callable[[MediaEvent], None]) -> None:
        self._settings = settings
        self._on_event = on_event
        self._homes: list[_Home] = []
        self._legs: dict[str, _Leg] = {}
        self._restarts: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._stopping = False
        self._away: dict[str, Callable[[], None]] = {}
        """By leg: what brings its sound back here."""

    async def start(self) -> None:
        """Start the workers. Raises IvrError when the ports do not suffice, OSError when no process starts."""
        count = max(self._settings.workers, 1)
        self._homes = [_Home(pool) for pool in PortPool.shares(*self._settings.ports, count)]
        self._stopping = False
        for home in self._homes:
            await self._launch(home)

    @overload
    def stop(self) -> Coroutine[Any, Any, None]: ...

    @overload
    def stop(self, leg: str) -> None: ...

    def stop(self, leg: str | None = None) -> Coroutine[Any, Any, None] | None:
        """With a leg: stop playing there. Without, to be awaited: end the workers."""
        if leg is None:
            return self._end()
        self.stop_playing(leg)
        return None

    async def _end(self) -> None:
        """End the workers; legs that are still open are closed without a word."""
        self._stopping = True
        for task in self._restarts:
            task.cancel()
        await asyncio.gather(*self._restarts, return_exceptions=True)
        await asyncio.gather(*(home.process.stop() for home in self._homes if home.process is not None))
        for leg in list(self._legs.values()):
            self._forget(leg)

    @property
    def pids(self) -> tuple[int, ...]:
        """Process numbers of the workers that are alive."""
        return tuple(home.process.pid for home in self._homes if home.process and home.process.pid)

    @property
    def health(self) -> tuple[dict[str, Any], ...]:
        """One for each worker: alive, pid, free pairs of ports, and what it said of itself in the last second.

        Of itself: ``legs``, ``latest`` (worst lateness of a slot, seconds), ``stalls``, ``faults``, ``untold``
        (events the engine was too slow for), ``sound_octets``, ``cpu`` (seconds used).
        """
        return tuple(
            {
                **(home.process.health if home.process else {}),
                "alive": home.alive,
                "pid": home.process.pid if home.process else None,
                "legs": len(home.legs),
                "free_ports": len(home.ports),
            }
            for home in self._homes
        )

    # --- legs ---

    async def open_leg(
        self,
        leg: str,
        local_host: str,
        *,
        remote: Address | None = None,
        format: StreamFormat | None = None,
        beside: str | None = None,
    ) -> LegOpened:
        """Bind an even and an odd port for a leg.

        `beside` names the leg that it will be bridged with: both are put into the same worker.
        Raises IvrError when no pair of ports is free or the address is not ours, WorkerDied when the worker
        ends meanwhile.
        """
        if leg in self._legs:
            raise LocalProtocolError(f"leg {leg} is open already; close it first")
        home = await self._home_for(beside)
        for _ in range(len(home.ports)):
            port = home.ports.take()
            if port is None:
                break
            try:
                return await self._open(leg, home, port, local_host, remote, format)
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise IvrError(
                        f"cannot receive sound at {local_host} port {port}: {error.strerror}"
                    ) from error
                log.debug("port_occupied port=%d", port)
        first, last = self._settings.ports
        raise IvrError(f"no free pair of ports in media.ports {first}-{last}; widen the range or end calls")

    async def _home_for(self, beside: str | None) -> _Home:
        if beside is not None and beside in self._legs:
            return self._legs[beside].home
        try:
            async with asyncio.timeout(START_PATIENCE):
                while not (alive := [home for home in self._homes if home.alive]):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise IvrError("no media worker is running; it is being restarted") from None
        with_ports = [home for home in alive if len(home.ports)] or alive
        return min(with_ports, key=lambda home: len(home.legs))

    async def _open(
        self, name: str, home: _Home, port: int, host: str, remote: Address | None, form: StreamFormat | None
    ) -> LegOpened:
        leg = _Leg(name, home, port, asyncio.get_running_loop().create_future())
        self._legs[name] = home.legs[name] = leg
        header: Header = {"do": "open", "leg": name, "port": port, "host": host}
        header["silence_timeout"] = self._settings.silence_timeout
        if form is not None or remote is not None:
            header |= {"remote": remote, "format": dataclasses.asdict(form or StreamFormat())}
        self._send(leg, header)
        try:
            return await leg.opened
        except asyncio.CancelledError:
            if leg.closed is None:  # else somebody has asked for that already
                leg.closed = asyncio.get_running_loop().create_future()
                self._send(leg, {"do": "close", "leg": name})
            raise
        except (OSError, IvrError):
            self._forget(leg)
            raise

    def set_remote(self, leg: str, remote: Address, format: StreamFormat) -> None:
        """What was agreed with the peer, for the first time or anew: address, codec, payload types, hold."""
        self._away.pop(leg, None)
        self._command("remote", leg, remote=remote, format=dataclasses.asdict(format))

    def send_away(self, leg: str, bring_back: Callable[[], None]) -> None:
        """The peer's sound goes elsewhere until the next `set_remote`. Nothing is sent, and silence is no fault.

        `bring_back` is called once, at the first command that needs the sound here; that command waits for it.
        """
        if leg in self._legs:
            self._command("away", leg)
            self._away[leg] = bring_back

    async def close_leg(self, leg: str) -> LegClosed:
        """Close the sockets. Returns the leg's figures; zeros for one that is not there. Told here only."""
        known = self._legs.get(leg)
        if known is None or not known.home.alive:
            if known is not None:
                self._forget(known)
            return LegClosed(leg, 0, 0, 0, 0.0, 0)
        if known.closed is None:
            known.closed = asyncio.get_running_loop().create_future()
            self._send(known, {"do": "close", "leg": leg})
        return await asyncio.shield(known.closed)

    def _forget(self, leg: _Leg) -> None:
        """The leg is over: its port is free again."""
        if self._legs.get(leg.name) is leg:
            del self._legs[leg.name]
            self._away.pop(leg.name, None)
        leg.home.legs.pop(leg.name, None)
        leg.home.ports.give_back(leg.port)
        if not leg.opened.done():
            leg.opened.set_exception(WorkerDied(f"the media worker ended while leg {leg.name} was opened"))
        if leg.closed is not None and not leg.closed.done():
            leg.closed.set_result(LegClosed(leg.name, 0, 0, 0, 0.0, 0))

    # --- sound ---

    def play(
        self, leg: str, play: str, files: Sequence[Path], *, interrupt: str = "any", loop: bool = False
    ) -> None:
        """Play files one after the other; what is playing is replaced. `interrupt`: any, keys, speech or never."""
        if interrupt not in INTERRUPTS:
            raise LocalProtocolError(f"interrupt is {interrupt!r}; needed is one of {', '.join(INTERRUPTS)}")
        names = [str(Path(file).absolute()) for file in files]
        if not self._command("play", leg, play=play, files=names, interrupt=interrupt, loop=loop):
            running = asyncio.get_running_loop()
            running.call_soon(self._on_event, PlayEnded(leg, play, running.time(), False, 0.0, "closed"))

    def stop_playing(self, leg: str) -> None:
        """Stop what is playing, if anything is."""
        self._command("stop", leg)

    def listen(self, leg: str, on: bool) -> None:
        """Tell when the caller speaks, and what; or no longer."""
        self._command("listen", leg, on=on)

    def record(self, leg: str, recording: str, file: Path, *, longest: float, patience: float) -> None:
        """Beep, then record what is heard until `patience` seconds of silence; RecordingClosed tells.

        `longest`: seconds. A leg that is not there tells nothing.
        """
        path = str(Path(file).absolute())
        self._command("record", leg, recording=recording, file=path, longest=longest, patience=patience)

    def stop_recording(self, leg: str) -> None:
        """End the recording, if one goes on; it is kept."""
        self._command("stop_recording", leg)

    def track(self, leg: str, recording: str, file: Path, *, since: float, subject: str) -> None:
        """Record what is heard of a leg by `subject`, or by those who talk with it, until the leg closes.

        `since`: the monotonic second the file begins with. Both legs live in one worker. RecordingClosed of
        `subject` tells when nothing more can be written, and nothing else.
        """
        path = str(Path(file).absolute())
        self._command("track", leg, recording=recording, file=path, since=since, subject=subject)

    def stop_track(self, leg: str, recording: str) -> None:
        """End it, if it goes on."""
        self._command("stop_track", leg, recording=recording)

    def bridge(self, a: str, b: str) -> None:
        """Let two legs hear each other. Raises LocalProtocolError if they live in different workers (`beside`)."""
        one, other = self._legs.get(a), self._legs.get(b)
        if one is not None and other is not None and one.home is not other.home:
            raise LocalProtocolError(f"legs {a} and {b} are in different workers; open one with beside={a!r}")
        if one is not None and other is not None:
            self._command("bridge", a, other=b)

    def unbridge(self, a: str, b: str) -> None:
        """Separate two legs; nothing happens if they are not together."""
        self._command("unbridge", a, other=b)

    def part(self, leg: str) -> None:
        """Take a leg out of its bridge or conference; the others of a conference go on."""
        self._command("part", leg)

    def mix(self, legs: Sequence[str]) -> None:
        """Let all these hear each other, each leaving where it was; those that are not there are left out.

        Raises LocalProtocolError for too many, or if they live in different workers (`beside`).
        """
        known = [self._legs[leg] for leg in dict.fromkeys(legs) if leg in self._legs]
        if len(known) > MOST:
            raise LocalProtocolError(f"conference of {len(known)} legs; at most {MOST} are possible")
        for leg in known[1:]:
            if leg.home is not known[0].home:
                first = known[0].name
                raise LocalProtocolError(
                    f"legs {first} and {leg.name} are in different workers; open one with beside={first!r}"
                )
        if known:
            self._command("mix", known[0].name, legs=[leg.name for leg in known])

    def mute(self, leg: str, on: bool, direction: Literal["from", "to"] = "from") -> None:
        """Keep what a leg says from those it is joined with, or what they say from it. Keys go through."""
        self._command("mute", leg, on=on, direction=direction)

    def hold(self, leg: str, music: Path) -> None:
        """Music to this leg and nothing of it to its partner, until `unhold`."""
        self._command("hold", leg, music=str(Path(music).absolute()))

    def unhold(self, leg: str) -> None:
        self._command("unhold", leg)

    def send_key(self, leg: str, key: str, duration: float = 0.1) -> None:
        """Press a key towards the peer. Raises LocalProtocolError for what is no key or held too long."""
        EventSender(key, duration)
        self._command("key", leg, key=key, duration=duration)

    # --- the workers ---

    def _command(self, do: str, leg: str, **values: Any) -> bool:
        known = self._legs.get(leg)
        if known is None or known.closed is not None:
            log.debug("media_command_without_leg do=%s leg=%s", do, leg)
            return False
        self._send(known, {"do": do, "leg": leg, **values})
        if self._away and do not in WITHOUT_SOUND and values.get("on", True):
            for name in (leg, values.get("other", leg), *values.get("legs", ())):
                if (bring_back := self._away.pop(name, None)) is not None:
                    bring_back()
        return True

    def _send(self, leg: _Leg, header: Header) -> None:
        if leg.home.process is not None:
            leg.home.process.send(header)

    def _receive(self, header: Header, tail: bytes) -> None:
        if "refused" in header:
            self._refused(header)
            return
        try:
            event = decode_event(header, tail)
        except RemoteProtocolError as error:
            log.error("media_event_unknown why=%s", error)
            return
        if isinstance(event, LegOpened):
            leg = self._legs.get(event.leg)
            if leg is not None and not leg.opened.done():
                leg.opened.set_result(event)
        elif isinstance(event, LegClosed):
            leg = self._legs.get(event.leg)
            if leg is not None:
                if leg.closed is not None and not leg.closed.done():
                    leg.closed.set_result(event)
                self._forget(leg)
        else:
            self._on_event(event)

    def _refused(self, header: Header) -> None:
        leg = self._legs.get(str(header["refused"]))
        if leg is None:
            return
        if leg.opened.done():  # nobody waits any more
            self._forget(leg)
            return
        why = str(header.get("why"))
        number = header.get("errno")
        leg.opened.set_exception(OSError(number, why) if number else IvrError(why))

    async def _launch(self, home: _Home) -> None:
        process = WorkerProcess(self._receive, lambda dead: self._died(home))
        home.process = process
        home.born = asyncio.get_running_loop().time()
        await process.start()
        self._changed.set()

    def _died(self, home: _Home) -> None:
        lost = tuple(home.legs)
        for leg in list(home.legs.values()):
            self._forget(leg)
        if self._stopping:
            return
        task = asyncio.create_task(self._relaunch(home))
        self._restarts.add(task)
        task.add_done_callback(self._restarts.discard)
        self._on_event(WorkerLost(lost))

    async def _relaunch(self, home: _Home) -> None:
        if asyncio.get_running_loop().time() - home.born > YOUNG:
            home.pause = FIRST_PAUSE
        while True:
            log.info("media_worker_restarts in=%.1f", home.pause)
            await asyncio.sleep(home.pause)
            home.pause = min(home.pause * 2, LONGEST_PAUSE)
            try:
                await self._launch(home)
            except OSError as error:
                log.error("media_worker_not_started why=%s", error)
                continue
            return
