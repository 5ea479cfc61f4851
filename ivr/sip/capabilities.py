"""What this user agent can do, as OPTIONS and the refusals tell it. RFC 3261 section 11.2."""

from __future__ import annotations

from ivr.sip.reply import SDP, Header

METHODS = (
    *("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "PRACK", "UPDATE"),
    *("REFER", "NOTIFY", "SUBSCRIBE", "REGISTER"),
)
"""Of Allow."""
KNOWN_METHODS = frozenset((*METHODS, "MESSAGE", "PUBLISH"))
"""Methods with an RFC; those we do not allow get 405, any other word 501."""
OPTION_TAGS: tuple[str, ...] = ("100rel", "timer", "replaces", "norefersub")
"""Of Supported, and what a peer may name in Require."""
EVENTS = ("refer",)
"""Packages a NOTIFY may be about: we hear what became of a REFER of ours, and of nothing else."""
PACKAGES = ("dialog", "presence")
"""Packages a SUBSCRIBE may be about: the lamps of users, and whether they may be called."""
KEY_TYPES = ("application/dtmf-relay", "application/dtmf")
SCHEMES = ("sip", "sips", "tel")
"""Of the Request-URI. A sips URI promises TLS on every hop: what comes otherwise is refused."""

ALLOW: Header = ("Allow", ", ".join(METHODS))
ACCEPT: Header = ("Accept", ", ".join((SDP, *KEY_TYPES)))
ALLOW_EVENTS: Header = ("Allow-Events", ", ".join((*EVENTS, *PACKAGES)))
SUPPORTED: Header = ("Supported", ", ".join(OPTION_TAGS))


def described() -> list[Header]:
    """The headers of a 200 to OPTIONS."""
    return [ALLOW, ACCEPT, ("Accept-Encoding", "identity"), ("Accept-Language", "en"), SUPPORTED, ALLOW_EVENTS]
