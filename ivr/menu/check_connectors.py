"""What a menu asks of a look-up against what ``connectors.yaml`` makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ivr.config.connectors import ONCE_KEY, Answered, Body
from ivr.config.operations import OPERATIONS
from ivr.config.templates import names
from ivr.errors import Problem
from ivr.menu.connector_file import ConnectorFile
from ivr.menu.model import DataSource, Menu
from ivr.menu.schema import meant

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)\b", re.IGNORECASE)
_QUOTED = re.compile(r"'(?:[^']|'')*'")


def check_connectors(menu: Menu, file: ConnectorFile, path: str) -> Iterator[Problem]:
    """A look-up takes values the menu hands over, and gives all that the menu counts on."""
    for name, source in menu.data.items():
        answered = file.lookups.get(name)
        if answered is not None:
            for message in _mistakes(answered, source, menu.secrets, unsure=name in file.unsure):
                yield Problem(path, f"{message} (data: of {menu.path})", answered.line, 1, name)


def _mistakes(answered: Answered, source: DataSource, secrets: frozenset[str], *, unsure: bool) -> Iterator[str]:
    if answered.connector.kind == "sqlite":
        operation = OPERATIONS.get(answered.operation)
        if operation is None:
            return
        takes, gives = frozenset(operation.needs), operation.gives
        for value in sorted(set(operation.secret) & set(source.needs) - source.secret - secrets):
            yield f"takes the secret {value!r}, which the menu would write down; add secret: [{value}] [secret]"
    else:
        takes, gives = used_values(answered), answered.values
    for value in sorted(takes - set(source.needs) - {ONCE_KEY}):
        yield f"takes {value!r}, which the menu does not hand over{meant(value, source.needs)}; add it to needs:"
    for value in source.gives:
        if value not in gives and not unsure:
            yield f"does not give {value!r}, which the menu counts on{meant(value, gives)}"
    if source.once and answered.connector.kind == "sql":
        yield "is done once, but databases are only read; answer it by another connector"


def used_values(answered: Answered) -> frozenset[str]:
    """Values that the request is made of."""
    found = set(_PARAMETER.findall(_QUOTED.sub("", answered.read)))
    for template in (answered.path, answered.filter, *_texts(answered.body)):
        found |= names(template)
    for pairs in (answered.key, answered.query, answered.headers):
        for _, template in pairs:
            found |= names(template)
    return frozenset(found)


def _texts(body: Body) -> Iterator[str]:
    for _, value in body:
        if isinstance(value, str):
            yield value
        else:
            yield from _texts(value)
