"""How the engine and a worker talk: frames over a stream socket, each a JSON header and a binary tail.

::

    +----------------+----------------+---------------+-------------+
    | header octets  | tail octets    | header        | tail        |
    | 32 bits        | 32 bits        | JSON, UTF-8   | sound       |
    +----------------+----------------+---------------+-------------+
"""

from __future__ import annotations

import json
import struct
from dataclasses import fields
from typing import Any

from ivr.errors import RemoteProtocolError
from ivr.media.messages import (
    AudioHeard,
    KeyHeard,
    LegClosed,
    LegOpened,
    MediaEvent,
    MediaSilent,
    PlayEnded,
    RecordingClosed,
    SpeechEnded,
    SpeechStarted,
)

SIZES = struct.Struct("!II")
LARGEST = 4_000_000
"""Octets; no header or tail is near it, so a larger one means that the stream lost its place."""

Header = dict[str, Any]

_EVENTS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        KeyHeard,
        PlayEnded,
        SpeechStarted,
        SpeechEnded,
        MediaSilent,
        RecordingClosed,
        LegClosed,
        LegOpened,
    )
}


def encode_frame(header: Header, tail: bytes = b"") -> bytes:
    """One frame."""
    text = json.dumps(header, separators=(",", ":")).encode()
    return SIZES.pack(len(text), len(tail)) + text + tail


class FrameReader:
    """Finds the frames in a stream that arrives in pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[Header, bytes]]:
        """The frames that are complete now. Raises RemoteProtocolError when the stream makes no sense."""
        self._buffer += data
        frames: list[tuple[Header, bytes]] = []
        while len(self._buffer) >= SIZES.size:
            header_size, tail_size = SIZES.unpack_from(self._buffer)
            if header_size > LARGEST or tail_size > LARGEST:
                raise RemoteProtocolError(
                    f"control frame of {header_size} and {tail_size} octets; limit {LARGEST}"
                )
            middle, end = SIZES.size + header_size, SIZES.size + header_size + tail_size
            if len(self._buffer) < end:
                break
            frames.append((_header(bytes(self._buffer[SIZES.size : middle])), bytes(self._buffer[middle:end])))
            del self._buffer[:end]
        return frames


def _header(text: bytes) -> Header:
    try:
        header = json.loads(text)
    except ValueError as error:
        raise RemoteProtocolError(f"control frame with a header that is no JSON: {error}") from error
    if not isinstance(header, dict):
        raise RemoteProtocolError(
            f"control frame with a header of type {type(header).__name__}; needed is an object"
        )
    return header


def encode_event(event: MediaEvent | LegOpened) -> bytes:
    """An event as a frame; sound travels in the tail."""
    if isinstance(event, AudioHeard):
        return encode_frame({"event": "AudioHeard", "leg": event.leg}, event.pcm)
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    return encode_frame({"event": type(event).__name__, **values})


def decode_event(header: Header, tail: bytes) -> MediaEvent | LegOpened:
    """The event of a frame. Raises RemoteProtocolError when it is none."""
    values = dict(header)
    name = values.pop("event", None)
    if name == "AudioHeard" and isinstance(values.get("leg"), str):
        return AudioHeard(values["leg"], tail)
    kind = _EVENTS.get(str(name))
    if kind is None:
        raise RemoteProtocolError(f"control frame names the event {name!r}; known are {', '.join(_EVENTS)}")
    try:
        event: MediaEvent | LegOpened = kind(**values)
    except TypeError as error:
        raise RemoteProtocolError(f"control frame for {name}: {error}") from error
    return event
