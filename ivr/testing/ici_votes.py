"""How often each name, namespace and code was heard: most win, and the others are told of, not lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ivr.ici.dialect_spelling import MANNERS, spell

Place = tuple[str, ...]
"""Where in a dialect file the answer stands, such as ``("header", "element")``."""
ENOUGH: Final = 3
"""Names that must tell one manner of spelling from another before it is taken for a rule."""
RULE: Final = 0.8
"""Share of the names that must follow it."""


class Votes:
    """The answers heard, by the question."""

    def __init__(self) -> None:
        self._heard: dict[Place, Counter[str]] = {}

    def add(self, place: Place, answer: str, weight: int = 1) -> None:
        self._heard.setdefault(place, Counter())[answer] += weight

    def places(self, *start: str) -> list[Place]:
        """Everything asked that begins so, in the order it was heard first."""
        return [place for place in self._heard if place[: len(start)] == start]

    def winner(self, place: Place) -> str | None:
        """What was heard most; the first of equals. None if nothing was."""
        heard = self._heard.get(place)
        return heard.most_common(1)[0][0] if heard else None

    def counts(self, place: Place) -> Mapping[str, int]:
        return self._heard.get(place, Counter())

    def strays(self, place: Place, *, but: Iterable[str] = ()) -> list[str]:
        """A line for each answer that lost, other than those that mean the same."""
        heard = self._heard.get(place, Counter())
        taken, total = self.winner(place), heard.total()
        what = " ".join(place)
        others = [answer for answer in heard if answer != taken and answer not in set(but)]
        return [f"{what}: {answer!r} in {heard[answer]} of {total}; {taken!r} is taken" for answer in others]


def manner_of(spellings: Sequence[tuple[str, str]], base: Mapping[str, str]) -> str | None:
    """The rule by which names of ours are spelt, as pairs of name and spelling; None where the base does as well.

    >>> manner_of([("appUrl", "APP_URL"), ("userId", "USER_ID"), ("itemId", "ITEM_ID")], {})
    'UPPER_SNAKE'
    """
    telling = [(name, said) for name, said in spellings if len({spell(name, one) for one in MANNERS}) > 2]
    hits = {manner: sum(spell(name, manner) == said for name, said in telling) for manner in MANNERS}
    best = max(hits, key=lambda manner: hits[manner])
    known = sum(base.get(name) == said for name, said in telling)
    if hits[best] <= known or hits[best] < ENOUGH or hits[best] < RULE * len(telling):
        return None
    return best
