"""What must not be read in a trace: passwords' proofs, keys of sound, keys a caller pressed, users' data.

Each is overwritten by as many stars, so that Content-Length, and what a protocol analyser makes of it, stay right.
"""

from __future__ import annotations

import re

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LINES = re.IGNORECASE | re.MULTILINE
_IN_HEAD = [
    re.compile(rb"\b(?:response|cnonce|rspauth)[ \t]*=[ \t]*\"?([^\",\r\n\s]+)", re.IGNORECASE),
    # a scheme other than Digest: the password itself, or as good as it
    re.compile(
        rb"^(?:proxy-)?authorization[ \t]*:[ \t]*(?!digest\b)\S+[ \t]+([^\r\n]+)", re.IGNORECASE | re.MULTILINE
    ),
    re.compile(rb"\bsips?:[^@:\s<>;\"]*:([^@\s<>]+)@", re.IGNORECASE),
    re.compile(rb"^user-to-user[ \t]*:[ \t]*([^;\r\n]+)", _LINES),
    re.compile(rb"[?&]user-to-user=([^&;>\s]+)", re.IGNORECASE),
]
"""Digest (RFC 7616 section 3.4), other schemes, a password in a URI (RFC 3261 section 19.1.1), and User-to-User
(RFC 7433 section 4), in which call centres carry what the caller has said."""
_IN_BODY = [
    re.compile(rb"\binline:([^|\s]+)", re.IGNORECASE),
    re.compile(rb"^k=(?:clear|base64|uri):([^\r\n]+)", re.MULTILINE),
    re.compile(rb"^a=ice-pwd:([^\r\n]+)", re.MULTILINE),
    re.compile(rb"^a=key-mgmt:\S+[ \t]+([^\r\n]+)", re.MULTILINE),
    re.compile(rb"\bdigits[ \t]*=[ \t]*[\"']([^\"']+)", re.IGNORECASE),
]
"""Keys of SRTP (RFC 4568 section 6.1) and of older ways, and digits in reports of pressed keys (RFC 4730)."""
_SIGNAL = re.compile(rb"^[ \t]*signal[ \t]*=[ \t]*([^\r\n]+)", _LINES)
_SIGN = re.compile(rb"[^\s]")
_METHOD = re.compile(rb"^cseq[ \t]*:[ \t]*\d+[ \t]+INFO\b", _LINES)


def masked(data: bytes) -> bytes:
    """The same message, of the same length, with nothing in it that must stay secret.

    >>> masked(b"INFO sip:x SIP/2.0\\r\\nCSeq: 2 INFO\\r\\n\\r\\nSignal=7\\r\\nDuration=160\\r\\n")[-24:]
    b'Signal=*\\r\\nDuration=160\\r\\n'
    """
    end = _HEAD_END.search(data)
    head, rest = (data[: end.start()], data[end.start() :]) if end else (data, b"")
    is_info = _METHOD.search(head) is not None
    for pattern in _IN_HEAD:
        head = pattern.sub(_stars, head)
    for pattern in _IN_BODY:
        rest = pattern.sub(_stars, rest)
    return head + (_without_keys(rest) if is_info else rest)


def _without_keys(body: bytes) -> bytes:
    """A key in INFO: nobody here knows whether the question was a secret one, so no key is shown."""
    if _SIGNAL.search(body):
        return _SIGNAL.sub(_stars, body)
    return _SIGN.sub(b"*", body)


def _stars(match: re.Match[bytes]) -> bytes:
    start, end = match.start(1) - match.start(), match.end(1) - match.start()
    return match[0][:start] + b"*" * (end - start) + match[0][end:]
