"""The people of a test call: who is there, what they can do, and who of them takes a caller, in virtual time.

They stand in for the floor of the engine: the first free desk with one of the queue's skills is asked, then the
next; the queue's `spill` widens the choice. What became of each desk is kept for ``agent_states``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ivr.menu import events as menu_events
from ivr.menu.model import Menu, Queue
from ivr.testing.simulation import Outcome, PeopleDo, Surroundings

STATES = ("available", "busy", "not_ready", "off")
ANSWERS_AFTER = 2.0
"""Seconds a person takes to answer, where the test says nothing."""
GIVES_UP = 4.0
"""Seconds after which a caller whom nobody is free for is told so."""
UNSTAFFED = 10.0
"""Seconds after which a caller is told that nobody is there at all; as in `RoutingSettings`."""
ANY_AGENT = "any_agent"


@dataclass(frozen=True, slots=True)
class Desk:
    """A person as the test has it."""

    id: str
    skills: tuple[str, ...] = ()
    """Empty: whatever is asked for."""
    state: str = "available"
    """One of `STATES`."""
    answers_after: float = ANSWERS_AFTER
    """Seconds."""
    ignores: bool = False
    """Lets it ring."""

    def can(self, skills: Sequence[str]) -> bool:
        return not self.skills or not set(skills).isdisjoint(self.skills)


@dataclass(frozen=True, slots=True)
class Fault:
    """What becomes of a look-up instead of an answer."""

    becomes: Outcome
    after: int = 0
    """So many answers are right before it."""


@dataclass
class Stage(Surroundings):
    """What a test call meets outside its menu."""

    menu: Menu | None = None
    desks: tuple[Desk, ...] = ()
    planned: Mapping[str, Fault] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    """How often each look-up was asked."""
    offers: list[tuple[str, str]] = field(default_factory=list)
    """Desk, and what came of it: answered or missed."""
    unanswered: list[str] = field(default_factory=list)
    """Look-ups that another system answers, for whom the test says nothing."""

    def fault(self, name: str) -> Outcome | None:
        planned = self.planned.get(name)
        asked = self.asked[name] = self.asked.get(name, 0) + 1
        if planned is not None and asked > planned.after and name not in self.faults:
            return planned.becomes
        return self.faults.get(name)

    def nobody_answers(self, name: str) -> None:
        self.unanswered.append(name)

    def person(self, command: menu_events.StartHandoff) -> tuple[PeopleDo, str, float]:
        queue = self.menu.queues.get(command.queue) if self.menu else None
        ring = queue.ring if queue else GIVES_UP
        at = 0.0
        seen: set[str] = set()
        for opens, skills in _widening(queue, self.menu):
            if skills is None:
                return "answer", opens[1], max(at, opens[0]) + ANSWERS_AFTER
            for desk in self.desks:
                if desk.state != "available" or desk.id in seen or not (not skills or desk.can(skills)):
                    continue
                seen.add(desk.id)
                at = max(at, opens[0])
                if not desk.ignores:
                    self.offers.append((desk.id, "answered"))
                    return "answer", desk.id, at + desk.answers_after
                self.offers.append((desk.id, "missed"))
                at += ring
        there = [desk for desk in self.desks if desk.state != "off" and desk.can(queue.skills if queue else ())]
        return ("busy", "", at + GIVES_UP) if there else ("failed", "", UNSTAFFED)

    def states(self, desk: Desk, answered: set[str], *, over: bool) -> list[str]:
        """The states of a desk in order; `answered` are the desks that talked with the caller."""
        found = [desk.state]
        for name, came in self.offers:
            if name != desk.id:
                continue
            found.append("offered")
            if came == "missed":
                found.append("missed")
            elif name in answered:
                found += ["in_call", "wrap_up"] if over else ["in_call"]
            else:
                found.append("available")
        return found


def _widening(queue: Queue | None, menu: Menu | None) -> Iterator[tuple[tuple[float, str], Sequence[str] | None]]:
    """Seconds with the skills that are asked for from then on; no skills, and a number, for one outside."""
    yield (0.0, ""), queue.skills if queue else ()
    for spill in queue.spill if queue else ():
        if spill.to == ANY_AGENT:
            yield (spill.after, ""), ()
        elif ":" in spill.to:
            yield (spill.after, spill.to), None
        elif menu is not None and spill.to in menu.queues:
            yield (spill.after, ""), menu.queues[spill.to].skills
