"""The music callers wait to, made once and kept beside the prompts."""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path

from ivr.media import music
from ivr.media.wav import write_wav


def music_file(var: Path) -> Path:
    """The file, under a name that changes when the music does."""
    version = hashlib.sha256(inspect.getsource(music).encode()).hexdigest()[:12]
    path = (var / "prompts" / f"music-{version}.wav").absolute()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".tmp")
        write_wav(draft, music.hold_music())
        draft.replace(path)
    return path
