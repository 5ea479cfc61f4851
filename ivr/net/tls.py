"""Certificates from files, read again when the files change."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

logger = logging.getLogger(__name__)


class Certificates:
    """What we show to peers that connect, and what we believe of peers we connect to.

    The contexts stay the same objects for ever: a handshake that begins after a reload sees the new certificate,
    connections that are up keep theirs.
    """

    def __init__(
        self,
        certificate: Path | None = None,
        key: Path | None = None,
        ca: Path | None = None,
        *,
        clients: Path | None = None,
        shown_to_servers: bool = False,
    ) -> None:
        """`certificate` and `key` are PEM files, needed to listen; `ca` replaces the system's authorities. With
        `clients` whoever connects must show a certificate of those authorities; with `shown_to_servers` we show
        ours to a server that asks.

        Raises OSError or ssl.SSLError when a file cannot be read or used.
        """
        self._certificate = certificate
        self._key = key
        self.client = ssl.create_default_context(cafile=str(ca) if ca else None)
        """Proves names: who cannot show a certificate for the host that was asked for is not spoken to."""
        self.server: ssl.SSLContext | None = None
        if certificate is not None:
            self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.server.minimum_version = ssl.TLSVersion.TLSv1_2
            load(self.server, certificate, key)
            if clients is not None:
                self.server.verify_mode = ssl.CERT_REQUIRED
                self.server.load_verify_locations(clients)
            if shown_to_servers:
                load(self.client, certificate, key)
        self._shown_to_servers = shown_to_servers
        self._seen = self._stamp()

    def reload_if_changed(self) -> bool:
        """Whether there was something new that can be used. What cannot is logged, and the old one kept."""
        stamp = self._stamp()
        if self.server is None or self._certificate is None or stamp == self._seen:
            return False
        self._seen = stamp
        try:
            load(
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self._certificate, self._key
            )  # a trial: half a pair does harm
            load(self.server, self._certificate, self._key)
            if self._shown_to_servers:
                load(self.client, self._certificate, self._key)
        except (OSError, ssl.SSLError) as error:
            logger.error("certificate_not_reloaded file=%s why=%s", self._certificate, error)
            return False
        logger.info("certificate_reloaded file=%s", self._certificate)
        return True

    def _stamp(self) -> tuple[tuple[int, int, int], ...]:
        """What tells a file from the one that was there before."""
        stamps = []
        for path in (self._certificate, self._key):
            try:
                status = path.stat() if path else None
            except OSError:
                status = None
            stamps.append((status.st_mtime_ns, status.st_size, status.st_ino) if status else (0, 0, 0))
        return tuple(stamps)


def load(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    """A key with a pass phrase is an error and never asked for."""
    context.load_cert_chain(certificate, key, password=lambda: "")
