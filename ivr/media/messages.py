"""What is said between the engine and a media worker. Times are monotonic seconds of the same machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """What `call` agreed with the peer for one leg; picked from the SDP answer."""

    codec: Literal["PCMU", "PCMA"] = "PCMU"
    payload_type: int = 0
    event_payload_type: int | None = 101
    """Payload type of telephone-event, RFC 4733; None when it was not agreed."""
    send: bool = True
    """False while the peer holds us (their direction is sendonly or inactive): no RTP at all."""
    receive: bool = True
    packet_time: int = 20
    """Milliseconds of sound in packets to the peer; what it sends may be of any length."""
    suite: str | None = None
    """How both directions are protected, by its name in RFC 4568; None for plain RTP."""
    send_key: str = field(default="", repr=False)
    """Master key and salt of what we send, base64."""
    receive_key: str = field(default="", repr=False)
    """The same for what the peer sends."""


@dataclass(frozen=True, slots=True)
class LegOpened:
    """Answer to opening a leg."""

    leg: str
    port: int
    """Our even RTP port; RTCP is one higher."""


@dataclass(frozen=True, slots=True)
class KeyHeard:
    """One press of one key, told once, at its first packet. RFC 4733."""

    leg: str
    key: str
    """One of 0-9 * # A B C D."""
    at: float
    stopped: str | None
    """Name of the play it stopped, None if it stopped nothing."""


@dataclass(frozen=True, slots=True)
class PlayEnded:
    """A play came to its end, was stopped, or was replaced. Told exactly once per play."""

    leg: str
    play: str
    at: float
    finished: bool
    """True if its last packet was sent."""
    played: float
    """Seconds of it that were sent."""
    why: Literal["finished", "key", "speech", "stopped", "replaced", "closed", "unreadable"] = "finished"


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The caller began to speak while the leg was listened to."""

    leg: str
    at: float
    stopped: str | None


@dataclass(frozen=True, slots=True)
class AudioHeard:
    """Sound between SpeechStarted and SpeechEnded, the first with 300 ms of what came before."""

    leg: str
    pcm: bytes = field(repr=False)
    """Linear samples, 16 bit little endian, mono, 8 kHz."""


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The caller has been silent for the hang-over time."""

    leg: str
    at: float


@dataclass(frozen=True, slots=True)
class MediaSilent:
    """No RTP has come for the set time."""

    leg: str
    seconds: float


RecordingEnd = Literal["silence", "longest", "stopped", "closed", "unwritable"]


@dataclass(frozen=True, slots=True)
class RecordingClosed:
    """A recording is over, and its file on disk."""

    leg: str
    recording: str
    seconds: float
    """Of sound; 0 when nobody spoke or nothing could be written, and then there is no file."""
    why: RecordingEnd


@dataclass(frozen=True, slots=True)
class LegClosed:
    """Figures of a leg that was closed."""

    leg: str
    sent: int
    """RTP packets."""
    received: int
    lost: int
    """From sequence numbers, RFC 3550 appendix A.3; never negative here."""
    jitter: float
    """Seconds, RFC 3550 section 6.4.1."""
    dropped: int
    """Malformed, foreign or unexpected packets."""
    recorded: float = 0.0
    """Seconds of a recording that ended with the leg; its file is being written."""


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A media worker died; these legs have no sound any more. It is being restarted."""

    legs: tuple[str, ...]


MediaEvent = (
    KeyHeard
    | PlayEnded
    | SpeechStarted
    | AudioHeard
    | SpeechEnded
    | MediaSilent
    | RecordingClosed
    | LegClosed
    | WorkerLost
)
