"""SIP addresses as people write them in settings and at log-on. RFC 3261 section 19.1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ivr.errors import IvrError
from ivr.sip.fields import parse_uri

DEFAULT_PORT = 5060
DEFAULT_TLS_PORT = 5061


@dataclass(frozen=True, slots=True)
class SipAddress:
    """Where to send a request for a SIP URI, before names are resolved."""

    user: str
    host: str
    """Name or numeric address, without brackets."""
    port: int
    transport: Literal["udp", "tcp", "tls"]

    @property
    def host_port(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_sip_address(text: str) -> SipAddress:
    """Raises IvrError when `text` is no ``sip:`` or ``sips:`` URI that can be reached over UDP, TCP or TLS."""
    try:
        uri = parse_uri(text)
    except ValueError as error:
        raise IvrError(f"{text[:100]!r} is no SIP address; write sip:user@host or sip:user@host:port") from error
    if uri.scheme not in ("sip", "sips"):
        raise IvrError(f"{text[:100]!r} has the scheme {uri.scheme}; a sip: or sips: address is needed")
    transport = str(uri.parameters.get("transport") or "udp").lower()
    if transport not in ("udp", "tcp", "tls"):
        raise IvrError(f"{text[:100]!r} asks for transport {transport}; udp, tcp or tls is needed")
    kind: Literal["udp", "tcp", "tls"] = "tcp" if transport == "tcp" else "udp"
    if transport == "tls" or uri.scheme == "sips":
        kind = "tls"
    port = uri.port or (DEFAULT_TLS_PORT if kind == "tls" else DEFAULT_PORT)
    return SipAddress(uri.user or "", uri.host.strip("[]"), port, kind)
