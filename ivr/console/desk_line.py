"""A line that is being typed: its keys, its text, its cursor, and the part of it that a narrow window shows.

The keys are those of every shell: arrows, Home and End (Ctrl-A, Ctrl-E), Backspace and Delete, Ctrl-W for a word,
Ctrl-U for everything before the cursor. Escape sequences are those of ECMA-48 section 5.4 (CSI), and SS3 for
application cursor keys.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len, set_cell_size

MOST = 1000
"""Characters a line may have; more is not typed by anybody."""
SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O[ -~])|.", re.DOTALL)
"""One key: an escape sequence, or a character."""
UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O)?\Z")
"""The beginning of a sequence at the end of what was read."""
LEFT, RIGHT = ("\x1b[D", "\x1bOD", "\x02"), ("\x1b[C", "\x1bOC", "\x06")
HOME, END = ("\x1b[H", "\x1bOH", "\x1b[1~", "\x01"), ("\x1b[F", "\x1bOF", "\x1b[4~", "\x05")
RUBOUT, DELETE, WORD, ALL = ("\x7f", "\b"), "\x1b[3~", "\x17", "\x15"
CUT = "…"
"""Stands where something is not shown."""


class Keys:
    """Characters of a terminal, taken apart into keys: an arrow is one key, and none of its letters a command."""

    def __init__(self) -> None:
        self._begun = ""
        """A sequence whose rest comes with the next read, as over a slow line."""

    def split(self, text: str) -> list[str]:
        """The keys in `text`. Escape alone is told at once; what continues it later is no key any more.

        >>> Keys().split("h\\x1b[Ad\\x1b")
        ['h', '\\x1b[A', 'd', '\\x1b']
        """
        begun, self._begun = self._begun, ""
        known = begun == "\x1b"  # told already, as Escape
        if known and not text.startswith(("[", "O")):
            begun = ""
        text = begun + text
        if (rest := UNFINISHED.search(text)) is not None:
            self._begun = rest[0]
            text = text[: rest.start()] + ("\x1b" if rest[0] == "\x1b" and not begun else "")
        return SEQUENCE.findall(text)


@dataclass(slots=True)
class Line:
    """What has been typed after a question, and where the cursor stands in it."""

    text: str = ""
    at: int = 0
    """Characters before the cursor."""

    def take(self, key: str) -> None:
        """One key; those that mean nothing here change nothing."""
        if key in LEFT:
            self.at = max(0, self.at - 1)
        elif key in RIGHT:
            self.at = min(len(self.text), self.at + 1)
        elif key in HOME:
            self.at = 0
        elif key in END:
            self.at = len(self.text)
        elif key in RUBOUT:
            self._cut(max(0, self.at - 1), self.at)
        elif key == DELETE:
            self._cut(self.at, self.at + 1)
        elif key == WORD:
            self._cut(len(self.text[: self.at].rstrip().rpartition(" ")[0]), self.at)
        elif key == ALL:
            self._cut(0, self.at)
        elif key.isprintable() and len(self.text) < MOST:
            self.text = self.text[: self.at] + key + self.text[self.at :]
            self.at += len(key)

    def complete(self, candidates: Sequence[str]) -> None:
        """Tab: as far as everything that begins like the text is the same."""
        fit = [word for word in candidates if word.startswith(self.text)]
        if not fit:
            return
        first, last = min(fit), max(fit)  # what these two share, all between them share
        same = next((at for at, letter in enumerate(first) if letter != last[at]), len(first))
        self.text = first[:same]
        self.at = len(self.text)

    def _cut(self, begin: int, end: int) -> None:
        self.text = self.text[:begin] + self.text[end:]
        self.at = begin


@dataclass(frozen=True, slots=True)
class Prompt:
    """The status line: what is so, what is asked for, and the line that answers."""

    state: str
    asked: str = ""
    """The question in front of the line; empty where the line is digits that wait for their key."""
    line: Line = field(default_factory=Line)

    def fit(self, width: int) -> tuple[str, int]:
        """What `width` columns show, and how many of them the cursor stands before the end.

        Who types sees the cursor and what is around it; the state and, in a very narrow window, the question make
        room for that.

        >>> Prompt("desk1 | Ready", "note", Line("a long story", 12)).fit(16)
        ('note? …ng story', 0)
        """
        if not self.asked:
            digits = f" > {self.line.text}"
            return _head(self.state, width - cell_len(digits)) + digits, 0
        wanted = cell_len(self.line.text) + 1  # and the cursor
        question = f"{self.asked}? "
        free = width - cell_len(question)
        if free < min(wanted, width // 2):
            question, free = (
                f"{self.asked.partition(':')[0]}? ",
                width - cell_len(self.asked.partition(":")[0]) - 2,
            )
        if free < 8:
            question, free = "", width
        shown, behind = _window(self.line, max(free - 1, 1))
        room = width - 1 - cell_len(question) - cell_len(shown) - 3
        state = f"{_head(self.state, room)} > " if room >= min(12, cell_len(self.state)) else ""
        return f"{state}{question}{shown}", behind


def _head(text: str, width: int) -> str:
    """The beginning, marked where it is cut."""
    return text if cell_len(text) <= width else set_cell_size(text, max(width - 1, 0)) + CUT


def _window(line: Line, width: int) -> tuple[str, int]:
    """The part of the line around the cursor that fits, and the columns of it behind the cursor."""
    before, after = line.text[: line.at], line.text[line.at :]
    room = max(width - min(cell_len(after), width // 3), 1)
    if cell_len(before) > room:
        while before and cell_len(before) > room - 1:
            before = before[1:]
        before = CUT + before
    after = _head(after, width - cell_len(before))
    return before + after, cell_len(after)
