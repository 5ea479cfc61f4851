"""A 2xx of ours that waits for its ACK. RFC 3261 section 13.3.1.4."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.sip.message import Response
from ivr.sip.transaction.layer import Served


@dataclass(slots=True)
class Unacknowledged:
    """It is repeated until the ACK comes, whatever carries it."""

    served: Served
    response: Response
    offered: bool
    """Whether it carries our offer, so that the ACK must bring the answer."""
    initial: bool
    interval: float
    """Seconds until it is repeated."""

    @property
    def sequence(self) -> int:
        return self.served.request.cseq.sequence
