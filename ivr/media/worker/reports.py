"""A leg's RTCP: a report every five seconds or so, and BYE at the end. RFC 3550 section 6.2."""

from __future__ import annotations

import random
import socket
import time

from ivr.errors import RemoteProtocolError
from ivr.media.messages import Address
from ivr.media.receiver import Reception
from ivr.media.rtcp import NTP_OFFSET, RtcpReport, SenderInfo, middle
from ivr.media.worker.outgoing import Outgoing
from ivr.media.worker.secure import Unproved

INTERVAL = 5.0
"""Seconds; randomised to 0.5 to 1.5 of it (section 6.2), so that the legs of a worker spread."""


class Reports:
    """Reports of one leg, sent to the port above the one that RTP goes to."""

    def __init__(self, sock: socket.socket, outgoing: Outgoing, reception: Reception, cname: str) -> None:
        self._socket = sock
        self._outgoing = outgoing
        self._reception = reception
        self._cname = cname
        self._sent_before = 0
        self._peer_report = 0
        self._peer_report_at = 0.0
        self.next = float("inf")
        """When the next one is due."""
        self.dropped = 0
        self.peer_left = False

    def begin(self, now: float) -> None:
        """There is somebody to report to."""
        if self.next == float("inf"):
            self.next = now + INTERVAL * random.uniform(0.25, 0.75)  # half the interval at first

    def pause(self) -> None:
        """Nobody to report to, until `begin`."""
        self.next = float("inf")

    def receive(self, target: Address | None, now: float) -> None:
        """A datagram is waiting on the RTCP socket."""
        try:
            data, source = self._socket.recvfrom(2048)
        except OSError:
            return
        if target is None or source[0] != target[0]:
            self.dropped += 1
            return
        try:
            if self._outgoing.protection is not None:
                data = self._outgoing.protection.prove_report(data, now)
            report = RtcpReport.decode(data)
        except (RemoteProtocolError, Unproved):
            self.dropped += 1
            return
        self.peer_left = self.peer_left or report.bye
        if report.sender is not None:
            self._peer_report, self._peer_report_at = middle(report.sender.ntp), now

    def send(self, target: Address | None, timestamp: int, now: float, *, bye: bool = False) -> None:
        """Report to whoever is at `target`; `timestamp` is that of our stream now."""
        self.next = now + INTERVAL * random.uniform(0.5, 1.5)
        if target is None:
            return
        delay = round((now - self._peer_report_at) * 65536) & 0xFFFFFFFF if self._peer_report else 0
        block = self._reception.report(self._peer_report, delay)
        report = RtcpReport(
            self._outgoing.ssrc, self._sender(timestamp), (block,) if block else (), self._cname, bye
        )
        data = report.encode()
        try:
            if self._outgoing.protection is not None:
                data = self._outgoing.protection.protect_report(data)
            self._socket.sendto(data, (target[0], target[1] + 1))
        except (OSError, OverflowError, Unproved):  # refused, unreachable; port 65535 has none above it
            return

    def _sender(self, timestamp: int) -> SenderInfo | None:
        out = self._outgoing
        if out.sent == self._sent_before:
            return None
        self._sent_before = out.sent
        ntp = int((time.time() + NTP_OFFSET) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF
        return SenderInfo(ntp, timestamp, out.sent & 0xFFFFFFFF, out.octets & 0xFFFFFFFF)
