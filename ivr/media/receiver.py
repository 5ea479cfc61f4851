"""What came in, in figures: order, loss, jitter. RFC 3550 appendix A.1, A.3, A.8 and section 6.4.1."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.media.rtp import forward

MAX_DROPOUT = 3000
"""A sequence number further ahead is a stream that began anew, RFC 3550 appendix A.1."""
MAX_MISORDER = 100
"""A sequence number further behind, likewise."""
CLOCK_RATE = 8000


@dataclass(frozen=True, slots=True)
class ReceptionReport:
    """What a receiver report says of one stream. RFC 3550 section 6.4.1."""

    ssrc: int
    fraction_lost: int
    """Of the packets expected since the last report, in 256ths."""
    lost: int
    """Since the beginning; 24 bits with sign, negative when packets came twice."""
    highest: int
    """Extended highest sequence number: 16 bits of wraps, 16 bits of number."""
    jitter: int
    """Timestamp units."""
    last_report: int = 0
    """Middle 32 bits of the NTP time of the last sender report, 0 for none."""
    delay: int = 0
    """Since that report came, in 65536ths of a second."""


class Reception:
    """Counts of the packets of one leg. A new SSRC, or a jump in the numbers, is a new stream; totals go on."""

    def __init__(self) -> None:
        self.received = 0
        self.streams = 0
        self.ssrc: int | None = None
        self._lost_before = 0
        self._jitter = 0.0
        self._transit: int | None = None
        self._restart_at: int | None = None
        self._base = self._highest = self._cycles = self._in_stream = 0
        self._prior_expected = self._prior_received = 0

    def update(self, sequence_number: int, timestamp: int, ssrc: int, now: float, *, sound: bool = True) -> int:
        """A packet came. Returns how far it is ahead of the newest: 1 is in order, 0 or less late or twice.

        A first packet of a stream counts as in order. Telephone events (`sound` False) carry the time
        of the press and say nothing about jitter.
        """
        self.received += 1
        if ssrc != self.ssrc:
            self._begin(sequence_number, ssrc)
            ahead = 1
        else:
            ahead = self._advance(sequence_number, ssrc)
        self._in_stream += 1
        if sound:
            self._update_jitter(timestamp, now)
        return ahead

    def _begin(self, sequence_number: int, ssrc: int) -> None:
        self._lost_before = self.lost
        self.streams += 1
        self.ssrc = ssrc
        self._base = self._highest = sequence_number
        self._cycles = self._in_stream = self._prior_expected = self._prior_received = 0
        self._transit = self._restart_at = None

    def _advance(self, sequence_number: int, ssrc: int) -> int:
        ahead = forward(sequence_number, self._highest, 16)
        if 0 < ahead < MAX_DROPOUT:
            if sequence_number < self._highest:
                self._cycles += 1 << 16
            self._highest = sequence_number
        elif ahead < -MAX_MISORDER or ahead >= MAX_DROPOUT:
            if sequence_number == self._restart_at:
                self._begin(sequence_number, ssrc)
                return 1
            self._restart_at = (sequence_number + 1) & 0xFFFF
            self._in_stream -= 1  # RFC 3550 A.1: one stray packet is not yet a new stream
        return ahead

    def _update_jitter(self, timestamp: int, now: float) -> None:
        transit = (round(now * CLOCK_RATE) - timestamp) & 0xFFFFFFFF
        if self._transit is not None:
            difference = abs(forward(transit, self._transit, 32))
            if difference < CLOCK_RATE:  # a second or more is a clock set anew, not the network
                self._jitter += (difference - self._jitter) / 16
        self._transit = transit

    @property
    def _expected(self) -> int:
        return 0 if self.ssrc is None else self._cycles + self._highest - self._base + 1

    @property
    def lost(self) -> int:
        """Packets that never came, over all streams; never negative. RFC 3550 appendix A.3."""
        return self._lost_before + max(self._expected - self._in_stream, 0)

    @property
    def jitter(self) -> float:
        """Seconds."""
        return self._jitter / CLOCK_RATE

    def report(self, last_report: int = 0, delay: int = 0) -> ReceptionReport | None:
        """The block for a receiver report, and the beginning of the next interval; None when nothing came yet."""
        if self.ssrc is None:
            return None
        expected, received = self._expected, self._in_stream
        expected_now, received_now = expected - self._prior_expected, received - self._prior_received
        self._prior_expected, self._prior_received = expected, received
        missing = expected_now - received_now
        fraction = 0 if expected_now <= 0 or missing <= 0 else min((missing << 8) // expected_now, 255)
        lost = max(-0x800000, min(expected - received, 0x7FFFFF))
        highest = (self._cycles + self._highest) & 0xFFFFFFFF
        return ReceptionReport(self.ssrc, fraction, lost, highest, int(self._jitter), last_report, delay)
