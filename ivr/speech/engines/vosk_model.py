"""A vosk model's folder: is it one, and at which rate does it listen?

Looked at before the library sees it, because the library's own message for any mistake is
"Failed to create a model".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ivr.errors import IvrError

KALDI_RATE = 16_000
"""Hz; what Kaldi takes when ``conf/mfcc.conf`` names no rate."""
NEEDED = ("am/final.mdl", "conf/mfcc.conf", "graph")


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder that looks like a model."""

    path: Path
    rate: int
    """Hz of the sound it takes."""
    takes_grammars: bool
    """False: its graph is fixed, and it hears its whole vocabulary whatever a menu allows."""


def look_at(path: Path) -> ModelFolder:
    """Raises IvrError saying what is missing, and where the model may be instead."""
    if not path.is_dir():
        raise IvrError(f"{path} is no folder; unpack a vosk model and name its folder")
    absent = [name for name in NEEDED if not (path / name).exists()]
    if absent:
        inner = [folder for folder in sorted(path.iterdir()) if (folder / NEEDED[0]).exists()]
        hint = f"; did you mean {inner[0]}?" if inner else "; name the folder of an unpacked vosk model"
        raise IvrError(f"{path} is no vosk model: {', '.join(absent)} missing{hint}")
    graph = path / "graph"
    grammars = (graph / "HCLr.fst").exists() and (graph / "Gr.fst").exists()
    if not grammars and not (graph / "HCLG.fst").exists():
        raise IvrError(f"{path} is no whole vosk model: no graph in {graph}; unpack it again")
    return ModelFolder(path, _rate(path / "conf" / "mfcc.conf"), grammars)


def _rate(conf: Path) -> int:
    try:
        text = conf.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise IvrError(f"cannot read {conf}: {error.strerror}") from error
    found = re.search(r"^\s*--sample-frequency\s*=\s*([0-9.]+)", text, re.MULTILINE)
    rate = int(float(found[1])) if found else KALDI_RATE
    if not 8000 <= rate <= 48_000:
        raise IvrError(f"{conf} says {rate} Hz; a model for speech takes 8000 to 48000")
    return rate
