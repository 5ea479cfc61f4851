"""The emergency line: which queue it is, that it answers fast, and that no menu loses it unawares.

``emergency:`` at the top of a menu names the queue, or says ``{none: why}``. Where it says nothing, a queue called
``emergency`` is the line. So neither another name for the queue nor a step that is taken out ends the proofs of
`check_people`: what was promised at the top is missed, and publishing compares with what is live.
"""

from __future__ import annotations

from collections.abc import Iterator

from ivr.errors import Problem
from ivr.menu.check_report import Report
from ivr.menu.model import HandoffStep, Menu, Queue, RunStep, SayStep
from ivr.menu.schema import meant
from ivr.menu.template import Hole, Words, parse

BAND = 100
"""The priority of emergencies: they overtake, and nothing ages or is raised into it."""
LONGEST_RING = 30.0
"""Seconds one telephone may ring for somebody in danger before the next one does."""
FIRST_SPILL = 60.0
"""Seconds after which somebody else, anybody or an outside line, is asked to take the call."""
LONGEST_ALONE = 120.0
"""Seconds a queue that gives its callers to nobody else may keep them, before the menu goes on."""
LONGEST_TALK = 6.0
"""Seconds of words on the way to the queue: one short sentence about safety."""
LETTERS = 14.0
"""Letters and blanks that a voice says in a second, at an ordinary pace."""
VALUE = 1.5
"""Seconds that a value is counted with."""


def check_line(report: Report) -> None:
    """The declaration and the queue, in one file by itself."""
    menu = report.menu
    if menu.emergency and menu.emergency not in menu.queues and (menu.queues or not menu.runs_inside):
        report.doubt.ways = True
        known = '; write {none: "why there is none"}' if menu.emergency == "none" else ""
        message = f"{menu.emergency!r} is no queue of this menu{known or meant(menu.emergency, menu.queues)}"
        report.wrong(("emergency",), f"{message} [emergency]")
    for name, queue in menu.queues.items():
        if name == menu.emergency:
            _check_queue(report, queue)
        elif (
            "" not in report.doubt.patched
            and queue.priority >= BAND
            and (not menu.emergency or menu.emergency in menu.queues)
        ):
            message = (
                f"is {queue.priority}, the priority of emergencies, and emergency: at the top does not name it"
            )
            message = f"{message}; write emergency: {name} there, or a lower priority"
            report.wrong(("queues", name, "priority"), f"{message} [emergency]")


def _check_queue(report: Report, queue: Queue) -> None:
    at = ("queues", queue.name)
    if queue.open != "always":
        message = f"is {queue.open!r}; an emergency queue cannot close, write always [emergency]"
        report.wrong((*at, "open"), message)
    if queue.priority < BAND:
        message = f"is {queue.priority}; an emergency goes before all others, write {BAND} [emergency]"
        report.wrong((*at, "priority"), message)
    if queue.ring > LONGEST_RING:
        message = f"lets one telephone ring for {queue.ring:g} s; write {LONGEST_RING:g}s or less [emergency]"
        report.wrong((*at, "ring"), message)
    if not queue.spill and queue.longest is None:
        message = "goes on without end where nobody is free; add spill: [{after: 20s, to: any_agent}], or longest:"
        report.wrong(at, f"waiting {message} [emergency]", key=True)
    elif queue.spill and (first := min(spill.after for spill in queue.spill)) > FIRST_SPILL:
        message = f"asks nobody else before {first:g} s; let one of them begin after {FIRST_SPILL:g}s or less"
        report.wrong((*at, "spill"), f"{message} [emergency]")
    elif not queue.spill and queue.longest is not None and queue.longest > LONGEST_ALONE:
        message = f"is {queue.longest:g} s with nobody else asked; write {LONGEST_ALONE:g}s or less, or add spill:"
        report.wrong((*at, "longest"), f"{message} [emergency]")


def check_talk(report: Report) -> None:
    """What is said between the key and the queue is one short sentence: nobody is called before it is over."""
    menu = report.menu
    told: set[str] = set()
    for number, choice in enumerate(menu.everywhere):
        said, last = _words_to_the_line(menu, choice.go)
        if not last or last in told:
            continue
        told.add(last)
        longest = max((_seconds(menu, said, language.code) for language in menu.languages), default=0.0)
        if longest > LONGEST_TALK:
            message = f"has about {longest:.0f} s of words before anybody is called; at most {LONGEST_TALK:g} s, "
            message += "say the rest in waiting: of the handoff"
            report.wrong(("everywhere", number, "go"), f"{message} [emergency]")


def _words_to_the_line(menu: Menu, target: str) -> tuple[list[str], str]:
    """The prompts on the way from a key, and the handoff it leads to; empty where it leads to another."""
    said: list[str] = []
    seen: set[str] = set()
    while target not in seen:
        seen.add(target)
        step = menu.steps.get(menu.start if target == "START" else target)
        if isinstance(step, HandoffStep) and menu.emergency and step.queue == menu.emergency:
            return [*said, *step.say], step.name
        if not isinstance(step, (SayStep, RunStep)):
            break
        said += step.say
        target = step.go
    return [], ""


def _seconds(menu: Menu, said: list[str], code: str) -> float:
    book, length = menu.language(code).book, 0.0
    for prompt in said:
        text = book.prompts.get(prompt)
        for part in parse(text.text) if text else ():
            if isinstance(part, Words):
                length += len(part.text) / LETTERS
            elif isinstance(part, Hole):
                length += VALUE
    return length


def silent(menu: Menu) -> bool:
    """Whether it says nothing of an emergency line, neither that there is one nor that there is none. A menu that
    others run has theirs."""
    return not menu.emergency and not menu.no_emergency and not menu.runs_inside


def lost(live: Menu, draft: Menu) -> Iterator[Problem]:
    """Whether the draft has no emergency line any more and does not say why: never published by accident."""
    if live.emergency and not draft.emergency and not draft.no_emergency:
        message = f"has no emergency line, and what is live has one, the queue {live.emergency!r}; bring it back, "
        message += 'or write emergency: {none: "why there is none"} at the top [emergency]'
        yield Problem(draft.path, message, 1, 1, "emergency")
