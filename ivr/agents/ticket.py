"""A caller's place in a queue."""

from __future__ import annotations

from dataclasses import dataclass, field

from ivr.agents.callback import RESERVED, Callback
from ivr.agents.events import EMERGENCY, CallbackChanged, QueueRule, Spill
from ivr.agents.reach import ANY_AGENT, Reach
from ivr.agents.strategy import STRATEGIES
from ivr.errors import LocalProtocolError

AGEING = 60.0
"""Seconds of waiting that count as one point of priority."""

RETURNED = 10.0
"""Points more for a caller an agent has sent back to a queue (RT14)."""

OUTSIDE_PAUSE = 30.0
"""Seconds until outside lines that all failed are tried again; the caller still waits for somebody."""

Rank = tuple[int, float, float, int]


def check_rule(rule: QueueRule) -> None:
    """Raise LocalProtocolError for a queue that could not work."""
    if rule.ring <= 0:
        raise LocalProtocolError(f"queue {rule.name} rings for {rule.ring:g} s; agents need more than 0 to answer")
    if not 0 <= rule.priority <= EMERGENCY:
        raise LocalProtocolError(f"queue {rule.name} has priority {rule.priority}; it must be 0 to {EMERGENCY}")
    if rule.strategy and rule.strategy not in STRATEGIES:
        known = ", ".join(STRATEGIES)
        raise LocalProtocolError(f"queue {rule.name} has strategy {rule.strategy!r}; known are {known}")


@dataclass(slots=True)
class Ticket:
    """One caller who waits. It keeps its number and age whatever happens to offers."""

    id: str
    number: int
    """Order of arrival."""
    rule: QueueRule
    priority_raise: int
    joined: float
    """Monotonic seconds; age and place count from here."""
    reach: tuple[Reach, ...]
    """Who may have the caller, the narrowest first."""
    lines: tuple[Spill, ...] = ()
    """Outside addresses, the earliest first."""
    caller: str = ""
    returned: bool = False
    wanted: tuple[str, ...] = ()
    """Agents the caller was sent to and who have not been asked yet; nobody else is asked meanwhile."""
    announce: float = 0.0
    """Seconds between two announcements; 0 for none."""
    callback: Callback | None = None
    agents: list[str] = field(default_factory=list)
    """Who is being rung for the caller: at most one, or several where everybody is rung."""
    since: float = 0.0
    """Since when the caller is on the line; spill and widening count from here."""
    entered: float = 0.0
    """Since when the caller waits in this queue: `longest` counts from here. Who has waited elsewhere before, as
    after a transfer, is not sent away for that."""
    outside: str = ""
    """The outside address that is ringing; empty for none."""
    alone_since: float | None = None
    """Since when nobody who could take the caller is logged on."""
    nobody_else: bool = False
    """That lasted too long: the outside line is rung now, whatever its `after` says."""
    announced: float | None = None
    widened: int = 0
    """The reach that was told last."""
    _outside_next: int = 0
    _outside_not_before: float = 0.0

    @property
    def emergency(self) -> bool:
        return self.rule.emergency

    @property
    def present(self) -> bool:
        """Whether somebody is on the line."""
        return self.callback is None or self.callback.present

    @property
    def waits(self) -> bool:
        """On the line for whoever is free, and nobody is being rung."""
        return self.present and not self.agents and not self.wanted

    @property
    def has_queue(self) -> bool:
        """Whether somebody else may be asked once those it was sent to have failed."""
        return bool(self.rule.name)

    @property
    def everybody(self) -> frozenset[str]:
        """All who may ever have the caller."""
        return self.reach[-1].agents

    @property
    def ring(self) -> float:
        """Seconds an agent's telephone rings."""
        return self.rule.ring if self.callback is None else min(self.rule.ring, RESERVED)

    def move_to(self, rule: QueueRule, reach: tuple[Reach, ...], lines: tuple[Spill, ...], now: float) -> None:
        """Wait in another queue: age and number stay, all that was the old queue's own begins anew."""
        self.rule, self.wanted, self.reach, self.widened, self.entered = rule, (), reach, 0, now
        self.lines, self.outside, self._outside_next, self._outside_not_before = lines, "", 0, 0.0
        self.alone_since, self.nobody_else = None, False

    def not_taken_by(self, agent: str) -> None:
        """The agent was asked in vain."""
        self.wanted = tuple(other for other in self.wanted if other != agent)

    def rank(self, now: float) -> Rank:
        """Lowest is served first: band, then priority with age (capped at the band's top), then arrival."""
        if self.emergency:
            return (0, 0.0, self.joined, self.number)
        aged = self.rule.priority + self.priority_raise + (now - self.joined) / AGEING
        aged += RETURNED if self.returned else 0.0
        return (1, -min(aged, EMERGENCY - 1.0), self.joined, self.number)

    def waited(self, now: float) -> float:
        """Seconds."""
        return max(0.0, now - self.joined)

    def reached(self, now: float) -> Reach:
        """The widest reach so far."""
        for one in reversed(self.reach):
            if now >= self.since + one.after:
                return one
        return self.reach[0]

    def widening(self, now: float) -> list[str]:
        """What the reach was widened to since this was asked last."""
        reached = self.reach.index(self.reached(now))
        told, self.widened = self.widened, max(self.widened, reached)
        return [one.to for one in self.reach[told + 1 : reached + 1]]

    def too_long(self, now: float) -> bool:
        return not self.wanted and self.rule.longest is not None and now >= self.entered + self.rule.longest

    def announcement_due(self, now: float) -> bool:
        if not self.announce or not self.waits:
            return False
        return self.announced is None or now >= self.announced + self.announce

    def outside_due(self, now: float) -> str:
        """The outside address to ring now, or empty."""
        at = None if self.wanted else self._outside_at()
        return self.lines[self._outside_next].to if at is not None and now >= at else ""

    def outside_failed(self, now: float) -> bool:
        """Go on to the next line; after the last one begin again, later. True when it was the last one."""
        self.outside = ""
        self._outside_next = (self._outside_next + 1) % len(self.lines)
        self._outside_not_before = now if self._outside_next else now + OUTSIDE_PAUSE
        return self._outside_next == 0

    def next_time(self, now: float, patience: float) -> float | None:
        """When something happens to this ticket by itself, after `now`.

        A caller who is just being offered to an agent is not thrown out meanwhile: `longest` waits for the
        offer's end. `patience` is how long callers wait whom nobody can help; 0 for ever.
        """
        if self.callback is not None and not self.callback.present:
            return self.callback.next_time(now)
        if self.wanted:
            return None  # the lease of the offer is all that can end
        times = [at for one in self.reach[1:] if (at := self.since + one.after) > now]
        if (line := self._outside_at()) is not None:
            times.append(line)
        if not self.agents:
            if self.rule.longest is not None:
                times.append(self.entered + self.rule.longest)
            if self.alone_since is not None and patience and not self.nobody_else:
                times.append(self.alone_since + patience)
            if self.announce and self.announced is not None:
                times.append(self.announced + self.announce)
        return min(times, default=None)

    def kept(self) -> CallbackChanged:
        """What is to be saved of a callback."""
        assert self.callback is not None
        return CallbackChanged(
            ticket=self.id,
            queue=self.rule.name,
            caller=self.caller,
            number=self.number,
            joined=self.joined,
            tries=self.callback.tries,
            not_before=self.callback.not_before,
        )

    def _outside_at(self) -> float | None:
        if self.outside or not self.lines:
            return None
        due = self.since if self.nobody_else else self.since + self.lines[self._outside_next].after
        return max(due, self._outside_not_before)


def outside_lines(rule: QueueRule, queues: frozenset[str]) -> tuple[Spill, ...]:
    """The spills of a queue that are neither people nor queues, the earliest first."""
    lines = (spill for spill in rule.spill if spill.to != ANY_AGENT and spill.to not in queues)
    return tuple(sorted(lines, key=lambda spill: spill.after))
