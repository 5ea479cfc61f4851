"""What the settings of ``[sip]`` must be together."""

from __future__ import annotations

import importlib.util
import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path

from ivr.config.settings import SipSettings

SipProblem = tuple[str, str]
"""The key, and what is wrong with it and what to write instead."""

TRANSFERS = ("bridge", "refer")


def sip_problems(sip: SipSettings) -> Iterator[SipProblem]:
    """Every mistake."""
    if not (sip.udp or sip.tcp or sip.tls_listen):
        yield "udp", "udp and tcp are both off, and there is no tls_listen; nobody could call, turn one on"
    if sip.dial and not sip.gateway and not sip.trunks:
        yield (
            "gateway",
            "is missing; numbers listed in dial need the SIP address of a gateway, or a [[sip.trunks]]",
        )
    if sip.transfer not in TRANSFERS:
        yield "transfer", f"is {sip.transfer!r}; write one of {', '.join(TRANSFERS)}"
    if sip.session_expires != 0 and not 90 <= sip.session_expires <= 86_400:
        yield "session_expires", f"is {sip.session_expires}; write 0 for never, or between 90 and 86400"
    elif 90 <= sip.session_expires < sip.min_session_expires:
        yield "session_expires", f"is below min_session_expires, {sip.min_session_expires}; make it that at least"
    for key, addresses in (("listen", sip.addresses), ("tls_listen", sip.tls_listen)):
        for number, address in enumerate(addresses):
            if not is_host(address.host):
                yield key, f"{address.host!r} is no IP address; write one of this machine, or 0.0.0.0"
            if address.port and address in addresses[:number]:
                yield key, f"names {address} twice; write it once"
    if sip.srtp != "off" and importlib.util.find_spec("pylibsrtp") is None:
        yield "srtp", f"is {sip.srtp}, which needs pylibsrtp: pip install 'ivr[srtp]', or write off"
    for address in sip.tls_listen:
        if sip.tcp and address.port and address in sip.addresses:
            yield "tls_listen", f"is {address}, where TCP is listened on already; the usual port for TLS is 5061"
    yield from _tls_problems(sip)


def _tls_problems(sip: SipSettings) -> Iterator[SipProblem]:
    files = {"tls_certificate": sip.tls_certificate, "tls_key": sip.tls_key, "tls_ca": sip.tls_ca}
    readable = True
    for key, path in files.items():
        if path is None:
            if sip.tls_listen and key != "tls_ca":
                readable = False
                yield key, "is missing; tls_listen needs a certificate and its key, each a PEM file"
        elif why := unreadable(path):
            readable = False
            yield key, f"{path} cannot be read: {why}; name a readable PEM file"
    if not readable:
        return
    if sip.tls_certificate is not None:
        yield from pair_problems(sip.tls_certificate, sip.tls_key)
    if sip.tls_ca is not None:
        yield from authority_problems("tls_ca", sip.tls_ca)


def pair_problems(certificate: Path, key: Path | None) -> Iterator[SipProblem]:
    """What is wrong with readable files of a certificate and its key."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        yield _unusable(certificate, key or certificate, error)


def authority_problems(name: str, path: Path) -> Iterator[SipProblem]:
    """What is wrong with a readable file of authorities."""
    try:
        ssl.create_default_context(cafile=str(path))
    except ssl.SSLError:
        yield name, f"{path} has no certificate in it; name a PEM file of authorities"


def unreadable(path: Path) -> str:
    """Why; empty for a file that can be read."""
    try:
        path.read_bytes()
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return ""


def _unusable(certificate: Path, key: Path, error: Exception) -> SipProblem:
    if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
        return "tls_certificate", f"{certificate} is not for the key in {key}; name the pair that belongs together"
    if b"ENCRYPTED" in key.read_bytes():
        return "tls_key", f"{key} has a pass phrase; write it out without one (openssl pkey)"
    return "tls_certificate", f"{certificate} and {key} are no certificate and key; both must be PEM files"


def is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return text == "localhost"
    return True
