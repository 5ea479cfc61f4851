"""A captured trace played against an endpoint: the same requests in the same order, answers compared by shape."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from lxml import etree

from ivr.ici.dialect import Dialect, Operation, Service
from ivr.ici.xml import children, local_name
from ivr.testing.crm_peer import CrmPeer
from ivr.testing.ici_probe import Probe, Reply
from ivr.testing.ici_trace import Heard


@dataclass(frozen=True, slots=True)
class Replayed:
    """One request of the trace."""

    operation: str
    user: str
    seen: str
    same: bool | None
    """Whether the answer has the shape of the captured one; None where the trace has none."""
    why: str = ""

    def document(self) -> dict[str, Any]:
        return asdict(self)


async def replay_trace(
    trace: Iterable[Heard], url: str, dialect: Dialect, *, password: str = "", callback_host: str = "127.0.0.1"
) -> list[Replayed]:
    """Play it. Callback addresses of the trace are replaced by one of ours, so that nobody else gets events."""
    heard = list(trace)
    played = []
    async with CrmPeer(url, dialect=dialect, host=callback_host) as crm:
        for place, one in enumerate(heard):
            known = None if one.is_answer else _known(one, dialect)
            if known is None:
                continue
            service, operation = known
            user = _user(one, dialect)
            raw = _with_callback(one, operation, crm.url)
            async with Probe(url, dialect, user, password) as probe:
                reply = await probe.post(service.name, raw, operation.name)
            following = heard[place + 1] if place + 1 < len(heard) and heard[place + 1].is_answer else None
            same, why = _compare(following, reply)
            played.append(Replayed(operation.spelling, user, str(reply), same, why))
    return played


def _known(one: Heard, dialect: Dialect) -> tuple[Service, Operation] | None:
    """The service that has the operation; of several the one whose namespace it is."""
    found = [
        (service, operation)
        for service in dialect.services.values()
        if service.name != "IciEvent" and (operation := service.find(one.name))
    ]
    return next((pair for pair in found if pair[0].namespace == one.namespace), found[0] if found else None)


def _user(one: Heard, dialect: Dialect) -> str:
    names = {dialect.header_element, *dialect.header_aliases}
    header = one.root[0] if len(one.root) > 1 else None
    found = (leaf for leaf in header.iter() if isinstance(leaf.tag, str)) if header is not None else iter(())
    return next(((leaf.text or "").strip() for leaf in found if local_name(leaf) in names), "")


def _with_callback(one: Heard, operation: Operation, url: str) -> bytes:
    addresses = {field.spelling for field in operation.parameters if field.name == "appUrl"}
    changed = False
    for child in children(one.operation):
        if local_name(child) in addresses:
            child.text, changed = url, True
    return etree.tostring(one.root, encoding="UTF-8", xml_declaration=True) if changed else one.raw


def _compare(captured: Heard | None, reply: Reply) -> tuple[bool | None, str]:
    if captured is None:
        return None, ""
    if captured.name == "Fault":
        return (True, "") if reply.fault else (False, "the trace has a fault here")
    if reply.fault:
        return False, "the trace has an answer here"
    if reply.values is None:
        return False, reply.problem
    said = {name for name, value in reply.values.items() if value not in (None, [])}
    return True, "" if said else "the answer is empty"
