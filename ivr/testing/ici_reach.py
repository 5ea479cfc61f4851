"""Whether an ICI endpoint is there, speaks this dialect and lets this agent in: asked once, before all else."""

from __future__ import annotations

from typing import Final

from ivr.errors import IvrError
from ivr.ici.dialect import available, load
from ivr.testing.ici_probe import Probe, Reply

HARMLESS: Final = (("IciUser", "getWorkmodes"), ("IciSystem", "exchangeProductInformation"))
"""What is asked: neither changes anything."""
STRANGE: Final = ("ICI-NOT-SUPPORTED", "ICI-FAULT")
"""Faults that may mean that the endpoint does not know the operation by this name."""


async def reach(probe: Probe) -> None:
    """Raises IvrError saying what is in the way and what to do about it."""
    strange: list[Reply] = []
    for service, operation in HARMLESS:
        values = {"userId": probe.user, "productName": "ivr", "productVersion": "1"}
        reply = await probe.call(service, operation, values)
        where = f"{probe.url}/{probe.dialect.services[service].spelling}"
        if reply.status == 401 or (reply.fault is not None and reply.fault.code == "ICI-AUTH"):
            remedy = "check the password" if probe.has_password else "give the agent's password with --password -"
            raise IvrError(f"{where} does not let {probe.user} in ({reply}); {remedy}")
        if reply.fault is not None and reply.fault.code == "ICI-UNKNOWN-USER":
            raise IvrError(f"{where}: {reply.fault}; take an agent that the endpoint knows")
        if reply.fault is None and reply.values is None:
            raise IvrError(f"{where} answered HTTP {reply.status}, which is no SOAP; {await _advice(probe)}")
        if reply.fault is None or reply.fault.code not in STRANGE:
            return
        strange.append(reply)
    raise IvrError(
        f"{probe.url} does not speak the dialect {probe.dialect.name}: {strange[0]}; {await _advice(probe)}"
    )


async def _advice(probe: Probe) -> str:
    for name in available():
        spelling = load(name).services["IciUser"].spelling
        if spelling != probe.dialect.services["IciUser"].spelling:
            status, body = await probe.get(f"{spelling}?wsdl")
            if status == 200 and b"definitions" in body:
                return f"there is one of the dialect {name}: --dialect {name}"
    return f"check the address (our own engine's ends in /ici) and --dialect ({', '.join(available())}, or a file)"
