"""What both directions of ICI need of HTTP: bounded bodies, and failures in words a person can act on."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import os
import ssl
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from ivr.config.settings import CallbackLogin

XML_TYPES: Final = frozenset({"text/xml", "application/xml", "application/soap+xml"})
ANSWER_LIMIT: Final = 4 * 1024 * 1024
"""Octets of an answer to one of our requests; a document of 256 KiB escaped once fits several times."""


HOST_TROUBLE: Final = frozenset({502, 503, 504})
"""Answers that say nothing about one screen: nobody behind the address can be reached (RFC 9110 section 15.6)."""


ANSWERING: Final = "answering"
"""The stage at which the other side had the request."""
_REMEDIES: Final = {
    401: "check user and password in ici.logins, and that both sides mean this host",
    403: "check that the other side lets us in, and user and password in ici.logins",
    404: "check the path of the address that the other side named",
    405: "check the path of the address that the other side named: it takes no POST",
    413: "let the other side take longer requests: attached data is in them",
    502: "check that the system behind this address is running",
    503: "check that the system behind this address is running",
    504: "check that the system behind this address is running",
}


class HostFailure(str):
    """Why a request failed, when it is the host that is in trouble and not one screen behind it."""


def basic(user: str, password: str) -> str:
    """Value of the Authorization header (RFC 7617), in UTF-8."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def authorisation(url: str, logins: Iterable[CallbackLogin]) -> dict[str, str]:
    """The header that proves us to whoever is behind this address; empty where no user is set for it.

    A password is shown to nobody on the way unless that is wished: over https, on loopback, or with `over_http`.
    A login for host and port goes before one for the host alone.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    named = f"[{host}]" if ":" in host else host
    port = parts.port or (443 if parts.scheme == "https" else 80)
    by_host = {login.host.lower(): login for login in logins}
    login = by_host.get(f"{named}:{port}") or by_host.get(named) or by_host.get(host)
    if login is None or not (parts.scheme == "https" or login.over_http or _is_near(host)):
        return {}
    return {"Authorization": basic(login.user, login.password)}


def _is_near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def read_capped(stream: aiohttp.StreamReader, limit: int) -> bytes | None:
    """The whole body, or None as soon as it is longer than `limit` octets."""
    parts: list[bytes] = []
    size = 0
    async for part in stream.iter_any():
        size += len(part)
        if size > limit:
            return None
        parts.append(part)
    return b"".join(parts)


def describe_failure(url: str, failure: BaseException) -> HostFailure:
    """Host, port, stage and remedy of a request that got no answer."""
    stage, remedy = _stage(failure)
    detail = _detail(failure).replace("\n", " ") or type(failure).__name__
    return HostFailure(in_words(url, stage, detail, remedy))


def describe_status(url: str, status: int, location: str = "") -> str:
    """The same for an answer that is no success; a `HostFailure` when nobody behind the address can be reached."""
    remedy = _REMEDIES.get(status, "check the log of the other side")
    detail = f"HTTP {status}"
    if 300 <= status < 400:
        detail += f" to {location[:120]!r}" if location else ""
        remedy = "redirects are not followed; let the other side name that address itself"
    text = in_words(url, ANSWERING, detail, remedy)
    return HostFailure(text) if status in HOST_TROUBLE else text


def in_words(url: str, stage: str, what: str, remedy: str) -> str:
    """A failure as it is told: whom it is with, how far it came, what was seen, and what to do (H24)."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.hostname} port {port}: {stage} failed: {what[:200]}; {remedy}"


def _detail(failure: BaseException) -> str:
    """What the system said, without the library's words around it: those speak of TLS where there is none."""
    match failure:
        case aiohttp.ClientConnectorCertificateError():
            return str(failure.certificate_error)
        case aiohttp.ClientConnectorError():
            error = failure.os_error
            return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
        case _:
            return str(failure)


def _stage(failure: BaseException) -> tuple[str, str]:
    match failure:
        case aiohttp.ClientConnectorDNSError():
            return "looking up the host", "check the host name"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError() | ssl.SSLError():
            return "TLS", "check the certificate, and that the port speaks https"
        case aiohttp.ClientConnectorError():
            return "connecting", "check that the other side is running, and address and port"
        case asyncio.TimeoutError():
            return "waiting for the answer", "check that the other side is not overloaded or behind a firewall"
        case _:
            return "reading the answer", "check the log of the other side"
