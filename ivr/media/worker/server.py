"""The worker process: commands of the engine in, events out, the loop between."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ivr.errors import IvrError, RemoteProtocolError
from ivr.media.messages import LegOpened, StreamFormat
from ivr.media.player import Playlist
from ivr.media.worker.control import Control, ControlLogHandler
from ivr.media.worker.frames import Header
from ivr.media.worker.leg import Leg
from ivr.media.worker.loop import Loop
from ivr.media.worker.mixing import MOST, Mix
from ivr.media.worker.recorder import Recording, Tapes
from ivr.media.worker.sockets import open_pair
from ivr.media.worker.sounds import Sounds
from ivr.media.worker.track import Track
from ivr.media.worker.track_file import TrackFile, Waiting

log = logging.getLogger(__name__)

Pair = tuple[socket.socket, socket.socket]
SWITCH_INTERVAL = 0.0005
"""Seconds the thread that reads sounds may keep the interpreter; Python's own 5 ms is a quarter of a packet."""


class MediaServer:
    """Legs by name, and what can be done with them."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._loop = Loop()
        self._sounds = Sounds()
        self._tapes = Tapes()
        self._waiting = Waiting()
        self._loop.watch(self._tapes.ready, self._recorded)
        self._legs: dict[str, Leg] = {}
        self._commands: dict[str, Callable[[Header], None]] = {
            "open": self._open,
            "remote": self._remote,
            "away": self._send_away,
            "play": self._play,
            "stop": self._stop,
            "listen": self._listen,
            "bridge": self._bridge,
            "unbridge": self._unbridge,
            "mix": self._mix,
            "part": self._part,
            "mute": self._mute,
            "hold": self._hold,
            "unhold": self._unhold,
            "key": self._key,
            "record": self._record,
            "stop_recording": self._stop_recording,
            "track": self._track,
            "stop_track": self._stop_track,
            "close": self._close,
            "health": self._health,
        }

    def run(self) -> None:
        """Serve until the control socket closes: a worker without an engine has no reason to be."""
        control = self._control
        self._interest = control.interest
        self._loop.watch(control.socket.fileno(), self._serve, self._interest)
        control.on_change = self._follow_control
        try:
            self._loop.run()
        finally:
            for name in list(self._legs):
                self._close({"leg": name})
            self._tapes.close()
            control.flush()

    def _follow_control(self) -> None:
        """Keep epoll's interest in step with the outbox; end when the engine is gone."""
        if self._control.interest != self._interest:
            self._interest = self._control.interest
            self._loop.change(self._control.socket.fileno(), self._interest)
        if self._control.closed:
            self._loop.running = False

    def _serve(self, now: float) -> None:
        self._control.flush()
        try:
            for header, _ in self._control.read():
                self._do(header)
        except RemoteProtocolError as error:
            log.error("control_lost why=%s", error)
            self._control.closed = True
            self._loop.running = False

    def _do(self, header: Header) -> None:
        command = self._commands.get(str(header.get("do")))
        try:
            if command is None:
                raise RemoteProtocolError(f"no such command: {header.get('do')!r}")
            command(header)
        except (IvrError, KeyError, TypeError, ValueError) as error:
            log.warning("command_refused do=%s leg=%s why=%s", header.get("do"), header.get("leg"), error)

    # --- commands ---

    def _open(self, header: Header) -> None:
        name, port = header["leg"], header["port"]
        try:
            if name in self._legs:
                raise IvrError(f"leg {name} is open already")
            pair = open_pair(header["host"], port)
            leg = self._new_leg(header, pair)
        except (OSError, IvrError) as error:
            occupied = isinstance(error, OSError)
            number = error.errno if isinstance(error, OSError) else None
            self._control.say(
                {"refused": name, "port": port, "errno": number, "occupied": occupied, "why": str(error)}
            )
            return
        self._legs[name] = leg
        self._loop.watch(leg.rtp.fileno(), leg.receive)
        self._loop.watch(leg.rtcp.fileno(), leg.receive_report)
        self._loop.add(leg)
        self._control.emit(LegOpened(name, port))

    def _new_leg(self, header: Header, pair: Pair) -> Leg:
        leg = Leg(header["leg"], pair, self._control.emit, self._loop.epoch)
        leg.silence_timeout = header.get("silence_timeout", 0.0)
        if "format" in header:
            try:
                _set_remote(leg, header)
            except IvrError:
                for sock in pair:
                    sock.close()
                raise
        return leg

    def _remote(self, header: Header) -> None:
        _set_remote(self._legs[header["leg"]], header)

    def _send_away(self, header: Header) -> None:
        self._legs[header["leg"]].send_away()

    def _play(self, header: Header) -> None:
        leg = self._legs[header["leg"]]
        playlist = self._playlist(leg, header["files"], loop=header["loop"])
        leg.play(header["play"], playlist, header["interrupt"], time.monotonic())

    def _playlist(self, leg: Leg, files: list[str], *, loop: bool) -> Playlist:
        codec = leg.format.codec if leg.format else "PCMU"
        return Playlist([self._sounds.get(file, codec) for file in files], loop=loop)

    def _stop(self, header: Header) -> None:
        self._legs[header["leg"]].end_play("stopped", time.monotonic())

    def _listen(self, header: Header) -> None:
        self._legs[header["leg"]].listen(bool(header["on"]))

    def _bridge(self, header: Header) -> None:
        self._legs[header["leg"]].join(self._legs[header["other"]])

    def _unbridge(self, header: Header) -> None:
        leg, other = self._legs.get(header["leg"]), self._legs.get(header["other"])
        if leg is not None and leg.partner is other:
            leg.part()

    def _mix(self, header: Header) -> None:
        """All of them or none."""
        legs = [self._legs[name] for name in header["legs"]]
        mix = Mix()
        if len(legs) > MOST:
            raise IvrError(f"conference of {len(legs)} legs; at most {MOST} are possible")
        for leg in legs:
            leg.enter(mix)

    def _part(self, header: Header) -> None:
        self._legs[header["leg"]].part()

    def _mute(self, header: Header) -> None:
        muted = self._legs[header["leg"]].muted
        (muted.add if header["on"] else muted.discard)(header["direction"])

    def _hold(self, header: Header) -> None:
        leg = self._legs[header["leg"]]
        leg.hold(self._playlist(leg, [header["music"]], loop=True))

    def _unhold(self, header: Header) -> None:
        self._legs[header["leg"]].unhold()

    def _key(self, header: Header) -> None:
        self._legs[header["leg"]].send_key(header["key"], header["duration"])

    def _record(self, header: Header) -> None:
        leg = self._legs[header["leg"]]
        recording = Recording(
            header["recording"],
            Path(header["file"]),
            float(header["longest"]),
            float(header["patience"]),
            lambda ended, why: self._tapes.keep(leg.name, ended, why),
        )
        leg.record(recording, time.monotonic())

    def _stop_recording(self, header: Header) -> None:
        self._legs[header["leg"]].end_recording("stopped", time.monotonic())

    def _track(self, header: Header) -> None:
        leg, subject = self._legs[header["leg"]], self._legs[header["subject"]]
        name, codec = header["recording"], leg.format.codec if leg.format else "PCMU"
        file = TrackFile(subject.name, name, Path(header["file"]), codec, self._tapes.do, self._waiting)
        leg.take_down(Track(name, codec, float(header["since"]), file), subject)

    def _stop_track(self, header: Header) -> None:
        self._legs[header["leg"]].end_track(header["recording"])

    def _recorded(self, now: float) -> None:
        for event in self._tapes.told():
            self._control.emit(event)

    def _close(self, header: Header) -> None:
        leg = self._legs.pop(header["leg"])
        self._loop.remove(leg)
        self._loop.forget(leg.rtp.fileno())
        self._loop.forget(leg.rtcp.fileno())
        self._control.emit(leg.close(time.monotonic()))

    def _health(self, header: Header) -> None:
        self._sounds.collect()
        health: dict[str, Any] = {
            "legs": len(self._legs),
            "latest": round(self._loop.latest, 6),
            "stalls": self._loop.stalls,
            "faults": self._loop.faults,
            "untold": self._control.dropped,
            "sound_octets": self._sounds.size,
            "cpu": round(time.process_time(), 3),
        }
        self._loop.latest = 0.0
        self._control.say({"health": header.get("number", 0), **health})


def _set_remote(leg: Leg, header: Header) -> None:
    remote = header.get("remote")
    address = (str(remote[0]), int(remote[1])) if remote else None
    leg.set_remote(address, StreamFormat(**header["format"]), time.monotonic())


def _take_precedence() -> None:
    """Sound before everything else, where the machine lets us (root, or CAP_SYS_NICE).

    Real-time scheduling at its lowest priority: the worker sleeps most of the time, and the kernel keeps
    5 % of each second for others even if it did not (sched(7), sched_rt_runtime_us).
    """
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        log.info("media_worker_scheduling policy=normal")


def serve(fd: int) -> None:
    """Run a worker on the inherited control socket `fd` until the engine closes it."""
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to the whole group; the engine ends its calls first
        signal.signal(number, signal.SIG_IGN)
    sys.setswitchinterval(SWITCH_INTERVAL)
    control = Control(socket.socket(fileno=fd))
    root = logging.getLogger("ivr")
    root.addHandler(ControlLogHandler(control))
    root.setLevel(logging.INFO)
    _take_precedence()
    server = MediaServer(control)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # cycles are rare here; looking for them must be too
    server.run()
