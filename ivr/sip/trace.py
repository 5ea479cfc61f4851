"""The SIP messages of the last while, kept for whoever wants to see what was said.

A ring of bytes as they came and went: keeping a message costs an append. What is in them is looked at only
when somebody asks, and what is secret leaves this room masked (`ivr.sip.masking`).
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence

from ivr.sip.events import Flow, Output, SendBytes
from ivr.sip.masking import masked
from ivr.sip.sources import source_of

OVERHEAD = 400
"""Octets a kept message takes beside its own, so that the bound is one on memory."""
MAX_NAMES = 20_000
_HEAD = re.compile(rb"\r?\n\r?\n")
_CALL_ID = re.compile(rb"^(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_PEOPLE = re.compile(
    rb"^(?:(?:from|f|to|t|p-asserted-identity|refer-to|r)[ \t]*:|[A-Z]+ +)[^\r\n]*?(?:sips?|tel):([^@;>\s]+)",
    re.IGNORECASE | re.MULTILINE,
)


class TracedMessage:
    """One message, as it came or went."""

    __slots__ = ("_call_id", "at", "data", "flow", "received", "serial")

    def __init__(self, serial: int, at: float, received: bool, flow: Flow, data: bytes) -> None:
        self.serial = serial
        self.at = at
        """Monotonic seconds."""
        self.received = received
        self.flow = flow
        self.data = data
        """With every secret in it: show `shown`."""
        self._call_id: str | None = None

    @property
    def call_id(self) -> str:
        """Empty where there is none."""
        if self._call_id is None:
            self._call_id = call_id_of(self.data)
        return self._call_id

    @property
    def shown(self) -> bytes:
        """What may leave the process: of the same length, secrets as stars."""
        return masked(self.data)

    def names(self, number: str) -> bool:
        """Whether a user part in it contains `number`."""
        head = _HEAD.split(self.data, maxsplit=1)[0]
        wanted = number.encode()
        return any(wanted in person for person in _PEOPLE.findall(head))


class Trace:
    """The newest messages that fit into so many octets."""

    def __init__(self, octets: int) -> None:
        """0 keeps none."""
        self._most = octets
        self._kept: deque[TracedMessage] = deque()
        self._octets = 0
        self._serial = 0
        self._names: OrderedDict[str, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def is_on(self) -> bool:
        return self._most > 0

    @property
    def octets(self) -> int:
        """Memory that is taken, about."""
        return self._octets

    @property
    def newest(self) -> int:
        """Serial number of the newest message; 0 before the first."""
        return self._serial

    def add(self, received: bool, flow: Flow, data: bytes, now: float) -> None:
        """Keep a message; the oldest make room."""
        if not self._most:
            return
        self._serial += 1
        self._kept.append(TracedMessage(self._serial, now, received, flow, data))
        self._octets += len(data) + OVERHEAD
        while self._octets > self._most:
            self._octets -= len(self._kept.popleft().data) + OVERHEAD

    def name(self, call_id: str, name: str) -> None:
        """What the messages with this Call-ID belong to: a call's id, or a name with that id in it."""
        if not self._most:
            return
        self._names[call_id] = name
        if len(self._names) > MAX_NAMES:
            self._names.popitem(last=False)

    def name_sent(self, outputs: Sequence[Output], name: str) -> None:
        """As `name`, for the call that these outputs begin."""
        for output in outputs:
            if isinstance(output, SendBytes):
                self.name(call_id_of(output.data), name)

    def name_of(self, call_id: str) -> str:
        """Empty for what belongs to no call."""
        return self._names.get(call_id, "")

    def select(
        self, *, call: str = "", number: str = "", source: str = "", after: int = 0
    ) -> Iterator[TracedMessage]:
        """Messages after a serial number, oldest first, with all legs of each call that fits.

        :param call: id of a call, or a Call-ID.
        :param number: part of a user or number in From, To or the Request-URI.
        :param source: a peer's numeric address.
        """
        kept = list(self._kept)
        wanted = self._wanted(kept, call, number, source)
        for message in kept:
            if message.serial > after and (wanted is None or self._group(message.call_id) in wanted):
                yield message

    def _wanted(self, kept: list[TracedMessage], call: str, number: str, source: str) -> set[str] | None:
        """The groups that fit; None for all."""
        if not (call or number or source):
            return None
        host = source_of(source) if source else ""
        return {
            self._group(message.call_id)
            for message in kept
            if (not call or call in (message.call_id, self._group(message.call_id)))
            and (not number or message.names(number))
            and (not host or source_of(message.flow.remote[0]) == host)
        }

    def _group(self, call_id: str) -> str:
        """The call that a Call-ID is a leg of, or the Call-ID itself."""
        return call_of(self.name_of(call_id)) or call_id


def call_id_of(data: bytes) -> str:
    """Empty where there is none that can be read."""
    match = _CALL_ID.search(data)
    return match[1].decode("utf-8", "replace") if match else ""


_CALL = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")


def call_of(name: str) -> str:
    """The id of a call in the name of something that belongs to it; empty when there is none.

    >>> call_of("agent-20260302-151500-ab12cd-h1-1")
    '20260302-151500-ab12cd'
    """
    match = _CALL.search(name)
    return match[0] if match else ""
