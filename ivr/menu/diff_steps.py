"""How one step differs from another of the same name, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ivr.menu.condition_words import operand
from ivr.menu.exits import Exit, exits
from ivr.menu.model import AnyStep, Manners, Menu
from ivr.menu.outline import ENDS

_TOLD = frozenset(
    {
        "name",
        "line",
        "file",
        "note",
        "manners",
        "choices",
        "exits",
        "when",
        "otherwise",
        "go",
        "ok",
        "failed",
        "allow",
    }
    | {"requires", "set", "goal", "say", "miss"}
)
"""Fields that have sentences of their own here, or that nobody hears."""
_MANNERS = {
    "listen": "listens to",
    "interrupt": "may be interrupted by",
    "end_key": "has the end key",
    "sure_enough": "needs a confidence of",
}


def changed_step(old_menu: Menu, old: AnyStep, menu: Menu, new: AnyStep) -> Iterator[str]:
    name = new.name
    if type(old) is not type(new):
        yield f"{name} is now a {kind(new)} step instead of a {kind(old)} step."
        return
    if old.say != new.say:
        yield f"{name} says {_list(new.say)} instead of {_list(old.say)}."
    if old.requires != new.requires:
        yield _requires(name, old.requires, new.requires)
    if old.goal != new.goal:
        yield f"{name} counts as the goal {new.goal or 'of nothing'} instead of {old.goal or 'none'}."
    if old.miss != new.miss:
        yield f"{name} counts tries of {new.miss or 'nothing'} instead of {old.miss or 'nothing'}."
    if old.set != new.set:
        yield f"{name} sets {settings(new.set)} instead of {settings(old.set)}."
    yield from _ways(name, exits(old_menu, old), exits(menu, new))
    yield from _others(old, new)
    if (was := getattr(old, "manners", None)) is not None and (now := getattr(new, "manners", None)) is not None:
        yield from changed_manners(name, was, now, (old_menu.manners, menu.manners))


def kind(step: AnyStep) -> str:
    """``menu``, ``lookup``: what stands after ``type:``."""
    return type(step).__name__.removesuffix("Step").lower()


def seconds(value: float) -> str:
    """``12 s``, ``20 min``, ``14 days``, ``800 ms``."""
    if value and value % 86400 == 0:
        return f"{value / 86400:g} days"
    if value and value % 60 == 0:
        return f"{value / 60:g} min"
    return f"{value:g} s" if value >= 1 or value == 0 else f"{value * 1000:g} ms"


def towards(target: str) -> str:
    """``go to main``; the reserved words as what they do."""
    if not target:
        return "are asked again for ever"
    return f"get {ENDS[target]!r}".replace("'", "“", 1).replace("'", "”") if target in ENDS else f"go to {target}"


def settings(values: Mapping[str, Any]) -> str:
    """``set:`` in words."""
    return ", ".join(f"{name} to {operand(value)}" for name, value in values.items()) or "nothing"


def _requires(name: str, old: str, new: str) -> str:
    if not new:
        return f"{name} is open to callers who are not {old}."
    return f"{name} is only for callers who are {new}" + (f" instead of {old}." if old else ".")


def _list(prompts: tuple[str, ...]) -> str:
    return " and ".join(prompts) or "nothing"


# --- ways out ----------------------------------------------------------------------------------------------------


def _ways(name: str, old: tuple[Exit, ...], new: tuple[Exit, ...]) -> Iterator[str]:
    before = {one.name: one for one in old if not _of_proof(one)}
    after = {one.name: one for one in new if not _of_proof(one)}
    yield from _moved(name, before, after)
    for exit, one in after.items():
        if exit not in before:
            if one.choice is not None and _same_choice(one, before.values()) is not None:
                continue
            yield f"{_exit(one)} in {name} is new and leads to {one.target}{_only(one)}."
            continue
        yield from _way(name, before[exit], one)
    for exit, one in before.items():
        if exit not in after and (one.choice is None or _same_choice(one, after.values()) is None):
            yield f"{_exit(one)} in {name} is gone (it led to {one.target})."


def _of_proof(one: Exit) -> bool:
    return one.name == "requires" or (one.name == "failed" and one.why != "")


def _moved(name: str, before: dict[str, Exit], after: dict[str, Exit]) -> Iterator[str]:
    """Choices that got another key."""
    for exit, one in before.items():
        if exit in after or one.choice is None:
            continue
        moved = _same_choice(one, (other for key, other in after.items() if key not in before))
        if moved is not None:
            yield f"What was key {one.label} in {name} ({one.target}) is now key {moved.label}."


def _same_choice(one: Exit, others: Any) -> Exit | None:
    """The choice that leads to the same place with the same words."""
    for other in others:
        if (
            other.choice is not None
            and one.choice is not None
            and (other.target, other.choice.offer, other.choice.speak)
            == (one.target, one.choice.offer, one.choice.speak)
            and other.name != one.name
        ):
            found: Exit = other
            return found
    return None


def _way(name: str, old: Exit, new: Exit) -> Iterator[str]:
    if old.target != new.target:
        yield f"{_exit(new)} in {name} now leads to {new.target} instead of {old.target}."
    if old.why != new.why:
        if new.choice is not None:
            now, was = _only(new) or " always", _only(old) or " always"
            yield f"{_exit(new)} in {name} is offered{now} instead of{was}."
        else:
            yield f"{name} goes to {new.target} if {new.why} instead of if {old.why}."
    if old.choice is None or new.choice is None:
        return
    if old.choice.offer != new.choice.offer:
        yield f"{_exit(new)} in {name} is offered with the words of {new.choice.offer or 'nothing'}."
    if (old.choice.speak, old.choice.speak_in) != (new.choice.speak, new.choice.speak_in):
        yield f"What can be said for {_exit(new).lower()} in {name} is another list of phrases."
    if old.choice.set != new.choice.set:
        yield f"{_exit(new)} in {name} sets {settings(new.choice.set)} instead of {settings(old.choice.set)}."


def _only(one: Exit) -> str:
    return f" only if {one.why}" if one.why else ""


def _exit(one: Exit) -> str:
    if one.choice is not None:
        return f"Key {one.label}" if one.choice.press else f"Saying {one.label}"
    words = {
        "go": "What comes after",
        "run": "The menu",
        "return": "What comes after the menu",
        "no_input": "Silence",
        "no_match": "An answer that does not fit",
        "else": "Everything else",
    }
    if one.name in words:
        return words[one.name]
    if one.name.startswith("when "):
        return f"The case “{one.why}”"
    return f"The outcome {one.name.replace('_', ' ')}"


# --- everything else ---------------------------------------------------------------------------------------------


def _others(old: AnyStep, new: AnyStep) -> Iterator[str]:
    """Fields without a sentence of their own: named as in the file, so that none changes unseen."""
    for key in type(new).__dataclass_fields__:
        if key in _TOLD:
            continue
        was, now = getattr(old, key, None), getattr(new, key, None)
        if was != now:
            yield f"{new.name} has {_KEYS.get(key, key)} {_shown(now)} instead of {_shown(was)}."


_KEYS = {"answer": "as", "priority_raise": "raise"}


def _shown(value: object) -> str:
    if value is None or value == "" or value == ():
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return seconds(value)
    if hasattr(value, "__dataclass_fields__"):
        inner = {key: getattr(value, key) for key in value.__dataclass_fields__}
        return " ".join(f"{key} {_shown(one)}" for key, one in inner.items() if one not in (None, "", ()))
    if isinstance(value, Mapping):
        return " ".join(f"{key} {_shown(one)}" for key, one in value.items())
    if isinstance(value, (tuple, list, frozenset)):
        return ", ".join(sorted(map(str, value)) if isinstance(value, frozenset) else map(_shown, value))
    return str(value)


def changed_manners(name: str, old: Manners, new: Manners, usual: tuple[Manners, Manners] | None) -> Iterator[str]:
    """Of a question; what it only takes over from the `usual` ones, before and after, is told of those."""

    def changed(key: str) -> bool:
        was, now = getattr(old, key), getattr(new, key)
        same_change = usual is not None and (getattr(usual[0], key), getattr(usual[1], key)) == (was, now)
        return bool(was != now) and not same_change

    if changed("wait"):
        yield f"{name} waits {seconds(new.wait)} for an answer instead of {seconds(old.wait)}."
    if changed("between_keys"):
        yield f"{name} waits {seconds(new.between_keys)} between two keys instead of {seconds(old.between_keys)}."
    for key, words in _MANNERS.items():
        if changed(key):
            yield f"{name} {words} {_manner(key, new)} instead of {_manner(key, old)}."
    for key, words in (("no_input", "silence"), ("no_match", "an answer that does not fit")):
        was, now = getattr(old, key), getattr(new, key)
        if changed(key) and [row.say for row in was] != [row.say for row in now]:
            said = ", then ".join(_list(row.say) for row in now if row.say) or "nothing"
            yield f"{name} says {said} after {words}."


def _manner(key: str, manners: Manners) -> str:
    if key == "interrupt":
        return {"any": "keys and speech", "never": "nothing"}.get(manners.interrupt, manners.interrupt)
    value = getattr(manners, key)
    return f"{value:g}" if isinstance(value, float) else _shown(value)
