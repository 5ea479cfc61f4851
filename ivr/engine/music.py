"""The music callers wait to and the ringing tone agents hear, made once and kept beside the prompts."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from pathlib import Path

from ivr.media import music
from ivr.media.g711 import Samples
from ivr.media.wav import write_wav


def music_file(var: Path) -> Path:
    """The file, under a name that changes when the music does."""
    return _file(var, "music", music.hold_music)


def ringing_file(var: Path) -> Path:
    """Likewise the ringing tone."""
    return _file(var, "ringing", music.ringing_tone)


def _file(var: Path, name: str, make: Callable[[], Samples]) -> Path:
    version = hashlib.sha256(inspect.getsource(music).encode()).hexdigest()[:12]
    path = (var / "prompts" / f"{name}-{version}.wav").absolute()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".tmp")
        write_wav(draft, make())
        draft.replace(path)
    return path
