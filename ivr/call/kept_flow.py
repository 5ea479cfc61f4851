"""The way to a telephone as it is kept through a restart: plain values, fit for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from ivr.sip.events import Flow


def flow_document(flow: Flow) -> dict[str, Any]:
    return {"transport": flow.transport, "local": list(flow.local), "remote": list(flow.remote)}


def read_flow(document: Mapping[str, Any]) -> Flow:
    """Connections have not survived: a telephone that has one will open another, or is called at its contact.

    Raises KeyError, TypeError or ValueError for what is no flow.
    """
    transport = document["transport"]
    if transport not in ("udp", "tcp", "tls"):
        raise ValueError(transport)
    kind = cast(Literal["udp", "tcp", "tls"], transport)
    (local_host, local_port), (host, port) = document["local"], document["remote"]
    return Flow(kind, (str(local_host), int(local_port)), (str(host), int(port)))
