"""Why a peer's certificate was not believed, in words: who signed it, for whom, and what can be done."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any

Address = tuple[str, int]
LOOK_WITHIN = 4.0
"""Seconds that looking at the certificate once more may take."""
SIGNER_UNKNOWN = (18, 19, 20, 21, 27)
WRONG_NAME = (62, 64)
"""Codes of OpenSSL, X509_V_ERR_...: no chain to a known authority; the name, or the address, is another."""


@dataclass(frozen=True, slots=True)
class ShownCertificate:
    """What a peer shows, of what people can judge."""

    names: tuple[str, ...]
    """Hosts it is for."""
    signer: str
    expires: str
    """As the certificate has it, ``Nov 22 08:00:00 2036 GMT``."""


async def look_at(remote: Address, host: str) -> ShownCertificate | None:
    """The certificate shown at `remote` to who asks for `host`, believed or not; None when it cannot be had.

    The library reads certificates of peers it has verified only, so it is seen first, and then made its own
    authority for one more handshake. Nothing is ever sent over either connection.
    """
    try:
        async with asyncio.timeout(LOOK_WITHIN):
            seen = await _handshake(remote, host, _unproving())
            itself = _unproving()
            itself.verify_mode = ssl.CERT_REQUIRED
            itself.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
            itself.load_verify_locations(cadata=seen.getpeercert(binary_form=True))
            certificate = (await _handshake(remote, host, itself)).getpeercert()
    except (OSError, TimeoutError, ValueError):
        return None
    return _of(certificate) if certificate else None


def _unproving() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _handshake(remote: Address, host: str, context: ssl.SSLContext) -> ssl.SSLObject:
    _, writer = await asyncio.open_connection(*remote, ssl=context, server_hostname=host)
    try:
        shown: ssl.SSLObject = writer.get_extra_info("ssl_object")
        return shown
    finally:
        writer.transport.abort()


def _of(certificate: dict[str, Any]) -> ShownCertificate:
    """Names as in the subject alternative name; where there is none, the common name."""
    names = [value for kind, value in certificate.get("subjectAltName", ()) if kind in ("DNS", "IP Address")]
    issuer = _named(certificate.get("issuer", ()))
    signer = issuer.get("commonName") or issuer.get("organizationName") or "somebody without a name"
    common = _named(certificate.get("subject", ())).get("commonName")
    if certificate.get("issuer") == certificate.get("subject"):
        signer = "itself"
    return ShownCertificate(
        tuple(names) or ((common,) if common else ()), signer, certificate.get("notAfter", "an unknown date")
    )


def _named(name: tuple[tuple[tuple[str, str], ...], ...]) -> dict[str, str]:
    return {key: value for part in name for key, value in part}


def why_unproved(error: BaseException, shown: ShownCertificate | None, host: str, trusted: str) -> str:
    """What was wrong with a connection over TLS to `host`, and what to do; empty when it was not TLS's fault.

    `trusted` says in words whose certificates are believed.
    """
    if isinstance(error, TimeoutError):
        return f"{host} does not answer there, or not by TLS; is it the port for TLS?"
    if not isinstance(error, ssl.SSLError):
        return ""
    if not isinstance(error, ssl.SSLCertVerificationError):
        found = getattr(error, "reason", None) or error
        return f"{host} does not speak TLS there ({found}); is it the port for TLS?"
    signer = f", signed by {shown.signer}," if shown else ""
    if error.verify_code in WRONG_NAME:
        names = ", ".join(shown.names) if shown and shown.names else "somebody else"
        return f"the certificate shown{signer} is for {names}, and not for {host}; dial the name it is for"
    if error.verify_code in SIGNER_UNKNOWN:
        return (
            f"the certificate of {host}{signer} is not from an authority that is believed ({trusted}); "
            "name the file with the certificate of who signed it: --ca FILE"
        )
    until = f" (it is good until {shown.expires})" if shown else ""
    return f"the certificate of {host}{signer} is not good: {error.verify_message}{until}"
