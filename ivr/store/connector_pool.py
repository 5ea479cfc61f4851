"""All connectors in use: made at first use, given up while they do not answer, counted for `/health`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ivr.clock import Clock, SystemClock
from ivr.config.connectors import Answered, Connector
from ivr.errors import IvrError
from ivr.store.breaker import Breaker
from ivr.store.connector_contract import Adapter, BadValue, ConnectorSlow
from ivr.store.contracts import LookupResult
from ivr.store.replies import BadReply, Reply, result_of

UP_ALL_THE_SAME = frozenset({400, 405, 413, 414, 415})
"""Statuses about one request: the system is there, and the next caller may be luckier."""

logger = logging.getLogger(__name__)

Maker = Callable[[Connector], Adapter]


def make_adapter(connector: Connector) -> Adapter:
    """The adapter for a connector. Raises IvrError naming the extra to install when its library is missing."""
    match connector.kind:
        case "sql":
            from ivr.store.connector_sql import SqlAdapter

            return SqlAdapter(connector)
        case "soap":
            from ivr.store.connector_soap import SoapAdapter

            return SoapAdapter(connector)
        case "http":
            from ivr.store.connector_http import HttpAdapter

            return HttpAdapter(connector)
        case "odata":
            from ivr.store.connector_odata import OdataAdapter

            return OdataAdapter(connector)
    raise IvrError(f"no adapter for a connector of kind {connector.kind}")


@dataclass(slots=True)
class _Used:
    """One connector and how it has been doing."""

    adapter: Adapter
    breaker: Breaker
    answered: int = 0
    failed: int = 0
    spared: int = 0
    """Look-ups that were not sent because the breaker was open."""
    busy: int = 0
    last_failure: str = ""


@dataclass(slots=True)
class ConnectorPool:
    """Answers look-ups that are not the customer store's."""

    clock: Clock = field(default_factory=SystemClock)
    maker: Maker = make_adapter
    _used: dict[Connector, _Used] = field(default_factory=dict)
    _preparing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def look_up(
        self, answered: Answered, values: Mapping[str, object], *, key: str = "", limit: float
    ) -> LookupResult:
        """Ask and never raise: whatever goes wrong is ``slow`` or ``down``. `limit` is the menu's, in seconds.

        No value and nothing of the answer is logged, whatever the level.
        """
        connector = answered.connector
        try:
            used = self._used.get(connector) or await self._prepared(connector)
        except IvrError as error:
            logger.error("connector_unusable connector=%s why=%r", connector.name, str(error))
            return LookupResult("down")
        ticket = used.breaker.enter(self.clock.monotonic())
        if ticket is None:
            used.spared += 1
            return LookupResult("down")
        used.busy += 1
        try:
            result, why, failed = await self._ask(used.adapter, answered, values, key, min(limit, connector.limit))
        except BaseException:
            used.breaker.left(ticket)
            raise
        finally:
            used.busy -= 1
        self._note(connector, used, ticket, result, why, failed)
        return result

    async def _ask(
        self, adapter: Adapter, answered: Answered, values: Mapping[str, object], key: str, limit: float
    ) -> tuple[LookupResult, str, bool]:
        """The result, why it went wrong (text without a value in it), and whether the system is to blame."""
        try:
            async with asyncio.timeout(limit):
                reply: Reply = await adapter.ask(answered, values, key, limit)
            result = result_of(reply, answered)
        except BadValue:
            return LookupResult("not_found"), "", False
        except (TimeoutError, ConnectorSlow):
            return LookupResult("slow"), "no answer in time", True
        except BadReply as error:
            return LookupResult("down"), f"a reply that does not fit: {error}", False
        except IvrError as error:
            return LookupResult("down"), str(error), True
        except Exception as error:  # a library's fault; its text may quote what was sent
            return LookupResult("down"), f"{type(error).__name__} in the adapter", True
        if result.outcome not in ("slow", "down"):
            return result, "", False
        return result, f"status {reply.status} {reply.code}".strip(), reply.status not in UP_ALL_THE_SAME

    def _note(
        self, connector: Connector, used: _Used, ticket: int, result: LookupResult, why: str, failed: bool
    ) -> None:
        if why:
            used.last_failure = why
            logger.warning("connector_failed connector=%s outcome=%s why=%r", connector.name, result.outcome, why)
        used.failed += bool(why)
        used.answered += not why
        if not failed:
            if used.breaker.answered(ticket):
                logger.warning("breaker_closed connector=%s", connector.name)
        elif used.breaker.failed(ticket, self.clock.monotonic()):
            breaker = used.breaker
            logger.error(
                "breaker_opened connector=%s failures=%d rest=%g", connector.name, breaker.failures, breaker.rest
            )

    async def _prepared(self, connector: Connector) -> _Used:
        """In a thread, as loading a library takes a while; once, however many ask."""
        async with self._preparing:
            return await asyncio.to_thread(self.prepare, connector)

    def prepare(self, connector: Connector) -> _Used:
        """The connector's adapter, made now if need be. Raises IvrError when it cannot be."""
        used = self._used.get(connector)
        if used is None:
            breaking = connector.breaking
            used = _Used(self.maker(connector), Breaker(breaking.after, breaking.rest))
            self._used[connector] = used
        return used

    def state(self) -> dict[str, dict[str, object]]:
        """For `/health`, by the connector's name. With two versions of a connector the newer is told."""
        return {
            connector.name: {
                "kind": connector.kind,
                "breaker": str(used.breaker.state),
                "failures_in_a_row": used.breaker.failures,
                "opened": used.breaker.opened,
                "answered": used.answered,
                "failed": used.failed,
                "spared": used.spared,
                "busy": used.busy,
                "last_failure": used.last_failure,
            }
            for connector, used in self._used.items()
        }

    async def close(self) -> None:
        for used in self._used.values():
            await used.adapter.close()
        self._used.clear()
