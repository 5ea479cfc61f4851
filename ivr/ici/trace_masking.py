"""Envelopes as a trace may keep them: keys that agents send for ever masked, callers' data unless it is wanted.

A mask has as many stars as there were characters, and names stay, so that a trace still tells how a peer writes.
HTTP headers, and with them passwords, are no part of a trace.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lxml import etree

from ivr.ici.dialect import Dialect, Field
from ivr.ici.switchboard import IciRefusal
from ivr.ici.xml import children, local_name, parse

KEYS: Final = frozenset({"digits"})
"""What is keyed for a caller might be a PIN."""
CALLERS: Final = frozenset({"remoteNumbers", "attachedData", "destination"})
"""Fields with callers' data; a document in one is masked field by field."""
UNREADABLE: Final = b"<!-- an envelope that is no XML -->"
_VISIBLE: Final = re.compile(r"[^\s]")
_PASSWORD: Final = re.compile(r"(?<=//)[^/@\s]+(?=@)")


class Mask:
    """What is hidden, in the spelling of a dialect; with `values` callers' data is not.

    >>> from ivr.ici.dialect import load
    >>> Mask(load("default"))(b"<a><digits>2580</digits><itemId>7</itemId></a>")
    b'<a><digits>****</digits><itemId>7</itemId></a>'
    """

    def __init__(self, dialect: Dialect, *, values: bool = False) -> None:
        hidden = KEYS if values else KEYS | CALLERS
        self._names = {_plain(field.spelling) for field in _fields(dialect) if field.name in hidden}
        self._names |= {_plain(name) for name in hidden}  # who spells otherwise than the settings say

    def __call__(self, raw: bytes) -> bytes:
        """The same envelope in UTF-8."""
        try:
            root = parse(raw)
        except IciRefusal:
            return UNREADABLE
        for element in root.iter():
            if _plain(local_name(element)) in self._names:
                _hide(element)
            elif element.text and "@" in element.text:
                element.text = _PASSWORD.sub("***", element.text)
        return etree.tostring(root, encoding="utf-8", xml_declaration=False)


def _fields(dialect: Dialect) -> Iterator[Field]:
    for fields in dialect.types.values():
        yield from fields
    for service in dialect.services.values():
        for operation in service.operations.values():
            yield from (*operation.parameters, *operation.results)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _hide(element: etree._Element) -> None:
    for leaf in element.iter():
        if leaf.text and leaf.text.strip():
            leaf.text = _document(leaf.text)


def _document(text: str) -> str:
    """A document within the text keeps its names; anything else is stars."""
    if not text.lstrip().startswith("<"):
        return _VISIBLE.sub("*", text)
    try:
        inner = parse(text.encode())
    except IciRefusal:
        return _VISIBLE.sub("*", text)
    for leaf in inner.iter():
        if leaf.text and not children(leaf):
            leaf.text = _VISIBLE.sub("*", leaf.text)
        if leaf.tail:
            leaf.tail = _VISIBLE.sub("*", leaf.tail)
        for name in leaf.attrib:
            if name != "id":
                leaf.set(name, _VISIBLE.sub("*", leaf.get(name) or ""))
    return etree.tostring(inner, encoding="unicode")
