"""What a person types at the desk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Verb = Literal[
    "ready",
    "not_ready",
    "accept",
    "reject",
    "reroute",
    "hold",
    "unhold",
    "mute",
    "dial",
    "consult",
    "toggle",
    "warm_transfer",
    "conference",
    "blind_transfer",
    "note",
    "reason",
    "field",
    "drop",
    "finish",
    "longer",
    "status",
    "help",
    "quit",
]


@dataclass(frozen=True, slots=True)
class Command:
    """One thing a person asked for."""

    verb: Verb
    reason: int | None = None
    """Of not ready: the site's work mode, above 999."""
    argument: str = ""
    """Whom to call, where to send the caller, or what to write down; as it was typed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A command as people find it: its key, its words, what it does."""

    key: str
    verb: Verb
    words: tuple[str, ...]
    meaning: str
    argument: str = ""
    """What has to be named with it; empty where nothing has."""


COMMANDS = (
    Entry("r", "ready", ("ready",), "ready for calls"),
    Entry("n", "not_ready", ("not ready", "notready", "not_ready"), "not ready; a reason above 999 may be added"),
    Entry("a", "accept", ("accept", "answer"), "accept the call on the screen, then pick up the telephone"),
    Entry("x", "reject", ("reject", "refuse"), "reject the call; the caller goes to the next agent"),
    Entry("e", "reroute", ("reroute",), "reject; the caller waits in the queue you name", "a queue"),
    Entry("h", "hold", ("hold",), "hold: the caller hears music"),
    Entry("u", "unhold", ("retrieve", "unhold"), "take the caller back from hold"),
    Entry("m", "mute", ("mute", "unmute"), "mute your telephone for the others, or end that"),
    Entry(
        "p",
        "dial",
        ("phone", "dial", "call"),
        "call a colleague or a number; your telephone rings first",
        "an agent, queue:NAME or a number",
    ),
    Entry(
        "c", "consult", ("consult", "ask"), "ask a colleague while the caller hears music", "an agent or a number"
    ),
    Entry("g", "toggle", ("toggle", "alternate"), "go to the other of the two, and back"),
    Entry("t", "warm_transfer", ("transfer", "hand over"), "hand the caller over to the colleague you asked"),
    Entry("j", "conference", ("conference", "join"), "talk all three"),
    Entry(
        "b",
        "blind_transfer",
        ("blind", "send"),
        "send the caller away",
        "an agent, queue:NAME, menu:STEP or a number",
    ),
    Entry(
        "o", "note", ("note",), "write a note that stays with call and customer, after the call, too", "the text"
    ),
    Entry(
        "y",
        "reason",
        ("why", "reason"),
        "say what came of the call, for the contact record",
        "a word, such as SOLVED",
    ),
    Entry("f", "field", ("field", "enter"), "fill in a field of the attached data", "NAME=text"),
    Entry("d", "drop", ("drop", "hang up", "hangup"), "hang up"),
    Entry("w", "finish", ("finish", "done"), "finish wrap-up"),
    Entry("l", "longer", ("longer", "extend"), "begin wrap-up anew; in a call: have one after it"),
    Entry("s", "status", ("status",), "show state and call"),
    Entry("?", "help", ("help",), "this list"),
    Entry("q", "quit", ("quit", "exit", "log off", "logoff"), "log off and end"),
)

_ENTRIES = {word: entry for entry in COMMANDS for word in (entry.key, *entry.words)}
_SPLIT = re.compile(r"(?P<words>.*?)\s*(?P<reason>[0-9]{1,9})?", re.DOTALL)
KEYS_WITH_WORDS = {entry.key: f"{entry.words[0]}: {entry.argument}" for entry in COMMANDS if entry.argument}
"""Keys after which something has to be typed, and what."""
NAMES: dict[str, Literal["person", "queue"]] = {"p": "person", "c": "person", "b": "person", "e": "queue"}
"""Those after which somebody, or a queue, is named."""


def parse_command(line: str) -> Command | str:
    """The command, or a text that says what is wrong with the line."""
    typed = " ".join(line.split())
    entry, argument = _entry_with_argument(typed)
    if entry is not None:
        if not argument:
            return f"{entry.words[0]} needs {entry.argument}, like {entry.key} {_EXAMPLES[entry.verb]}"
        return Command(entry.verb, argument=argument)
    match = _SPLIT.fullmatch(typed.lower())
    entry = _ENTRIES.get(match["words"]) if match else None
    if match is None or entry is None:
        return f"{line.strip()[:40]!r} is no command; ? lists them"
    if match["reason"] is None:
        return Command(entry.verb)
    if entry.verb != "not_ready":
        return f"a number belongs to not ready only; write {match['words']} alone"
    reason = int(match["reason"])
    if reason <= 999:
        return f"reason {reason} is too small; a site's reasons are above 999, like n 1001"
    return Command(entry.verb, reason)


_EXAMPLES: dict[Verb, str] = {
    "reroute": "billing",
    "dial": "desk2",
    "consult": "desk2",
    "blind_transfer": "queue:billing",
    "note": "calls back tomorrow",
    "reason": "SOLVED",
    "field": "WISH=a new bill",
}


def _entry_with_argument(typed: str) -> tuple[Entry | None, str]:
    word, _, rest = typed.partition(" ")
    entry = _ENTRIES.get(word.lower())
    return (entry, rest) if entry is not None and entry.argument else (None, "")
