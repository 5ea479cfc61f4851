"""A secret may go to look-ups only: to no log, record, attached data, recording, prompt, condition or copy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ivr.menu.check_report import Report, questions
from ivr.menu.expressions import Condition, Name
from ivr.menu.model import AskStep, CallbackStep, CheckStep, MenuStep, RecordStep, SayStep, Setting
from ivr.menu.schema import Keys

Copies = tuple[Keys, Iterable[tuple[str, Setting]]]


def check_secrets(report: Report) -> None:
    menu, secrets = report.menu, report.menu.secrets
    for field, name in menu.fields.items():
        if name in secrets:
            _wrong(
                report, ("attached_data", "fields", field), f"{name!r} is secret; no agent may see it, remove it"
            )
    for name, source in menu.data.items():
        for need in source.needs:
            if need in secrets and need not in source.secret:
                message = f"needs the secret {need!r} and would write it down; add secret: [{need}]"
                report.wrong(("data", name), f"{message} [secret]", key=True)
    for number, name in enumerate(menu.gives):
        if name in secrets:
            _wrong(report, ("gives", number), f"{name!r} is secret and stays in this menu; remove it")
    for at, given in settings(report):
        for name, setting in given:
            if isinstance(setting, Name) and setting.name in secrets:
                _wrong(
                    report, (*at, name), f"copies the secret {setting.name!r}; a secret may go to look-ups only"
                )
    for at, condition in _conditions(report):
        for name in sorted(condition.names & secrets):
            _wrong(report, at, f"compares the secret {name!r}, and the way taken is written down; use a look-up")
    _check_steps(report)


def _check_steps(report: Report) -> None:
    secrets = report.menu.secrets
    for step in report.menu.steps.values():
        at: Keys = ("steps", step.name)
        match step:
            case AskStep():
                _check_ask(report, at, step)
            case CallbackStep() if step.number in secrets:
                _wrong(report, (*at, "number"), f"{step.number!r} is secret; name a telephone number")
            case RecordStep() if step.answer in secrets:
                _wrong(report, (*at, "as"), f"{step.answer!r} is secret, and a recording is not; use another name")
            case SayStep(each=each) if each is not None and each.of in secrets:
                _wrong(report, (*at, "each", "of"), f"{each.of!r} is secret; it cannot be said")


def _check_ask(report: Report, at: Keys, step: AskStep) -> None:
    if not step.secret:
        if step.answer in report.menu.secrets and step.name not in report.doubt.patched:
            _wrong(report, (*at, "as"), f"{step.answer!r} is secret elsewhere; add secret: true here")
        return
    if "speech" in step.manners.listen:
        _wrong(report, (*at, "listen"), "lets a secret be said aloud, where others hear it; write [keys]")
    if step.confirm:
        _wrong(report, (*at, "confirm"), "would read a secret aloud; remove confirm: or secret:")


def settings(report: Report) -> Iterator[Copies]:
    """Every ``set:`` of the file."""
    menu = report.menu
    for number, choice in enumerate(menu.everywhere):
        yield ("everywhere", number, "set"), choice.set.items()
    for step in menu.steps.values():
        at: Keys = ("steps", step.name)
        yield (*at, "set"), step.set.items()
        if isinstance(step, MenuStep):
            for number, choice in enumerate(step.choices):
                yield (*at, "choices", number, "set"), choice.set.items()
    for question, manners in questions(menu):
        for kind, rows in (("no_input", manners.no_input), ("no_match", manners.no_match)):
            for number, miss in enumerate(rows):
                yield ("steps", question.name, kind, number, "set"), miss.set.items()


def _conditions(report: Report) -> Iterator[tuple[Keys, Condition]]:
    for number, choice in enumerate(report.menu.everywhere):
        if choice.show_if is not None:
            yield ("everywhere", number, "show_if"), choice.show_if
    for step in report.menu.steps.values():
        if isinstance(step, CheckStep):
            for number, when in enumerate(step.when):
                yield ("steps", step.name, "when", number, "if"), when.condition
        if isinstance(step, MenuStep):
            for number, choice in enumerate(step.choices):
                if choice.show_if is not None:
                    yield ("steps", step.name, "choices", number, "show_if"), choice.show_if


def _wrong(report: Report, at: Keys, message: str) -> None:
    report.wrong(at, f"{message} [secret]")
