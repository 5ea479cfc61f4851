"""SRTP and SRTCP of one leg: what goes out is protected, what comes in is proved. RFC 3711, keys by RFC 4568.

The arithmetic is libsrtp's: AES in counter mode, HMAC-SHA1, the rollover counter, the replay window. Here is
what a call needs around it: keys that change in the middle, and packets that prove nothing, which are nobody's.
"""

from __future__ import annotations

import base64
from functools import cache
from types import ModuleType
from typing import Any

from ivr.errors import IvrError
from ivr.media.messages import StreamFormat

LARGEST = 1300
"""Octets of a packet that is protected or looked at: libsrtp's buffer, as pylibsrtp has it, less what is added."""
GRACE = 2.0
"""Seconds in which packets under the key before this one are still taken: they were on their way."""


class Unproved(Exception):
    """A packet that was not made with the key, came twice, or is no SRTP at all."""


class Protection:
    """Keys of both directions, and how they change. Raises IvrError when made where libsrtp is not."""

    def __init__(self) -> None:
        self._send_key = self._receive_key = ("", "")
        self._outgoing: Any = None
        self._incoming: Any = None
        self._before: Any = None
        self._before_until = 0.0
        self._fault: Any = _library().Error

    def use(self, form: StreamFormat, now: float) -> None:
        """The suite and keys of `form`, for the first time or anew.

        A key that stays keeps its counters: RFC 3711 section 3.2.1 forbids to begin one again.

        Raises IvrError when libsrtp cannot use the key.
        """
        suite = form.suite or ""
        if (suite, form.send_key) != self._send_key:
            self._outgoing = _session(suite, form.send_key, outbound=True)
            self._send_key = (suite, form.send_key)
        if (suite, form.receive_key) != self._receive_key:
            fresh = _session(suite, form.receive_key, outbound=False)
            if self._incoming is not None:
                self._before, self._before_until = self._incoming, now + GRACE
            self._incoming = fresh
            self._receive_key = (suite, form.receive_key)

    def protect(self, packet: bytes) -> bytes:
        """RTP to SRTP. Raises Unproved for what cannot be sent: too long, or a number that was sent before."""
        return self._send(packet, "protect")

    def protect_report(self, packet: bytes) -> bytes:
        """RTCP to SRTCP; likewise."""
        return self._send(packet, "protect_rtcp")

    def prove(self, packet: bytes, now: float) -> bytes:
        """SRTP to RTP. Raises Unproved."""
        return self._receive(packet, "unprotect", now)

    def prove_report(self, packet: bytes, now: float) -> bytes:
        """SRTCP to RTCP. Raises Unproved."""
        return self._receive(packet, "unprotect_rtcp", now)

    def _send(self, packet: bytes, how: str) -> bytes:
        if len(packet) > LARGEST:
            raise Unproved
        return self._done(self._outgoing, how, packet)

    def _receive(self, packet: bytes, how: str, now: float) -> bytes:
        if len(packet) > LARGEST:
            raise Unproved
        try:
            return self._done(self._incoming, how, packet)
        except Unproved:
            if self._before is None:
                raise
            if now >= self._before_until:
                self._before = None
                raise
            return self._done(self._before, how, packet)

    def _done(self, session: Any, how: str, packet: bytes) -> bytes:
        try:
            return bytes(getattr(session, how)(packet))
        except self._fault:
            raise Unproved from None


@cache
def _library() -> ModuleType:
    try:
        import pylibsrtp
    except ImportError:
        raise IvrError("SRTP was agreed on, but pylibsrtp is not installed: pip install 'ivr[srtp]'") from None
    return pylibsrtp


def _session(suite: str, key: str, *, outbound: bool) -> Any:
    library = _library()
    policy = library.Policy
    profiles = {
        "AES_CM_128_HMAC_SHA1_80": policy.SRTP_PROFILE_AES128_CM_SHA1_80,
        "AES_CM_128_HMAC_SHA1_32": policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    }
    if suite not in profiles:
        raise IvrError(f"SRTP suite {suite!r} is not known; needed is one of {', '.join(profiles)}")
    side = policy.SSRC_ANY_OUTBOUND if outbound else policy.SSRC_ANY_INBOUND
    try:
        return library.Session(policy(base64.b64decode(key), side, 0, profiles[suite]))
    except (library.Error, ValueError) as error:
        raise IvrError(f"SRTP cannot use its key: {error}") from None
