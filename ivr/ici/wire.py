"""Values to elements and back, as the fields of the dialect say.

Input is matched on local names. ``xsi:type``, ``soapenc:Array`` and other attributes are tolerated and mean
nothing; members of a list may have any name; unknown elements are ignored. What would silently lose something is
refused: a parameter that comes twice, elements where a text is needed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from lxml import etree

from ivr.ici.dialect import Dialect, Field
from ivr.ici.switchboard import IciRefusal
from ivr.ici.xml import children, legal, local_name

Values = dict[str, Any]
"""Field name to str, int, bool, None, a list of values, or Values again."""

MAX_ENTRIES: Final = 1000
"""Entries a list may have; no list of ICI comes near it."""

_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"


def write(
    parent: etree._Element,
    fields: Iterable[Field],
    values: Mapping[str, Any],
    dialect: Dialect,
    namespace: str = "",
) -> None:
    """Append one element per field. `namespace` is that of qualified children, else empty."""
    for field in fields:
        value = values.get(field.name)
        if value is None and field.optional:
            continue
        element = etree.SubElement(parent, _tag(namespace, field.spelling))
        if not field.many:
            _write_one(element, field, value, dialect, namespace)
            continue
        for entry in value or ():
            child = etree.SubElement(element, _tag(namespace, dialect.list_item))
            _write_one(child, field, entry, dialect, namespace)


def _write_one(element: etree._Element, field: Field, value: Any, dialect: Dialect, namespace: str) -> None:
    if field.type in dialect.types:
        write(element, dialect.types[field.type], value or {}, dialect, namespace)
    elif isinstance(value, bool):
        element.text = "true" if value else "false"
    elif value is not None:
        element.text = legal(str(value))


def read(parent: etree._Element, fields: Collection[Field], dialect: Dialect, *, lenient: bool = False) -> Values:
    """The values of the fields.

    Raises `IciRefusal` ICI-BAD-VALUE naming the field that is missing or wrong. With `lenient` a missing one
    is None, or an empty list, and of two the first counts: for answers and events, where the other side knows
    better what it has.
    """
    found: dict[str, etree._Element] = {}
    for child in children(parent):
        name = local_name(child)
        if name not in found:
            found[name] = child
        elif not lenient and any(field.spelling == name for field in fields):
            raise IciRefusal("ICI-BAD-VALUE", f"{local_name(parent)}: {name} comes twice; needed is one")
    values: Values = {}
    for field in fields:
        element = found.get(field.spelling)
        if element is None and not field.optional and not lenient:
            raise IciRefusal("ICI-BAD-VALUE", f"{local_name(parent)}: {field.spelling} is missing")
        values[field.name] = _read_field(element, field, dialect, lenient)
    return values


def _read_field(element: etree._Element | None, field: Field, dialect: Dialect, lenient: bool) -> Any:
    if not field.many:
        return None if element is None else _read_one(element, field, dialect, lenient)
    entries = [] if element is None else children(element)
    if len(entries) > MAX_ENTRIES:
        raise IciRefusal(
            "ICI-BAD-VALUE", f"{field.spelling} has {len(entries)} entries; at most {MAX_ENTRIES} fit"
        )
    return [_read_one(entry, field, dialect, lenient) for entry in entries]


def _read_one(element: etree._Element, field: Field, dialect: Dialect, lenient: bool) -> Any:
    if field.type in dialect.types:
        return read(element, dialect.types[field.type], dialect, lenient=lenient)
    if element.get(_NIL) in ("true", "1"):
        return None if field.optional or lenient else _blank(field)
    if (inside := children(element)) and not lenient:
        raise IciRefusal(
            "ICI-BAD-VALUE",
            f"{field.spelling} has the element {local_name(inside[0])[:40]!r} in it; needed is text "
            "(a document is escaped once, or CDATA)",
        )
    text = "".join(str(part) for part in element.itertext())
    if field.type == "int":
        return _number(text, field)
    if field.type == "boolean":
        return _truth(text, field)
    return text


def _blank(field: Field) -> str:
    if field.type == "string":
        return ""
    raise IciRefusal("ICI-BAD-VALUE", f"{field.spelling} is nil; needed is a value of the type {field.type}")


def _number(text: str, field: Field) -> int:
    try:
        return int(text.strip()[:20])
    except ValueError:
        raise IciRefusal("ICI-BAD-VALUE", f"{field.spelling} is {text[:40]!r}; needed is a whole number") from None


def _truth(text: str, field: Field) -> bool:
    word = text.strip()
    if word not in ("true", "false", "1", "0"):
        raise IciRefusal("ICI-BAD-VALUE", f"{field.spelling} is {text[:40]!r}; needed is true or false")
    return word in ("true", "1")


def _tag(namespace: str, name: str) -> str:
    return f"{{{namespace}}}{name}" if namespace else name
