"""Captured traces and WSDLs of other systems: the envelopes in them.

A trace may be anything that has SOAP envelopes in it: an export of ``CRM_ICI_TRACES``, a log, a capture, escaped
once or not. A WSDL is turned into one empty envelope for each operation, and learnt from in the same way.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace
from typing import Final

from lxml import etree

from ivr.errors import IvrError
from ivr.ici.envelope import SOAP
from ivr.ici.switchboard import IciRefusal
from ivr.ici.xml import children, local_name, parse
from ivr.testing.ici_wsdl import envelopes_of

_ENVELOPE: Final = re.compile(r"<(?P<prefix>[\w.-]+:)?Envelope\b.*?</(?P=prefix)Envelope\s*>|<Envelope\b.*?</Envelope\s*>", re.DOTALL)  # noqa: E501  # fmt: skip


@dataclass(frozen=True, slots=True)
class Heard:
    """One envelope of a trace."""

    raw: bytes
    root: etree._Element
    operation: etree._Element
    """The child of the body."""
    action: str | None = None
    """SOAPAction, where a WSDL says it."""
    address: str = ""
    """The end of the service's address, where a WSDL says it."""
    style: str = ""
    """``rpc`` or ``document``, where a WSDL says it."""

    @property
    def name(self) -> str:
        return local_name(self.operation)

    @property
    def namespace(self) -> str:
        return etree.QName(self.operation).namespace or ""

    @property
    def is_answer(self) -> bool:
        return self.name.endswith(("Response", "_RESPONSE", "_response")) or self.name == "Fault"


def read_trace(text: str, source: str) -> list[Heard]:
    """The envelopes, in order; those of a WSDL are made. Raises IvrError when there are none."""
    found = []
    for candidate in (text, html.unescape(text)):
        found = [heard for match in _ENVELOPE.finditer(candidate) if (heard := _heard(match[0].encode()))]
        if found:
            return found
    if "definitions" in text:
        for one in envelopes_of(text, source):
            if heard := _heard(one.raw):
                found.append(replace(heard, action=one.action, address=one.address, style=one.style))
    if not found:
        raise IvrError(
            f"{source}: there is no SOAP 1.1 envelope in it; name a trace with envelopes, or a WSDL 1.1"
        )
    return found


def _heard(raw: bytes) -> Heard | None:
    try:
        root = parse(raw)
    except IciRefusal:
        return None
    body = root.find(f"{{{SOAP}}}Body")
    inside = children(body) if body is not None else []
    return Heard(raw, root, inside[0]) if inside else None
