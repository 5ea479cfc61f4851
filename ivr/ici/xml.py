"""Reading strangers' XML without harm, and writing text that XML can carry."""

from __future__ import annotations

import re
from typing import Any, Final

from lxml import etree

from ivr.ici.switchboard import IciRefusal

_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 section 2.2 does not allow even when escaped: most control characters, lone surrogates."""


def legal(text: str) -> str:
    """The text with U+FFFD for each character that XML 1.0 cannot carry; equal when there is none."""
    return _ILLEGAL.sub("\ufffd", text)


def local_name(element: etree._Element) -> str:
    """Name without namespace."""
    return etree.QName(element).localname


def children(element: etree._Element) -> list[etree._Element]:
    """Child elements, without comments and processing instructions."""
    return [child for child in element if isinstance(child.tag, str)]


def parse(raw: bytes, *, charset: str = "") -> etree._Element:
    """The root element. No DTD, no entities, no network, at most 256 levels deep.

    `charset` is the one of the HTTP header; it beats the XML declaration (RFC 7303 section 3).
    Raises `IciRefusal` with the code ICI-XML.
    """
    if has_doctype(raw):
        raise IciRefusal("ICI-XML", "the message has a DTD; SOAP 1.1 section 3 forbids it")
    try:
        parser = etree.XMLParser(
            encoding=_override(raw, charset),
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        root = etree.fromstring(raw, parser)
    except LookupError:
        raise IciRefusal("ICI-XML", f"the charset {charset[:40]!r} is unknown; needed is utf-8") from None
    except (etree.XMLSyntaxError, ValueError) as mistake:
        raise IciRefusal("ICI-XML", f"not well-formed XML: {_in_words(mistake)[:200]}") from None
    if _doctype_of(root):
        raise IciRefusal("ICI-XML", "the message has a DTD; SOAP 1.1 section 3 forbids it")
    return root


def _in_words(mistake: Exception) -> str:
    """What the parser found, without its own file names and advice for programmers."""
    text = str(getattr(mistake, "msg", None) or mistake)
    if "depth" in text:
        return "elements are nested deeper than 256 levels"
    if "XML_PARSE_HUGE" in text or "too long" in text or "too big" in text:
        return "a text, a name or an attribute is longer than XML here may have"
    return text


def has_doctype(raw: bytes) -> bool:
    """Whether a document type declaration comes before the root element, in any encoding ASCII-like or UTF-16."""
    text = raw.replace(b"\x00", b"") if b"\x00" in raw[:8] else raw
    place = 0
    while (place := text.find(b"<", place)) >= 0:
        for opening, closing in ((b"<?", b"?>"), (b"<!--", b"-->")):
            if text.startswith(opening, place):
                end = text.find(closing, place + len(opening))
                if end < 0:
                    return False
                place = end + len(closing)
                break
        else:
            return text.startswith(b"<!DOCTYPE", place)
    return False


def _override(raw: bytes, charset: str) -> str | None:
    marked = raw.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"))
    return None if marked or not charset else charset.lower()


def _doctype_of(root: etree._Element) -> str:
    """What the parser has seen; catches a DTD in an encoding that `has_doctype` does not read."""
    info: Any = root.getroottree().docinfo
    return str(info.doctype or "")
