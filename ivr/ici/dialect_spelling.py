"""How a dialect file is made from another one: what it inherits, and names spelt by rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

MANNERS: Final = ("camelCase", "PascalCase", "snake_case", "UPPER_SNAKE")
"""Ways to spell the names of the program on the wire; the program's own is camelCase."""

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[0-9]+|_+")


def spell(name: str, manner: str) -> str:
    """The name in that manner. Raises ValueError for an unknown one.

    >>> spell("workcenterId", "UPPER_SNAKE"), spell("sendDTMF", "snake_case"), spell("appUrl", "PascalCase")
    ('WORKCENTER_ID', 'send_dtmf', 'AppUrl')
    """
    if manner not in MANNERS:
        raise ValueError(f"spelling by the rule {manner!r}; needed is one of: {', '.join(MANNERS)}")
    words = [word for word in _WORDS.findall(name) if word.strip("_")]
    match manner:
        case "camelCase":
            return name
        case "PascalCase":
            return "".join(word[0].upper() + word[1:] for word in words)
        case "snake_case":
            return "_".join(words).lower()
    return "_".join(words).upper()


def inherit(base: Any, over: Any) -> Any:
    """`base` with everything that `over` says otherwise, mapping by mapping; lists and texts are replaced.

    Where the base has a mere type and `over` a mapping, such as ``{spelling: X}``, the type stays.

    >>> inherit({"a": {"x": 1, "y": 2}, "b": "string*"}, {"a": {"y": 3}, "b": {"spelling": "B"}})
    {'a': {'x': 1, 'y': 3}, 'b': {'type': 'string*', 'spelling': 'B'}}
    """
    if isinstance(base, str) and isinstance(over, Mapping) and "type" not in over:
        base = {"type": base}
    if base is None or not isinstance(base, Mapping) or not isinstance(over, Mapping):
        return over
    return {**base, **{key: inherit(base.get(key), value) for key, value in over.items()}}
