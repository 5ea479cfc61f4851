"""Over HTTPS to somebody else's ICI endpoint: whom we believe, what we show, and what is in the way in words."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from ivr.config.sip_check import authority_problems, pair_problems, unreadable
from ivr.errors import IvrError
from ivr.ici.client_http import describe_failure, in_words
from ivr.net.tls import Certificates
from ivr.net.unproved import SIGNER_UNKNOWN, WRONG_NAME


def context_for(
    url: str, *, ca: Path | None = None, cert: Path | None = None, key: Path | None = None
) -> ssl.SSLContext | None:
    """How to speak TLS with `url`; None for as the system does, without a certificate of ours.

    `ca` replaces the system's authorities; `cert` and `key` are shown to who asks (without `key` it is in `cert`).
    Raises IvrError naming the option and what to do.
    """
    given = {"--ca": ca, "--cert": cert, "--key": key}
    if not any(given.values()):
        return None
    if urlsplit(url).scheme.lower() != "https":
        named = ", ".join(option for option, file in given.items() if file)
        raise IvrError(f"{named}: for addresses with https:// only, and {url} is none; name another address")
    if key is not None and cert is None:
        raise IvrError("--key: there is no certificate for it; name its PEM file with --cert")
    for option, file in given.items():
        if file is not None and (why := unreadable(file)):
            raise IvrError(f"{option}: {file} cannot be read: {why}; name a readable PEM file")
    for _, problem in authority_problems("--ca", ca) if ca else ():
        raise IvrError(f"--ca: {problem}")
    for _, problem in pair_problems(cert, key) if cert else ():
        raise IvrError(f"--cert: {problem}")
    return Certificates(cert, key, ca, shown_to_servers=cert is not None).client


def in_the_way(url: str, failure: BaseException) -> str:
    """Host, port, stage and remedy of a request that got no answer, with the options that may help."""
    host = urlsplit(url).hostname or ""
    if isinstance(failure, aiohttp.ClientConnectorCertificateError):
        error = failure.certificate_error
        code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
        if code in SIGNER_UNKNOWN:
            return in_words(
                url,
                "TLS",
                "its certificate is not from an authority that is believed here",
                "name the file with the certificate of who signed it: --ca FILE",
            )
        if code in WRONG_NAME:
            remedy = "put the name that it is for into the address"
            return in_words(url, "TLS", f"its certificate is for somebody else, and not for {host}", remedy)
    ended = isinstance(failure, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError | ConnectionError)
    if url.lower().startswith("https:") and ended and not isinstance(failure, aiohttp.ClientConnectorError):
        return in_words(
            url,
            "TLS",
            "it ended the connection before it answered",
            "it may want a certificate of an authority that it knows: --cert FILE --key FILE",
        )
    return describe_failure(url, failure)
