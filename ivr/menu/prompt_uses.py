"""Where the prompts of a menu are said, in words for the person who reads them aloud or writes them."""

from __future__ import annotations

from collections.abc import Iterator

from ivr.menu.model import AnyStep, Manners, Menu

_SAID = {
    "offer": "offers a choice",
    "confirm": "reads the answer back",
    "meanwhile": "while the look-up takes its time",
    "waiting": "while the caller waits for a person",
    "place": "tells the place in the queue",
    "resume": "asks whether to take a lost place again",
    "ask": "asks for a number to call back",
}


def prompt_uses(menu: Menu) -> dict[str, list[str]]:
    """Prompt id to places, each once, in the order of the menu: ``tell_balance (menu)``."""
    found: dict[str, dict[str, None]] = {}
    for prompt, place in _uses(menu):
        found.setdefault(prompt, {})[place] = None
    return {prompt: list(places) for prompt, places in found.items()}


def _uses(menu: Menu) -> Iterator[tuple[str, str]]:
    for step in menu.steps.values():
        where = f"{step.name} ({_kind(step)})"
        for prompt in step.say:
            yield prompt, where
        for choice in getattr(step, "choices", ()):
            if choice.offer:
                yield choice.offer, f"{where}, key {choice.press}" if choice.press else where
        each = getattr(step, "each", None)
        if each is not None:
            yield each.say, f"{where}, for each of {each.of}"
        for name, words in _SAID.items():
            prompt = getattr(step, name, "")
            if isinstance(prompt, str) and prompt:
                yield prompt, f"{where}, {words}"
        manners = getattr(step, "manners", None)
        if isinstance(manners, Manners):
            yield from _misses(manners, menu.manners, where)
    yield from _misses(menu.manners, None, "every question")
    for choice in menu.everywhere:
        if choice.offer:
            yield choice.offer, "everywhere"


def _misses(manners: Manners, usual: Manners | None, where: str) -> Iterator[tuple[str, str]]:
    """Those a question has of its own; the usual ones are told once."""
    for name, what in (("no_input", "nothing was heard"), ("no_match", "the answer fits nothing")):
        rows = getattr(manners, name)
        if usual is not None and rows == getattr(usual, name):
            continue
        for number, miss in enumerate(rows, 1):
            for prompt in miss.say:
                yield prompt, f"{where}, {what} ({number})"


def _kind(step: AnyStep) -> str:
    return type(step).__name__.removesuffix("Step").lower()
