"""SIP messages as a trace shows them: read once more, put with their calls, summed up in a few words."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from ivr.errors import RemoteProtocolError
from ivr.sdp import SessionDescription
from ivr.sip.fields import plain, user_part
from ivr.sip.message import MalformedMessage, Request, Response, decode

CODECS = {"0": "PCMU", "8": "PCMA", "9": "G722", "18": "G729", "3": "GSM", "13": "CN"}
"""Static payload types. RFC 3551 section 6."""
NOTED = ("Reason", "Warning", "Retry-After", "Refer-To", "Replaces", "Unsupported")
"""Headers worth a line of their own: they say why."""
MOST_CALLS = 2000
SECOND_LINE = "line-"
"""Before the id of the call that an agent has, in the name of the leg by which he asks a colleague about it."""


@dataclass(frozen=True)
class Traced:
    """One message, secrets masked."""

    serial: int
    at: datetime
    received: bool
    transport: str
    local: tuple[str, int]
    remote: tuple[str, int]
    call: str
    """Id of the call it belongs to; empty when it belongs to none of ours."""
    leg: str
    """Name of the leg: the id of the call itself is that of its caller's."""
    data: bytes = field(repr=False)

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> Traced:
        """From what the engine tells. Raises KeyError, TypeError or ValueError for anything else."""
        local, remote = document["local"], document["remote"]
        return cls(
            int(document["serial"]),
            datetime.fromisoformat(document["at"]),
            bool(document["received"]),
            str(document["transport"]),
            (str(local[0]), int(local[1])),
            (str(remote[0]), int(remote[1])),
            str(document["call"]),
            str(document["leg"]),
            base64.b64decode(document["data"]),
        )

    @cached_property
    def message(self) -> Request | Response | None:
        """None where it cannot be read."""
        try:
            return decode(self.data)
        except MalformedMessage:
            return None

    @property
    def call_id(self) -> str:
        return self.message.call_id if self.message else ""

    @property
    def group(self) -> str:
        """What it is shown with: its call, or its dialog."""
        return self.call or self.call_id

    @property
    def called_us(self) -> bool:
        """Whether the other side began the call: told by its name, or by this message being its first."""
        if self.leg:
            return self.leg.removeprefix(SECOND_LINE) == self.call
        return self.received == self.is_request

    @property
    def labels(self) -> list[str]:
        """What it is, the fullest first: whoever draws it takes the first that fits."""
        message = self.message
        if message is None:
            return [f"unreadable, {len(self.data)} octets", "unreadable"]
        if isinstance(message, Request):
            return [f"{plain(message.method)} {message.cseq.sequence}", plain(message.method)]
        asked = f"{plain(message.cseq.method)} {message.cseq.sequence}"
        return [
            f"{message.status} {message.phrase} ({asked})",
            f"{message.status} ({asked})",
            f"{message.status}",
        ]

    @property
    def notes(self) -> list[str]:
        """The session it is about, and headers that say why."""
        message = self.message
        if message is None:
            return []
        notes = [session_in_words(message.body)] if message.content_type == "application/sdp" else []
        return notes + [f"{name}: {text}" for name in NOTED if (text := message.text(name))]

    @property
    def is_refusal(self) -> bool:
        message = self.message
        return message is None or (isinstance(message, Response) and message.status >= 400)

    @property
    def is_request(self) -> bool:
        return isinstance(self.message, Request)

    @property
    def people(self) -> tuple[str, str]:
        """User parts of From and To."""
        if self.message is None:
            return "", ""
        return user_part(self.message.from_address.uri), user_part(self.message.to_address.uri)


def session_in_words(body: bytes) -> str:
    """Where the sound is wanted, in which codecs and directions.

    >>> session_in_words(b"v=0\\r\\nc=IN IP4 192.0.2.1\\r\\nm=audio 4000 RTP/AVP 0 8 101\\r\\n"
    ...                  b"a=rtpmap:101 telephone-event/8000\\r\\na=sendonly\\r\\n")
    '192.0.2.1:4000 PCMU PCMA keys sendonly'
    """
    try:
        session = SessionDescription.parse(body)
    except RemoteProtocolError as error:
        return f"unreadable session: {error}"
    streams = []
    for media in session.media:
        host = media.host or session.host or "?"
        names = dict(CODECS)
        for value in media.values("rtpmap"):
            number, _, name = value.partition(" ")
            names[number] = name.partition("/")[0]
        codecs = " ".join(names.get(form, form) for form in media.formats).replace("telephone-event", "keys")
        ways = ("sendonly", "recvonly", "inactive")
        way = next((way for way in ways if media.has(way) or (way, None) in session.attributes), "")
        secure = "SRTP" if "SAVP" in media.profile else "SRTP (RTP/AVP)" if media.has("crypto") else ""
        kind = "" if media.kind == "audio" else media.kind
        shown_host = f"[{host}]" if ":" in host else host
        where = f"{shown_host}:{media.port}" if media.port else "rejected"
        streams.append(" ".join(filter(None, (kind, where, secure, codecs, way))))
    return plain(" | ".join(streams)) or "no stream"


@dataclass
class TracedCall:
    """All messages of one call, in the order they came and went."""

    group: str
    messages: list[Traced] = field(default_factory=list)

    @property
    def invite(self) -> Traced | None:
        """The first one."""
        return next(
            (one for one in self.messages if isinstance(one.message, Request) and one.message.method == "INVITE"),
            None,
        )

    @property
    def outcome(self) -> str:
        """In two or three words."""
        invite = self.invite
        if invite is None:
            return ""
        mine = [one for one in self.messages if one.call_id == invite.call_id]
        answers = [one.message for one in mine if isinstance(one.message, Response)]
        finals = [one for one in answers if one.is_final and one.cseq.method == "INVITE"]
        if not finals:
            return "no answer yet"
        if finals[0].status >= 300:
            return f"refused: {finals[0].status} {finals[0].phrase}".strip()
        bye = next((one for one in mine if isinstance(one.message, Request) and one.message.method == "BYE"), None)
        if bye is None:
            return "answered, goes on"
        return "answered, they hung up" if bye.received else "answered, we hung up"


def calls_in(messages: list[Traced]) -> list[TracedCall]:
    """Calls with an INVITE and whatever belongs to them, in the order they began; the newest of very many."""
    calls: dict[str, TracedCall] = {}
    for message in messages:
        calls.setdefault(message.group, TracedCall(message.group)).messages.append(message)
    return [call for call in calls.values() if call.invite is not None][-MOST_CALLS:]
