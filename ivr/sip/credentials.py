"""User and password, and the proof made of them. RFC 3261 section 22.2."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from ivr.sip.digest import ALGORITHMS, DigestInput, algorithm_of, parse_digest
from ivr.sip.message import Request


@dataclass(frozen=True, slots=True)
class Credentials:
    """User and password for whoever challenges us."""

    user: str
    password: str = field(repr=False)

    def proof(self, request: Request, challenge: dict[str, str], count: int, rng: random.Random) -> str:
        """The value of Authorization or Proxy-Authorization; `count` is how often this nonce is used."""
        qop, cnonce, nc = "", "", ""
        if "auth" in qops_of(challenge):
            qop, cnonce, nc = "auth", f"{rng.getrandbits(64):016x}", f"{count:08x}"
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


def best_of_realms(values: list[str]) -> dict[str, dict[str, str]]:
    """Of the challenges offered, the strongest of each realm that is spoken here. RFC 8760 section 2.4."""
    best: dict[str, dict[str, str]] = {}
    for challenge in map(parse_digest, values):
        if challenge is None or not _is_spoken(challenge):
            continue
        other = best.get(realm := challenge.get("realm", ""))
        if other is None or _rank(challenge) < _rank(other):
            best[realm] = challenge
    return best


def qops_of(challenge: dict[str, str]) -> list[str]:
    return [qop.strip().lower() for qop in challenge.get("qop", "").split(",")]


def _rank(challenge: dict[str, str]) -> int:
    return ALGORITHMS.index(algorithm_of(challenge) or "MD5")


def _is_spoken(challenge: dict[str, str]) -> bool:
    qops = qops_of(challenge)
    return algorithm_of(challenge) is not None and ("" in qops or "auth" in qops)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
