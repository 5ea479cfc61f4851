"""What an adapter to somebody's system promises."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Protocol

from ivr.config.connectors import ONCE_KEY, Answered, Connector
from ivr.errors import IvrError, Problem
from ivr.store.replies import Reply


class ConnectorDown(IvrError):
    """The system cannot be reached, or talks nonsense. The text has no value of a caller in it."""


class ConnectorSlow(IvrError):
    """The system did not answer in time."""


class BadValue(IvrError):
    """A caller's value that cannot be asked about: no customer has it. The text names it and does not show it."""


class Adapter(Protocol):
    """One system. Methods run on the loop and never hold it up."""

    async def ask(self, answered: Answered, values: Mapping[str, object], key: str, limit: float) -> Reply:
        """Put one look-up. `key` is its idempotency key, empty if it has none; `limit` is in seconds.

        Raises ConnectorDown, ConnectorSlow, BadValue.
        """
        ...

    async def close(self) -> None: ...


def from_environment(variable: str) -> str:
    """A credential. Raises ConnectorDown naming the variable; `missing_variables` finds it before any call."""
    value = os.environ.get(variable, "")
    if not value:
        raise ConnectorDown(f"environment variable {variable} is not set")
    return value


def missing_variables(connector: Connector) -> list[Problem]:
    """What has to be put into the environment before this connector can be used."""
    return [
        Problem(connector.place or "connectors.yaml", message, where=f"connectors.{connector.name}")
        for variable in connector.variables
        if not os.environ.get(variable)
        for message in (f"environment variable {variable} is not set; set it before the engine is started",)
    ]


def value_text(values: Mapping[str, object], name: str, key: str) -> str:
    """The value of a template's hole as text: amounts as ``84.20``, days as ``2026-12-04``.

    Raises BadValue for one that is missing, or has signs no telephone number, name or account has.
    """
    if name == ONCE_KEY:
        return key
    value = values.get(name)
    if value is None or isinstance(value, Mapping | list | tuple):
        raise BadValue(f"the value {name} is not one text")
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    if not text.isprintable() or len(text) > 300:
        raise BadValue(f"the value {name} has signs in it that cannot be sent")
    return text
