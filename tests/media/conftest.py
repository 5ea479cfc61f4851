"""Workers over loopback, telephones that speak plain RTP, and rulers for sound."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from ivr.config import MediaSettings
from ivr.media.g711 import Codec, Samples, decode, encode
from ivr.media.messages import MediaEvent, StreamFormat
from ivr.media.rtp import RtpPacket
from ivr.media.telephone_event import KEYS, TelephoneEvent
from ivr.media.wav import write_wav
from ivr.media.worker.client import MediaWorkers

PATIENCE = 20.0
"""Seconds until a test gives up; never asserted on."""


def make_tone(frequency: float, seconds: float, level: float = -20.0) -> Samples:
    """A sine; `level` in dBov."""
    time = np.arange(round(seconds * 8000)) / 8000
    return np.round(32768 * 10 ** (level / 20) * np.sqrt(2) * np.sin(2 * np.pi * frequency * time)).astype(
        np.int16
    )


def measure(samples: Samples, frequency: float) -> float:
    """Level of one frequency in dBov (Goertzel's sum, with a Hann window)."""
    window = np.hanning(len(samples))
    turn = np.exp(-2j * np.pi * frequency * np.arange(len(samples)) / 8000)
    amplitude = 2 * abs(np.sum(samples.astype(float) * window * turn)) / window.sum()
    return float(20 * np.log10(max(amplitude / np.sqrt(2), 1e-3) / 32768))


@pytest.fixture
def tone() -> Callable[..., Samples]:
    return make_tone


@pytest.fixture
def level_at() -> Callable[[Samples, float], float]:
    return measure


@pytest.fixture
def tone_file(tmp_path: Path) -> Callable[..., Path]:
    def make(frequency: float, seconds: float) -> Path:
        path = tmp_path / f"{frequency:.0f}-{seconds}.wav"
        write_wav(path, make_tone(frequency, seconds))
        return path

    return make


class Phone:
    """A peer on loopback: sends what it is told, keeps what it gets."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.address: tuple[str, int] = sock.getsockname()
        self.target: tuple[str, int] | None = None
        self.sequence_number = 65530
        self.timestamp = 0xFFFFFE00
        self.ssrc = 0x1234
        self.packets: list[RtpPacket] = []

    def send(self, packet: RtpPacket | bytes) -> None:
        assert self.target is not None
        self.socket.sendto(packet if isinstance(packet, bytes) else packet.encode(), self.target)

    def speak(self, payload: bytes, payload_type: int = 0) -> None:
        """The next packet of the phone's stream."""
        self.send(RtpPacket(payload_type, self.sequence_number, self.timestamp, self.ssrc, payload))
        self.sequence_number = (self.sequence_number + 1) & 0xFFFF
        self.timestamp = (self.timestamp + 160) & 0xFFFFFFFF

    def press(self, key: str, payload_type: int = 101) -> None:
        """A press of 60 ms and its end, all packets at once."""
        start = self.timestamp
        for number in range(6):
            event = TelephoneEvent(KEYS.index(key), number > 2, 10, min(number + 1, 4) * 160)
            packet = RtpPacket(payload_type, self.sequence_number, start, self.ssrc, event.encode(), number == 0)
            self.send(packet)
            self.sequence_number = (self.sequence_number + 1) & 0xFFFF
        self.timestamp = (start + 960) & 0xFFFFFFFF

    async def receive(self) -> RtpPacket:
        loop = asyncio.get_running_loop()
        data = await asyncio.wait_for(loop.sock_recv(self.socket, 2048), PATIENCE)
        packet = RtpPacket.decode(data)
        self.packets.append(packet)
        return packet

    async def collect(self, count: int) -> list[RtpPacket]:
        return [await self.receive() for _ in range(count)]

    async def until(self, wanted: Callable[[RtpPacket], bool]) -> RtpPacket:
        """The first packet that is wanted."""
        while not wanted(packet := await self.receive()):
            pass
        return packet


def sound_of(packets: list[RtpPacket], codec: Codec = "PCMU") -> Samples:
    return decode(codec, b"".join(packet.payload for packet in packets))


@pytest.fixture
def heard() -> Callable[..., Samples]:
    return sound_of


@pytest.fixture
def phone() -> Iterator[Callable[[], Phone]]:
    sockets: list[socket.socket] = []

    def make() -> Phone:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        sockets.append(sock)
        return Phone(sock)

    yield make
    for sock in sockets:
        sock.close()


class Desk:
    """The engine's side of the workers: opens legs, waits for events."""

    def __init__(self, silence_timeout: float, workers: int) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            first = min(probe.getsockname()[1], 65000) & ~1
        self.events: list[MediaEvent] = []
        self._new = asyncio.Event()
        settings = MediaSettings((first, first + 59), workers, silence_timeout)
        self.workers = MediaWorkers(settings, self.told)

    def told(self, event: MediaEvent) -> None:
        self.events.append(event)
        self._new.set()

    async def event(self, kind: type, **values: object) -> MediaEvent:
        """Wait for an event of this kind with these values; it is taken out of the list."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for event in self.events:
                    if isinstance(event, kind) and all(getattr(event, k) == v for k, v in values.items()):
                        self.events.remove(event)
                        return event
                self._new.clear()
                await self._new.wait()

    async def call(self, leg: str, peer: Phone, form: StreamFormat | None = None, **more: object) -> None:
        """Open a leg towards a phone and tell the phone where it is."""
        form = form or StreamFormat()
        opened = await self.workers.open_leg(leg, "127.0.0.1", remote=peer.address, format=form, **more)  # type: ignore[arg-type]
        peer.target = ("127.0.0.1", opened.port)

    async def settled(self, leg: str) -> None:
        """All commands so far have been carried out: opening a leg answers after them."""
        await self.workers.open_leg(f"after-{leg}", "127.0.0.1", beside=leg)
        await self.workers.close_leg(f"after-{leg}")


@pytest.fixture
async def make_desk() -> AsyncIterator[Callable[..., object]]:
    desks: list[Desk] = []

    async def make(*, silence_timeout: float = 0.0, workers: int = 1) -> Desk:
        desk = Desk(silence_timeout, workers)
        desks.append(desk)
        await desk.workers.start()
        return desk

    yield make
    for desk in desks:
        await desk.workers.stop()


@pytest.fixture
async def desk(make_desk: Callable[..., object]) -> Desk:
    return await make_desk()  # type: ignore[no-any-return, misc]


@pytest.fixture
def companded() -> Callable[[Samples, Codec], list[bytes]]:
    """Payloads of 20 ms."""

    def make(samples: Samples, codec: Codec = "PCMU") -> list[bytes]:
        data = encode(codec, samples)
        return [data[start : start + 160] for start in range(0, len(data), 160)]

    return make
