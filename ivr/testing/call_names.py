"""Names of a test that its menu does not have: a step that is not there is never visited, which proves nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ivr.errors import Problem
from ivr.menu.model import Menu
from ivr.menu.schema import meant
from ivr.testing.call_file import Action, TestCall


def unknown_names(menu: Menu, test: TestCall) -> list[Problem]:
    """Every prompt, step, look-up, value and queue that is not there, at its line."""
    found = []
    prompts = {name for language in menu.languages for name in language.book.prompts}
    for action in test.actions:
        for name in _prompts(action):
            if name not in prompts:
                message = f"{name!r} is no prompt of {menu.name}{meant(name, prompts)}"
                found.append(Problem(test.path, message, action.line, 0, action.kind))
        if action.kind == "fault" and action.value[0] not in menu.data:
            found.append(_no_lookup(menu, test, action.value[0], action.line, "fault"))
        if action.kind == "sends_back":
            found += _of_agents(menu, test, action)
    for key in ("path", "visited", "not_visited"):
        for step in _texts(test.expect.get(key)):
            if step not in menu.steps:
                message = f"{step!r} is no step of {menu.name}{meant(step, menu.steps)}"
                found.append(Problem(test.path, message, test.lines[key], 0, key))
    for name in (*test.faults, *test.answers):
        if name not in menu.data:
            found.append(_no_lookup(menu, test, name, test.line, "given"))
    for name, values in test.answers.items():
        for value in values if name in menu.data else ():
            gives = menu.data[name].gives
            if value not in gives:
                message = f"{name} gives no {value!r}{meant(value, gives)}"
                found.append(Problem(test.path, message, test.line, 0, "answers"))
    handoff = test.expect.get("handoff")
    queue = handoff.get("queue") if isinstance(handoff, dict) else None
    if queue is not None and queue not in menu.queues:
        message = f"{queue!r} is no queue of {menu.name}{meant(str(queue), menu.queues)}"
        found.append(Problem(test.path, message, test.lines["handoff"], 0, "handoff"))
    return found


def _of_agents(menu: Menu, test: TestCall, action: Action) -> Iterator[Problem]:
    """Where an agent sends the caller, and what he entered."""
    step, known = str(action.value), set(menu.from_agent.values())
    if step not in menu.steps:
        message = f"{step!r} is no step of {menu.name}{meant(step, menu.steps)}"
        yield Problem(test.path, message, action.line, 0, action.kind)
    for name in action.beside.get("entered") or {}:
        if name not in known:
            message = f"{name!r} is nothing that agents enter for {menu.name}{meant(name, known)}"
            yield Problem(test.path, message, action.line, 0, "entered")


def _no_lookup(menu: Menu, test: TestCall, name: str, line: int, where: str) -> Problem:
    return Problem(test.path, f"{name!r} is no look-up of {menu.name}{meant(name, menu.data)}", line, 0, where)


def _prompts(action: Action) -> Iterator[str]:
    if action.kind == "hear":
        yield from _texts(action.value)
    if "during" in action.beside:
        yield str(action.beside["during"])


def _texts(value: Any) -> Iterable[str]:
    return [str(one) for one in value] if isinstance(value, list) else [] if value is None else [str(value)]
