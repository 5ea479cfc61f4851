"""A telephone that does what a script says: dials or is dialled, speaks, presses keys, listens."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ivr.call.leg import format_of, new_keys
from ivr.call.signalling import Signalling
from ivr.clock import Clock, SystemClock
from ivr.errors import IvrError, RemoteProtocolError
from ivr.media.g711 import SAMPLE_RATE, Samples
from ivr.media.wav import write_wav
from ivr.media.worker.secure import Protection
from ivr.net.resolve import resolve
from ivr.net.routes import local_address_towards
from ivr.net.tls import Certificates
from ivr.sdp import Agreement, LocalMedia, SessionDescription, Srtp, answer, make_offer, read_answer
from ivr.sip import events as sip
from ivr.sip.address import parse_sip_address
from ivr.sip.events import UserAgentSettings
from ivr.sip.fields import host_port
from ivr.sip.user_agent import UserAgent
from ivr.testing.phone_sound import PhoneSound
from ivr.testing.phone_transfer import PhoneTransfer, follow

LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Of what is listened on everywhere, the address that is surely there."""
KEY_LENGTH = 0.1
KEY_PAUSE = 0.1
"""Seconds a key is held, and the pause behind it."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Answering:
    """How the phone treats calls that come in."""

    after: float = 0.0
    """Seconds it rings."""
    status: int = 200
    """Another status refuses the call after that time."""
    refers: int = 202
    """How it answers who asks it to call somebody else; 202 does it."""
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    srtp: Srtp = "off"
    """Whether it protects its sound (RFC 4568)."""
    reoffers: int = 200
    """Another status refuses every change of the session in the middle of a call."""
    picked_up: asyncio.Event | None = None
    """Where there is one, it rings until this is set, and `after` begins then."""


class PhoneCall:
    """One call of the phone, whoever dialled."""

    def __init__(self, leg: str, phone: ScriptedPhone, sound: PhoneSound) -> None:
        self.leg = leg
        self.sound = sound
        self._phone = phone
        self._clock = phone.clock
        self.status = 0
        """Final SIP status of the dialling: 200 when answered; 0 while there is none."""
        self.phrase = ""
        self.caller = ""
        """User part of who calls us, when we were dialled."""
        self.display_name = ""
        self.incoming: sip.IncomingCall | None = None
        """All about it, when we were dialled."""
        self.transfer = PhoneTransfer()
        self.transferred: PhoneCall | None = None
        """The call that the other side asked us to make instead of this one."""
        self.timeline: dict[str, float] = {"dialled": self._clock.monotonic()}
        """Monotonic times: dialled, trying, ringing, answered, ended."""
        self.ended_by = ""
        self.end_reason = ""
        self._decided = asyncio.Event()
        self._over = asyncio.Event()
        self.local: LocalMedia | None = None
        self.offered: SessionDescription | None = None
        self.agreement: Agreement | None = None
        self.protection: Protection | None = None
        self.sessions: list[SessionDescription] = []
        """What the other side said of its session, oldest first."""
        self.reoffered: asyncio.Future[int] | None = None
        """The outcome of an offer of ours in the middle of the call: its status."""

    @property
    def answered(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    @property
    def recording(self) -> Samples:
        """What was heard so far, 8 kHz."""
        return self.sound.recording

    def save(self, path: Path) -> None:
        """Write the recording as WAV. Raises OSError when it cannot be written."""
        write_wav(path, self.recording)

    # --- doing ----------------------------------------------------------------------------------------

    async def press(self, keys: str, *, pace: float = KEY_PAUSE, held: float = KEY_LENGTH) -> None:
        """Press keys one after another, `pace` seconds between them, and wait until they are sent.

        Raises IvrError when telephone events were not agreed on, LocalProtocolError for what is no key.
        """
        if not self.sound.can_press:
            raise IvrError("the other side takes no telephone events (RFC 4733); keys cannot be sent")
        for key in keys:
            self.sound.press(key, held, pace)
        await self._spoken()

    async def play(self, samples: Samples) -> None:
        """Send sound of 8 kHz and wait until it is sent."""
        self.sound.say(samples)
        await self._spoken()

    async def talk_tone(self, hertz: float, seconds: float) -> None:
        """Send a tone of -12 dBFS."""
        time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        await self.play((8000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16))

    async def hang_up(self) -> None:
        """BYE, or CANCEL while it rings; returns when the call is over."""
        self._phone.signalling.hang_up(self.leg)
        await self.ended()

    async def offer(self, direction: str = "sendrecv") -> int:
        """Change the session by re-INVITE; the status of the answer. ``sendonly`` holds the other side."""
        assert self.local is not None
        self.local = replace(self.local, direction=direction, version=self.local.version + 1)
        self.offered = make_offer(self.local)
        self.reoffered = asyncio.get_running_loop().create_future()
        while not self._phone.signalling.offer(self.leg, self.offered.encode()):
            if self.is_over:
                raise IvrError(f"the call is over ({self.end_reason or self.phrase})")
            await asyncio.sleep(0.05)  # an offer of the other side is just under way
        return await self.reoffered

    async def refer(self, target: str, *, to_call: PhoneCall | None = None) -> sip.ReferEnded:
        """Ask the other side to call `target` instead of us (to take the place of `to_call`, our call with it).

        Returns what became of it; this call goes on until somebody hangs up. Raises LocalProtocolError.
        """
        self._phone.signalling.refer(self.leg, target, replaces_leg=to_call.leg if to_call else "")
        return await self.transfer.outcome()

    async def decided(self) -> None:
        """Until it is answered, refused or over."""
        await self._decided.wait()

    async def ended(self) -> None:
        """Until it is over."""
        await self._over.wait()

    async def wait_for_sound(self, timeout: float = 5.0, *, after: float | None = None) -> float:
        """Until something is heard (later than the monotonic time `after`); returns when that was.

        Raises TimeoutError.
        """
        since = after if after is not None else 0.0

        def heard() -> bool:
            return self.sound.last_sound is not None and self.sound.last_sound > since

        await self._until(heard, timeout)
        assert self.sound.last_sound is not None
        return self.sound.last_sound

    async def wait_for_silence(self, seconds: float = 0.7, timeout: float = 30.0) -> None:
        """Until nothing has been heard for `seconds`. Raises TimeoutError."""
        begun = self._clock.monotonic()

        def silent() -> bool:
            last = max(self.sound.last_sound or 0.0, begun)
            return self._clock.monotonic() - last >= seconds

        await self._until(silent, timeout)

    async def _until(self, condition: Callable[[], bool], timeout: float) -> None:
        async with asyncio.timeout(timeout):
            while not condition():
                if self.is_over:
                    raise IvrError(f"the call is over ({self.end_reason or self.phrase})")
                await asyncio.sleep(0.02)

    async def _spoken(self) -> None:
        waits = [asyncio.create_task(event.wait()) for event in (self._over, self.sound.spoken)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()

    # --- what happens ---------------------------------------------------------------------------------

    def mark(self, what: str) -> None:
        self.timeline.setdefault(what, self._clock.monotonic())

    def settle(self, status: int, phrase: str) -> None:
        self.status, self.phrase = status, phrase
        self._decided.set()

    def finish(self, by: str, reason: str) -> None:
        if not self.is_over:
            self.ended_by, self.end_reason = by, reason
            self.mark("ended")
            self._decided.set()
            self._over.set()


class ScriptedPhone:
    """A softphone without a person. `start` before use, `stop` after.

    `answering` None lets calls that come in ring for ever.
    """

    def __init__(
        self,
        user: str = "phone",
        *,
        local_host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        answering: Answering | None = None,
        tcp: bool = True,
        srtp: Srtp = "off",
        certificates: Certificates | None = None,
    ) -> None:
        """`srtp`: of calls it makes; `answering` has that of calls it takes. `certificates`: whom it believes over
        TLS; without them, whom the system does."""
        self._srtp = srtp
        self.user = user
        self.clock = clock or SystemClock()
        self.answering = answering
        self._host = local_host
        self._port = port
        self._tcp = tcp
        self._calls: dict[str, PhoneCall] = {}
        self.rung = 0
        """Calls that came in."""
        self._answered: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self._tasks: set[asyncio.Task[Any]] = set()
        user_agent = UserAgent(UserAgentSettings(product="ivr-phone"))
        self.signalling = Signalling(user_agent, self.clock, self._on_sip, certificates=certificates)

    async def start(self) -> None:
        """Listen for SIP on UDP and TCP. Raises OSError when the port is taken."""
        await self.signalling.bind(self._host, self._port, tcp=self._tcp)

    async def stop(self) -> None:
        """Hang up what is live and close everything."""
        for call in list(self._calls.values()):
            if not call.is_over:
                self.signalling.hang_up(call.leg)
        for task in self._tasks:
            task.cancel()
        for call in list(self._calls.values()):
            await call.sound.close()
        await self.signalling.close()

    @property
    def uri(self) -> str:
        """Where the phone is reached."""
        host = LOOPBACK.get(self._host, self._host)
        return f"sip:{self.user}@{host_port((host, self.signalling.port))}"

    async def dial(self, target: str, *, wait: bool = True, headers: Sequence[tuple[str, str]] = ()) -> PhoneCall:
        """Call a SIP address; returns when it is answered, refused or dead (at once if not `wait`).

        Raises IvrError for an address that is none, OSError for a host without address.
        """
        address = parse_sip_address(target)
        host = await resolve(address.host)
        flow = self.signalling.flow_to((host, address.port), address.transport, address.host)
        sound = PhoneSound(self.clock)
        call = PhoneCall(f"phone-{secrets.token_hex(6)}", self, sound)
        port = await sound.open(local_address_towards(host) if self._host in LOOPBACK else self._host)
        call.local = self._local(flow.local[0], port, ("PCMU", "PCMA"), self._srtp)
        call.offered = make_offer(call.local)
        self._calls[call.leg] = call
        caller = f"sip:{self.user}@{host_port(flow.local)}"
        offer = call.offered.encode()
        self.signalling.invite(call.leg, target, offer, flow, caller_uri=caller, headers=headers)
        if wait:
            await call.decided()
        return call

    async def next_call(self, timeout: float = 10.0) -> PhoneCall:
        """The next call that came in and was answered. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            return await self._answered.get()

    # --- events ---------------------------------------------------------------------------------------

    def _on_sip(self, event: sip.Output) -> None:
        if isinstance(event, sip.IncomingCall):
            self._spawn(self._ring(event))
            return
        call = self._calls.get(getattr(event, "leg", ""))
        if call is None:
            return
        match event:
            case sip.CallProgress():
                call.mark("ringing" if event.status >= 180 else "trying")
            case sip.CallAccepted():
                self._accepted(call, event.answer)
            case sip.CallRefused():
                call.settle(event.status, event.phrase)
                self._over(call, "remote", f"{event.status} {event.phrase}")
            case sip.CallCancelled():
                self._over(call, "remote", "cancelled")
            case sip.CallEnded():
                self._over(call, event.by, event.reason)
            case sip.SessionOffered():
                self._reoffered(call, event.offer)
            case sip.SessionAnswered():
                self._reanswered(call, event.answer)
            case sip.SessionRefused():
                _tell(call.reoffered, event.status)
            case sip.ReferRequested():
                self._spawn(follow(self, call, event))
            case sip.ReferAccepted() | sip.ReferProgress() | sip.ReferEnded():
                call.transfer.told(event)
            case _:
                pass

    def _local(self, host: str, port: int, codecs: tuple[str, ...], srtp: Srtp) -> LocalMedia:
        number = secrets.randbits(31)
        return LocalMedia(host, port, session_id=number, codecs=codecs, srtp=srtp, keys=new_keys(srtp))

    def _accepted(self, call: PhoneCall, answered: bytes) -> None:
        assert call.offered is not None
        try:
            self._use(call, read_answer(call.offered, SessionDescription.parse(answered)))
        except RemoteProtocolError as error:
            call.settle(488, f"unusable answer: {error}")
            self.signalling.hang_up(call.leg)
            return
        call.mark("answered")
        call.settle(200, "OK")

    def _use(self, call: PhoneCall, agreement: Agreement) -> None:
        call.agreement = agreement
        form = format_of(agreement)
        if form.suite is None:
            call.protection = None
        else:
            call.protection = call.protection or Protection()
            call.protection.use(form, self.clock.monotonic())
        call.sound.muted = not form.send
        call.sound.connect(
            agreement.remote,
            agreement.codec,
            agreement.payload_type,
            agreement.event_payload_type,
            protection=call.protection,
        )

    def _reanswered(self, call: PhoneCall, answered: bytes) -> None:
        assert call.offered is not None
        theirs = SessionDescription.parse(answered)
        call.sessions.append(theirs)
        try:
            self._use(call, read_answer(call.offered, theirs))
        except RemoteProtocolError as error:
            _tell(call.reoffered, 488)
            logger.warning("unusable_answer error=%s", error)
            return
        _tell(call.reoffered, 200)

    def _reoffered(self, call: PhoneCall, offer: bytes) -> None:
        assert call.local is not None
        if self.answering is not None and self.answering.reoffers != 200:
            self.signalling.refuse_offer(call.leg, self.answering.reoffers)
            return
        try:
            call.sessions.append(SessionDescription.parse(offer))
            agreement = answer(SessionDescription.parse(offer), call.local)
        except RemoteProtocolError:
            self.signalling.refuse_offer(call.leg, 488)
            return
        self._use(call, agreement)
        self.signalling.accept_offer(call.leg, agreement.description.encode())

    async def _ring(self, incoming: sip.IncomingCall) -> None:
        """A call came in: ring, then answer or refuse as `answering` says."""
        sound = PhoneSound(self.clock)
        call = PhoneCall(incoming.leg, self, sound)
        call.caller, call.incoming = incoming.calling_number, incoming
        self._calls[incoming.leg] = call
        self.signalling.ring(incoming.leg)
        self.rung += 1
        call.mark("ringing")
        if self.answering is None:
            return
        if self.answering.picked_up is not None:
            await self.answering.picked_up.wait()
        await asyncio.sleep(self.answering.after)
        if call.is_over:
            return
        if self.answering.status != 200:
            self.signalling.refuse(incoming.leg, self.answering.status)
            self._over(call, "local", f"refused with {self.answering.status}")
            return
        port = await sound.open(incoming.flow.local[0])
        call.local = self._local(incoming.flow.local[0], port, self.answering.codecs, self.answering.srtp)
        try:
            agreement = answer(SessionDescription.parse(incoming.offer), call.local)
        except RemoteProtocolError:
            self.signalling.refuse(incoming.leg, 488)
            self._over(call, "local", "refused with 488")
            return
        self._use(call, agreement)
        self.signalling.answer(incoming.leg, agreement.description.encode())
        call.mark("answered")
        call.settle(200, "OK")
        self._answered.put_nowait(call)

    def _over(self, call: PhoneCall, by: str, reason: str) -> None:
        call.finish(by, reason)
        self._spawn(call.sound.close())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _tell(outcome: asyncio.Future[int] | None, status: int) -> None:
    if outcome is not None and not outcome.done():
        outcome.set_result(status)
