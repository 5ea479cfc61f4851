"""What the settings of ``[http]`` and the TLS of ``[ici]`` must be together."""

from __future__ import annotations

from collections.abc import Iterator

from ivr.config.settings import HttpSettings, IciSettings
from ivr.config.sip_check import authority_problems, is_host, pair_problems, unreadable


def http_problems(http: HttpSettings, ici: IciSettings) -> Iterator[tuple[str, str]]:
    """Every mistake: the setting with its table, and what is wrong and what to write instead."""
    for address in http.tls_listen:
        if not is_host(address.host):
            yield "http.tls_listen", f"{address.host!r} is no IP address; write one of this machine, or 0.0.0.0"
        if address.port and address == http.listen:
            yield "http.tls_listen", f"is {address}, where HTTP is listened on already; a usual port is 8443"
    files = {
        "http.tls_certificate": http.tls_certificate,
        "http.tls_key": http.tls_key,
        "http.tls_clients": http.tls_clients,
        "ici.callback_ca": ici.callback_ca,
    }
    bad = set()
    for key, path in files.items():
        if path is None:
            if http.tls_listen and key in ("http.tls_certificate", "http.tls_key"):
                bad.add(key)
                yield key, "is missing; tls_listen needs a certificate and its key, each a PEM file"
        elif why := unreadable(path):
            bad.add(key)
            yield key, f"{path} cannot be read: {why}; name a readable PEM file"
    if http.tls_certificate is not None and not bad & {"http.tls_certificate", "http.tls_key"}:
        for name, message in pair_problems(http.tls_certificate, http.tls_key):
            yield f"http.{name}", message
    for key in ("http.tls_clients", "ici.callback_ca"):
        authorities = files[key]
        if authorities is not None and key not in bad:
            yield from authority_problems(key, authorities)
    if http.tls_clients is not None and not http.tls_listen:
        yield "http.tls_clients", "asks for certificates, and there is no tls_listen to ask on; add one"
