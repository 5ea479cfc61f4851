"""The keys of SRTP, said in the session description: ``a=crypto``. RFC 4568 sections 4 and 6.

::

    a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:<key and salt, base64>|2^20|1:4 WSH=64
             |         suite                                         |    |    session parameters
             tag                                              lifetime    master key index : its octets

Who can read the description can read the sound, so it belongs on TLS. A key is in no `repr`.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

from ivr.errors import RemoteProtocolError

SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
"""What we speak, in the order we like them. RFC 4568 section 6.2."""
KEY_OCTETS = 30
"""Master key of 16 and master salt of 14 octets, the same for both suites."""
SHORTEST_LIFE = 1 << 20
"""Packets a key must last: 5.8 hours of sound. We do not change keys in the middle of a call by ourselves."""
WINDOW = "WSH="
"""A hint how far packets may be out of order; the only session parameter that changes nothing on the wire."""

_LINE = re.compile(r"(\d{1,9})\s+(\S+)\s+(\S+)((?:\s+\S+)*)\s*")
_KEY = re.compile(r"inline:([A-Za-z0-9+/=]+)(?:\|(2\^\d{1,2}|\d{1,15}))?(\|.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Crypto:
    """One usable ``a=crypto`` line."""

    tag: int
    """Number of the line; the answer repeats that of the line it takes. RFC 4568 section 4.1."""
    suite: str
    key: bytes = field(repr=False)
    """Master key and salt of who wrote the line: what that side sends is protected with it."""

    @classmethod
    def parse(cls, value: str) -> Crypto:
        """Read the value of the attribute.

        Raises RemoteProtocolError, without a word of the key, for a line that is malformed or asks for what we
        do not do: other suites, a master key index, several keys, a short life, unencrypted or unauthenticated
        streams, a key derivation rate. RFC 4568 section 6.3 leaves no choice but to pass such a line over; one
        whose unknown parameter begins with ``-`` may be taken (section 6.3.7).
        """
        line = _LINE.fullmatch(value)
        if line is None:
            raise RemoteProtocolError("a=crypto is not of the form: tag suite inline:key")
        tag, suite, keys, parameters = line.groups()
        if suite not in SUITES:
            raise RemoteProtocolError(f"a=crypto names the suite {suite[:40]}; {' or '.join(SUITES)} is needed")
        return cls(int(tag), suite, _key_of(keys, parameters.split()))

    def encode(self) -> str:
        """The value of the attribute."""
        return f"{self.tag} {self.suite} inline:{base64.b64encode(self.key).decode()}"


def _key_of(keys: str, parameters: list[str]) -> bytes:
    wanted = [name for name in parameters if not name.startswith((WINDOW, "-"))]
    if wanted:
        raise RemoteProtocolError(f"a=crypto asks for {wanted[0][:20]}, which is not done here")
    key = _KEY.fullmatch(keys)
    if key is None:
        raise RemoteProtocolError("a=crypto has no single inline key")
    text, life, index = key.groups()
    if index is not None:
        raise RemoteProtocolError("a=crypto asks for a master key index, which is not done here")
    if life is not None and _packets(life) < SHORTEST_LIFE:
        raise RemoteProtocolError(f"a=crypto has a key for {life} packets; 2^20 are needed")
    try:
        octets = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise RemoteProtocolError("a=crypto has a key that is no base64") from None
    if len(octets) != KEY_OCTETS:
        raise RemoteProtocolError(f"a=crypto has a key of {len(octets)} octets; {KEY_OCTETS} are needed")
    return octets


def _packets(life: str) -> int:
    return 1 << int(life[2:]) if life.startswith("2^") else int(life)


@dataclass(frozen=True, slots=True)
class Secured:
    """What both sides agreed on for SRTP."""

    suite: str
    local_key: bytes = field(repr=False)
    """Protects what we send."""
    remote_key: bytes = field(repr=False)
    """Protects what the peer sends."""
