"""Who may speak for an agent.

An agent without a password: whoever comes over loopback. With one: HTTP Basic (RFC 7617) whose user is the
user of the SOAP header. Who shows credentials of somebody else is refused in any case. Pages in a browser never
may: a page of any site could post to loopback.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Mapping
from typing import Final

from ivr.ici.switchboard import IciRefusal, Switchboard

CHALLENGE: Final = 'Basic realm="ivr-ici", charset="UTF-8"'


class Unauthorised(IciRefusal):
    """Answered with HTTP 401 and a challenge. The text depends on the request alone, so that nobody learns who
    exists."""

    def __init__(self, user: str, why: str, *, shown: str = "") -> None:
        """`shown` is the user of HTTP Basic."""
        self.why = why
        """For our log."""
        if shown and shown != user:
            text = (
                f"HTTP Basic names {shown[:64]!r}, and the SOAP header names {user[:64]!r}; "
                "needed is the same user in both"
            )
        else:
            text = (
                f"user {user[:64]!r}: needed is HTTP Basic with this user and the password of the settings; "
                "an agent without a password may act over loopback only"
            )
        super().__init__("ICI-AUTH", text)


def authorise(switchboard: Switchboard, user: str, *, peer: str, authorization: str) -> None:
    """Raises `Unauthorised`, or `IciRefusal` ICI-UNKNOWN-USER for somebody on loopback."""
    near = is_loopback(peer)
    name, secret = credentials(authorization)
    if not switchboard.has_user(user):
        if near and not authorization:
            raise IciRefusal("ICI-UNKNOWN-USER", f"there is no agent {user[:64]!r} in the settings")
        raise Unauthorised(user, "unknown user", shown=name)
    password = switchboard.password_of(user)
    if not password:
        if not near:
            raise Unauthorised(user, "no password set, and not over loopback", shown=name)
        if name and name != user:
            raise Unauthorised(user, f"HTTP Basic names another user: {name[:64]!r}", shown=name)
        return
    right = hmac.compare_digest(secret.encode(), password.encode())
    if name != user or not right:
        raise Unauthorised(user, "wrong or missing credentials", shown=name)


def credentials(authorization: str) -> tuple[str, str]:
    """User and password of HTTP Basic; two empty texts if there are none."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, colon, secret = base64.b64decode(token.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return "", ""
    return (name, secret) if colon else ("", "")


def refuse_browsers(headers: Mapping[str, str]) -> None:
    """Raises `IciRefusal` ICI-FORBIDDEN for a request that a page in a browser made (RFC 6454 section 7)."""
    if headers.get("Origin") or headers.get("Sec-Fetch-Site"):
        raise IciRefusal("ICI-FORBIDDEN", "requests of pages in a browser are not taken")


def is_loopback(peer: str) -> bool:
    """Whether the address is one of this machine's own loopback."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
