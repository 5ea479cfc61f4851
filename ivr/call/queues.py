"""The queues of a menu as the floor knows them: where `menu` and `agents` meet."""

from __future__ import annotations

from collections.abc import Iterable

from ivr.agents.events import QueueRule, Spill
from ivr.menu.model import Menu, Queue


def queue_rules(menus: Iterable[Menu]) -> list[QueueRule]:
    """The queues of all these menus; of two with one name the later menu's counts."""
    found = {name: queue for menu in menus for name, queue in menu.queues.items()}
    return [_rule(queue) for queue in found.values()]


def _rule(queue: Queue) -> QueueRule:
    return QueueRule(
        name=queue.name,
        skills=frozenset(queue.skills),
        priority=queue.priority,
        ring=queue.ring,
        longest=queue.longest,
        spill=tuple(Spill(spill.after, spill.to) for spill in queue.spill),
        strategy=queue.strategy,
    )
