"""The events waiting for one agent's screen, in order.

A lane is pure: it holds what waits and decides what goes next; `client` does the posting.

* At most one post of a lane is under way, so events arrive in the order they were published.
* When the screen is slow, only the newest snapshot of an item or user is kept: it holds everything the older
  ones said. Who waits for an older one is told what becomes of the newest. An alerting item is the exception: a
  call that never alerted opens no customer and flashes no button, so it is posted once, however late (H1).
* An event for several screens behind one URL goes there in one post, if it is next in all of their lanes;
  a lane that is behind gets it later by itself.
* A lane that overflows even so is lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from ivr.ici.subscriptions import Subscription
from ivr.ici.switchboard import (
    IciEvent,
    ItemAttachedDataChanged,
    MonitorDataChanged,
    PhoneCallChanged,
    UserChanged,
)

Waiter = TypeVar("Waiter")

SLOW: Final = 1.0
"""Seconds the oldest event has waited, after which a lane counts as slow."""
MANY: Final = 16
"""Events waiting, from which on a lane counts as slow."""
FULL: Final = 256
"""Events waiting, from which on a lane is lost."""


def topic(event: IciEvent) -> Hashable | None:
    """What the event is a full snapshot of: a newer one of the same topic says it all. None: never dropped."""
    match event:
        case PhoneCallChanged(item):
            return "item", item.id
        case UserChanged(view):
            return "user", view.id
        case ItemAttachedDataChanged(item_id, _):
            return "attached data", item_id
        case MonitorDataChanged():
            return "monitor"
        case _:
            return None


@dataclass(slots=True, eq=False)
class Entry(Generic[Waiter]):
    """An event on its way, and who wants to know whether it arrived."""

    event: IciEvent
    published: float
    """Monotonic seconds."""
    batch: int
    """The same for one event published to several users."""
    waiters: list[Waiter] = field(default_factory=list)
    lanes: Sequence[Lane[Waiter]] = ()
    """All that the event was put into: with hundreds of screens, the others are not looked at."""


@dataclass(slots=True, eq=False)
class Lane(Generic[Waiter]):
    """What waits for one subscription."""

    subscription: Subscription
    held: bool = False
    """Nothing is posted yet: the answer to `subscribe` goes first."""
    busy: bool = False
    """A post is under way."""
    closed: bool = False
    waiting: deque[Entry[Waiter]] = field(default_factory=deque)

    @property
    def ready(self) -> bool:
        return bool(self.waiting) and not (self.held or self.busy)

    @property
    def full(self) -> bool:
        return len(self.waiting) >= FULL

    def put(self, entry: Entry[Waiter]) -> int:
        """Add an event; returns how many older snapshots it made superfluous."""
        slow = self._slow(entry.published)
        dropped = self._coalesce(entry, keep_alerting=not _alerts(entry.event)) if slow else 0
        self.waiting.append(entry)
        return dropped

    def put_first(self, entries: Iterable[Entry[Waiter]]) -> None:
        """Put full snapshots before everything that waits, and drop what they make superfluous, which is all of
        the same topic: they go first, and what they show as connected must not alert after that."""
        snapshots = list(entries)
        for entry in snapshots:
            self._coalesce(entry)
        self.waiting.extendleft(reversed(snapshots))

    def leave_out(self, told: Iterable[IciEvent]) -> list[Entry[Waiter]]:
        """Take out, and return, what is exactly what was told already."""
        known = list(told)
        found = [entry for entry in self.waiting if entry.event in known]
        for entry in found:
            self.waiting.remove(entry)
        return found

    def take_all(self) -> list[Entry[Waiter]]:
        """Empty the lane."""
        entries = list(self.waiting)
        self.waiting.clear()
        return entries

    def _slow(self, now: float) -> bool:
        if not self.waiting or self.held:
            return False
        return len(self.waiting) >= MANY or now - self.waiting[0].published >= SLOW

    def _coalesce(self, entry: Entry[Waiter], *, keep_alerting: bool = False) -> int:
        about = topic(entry.event)
        older = [other for other in self.waiting if about is not None and topic(other.event) == about]
        if keep_alerting:
            older = [other for other in older if not _alerts(other.event)]
        for other in older:
            entry.waiters.extend(other.waiters)
            self.waiting.remove(other)
        return len(older)


def _alerts(event: IciEvent) -> bool:
    return isinstance(event, PhoneCallChanged) and event.item.status == "alerting"


def take(lane: Lane[Waiter]) -> list[tuple[Lane[Waiter], Entry[Waiter]]]:
    """What the next post of the lane carries: its first event, and the same one of lanes with the same URL.

    The lanes concerned are busy from now on.
    """
    url, batch, others = lane.subscription.app_url, lane.waiting[0].batch, lane.waiting[0].lanes
    together = [lane]
    for other in others:
        if (
            other is not lane
            and other.ready
            and not other.closed
            and other.subscription.app_url == url
            and other.waiting[0].batch == batch
        ):
            together.append(other)
    taken = []
    for member in together:
        member.busy = True
        taken.append((member, member.waiting.popleft()))
    return taken
