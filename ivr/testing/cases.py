"""``each:`` of a test file: the same call once for every line of a table.

    each:
      - {pin: "1111", then: auth.pin_wrong}
      - {pin: "2580", then: balance.tell}
    call:
      - press: "{pin}"
      - hear: "{then}"

A text that is nothing but ``{name}`` becomes what the line has there, a list too; within a longer text only words
are put in. Places stay those of the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ivr.menu.source import Mapping, Node, Scalar, Sequence

_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
Wrong = Callable[[str, Node, str], None]


def cases(root: Mapping, wrong: Wrong) -> Iterator[tuple[str, Mapping]]:
    """What each case is called, and the test with its values put in; the test itself where it has no table."""
    table = root.get("each")
    if table is None:
        yield "", root
        return
    if not isinstance(table, Sequence) or not table.items:
        wrong('needs a list of cases such as [{pin: "1111"}, {pin: "2580"}]', table, "each")
        return
    rest = Mapping(tuple(entry for entry in root.entries if entry[0].text != "each"), root.line, root.column)
    used = set(_places(rest))
    for row in table.items:
        if not isinstance(row, Mapping):
            wrong('is no case; write {pin: "1111"}', row, "each")
            continue
        values = {key.text: value for key, value in row.entries}
        for key, _ in row.entries:
            if key.text not in used:
                wrong(f"{key.text!r} is used nowhere; write {{{key.text}}} where it belongs", key, "each")
        named = ", ".join(f"{name}={value.text}" for name, value in values.items() if isinstance(value, Scalar))
        whole = _filled(rest, values)
        assert isinstance(whole, Mapping)
        yield f" [{named}]", whole


def _places(node: Node) -> Iterator[str]:
    if isinstance(node, Scalar):
        yield from _PLACE.findall(node.text)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from _places(item)
    else:
        for _, value in node.entries:
            yield from _places(value)


def _filled(node: Node, values: dict[str, Node]) -> Node:
    if isinstance(node, Scalar):
        whole = _PLACE.fullmatch(node.text)
        if whole is not None and whole[1] in values:
            return _moved(values[whole[1]], node)

        def put(match: re.Match[str]) -> str:
            value = values.get(match[1])
            return value.text if isinstance(value, Scalar) else match[0]

        return Scalar(_PLACE.sub(put, node.text), node.line, node.column)
    if isinstance(node, Sequence):
        return Sequence(tuple(_filled(item, values) for item in node.items), node.line, node.column)
    entries = tuple((key, _filled(value, values)) for key, value in node.entries)
    return Mapping(entries, node.line, node.column)


def _moved(value: Node, to: Node) -> Node:
    """A failure is looked up where the value is used, so that is its place."""
    if isinstance(value, Scalar):
        return Scalar(value.text, to.line, to.column)
    return value
