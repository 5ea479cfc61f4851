"""A menu's questions, put to whoever answers them: the customer store, or a connector."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from ivr.config.connectors import Answered
from ivr.errors import IvrError, Problem, SettingsError
from ivr.menu.events import LookUp, LookupEnded
from ivr.menu.model import Menu
from ivr.store.connector_contract import missing_variables
from ivr.store.connector_pool import ConnectorPool
from ivr.store.contracts import Customers, LookupResult

logger = logging.getLogger(__name__)


async def look_up(
    store: Customers,
    command: LookUp,
    call_id: str,
    *,
    answered: Mapping[str, Answered] | None = None,
    connectors: ConnectorPool | None = None,
) -> LookupEnded:
    """Ask, and never raise: whatever goes wrong is the outcome ``down``.

    `answered` says who is asked; a look-up that is not in it is the customer store's, under its own name.
    """
    by = (answered or {}).get(command.name)
    try:
        result = await _ask(store, command, by, connectors)
    except Exception as error:  # last line of defence: a fault behind the menu must not end a call
        logger.error("lookup_failed call=%s name=%s error=%s", call_id, command.name, type(error).__name__)
        return LookupEnded(command.lookup, "down")
    return LookupEnded(command.lookup, result.outcome, dict(result.values))


async def _ask(
    store: Customers, command: LookUp, by: Answered | None, connectors: ConnectorPool | None
) -> LookupResult:
    if by is None or by.connector.kind == "sqlite":
        operation = by.operation if by else command.name
        return await store.look_up(operation, dict(command.values), key=command.key)
    if connectors is None:
        raise IvrError(f"nobody connects to {by.connector.name}")
    return await connectors.look_up(by, command.values, key=command.key, limit=command.limit)


def open_connectors(menu: Menu, connectors: ConnectorPool) -> None:
    """Load what the menu's connectors are made of, so that no call waits for it. Blocks for a moment.

    Raises SettingsError with every environment variable and every library that is missing.
    """
    problems: list[Problem] = []
    for connector in dict.fromkeys(by.connector for by in menu.answered.values()):
        if connector.kind == "sqlite":
            continue
        missing = missing_variables(connector)
        problems += missing
        try:
            if not missing:
                connectors.prepare(connector)
        except IvrError as error:
            problems.append(Problem(connector.place, str(error), where=f"connectors.{connector.name}"))
    if problems:
        raise SettingsError(problems)
