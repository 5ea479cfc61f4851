"""A menu that runs another: what it hands over, what it gets back, and what the other takes for granted."""

from __future__ import annotations

from collections.abc import Iterator

from ivr.menu.check_report import Report
from ivr.menu.expressions import Name
from ivr.menu.model import HandoffStep, LookupStep, Menu, RunStep
from ivr.menu.schema import Keys, meant


def check_run(report: Report, step: RunStep, other: Menu) -> None:
    """`other` is the menu that `step` runs."""
    at: Keys = ("steps", step.name)
    _check_values(report, step, other, at)
    for message in (*_lacking(report.menu, other), *_prompts(report.menu, other)):
        report.wrong((*at, "menu"), f"{other.name} {message}")


def _check_values(report: Report, step: RunStep, other: Menu, at: Keys) -> None:
    for name in step.takes:
        if name not in other.takes:
            message = f"is not taken by {other.name}{meant(name, other.takes)}; see takes: in {other.path}"
            report.wrong((*at, "with", name), message, key=True)
    for name in other.takes:
        if name not in step.takes:
            report.wrong(at, f"does not hand over {name!r}, which {other.name} takes; add it to with:", key=True)
    for ours, theirs in step.gives.items():
        if theirs not in other.gives:
            known = meant(theirs, other.gives)
            message = f"{theirs!r} is not given by {other.name}{known}; see gives: in {other.path}"
            report.wrong((*at, "gives", ours), message)
    for name, setting in step.takes.items():
        if isinstance(setting, Name) and setting.name in report.menu.secrets:
            message = f"hands over the secret {setting.name!r}; a secret may go to look-ups only [secret]"
            report.wrong((*at, "with", name), message)
    for ours, theirs in step.gives.items():
        if theirs in other.secrets:
            message = f"gets the secret {theirs!r}; a secret may go to look-ups only [secret]"
            report.wrong((*at, "gives", ours), message)


def _lacking(menu: Menu, other: Menu) -> Iterator[str]:
    """What is ours wherever a menu is run, and is not there."""
    spoken = {language.code for language in other.languages}
    for language in menu.languages:
        if language.code not in spoken:
            yield f"does not speak {language.code}, as this menu does; add the language to {other.path}"
    told: set[str] = set()
    for step in other.steps.values():
        wanted = {step.requires, step.miss, step.grants if isinstance(step, LookupStep) else ""}
        for name in sorted(wanted - {""} - set(menu.levels) - told):
            yield f"needs the level {name!r} in its step {step.name}; add it under levels: here"
        told |= wanted
        if isinstance(step, HandoffStep) and step.queue not in menu.queues and step.queue not in told:
            told.add(step.queue)
            yield f"hands over to the queue {step.queue!r} in its step {step.name}; add it under queues: here"


def _prompts(menu: Menu, other: Menu) -> Iterator[str]:
    """A prompt id means the same in all menus that play together: its recording is one file."""
    for language in menu.languages:
        theirs = next((one.book for one in other.languages if one.code == language.code), None)
        for prompt in language.book.prompts.values():
            twin = theirs.prompts.get(prompt.id) if theirs else None
            if twin is not None and theirs and (twin.text, twin.variants) != (prompt.text, prompt.variants):
                yield (
                    f"has other words for {prompt.id} ({theirs.path} line {twin.line}, and {language.book.path} "
                    f"line {prompt.line}); give one of them another id"
                )
