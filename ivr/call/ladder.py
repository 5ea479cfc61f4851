"""A ladder diagram of SIP in plain text: one column for each party, one arrow for each message.

::

              caller                   ivr                    desk1
     0.000      |------- INVITE 1 ------>|                      |
                | 192.0.2.1:4000 PCMU    |                      |
     0.001      |<-- 100 Trying (...) ---|                      |

The engine is the second column: whoever called it stands on its left, whoever it called on its right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ivr.call.traced import Traced
from ivr.sip.fields import host_port

TIME_WIDTH = 10
NARROWEST = 16
"""Columns between two parties; with more of them the drawing gets wider than it was asked to be."""
WIDEST = 40
Kind = Literal["head", "request", "answer", "refusal", "again", "note", "faint"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the drawing, and what it is, for whoever gives it a colour."""

    text: str
    kind: Kind


@dataclass(slots=True)
class _Party:
    name: str
    address: tuple[str, int]
    transport: str
    called_us: bool
    call_id: str


class Ladder:
    """Draws the messages it is given; a party that turns up later gets a column, and the head is drawn again."""

    def __init__(self, width: int = 80) -> None:
        self.width = width
        self._parties: list[_Party] = []
        self._us = ("", 0)
        self._began: datetime | None = None
        self._seen: dict[tuple[bool, tuple[str, int], bytes], int] = {}
        self._drawn = 0
        """Parties the last head had."""

    def expect(self, messages: list[Traced]) -> None:
        """Give everybody in these messages a column from the start."""
        for message in messages:
            self._party(message)

    def draw(self, message: Traced) -> Iterator[Line]:
        """The lines of one more message."""
        party = self._party(message)
        self._began = self._began or message.at
        if self._drawn != len(self._parties):
            self._drawn = len(self._parties)
            yield from self._head()
        key = (message.received, message.remote, message.data)
        before = self._seen[key] = self._seen.get(key, 0) + 1
        arrow = self._arrow(message, party, before > 1)
        yield arrow
        if before > 1:
            return
        if message.is_refusal and message.labels[0] not in arrow.text:  # there was no room for its reason
            yield self._note(message.labels[0], party)
        for note in message.notes:
            yield self._note(note, party)

    # --- parties

    def _party(self, message: Traced) -> _Party:
        for party in self._parties:
            if party.call_id == message.call_id:
                return party
        self._us = message.local
        sender, receiver = message.people
        name = (sender if message.called_us else receiver) or "unknown"
        party = _Party(name[:20], message.remote, message.transport, message.called_us, message.call_id)
        self._parties.append(party)
        return party

    @property
    def _columns(self) -> list[_Party | None]:
        """From left to right; None is us."""
        left = [party for party in self._parties if party.called_us]
        return [*left, None, *(party for party in self._parties if not party.called_us)]

    def _place(self, party: _Party | None) -> int:
        """Where its line stands."""
        columns = self._columns
        room = self.width - TIME_WIDTH - 2 * (NARROWEST // 2) - 1
        gap = max(NARROWEST, min(WIDEST, room // max(1, len(columns) - 1)))
        index = next(number for number, other in enumerate(columns) if other is party)
        return TIME_WIDTH + NARROWEST // 2 + gap * index

    # --- drawing

    def _head(self) -> Iterator[Line]:
        for party in self._parties:
            where = f"{host_port(party.address)} by {party.transport}"
            did = "calls" if party.called_us else "is called"
            yield Line(f"{party.name} {did}: {where}", "faint")
        yield Line(f"ivr: {host_port(self._us)}", "faint")
        names = [" "] * (self._place(self._columns[-1]) + NARROWEST)
        for party_or_us in self._columns:
            name = party_or_us.name if party_or_us else "ivr"
            room = NARROWEST - 2
            name = name if len(name) <= room else name[: room - 1] + "…"
            start = self._place(party_or_us) - len(name) // 2
            names[start : start + len(name)] = name
        yield Line("".join(names).rstrip(), "head")

    def _rails(self) -> list[str]:
        line = [" "] * (self._place(self._columns[-1]) + 1)
        for party in self._columns:
            line[self._place(party)] = "|"
        return line

    def _arrow(self, message: Traced, party: _Party, again: bool) -> Line:
        here, there = sorted((self._place(party), self._place(None)))
        room = there - here - 1
        suffix = " again" if again else ""
        labels = [f" {label}{suffix} " for label in message.labels]
        label = next((label for label in labels if len(label) <= room - 3), labels[-1][: room - 3])
        body = list(label.center(room - 1, "-"))
        to_the_right = message.received == party.called_us
        shaft = [*body, ">"] if to_the_right else ["<", *body]
        line = self._rails()
        line[here + 1 : there] = shaft
        assert self._began is not None
        since = (message.at - self._began).total_seconds()
        time = f"{since:>{TIME_WIDTH - 2}.3f}"
        line[: len(time)] = time
        kind: Kind = "request" if message.is_request else "refusal" if message.is_refusal else "answer"
        return Line("".join(line), "again" if again else kind)

    def _note(self, note: str, party: _Party) -> Line:
        """Right of the left end of the arrow, as far as the page goes."""
        here = min(self._place(party), self._place(None))
        line = self._rails()
        room = max(self.width, len(line)) - here - 2
        text = note if len(note) <= room else note[: room - 1] + "…"
        end = here + 2 + len(text)
        line += [" "] * (end - len(line))
        line[here + 2 : end] = text
        return Line("".join(line).rstrip(), "note")
