"""What the domain name system says: NAPTR and SRV by dnspython, addresses by the system's own way.

The system's way reads the hosts file and whatever else the machine is set up for. Of NAPTR and SRV it knows
nothing.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence

import dns.asyncresolver
import dns.exception
import dns.rdtypes.IN.NAPTR
import dns.rdtypes.IN.SRV
import dns.resolver

LIFETIME = 2.0
"""Seconds a question may take, with every name server that is asked."""
SILENT_FOR = 30.0
"""Seconds for which records are not asked for after name servers have been silent: a call cannot wait for each."""
ADDRESSES_WITHIN = 4.0
"""Seconds for the addresses of a host."""
KEPT = 1000
"""Answers kept, each as long as it says itself."""
logger = logging.getLogger(__name__)


class Names:
    """Asks, and keeps answers as long as they say they are good. A name without records is no error."""

    def __init__(self, servers: Sequence[tuple[str, int]] = ()) -> None:
        """`servers` are numeric addresses with ports; those of the machine when left out."""
        self._resolver: dns.asyncresolver.Resolver | None = None
        try:
            self._resolver = dns.asyncresolver.Resolver(configure=not servers)
        except (dns.exception.DNSException, OSError) as error:  # no resolv.conf: addresses still work
            logger.info("no_name_servers why=%s", error)
            return
        if servers:
            self._resolver.nameservers = [host for host, _ in servers]
            self._resolver.nameserver_ports = dict(servers)
        self._resolver.lifetime = LIFETIME
        self._resolver.cache = dns.resolver.LRUCache(KEPT)
        self._silent_until = 0.0

    async def naptr(self, name: str) -> list[tuple[int, int, str, str]]:
        """Order, preference, service and replacement of each record that leads to SRV records (flag ``s``)."""
        found = []
        for record in await self._records(name, "NAPTR"):
            assert isinstance(record, dns.rdtypes.IN.NAPTR.NAPTR)
            if record.flags.lower() == b"s":
                replacement = record.replacement.to_text(omit_final_dot=True)
                found.append(
                    (record.order, record.preference, record.service.decode("ascii", "replace"), replacement)
                )
        return found

    async def srv(self, name: str) -> list[tuple[int, int, int, str]]:
        """Priority, weight, port and host of each; the host ``.`` says that the service is not there."""
        found = []
        for record in await self._records(name, "SRV"):
            assert isinstance(record, dns.rdtypes.IN.SRV.SRV)
            host = record.target.to_text(omit_final_dot=True) or "."
            found.append((record.priority, record.weight, record.port, host))
        return found

    async def addresses(self, host: str) -> list[str]:
        """Numeric, IPv4 before IPv6; none when there is no such host."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(ADDRESSES_WITHIN):
                found = await loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError, TimeoutError) as error:
            logger.info("name_not_found host=%s why=%s", host, error or "no answer in time")
            return []
        found.sort(key=lambda entry: entry[0] != socket.AF_INET)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    async def _records(self, name: str, kind: str) -> list[object]:
        loop = asyncio.get_running_loop()
        if self._resolver is None or loop.time() < self._silent_until:
            return []
        try:
            return list(await self._resolver.resolve(name, kind, raise_on_no_answer=False, search=False))
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.exception.Timeout, dns.resolver.NoNameservers) as error:
            self._silent_until = loop.time() + SILENT_FOR
            logger.warning("name_servers_silent asked=%s kind=%s why=%s", name, kind, error)
            return []
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            logger.info("name_not_asked name=%s kind=%s why=%s", name, kind, error)
            return []
