"""What the settings of one ``[[ici.workmodes]]`` must be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from ivr.config.settings import Workmode

OURS: Final = (1, 2, 3, 4)
"""Work modes that are there without settings; their texts may be changed."""
LAST_OF_SAP: Final = 999
MOST: Final = 47
"""Reasons of a site's own: more than a known adapter to SAP can list (ICI.md section 3.1)."""
LAST: Final = 999_999_999
"""Nine digits, as many as are read."""


Row = Callable[[str, dict[str, Any], type], dict[str, Any]]
Wrong = Callable[[str, str, str], None]


def read_workmodes(rows: Any, row: Row, wrong: Wrong) -> tuple[Workmode, ...]:
    """What `[[ici.workmodes]]` says. `row` reads one table, `wrong` is told of mistakes: table, key, message."""
    if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
        wrong("ici", "workmodes", "must be written as [[ici.workmodes]], one table per text")
        return ()
    modes: list[Workmode] = []
    for number, one in enumerate(rows, 1):
        mode = Workmode(**row(f"ici.workmodes {number}", one, Workmode))
        for key, message in workmode_problems(mode, modes):
            wrong(f"ici.workmodes {number}", key, message)
        modes.append(mode)
    return tuple(modes)


def workmode_problems(workmode: Workmode, before: Sequence[Workmode]) -> Iterator[tuple[str, str]]:
    """Every mistake: the key, and what is wrong with it. `before` are those read already."""
    own = {one.id for one in before if one.id > LAST_OF_SAP}
    if workmode.id not in OURS and not LAST_OF_SAP < workmode.id <= LAST:
        found = f"is {workmode.id}" if workmode.id else "is missing"
        yield "id", f"{found}; write a number above {LAST_OF_SAP}, or 1 to 4 for another text of those"
    elif (workmode.id, workmode.language) in {(one.id, one.language) for one in before}:
        yield "id", f"{workmode.id} has two texts in one language; leave one of them out"
    elif workmode.id > LAST_OF_SAP and workmode.id not in own and len(own) >= MOST:
        yield "id", f"{workmode.id} is one too many; at most {MOST} reasons above {LAST_OF_SAP} can be listed"
    if not workmode.text.strip() or not workmode.text.isprintable():
        found = f"is {workmode.text!r}" if workmode.text else "is missing"
        yield "text", f"{found}; write what agents see, on one line"
    if workmode.language and not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", workmode.language):
        yield "language", f"is {workmode.language!r}; write a language like de or pt-BR"
