"""Skills as settings write them: ``billing``, or ``billing:2`` for a second choice."""

from __future__ import annotations

from collections.abc import Iterable

FIRST_CHOICE, LAST_CHOICE = 1, 9


def skill_levels(written: Iterable[str]) -> dict[str, int]:
    """Level by skill: 1 is asked first, higher ones when a caller has waited. Without a number it is 1.

    Raises ValueError with what was found and what to write instead.

    >>> skill_levels(["billing", "outages:2"])
    {'billing': 1, 'outages': 2}
    """
    levels: dict[str, int] = {}
    for one in written:
        name, colon, number = one.partition(":")
        if not name or (colon and not (number.isdecimal() and FIRST_CHOICE <= int(number) <= LAST_CHOICE)):
            raise ValueError(
                f'skill "{one}" cannot be read; write a name, or a name and its level from '
                f'{FIRST_CHOICE} (asked first) to {LAST_CHOICE}, such as "billing:2"'
            )
        levels[name] = int(number) if colon else FIRST_CHOICE
    return levels
