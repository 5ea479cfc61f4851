"""A captured trace played against an endpoint: the same requests in the same order, answers compared by shape."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from lxml import etree

from ivr.errors import IvrError
from ivr.ici.dialect import OK, Dialect, Operation, Service
from ivr.ici.switchboard import PhoneCallChanged
from ivr.ici.xml import children, local_name
from ivr.testing.crm_peer import CrmPeer
from ivr.testing.ici_probe import Probe, Reply
from ivr.testing.ici_reach import reach
from ivr.testing.ici_trace import Heard

ITEM_FIELDS: Final = ("itemId", "consultItemId", "otherItemId")
MAKE_ITEMS: Final = ("dial", "consult")
"""Operations that answer the id of a new item."""


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


@dataclass(slots=True)
class _Items:
    """Items of the trace and of now: for each agent the first is the first, the second the second."""

    captured: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Id in the trace to its agent, and how many that one had before."""
    live: dict[str, list[str]] = field(default_factory=dict)
    """Ids of now by agent, in the order they were heard of."""

    def capture(self, user: str, item_id: str) -> None:
        if item_id and item_id not in self.captured:
            self.captured[item_id] = user, sum(owner == user for owner, _ in self.captured.values())

    def see(self, user: str, item_id: str) -> None:
        known = self.live.setdefault(user, [])
        if item_id and item_id not in known:
            known.append(item_id)

    def now(self, item_id: str) -> str | None:
        """The id of now; None while there is none. One that the trace does not have stays what it is."""
        if item_id not in self.captured:
            return item_id
        user, place = self.captured[item_id]
        known = self.live.get(user, [])
        return known[place] if place < len(known) else None


async def replay_trace(
    trace: Iterable[Heard],
    url: str,
    dialect: Dialect,
    *,
    password: str = "",
    callback_host: str = "127.0.0.1",
    wait_for_call: float = 0.0,
    tls: ssl.SSLContext | None = None,
) -> list[Replayed]:
    """Play it. Callback addresses of the trace are replaced by one of ours, so that nobody else gets events, and
    ids of items by those that the same agent has now. `wait_for_call`: seconds for each such item to appear.
    `tls` for https.

    Raises IvrError when nothing of the dialect is at `url`, or it lets no agent of the trace in.
    """
    heard = list(trace)
    asked = [(place, one, *known) for place, one in enumerate(heard) if (known := _known(one, dialect))]
    await _reach(url, dialect, [_user(one, dialect) for _, one, *_ in asked], password, tls)
    items = _captured(heard, dialect)
    played = []
    async with CrmPeer(url, dialect=dialect, host=callback_host, tls=tls) as crm:
        for place, one, service, operation in asked:
            user = _user(one, dialect)
            before = etree.tostring(one.root)
            missing = await _put_items(one, operation, items, crm, wait_for_call)
            _put_callback(one, operation, crm.url)
            same_text = etree.tostring(one.root) == before
            raw = one.raw if same_text else etree.tostring(one.root, encoding="UTF-8", xml_declaration=True)
            async with Probe(url, dialect, user, password, tls=tls) as probe:
                reply = await probe.post(service.name, raw, operation.name)
            if operation.name in MAKE_ITEMS and reply.values is not None:
                items.see(user, str(reply.values.get(OK) or ""))
            same, why = _compare(_answer_to(heard, place), reply)
            if missing and same is False:
                why = f"{why}; {missing}"
            played.append(Replayed(operation.spelling, user, str(reply), same, why))
    return played


async def _reach(
    url: str, dialect: Dialect, users: Iterable[str], password: str, tls: ssl.SSLContext | None
) -> None:
    """One agent who is let in is enough: others may be strangers on purpose."""
    failures = []
    for user in dict.fromkeys(user for user in users if user):
        async with Probe(url, dialect, user, password, tls=tls) as probe:
            try:
                await reach(probe)
                return
            except IvrError as failure:
                failures.append(failure)
    if failures:
        raise failures[0]


# --- items ---------------------------------------------------------------------------------------------


def _captured(heard: list[Heard], dialect: Dialect) -> _Items:
    """The items of the trace: told by events, made by answers, or asked for without being refused."""
    items = _Items()
    told = dialect.services["IciEvent"].operations["phoneCallChanged"]
    for place, one in enumerate(heard):
        user, answer = _user(one, dialect), _answer_to(heard, place)
        if not one.is_answer and one.name in told.names:
            spelt = dialect.types["PhoneCall"][0].spelling
            for call in children(one.operation):
                for part in children(call):
                    if local_name(part) == spelt:
                        items.capture(user, (part.text or "").strip())
        elif (known := _known(one, dialect)) and answer is not None and answer.name != "Fault":
            for child in _items_in(one, known[1]):
                items.capture(user, (child.text or "").strip())
            if known[1].name in MAKE_ITEMS:
                items.capture(user, "".join(str(text) for text in answer.operation.itertext()).strip())
    return items


def _items_in(one: Heard, operation: Operation) -> list[etree._Element]:
    spelt = {field.spelling for field in operation.parameters if field.name in ITEM_FIELDS}
    return [child for child in children(one.operation) if local_name(child) in spelt]


async def _put_items(one: Heard, operation: Operation, items: _Items, crm: CrmPeer, within: float) -> str:
    """Put the ids of now into the request; empty, or what is missing for it."""
    deadline = time.monotonic() + within
    missing = ""
    for child in _items_in(one, operation):
        captured = (child.text or "").strip()
        while True:
            now = _seen(items, crm).now(captured)
            if now is not None or time.monotonic() >= deadline:
                break
            await asyncio.sleep(0.02)
        if now is None:
            user, place = items.captured[captured]
            missing = f"{user} has not had {place + 1} calls yet; dial the engine meanwhile (--call SECONDS)"
        else:
            child.text = now
    return missing


def _seen(items: _Items, crm: CrmPeer) -> _Items:
    for post in crm.posts:
        if isinstance(post.event, PhoneCallChanged):
            items.see(post.user, post.event.item.id)
    return items


# --- requests and answers ------------------------------------------------------------------------------


def _answer_to(heard: list[Heard], place: int) -> Heard | None:
    following = heard[place + 1] if place + 1 < len(heard) else None
    return following if following is not None and following.is_answer else None


def _known(one: Heard, dialect: Dialect) -> tuple[Service, Operation] | None:
    """The service that has the operation; of several the one whose namespace it is. None for all but requests."""
    if one.is_answer:
        return None
    said = [local_name(child) for child in children(one.operation)]
    found = [
        (service, operation)
        for service in dialect.services.values()
        if service.name != "IciEvent" and (operation := service.find(one.name, said))
    ]
    return next((pair for pair in found if pair[0].namespace == one.namespace), found[-1] if found else None)


def _user(one: Heard, dialect: Dialect) -> str:
    names = {dialect.header_element, *dialect.header_aliases}
    header = one.root[0] if len(one.root) > 1 else None
    found = (leaf for leaf in header.iter() if isinstance(leaf.tag, str)) if header is not None else iter(())
    return next(((leaf.text or "").strip() for leaf in found if local_name(leaf) in names), "")


def _put_callback(one: Heard, operation: Operation, url: str) -> None:
    addresses = {field.spelling for field in operation.parameters if field.name == "appUrl"}
    for child in children(one.operation):
        if local_name(child) in addresses:
            child.text = url


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
