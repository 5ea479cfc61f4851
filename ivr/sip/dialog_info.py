"""The document that tells a telephone which lamp to light: what dialogs a user has. RFC 4235 section 4."""

from __future__ import annotations

from typing import Literal
from xml.sax.saxutils import quoteattr

Lamp = Literal["idle", "ringing", "busy"]
DIALOG_INFO_TYPE = "application/dialog-info+xml"
_STATES: dict[Lamp, str] = {"ringing": "early", "busy": "confirmed"}
"""Section 3.7.1: a telephone lets its lamp blink for one and burn for the other."""


def encode_dialog_info(entity: str, lamp: Lamp, version: int) -> bytes:
    """A document with the full state, which needs none before it (section 4.1.1). `entity`: the user's address.

    >>> print(encode_dialog_info("sip:desk1@x", "idle", 0).decode().split(chr(10))[1])
    <dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="sip:desk1@x">
    """
    head = f'<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{version}" state="full"'
    state = _STATES.get(lamp)
    dialog = f'  <dialog id="call"><state>{state}</state></dialog>\n' if state else ""
    named = quoteattr("".join(sign for sign in entity if sign.isprintable()))
    return f'<?xml version="1.0"?>\n{head} entity={named}>\n{dialog}</dialog-info>\n'.encode("utf-8", "replace")
