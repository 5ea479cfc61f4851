"""Digest authentication: the arithmetic, and its header. RFC 3261 section 22.4, RFC 7616, RFC 8760."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from ivr.sip.fields import split_outside_quotes, unquoted

_HASHES: dict[str, Callable[[bytes], hashlib._Hash]] = {
    "SHA-256": hashlib.sha256,
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False),
}
ALGORITHMS = tuple(_HASHES)
"""Spoken here, the strongest first."""


@dataclass(frozen=True, slots=True)
class DigestInput:
    """Everything that is hashed. RFC 7616 section 3.4.1."""

    algorithm: str
    user: str
    realm: str
    password: str = field(repr=False)
    method: str
    uri: str
    nonce: str
    qop: str = ""
    """``auth``, or empty for the form of RFC 2069 that old telephones speak."""
    cnonce: str = ""
    nc: str = ""

    def response(self) -> str:
        secret = self._hash(self.user, self.realm, self.password)
        request = self._hash(self.method, self.uri)
        if self.qop:
            return self._hash(secret, self.nonce, self.nc, self.cnonce, self.qop, request)
        return self._hash(secret, self.nonce, request)

    def _hash(self, *parts: str) -> str:
        data = ":".join(parts).encode("utf-8", "surrogateescape")
        return _HASHES[self.algorithm](data).hexdigest()


def parse_digest(value: str) -> dict[str, str] | None:
    """The parameters of a Digest challenge or of Digest credentials by lower-case name; None for another scheme.

    Read here and not with `sipmessage`, whose expression for quoted strings can be made to try exponentially
    many readings of one header.
    """
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    parameters: dict[str, str] = {}
    for part in split_outside_quotes(rest, ","):
        name, equals, text = part.partition("=")
        if equals:
            parameters.setdefault(name.strip().lower(), unquoted(text.strip()))
    return parameters


def algorithm_of(parameters: dict[str, str]) -> str | None:
    """The algorithm named, MD5 when none is; None when it is not spoken here."""
    name = parameters.get("algorithm", "MD5").upper()
    return name if name in _HASHES else None
