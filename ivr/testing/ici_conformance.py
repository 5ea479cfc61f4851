"""An ICI endpoint of any maker against what SAP's side relies on: one finding for each thing that was tried.

The endpoint is called as SAP CRM calls it, and a callback server of our own listens to its events. Nothing is
changed that is not put back: the agent is logged on, and off again at the end. With a call (`wait_for_call`) the
items, capabilities and attached data of a real call are looked at too; somebody has to dial meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from lxml import etree

from ivr.errors import IvrError
from ivr.ici.dialect import Dialect, load
from ivr.testing.crm_peer import CrmPeer, CrmScreen, Mode, Post
from ivr.testing.ici_probe import Probe, Reply
from ivr.testing.ici_reach import reach

EVENT_WITHIN: Final = 10.0
"""Seconds an event may take."""
QUIET: Final = 0.5
"""Seconds without an event after which there is none."""
NOBODY: Final = "no-such-agent-4711"
NO_ITEM: Final = "no-such-item-4711"
SOAP_12: Final = b"http://www.w3.org/2003/05/soap-envelope"
SOAP_11: Final = b"http://schemas.xmlsoap.org/soap/envelope/"

Verdict = Literal["holds", "fails", "not tried"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    point: int
    """Of the list in the documentation of the ICI room: what SAP's side relies on."""
    title: str
    verdict: Verdict
    seen: str
    """What was seen, or what was seen instead."""

    def document(self) -> dict[str, Any]:
        return asdict(self)


class Wrong(Exception):
    """The endpoint did something else; the text says what."""


class Skipped(Exception):
    """This could not be tried; the text says why."""


class Conformance:
    """One run."""

    def __init__(
        self,
        url: str,
        user: str,
        *,
        password: str = "",
        dialect: str = "default",
        workcenter: str = "",
        callback_host: str = "127.0.0.1",
        wait_for_call: float = 0.0,
        tls: ssl.SSLContext | None = None,
        on_finding: Callable[[Finding], None] = lambda finding: None,
    ) -> None:
        """`wait_for_call`: seconds to wait for somebody to dial, 0 without what needs a call; `tls` for https."""
        self.dialect: Dialect = load(dialect)
        self.probe = Probe(url, self.dialect, user, password, tls=tls)
        self.crm = CrmPeer(url, dialect=self.dialect, host=callback_host, tls=tls)
        self.user, self.workcenter, self.wait_for_call = user, workcenter, wait_for_call
        self._password = password
        self._on_finding = on_finding
        self.screen: CrmScreen | None = None
        self.within = EVENT_WITHIN

    async def run(self, points: Iterable[Point]) -> list[Finding]:
        """Every finding, in order. Raises IvrError when the endpoint cannot be reached, does not speak the
        dialect or does not let the agent in: then every point would fail for the same reason."""
        findings = []
        async with self.probe, self.crm:
            await reach(self.probe)
            for point, title, check in points:
                finding = await self._try(point, title, check)
                findings.append(finding)
                self._on_finding(finding)
            await self.leave()
        return findings

    async def _try(self, point: int, title: str, check: Callable[[Conformance], Awaitable[str]]) -> Finding:
        try:
            return Finding(point, title, "holds", await check(self))
        except Skipped as why:
            return Finding(point, title, "not tried", str(why))
        except Wrong as wrong:
            return Finding(point, title, "fails", str(wrong))
        except TimeoutError:
            return Finding(point, title, "fails", f"nothing came within {self.within:g} seconds")
        except (IvrError, KeyError, TypeError, ValueError) as failure:
            return Finding(point, title, "fails", f"{type(failure).__name__}: {failure}"[:300])

    # --- what checks need ------------------------------------------------------------------------------

    async def ask(self, service: str, operation: str, **values: Any) -> dict[str, Any]:
        """The results. Raises Wrong for anything but an answer."""
        reply = await self.probe.call(service, operation, values)
        if reply.values is None or reply.status != 200:
            raise Wrong(f"{operation}: {reply}")
        return dict(reply.values)

    async def refused(
        self, service: str, operation: str, values: dict[str, Any], *, user: str | None = None
    ) -> Reply:
        return client_fault(operation, await self.probe.call(service, operation, values, user=user))

    async def log_on(self) -> CrmScreen:
        """The agent's screen, logged on if need be."""
        if self.screen is None:
            self.screen = await self.crm.log_on(self.user, self.workcenter, password=self._password)
        return self.screen

    async def log_on_anew(self) -> None:
        """After something that may have cost the subscription."""
        if self.screen is not None:
            with contextlib.suppress(IvrError):
                await self.screen.client.subscribe(self.workcenter)

    async def leave(self) -> None:
        self.crm.mode = Mode.ANSWERS
        screen, self.screen = self.screen, None
        if screen is not None:
            with contextlib.suppress(IvrError):
                await screen.client.unsubscribe()

    async def post_where(self, found: Callable[[Post], bool], *, after: int = 0) -> Post:
        """The first such event behind the first `after` ones."""
        deadline = time.monotonic() + self.within
        while time.monotonic() < deadline:
            for post in self.crm.posts[after:]:
                if found(post):
                    return post
            await asyncio.sleep(0.02)
        raise TimeoutError

    async def quiet(self) -> None:
        """Until no event has come for a while."""
        count = -1
        while count != len(self.crm.posts):
            count = len(self.crm.posts)
            await asyncio.sleep(QUIET)


def client_fault(what: str, reply: Reply) -> Reply:
    """The reply, if it is a fault that says the request was bad. Raises Wrong."""
    if reply.fault is None:
        raise Wrong(f"{what}: {reply}; needed is a soap:Fault")
    if reply.status not in (500, 401):
        raise Wrong(f"{what}: {reply}; a fault has HTTP 500 (SOAP 1.1 section 6.2)")
    if reply.fault_code not in ("Client", "VersionMismatch", "MustUnderstand"):
        raise Wrong(f"{what}: {reply}; needed is the faultcode Client")
    if not str(reply.fault).strip():
        raise Wrong(f"{what}: the fault has no text, and SAP shows nothing else")
    return reply


def parsed(raw: bytes) -> etree._Element:
    """XML of the endpoint. Raises Wrong."""
    try:
        return etree.fromstring(raw, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError) as mistake:
        raise Wrong(f"not well-formed XML: {mistake}") from None


Point = tuple[int, str, Callable[[Conformance], Awaitable[str]]]
"""Number, title, and the check: it says what it saw, or raises Wrong or Skipped."""
