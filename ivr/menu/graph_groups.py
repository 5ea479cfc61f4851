"""Which steps belong together, found from what they do: emergency, proofs, money, people, ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ivr.menu.exits import exits, next_steps
from ivr.menu.model import AnyStep, AskStep, CallbackStep, HandoffStep, LookupStep, Menu, SayStep, TransferStep

GroupKind = Literal["emergency", "way", "proof", "money", "people", "end"]


@dataclass(frozen=True, slots=True)
class Group:
    kind: GroupKind
    title: str
    steps: tuple[str, ...]
    """In the order of the file."""


def groups(menu: Menu) -> list[Group]:
    """Every step is in exactly one group; empty groups are left out. The emergency comes first."""
    return _Grouping(menu).groups()


class _Grouping:
    def __init__(self, menu: Menu) -> None:
        self.menu = menu
        self.taken: dict[str, tuple[GroupKind, str]] = {}
        self.before: dict[str, set[str]] = {name: set() for name in menu.steps}
        for step in menu.steps.values():
            for target in next_steps(menu, step):
                self.before[target].add(step.name)

    def groups(self) -> list[Group]:
        steps = self.menu.steps.values()
        self.take("emergency", "Emergency", (one.name for one in steps if self.is_emergency(one)))
        person = (HandoffStep, TransferStep, CallbackStep)
        self.take("people", "People", (one.name for one in steps if isinstance(one, person)))
        for name, level in self.menu.levels.items():
            self.take("proof", f"Proof: {name}", self.proving(level.start), follow=False)
        self.take("money", "Money and promises", (one.name for one in steps if self.is_money(one)))
        ends = (one.name for one in steps if isinstance(one, SayStep) and one.go == "END")
        self.take("end", "Ends", ends, follow=False)
        self.take("way", "The conversation", (one.name for one in steps), follow=False)
        found: dict[tuple[GroupKind, str], list[str]] = {}
        for name in self.menu.steps:
            found.setdefault(self.taken[name], []).append(name)
        order: tuple[GroupKind, ...] = ("emergency", "way", "proof", "money", "people", "end")
        made = [Group(kind, title, tuple(names)) for (kind, title), names in found.items()]
        return sorted(made, key=lambda group: order.index(group.kind))

    def is_emergency(self, step: AnyStep) -> bool:
        return isinstance(step, HandoffStep) and bool(step.queue) and step.queue == self.menu.emergency

    def take(self, kind: GroupKind, title: str, names: Iterable[str], *, follow: bool = True) -> None:
        """These steps, and with `follow` those that only they lead to."""
        mine = {name for name in names if name not in self.taken and name in self.menu.steps}
        while follow:
            more = {
                name
                for name, before in self.before.items()
                if name not in self.taken and name not in mine and before and before <= mine | {name}
            }
            if not more:
                break
            mine |= more
        self.taken.update(dict.fromkeys(mine, (kind, title)))

    def proving(self, start: str) -> set[str]:
        """What can happen between the start of a proof and RETURN, short of people."""
        found: set[str] = set()
        coming = [start]
        while coming:
            name = coming.pop()
            if name in self.menu.steps and name not in found and name not in self.taken:
                found.add(name)
                step = self.menu.steps[name]
                coming += [one.target for one in exits(self.menu, step) if one.name != "requires"]
        return found

    def is_money(self, step: AnyStep) -> bool:
        """Does something once, or handles a value that only such look-ups need."""
        if isinstance(step, LookupStep) and self.once(step):
            return True
        if isinstance(step, LookupStep):
            source = self.menu.data.get(step.use)
            return source is not None and not self.values.isdisjoint(source.gives)
        if isinstance(step, AskStep) and step.answer in self.values:
            return True
        choices = getattr(step, "choices", ())
        changed = set(step.set).union(*(choice.set for choice in choices))
        return not self.values.isdisjoint(changed)

    def once(self, step: LookupStep) -> bool:
        return step.use in self.menu.data and self.menu.data[step.use].once

    @property
    def values(self) -> set[str]:
        """Values that are needed by what is done once, and by nothing else."""
        once = {name for source in self.menu.data.values() if source.once for name in source.needs}
        return once - {name for source in self.menu.data.values() if not source.once for name in source.needs}
