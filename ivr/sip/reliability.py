"""Provisional answers that must not be lost, ours and theirs. RFC 3262.

Ours are numbered by RSeq and repeated until the PRACK that names them; only one is under way at a time. Theirs
are acknowledged by PRACK in their order; one that comes again, or too early, is as if it had not come.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ivr.sip.core import Core
from ivr.sip.dialog import Dialog
from ivr.sip.message import Request, Response
from ivr.sip.reply import Header

TAG = "100rel"
MAX_RSEQ = 2**31 - 1
"""Of the first RSeq; a later one may be above. RFC 3262 section 3."""
_RACK = re.compile(r"(\d{1,10})\s+(\d{1,10})\s+(\S+)")


@dataclass(slots=True)
class Pending:
    """A provisional answer of ours without its PRACK."""

    response: Response
    sequence: int
    interval: float
    """Seconds until it is repeated; doubles each time, without a limit but 64*T1 in all."""


class ReliableProvisionals:
    """Ours, to one INVITE."""

    def __init__(self, core: Core, invite: Request) -> None:
        self._invite = invite
        self._t1 = core.timers.t1
        self._sequence = core.rng.randint(1, MAX_RSEQ)
        self.pending: Pending | None = None
        self.next_status = 0
        """What is to be said once the PRACK is there."""

    def headers(self) -> list[Header]:
        """Of the next one."""
        self._sequence += 1
        return [("Require", TAG), ("RSeq", str(self._sequence))]

    def sent(self, response: Response) -> float:
        """Note it; returns the seconds until it is to be repeated."""
        self.pending = Pending(response, self._sequence, self._t1)
        return self._t1

    def acknowledged(self, prack: Request) -> bool:
        """Whether the PRACK belongs to the one that waits. Section 3."""
        match = _RACK.fullmatch((prack.headers.get("RAck") or "").strip())
        pending = self.pending
        if match is None or pending is None:
            return False
        named = int(match[1]), int(match[2]), match[3]
        if named != (pending.sequence, self._invite.cseq.sequence, "INVITE"):
            return False
        self.pending = None
        return True


@dataclass(slots=True)
class EarlyDialog:
    """What a provisional answer to our INVITE has made. RFC 3261 section 12.1, RFC 3262 section 4."""

    dialog: Dialog
    sequence: int | None = None
    """RSeq of the last one acknowledged."""
    sdp: bytes = b""
    """The last session description in it."""
    is_agreed: bool = False
    """Our offer has its answer, in a reliable one: either side may make another by UPDATE."""

    def takes(self, response: Response) -> int | None:
        """The RSeq to acknowledge; None when the answer is to be ignored."""
        try:
            sequence = response.number("RSeq")
        except ValueError:
            return None
        if sequence is None or (self.sequence is not None and sequence != self.sequence + 1):
            return None
        self.sequence = sequence
        return sequence


def is_reliable(response: Response) -> bool:
    return response.status > 100 and TAG in (tag.lower() for tag in response.tokens("Require"))
