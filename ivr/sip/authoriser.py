"""Proving who we are, again and again: what was asked of us is remembered and answered. RFC 3261 section 22.

A challenge is answered once. Whoever asked is told unasked from then on, with the next count of the same nonce
(RFC 7616 section 3.4): a BYE or a refresh costs one round trip and not two. Several who ask on one way, such as a
proxy by 407 and the callee by 401, each get their own proof in each request.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from ivr.sip.credentials import Credentials, best_of_realms
from ivr.sip.digest import parse_digest
from ivr.sip.message import Request, Response

HEADERS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}
MAX_TRIES = 6
"""Times one request is sent again for a challenge: two proxies and a callee, each with a nonce that went stale."""
MAX_REALMS = 8
"""Who asks on one way. A peer that invents realms is not followed beyond."""
DIRECT = "00000001"
"""Count of a nonce that has been used once: whoever sees it and is not content has seen a wrong password."""


@dataclass(slots=True)
class _Challenge:
    parameters: dict[str, str]
    count: int = 0
    """Times its nonce has been used."""

    @property
    def is_lasting(self) -> bool:
        """Whether its nonce may be used again unasked: only with qop can it be counted."""
        return "auth" in self.parameters.get("qop", "").lower()


class Authoriser:
    """The credentials of one call or registration, with every challenge they have met."""

    def __init__(self, credentials: Credentials, rng: random.Random) -> None:
        self.credentials = credentials
        self._rng = rng
        self._known: dict[tuple[str, str], _Challenge] = {}
        """By the header of the answer, and realm."""
        self._tries = 0

    def takes(self, request: Request, response: Response) -> bool:
        """Note what a 401 or 407 asks; whether `request` is worth sending again, signed.

        It is not when the response is no challenge, when nothing it asks for is spoken here, and when the
        password was not liked.
        """
        asked_in, answered_in = HEADERS.get(response.status, ("", ""))
        asked = best_of_realms(response.headers.getlist(asked_in)) if asked_in else {}
        given = [parse_digest(value) or {} for value in request.headers.getlist(answered_in)] if asked else []
        tried = {proof.get("realm", ""): proof for proof in given}
        if not asked or self._tries >= MAX_TRIES:
            return False
        if any(realm in tried and not may_try_again(tried[realm], new) for realm, new in asked.items()):
            return False
        for realm, parameters in asked.items():
            if (answered_in, realm) in self._known or len(self._known) < MAX_REALMS:
                self._known[answered_in, realm] = _Challenge(parameters)
        self._tries += 1
        return True

    def sign(self, request: Request, *, again: bool = False) -> None:
        """Put proofs into `request`, in the place of those it has: for everybody who has asked when it is sent
        `again`, else for those whose nonce lasts."""
        if not again:
            self._tries = 0
        for name in ("Authorization", "Proxy-Authorization"):
            proofs = [
                self._proof(request, challenge)
                for (header, _), challenge in self._known.items()
                if header == name and (again or challenge.is_lasting)
            ]
            if proofs:
                request.headers.setlist(name, proofs)

    def _proof(self, request: Request, challenge: _Challenge) -> str:
        challenge.count += 1
        return self.credentials.proof(request, challenge.parameters, challenge.count, self._rng)


def may_try_again(given: dict[str, str], challenge: dict[str, str]) -> bool:
    """Whether a second challenge is about the nonce and not about the password.

    The nonce must be another one, so that a peer cannot keep us asking for ever. One that was used unasked may
    have grown too old, which many servers do not call stale.
    """
    if given.get("nonce") == challenge.get("nonce"):
        return False
    return challenge.get("stale", "").lower() == "true" or given.get("nc", DIRECT) != DIRECT
