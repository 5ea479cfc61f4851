"""One durable document per call: what happened, in an order a person can read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ivr.call.kept_documents import documents_of
from ivr.call.keys import KeyLog
from ivr.call.reference import reference_in
from ivr.media.messages import LegClosed
from ivr.sip.events import IncomingCall

if TYPE_CHECKING:
    from ivr.call.item import Item


def iso(moment: datetime | None) -> str | None:
    """UTC, milliseconds, with the zone written."""
    return moment.isoformat(timespec="milliseconds") if moment else None


OF_OTHERS = frozenset({"attached_data", "documents"})
"""Parts of a record that hold what others wrote: a field called ``at`` there may be anything."""
MOMENTS = frozenset({"started", "answered", "at", "gone", "began", "ended"})
"""Names of times in records and contacts. Numbers called ``at`` are seconds after the answer."""


def moments_in(document: object, answered: datetime | None = None) -> Iterator[datetime]:
    """All times that a document, or a part of one, tells of."""
    if isinstance(document, list):
        for one in document:
            yield from moments_in(one, answered)
    elif isinstance(document, dict):
        if document.get("answered"):
            answered = datetime.fromisoformat(document["answered"])
        for name, value in document.items():
            if name in MOMENTS and isinstance(value, str):
                with contextlib.suppress(ValueError):  # why an item ended is called so, too
                    yield datetime.fromisoformat(value)
            elif name == "at" and isinstance(value, int | float) and answered is not None:
                yield answered + timedelta(seconds=value)
            elif name not in OF_OTHERS:
                yield from moments_in(value, answered)


def closed_late(
    document: dict[str, Any], now: datetime, contacts: Iterable[dict[str, Any]] = ()
) -> dict[str, Any]:
    """A record that an engine that was killed left open, ended at the last moment that it, or one of its
    `contacts`, tells of; `killed` is when that was noticed.

    A wait that was cut off is marked with this moment: the caller may have the place again for a while, also when
    the engine that offers it is killed meanwhile.

    >>> from datetime import UTC
    >>> now = datetime(2026, 1, 2, 3, 5, tzinfo=UTC)
    >>> closed_late({"started": "2026-01-02T03:04:05.000+00:00", "handoffs": []}, now)["ended"]
    '2026-01-02T03:04:05.000+00:00'
    """
    known = [moment for moment in moments_in([document, list(contacts)]) if moment <= now]
    handoffs = [
        handoff if handoff.get("outcome") else handoff | {"outcome": "failed", "cut_off": iso(now)}
        for handoff in document["handoffs"]
    ]
    return document | {
        "ended": iso(max(known, default=datetime.fromisoformat(document["started"]))),
        "killed": iso(now),
        "dialogs": [],
        "handoffs": handoffs,
        "handoff": handoffs[-1] if handoffs else None,
        "end": {"by": "failure", "reason": "the engine was killed; what came after this is not known"},
    }


def figures_of(sound: LegClosed) -> dict[str, Any]:
    """Packets sent, received, lost and dropped on one leg, and the jitter of those that came."""
    return {
        "sent": sound.sent,
        "received": sound.received,
        "lost": sound.lost,
        "jitter_ms": round(sound.jitter * 1000, 2),
        "dropped": sound.dropped,
    }


@dataclass(slots=True)
class HandoffRecord:
    """One way from the menu towards a person."""

    queue: str
    reason: str
    attached_data: dict[str, dict[str, str]]
    started: datetime
    agent: str = ""
    outcome: str = ""
    """answered, abandoned, overflow, callback, closed or failed; empty while it goes on."""
    waited: float | None = None
    """Seconds."""
    item: str = ""
    """The item of the agent who took it."""
    offers: list[dict[str, Any]] = field(default_factory=list)
    """Agents it was offered to: agent, at, outcome."""
    widened: list[dict[str, Any]] = field(default_factory=list)
    """Who else might have the caller, the longer he waited: to (``level 2``, ``group``, ``any_agent``), at."""
    changes: list[dict[str, Any]] = field(default_factory=list)
    """Each version of the attached data: who changed what (`ivr.ici.travelling_data.Version`)."""
    onward: str = ""
    """Where the agent sent the caller, as in a transfer: an agent, queue:NAME, menu:STEP or a number."""
    passed: list[dict[str, Any]] = field(default_factory=list)
    """Who gave the caller to whom: by, to, how (``blind``, ``warm``, ``conference``), at, and the outcome where
    that is a person or a number. A blind transfer ends the handoff, and the next one begins with it."""
    sent_by: str = ""
    """The agent who sent the caller into this handoff; empty when he came from the menu alone."""
    number: str = ""
    """Outside, of who took the caller: as the last spill of the queue, or from the agent."""

    def pass_on(self, by: str, to: str, how: str, at: datetime) -> dict[str, Any]:
        """The caller changes hands; the entry may be told the outcome later."""
        self.onward = to
        self.passed.append({"by": by, "to": to.removeprefix("tel:"), "how": how, "at": iso(at), "outcome": None})
        return self.passed[-1]

    def document(self) -> dict[str, Any]:
        return {
            "queue": self.queue,
            "reason": self.reason,
            "agent": self.agent or None,
            "attached_data": self.attached_data,
            "outcome": self.outcome or None,
            "waited": None if self.waited is None else round(self.waited, 1),
            "started": iso(self.started),
            "item": self.item or None,
            "offers": self.offers,
            "widened": list(self.widened),
            "attached_data_changes": list(self.changes),
            "onward": self.onward or None,
            "passed": [dict(one) for one in self.passed],
            "sent_by": self.sent_by or None,
            "number": self.number or None,
        }


@dataclass(slots=True)
class CallRecord:
    """Grows while the call goes on; `document()` is what is stored."""

    id: str
    caller: str
    called: str
    started: datetime
    sip_call_id: str = ""
    menu: str = ""
    """Name and version, ``northgas@1a2b3c4d``."""
    answered: datetime | None = None
    ended: datetime | None = None
    path: list[str] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    lookups: list[dict[str, Any]] = field(default_factory=list)
    prompts: list[dict[str, Any]] = field(default_factory=list)
    goals: list[str] = field(default_factory=list)
    handoffs: list[HandoffRecord] = field(default_factory=list)
    contacts: list[str] = field(default_factory=list)
    """Ids of the contact records of the agents who took the call, in order (`ivr.call.contact`)."""
    keys: KeyLog = field(default_factory=KeyLog)
    incidents: list[dict[str, Any]] = field(default_factory=list)
    """What went wrong and was mended or not: at (seconds after the answer) and what."""
    outside: list[dict[str, Any]] = field(default_factory=list)
    """Numbers outside that took the caller: number, at."""
    recordings: list[dict[str, Any]] = field(default_factory=list)
    """What callers said after the beep: step, at, seconds, file (None when nothing was kept) and why it ended."""
    media: dict[str, Any] | None = None
    diverted: list[dict[str, Any]] = field(default_factory=list)
    """From whom the call was diverted to us, the latest first: from and reason. Told by trusted addresses only."""
    user_to_user: list[str] = field(default_factory=list)
    """What applications on the way said about the call (RFC 7433)."""
    items: list[Item] = field(default_factory=list)
    """What desktops show, or showed, of this call; of these the documents are stored."""
    goodbyes: set[asyncio.Future[bool]] = field(default_factory=set)
    """Ends of items that screens have not acknowledged yet; not stored."""
    goes_on_from: str = ""
    """The call, here or at another engine, from which this one was transferred to us."""
    end_by: str = ""
    """caller, system, agent or failure."""
    end_reason: str = ""
    language: str = ""

    @classmethod
    def of(cls, call_id: str, incoming: IncomingCall, started: datetime, *, menu: str, unknown: str) -> CallRecord:
        """A call that has just come; `unknown` stands for a number that was withheld."""
        return cls(
            id=call_id,
            caller=incoming.calling_number or unknown,
            called=incoming.called,
            started=started,
            sip_call_id=incoming.call_id,
            menu=menu,
            diverted=[{"from": one.number or one.uri, "reason": one.reason} for one in incoming.diversions],
            user_to_user=[value.text for value in incoming.user_to_user],
            goes_on_from=reference_in(incoming.user_to_user),
        )

    async def final(self, within: float) -> dict[str, Any]:
        """The document, once every screen knows that its call is over, or so many seconds have passed.

        The record stays open on disk until then: an engine killed meanwhile is to end what is shown (`screens`).
        """
        if self.goodbyes:
            await asyncio.wait(set(self.goodbyes), timeout=within)
        return self.document()

    def enter(self, step: str, at: float) -> None:
        self.path.append(step)
        self.steps.append({"step": step, "at": round(at, 3), "exit": None})

    def leave(self, step: str, exit_: str) -> None:
        for entry in reversed(self.steps):
            if entry["step"] == step and entry["exit"] is None:
                entry["exit"] = exit_
                return

    def joined_outside(self, to: str, at: datetime) -> None:
        """A number outside has the caller: from the menu, from a queue, or from an agent."""
        number = to.removeprefix("tel:")
        self.outside.append({"number": number, "at": iso(at)})
        if self.handoffs and (not self.handoffs[-1].outcome or self.handoffs[-1].onward == to):
            self.handoffs[-1].number = number

    def end(self, by: str, reason: str) -> None:
        """The first cause told is the one that counts."""
        if not self.end_by:
            self.end_by, self.end_reason = by, reason

    def document(self) -> dict[str, Any]:
        handoffs = [handoff.document() for handoff in self.handoffs]
        return {
            "id": self.id,
            "caller": self.caller,
            "called": self.called,
            "started": iso(self.started),
            "answered": iso(self.answered),
            "ended": iso(self.ended),
            "menu": self.menu,
            "language": self.language,
            "path": list(self.path),
            "steps": [dict(step) for step in self.steps],
            "digits": self.keys.text,
            "keys": self.keys.entries(),
            "lookups": list(self.lookups),
            "prompts": list(self.prompts),
            "goals": list(self.goals),
            "handoff": handoffs[-1] if handoffs else None,
            "handoffs": handoffs,
            "contacts": list(self.contacts),
            "documents": documents_of(self.items),
            "incidents": list(self.incidents),
            "recordings": [dict(recording) for recording in self.recordings],
            "media": self.media,
            "outside": list(self.outside),
            "diverted": list(self.diverted),
            "user_to_user": list(self.user_to_user),
            "goes_on_from": self.goes_on_from or None,
            "sip_call_id": self.sip_call_id,
            "end": {"by": self.end_by, "reason": self.end_reason} if self.end_by else None,
        }
