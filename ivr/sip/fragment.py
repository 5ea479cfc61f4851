"""How far a call made for somebody is: a status line as a body. RFC 3420, RFC 3515 section 2.4.5.

>>> encode_fragment(180)
b'SIP/2.0 180 Ringing\\r\\n'
>>> decode_fragment(b"SIP/2.0 486 Busy")
(486, 'Busy')
"""

from __future__ import annotations

import re

from ivr.sip.fields import plain
from ivr.sip.phrases import phrase_of

FRAGMENT = "message/sipfrag"
FRAGMENT_TYPE = f"{FRAGMENT};version=2.0"
_STATUS = re.compile(rb"\s*SIP/2\.0[ \t]+([1-6]\d\d)(?:[ \t]+([^\r\n]*))?", re.IGNORECASE)


def encode_fragment(status: int, phrase: str = "") -> bytes:
    return f"SIP/2.0 {status} {plain(phrase) or phrase_of(status)}\r\n".encode()


def decode_fragment(body: bytes) -> tuple[int, str] | None:
    """Status and phrase; None when it begins with no status line."""
    match = _STATUS.match(body)
    if match is None:
        return None
    phrase = plain((match[2] or b"").decode("utf-8", "surrogateescape"))[:100]
    return int(match[1]), phrase or phrase_of(int(match[1]))
