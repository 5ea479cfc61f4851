"""What a recogniser and a synthesiser promise, whichever engine is behind them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

SAMPLE_RATE = 8000
"""Hz, of all sound in and out of this room: linear 16 bit little endian, mono."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """What may be said at this point."""

    language: str
    phrases: tuple[str, ...] = ()
    digits: bool = False


@dataclass(frozen=True, slots=True)
class Recognition:
    """What an utterance was taken for."""

    kind: Literal["match", "no_match", "no_input", "error"]
    phrase: str = ""
    """The phrase of the grammar that matched, or a digit string; empty unless kind is match."""
    confidence: float = 0.0
    """0 to 1: lowest word confidence."""
    text: str = ""
    """What the engine returned, for the curious; may hold digits, so treat it as the phrase."""


class Recogniser(Protocol):
    """Turns utterances into phrases. One session per call; sessions are named by the caller."""

    languages: frozenset[str]
    """Languages it hears; empty means keys only."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def open(self, session: str, grammar: Grammar) -> None:
        """Begin to listen for `grammar`; replaces what the session listened for."""
        ...

    def feed(self, session: str, pcm: bytes) -> None:
        """Sound of the caller. Dropped, and counted, when the recogniser cannot keep up."""
        ...

    async def finish(self, session: str) -> Recognition:
        """The utterance is over: what was it? Never raises: kind is error if the engine failed."""
        ...

    def close(self, session: str) -> None:
        """Forget the session."""
        ...


class Synthesiser(Protocol):
    """Turns text into sound."""

    name: str
    """Engine and version; part of every cache key."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def render(self, text: str, voice: str, rate: int) -> bytes:
        """Sound of `text` at SAMPLE_RATE. Raises IvrError when the engine cannot, naming text and voice."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Clip:
    """Something to be said: a recording if there is one, the text if not."""

    language: str
    voice: str
    text: str
    recording: Path | None = None
    """Candidate file; used when it exists."""
    secret: bool = False
    """Its text is in no log, no exception and no lasting file."""

    def __repr__(self) -> str:
        text = "•" if self.secret else repr(self.text)
        return f"Clip({self.language}, {self.voice}, {text}, recording={self.recording})"


class ClipLibrary(Protocol):
    """Sound files of clips, rendered once and kept."""

    async def file(self, clip: Clip) -> Path:
        """An 8 kHz mono 16 bit WAV file that says the clip; rendered now if it is not cached."""
        ...
