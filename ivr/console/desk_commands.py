"""What a person types at the desk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Verb = Literal[
    "ready", "not_ready", "accept", "reject", "hold", "unhold", "drop", "finish", "status", "help", "quit"
]


@dataclass(frozen=True, slots=True)
class Command:
    """One thing a person asked for."""

    verb: Verb
    reason: int | None = None
    """Of not ready: the site's work mode, above 999."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A command as people find it: its key, its words, what it does."""

    key: str
    verb: Verb
    words: tuple[str, ...]
    meaning: str


COMMANDS = (
    Entry("r", "ready", ("ready",), "ready for calls"),
    Entry("n", "not_ready", ("not ready", "notready", "not_ready"), "not ready; a reason above 999 may be added"),
    Entry("a", "accept", ("accept", "answer"), "accept the call on the screen, then pick up the telephone"),
    Entry("x", "reject", ("reject", "refuse"), "reject the call; the caller goes to the next agent"),
    Entry("h", "hold", ("hold",), "hold: the caller hears music"),
    Entry("u", "unhold", ("retrieve", "unhold"), "take the caller back from hold"),
    Entry("d", "drop", ("drop", "hang up", "hangup"), "hang up"),
    Entry("w", "finish", ("finish", "done"), "finish wrap-up"),
    Entry("s", "status", ("status",), "show state and call"),
    Entry("?", "help", ("help",), "this list"),
    Entry("q", "quit", ("quit", "exit", "log off", "logoff"), "log off and end"),
)

_VERBS = {word: entry.verb for entry in COMMANDS for word in (entry.key, *entry.words)}
_SPLIT = re.compile(r"(?P<words>.*?)\s*(?P<reason>[0-9]{1,9})?", re.DOTALL)


def parse_command(line: str) -> Command | str:
    """The command, or a text that says what is wrong with the line."""
    match = _SPLIT.fullmatch(" ".join(line.lower().split()))
    verb = _VERBS.get(match["words"]) if match else None
    if match is None or verb is None:
        return f"{line.strip()[:40]!r} is no command; ? lists them"
    if match["reason"] is None:
        return Command(verb)
    if verb != "not_ready":
        return f"a number belongs to not ready only; write {match['words']} alone"
    reason = int(match["reason"])
    if reason <= 999:
        return f"reason {reason} is too small; a site's reasons are above 999, like n 1001"
    return Command(verb, reason)
