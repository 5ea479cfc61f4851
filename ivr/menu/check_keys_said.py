"""Prompts that name a key which is none where they are said: ``press 9`` after the emergency went to key 8.

A note and no mistake, because words cannot be read for sure. Numbers of several digits are examples of what to key
in, and a question for a number takes every digit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ivr.errors import Problem
from ivr.menu.activity import KEY_NAMES
from ivr.menu.check_prompts import uses
from ivr.menu.check_report import Report
from ivr.menu.model import AskStep, CallbackStep, HandoffStep, Language, MenuStep
from ivr.menu.prompt_book import PromptText
from ivr.menu.schema import Keys

PRESS = {
    "en": "press|push|dial",
    "es": "presione|pulse|oprima|marque|teclee",
    "de": "drücken sie die|drücken sie|drücken",
}
"""What a prompt says before a key, by language; a prompt in another language is not read."""
CONFIRM = frozenset("12")
WAITING = frozenset("1")
"""Keys of a read-back, and of what is said while a caller waits."""


def keys_said(report: Report) -> Iterator[Problem]:
    everywhere = frozenset(choice.press for choice in report.menu.everywhere if choice.press)
    there: dict[str, frozenset[str]] = {}
    free: set[str] = set()
    for at, prompt in uses(report):
        keys = _keys(report, at)
        if keys is None:
            free.add(prompt)
        else:
            there[prompt] = there.get(prompt, keys) & keys
    for language in report.menu.languages:
        for prompt, keys in there.items():
            text = language.book.prompts.get(prompt)
            if text is None or prompt in free:
                continue
            for key in dict.fromkeys(_named(text, language)):
                if key not in keys | everywhere:
                    known = ", ".join(KEY_NAMES.get(one, one) for one in sorted(keys | everywhere)) or "none"
                    message = (
                        f"says key {key}, which is no key there (keys are {known}); say the right one, or {{key}}"
                    )
                    yield Problem(language.book.path, message, text.line, where=prompt)


def _keys(report: Report, at: Keys) -> frozenset[str] | None:
    """Digits that mean something where a prompt is said, besides those of everywhere; None where all may."""
    if at[0] != "steps":
        return frozenset()
    step = report.menu.steps[str(at[1])]
    match step:
        case AskStep():
            return CONFIRM if at[2] == "confirm" else frozenset() if at[2] in ("no_input", "no_match") else None
        case MenuStep():
            return frozenset(choice.press for choice in step.choices if choice.press)
        case HandoffStep() if at[2] != "say":
            return WAITING
        case CallbackStep():
            return None
    return frozenset()


def _named(text: PromptText, language: Language) -> Iterator[str]:
    words = PRESS.get(language.code.split("-")[0])
    if words is None:
        return
    for said in (text.text, *(variant.text for variant in text.variants)):
        yield from re.findall(rf"\b(?:{words})\s+([0-9])\b(?!\s*[0-9])", said.lower())
