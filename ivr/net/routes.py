"""Which of this machine's addresses a peer is reached from."""

from __future__ import annotations

import ipaddress
import socket
from functools import lru_cache


@lru_cache(maxsize=4096)
def local_address_towards(host: str) -> str:
    """The numeric local address that routes to `host`, a numeric address.

    Connecting a UDP socket sends nothing and lets the kernel choose. Loopback where there is no route.
    """
    family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
        except OSError:
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"
        return str(probe.getsockname()[0])


def reaches(ours: str, host: str) -> bool:
    """Whether datagrams from our numeric address get to `host`: from loopback only to this machine's addresses,
    which are reached from themselves."""
    loopback = ipaddress.ip_address(ours).is_loopback and not ipaddress.ip_address(host).is_loopback
    return not loopback or local_address_towards(host) == host
