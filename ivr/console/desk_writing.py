"""What a person writes into the attached data of a call: notes, the reason of wrap-up, fields; and what the engine
made of it. That it is written is said when the engine has it, for it keeps what the menu learnt as it is."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import Final

from ivr.console.desk_events import AttachedData

CONTACT, NOTE, REASON = "IVR/CONTACT", "NOTE", "WRAP_UP_REASON"
"""Where a note goes: into the contact record, and to whoever gets the call next."""
WRITES: Final = ("note", "reason", "field")
"""Operations that write attached data: allowed when the call is over, too (ICI.md section 3.2)."""
FIELD = re.compile(r"(?:(?P<block>\S{1,64}) )?(?P<name>[A-Za-z_][A-Za-z0-9_]{0,63}) ?= ?(?P<text>.*)", re.DOTALL)
"""What is typed to fill in a field."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One field that is to have this text."""

    block: str
    field: str
    text: str
    words: str
    """What is said when it has."""

    def block_of(self, data: AttachedData) -> dict[str, str]:
        """The whole block with what is new in it."""
        return {**data.get(self.block, {}), self.field: self.text}


def wish_of(operation: str, argument: str, data: AttachedData) -> Wish | None:
    """None for a field that is not written as ``NAME=text``.

    ``WISH=text`` goes into the menu's block, which is the first; another block is named before it.
    """
    if operation == "note":
        return Wish(CONTACT, NOTE, argument, "Noted.")
    if operation == "reason":
        return Wish(CONTACT, REASON, argument, f"What came of it: {argument}.")
    match = FIELD.fullmatch(argument)
    if match is None:
        return None
    block = match["block"] or next(iter(data), CONTACT)
    shown = f"{match['name']}: {match['text']}." if match["text"] else f"{match['name']} is empty."
    return Wish(block, match["name"], match["text"], shown)


class Wishes:
    """What was asked for and is not answered yet, in the order of asking: the engine is asked one by one."""

    def __init__(self) -> None:
        self._asked: deque[Wish] = deque()

    def add(self, wish: Wish) -> None:
        self._asked.append(wish)

    def forget(self) -> None:
        self._asked.clear()

    def refused(self) -> None:
        """Nothing was written; why is said elsewhere."""
        if self._asked:
            self._asked.popleft()

    def taken(self, data: AttachedData) -> tuple[str, str]:
        """What to say of the oldest, now that the document is `data`, or what went wrong; the other is empty."""
        if not self._asked:
            return "", ""
        wish = self._asked.popleft()
        now = data.get(wish.block, {}).get(wish.field, "")
        return (wish.words, "") if now == wish.text else ("", _kept(wish.field, now))


def _kept(name: str, now: str) -> str:
    stays = f"{name} stays {now}" if now else f"{name} stays empty"
    return f"{stays}: nobody writes over what the menu learnt or SAP marked. The call's record has what you tried."
