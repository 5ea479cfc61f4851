"""What another version of a menu changes for callers, in sentences.

Not lines of files: a comment, or an order of keys that nobody hears, is no difference.
Emergency changes come first, because they are what must not slip through.
"""

from __future__ import annotations

from collections.abc import Iterator

from ivr.menu.diff_steps import changed_manners, changed_step, seconds, towards
from ivr.menu.exits import Exit, default_misses, everywhere_exits
from ivr.menu.model import Hours, Menu, Queue
from ivr.menu.outline import plain_words
from ivr.menu.prompt_book import PromptBook, PromptText

EMERGENCY = "emergency"
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def differences(old: Menu, new: Menu) -> list[str]:
    """One sentence for each thing that changes; empty where callers notice nothing."""
    found = [
        *_emergency(old, new),
        *_start(old, new),
        *_everywhere(old, new),
        *_levels(old, new),
        *_steps(old, new),
        *_words(old, new),
        *_queues(old, new),
        *_hours(old, new),
        *_data(old, new),
        *_attached(old, new),
    ]
    return sorted(dict.fromkeys(found), key=lambda sentence: EMERGENCY not in sentence.lower())


def _emergency(old: Menu, new: Menu) -> Iterator[str]:
    if old.emergency == new.emergency:
        return
    if not new.emergency:
        why = f": {new.no_emergency}" if new.no_emergency else ", and nothing says why"
        yield f"There is no emergency line any more{why}."
    elif old.emergency:
        yield f"The emergency line is the queue {new.emergency} instead of {old.emergency}."
    else:
        yield f"The queue {new.emergency} is the emergency line now."


def _start(old: Menu, new: Menu) -> Iterator[str]:
    if old.start != new.start:
        yield f"Calls begin at {new.start} instead of {old.start}."
    before, after = [one.code for one in old.languages], [one.code for one in new.languages]
    for code in after:
        if code not in before:
            yield f"The language {code} is new."
    for code in before:
        if code not in after:
            yield f"The language {code} is spoken no longer."
    if before[0] != after[0]:
        yield f"Calls begin in the language {after[0]} instead of {before[0]}."
    for code in before:
        if code in after and (was := old.language(code).voice) != (now := new.language(code).voice):
            yield f"The voice of {code} is {now or 'the usual one'} instead of {was or 'the usual one'}."
    if old.on_fault != new.on_fault:
        yield f"When something impossible happens, calls go to {new.on_fault} instead of {old.on_fault}."
    if old.stuck != new.stuck:
        yield f"Callers are taken for stuck after {new.stuck} misses instead of {old.stuck}."
    yield from _miss_targets(old, new)
    yield from changed_manners("Every question that says nothing else", old.manners, new.manners, None)


def _miss_targets(old: Menu, new: Menu) -> Iterator[str]:
    before = {one.name: one.target for one in default_misses(old)}
    after = {one.name: one.target for one in default_misses(new)}
    for name, words in (("no_input", "silence"), ("no_match", "answers that do not fit")):
        if before.get(name) != after.get(name):
            was, now = towards(before.get(name, "")), towards(after.get(name, ""))
            yield f"After {words} in the usual questions, callers now {now}; they used to {was}."


def _everywhere(old: Menu, new: Menu) -> Iterator[str]:
    before = {one.name: one for one in everywhere_exits(old)}
    after = {one.name: one for one in everywhere_exits(new)}
    for name, one in after.items():
        said = name.replace("everywhere ", "Key ").replace("said ", "Saying ")
        if name not in before:
            yield f"{said} now leads to {one.target} at any time."
            continue
        was = before[name]
        if was.target != one.target:
            yield f"{said} at any time leads to {one.target} instead of {was.target}."
        if was.why != one.why:
            yield f"{said} at any time works {_only(one.why)} instead of {_only(was.why)}."
        if _spoken(was) != _spoken(one):
            yield f"What can be said for {said.lower()} at any time is another list of phrases."
    for name, one in before.items():
        if name not in after:
            said = name.replace("everywhere ", "Key ").replace("said ", "Saying ")
            yield f"{said} works no longer at any time (it led to {one.target})."


def _spoken(one: Exit) -> object:
    return None if one.choice is None else (one.choice.speak, one.choice.speak_in)


def _only(why: str) -> str:
    return f"only if {why}" if why else "always"


def _levels(old: Menu, new: Menu) -> Iterator[str]:
    for name in new.levels.keys() - old.levels.keys():
        yield f"There is a new proof, {name}, at {new.levels[name].start}."
    for name in old.levels.keys() - new.levels.keys():
        yield f"The proof {name} is gone."
    for name in sorted(old.levels.keys() & new.levels.keys()):
        was, now = old.levels[name], new.levels[name]
        if was.start != now.start:
            yield f"The proof {name} begins at {now.start} instead of {was.start}."
        if was.tries != now.tries:
            yield f"Callers have {now.tries} tries to be {name} instead of {was.tries}."
        if was.failed != now.failed:
            yield f"Callers who fail to be {name} go to {now.failed} instead of {was.failed}."


def _steps(old: Menu, new: Menu) -> Iterator[str]:
    for name in new.steps:
        if name not in old.steps:
            yield f"{name} is a new step."
    for name in old.steps:
        if name not in new.steps:
            yield f"The step {name} is gone."
    for name, step in new.steps.items():
        if name in old.steps:
            yield from changed_step(old, old.steps[name], new, step)


# --- words ---------------------------------------------------------------------------------------------------


def _words(old: Menu, new: Menu) -> Iterator[str]:
    for language in new.languages:
        before = next((one.book for one in old.languages if one.code == language.code), None)
        if before is not None:
            yield from _book(before, language.book, len(new.languages) > 1)


def _book(old: PromptBook, new: PromptBook, several: bool) -> Iterator[str]:
    within = f" in {new.language}" if several else ""
    for name in sorted(old.prompts.keys() & new.prompts.keys()):
        was, now = old.prompts[name], new.prompts[name]
        if was.text != now.text:
            before, after = plain_words(was.text), plain_words(now.text)
            yield f"The words of {name}{within} change from “{before}” to “{after}”."
        if _others(was) != _others(now):
            yield f"{name}{within} has other words for special values."
        if was.audio != now.audio:
            yield f"{name}{within} is played from other recordings."


def _others(prompt: PromptText) -> object:
    return prompt.variants, prompt.also


# --- people and times ------------------------------------------------------------------------------------------


def _queues(old: Menu, new: Menu) -> Iterator[str]:
    for name in new.queues.keys() - old.queues.keys():
        yield f"The {name} queue is new."
    for name in old.queues.keys() - new.queues.keys():
        yield f"The {name} queue is gone."
    for name in sorted(old.queues.keys() & new.queues.keys()):
        for sentence in _queue(old.queues[name], new.queues[name]):
            yield f"The {name} queue {sentence}."


def _queue(old: Queue, new: Queue) -> Iterator[str]:
    if old.ring != new.ring:
        yield f"rings {seconds(new.ring)} instead of {seconds(old.ring)}"
    if old.open != new.open:
        yield f"is open {new.open} instead of {old.open}"
    if old.longest != new.longest:
        yield f"lets callers wait {_longest(new.longest)} instead of {_longest(old.longest)}"
    if old.priority != new.priority:
        yield f"has the priority {new.priority} instead of {old.priority}"
    if set(old.skills) != set(new.skills):
        yield f"asks for people with {', '.join(new.skills)} instead of {', '.join(old.skills)}"
    if old.strategy != new.strategy:
        yield f"rings by {new.strategy or 'the settings'} instead of {old.strategy or 'the settings'}"
    if old.spill != new.spill:
        yield f"spills {_spill(new)} instead of {_spill(old)}"


def _longest(longest: float | None) -> str:
    return "without end" if longest is None else f"at most {seconds(longest)}"


def _spill(queue: Queue) -> str:
    ways = [f"after {seconds(one.after)} to {one.to}" for one in queue.spill]
    return ", then ".join(ways) or "nowhere"


def _hours(old: Menu, new: Menu) -> Iterator[str]:
    for name in new.hours.keys() - old.hours.keys():
        yield f"The opening hours {name} are new."
    for name in old.hours.keys() - new.hours.keys():
        yield f"The opening hours {name} are gone."
    for name in sorted(old.hours.keys() & new.hours.keys()):
        was, now = old.hours[name], new.hours[name]
        if was.zone.key != now.zone.key:
            yield f"The opening hours {name} are told in {now.zone.key} instead of {was.zone.key}."
        for day, (before, after) in enumerate(zip(was.week, now.week, strict=True)):
            if before != after:
                yield f"The hours {name} on {DAYS[day]} are {_span(now, day)} instead of {_span(was, day)}."
        for closed in sorted(now.closed_on - was.closed_on):
            yield f"The hours {name} are closed on {closed.isoformat()}."
        for closed in sorted(was.closed_on - now.closed_on):
            yield f"The hours {name} are no longer closed on {closed.isoformat()}."


def _span(hours: Hours, day: int) -> str:
    span = hours.week[day]
    return "closed" if span is None else f"{span[0]:%H:%M} to {span[1]:%H:%M}"


def _data(old: Menu, new: Menu) -> Iterator[str]:
    for name in sorted(old.data.keys() & new.data.keys()):
        was, now = old.data[name], new.data[name]
        if old.answered.get(name) != new.answered.get(name):
            asked, asks = _answered(old, name), _answered(new, name)
            other = f"is answered by {asks} instead of {asked}" if asked != asks else "is asked in another way"
            yield f"The look-up {name} {other}."
        if was.limit != now.limit:
            yield f"The look-up {name} may take {seconds(now.limit)} instead of {seconds(was.limit)}."
        if was.once != now.once:
            often = "is now done only once" if now.once else "may now be done again"
            yield f"The look-up {name} {often} in a call."
        for what, before, after in (
            ("needs", set(was.needs), set(now.needs)),
            ("gives", set(was.gives), set(now.gives)),
            ("keeps secret", set(was.secret), set(now.secret)),
        ):
            if before != after:
                yield f"The look-up {name} {what} {_names(after)} instead of {_names(before)}."


def _answered(menu: Menu, name: str) -> str:
    by = menu.answered.get(name)
    if by is None:
        return "the store"
    return f"{by.connector.name} ({by.operation})" if by.operation else by.connector.name


def _names(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _attached(old: Menu, new: Menu) -> Iterator[str]:
    if old.application != new.application:
        yield f"The agent's screen gets the data of {new.application} instead of {old.application}."
    for name in sorted(old.fields.keys() | new.fields.keys()):
        was, now = old.fields.get(name), new.fields.get(name)
        if was == now:
            continue
        if was is None:
            yield f"The agent's screen gets {now} as {name}."
        elif now is None:
            yield f"The agent's screen no longer gets {name}."
        else:
            yield f"The agent's screen gets {now} as {name} instead of {was}."
    for field in sorted(old.from_agent.keys() | new.from_agent.keys()):
        read, reads = old.from_agent.get(field), new.from_agent.get(field)
        if reads is None:
            yield f"The menu no longer reads {field}, which agents enter."
        elif read != reads:
            yield f"The menu reads {field}, which agents enter, as {reads}{f' instead of {read}' if read else ''}."
