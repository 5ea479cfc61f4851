"""A listening TCP socket that lets in no more of one source than there are places for it, and few unproved ones.

`asyncio`'s own server accepts everybody and speaks of a TLS connection only when its handshake is done: until
then nobody counts it, and a thousand that never finish would cost as much as a thousand telephones.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

Address = tuple[str, int]
BACKLOG = 100
HALF_OPEN = 200
"""TLS handshakes under way at once; then the oldest of them makes room."""
HALF_OPEN_OF_SOURCE = 20
HANDSHAKE_TIMEOUT = 10.0
"""Seconds a peer that connects has to finish its TLS handshake."""
SHUTDOWN_TIMEOUT = 2.0
"""Seconds a peer has to say that it closes TLS too."""
QUIET = 60.0
"""Seconds in which the same refusal of the same source is told once."""
TOLD = 256
"""Refusals remembered for that."""
REMEDIES = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it has to show a certificate of one of our authorities for clients",
    "CERTIFICATE_VERIFY_FAILED": "its certificate has to be of one of our authorities for clients, and in date",
    "HTTP_REQUEST": "it speaks http to the port of https; let it use https, or the other port",
    "UNSUPPORTED_PROTOCOL": "let it use TLS 1.2 or newer",
    "TLSV1_ALERT_UNKNOWN_CA": "let it believe the authority of our certificate",
}
"""By the reason that OpenSSL gives."""
OUT_OF_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
PAUSE = 1.0
"""Seconds until the next try when the machine has no room for another socket."""
logger = logging.getLogger(__name__)


class Place:
    """What one connection takes of its source's share."""

    __slots__ = ("_places", "_source")

    def __init__(self, places: Places, source: str) -> None:
        self._places: Places | None = places
        self._source = source

    def leave(self) -> None:
        """It is free again. Safe to say twice."""
        places, self._places = self._places, None
        if places is not None:
            places.free(self._source)


@dataclass(slots=True)
class Places:
    """How many connections each source has that came to us."""

    most: int = 100
    """Of one source."""
    exempt: frozenset[str] = frozenset()
    """Numeric addresses that may have any number."""
    source_of: Callable[[str], str] = str
    """From a numeric address to the name of its source."""
    refused: int = 0
    """Connections closed because their source had no place left."""
    _taken: Counter[str] = field(default_factory=Counter)

    def enter(self, host: str) -> Place | None:
        """A place, if there is one."""
        source = self.source_of(host)
        if self._taken[source] >= self.most and host not in self.exempt:
            self.refused += 1
            return None
        self._taken[source] += 1
        return Place(self, source)

    def free(self, source: str) -> None:
        self._taken[source] -= 1
        if self._taken[source] <= 0:
            del self._taken[source]


Welcome = Callable[[Address, Place], asyncio.Protocol]


class Door:
    """Accepts on one address. `welcome` makes the protocol of a connection, which frees its place at the end."""

    def __init__(
        self,
        sock: socket.socket,
        places: Places,
        welcome: Welcome,
        context: ssl.SSLContext | None,
    ) -> None:
        self._socket = sock
        self._places = places
        self._welcome = welcome
        self._context = context
        self._half_open: dict[asyncio.Task[None], str] = {}
        """By whom; in the order they came."""
        self._told: dict[tuple[str, str], float] = {}
        """Refused TLS: source and reason, and until when that is known."""
        self._pause: asyncio.TimerHandle | None = None
        name = sock.getsockname()
        self.address: Address = (name[0], name[1])
        asyncio.get_running_loop().add_reader(sock.fileno(), self._accept)

    @classmethod
    async def open(
        cls,
        host: str,
        port: int,
        places: Places,
        welcome: Welcome,
        context: ssl.SSLContext | None = None,
    ) -> Door:
        """``::`` is IPv6 alone. Raises OSError when the address cannot be bound."""
        loop = asyncio.get_running_loop()
        family, _, _, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[0]
        sock = socket.create_server(address[:2], family=family, backlog=BACKLOG)
        sock.setblocking(False)
        return cls(sock, places, welcome, context)

    def close(self) -> None:
        """Let nobody in any more. Harmless when it is closed already."""
        if self._socket.fileno() < 0:
            return
        if self._pause is not None:
            self._pause.cancel()
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()
        for task in self._half_open:
            task.cancel()

    def _accept(self) -> None:
        for _ in range(BACKLOG):
            try:
                sock, address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in OUT_OF_FILES:
                    raise
                self._rest(error)
                return
            self._let_in(sock, address[0])

    def _rest(self, error: OSError) -> None:
        logger.error("tcp_no_room address=%s:%d why=%s", *self.address, error.strerror)
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket.fileno())
        self._pause = loop.call_later(PAUSE, loop.add_reader, self._socket.fileno(), self._accept)

    def _let_in(self, sock: socket.socket, host: str) -> None:
        sock.setblocking(False)
        place = self._places.enter(host) if self._has_room_to_prove(host) else None
        if place is None:
            sock.close()
            return
        task = asyncio.get_running_loop().create_task(self._greet(sock, host, place))
        self._half_open[task] = host
        task.add_done_callback(lambda done: self._half_open.pop(done, None))

    def _has_room_to_prove(self, host: str) -> bool:
        if self._context is None:
            return True
        source = self._places.source_of(host)
        mine = sum(self._places.source_of(other) == source for other in self._half_open.values())
        if mine >= HALF_OPEN_OF_SOURCE and host not in self._places.exempt:
            self._places.refused += 1
            return False
        if len(self._half_open) >= HALF_OPEN:
            self._places.refused += 1
            oldest = next(iter(self._half_open))
            self._half_open.pop(oldest)
            oldest.cancel()
        return True

    async def _greet(self, sock: socket.socket, host: str, place: Place) -> None:
        opened = False
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._welcome(self.address, place),
                sock,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT if self._context else None,
                ssl_shutdown_timeout=SHUTDOWN_TIMEOUT if self._context else None,
            )
            opened = True
        except ssl.SSLError as error:
            self._tell_refused(host, error)
        except (OSError, TimeoutError) as error:
            logger.debug("tcp_not_opened remote=%s why=%s", host, error)
        finally:
            if not opened:
                place.leave()
                with suppress(OSError):
                    sock.close()

    def _tell_refused(self, host: str, error: ssl.SSLError) -> None:
        """One line for each source and reason within `QUIET`, so that nobody fills the log."""
        reason = error.reason or str(error)
        now, key = asyncio.get_running_loop().time(), (self._places.source_of(host), reason)
        if now < self._told.get(key, now):
            return
        if len(self._told) >= TOLD:
            self._told.clear()
        self._told[key] = now + QUIET
        detail = getattr(error, "verify_message", "")
        why = f"{reason}: {detail}" if detail else reason
        logger.warning(
            "tls_refused address=%s:%d remote=%s why=%r remedy=%r",
            *self.address,
            host,
            why,
            REMEDIES.get(reason, "compare certificates, authorities and TLS versions of both sides"),
        )
