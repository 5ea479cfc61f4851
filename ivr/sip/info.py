"""Keys sent as INFO: the two widespread bodies, and what else an INFO may be. RFC 6086 section 4.

``application/dtmf-relay`` has lines ``Signal=5`` and ``Duration=160``; ``application/dtmf`` has the key alone.
"""

from __future__ import annotations

import re

from ivr.sip.capabilities import KEY_TYPES
from ivr.sip.events import KeyInfo
from ivr.sip.message import Request
from ivr.sip.reply import Refusal

_LINE = re.compile(r"\s*(signal|duration)\s*[=:]\s*(\S+)\s*", re.IGNORECASE)
_EVENTS = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
"""Some telephones write the event number of RFC 4733 section 3.2 in place of the key."""


def read_info(leg: str, request: Request) -> KeyInfo | Refusal | None:
    """The key, or the answer the request deserves, or None for an INFO that needs nothing but 200."""
    if request.headers.get("Info-Package") is not None:
        return Refusal(469, headers=(("Recv-Info", ""),))
    if not request.body:
        return None
    if request.content_type not in KEY_TYPES:
        return Refusal(415, headers=(("Accept", ", ".join(KEY_TYPES)),))
    key, duration = _read_body(request.body.decode("latin-1"), request.content_type)
    if key in ("!", "16", "hf", "flash"):
        return None
    key = _EVENTS.get(key, key).upper()
    if len(key) != 1 or key not in "0123456789*#ABCD":
        return Refusal(400, "No Such Key")
    return KeyInfo(leg, key, duration)


def _read_body(text: str, content_type: str) -> tuple[str, int]:
    """Key as written, and milliseconds within reason."""
    lines = (_LINE.fullmatch(line) for line in text.splitlines()[:20])
    fields = {line[1].lower(): line[2] for line in lines if line}
    key = fields.get("signal", "" if content_type == KEY_TYPES[0] else text.strip())
    duration = fields.get("duration", "")
    milliseconds = int(duration) if duration.isascii() and duration.isdigit() and len(duration) < 8 else 100
    return key.strip().lower(), min(max(milliseconds, 1), 60_000)
