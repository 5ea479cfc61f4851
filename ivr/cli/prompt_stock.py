"""What there is of a menu's prompts: texts, recordings, rendered sounds, and how they measure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ivr.call.clips import clip_of
from ivr.config import Settings, load_settings
from ivr.errors import IvrError
from ivr.menu.events import Piece
from ivr.menu.load import load_menu
from ivr.menu.model import Menu
from ivr.menu.prompts import all_pieces
from ivr.speech.contracts import Clip
from ivr.speech.engines.library import DiskClipLibrary
from ivr.speech.engines.pyttsx3_voice import Pyttsx3Voice
from ivr.speech.engines.recordings import recorded_text
from ivr.speech.recording import Measured, measured
from ivr.speech.wav import decode_wav

CHARACTERS_A_SECOND = 14.0
"""How fast people read prompts aloud, where there is no sound to measure yet."""


@dataclass(frozen=True, slots=True)
class Line:
    """One sound of a menu."""

    id: str
    """Prompt id; empty for values such as digits and cents."""
    language: str
    text: str
    state: str
    """recorded, changed (recorded for another text), unreadable (a recording that is no WAV file), synthesised,
    or missing (neither recorded nor rendered)."""
    recording: Path | None
    """Where a recording is looked for."""
    old_text: str | None
    """What the recording was made for; None where nobody knows, or there is none."""
    sound: Path | None
    """The file that callers hear now."""

    @property
    def recorded(self) -> bool:
        return self.state in ("recorded", "changed", "unreadable")

    def measured(self) -> Measured | None:
        """What the sound measures; None where there is none."""
        try:
            return measured(decode_wav(self.sound.read_bytes())) if self.sound else None
        except (IvrError, OSError):
            return None

    def seconds(self) -> float:
        """How long it takes: as measured, else as it will about be."""
        meter = self.measured()
        return meter.seconds if meter else len(self.text) / CHARACTERS_A_SECOND


class Stock:
    """The prompts of one menu."""

    def __init__(self, menu: str | None, config: Path | None) -> None:
        self.settings: Settings = load_settings(config)
        self.menu: Menu = load_menu(menu or self.settings.menu.default, self.settings.menu.folder)
        voice = Pyttsx3Voice()
        self._library = DiskClipLibrary(self.settings.var / "prompts", voice, self.settings.speech.rate)

    @property
    def languages(self) -> list[str]:
        return [language.code for language in self.menu.languages]

    def clip(self, piece: Piece) -> Clip:
        return clip_of(piece, self.menu, self.settings.menu.audio)

    def lines(self) -> Iterator[Line]:
        """Every sound, once."""
        return map(self.line, self.pieces())

    def pieces(self) -> Iterator[Piece]:
        """What is said in one language's prompts in the voice of another comes with the former."""
        for language in self.menu.languages:
            yield from all_pieces(language.book, currency=self.settings.store.currency)

    def line(self, piece: Piece) -> Line:
        clip = self.clip(piece)
        cached = self._library.cached(clip)
        state, old, sound = ("synthesised" if cached else "missing"), None, cached
        if clip.recording and clip.recording.is_file():
            sound, old = clip.recording, recorded_text(clip.recording)
            state = "recorded" if old in (None, _even(piece.text)) else "changed"
            if not _is_wav(clip.recording):
                state, sound = "unreadable", None
        return Line(piece.prompt, piece.language, piece.text, state, clip.recording, old, sound)


def _even(text: str) -> str:
    return " ".join(text.split())


def _is_wav(path: Path) -> bool:
    try:
        decode_wav(path.read_bytes())
    except (IvrError, OSError):
        return False
    return True
