"""Prompts: all ids in all languages, with values that exist, and no secret among them (M5)."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from ivr.errors import Problem
from ivr.menu.check_names import known_values
from ivr.menu.check_report import Report, questions, written
from ivr.menu.model import AskStep, CallbackStep, HandoffStep, LookupStep, Manners, MenuStep, SayStep
from ivr.menu.prompt_book import PromptBook, PromptText
from ivr.menu.schema import Keys
from ivr.menu.template import Hole, parse

Use = tuple[Keys, str]
"""Where a prompt is named, and its id."""


def check_prompts(report: Report) -> None:
    codes = [language.code for language in report.menu.languages]
    for number, code in enumerate(codes):
        if code in codes[:number]:
            report.wrong(("languages", number, "code"), f"{code!r} is there twice; name each language once")
    books = [language.book for language in report.menu.languages if language.book.path]
    if len(books) != len(codes):
        return
    _check_used(report, books)
    for book in books[1:]:
        _check_alike(report, books[0], book)
    _check_variables(report, books)
    _check_confirm(report, books)


def uses(report: Report) -> Iterator[Use]:
    """Every prompt the menu names."""
    menu = report.menu
    yield from _in_misses(menu.manners, ("defaults",))
    for number, choice in enumerate(menu.everywhere):
        if choice.offer:
            yield ("everywhere", number, "offer"), choice.offer
    for step in menu.steps.values():
        at: Keys = ("steps", step.name)
        for number, prompt in enumerate(step.say):
            yield (*at, "say", number), prompt
        match step:
            case SayStep(each=each) if each is not None:
                yield (*at, "each", "say"), each.say
            case MenuStep():
                for number, choice in enumerate(step.choices):
                    if choice.offer:
                        yield (*at, "choices", number, "offer"), choice.offer
            case AskStep() if step.confirm:
                yield (*at, "confirm"), step.confirm
            case LookupStep() if step.meanwhile:
                yield (*at, "meanwhile"), step.meanwhile
            case HandoffStep():
                for key, prompt in (("waiting", step.waiting), ("place", step.place), ("resume", step.resume)):
                    if prompt:
                        yield (*at, key), prompt
            case CallbackStep() if written(report, (*at, "ask")):
                yield (*at, "ask"), step.ask
    for question, manners in questions(menu):
        at = ("steps", question.name)
        yield from (use for use in _in_misses(manners, at) if written(report, (*at, str(use[0][2]))))


def _in_misses(manners: Manners, at: Keys) -> Iterator[Use]:
    for kind, rows in (("no_input", manners.no_input), ("no_match", manners.no_match)):
        for number, miss in enumerate(rows):
            for place, prompt in enumerate(miss.say):
                yield (*at, kind, number, "say", place), prompt


def _check_used(report: Report, books: list[PromptBook]) -> None:
    known = sorted(set().union(*(book.prompts.keys() | book.spoilt.keys() for book in books)))
    if not all(book.whole for book in books):
        return  # nothing can be said of what is missing
    for at, prompt in uses(report):
        if prompt not in known:
            close = get_close_matches(prompt, known, 1, 0.6)
            meant = f"; did you mean {close[0]}?" if close else "; write its text there"
            report.wrong(at, f"{prompt!r} is in no prompt file{meant}")
    for step in report.menu.steps.values():
        if not isinstance(step, CallbackStep) or written(report, ("steps", step.name, "ask")):
            continue
        if step.ask not in known:
            message = f"has no prompt to ask for a number when there is none; add ask:, or the prompt {step.ask}"
            report.wrong(("steps", step.name), message, key=True)


def _check_alike(report: Report, first: PromptBook, other: PromptBook) -> None:
    """Both languages have the same prompts with the same values."""
    slips = _slips(report, first, other) if first.whole and other.whole else {}
    for one, two in ((first, other), (other, first)):
        for prompt in one.prompts.values():
            if prompt.id in slips or prompt.id in slips.values():
                continue
            if two.whole and prompt.id not in two.prompts and prompt.id not in two.spoilt:
                message = f"is missing here; {one.path} has it in line {prompt.line}, add it"
                report.problems.append(Problem(two.path, message, where=prompt.id))
    for prompt in first.prompts.values():
        twin = other.prompts.get(prompt.id)
        unlike = _unlike(prompt, twin) if twin is not None else None
        if twin is None or unlike is None:
            continue
        wording, wants, has = unlike
        report.doubt.unlike.add(prompt.id)
        message = f"{wording}says {_listed(has)}, but {first.path} line {prompt.line} says {_listed(wants)}"
        report.problems.append(Problem(other.path, f"{message}; use the same values", twin.line, where=prompt.id))


def _slips(report: Report, first: PromptBook, other: PromptBook) -> dict[str, str]:
    """Ids that are in one language only, each a slip of the pen for one that the other language has; told here."""
    alone, others = (
        [name for name in one.prompts if name not in two.prompts and name not in two.spoilt]
        for one, two in ((first, other), (other, first))
    )
    used = {prompt for _, prompt in uses(report)}
    slips: dict[str, str] = {}
    for mine in alone:
        for theirs in get_close_matches(mine, [name for name in others if name not in slips.values()], 1, 0.85):
            swapped = theirs in used and mine not in used
            wrong, book, right = (mine, first, theirs) if swapped else (theirs, other, mine)
            slips[wrong] = right
            message = f"is in no other language; did you mean {right}?"
            report.problems.append(Problem(book.path, message, book.prompts[wrong].line, where=wrong))
    return slips


def _unlike(one: PromptText, other: PromptText) -> tuple[str, set[str], set[str]] | None:
    """The first wording that says other values in the two languages; its name with a blank, empty for the text."""
    if (wants := _said(one.text)) != (has := _said(other.text)):
        return "", wants, has
    others = {(variant.condition, variant.variable): variant for variant in other.variants}
    for variant in one.variants:
        twin = others.get((variant.condition, variant.variable))
        if twin is not None and (wants := _said(variant.text)) != (has := _said(twin.text)):
            return f"{variant.condition} {variant.variable} ", wants, has
    wants, has = set(one.variables), set(other.variables)
    return None if wants == has else ("", wants, has)


def _said(text: str) -> set[str]:
    return {part.name for part in parse(text) if isinstance(part, Hole)}


def _listed(names: set[str]) -> str:
    return " ".join(f"{{{name}}}" for name in sorted(names)) or "no value"


def _check_variables(report: Report, books: list[PromptBook]) -> None:
    """Values in prompts exist and are no secrets. Rows of a list bring values of their own."""
    menu = report.menu
    known = known_values(menu) | {"key"}
    rows = {step.each.say for step in menu.steps.values() if isinstance(step, SayStep) and step.each}
    used = {prompt for _, prompt in uses(report)}
    for book in books:
        for prompt in (*book.prompts.values(), *book.spoilt.values()):
            if prompt.id not in used:
                continue
            for name in dict.fromkeys(prompt.variables):
                if name in menu.secrets:
                    message = f"would say the secret {{{name}}}; take it out"
                elif name not in known | report.doubt.lost and prompt.id not in rows:
                    close = get_close_matches(name, sorted(known), 1, 0.6)
                    message = f"{{{name}}} is a value that nothing gives"
                    message += f"; did you mean {{{close[0]}}}?" if close else "; use one that a look-up gives"
                else:
                    continue
                report.problems.append(Problem(book.path, message, prompt.line, where=prompt.id))


def _check_confirm(report: Report, books: list[PromptBook]) -> None:
    for step in report.menu.steps.values():
        if not isinstance(step, AskStep) or not step.confirm or step.secret:
            continue
        prompt = books[0].prompts.get(step.confirm)
        if prompt is not None and step.answer not in prompt.variables:
            message = f"{step.confirm} does not read back {{{step.answer}}}; put it into the prompt"
            report.wrong(("steps", step.name, "confirm"), message)
