"""Proving who we are to others: the answer to 401 and 407. RFC 3261 section 22.2."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from ivr.sip.digest import ALGORITHMS, DigestInput, algorithm_of, parse_digest
from ivr.sip.message import Request, Response
from ivr.sip.reply import Header

_HEADERS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


@dataclass(frozen=True, slots=True)
class Credentials:
    """User and password for whoever challenges us."""

    user: str
    password: str = field(repr=False)

    def answer(self, request: Request, response: Response, rng: random.Random) -> Header | None:
        """The header with which to send `request` again; None when the response is no challenge, when it cannot
        be met, or when it has been met already and the password was not liked."""
        challenge_name, answer_name = _HEADERS.get(response.status, ("", ""))
        challenge = strongest(response.headers.getlist(challenge_name)) if challenge_name else None
        if challenge is None:
            return None
        tried = request.headers.get(answer_name)
        if tried is not None and not _is_stale(challenge, tried):
            return None
        return answer_name, self._proof(request, challenge, rng)

    def _proof(self, request: Request, challenge: dict[str, str], rng: random.Random) -> str:
        qops = [qop.strip().lower() for qop in challenge.get("qop", "").split(",")]
        qop, cnonce, nc = ("auth", f"{rng.getrandbits(64):016x}", "00000001") if "auth" in qops else ("", "", "")
        algorithm = algorithm_of(challenge) or "MD5"
        realm, nonce = challenge.get("realm", ""), challenge.get("nonce", "")
        proof = DigestInput(
            algorithm, self.user, realm, self.password, request.method, request.uri, nonce, qop, cnonce, nc
        )
        fields = {"username": self.user, "realm": realm, "nonce": nonce, "uri": request.uri}
        fields |= {"response": proof.response()} | ({"cnonce": cnonce} if qop else {})
        fields |= {"opaque": challenge["opaque"]} if "opaque" in challenge else {}
        bare = f", algorithm={algorithm}" + (f", qop={qop}, nc={nc}" if qop else "")
        return "Digest " + ", ".join(f'{name}="{_escaped(value)}"' for name, value in fields.items()) + bare


def strongest(values: list[str]) -> dict[str, str] | None:
    """The challenge to answer, of those offered; None when none is spoken here. RFC 8760 section 2.4."""
    challenges = [challenge for challenge in map(parse_digest, values) if challenge and _is_spoken(challenge)]
    return min(challenges, key=lambda challenge: ALGORITHMS.index(algorithm_of(challenge) or "MD5"), default=None)


def _is_spoken(challenge: dict[str, str]) -> bool:
    qops = [qop.strip().lower() for qop in challenge.get("qop", "").split(",")]
    return algorithm_of(challenge) is not None and ("" in qops or "auth" in qops)


def _is_stale(challenge: dict[str, str], tried: str) -> bool:
    """Whether the password was right but the nonce too old, or the challenge comes from another realm on the way.

    The nonce must be another one, so that a peer cannot keep us asking for ever.
    """
    before = parse_digest(tried) or {}
    new_nonce = before.get("nonce") != challenge.get("nonce")
    return new_nonce and challenge.get("stale", "").lower() == "true"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
