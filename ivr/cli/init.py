"""`ivr init`: a folder of one's own to edit."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from ivr.cli.tables import plain
from ivr.config import shipped
from ivr.errors import IvrError

PARTS = ("ivr.toml", "menus", "audio")


def init(
    folder: Annotated[Path, typer.Argument(help="Where to put them; made if it is not there.")] = Path(),
) -> None:
    """Copy the sample menus, their prompts and tests, the recordings and the settings into FOLDER, to be edited.

    Nothing is overwritten: where one of them is there already, nothing at all is copied.
    """
    there = [name for name in PARTS if (folder / name).exists()]
    if there:
        raise IvrError(f"{folder} has {' and '.join(there)} already; name another folder, or move them away")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in PARTS:
            if shipped(name).is_dir():
                shutil.copytree(shipped(name), folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(shipped(name), folder / name)
    except OSError as error:
        raise IvrError(f"{folder} cannot be written: {error.strerror or error}; name another folder") from error
    way = "" if folder.resolve() == Path.cwd() else f"cd {folder}, "
    print(
        plain(f"{folder}: menus, audio and ivr.toml. Next: {way}read menus/README.md, then ivr check, ivr serve.")
    )
