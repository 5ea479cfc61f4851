"""One call leg in the worker: what it plays, hears, counts, and passes on.

Called by the loop only: `tick` every 20 ms, `receive` and `receive_report` when a datagram waits. What
the engine should know goes through `emit`. Nothing that strangers send raises out of here.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from ivr.errors import RemoteProtocolError
from ivr.media.g711 import Codec, silence, transcode
from ivr.media.latch import Latch
from ivr.media.messages import (
    Address,
    KeyHeard,
    LegClosed,
    LegOpened,
    MediaEvent,
    MediaSilent,
    PlayEnded,
    RecordingEnd,
    SpeechStarted,
    StreamFormat,
)
from ivr.media.player import Playlist
from ivr.media.receiver import Reception
from ivr.media.rtp import RtpPacket, split
from ivr.media.telephone_event import EventReceiver, EventSender, KeyPressed, KeyReleased
from ivr.media.worker.company import Company
from ivr.media.worker.hearing import Heard, Hearing
from ivr.media.worker.outgoing import PACKET_TIME, Outgoing
from ivr.media.worker.play import Interrupt, Play, Why
from ivr.media.worker.recorder import BEEP_PLAY, Recording, beep
from ivr.media.worker.relay import Relay
from ivr.media.worker.reports import Reports
from ivr.media.worker.secure import Protection, Unproved
from ivr.media.worker.sockets import disconnect

LARGEST = 2048
"""Octets of a datagram that are read; no packet time of G.711 in use comes near it."""
STATIC: dict[int, Codec] = {0: "PCMU", 8: "PCMA"}
"""Payload types that mean the same in every call, RFC 3551 table 4: some peers switch between them unasked."""
COMFORT_NOISE = 13
KEY_GAP = 3
"""Packet times between two keys we send: they must not melt into one."""
CHECK_EVERY = 3
"""Packet times between looks at what is due."""

Emit = Callable[[MediaEvent | LegOpened], None]


class Leg(Company):
    """One RTP stream each way, and who hears it."""

    def __init__(self, name: str, pair: tuple[socket.socket, socket.socket], emit: Emit, epoch: float) -> None:
        """`epoch`: monotonic second at which round 0 of the loop began."""
        self.name = name
        self.rtp, self.rtcp = pair
        super().__init__(Outgoing(self.rtp))
        self.format: StreamFormat | None = None
        self.silence_timeout = 0.0
        self.reception = Reception()
        self.reports = Reports(self.rtcp, self.outgoing, self.reception, f"{self.outgoing.ssrc:08x}@ivr")
        self.dropped = 0
        self._emit = emit
        self._epoch = epoch
        self._latch = Latch()
        self._codecs: dict[int, Codec] = {}
        self._silence = b""
        self._keys = EventReceiver()
        self._sending: EventSender | None = None
        self._sending_timestamp = 0
        self._to_send: deque[tuple[str, float]] = deque()
        self._gap = 0
        self._play: Play | None = None
        self._talking = False
        self._hearing: Hearing | None = None
        self._recording: Recording | None = None
        self._round = 0
        self._own_press: int | None = None
        """Timestamp of the last press that came while there was no partner: its tail is not for one who joins."""
        self._heard_at: float | None = None
        self._silent_told = False
        self._checks = 0

    # --- what the engine asks for ---

    def set_remote(self, remote: Address | None, form: StreamFormat, now: float) -> None:
        """A session description was agreed, for the first time or anew."""
        self.format = form
        self._codecs = {**STATIC, form.payload_type: form.codec}
        self._silence = silence(form.codec)
        self._protect(form, now)
        self.outgoing.use_packet_time(form.packet_time)
        if self._latch.announce(remote, now):
            self._unlock()
        self.outgoing.target = self._latch.target
        self._heard_at = now  # silence counts from here
        self._silent_told = False
        self.reports.begin(now)

    def send_away(self) -> None:
        """The peer's sound goes elsewhere until the next session description: nothing is sent or expected here."""
        if self.format is not None:
            self.format = replace(self.format, send=False, receive=False)
        self.reports.pause()

    def _protect(self, form: StreamFormat, now: float) -> None:
        """SRTP from here on, or with other keys, or no longer."""
        protection = None
        if form.suite is not None:
            protection = self.outgoing.protection or Protection()
            protection.use(form, now)
        self.outgoing.protection = protection

    def play(self, name: str, playlist: Playlist, interrupt: Interrupt, now: float) -> None:
        """Play from the next tick on; what is playing is replaced."""
        self.end_play("replaced", now)
        self._play = Play(name, playlist, interrupt)
        self._talking = False

    def end_play(self, why: Why, now: float) -> str | None:
        """Stop playing at once; the name of what was stopped."""
        play, self._play = self._play, None
        if play is None:
            return None
        self._emit(play.ended(self.name, now, why))
        if self._recording is not None and play.name == BEEP_PLAY:
            self._recording.begin(now)
        return play.name

    def listen(self, on: bool) -> None:
        """Voice activity and the caller's sound, or neither."""
        if on and self._hearing is None:
            self._hearing = Hearing(self.name)
        elif not on:
            self._hearing = None

    def record(self, recording: Recording, now: float) -> None:
        """Beep, then keep what the caller says; a recording that goes on ends."""
        self.end_recording("stopped", now)
        self._recording = recording
        codec = self.format.codec if self.format else "PCMU"
        self.play(BEEP_PLAY, Playlist([beep(codec)]), "never", now)

    def end_recording(self, why: RecordingEnd, now: float) -> float:
        """Seconds that were recorded until now."""
        recording, self._recording = self._recording, None
        if recording is None or recording.over:
            return 0.0
        if self._play is not None and self._play.name == BEEP_PLAY:
            self.end_play("stopped", now)
        recording.end(why)
        return recording.seconds

    def send_key(self, key: str, duration: float) -> None:
        """Press a key towards the peer after those that wait already. Raises LocalProtocolError for no key."""
        EventSender(key, duration)
        self._to_send.append((key, duration))

    def close(self, now: float) -> LegClosed:
        """End what goes on, say BYE, close the sockets."""
        recorded = round(self.end_recording("closed", now), 3)
        self.end_play("closed", now)
        self.end_track()
        self.part()
        self.reports.send(self._latch.target, self.outgoing.on_clock(self._elapsed(now)), now, bye=True)
        self.rtp.close()
        self.rtcp.close()
        seen = self.reception
        dropped = self.dropped + self.reports.dropped + self._keys.ignored
        jitter = round(seen.jitter, 6)
        return LegClosed(self.name, self.outgoing.sent, seen.received, seen.lost, jitter, dropped, recorded)

    # --- every 20 ms ---

    def tick(self, round_number: int, now: float) -> None:
        """Send the packet of this round, if one is due."""
        self._round = round_number
        self._checks -= 1
        if self._checks < 0:
            self._checks = CHECK_EVERY
            self._check(now)
        form = self.format
        if form is None or not form.send:
            self._talking = False
            return
        elapsed = round_number * PACKET_TIME
        if (self._sending is not None or self._to_send) and self._send_event(form, elapsed):
            return
        payload = self._next_payload(form, now)
        if payload is not None:
            self.outgoing.sound(
                form.payload_type, self.outgoing.on_clock(elapsed), payload, marker=not self._talking
            )
            self._talking = True
        elif self._relay is None or self._music is not None or self._relay_silent(now):
            self.outgoing.sound(form.payload_type, self.outgoing.on_clock(elapsed), self._silence)
            self._talking = False

    def _relay_silent(self, now: float) -> bool:
        partner = self._partner
        return partner is None or partner._relay is None or now - partner._relay.last > Relay.FILL_AFTER

    def _next_payload(self, form: StreamFormat, now: float) -> bytes | None:
        play = self._play
        if play is not None:
            playlist = play.playlist
            payload = playlist.next()
            if playlist.ended:
                self.end_play("finished", now)
            if payload is not None:
                return transcode(payload, playlist.codec, form.codec)
        if play is None and self._music is not None:
            payload = self._music.next()
            if payload is not None:
                return transcode(payload, self._music.codec, form.codec)
        elif play is None and self._mix is not None:
            return self._mix.heard_by(self, self._round, form.codec)
        return None

    def _send_event(self, form: StreamFormat, elapsed: int) -> bool:
        """Whether a key took this packet time."""
        if form.event_payload_type is None:
            self._to_send.clear()
            self._sending = None
            return False
        if self._gap:
            self._gap -= 1
            return False
        if self._sending is None:
            self.outgoing.end_sound(form.payload_type)
            self._sending = EventSender(*self._to_send.popleft())
            self._sending_timestamp = self.outgoing.on_clock(elapsed)
        packet = self._sending.next()
        if packet is not None:
            marker, payload = packet
            self.outgoing.send(form.event_payload_type, self._sending_timestamp, payload, marker=marker)
        if self._sending.done:
            self._sending, self._gap = None, KEY_GAP
        self._talking = False
        return True

    def _check(self, now: float) -> None:
        if self._keys.deadline is not None:
            self._tell_keys(self._keys.expire(now), now)
        if self._hearing is not None:
            self._tell_heard(self._hearing.expire(now), now)
        if self._recording is not None:
            self._recording.expire(now)
        if now >= self.reports.next:
            self.reports.send(self._latch.target, self.outgoing.on_clock(self._elapsed(now)), now)
        form = self.format
        if form is None or not form.receive or not form.send:
            self._heard_at = now  # a peer that holds us need not send
        elif (
            self.silence_timeout and self._heard_at is not None and now - self._heard_at >= self.silence_timeout
        ) and not self._silent_told:
            self._silent_told = True
            self._emit(MediaSilent(self.name, self.silence_timeout))

    def _elapsed(self, now: float) -> int:
        return int((now - self._epoch) * 8000)

    # --- when something came ---

    def receive_report(self, now: float) -> None:
        """A datagram is waiting on the RTCP socket."""
        self.reports.receive(self._latch.target, now)

    def receive(self, now: float) -> None:
        """A datagram, or an error of one that we sent, is waiting on the RTP socket."""
        source: Address | None = None
        try:
            if self.outgoing.connected:
                data = self.rtp.recv(LARGEST)
            else:
                data, address = self.rtp.recvfrom(LARGEST)
                source = address[:2]
        except BlockingIOError:
            return
        except OSError:  # the peer's port is closed
            self.outgoing.failed += 1
            return
        try:
            if self.outgoing.protection is not None:
                data = self.outgoing.protection.prove(data, now)
            marker, payload_type, sequence_number, timestamp, ssrc, payload = split(data)
        except (RemoteProtocolError, Unproved):
            self.dropped += 1
            return
        form = self.format
        codec = self._codecs.get(payload_type)
        is_event = form is not None and payload_type == form.event_payload_type
        known = codec is not None or is_event or payload_type == COMFORT_NOISE
        if form is None or not known or (source is not None and not self._from_peer(source, now)):
            self.dropped += 1
            return
        ahead = self.reception.update(sequence_number, timestamp, ssrc, now, sound=not is_event)
        self._heard_at = now
        self._silent_told = False
        if is_event:
            packet = RtpPacket(payload_type, sequence_number, timestamp, ssrc, payload, marker)
            self._receive_event(packet, now)
        elif codec is not None and form.receive and payload:
            if self._hearing is not None:
                self._hear(codec, payload, ahead, now)
            if self._recording is not None:
                self._recording.feed(codec, payload, ahead, now, key=self._keys.pressed)
            if self._track is not None and (track := self.track_now()) is not None:
                track.feed(codec, payload, ssrc, timestamp, now, key=self._keys.pressed)
            if self._mix is not None:
                self._mix.put(self, codec, payload, ahead)
            elif self._relay is not None:
                self._pass_on(codec, sequence_number, timestamp, ssrc, payload, marker, now)

    def _from_peer(self, source: Address, now: float) -> bool:
        if not self._latch.accepts(source, now):
            return False
        self.outgoing.target = source
        if self._latch.settled(now):
            self._lock(source)
        return True

    def _lock(self, source: Address) -> None:
        """From here on the kernel keeps strangers out, and saves us looking."""
        try:
            self.rtp.connect(source)
        except OSError:
            self.outgoing.failed += 1
            return
        self.outgoing.connected = True

    def _unlock(self) -> None:
        if self.outgoing.connected:
            disconnect(self.rtp)
            self.outgoing.connected = False

    def _receive_event(self, packet: RtpPacket, now: float) -> None:
        try:
            told = self._keys.handle(packet, now)
        except RemoteProtocolError:
            self.dropped += 1
            return
        self._tell_keys(told, now)
        if self._partner is None:
            self._own_press = packet.timestamp
        elif packet.timestamp != self._own_press:
            self._pass_on(
                None, packet.sequence_number, packet.timestamp, packet.ssrc, packet.payload, packet.marker, now
            )

    def _tell_keys(self, told: list[KeyPressed | KeyReleased], now: float) -> None:
        for event in told:
            if isinstance(event, KeyPressed):
                stopped = self._barge_in("key", now)
                self._emit(KeyHeard(self.name, event.key, now, stopped.play if stopped else None))
                if self._mix is not None and not self.on_hold:
                    self._mix.press(self, event.key)
                if stopped:
                    self._emit(stopped)

    def _barge_in(self, what: Why, now: float) -> PlayEnded | None:
        play = self._play
        if play is None or not play.yields_to("key" if what == "key" else "speech"):
            return None
        self._play = None
        self._talking = False
        return play.ended(self.name, now, what)

    def _hear(self, codec: Codec, payload: bytes, ahead: int, now: float) -> None:
        if self._hearing is not None:
            prompt = self._play is not None
            self._tell_heard(
                self._hearing.feed(codec, payload, ahead, now, prompt=prompt, key=self._keys.pressed), now
            )

    def _tell_heard(self, heard: list[Heard], now: float) -> None:
        for event in heard:
            if isinstance(event, SpeechStarted):
                stopped = self._barge_in("speech", now)
                self._emit(SpeechStarted(self.name, now, stopped.play if stopped else None))
                if stopped:
                    self._emit(stopped)
            else:
                self._emit(event)

    def _pass_on(
        self,
        codec: Codec | None,
        sequence_number: int,
        timestamp: int,
        ssrc: int,
        payload: bytes,
        marker: bool,
        now: float,
    ) -> None:
        """To the partner, unless somebody is held or hears something else; keys (no codec) likewise."""
        other, relay = self._partner, self._relay
        if other is None or relay is None or self._music is not None or other._music is not None:
            return
        form = other.format
        if codec is not None and not (self.may_be_heard and other.may_hear):
            return
        if form is None or not form.send or other._play is not None or other._sending is not None:
            return
        payload_type = form.event_payload_type if codec is None else form.payload_type
        if payload_type is None:
            return
        if codec is not None:
            payload = transcode(payload, codec, form.codec)
        relay.forward(
            payload_type,
            sequence_number,
            timestamp,
            ssrc,
            payload,
            marker=marker,
            elapsed=other._elapsed(now),
            now=now,
            sound=codec is not None,
        )
