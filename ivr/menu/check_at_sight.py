"""Names that mean nothing, in a file whose form is wrong elsewhere: told at once, not after the next try (M11).

The other checks need a whole menu. This one looks only at what stands in the file, says nothing about what the
schema has already objected to, and in doubt nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from ivr.errors import Problem
from ivr.menu.prompts import PromptBook
from ivr.menu.schema import Keys, find, meant, where
from ivr.menu.source import Mapping, Node, Scalar
from ivr.menu.source import Sequence as Listing

WAYS = frozenset(
    {"go", "ok", "not_found", "down", "slow", "refused", "else", "busy", "closed", "failed", "callback", "rings"}
)
"""Keys whose value is a step, or a reserved target in capitals."""
WORDS = frozenset({"say", "offer", "confirm", "meanwhile", "waiting", "place", "resume"})
"""Keys whose value is a prompt, or several."""
_STEP = re.compile(r"[a-z][a-z0-9_]{0,47}")
_PROMPT = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")
Found = tuple[Keys, Scalar]


def names_at_sight(
    root: Node,
    path: str,
    books: Iterable[PromptBook],
    told: Sequence[Problem],
    within: Sequence[Node] | None = None,
) -> list[Problem]:
    """Unknown steps, prompts, look-ups and queues, but at no place in `told`; with `within` only below those."""
    if not isinstance(root, Mapping):
        return []
    steps, prompts = _names(root, "steps"), _prompts(list(books))
    rules: list[tuple[Callable[[Keys], bool], re.Pattern[str], Iterable[str], str]] = [
        (lambda at: _last(at) in WAYS, _STEP, steps, "is no step of this menu"),
        (lambda at: _last(at) in WORDS, _PROMPT, prompts, "is in no prompt file"),
        (lambda at: _last(at) == "use", _STEP, _names(root, "data"), "is no look-up under data: of this menu"),
        (lambda at: _last(at) == "queue", _STEP, _names(root, "queues"), "is no queue of this menu"),
    ]
    taken = {(problem.line, problem.column) for problem in told if problem.path == path}
    seen = None if within is None else {id(value) for node in within for _, value in _below(node, ())}
    problems = []
    for at, value in _values(root):
        if seen is not None and id(value) not in seen:
            continue
        for applies, form, known, what in rules:
            name = value.text
            if (
                applies(at)
                and known
                and form.fullmatch(name)
                and name not in known
                and (value.line, value.column) not in taken
            ):
                message = f"{name!r} {what}{meant(name, known)}"
                problems.append(Problem(path, message, value.line, value.column, where(at)))
    return problems


def _last(at: Keys) -> str:
    """The innermost name on the way; the numbers of a list are passed over."""
    return next((key for key in reversed(at) if isinstance(key, str)), "")


def _names(root: Node, section: str) -> set[str]:
    node = find(root, [section])
    return {key.text for key, _ in node.entries} if isinstance(node, Mapping) and node is not root else set()


def _prompts(books: list[PromptBook]) -> set[str]:
    """All prompt ids; none where a file could not be read whole, as nothing can be said of what is missing."""
    if not all(book.whole for book in books):
        return set()
    return {name for book in books for name in (*book.prompts, *book.spoilt)}


def _values(root: Mapping) -> Iterator[Found]:
    """Every value below steps, defaults, everywhere and levels, with the way to it."""
    for section in ("steps", "defaults", "everywhere", "levels"):
        node = root.get(section)
        if node is not None:
            yield from _below(node, (section,))


def _below(node: Node, at: Keys) -> Iterator[Found]:
    if isinstance(node, Scalar):
        yield at, node
    elif isinstance(node, Listing):
        for number, item in enumerate(node.items):
            yield from _below(item, (*at, number))
    else:
        for key, value in node.entries:
            if key.text != "set":  # what is set is the editor's own
                yield from _below(value, (*at, key.text))
