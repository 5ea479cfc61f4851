"""From the pieces a menu says to the clips a voice or a recording says: where `menu` and `speech` meet."""

from __future__ import annotations

from pathlib import Path

from ivr.menu.events import Piece
from ivr.menu.model import Menu
from ivr.menu.prompts import all_pieces
from ivr.speech.contracts import Clip

USUAL_VOICES = {"en": "gmw/en-us", "es": "roa/es-419"}
"""Voices for a language whose menu names none; any other language is spoken by the voice of its own name."""


def clip_of(piece: Piece, menu: Menu, audio: Path) -> Clip:
    """What `piece` sounds like in `menu`; `audio` is the folder of recordings, one folder per language in it."""
    voice = next((known.voice for known in menu.languages if known.code == piece.language), "")
    return Clip(
        language=piece.language,
        voice=voice or USUAL_VOICES.get(piece.language, piece.language),
        text=piece.text,
        recording=_recording(piece, audio),
        secret=piece.secret,
    )


def clips_of(menu: Menu, audio: Path, *, currency: str = "USD") -> list[Clip]:
    """Everything of `menu` that can be rendered before its first call, each clip once."""
    pieces = (piece for known in menu.languages for piece in all_pieces(known.book, currency=currency))
    return list(dict.fromkeys(clip_of(piece, menu, audio) for piece in pieces))


def _recording(piece: Piece, audio: Path) -> Path | None:
    """Prompt files are written by people: a name that leaves the folder of its language counts as none."""
    if not piece.recording or Path(piece.recording).is_absolute() or ".." in Path(piece.recording).parts:
        return None
    return audio / piece.language / piece.recording
