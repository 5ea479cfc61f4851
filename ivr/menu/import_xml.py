"""Reading other systems' XML: no DTD, no entities, no network, every element with its line."""

from __future__ import annotations

from typing import Any

from lxml import etree

from ivr.errors import MenuError, Problem

MOST_OCTETS = 2_000_000


def parse_xml(octets: bytes, path: str) -> etree._Element:
    """The root element. Raises MenuError, with the line, for what is not well-formed or brings entities."""
    if len(octets) > MOST_OCTETS:
        raise _wrong(path, 0, f"has {len(octets)} octets; at most {MOST_OCTETS} are read")
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_pis=True,
        remove_comments=True,
    )
    try:
        root = etree.fromstring(octets, parser)
    except etree.XMLSyntaxError as error:
        raise _wrong(path, error.lineno or 0, f"is not well-formed XML: {error.msg}") from None
    dtd: Any = root.getroottree().docinfo.internalDTD
    if dtd is not None and (list(dtd.iterentities()) or list(dtd.iterelements())):
        raise _wrong(path, 1, "brings its own DTD; remove the part between [ and ] of DOCTYPE")
    entities: Any = root.iter(etree.Entity)
    for node in entities:
        raise _wrong(path, line_of(node), f"uses the entity {node.text}; write the sign itself")
    return root


def name_of(element: etree._Element) -> str:
    """Without namespace."""
    return etree.QName(element).localname


def children(element: etree._Element) -> list[etree._Element]:
    return [child for child in element if isinstance(child.tag, str)]


def line_of(element: etree._Element) -> int:
    line: Any = element.sourceline
    return line if isinstance(line, int) else 0


def text_of(element: etree._Element) -> str:
    return " ".join("".join(str(part) for part in element.itertext()).split())


def _wrong(path: str, line: int, message: str) -> MenuError:
    return MenuError([Problem(path, message, line)])
