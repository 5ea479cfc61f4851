"""From a host's name to a numeric address."""

from __future__ import annotations

import asyncio
import ipaddress
import socket


async def resolve(host: str) -> str:
    """The first IPv4 address of `host`, else the first IPv6 one. Raises OSError when there is none."""
    bare = host.strip("[]")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        pass
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(bare, None, type=socket.SOCK_DGRAM)
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    if not found:
        raise OSError(f"{host} has no address")
    return str(found[0][4][0])
