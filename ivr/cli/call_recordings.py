"""`ivr calls recordings`: from a call, or a recording's id, to the files; a conversation as one file."""

from __future__ import annotations

import re
import wave
from pathlib import Path
from typing import Any

from rich.console import Console

from ivr.cli.tables import cell, complain, plain, table
from ivr.errors import IvrError
from ivr.media.g711 import SAMPLE_RATE
from ivr.media.g711_wav import laid_down, read_g711, side_by_side


def recordings_of(record: dict[str, Any], var: Path) -> list[dict[str, Any]]:
    """Each with its `file` as a path and whether it `exists`; those that were never kept are left out."""
    found = []
    for entry in record.get("recordings") or []:
        if isinstance(entry, dict) and entry.get("file"):
            file = (var / str(entry["file"])).absolute()
            id = entry.get("id") or file.name
            found.append({"leg": "caller", **entry, "id": id, "file": str(file), "exists": file.is_file()})
    return found


def nothing_recorded(call_id: str, newest: list[dict[str, Any]], var: Path, *, is_last: bool) -> str:
    """That this call has no recording, and which of the newest calls, newest first, has one."""
    which = f"{call_id} (newest)" if is_last else call_id
    other = next((record["id"] for record in newest if recordings_of(record, var)), "")
    if not other:
        none = f"nor has any of the newest {len(newest)}"
        return f"the call {which} has no recording, {none}; see [recording] in ivr.toml"
    return f"the call {which} has no recording; the newest that has one is {other}: `ivr calls recordings {other}`"


def call_of(id: str) -> str:
    """The call of a recording's id; a call's own id stays what it is.

    >>> call_of("20261122-150000-a1b2c3-r2"), call_of("20261122-150000-a1b2c3-1.wav"), call_of("last")
    ('20261122-150000-a1b2c3', '20261122-150000-a1b2c3', 'last')
    """
    match = re.fullmatch(r"(.+)-(r\d+|\d+\.wav|r\d+\.wav)", id)
    return match[1] if match else id


def tell_recordings(recordings: list[dict[str, Any]], out: Console) -> None:
    """Nothing where there are none."""
    if not recordings:
        return
    shown = table("recorded", "at", "s", "id", "", right=("at", "s"), whole=("id",))
    for one in recordings:
        seconds = one.get("seconds")
        length = f"{seconds:.0f}" if isinstance(seconds, int | float) else "–"
        state = "" if one["exists"] else "deleted"
        shown.add_row(*map(cell, (one["leg"], f"{one.get('at') or 0:.1f}", length, one["id"], state)))
    out.print("", shown)


def write_mix(recordings: list[dict[str, Any]], target: Path) -> float:
    """The conversation as one file to listen to: the caller on the left, everybody else on the right.

    Returns its seconds. Raises IvrError naming the file that is missing or cannot be read or written.
    """
    tracks = [one for one in recordings if "step" not in one]
    if not tracks:
        raise IvrError("this call has no recorded conversation; `ivr calls show` tells what there is")
    parts = [(one["leg"], float(one["at"]), read_g711(Path(one["file"]))) for one in tracks]
    begin = min(at for _, at, _ in parts)
    length = max(round((at - begin) * SAMPLE_RATE) + len(sound) for _, at, sound in parts)
    left, right = (
        laid_down([(at - begin, sound) for leg, at, sound in parts if (leg == "caller") is side], length)
        for side in (True, False)
    )
    try:
        with wave.open(str(target), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(side_by_side(left, right).astype("<i2", copy=False).tobytes())
    except OSError as error:
        raise IvrError(f"{target} cannot be written: {error.strerror or error}") from error
    return length / SAMPLE_RATE


def print_paths(recordings: list[dict[str, Any]]) -> bool:
    """A line with the path of each; what is gone is said on standard error. Whether all are there."""
    for one in recordings:
        if one["exists"]:
            print(plain(one["file"]))
        else:
            complain(f"{one['id']} was deleted, or moved: {one['file']} is not there")
    return all(one["exists"] for one in recordings)
