"""The folder of recordings: ``audio/<language>/<prompt id>.wav``, and beside each what text it says."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from ivr.errors import IvrError
from ivr.speech.sound import to_pcm
from ivr.speech.wav import Sound, encode_wav


def text_file(recording: Path) -> Path:
    """``main.head.txt`` beside ``main.head.wav``."""
    return recording.with_suffix(".txt")


def recorded_text(recording: Path) -> str | None:
    """The text a recording was made for; None for one that was put there by hand."""
    try:
        return " ".join(text_file(recording).read_text("utf-8").split())
    except (OSError, ValueError):
        return None


def keep_recording(recording: Path, sound: Sound, text: str) -> None:
    """Put a sound and its text in their places, each in one go: a call sees the old one or the new one.

    The sound comes first. If the power fails between the two, the recording is told to have changed, and
    nobody takes new words for old ones. Raises IvrError when the folder cannot be written.
    """
    try:
        recording.parent.mkdir(parents=True, exist_ok=True)
        _write(recording, encode_wav(to_pcm(sound), sound.rate))
        _write(text_file(recording), f"{text}\n".encode())
    except OSError as error:
        raise IvrError(
            f"cannot write {recording}: {error.strerror or error}; name a folder you may write to"
        ) from error


def _write(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
            os.fchmod(handle, 0o644)
        Path(temporary).replace(path)
    except OSError:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
