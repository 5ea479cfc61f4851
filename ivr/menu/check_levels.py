"""Proof that `requires` is never by-passed: what only a proven caller may know is looked up and told to no other.

A level counts as held at a step if every way from the start proves it: by the step's own ``requires``, or by
the ``ok`` of a look-up that grants it. It is lost where a value it was proved for may change. A look-up is
for proven callers if ``data:`` says so, or if some other step asks it only with ``requires``.
"""

from __future__ import annotations

from collections.abc import Iterator

from ivr.menu.check_prompts import uses
from ivr.menu.check_report import Report, miss_ways, own_ways
from ivr.menu.model import (
    AnyStep,
    AskStep,
    LookupStep,
    Menu,
    MenuStep,
    RecordStep,
    ReturnStep,
    RunStep,
    SayStep,
    local,
    scope,
)

Held = frozenset[str]
NOTHING: Held = frozenset()


def check_levels(report: Report) -> None:
    menu = report.menu
    if not menu.levels:
        return
    holds = _Levels(menu)
    held = holds.from_start()
    guarded = _guarded(menu)
    for step in menu.steps.values():
        there = held.get(step.name)
        if there is None:
            continue
        if isinstance(step, LookupStep) and (level := guarded.get(step.use, "")) and level not in there:
            _by_passed(report, step, level, declared=bool(menu.data[step.use].requires))
    _check_told(report, held, guarded)
    _check_returns(report, holds)
    if not menu.runs_inside:
        _check_begun(report, holds)


def check_granted(report: Report) -> None:
    """Every level is proved by some look-up, perhaps of a menu that is run."""
    if report.doubt.grants:
        return
    granted = {getattr(step, "grants", "") for step in report.menu.steps.values()}
    for name in report.menu.levels:
        if name not in granted:
            message = f"is proved nowhere; write grants: {name} at the look-up that proves it"
            report.wrong(("levels", name), message, key=True)


def _guarded(menu: Menu) -> dict[str, str]:
    """Look-ups for proven callers, with the level: as declared, or as some step shows."""
    found = {name: source.requires for name, source in menu.data.items() if source.requires}
    for step in menu.steps.values():
        if isinstance(step, LookupStep) and step.requires and not step.grants:
            found.setdefault(step.use, step.requires)
    return found


def _by_passed(report: Report, step: LookupStep, level: str, *, declared: bool) -> None:
    why = "its data: requires it" if declared else "another step asks it only with requires:"
    message = f"{local(step.use)} is asked for callers who have not proved {level}, and {why}; "
    message += f"add requires: {level} [bypassed]"
    report.wrong(("steps", step.name), message, key=True)


def _check_told(report: Report, held: dict[str, Held], guarded: dict[str, str]) -> None:
    """No prompt says what such a look-up gave where the caller may have lost the level."""
    menu = report.menu
    values: dict[str, str] = {}
    for name, level in guarded.items():
        for value in menu.data[name].gives:
            values[value] = level
    for name, source in menu.data.items():  # what others give too is no secret of the level
        if name not in guarded:
            for value in source.gives:
                values.pop(value, None)
    for step in menu.steps.values():
        values.pop(getattr(step, "answer", ""), None)
    if not values:
        return
    rows = {step.each.say: step for step in menu.steps.values() if isinstance(step, SayStep) and step.each}
    told: set[tuple[str, str]] = set()
    for at, prompt in uses(report):
        if at[0] != "steps" or str(at[1]) not in held or prompt in rows:
            continue
        step = menu.steps[str(at[1])]
        texts = (language.book.prompts.get(prompt) for language in menu.languages)
        for name in sorted({scope(step.name) + one for text in texts if text for one in text.variables}):
            level = values.get(name, "")
            if level and level not in held[step.name] and (step.name, name) not in told:
                told.add((step.name, name))
                message = f"{prompt} tells {{{local(name)}}} to callers who have not proved {level}; "
                report.wrong(at, f"{message}add requires: {level} to the step [bypassed]")


def _check_returns(report: Report, holds: _Levels) -> None:
    """A proof that ends without proving would send the caller round in a circle."""
    for name in report.menu.levels:
        for step_name, there in holds.within_proof(name).items():
            step = report.menu.steps[step_name]
            for at, target, after in holds.edges(step, there):
                if target == "RETURN" and name not in after:
                    message = (
                        f"RETURN ends the proof of {name}, which is not proved here; lead to grants: {name} first"
                    )
                    report.wrong(at, f"{message} [bypassed]")


def _check_begun(report: Report, holds: _Levels) -> None:
    """A proof that is begun without a step that waits for it ends with a RETURN to nowhere. In a menu that others
    run, RETURN leads back to them."""
    menu = report.menu
    proofs = {level: holds.within_proof(level) for level in menu.levels}
    shared = set(menu.steps) & set(holds.anywhere(begun=False))
    came: dict[str, tuple[tuple[str | int, ...], str]] = {}
    coming = [menu.start, *shared]
    plain = set(coming)
    while coming:
        step = menu.steps.get(coming.pop())
        for at, target, _ in holds.edges(step, NOTHING) if step is not None else ():
            target = menu.start if target == "START" else target
            if target == "RETURN" and step is not None:
                _begun(report, step.name, came, proofs)
            if target in menu.steps and target not in plain and step is not None:
                plain.add(target)
                came[target] = at, step.name
                coming.append(target)


def _begun(
    report: Report,
    name: str,
    came: dict[str, tuple[tuple[str | int, ...], str]],
    proofs: dict[str, dict[str, Held]],
) -> None:
    """`name` has a RETURN and is come to from the start; told at the way into the proof: to its first step, or
    else to this one."""
    level = next((level for level, steps in proofs.items() if name in steps), "")
    if not level or name not in came:
        return
    place, _ = came[name]
    while name in came:
        at, before = came[name]
        if name == report.menu.levels[level].start:
            place = at
            break
        name = before
    message = f"leads into the proof of {level}, whose RETURN has nowhere to go then; "
    report.wrong(place, f"{message}lead to a step that has requires: {level}")


class _Levels:
    """What is held at each step, as the meet over all ways that lead to it."""

    def __init__(self, menu: Menu) -> None:
        self.menu = menu
        self.proved_for: dict[str, frozenset[str]] = dict.fromkeys(menu.levels, frozenset())
        for step in menu.steps.values():
            if isinstance(step, LookupStep) and step.grants in self.proved_for:
                needs = frozenset(menu.data[step.use].needs) - menu.secrets
                self.proved_for[step.grants] |= needs

    def from_start(self) -> dict[str, Held]:
        return self.flow(self.menu.start, anywhere=True)

    def within_proof(self, level: str) -> dict[str, Held]:
        return self.flow(self.menu.levels[level].start, anywhere=False)

    def flow(self, start: str, *, anywhere: bool) -> dict[str, Held]:
        """What is held inside each step. `anywhere`: also by ways that lead out of any step, the first too."""
        reached: dict[str, Held] = {}
        coming: list[tuple[str, Held]] = [(start, NOTHING)]
        if anywhere:
            coming += [(target, NOTHING) for target in self.anywhere()]
        while coming:
            name, there = coming.pop()
            step = self.menu.steps.get(self.menu.start if name == "START" else name)
            if step is None:
                continue
            inside = self.changed(there | {step.requires} if step.requires else there, frozenset(step.set))
            if step.name in reached:
                inside &= reached[step.name]
                if inside == reached[step.name]:
                    continue
            reached[step.name] = inside
            coming += [(target, after) for _, target, after in self.edges(step, inside)]
        return reached

    def anywhere(self, *, begun: bool = True) -> Iterator[str]:
        """Targets that a caller may come to from any step: by a key, a fault, a proof that failed; where proofs
        are `begun`, those too."""
        yield self.menu.on_fault
        yield self.menu.agent_stuck
        for choice in self.menu.everywhere:
            yield choice.go
        for level in self.menu.levels.values():
            if begun:
                yield level.start
            yield level.failed

    def edges(self, step: AnyStep, there: Held) -> Iterator[tuple[tuple[str | int, ...], str, Held]]:
        for at, target in own_ways(step):
            yield at, target, self.after(step, at, there)
        if isinstance(step, (MenuStep, AskStep)):
            for at, target in miss_ways(step.manners, ("steps", step.name)):
                yield at, target, there

    def after(self, step: AnyStep, at: tuple[str | int, ...], there: Held) -> Held:
        match step:
            case MenuStep() if isinstance(at[3], int):
                return self.changed(there, frozenset(step.choices[at[3]].set))
            case AskStep() | RecordStep():
                return self.changed(there, frozenset({step.answer}))
            case LookupStep():
                changed = self.changed(there, frozenset(self.menu.data[step.use].gives))
                return changed | {step.grants} if at[-1] == "ok" and step.grants else changed
            case RunStep():
                return self.changed(there, frozenset(step.takes))
            case ReturnStep():
                return self.changed(there, frozenset(step.gives) - frozenset(step.same))
        return there

    def changed(self, there: Held, names: frozenset[str]) -> Held:
        """Less what was proved for a value that may be another now."""
        if not names:
            return there
        return frozenset(level for level in there if names.isdisjoint(self.proved_for.get(level, frozenset())))
