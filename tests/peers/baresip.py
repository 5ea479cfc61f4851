"""baresip as a telephone: a folder of settings, a process, and its control connection.

The control module speaks JSON in netstrings: commands with a token come back as a response with the same
token, and what happens to calls arrives as events.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ivr.media.g711 import SAMPLE_RATE, Samples
from ivr.media.wav import write_wav

MODULES = ("/usr/lib/baresip/modules", "/usr/lib64/baresip/modules", "/usr/local/lib/baresip/modules")
PATIENCE = 15.0
"""Seconds anything may take; far more than it needs, for machines that are busy."""
KEY_SPACE = 0.2
"""Seconds between two keys: baresip sends a key for about 80 ms, and forgets one that comes while it sends."""
VOICE = 120
"""Seconds its tone lasts: longer than any test."""

SETTINGS = """\
poll_method epoll
sip_listen 127.0.0.1:{sip_port}
{authority}
{interface}
audio_player aubridge,nowhere
audio_source aufile,{voice}
audio_alert aubridge,nowhere
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports 10000-19999
ringback_disabled yes
statmode_default off
module_path {modules}
module g711.so
module srtp.so
module aufile.so
module aubridge.so
module sndfile.so
snd_path {sounds}
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
{presence}
ctrl_tcp_listen 127.0.0.1:{control_port}
"""


class Baresip:
    """One telephone. It sends a tone, records both directions, and does what it is told."""

    def __init__(
        self,
        folder: Path,
        user: str = "me",
        *,
        tone: int = 440,
        answers: bool = False,
        transport: str = "udp",
        interface: str = "127.0.0.1",
        registrar: str = "",
        password: str = "",
        media_encryption: str = "",
        authority: Path | None = None,
        watches: str = "",
    ) -> None:
        """`answers`: it picks up by itself. `interface` "" leaves the choice of the SDP address to baresip.

        `registrar` is host and port to register with; without one it does not. `media_encryption`: ``srtp``
        where the other side can (RTP/AVP with keys), ``srtp-mand`` or not at all (RTP/SAVP). `authority` is a
        PEM file of certificates it believes when it calls by TLS. `watches` is a SIP address whose presence it
        subscribes to; what it learns is in `output`.
        """
        self.user = user
        self.sip_port, self._control_port = _free_ports()
        self.sounds = folder / "sounds"
        self.sounds.mkdir(parents=True)
        self._folder = folder
        self._transport = "" if transport == "udp" else f";transport={transport}"
        voice = folder / "voice.wav"
        write_wav(voice, _tone(tone, VOICE))
        modules = next((path for path in MODULES if Path(path).is_dir()), MODULES[0])
        settings = SETTINGS.format(
            sip_port=self.sip_port,
            control_port=self._control_port,
            authority=f"sip_cafile {authority}" if authority else "",
            interface=f"net_interface {interface}" if interface else "",
            voice=voice,
            modules=modules,
            sounds=self.sounds,
            presence="module_app contact.so\nmodule_app presence.so" if watches else "",
        )
        account = f"<sip:{user}@{registrar or '127.0.0.1'}{self._transport}>"
        account += f";regint=60;auth_pass={password}" if registrar else ";regint=0"
        account += f";mediaenc={media_encryption}" if media_encryption else ""
        account += ";answermode=auto\n" if answers else "\n"
        (folder / "config").write_text(settings)
        (folder / "accounts").write_text(account)
        (folder / "contacts").write_text(f'"Watched" <{watches}>;presence=p2p\n' if watches else "")
        self.events: list[dict[str, Any]] = []
        """Everything that happened, oldest first."""
        self.on_event: Callable[[dict[str, Any]], None] | None = None
        self._changed = asyncio.Condition()
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._tokens = itertools.count(1)
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def uri(self) -> str:
        """Where it is reached."""
        return f"sip:{self.user}@127.0.0.1:{self.sip_port}{self._transport}"

    @property
    def output(self) -> str:
        """What it has printed, for the message of a test that fails."""
        return (self._folder / "output").read_text(errors="replace")

    # --- the process --------------------------------------------------------------------------------------

    async def start(self) -> None:
        with (self._folder / "output").open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                "baresip",
                "-f",
                str(self._folder),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        async with asyncio.timeout(PATIENCE):
            reader = await self._connect()
        self._reading = asyncio.create_task(self._read(reader))

    async def _connect(self) -> asyncio.StreamReader:
        """To its control port, as soon as it listens there."""
        assert self._process is not None
        while True:
            try:
                reader, self._writer = await asyncio.open_connection("127.0.0.1", self._control_port)
            except ConnectionRefusedError:
                assert self._process.returncode is None, f"baresip ended:\n{self.output}"
                await asyncio.sleep(0.02)
            else:
                return reader

    async def stop(self) -> None:
        """End it in good order: it hangs up, and its recordings are complete."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), PATIENCE)
            except TimeoutError:
                await self.kill()
        await self._disconnect()

    async def kill(self) -> None:
        """End it with nothing said to anybody."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()
        await self._disconnect()

    async def _disconnect(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()

    # --- the control connection ---------------------------------------------------------------------------

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                size = int((await reader.readuntil(b":"))[:-1])
                message = json.loads((await reader.readexactly(size + 1))[:-1])
                if message.get("response"):
                    self._answers.pop(message["token"]).set_result(message)
                    continue
                self.events.append(message)
                if self.on_event is not None:
                    self.on_event(message)
                async with self._changed:
                    self._changed.notify_all()

    async def do(self, command: str, parameters: str = "") -> str:
        """One of baresip's long commands; what it says to it. Raises AssertionError when it refuses."""
        assert self._writer is not None, "not started"
        token = str(next(self._tokens))
        answer = self._answers[token] = asyncio.get_running_loop().create_future()
        body = json.dumps({"command": command, "params": parameters, "token": token}).encode()
        self._writer.write(b"%d:%b," % (len(body), body))
        async with asyncio.timeout(PATIENCE):
            message = await answer
        assert message["ok"], f"{command} {parameters}: {message['data']}"
        return str(message["data"])

    async def event(self, kind: str, *, after: int = 0, within: float = PATIENCE) -> dict[str, Any]:
        """The first event of this type, such as CALL_ESTABLISHED, behind the first `after` events."""
        try:
            async with asyncio.timeout(within), self._changed:
                while not (found := [event for event in self.events[after:] if event["type"] == kind]):
                    await self._changed.wait()
        except TimeoutError:
            seen = [event["type"] for event in self.events]
            raise AssertionError(f"no {kind} within {within} s, but {seen}:\n{self.output}") from None
        return found[0]

    async def printed(self, text: str) -> None:
        """Until it has printed this: the way to what happened before its control connection was open."""
        try:
            async with asyncio.timeout(PATIENCE):
                while text not in self.output:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"no {text!r} within {PATIENCE} s:\n{self.output}") from None

    # --- what a person does -------------------------------------------------------------------------------

    async def dial(self, target: str) -> None:
        """Call, and wait until it is answered."""
        after = len(self.events)
        await self.do("dial", target)
        await self.event("CALL_ESTABLISHED", after=after)

    async def press(self, keys: str) -> None:
        """One key after another."""
        for key in keys:
            await self.do("sndcode", key)
            await asyncio.sleep(KEY_SPACE)

    async def hang_up(self) -> None:
        """BYE, and wait until the call is closed."""
        after = len(self.events)
        await self.do("hangup")
        await self.event("CALL_CLOSED", after=after)

    # --- recordings ---------------------------------------------------------------------------------------

    @property
    def heard(self) -> Samples:
        """What came in up to now, of all its calls."""
        return self._recording("dec")

    @property
    def said(self) -> Samples:
        """What went out."""
        return self._recording("enc")

    def _recording(self, direction: str) -> Samples:
        """One direction, file after file. Their headers tell the length at the end of the call only."""
        files = sorted(self.sounds.glob(f"*-{direction}.wav"))
        return np.concatenate([np.zeros(0, np.int16), *(_samples(file) for file in files)])

    async def until_heard(self, measure: Callable[[Samples], float], least: float, what: str) -> None:
        """Until a measure of what was heard reaches `least`. Raises AssertionError."""
        best = 0.0
        try:
            async with asyncio.timeout(PATIENCE):
                while (best := await asyncio.to_thread(measure, self.heard)) < least:
                    await asyncio.sleep(0.2)
        except TimeoutError:
            seconds = len(self.heard) / SAMPLE_RATE
            raise AssertionError(
                f"{what} is not in the {seconds:.1f} s heard: {best:.2f}\n{self.output}"
            ) from None

    async def newest_packet(self) -> int:
        """Sequence number of the last RTP packet. After a hold baresip 1.0 records no more, but counts."""
        found = re.search(r"seq_put=(\d+)", await self.do("audio_debug"))
        assert found is not None, "no call"
        return int(found[1])


def _samples(file: Path) -> Samples:
    data = file.read_bytes()
    start = data.find(b"data") + 8
    return (
        np.frombuffer(data[start : start + (len(data) - start) // 2 * 2], "<i2")
        if start >= 8
        else np.zeros(0, np.int16)
    )


def _tone(hertz: int, seconds: int) -> Samples:
    """Of -12 dBFS."""
    time = np.arange(seconds * SAMPLE_RATE) / SAMPLE_RATE
    return (8000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)


def _free_ports() -> tuple[int, int]:
    """For SIP (UDP and TCP) and for control."""
    for _ in range(50):
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sip,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as control,
        ):
            sip.bind(("127.0.0.1", 0))
            control.bind(("127.0.0.1", 0))
            port = int(sip.getsockname()[1])
            with contextlib.suppress(OSError):
                datagrams.bind(("127.0.0.1", port))
                return port, int(control.getsockname()[1])
    raise AssertionError(f"no port is free for {os.getpid()}")
