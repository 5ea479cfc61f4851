"""Whether somebody may be called, and the document that tells it to telephones. RFC 3863 section 4, RFC 4480.

A telephone draws three signs from it: open alone, open with an activity, and closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

PIDF_TYPE = "application/pidf+xml"
_NAMESPACES = " ".join(
    f'xmlns{name}="urn:ietf:params:xml:ns:pidf{space}"'
    for name, space in (("", ""), (":dm", ":data-model"), (":rpid", ":rpid"))
)


@dataclass(frozen=True, slots=True)
class PresenceStatus:
    """What is told of one user."""

    basic: Literal["open", "closed"] = "closed"
    """RFC 3863 section 4.1.4: whether there is anybody to call."""
    activity: Literal["", "on-the-phone", "busy"] = ""
    """RFC 4480 section 3.2; empty for none."""
    note: str = ""
    """Words for people."""


def encode_pidf(entity: str, status: PresenceStatus) -> bytes:
    """The document with all there is to say. `entity`: the user's address.

    >>> text = encode_pidf("sip:desk1@x", PresenceStatus("open", note="Available")).decode()
    >>> "<basic>open</basic>" in text and "<note>Available</note>" in text
    True
    """
    named = quoteattr("".join(sign for sign in entity if sign.isprintable()))
    note = f"  <note>{escape(status.note)}</note>\n" if status.note else ""
    person = ""
    if status.activity:
        person = (
            f'  <dm:person id="person"><rpid:activities><rpid:{status.activity}/></rpid:activities></dm:person>\n'
        )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<presence {_NAMESPACES} entity={named}>\n'
        f'  <tuple id="telephone"><status><basic>{status.basic}</basic></status></tuple>\n'
        f"{note}{person}</presence>\n"
    ).encode("utf-8", "replace")
