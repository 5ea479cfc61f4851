"""The numbers outside that menus call, and whether the settings let them be called.

The engine calls nothing that no `dial` lists. A menu does not know that: an emergency line to a number that is not
listed would be found out by the first caller who needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ivr.agents.reach import ANY_AGENT
from ivr.call.phones import is_listed
from ivr.call.queues import queue_rules
from ivr.config import Settings
from ivr.errors import Problem
from ivr.menu.model import HandoffStep, Menu, SayStep, TransferStep


@dataclass(frozen=True, slots=True)
class OutsideLines:
    """What is wrong with them, for a person to read."""

    mistakes: list[Problem]
    """Of the emergency line: callers in danger would reach nobody."""
    remarks: list[Problem]


@dataclass(frozen=True, slots=True)
class _Line:
    to: str
    where: str
    line: int
    of_emergency: bool


def outside_lines(settings: Settings, menus: Iterable[Menu]) -> OutsideLines:
    """Every number of these menus that would not be called.

    One of an emergency line is a mistake, unless there is nothing to call through at all: then nothing but the
    words of the menu can help, and a house without a gateway is told so.
    """
    found = OutsideLines([], [])
    connected = bool(settings.sip.gateway or settings.sip.trunks)
    for menu in menus:
        lines = list(_lines(menu))
        for number in dict.fromkeys(line.to for line in lines):
            why = _why_not(settings, number, connected)
            if not why:
                continue
            same = [line for line in lines if line.to == number]
            urgent = any(line.of_emergency for line in same)
            where = ", ".join(dict.fromkeys(line.where for line in same))
            problem = Problem(menu.path, why, max(line.line for line in same), where=where)
            (found.mistakes if urgent and connected else found.remarks).append(problem)
    return found


def _why_not(settings: Settings, number: str, connected: bool) -> str:
    """Why nobody is put through to a number, with what to write instead; empty where he is."""
    if is_listed(settings.sip, number):
        return ""
    what = f"{number} is not listed in sip.dial or in a trunk's dial, so nobody is ever put through to it"
    remedy = f'write dial = ["{number}"] under [sip] in {settings.source or "ivr.toml"}'
    way = (
        "" if connected or not number.startswith("tel:") else ", and a gateway or a [[sip.trunks]] to call through"
    )
    return f"{what}; {remedy}{way}"


def _lines(menu: Menu) -> Iterator[_Line]:
    emergencies = {rule.name for rule in queue_rules([menu]) if rule.emergency}
    for name, queue in menu.queues.items():
        for spill in queue.spill:
            if spill.to != ANY_AGENT and spill.to not in menu.queues:
                yield _Line(spill.to, f"queues.{name}.spill", 0, name in emergencies)
    last = {step.name for step in _after(menu, emergencies)}
    for step in menu.steps.values():
        if isinstance(step, TransferStep):
            yield _Line(step.to, f"{step.name}.to", step.line, step.name in last)


def _after(menu: Menu, emergencies: set[str]) -> Iterator[TransferStep]:
    """The transfers that come, after words at most, where an emergency queue has nobody."""
    for step in menu.steps.values():
        if not isinstance(step, HandoffStep) or step.queue not in emergencies:
            continue
        for target in step.exits.values():
            seen: set[str] = set()
            while isinstance(after := menu.steps.get(target), SayStep) and target not in seen:
                seen.add(target)
                target = after.go
            if isinstance(after, TransferStep):
                yield after
