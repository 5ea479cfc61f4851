"""A menu's questions, put to the customer store."""

from __future__ import annotations

import logging

from ivr.menu.events import LookUp, LookupEnded
from ivr.store.contracts import Customers

logger = logging.getLogger(__name__)


async def look_up(store: Customers, command: LookUp, call_id: str) -> LookupEnded:
    """Ask, and never raise: whatever goes wrong is the outcome ``down``."""
    try:
        result = await store.look_up(command.name, dict(command.values), key=command.key)
    except Exception as error:  # last line of defence: a fault behind the menu must not end a call
        logger.error("lookup_failed call=%s name=%s error=%s", call_id, command.name, type(error).__name__)
        return LookupEnded(command.lookup, "down")
    return LookupEnded(command.lookup, result.outcome, dict(result.values))
