"""The sound of the scripted phone: sends on an absolute 20 ms clock, keeps what it hears."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable

import numpy as np

from ivr.clock import Clock
from ivr.errors import RemoteProtocolError
from ivr.media import g711
from ivr.media.g711 import SAMPLE_RATE, Samples
from ivr.media.receiver import Reception
from ivr.media.rtp import RtpPacket
from ivr.media.telephone_event import EventReceiver, EventSender, KeyPressed
from ivr.media.worker.secure import Protection, Unproved
from ivr.net.udp import UdpSocket

Address = tuple[str, int]
FRAME = 160
PERIOD = 0.02
LOUD = 100.0
"""Mean magnitude of a frame above which it counts as sound: about -47 dBFS."""
LONGEST = 3600 * SAMPLE_RATE
"""Samples a recording may have; what comes later is counted and not kept."""


class PhoneSound:
    """One RTP stream each way. `open`, `connect`, and it sends silence until it is given something to say."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._socket: UdpSocket | None = None
        self._remote: Address | None = None
        self._codec: g711.Codec = "PCMU"
        self._payload_type = 0
        self._event_payload_type: int | None = None
        self._outgoing: deque[bytes] = deque()
        self._keys: deque[EventSender | int] = deque()
        self._protection: Protection | None = None
        self.muted = False
        """The other side does not want to hear us, or cannot: nothing is sent."""
        self.source: Address | None = None
        """Where the last packet came from."""
        self._sender: asyncio.Task[None] | None = None
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(15)
        self._timestamp = secrets.randbits(31)
        self._event_timestamp = 0
        self._heard = np.zeros(SAMPLE_RATE * 60, dtype=np.int16)
        self._length = 0
        self._base: tuple[int, int, int] | None = None
        self._events = EventReceiver()
        self._started = clock.monotonic()
        self.on_key: Callable[[str], None] | None = None
        """Told about every key of the other side."""
        self.reception = Reception()
        self.sent = 0
        self.dropped = 0
        self.keys: list[str] = []
        """Keys heard from the other side."""
        self.first_sound: float | None = None
        """Monotonic time of the first frame that was not silence."""
        self.last_sound: float | None = None
        self.spoken = asyncio.Event()
        """Set whenever nothing is left to say or press."""
        self.spoken.set()

    async def open(self, host: str) -> int:
        """Take a port and return it."""
        self._socket = await UdpSocket.bind(host, 0, self._received)
        self._started = self._clock.monotonic()
        return self._socket.address[1]

    def connect(
        self,
        remote: Address,
        codec: g711.Codec,
        payload_type: int,
        events: int | None,
        *,
        protection: Protection | None = None,
    ) -> None:
        """Send there from now on, with `protection` as SRTP."""
        self._remote, self._codec = remote, codec
        self._payload_type, self._event_payload_type = payload_type, events
        self._protection = protection
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())

    async def close(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.wait([self._sender])
        if self._socket is not None:
            self._socket.close()
        self.spoken.set()

    # --- saying ---------------------------------------------------------------------------------------

    def say(self, samples: Samples) -> None:
        """Queue sound of 8 kHz."""
        padded = np.pad(samples, (0, -len(samples) % FRAME))
        encoded = g711.encode(self._codec, padded.astype(np.int16))
        self._outgoing.extend(encoded[at : at + FRAME] for at in range(0, len(encoded), FRAME))
        self.spoken.clear()

    def press(self, key: str, duration: float, pause: float) -> None:
        """Queue one key, held `duration` seconds, and a pause after it. Raises LocalProtocolError for no key."""
        self._keys.append(EventSender(key, duration))
        self._keys.append(max(1, round(pause / PERIOD)))
        self.spoken.clear()

    @property
    def can_press(self) -> bool:
        """Telephone events were agreed on."""
        return self._event_payload_type is not None

    async def _send(self) -> None:
        due = self._clock.monotonic()
        while True:
            self._send_frame()
            due += PERIOD
            late = self._clock.monotonic() - due
            if late > 0.1:  # the machine stood still: go on from now, do not burst
                missed = int(late / PERIOD)
                due += missed * PERIOD
                self._timestamp = (self._timestamp + missed * FRAME) & 0xFFFFFFFF
            await asyncio.sleep(max(0.0, due - self._clock.monotonic()))

    def _send_frame(self) -> None:
        event = self._next_event()
        if event is not None:
            marker, payload = event
            if marker:
                self._event_timestamp = self._timestamp
            assert self._event_payload_type is not None
            self._transmit(self._event_payload_type, self._event_timestamp, payload, marker)
        else:
            frame = self._outgoing.popleft() if self._outgoing else g711.silence(self._codec)
            self._transmit(self._payload_type, self._timestamp, frame, self.sent == 0)
        self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF
        if not self._outgoing and not self._keys:
            self.spoken.set()

    def _next_event(self) -> tuple[bool, bytes] | None:
        while self._keys:
            head = self._keys[0]
            if isinstance(head, int):
                if head > 0:
                    self._keys[0] = head - 1
                    return None
            elif (event := head.next()) is not None:
                return event
            self._keys.popleft()
        return None

    def _transmit(self, payload_type: int, timestamp: int, payload: bytes, marker: bool) -> None:
        packet = RtpPacket(
            payload_type=payload_type,
            sequence_number=self._sequence,
            timestamp=timestamp,
            ssrc=self._ssrc,
            payload=payload,
            marker=marker,
        )
        self._sequence = (self._sequence + 1) & 0xFFFF
        if self.muted:
            return
        self.sent += 1
        if self._socket is not None and self._remote is not None:
            data = packet.encode()
            self._socket.send(self._protection.protect(data) if self._protection else data, self._remote)

    # --- hearing --------------------------------------------------------------------------------------

    def _received(self, data: bytes, remote: Address) -> None:
        now = self._clock.monotonic()
        try:
            if self._protection is not None:
                data = self._protection.prove(data, now)
            packet = RtpPacket.decode(data)
            self.source = remote
            if packet.payload_type == self._event_payload_type:
                self._hear_event(packet, now)
                return
        except (RemoteProtocolError, Unproved):
            self.dropped += 1
            return
        if packet.payload_type != self._payload_type:
            self.dropped += 1
            return
        self.reception.update(packet.sequence_number, packet.timestamp, packet.ssrc, now)
        self._keep(packet, g711.decode(self._codec, packet.payload), now)

    def _hear_event(self, packet: RtpPacket, now: float) -> None:
        self.reception.update(packet.sequence_number, packet.timestamp, packet.ssrc, now, sound=False)
        for event in self._events.handle(packet, now):
            if isinstance(event, KeyPressed):
                self.keys.append(event.key)
                if self.on_key is not None:
                    self.on_key(event.key)

    def _keep(self, packet: RtpPacket, samples: Samples, now: float) -> None:
        """Place sound where its timestamp says; a new stream begins where the clock is."""
        at_clock = round((now - self._started) * SAMPLE_RATE)
        if self._base is None or self._base[0] != packet.ssrc:
            self._base = (packet.ssrc, packet.timestamp, at_clock)
        _, first, offset = self._base
        forward = (packet.timestamp - first) & 0xFFFFFFFF
        position = offset + (forward - (1 << 32) if forward >> 31 else forward)
        if abs(position - at_clock) > 2 * SAMPLE_RATE:  # timestamps jumped within a stream
            self._base = (packet.ssrc, packet.timestamp, at_clock)
            position = at_clock
        end = position + len(samples)
        if position < 0 or end > LONGEST:
            return
        while end > len(self._heard):
            self._heard = np.concatenate([self._heard, np.zeros_like(self._heard)])
        self._heard[position:end] = samples
        self._length = max(self._length, end)
        if len(samples) and float(np.abs(samples.astype(np.int32)).mean()) > LOUD:
            self.last_sound = now
            if self.first_sound is None:
                self.first_sound = now

    @property
    def recording(self) -> Samples:
        """All that was heard, from the opening of the port on; gaps are silence."""
        return self._heard[: self._length].copy()

    def position(self, moment: float) -> int:
        """Sample of the recording at a monotonic time."""
        return max(0, round((moment - self._started) * SAMPLE_RATE))
