"""As much SIP as the telephones of this benchmark need: templates with a few words in them."""

from __future__ import annotations

import re
from collections.abc import Iterable

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 101\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
)
COPIED = ("via", "from", "call-id", "cseq", "record-route")
"""Headers of a request that stand in its answers as they are, RFC 3261 section 8.2.6."""
ADDRESS = re.compile(r"<([^>]*)>")
AUDIO = re.compile(r"\r\nm=audio (\d+)")
USER = re.compile(r"sips?:([^@;>]+)@")


class Message:
    """One that has come in."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        self.first, *self.lines = head.split("\r\n")
        self.headers: dict[str, str] = {}
        for line in reversed(self.lines):
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()
        self.status = int(self.first.split(" ", 2)[1]) if self.first.startswith("SIP/2.0 ") else 0
        self.method = self.headers["cseq"].split()[1]
        self.call_id = self.headers["call-id"]

    @property
    def sound_port(self) -> int:
        found = AUDIO.search(self.body)
        return int(found[1]) if found else 0

    @property
    def contact(self) -> str:
        found = ADDRESS.search(self.headers.get("contact", ""))
        return found[1] if found else ""

    @property
    def caller(self) -> str:
        found = USER.search(self.headers["from"])
        return found[1] if found else ""


def message(first: str, headers: Iterable[str], sound_port: int = 0) -> bytes:
    body = SDP.format(port=sound_port) if sound_port else ""
    kind = ["Content-Type: application/sdp"] if body else []
    lines = [first, *headers, *kind, f"Content-Length: {len(body)}", "", body]
    return "\r\n".join(lines).encode()


def reply(request: Message, status: str, tag: str, contact: str, sound_port: int = 0) -> bytes:
    kept = [line for line in request.lines if line.partition(":")[0].strip().lower() in COPIED]
    to = request.headers["to"]
    tagged = to if ";tag=" in to else f"{to};tag={tag}"
    return message(f"SIP/2.0 {status}", [*kept, f"To: {tagged}", f"Contact: <{contact}>"], sound_port)
