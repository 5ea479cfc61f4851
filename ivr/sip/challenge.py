"""Proof asked of others: who a REGISTER comes from. RFC 3261 section 22.3, RFC 7616 section 3.3.

The nonce is a time, a mark of whom it was given to, and the signature of both. So nothing is kept for a stranger
who never comes back, an old one is told from a forged one, and what one source has proved is of no use to another.
"""

from __future__ import annotations

import hmac
from enum import Enum, auto

from ivr.sip.digest import DigestInput, algorithm_of, parse_digest
from ivr.sip.fields import quoted
from ivr.sip.message import Request
from ivr.sip.reply import Header

NONCE_LIFETIME = 300.0
"""Seconds. A telephone that registers later proves itself once more, without asking its user."""


class Verdict(Enum):
    """What the credentials of a request are worth."""

    WRONG = auto()
    """None, a wrong password, an unknown user: never told apart."""
    STALE = auto()
    """Right, but for a nonce that is too old; or, right or wrong, with a nonce given to another source."""
    RIGHT = auto()


class Challenger:
    """Makes challenges and checks the answers to them."""

    def __init__(self, realm: str, accounts: dict[str, str], algorithms: tuple[str, ...], key: bytes) -> None:
        self._realm = realm
        self._accounts = accounts
        self._algorithms = algorithms
        self._key = key

    def challenges(self, source: str, now: float, stale: bool) -> list[Header]:
        """For `source`, one header for each algorithm offered, in the order of preference."""
        nonce = self._nonce(f"{int(now * 1000):x}", self._mark(source))
        tail = ", stale=true" if stale else ""
        return [
            (
                "WWW-Authenticate",
                f'Digest realm={quoted(self._realm)}, nonce="{nonce}", algorithm={name}, qop="auth"{tail}',
            )
            for name in self._algorithms
        ]

    def given(self, request: Request) -> dict[str, str] | None:
        """The credentials for our realm; None when there are none."""
        for value in request.headers.getlist("Authorization"):
            given = parse_digest(value)
            if given is not None and given.get("realm") == self._realm:
                return given
        return None

    def is_ours(self, given: dict[str, str], source: str) -> bool:
        """Whether the nonce was made by us for `source`: then nobody has forged the sender of the request."""
        stamp, _, rest = given.get("nonce", "").partition(".")
        mark = rest.partition(".")[0]
        return _equal(given.get("nonce", ""), self._nonce(stamp, mark)) and _equal(mark, self._mark(source))

    def judge(self, given: dict[str, str], method: str, source: str, now: float) -> Verdict:
        """The same work is done for a user nobody knows: the time it takes tells nothing either."""
        qop = given.get("qop", "").lower()
        algorithm = algorithm_of(given)
        if algorithm is None or qop not in ("", "auth") or (qop and not (given.get("nc") and given.get("cnonce"))):
            return Verdict.WRONG
        user, nonce = given.get("username", ""), given.get("nonce", "")
        password = self._accounts.get(user)
        proof = DigestInput(
            algorithm=algorithm,
            user=user,
            realm=self._realm,
            password=password if password is not None else self._key.hex(),
            method=method,
            uri=given.get("uri", ""),
            nonce=nonce,
            qop=given.get("qop", ""),
            cnonce=given.get("cnonce", ""),
            nc=given.get("nc", ""),
        )
        right = _equal(given.get("response", "").lower(), proof.response())
        age = self._age(nonce, now)
        if age is not None and not self.is_ours(given, source):
            return Verdict.STALE
        if not right or password is None or age is None:
            return Verdict.WRONG
        return Verdict.RIGHT if age <= NONCE_LIFETIME else Verdict.STALE

    def _mark(self, source: str) -> str:
        return hmac.new(self._key, f"source:{source}".encode(), "sha256").hexdigest()[:12]

    def _nonce(self, stamp: str, mark: str) -> str:
        text = f"{stamp}:{mark}:{self._realm}".encode("utf-8", "surrogateescape")
        return f"{stamp}.{mark}.{hmac.new(self._key, text, 'sha256').hexdigest()[:32]}"

    def _age(self, nonce: str, now: float) -> float | None:
        """Seconds since we made the nonce; None when we did not."""
        stamp, _, rest = nonce.partition(".")
        if not _equal(nonce, self._nonce(stamp, rest.partition(".")[0])):
            return None
        return max(0.0, now - int(stamp, 16) / 1000)


def _equal(one: str, other: str) -> bool:
    """Compare without telling by the time where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape"))
