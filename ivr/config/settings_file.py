"""Which settings file is used: the one that was named, the nearest ``ivr.toml``, or the shipped sample."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ivr.config.shipped import shipped

NAME = "ivr.toml"


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A settings file, and what was done to find it."""

    path: Path
    home: Path = Path()
    """Relative paths in the file count from here: the folder a command was started in, or the one above it
    where the file was found."""
    is_sample: bool = False
    """Nobody named a file and none was found, so it is the sample that comes with the package."""


def settings_file(path: Path | None = None, environ: Mapping[str, str] | None = None) -> SettingsFile:
    """`path` wins over ``IVR_CONFIG``, which wins over the nearest ``ivr.toml``, here or in a folder above."""
    environ = os.environ if environ is None else environ
    if path is not None:
        return SettingsFile(path)
    if named := environ.get("IVR_CONFIG"):
        return SettingsFile(Path(named))
    for home in _upwards():
        if (home / NAME).is_file() and (home == Path() or _trusted(home / NAME)):
            return SettingsFile(home / NAME, home)
    return SettingsFile(shipped(NAME), is_sample=True)


def _upwards() -> Iterator[Path]:
    """This folder, and those above it, as ``..``."""
    yield Path()
    try:
        above = len(Path.cwd().parents)
    except OSError:  # the folder we are in was removed
        return
    for number in range(1, above + 1):
        yield Path(*[".."] * number)


def _trusted(path: Path) -> bool:
    """Settings say which hosts are called and where files go: one that a stranger left in a folder
    above, such as ``/tmp``, is not ours."""
    try:
        return path.stat().st_uid in (0, os.getuid())
    except OSError:
        return False
