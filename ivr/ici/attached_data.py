"""Call attached data: the document that travels with a call, one `Application` block per producer.

    <ItemAttachedData>
      <Application id="SAP-IC"><ACCOUNT>4000000002</ACCOUNT><REASON>BILL</REASON></Application>
      <Application id="CRM_IC/MCM"><FWDTYPE>TRANSFER</FWDTYPE></Application>
    </ItemAttachedData>

Blocks that a writer does not send stay byte for byte as they are: their producers may care about every space.
Prefixes that a writer has declared at his root, as ABAP does, are declared at ours when his blocks move there.
lxml does not say where in the text an element stands, so blocks are found with expat, which does; what comes
out of a merge is checked with lxml. On the wire the document is text inside an element: escaping it (once)
is the envelope's work, and CDATA arrives here as the same text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from lxml import etree

from ivr.ici import xml
from ivr.ici.switchboard import IciRefusal

DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>'
EMPTY: Final = f"{DECLARATION}<ItemAttachedData></ItemAttachedData>"
"""The document of a call that nothing is known about."""
MAX_DEPTH: Final = 32
"""Levels a document may have; the format has three."""

SHORT: Final = 16_384
KEPT: Final = 128
"""Characters of a document that is remembered as it was read, and how many are."""

_TAG: Final = re.compile(rb"""(?:[^>"']|"[^"]*"|'[^']*')*+>""")
"""From the ``<`` on."""
_NAME: Final = re.compile(r"[A-Za-z_][\w.-]*\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document may measure. Too long is refused, never cut (H13)."""

    document: int = 262144
    """Octets of the whole document in UTF-8."""
    application_id: int = 64
    """Characters of an Application id."""
    field_name: int = 64
    """Characters of the name of a field."""


@dataclass(frozen=True, slots=True)
class _Block:
    id: str
    start: int
    end: int
    borrowed: frozenset[str] = frozenset()
    """Prefixes that are used in the block and declared outside it, which is at the root."""


@dataclass(slots=True)
class _Layout:
    """Where things stand in a document, in octets."""

    raw: bytes
    blocks: list[_Block] = field(default_factory=list)
    close: int = 0
    """Start of the end tag of the root, or of the whole root when it is an empty tag."""
    empty_root: bool = False
    root: int = 0
    """Octet behind the name in the start tag of the root."""
    declared: dict[str, str] = field(default_factory=dict)
    """Prefixes that the root declares, and their namespaces."""
    stray: dict[str, None] = field(default_factory=dict)
    """What stands beside the blocks and is neither white space nor a comment, in words."""

    def text_of(self, id: str) -> bytes:
        return b"".join(self.raw[block.start : block.end] for block in self.blocks if block.id == id)


def build(application: str, fields: Mapping[str, str], *, limits: Limits = Limits()) -> str:
    """A document with one block. Characters that XML cannot carry become U+FFFD.

    Raises `IciRefusal` ICI-XML for a field name that is no XML name, or for anything too long.
    """
    root = etree.Element("ItemAttachedData")
    block = etree.SubElement(root, "Application", id=xml.legal(application))
    for name, value in fields.items():
        if not _NAME.match(name):
            raise IciRefusal(
                "ICI-XML", f"the field name {name[:80]!r} is not an XML name of letters, digits and ._-"
            )
        etree.SubElement(block, name).text = xml.legal(value)
    document = DECLARATION + etree.tostring(root, encoding="unicode")
    _layout(document, limits)
    return document


def read(document: str, *, limits: Limits = Limits()) -> dict[str, dict[str, str]]:
    """Application id to field name to text; empty for an empty document.

    A block id that comes twice counts as one block, and of a field that comes twice the last one counts.
    Raises `IciRefusal` ICI-XML.
    """
    if len(document) > SHORT:
        return _read(document, limits)
    return {id: dict(fields) for id, fields in _read_before(document, limits).items()}


def _read(document: str, limits: Limits) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    if not document:
        return found
    _layout(document, limits)
    for block in xml.children(_parse(document)):
        if xml.local_name(block) == "Application":
            fields = {
                xml.local_name(item): "".join(str(part) for part in item.itertext())
                for item in xml.children(block)
            }
            found.setdefault(block.get("id", ""), {}).update(fields)
    return found


_read_before = lru_cache(KEPT)(_read)
"""One handoff looks into the same few documents some fifty times."""


def merge(old: str, incoming: str, *, limits: Limits = Limits(), only_new: bool = False) -> str:
    """`old` with the blocks of `incoming` in it (ICI.md section 5.3, H11).

    A block whose id exists is replaced in its place; a new one goes behind the last. All else of `old` is
    byte for byte what it was, and the whole is `old` itself when nothing changes. Raises `IciRefusal` ICI-XML
    when `incoming` is malformed, too big, or has something beside its blocks that would be lost, or when the
    result would be too big. With `only_new` a block whose id exists stays as it is, as when a consultation's
    document is added to the customer's (ICI.md section 5.3.4).
    """
    new = _layout(incoming, limits)
    if not old:
        return _check_size(incoming, limits)
    base = _layout(
        old, Limits(document=max(limits.document, len(old.encode())), application_id=2**31, field_name=2**31)
    )
    if lost := [what for what in new.stray if what not in base.stray]:
        raise IciRefusal(
            "ICI-XML", f"attached data has {lost[0]} beside its Application blocks; put it into a block"
        )
    if only_new:
        known = {block.id for block in base.blocks}
        new.blocks = [block for block in new.blocks if block.id not in known]
    merged = _spliced(base, new)
    if merged == base.raw:
        return old
    document = _check_size(merged.decode(), limits)
    _parse(document)
    return document


def changed_blocks(old: str, new: str, *, limits: Limits = Limits()) -> list[str]:
    """Application ids whose octets are not the same in both, in the order of the new document, then what is gone.

    Raises `IciRefusal` ICI-XML when one of the two is malformed or too big.
    """
    before, after = _layout(old or EMPTY, limits), _layout(new or EMPTY, limits)
    ids = dict.fromkeys(block.id for block in (*after.blocks, *before.blocks))
    return [id for id in ids if before.text_of(id) != after.text_of(id)]


def restore(document: str, original: str, application: str, *, limits: Limits = Limits()) -> str:
    """`document` with the block as it stands in `original`, octet for octet.

    Raises `IciRefusal` ICI-XML when one of the two is malformed or the result is too big.
    """
    old = _layout(original, limits)
    block = replace(old, blocks=[one for one in old.blocks if one.id == application])
    restored = _check_size(_spliced(_layout(document, limits), block).decode(), limits)
    _parse(restored)
    return restored


def _spliced(base: _Layout, new: _Layout) -> bytes:
    declarations, pending = _moved(base, new)
    done: set[str] = set()
    parts: list[bytes] = []
    place = 0
    for block in base.blocks:
        parts.append(base.raw[place : block.start])
        if block.id in pending:
            parts.append(pending.pop(block.id))
            done.add(block.id)
        elif block.id not in done:
            parts.append(base.raw[block.start : block.end])
        place = block.end
    appended = b"".join(pending.values())
    if base.empty_root and appended:
        end = _tag_end(base.raw, base.close)
        name = base.raw[base.close + 1 : base.root]
        spliced = base.raw[: end - 2] + b">" + appended + b"</" + name + b">" + base.raw[end:]
    else:
        if not base.blocks:
            place = base.close
            parts.append(base.raw[:place])
        spliced = b"".join([*parts, appended, base.raw[place:]])
    return spliced[: base.root] + declarations + spliced[base.root :]


def _moved(base: _Layout, new: _Layout) -> tuple[bytes, dict[str, bytes]]:
    """What the root of `base` has to declare for the blocks of `new`, and the blocks.

    A block is what it was, octet for octet, unless the root of `base` means something else by a prefix of its own:
    then the block declares it itself.
    """
    for_root: dict[str, str] = {}
    blocks: dict[str, bytes] = {}
    for block in new.blocks:
        text = new.raw[block.start : block.end]
        own = {}
        for prefix in sorted(block.borrowed & new.declared.keys()):
            namespace = new.declared[prefix]
            if base.declared.get(prefix, namespace) != namespace:
                own[prefix] = namespace
            elif prefix not in base.declared:
                for_root[prefix] = namespace
        name = re.match(rb"<[^\s/>]+", text)
        behind = name.end() if name else 0
        moved = text[:behind] + _declarations(own) + text[behind:]
        blocks[block.id] = blocks.get(block.id, b"") + moved
    return _declarations(for_root), blocks


def _declarations(prefixes: Mapping[str, str]) -> bytes:
    return "".join(f" xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in prefixes.items()).encode()


def _layout(document: str, limits: Limits) -> _Layout:
    """The places of the blocks. Raises `IciRefusal` ICI-XML for anything that is not such a document."""
    if len(document) > SHORT:
        return _laid_out(document, limits)
    known = _laid_out_before(document, limits)
    return replace(known, blocks=list(known.blocks))


def _laid_out(document: str, limits: Limits) -> _Layout:
    _check_size(document, limits)
    try:
        raw = document.encode()
    except UnicodeEncodeError:
        raise IciRefusal("ICI-XML", "attached data holds a lone surrogate, which XML cannot carry") from None
    reader = _Reader(_Layout(raw), limits)
    try:
        reader.parser.Parse(raw, True)
    except expat.ExpatError as mistake:
        raise IciRefusal("ICI-XML", f"attached data is not well-formed XML: {mistake}") from None
    _parse(document)
    return reader.layout


_laid_out_before = lru_cache(KEPT)(_laid_out)


class _Reader:
    """One reading of a document with expat."""

    def __init__(self, layout: _Layout, limits: Limits) -> None:
        self.layout = layout
        self.limits = limits
        self.depth = 0
        self.parser = expat.ParserCreate(encoding="utf-8")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._declared: list[set[str]] = []
        """Prefixes declared by each open element below the root."""
        self._borrowed: set[str] = set()
        self._id: str | None = None
        self._begin = 0
        self._newest = 0
        self._newest_end = -1

    def _doctype(self, *_: object) -> None:
        raise IciRefusal("ICI-XML", "attached data has a DTD; send it without")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        self._newest = self.parser.CurrentByteIndex
        self._newest_end = _tag_end(self.layout.raw, self._newest)
        local = name.rpartition(":")[2]
        if self.depth == 1 and local != "ItemAttachedData":
            raise IciRefusal("ICI-XML", f"the root is {local[:40]!r}; needed is ItemAttachedData")
        if self.depth == 1:
            self.layout.declared = _prefixes(attributes)
            self.layout.root = self._newest + 1 + len(name.encode())
        else:
            self._borrow(name, attributes)
        if self.depth == 2 and local == "Application":
            self._id = self._checked_id(attributes)
            self._begin = self.parser.CurrentByteIndex
        elif self.depth == 2:
            self.layout.stray[f"the element {local[:40]}"] = None
        if self.depth == 3 and self._id is not None and len(local) > self.limits.field_name:
            raise IciRefusal(
                "ICI-XML",
                f"a field name has {len(local)} characters; at most {self.limits.field_name} are allowed",
            )
        if self.depth > MAX_DEPTH:
            raise IciRefusal("ICI-XML", f"attached data is nested deeper than {MAX_DEPTH} levels")

    def _borrow(self, name: str, attributes: dict[str, str]) -> None:
        self._declared.append(set(_prefixes(attributes)))
        # A value may begin with a prefix, too, as that of xsi:type does.
        names = [name, *(key for key in attributes if not key.startswith("xmlns")), *attributes.values()]
        used = {text.partition(":")[0] for text in names if ":" in text}
        self._borrowed |= used.difference(*self._declared)

    def _text(self, text: str) -> None:
        if self.depth == 1 and text.strip():
            self.layout.stray[f"the text {text.strip()[:40]!r}"] = None

    def _checked_id(self, attributes: dict[str, str]) -> str:
        id = attributes.get("id", "")
        if not id:
            raise IciRefusal("ICI-XML", "an Application block has no id; every producer needs its own")
        if len(id) > self.limits.application_id:
            raise IciRefusal(
                "ICI-XML",
                f"an Application id has {len(id)} characters; at most {self.limits.application_id} are allowed",
            )
        return id

    def _end(self, name: str) -> None:
        # No other element has ended since the newest start tag was read: is it this one's, and the whole of it?
        raw, place = self.layout.raw, self.parser.CurrentByteIndex
        empty = self._newest_end >= 0 and raw.endswith(b"/>", 0, self._newest_end)
        if self.depth == 1:
            self.layout.empty_root = empty
            self.layout.close = self._newest if empty else place
        if self.depth == 2 and self._id is not None:
            end = self._newest_end if empty else _tag_end(raw, place)
            self.layout.blocks.append(_Block(self._id, self._begin, end, frozenset(self._borrowed)))
            self._id = None
        if self.depth > 1:
            self._declared.pop()
        if self.depth == 2:
            self._borrowed = set()
        self._newest_end = -1
        self.depth -= 1


def _prefixes(attributes: Mapping[str, str]) -> dict[str, str]:
    return {name[6:]: uri for name, uri in attributes.items() if name.startswith("xmlns:")}


def _tag_end(raw: bytes, start: int) -> int:
    """Octet after the tag that begins at `start`; a ``>`` in a quoted attribute does not end it."""
    tag = _TAG.match(raw, start)
    return tag.end() if tag else len(raw)


def _parse(document: str) -> etree._Element:
    return xml.parse(document.encode(), charset="utf-8")


def _check_size(document: str, limits: Limits) -> str:
    size = len(document.encode("utf-8", "surrogatepass"))
    if size > limits.document:
        raise IciRefusal("ICI-XML", f"attached data has {size} octets; at most {limits.document} are allowed")
    return document
