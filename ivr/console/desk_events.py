"""What comes out of the desk: things that happened, words for a person, and what shall be done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ivr.ici.switchboard import PhoneCallItem

EventName = Literal[
    "logged_on",
    "workmode",
    "alerting",
    "connected",
    "held",
    "dialing",
    "conferenced",
    "ended",
    "attached_data",
    "subscription_ended",
    "error",
]
Operation = Literal[
    "set_workmode",
    "accept",
    "reject",
    "reroute",
    "drop",
    "hold",
    "unhold",
    "mute",
    "unmute",
    "dial",
    "consult",
    "toggle",
    "warm_transfer",
    "conference",
    "blind_transfer",
    "note",
    "reason",
    "field",
]
AttachedData = dict[str, dict[str, str]]
"""Application id to field name to text."""


@dataclass(frozen=True, slots=True)
class Happened:
    """For programs: one line of ``--json``."""

    event: EventName
    item: str | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Say:
    """For people: one line."""

    text: str
    kind: Literal["news", "trouble"] = "news"


@dataclass(frozen=True, slots=True)
class PopUp:
    """For people: the screen pop, before the voices meet."""

    item: PhoneCallItem
    attached_data: AttachedData = field(repr=False)


@dataclass(frozen=True, slots=True)
class LookUp:
    """Find the customer's record."""

    item: str
    account: str
    proved: str
    """Level of proof; empty for none: then the account is only claimed (H19)."""


@dataclass(frozen=True, slots=True)
class Do:
    """Ask this of the engine."""

    operation: Operation
    item: str = ""
    workmode: int = 0
    other: str = ""
    """The second item, of operations on two."""
    argument: str = field(default="", repr=False)
    """Whom to call, where to send the caller, or the document to write."""
    version: int = 0
    """Of the document that was read before one is written; 0 where the engine numbers none."""


@dataclass(frozen=True, slots=True)
class LogOnAgain:
    """The engine has lost us, or we it: log on when it is back."""


@dataclass(frozen=True, slots=True)
class Leave:
    """End the desk, logging off if still logged on."""


Output = Happened | Say | PopUp | LookUp | Do | LogOnAgain | Leave


def account_of(data: AttachedData) -> tuple[str, str]:
    """Account and level of proof of a call. The level is empty unless a menu vouched for it (H19)."""
    for fields in data.values():
        if account := fields.get("ACCOUNT", ""):
            proved = fields.get("PROVED", "").strip()
            return account, "" if proved.lower() == "no" else proved
    return "", ""
